"""`hermes-eval`: results of HermesAgentLoop, as evaluations log them or as users dump them.

An evaluation writes `{passed, reward, task_name, category, turns_used, finished_naturally,
messages}` a line, or `error` and no messages if a task timed out. A dumped AgentResult has
`messages, managed_state, turns_used, finished_naturally, reasoning_per_turn, tool_errors`.
"""

from __future__ import annotations

from typing import Any

from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.dialects.hermes_messages import excerpt_of
from hermes_tui.formats.failures import run_error
from hermes_tui.formats.fields import details_of, group_of, label, model_of, number, title_of
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.formats.outcomes import outcome_of
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.events import ToolErrorRecorded
from hermes_tui.model.messages import ToolError

_RESULT_KEYS = ("reasoning_per_turn", "tool_errors", "managed_state")
_OWN_KEYS = ("messages", "reasoning_per_turn", "tool_errors", "error", "reward")
_REASONING_KEYS = ("reasoning_content", "reasoning", "reasoning_details")
_NOTHING_KEPT = "the evaluation keeps no messages of a task that timed out or raised"


class HermesEval:
    """Reads a result of the loop as a run."""

    name = "hermes-eval"
    summary = "HermesAgentLoop results: evaluation samples (passed, reward, messages), AgentResult"

    def sniff(self, sample: Sample) -> Match | None:
        row = sample.first_object()
        if {"passed", "reward", "task_name"} <= row.keys() and (
            isinstance(row.get("messages"), list) or "error" in row
        ):
            return Match(0.97, Unit.RUNS)
        if not isinstance(row.get("messages"), list) or "finished_naturally" not in row:
            return None
        if any(key in row for key in _RESULT_KEYS):
            return Match(0.97, Unit.RUNS)
        return None

    def read(self, value: Any, build: RunBuilder) -> None:
        if not isinstance(value, dict):
            build.defect("a result that is not an object", excerpt_of(value))
            return
        messages = decode_if_json(value.get("messages"))
        error = value.get("error")
        if not isinstance(messages, list):
            if not error:
                build.defect("neither messages nor an error in this result", excerpt_of(value))
                return
            messages = []
        build.start(
            run_id=label(value, "task_id", "task_name"),
            task=label(value, "task_name") or title_of(messages),
            model=model_of(value),
            group_id=group_of(value),
            details=details_of(value, without=_OWN_KEYS),
            diagnostics=run_error(error, hint=_NOTHING_KEPT),
        )
        for index, raw in enumerate(_with_reasoning(messages, value.get("reasoning_per_turn"))):
            build.message(raw, pointer=f"/messages/{index}")
        _tool_errors(value.get("tool_errors"), build)
        _end(value, messages, build)


def _with_reasoning(messages: list[Any], reasoning: Any) -> list[Any]:
    """Return the messages, each of the assistant with its turn's reasoning unless it has some."""
    if not isinstance(reasoning, list):
        return messages
    texts = iter(reasoning)
    completed = []
    for raw in messages:
        if isinstance(raw, dict) and raw.get("role") == "assistant":
            text = next(texts, None)
            if isinstance(text, str) and text and not any(map(raw.get, _REASONING_KEYS)):
                raw = {**raw, "reasoning_content": text}
        completed.append(raw)
    return completed


def _tool_errors(errors: Any, build: RunBuilder) -> None:
    for index, raw in enumerate(errors if isinstance(errors, list) else ()):
        pointer = f"/tool_errors/{index}"
        if not isinstance(raw, dict):
            build.defect("a tool error that is not an object", excerpt_of(raw), pointer=pointer)
            continue
        error = ToolError(
            turn=_turn(raw.get("turn")),
            tool_name=label(raw, "tool_name"),
            arguments=label(raw, "arguments"),
            error=label(raw, "error"),
            tool_result=label(raw, "tool_result"),
        )
        build.add(ToolErrorRecorded, error=error, pointer=pointer)


def _turn(raw: Any) -> int:
    found = number(raw)
    return int(found) if found is not None and 0 < found < 1e9 else 0


def _end(value: dict[str, Any], messages: list[Any], build: RunBuilder) -> None:
    error, passed, finished = (value.get(k) for k in ("error", "passed", "finished_naturally"))
    last = messages[-1] if messages else None
    cut = finished is False and isinstance(last, dict) and last.get("role") in ("tool", "user")
    if error:
        status = "error"
    elif isinstance(passed, bool):
        status = "ok" if passed else "failed"
    elif isinstance(finished, bool):
        status = "ok" if finished else "failed"
    else:
        status = "unknown"
    outcome = outcome_of(value) or {}
    build.end(
        status=status,
        stop_reason="the turn limit or a failed request" if cut else "",
        reward=outcome.get("reward"),
        scores=outcome.get("scores"),
        details={"error": error if isinstance(error, str) else excerpt_of(error)} if error else {},
    )


FORMATS = (HermesEval(),)
