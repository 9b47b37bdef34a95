"""`hermes-sharegpt` and `hermes-batch`: the training samples that hermes-agent saves.

A line (or a pretty-printed file) is a run: `{"conversations": [{"from", "value"}], …}`, with calls,
results and reasoning between tags in the text. The exporter loses information: the system turn is
its own, not the prompt that the model saw; calls have no ids; arguments that were not JSON are
`{}`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.declared_tools import tool_specs, tools_in_text
from hermes_tui.formats.dialects.hermes_compaction import is_summary
from hermes_tui.formats.dialects.hermes_messages import (
    cut_before,
    excerpt_of,
    is_nudge,
    missing_replies,
    normalised,
)
from hermes_tui.formats.fields import (
    as_dict,
    details_of,
    group_of,
    label,
    model_of,
    mostly,
    without_falsy,
)
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.formats.message_parts import with_findings
from hermes_tui.formats.outcomes import outcome_of
from hermes_tui.formats.own_exports import is_export, outcome_of_export
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.messages import ToolCall, ToolSpec
from hermes_tui.parsers.measures import timestamp
from hermes_tui.parsers.normalise import Normalised, TextCalls

_TEXT_MARKS = ("<tool_call>", "<tool_response>", "<think>")
_EXPORTER_PROMPT = "You are a function calling AI model."
_BATCH_KEYS = ("tool_stats", "toolsets_used", "tool_error_counts", "compression_metrics")
_OWN_KEYS = ("conversations", "model", "query", "tools", "system", "tool_stats")
_TURNS_SNIFFED = 20
_NOT_IN_FILE = (
    "runs without any reasoning and runs that raised; a merged trajectories.jsonl also lacks the "
    "runs that called a tool which does not exist (they are in batch_*.jsonl)"
)


class HermesSharegpt:
    """Reads the samples of `save_trajectories`, `--save_sample` and the mini-swe runner."""

    name = "hermes-sharegpt"
    summary = "hermes-agent trajectory samples: conversations with <tool_call> and <think> in text"

    def sniff(self, sample: Sample) -> Match | None:
        row = sample.first_object()
        if not _is_sharegpt(row):
            return None
        if is_export(as_dict(row.get("metadata"))):
            return Match(0.95, Unit.RUNS)
        if "completed" in row and ("timestamp" in row or "metadata" in row):
            return Match(0.95, Unit.RUNS)
        if "timestamp" in row and "model" in row:
            return Match(0.95, Unit.RUNS)
        if any(mark in text for text in _texts(row) for mark in _TEXT_MARKS):
            return Match(0.85, Unit.RUNS)
        return None

    def read(self, value: Any, build: RunBuilder) -> None:
        _read_row(value, build)


class HermesBatch:
    """Reads the lines of batch_runner and of the trajectory compressor."""

    name = "hermes-batch"
    summary = (
        "hermes-agent batch_runner output, also compressed: conversations with tool statistics"
    )

    def sniff(self, sample: Sample) -> Match | None:
        row = sample.first_object()
        if _is_sharegpt(row) and any(key in row for key in _BATCH_KEYS):
            return Match(0.97, Unit.RUNS)
        return None

    def read(self, value: Any, build: RunBuilder) -> None:
        _read_row(value, build)


def _is_sharegpt(row: dict[str, Any]) -> bool:
    turns = row.get("conversations")
    return isinstance(turns, list) and mostly(turns[:_TURNS_SNIFFED], _is_turn)


def _is_turn(turn: Any) -> bool:
    return isinstance(turn, dict) and "from" in turn and "value" in turn


def _texts(row: dict[str, Any]) -> Iterator[str]:
    for turn in row["conversations"][:_TURNS_SNIFFED]:
        text = turn.get("value") if isinstance(turn, dict) else None
        if isinstance(text, str):
            yield text


def _read_row(row: Any, build: RunBuilder) -> None:
    turns = decode_if_json(row.get("conversations")) if isinstance(row, dict) else None
    if not isinstance(row, dict) or not isinstance(turns, list):
        build.defect("no list of conversations in this record", excerpt_of(row))
        return
    tools = _declared_tools(row, turns)
    metadata = as_dict(row.get("metadata"))
    index = label(row, "prompt_index")
    build.start(
        run_id=f"prompt {index}" if index else label(row, "id"),
        task=label(row, "query") or _first_question(turns),
        model=model_of(row) or model_of(metadata),
        tools=tools,
        group_id=group_of(metadata if is_export(metadata) else row),
        details=_details(row),
        diagnostics=_partial_finding(row) + _missing_reply_findings(row, turns),
    )
    if isinstance(row.get("system"), str) and row["system"]:
        build.message({"role": "system", "content": row["system"]}, pointer="/system")
    by_name = {tool.name: tool for tool in tools or ()}

    def append(number: int, turn: Any, pointer: str) -> None:
        previous = turns[number - 1] if number else None
        build.append(_turn(turn, previous, by_name), pointer)

    build.append_each(turns, "/conversations", append, TextCalls.TRANSPORT)
    _end(row, metadata, build)


def _turn(turn: Any, previous: Any, tools: dict[str, ToolSpec]) -> Normalised:
    speaker = turn.get("from") if isinstance(turn, dict) else None
    text = turn.get("value") if isinstance(turn, dict) else None
    if speaker == "system":
        from_exporter = isinstance(text, str) and text.startswith(_EXPORTER_PROMPT)
        flags = ("exporter's prompt",) if from_exporter else ()
        parts = normalised(turn, text_calls=TextCalls.IGNORE, flags=flags)
        return with_findings(parts, *cut_before(text))
    if speaker in ("human", "user"):
        # The exporter writes the query itself and does not always skip the one in the history.
        flags = ("doubled",) if turn == previous else ("injected",) if is_nudge(text) else ()
        parts = normalised(turn, text_calls=TextCalls.IGNORE, flags=flags)
        return with_findings(parts, *cut_before(text))
    parts = normalised(turn, text_calls=TextCalls.TRANSPORT)
    if all(call.arguments != {} for call, _ in parts.calls):
        return parts
    calls = tuple((call, found + _lost_arguments(call, tools)) for call, found in parts.calls)
    return parts._replace(calls=calls)


def _lost_arguments(call: ToolCall, tools: dict[str, ToolSpec]) -> tuple[Diagnostic, ...]:
    """Return a finding if a call has `{}` although its tool requires arguments: they were lost."""
    if call.arguments != {}:
        return ()
    tool = tools.get(call.name or "")
    schema = tool.parameters if tool is not None else None
    required = schema.get("required") if isinstance(schema, dict) else None
    if not isinstance(required, list) or not required:
        return ()
    names = ", ".join(str(name)[:80] for name in required[:5] if isinstance(name, str))
    return (
        Diagnostic(
            Code.ARGS_INVALID,
            Severity.WARNING,
            f"arguments are {{}} although {call.name} requires {names}: "
            "hermes-agent writes {} for arguments that were not JSON",
            hint="state.db and session files keep the exact text",
            call_index=call.index,
        ),
    )


def _declared_tools(row: dict[str, Any], turns: list[Any]) -> tuple[ToolSpec, ...] | None:
    declared = tool_specs(row.get("tools"))
    if declared is not None:
        return declared
    first = turns[0] if turns and isinstance(turns[0], dict) else {}
    text = first.get("value") if first.get("from") == "system" else row.get("system")
    return tools_in_text(text) if isinstance(text, str) else None


def _first_question(turns: list[Any]) -> str:
    for turn in turns:
        if isinstance(turn, dict) and turn.get("from") in ("human", "user"):
            return label(turn, "value")
    return ""


def _details(row: dict[str, Any]) -> dict[str, Any]:
    details = details_of(row, without=_OWN_KEYS)
    # Every tool known to the writer is listed; those that were never called are left out.
    stats = row.get("tool_stats")
    if isinstance(stats, dict):
        details["tool_stats"] = {
            name: counts
            for name, counts in stats.items()
            if isinstance(counts, dict) and any(counts.values())
        }
    errors = row.get("tool_error_counts")
    if isinstance(errors, dict):
        details["tool_error_counts"] = without_falsy(errors)
    if isinstance(stats, dict) and "prompt_index" in row:
        details["not_in_this_file"] = _NOT_IN_FILE
    return details


def _partial_finding(row: dict[str, Any]) -> tuple[Diagnostic, ...]:
    if row.get("partial") is not True:
        return ()
    return (
        Diagnostic(
            Code.TRUNCATED,
            Severity.WARNING,
            "hermes-agent gave up on the run (partial): its tool calls were invalid several times, "
            "its replies were cut, or the context was too long",
            hint="unusable replies are not in this file; the agent's log says why",
        ),
    )


def _missing_reply_findings(row: dict[str, Any], turns: list[Any]) -> tuple[Diagnostic, ...]:
    """Return a finding if more requests were counted than the run holds replies."""
    if row.get("partial") is True:
        return ()
    objects = [turn for turn in turns if isinstance(turn, dict)]
    kept = sum(turn.get("from") == "gpt" for turn in objects)
    missing = missing_replies(row.get("api_calls"), kept, "requests")
    # A summary replaces replies.
    if missing and any(is_summary({"content": turn.get("value")}) for turn in objects):
        return ()
    return missing


def _end(row: dict[str, Any], metadata: dict[str, Any], build: RunBuilder) -> None:
    if (outcome := outcome_of_export(metadata)) is not None:
        build.end(**outcome)
        return
    outcome = outcome_of(row)
    if outcome is None:
        return
    completed, partial = row.get("completed"), row.get("partial") is True
    if isinstance(completed, bool):
        why = "given up (partial)" if partial else "" if completed else "not completed"
        outcome |= {"status": "ok" if completed else "failed", "stop_reason": why, "details": {}}
    build.end(**outcome, ts=timestamp(row.get("timestamp", metadata.get("timestamp"))))


FORMATS = (HermesSharegpt(), HermesBatch())
