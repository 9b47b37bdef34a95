"""`tinker`: rollouts that the Tinker cookbook logs, a trajectory a line.

    file     = (stored | summary)*
    stored   = {"idx", "benchmark", "example_id"?, "turns": [turn, …], "reward", "metrics", "logs",
                "error", "time_seconds"}                          trajectories.jsonl of benchmarks
    turn     = {"role": "user" | "assistant" | "environment" | …, "content", "token_count"}
    summary  = {"split", "iteration", "group_idx", "traj_idx", "total_reward",
                "steps": [step, …], …}                            …_rollout_summaries.jsonl
    step     = {"ob_len", "ac_len", "reward", "metrics", "logs": {"assistant_content"?,
                "tool_call_0": "NAME(ARGUMENTS)"?, "tool_result_0"?, "parse_errors"?, …}}

Turns hold the texts of tokens. A turn of the environment is the whole prompt of the next reply: it
repeats the messages so far, mostly without the model's reasoning, and each result is a separate
turn in it. Summaries hold the logs of each step, and neither the prompt nor the original reply.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import count, groupby, takewhile
from typing import Any, Final, NamedTuple

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.declared_tools import tools_in_prompt
from hermes_tui.formats.failures import run_error
from hermes_tui.formats.message_parts import with_entries, with_findings, without_usual_findings
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.texts.rollout_texts import (
    normalise_text_message,
    prompt_messages,
    reply_messages,
)
from hermes_tui.model.chat_api import function_call
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.wording import title
from hermes_tui.parsers.normalise import normalise_message

_STORED_KEYS: Final = frozenset({"idx", "benchmark", "turns"})
_SUMMARY_KEYS: Final = frozenset({"group_idx", "traj_idx", "steps", "total_reward"})
_OWN_KEYS: Final = frozenset(
    {"idx", "turns", "reward", "metrics", "error", "time_seconds"}
    | {"steps", "total_reward", "final_reward", "trajectory_metrics", "schema_version"}
)
_CONTENT_KEY: Final = "assistant_content"
_UNREAD_KEY: Final = "parse_errors"
_CALL: Final = re.compile(r"([\w.:/-]+)\((.*)\)", re.DOTALL)
_STOP_PREFIX: Final = "stop/"
_CUT_REASONS: Final = frozenset(
    {"max_turns", "max_tokens", "max_sampled_tokens", "max_tool_calls", "context_overflow"}
    | {"rollout_timeout"}
)
_USUAL_CODES: Final = frozenset({Code.ID_MISSING})


class _PlacedMessage(NamedTuple):
    """A message and its pointer."""

    message: dict[str, Any]
    pointer: str


class Tinker:
    """Reads trajectories: a run each."""

    name = "tinker"
    summary = "Tinker cookbook rollouts: trajectories of benchmarks, and summaries while training"

    def sniff(self, sample: Sample) -> Match | None:
        return sample.match_of_runs(0.95, _is_known)

    def read(self, value: Any, build: RunBuilder) -> None:
        if _is_stored(value):
            _read_stored(value, build)
        elif _is_summary(value):
            _read_summary(value, build)
        else:
            build.defect("no trajectory in this record", value)


def _is_known(value: Any) -> bool:
    """Return whether a trajectory holds messages, which not every environment logs."""
    return _is_stored(value) or (_is_summary(value) and any(map(_has_content, value["steps"])))


def _is_stored(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() >= _STORED_KEYS
        and isinstance(value["turns"], list)
    )


def _is_summary(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() >= _SUMMARY_KEYS
        and isinstance(value["steps"], list)
    )


def _has_content(step: Any) -> bool:
    logs = fields.as_dict(fields.as_dict(step).get("logs"))
    return not logs.keys().isdisjoint((_CONTENT_KEY, _UNREAD_KEY, "tool_call_0"))


def _read_stored(value: dict[str, Any], build: RunBuilder) -> None:
    placed = list(_messages(value["turns"], build))
    sent = [one.message for one in placed]
    example = fields.label(value, "example_id")
    build.start(
        run_id=title(f"{fields.label(value, 'benchmark')} {fields.label(value, 'idx')}"),
        task=fields.title_of(sent),
        group_id=title(example),
        tools=tools_in_prompt(sent),
        details=fields.details_of(value, without=_OWN_KEYS),
        diagnostics=run_error(value.get("error")),
    )
    for index, (message, pointer) in enumerate(placed):
        following = placed[index + 1].message if index + 1 < len(placed) else {}
        is_answered = following.get("role") == "tool"
        build.append(
            normalise_text_message(message, None, build.tools, is_answered=is_answered), pointer
        )
    _report_odd(value["turns"], "/turns", "not a turn", build)
    metrics = fields.as_dict(value.get("metrics"))
    reason = _reason(metrics)
    build.end(
        status="error" if value.get("error") else _status(reason),
        stop_reason=reason or fields.label(value, "error"),
        reward=fields.number(value.get("reward")),
        scores=_scores(metrics),
        duration_s=fields.number(value.get("time_seconds")) or None,
    )


def _messages(turns: list[Any], build: RunBuilder) -> Iterator[_PlacedMessage]:
    """Yield the messages of the turns, each once."""
    known, prompt, prefill, tokens = 0, "", "", 0
    for index, turn in enumerate(map(fields.as_dict, turns)):
        content, pointer = turn.get("content"), f"/turns/{index}/content"
        if not isinstance(content, str):
            continue
        if turn.get("role") == "assistant":
            replies = reply_messages(content, prompt, prefill, "")
            used = {"prompt_tokens": tokens, "completion_tokens": turn.get("token_count")}
            for reply in replies:
                yield _PlacedMessage({**reply, **({"usage": used} if tokens else {})}, pointer)
            known, prefill, tokens = known + len(replies), "", 0
            continue
        sent, start = prompt_messages(content)
        is_whole = len(sent) > known and (start or len(sent) > 1)
        if known and not is_whole:
            yield _PlacedMessage({"role": "environment", "content": content}, pointer)
            known += 1
            continue
        for message in _joined(sent[known:]):
            yield _PlacedMessage(message, pointer)
        known, prompt, prefill = len(sent), content, start
        tokens = turn.get("token_count") or 0


def _joined(messages: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield messages, with consecutive ones of tools joined: together they answer a whole reply."""
    for role, some in groupby(messages, key=lambda message: message["role"]):
        if role != "tool":
            yield from some
        else:
            yield {"role": role, "content": "\n".join(message["content"] for message in some)}


def _read_summary(value: dict[str, Any], build: RunBuilder) -> None:
    group, number = fields.label(value, "group_idx"), fields.label(value, "traj_idx")
    step = fields.label(value, "iteration")
    split = fields.label(value, "split")
    where = f"{split} {step} · group {group}".strip()
    build.start(
        run_id=title(f"{where} · {number}"),
        group_id=title(where),
        details=fields.details_of(value, without=_OWN_KEYS),
    )
    for index, each in enumerate(map(fields.as_dict, value["steps"])):
        _read_step(each, f"/steps/{index}", build)
    _report_odd(value["steps"], "/steps", "not a step", build)
    metrics = _metrics(value)
    reason = _reason(metrics)
    build.end(
        status=_status(reason),
        stop_reason=reason,
        reward=fields.number(value.get("total_reward")),
        scores={**_scores(metrics), **fields.measured({"step": value.get("iteration")})},
    )


def _read_step(step: dict[str, Any], place: str, build: RunBuilder) -> None:
    """Append the reply of a step with its calls, then the answers of its tools."""
    logs = fields.as_dict(step.get("logs"))
    called = list(_numbered(logs, "tool_call"))
    raw = {
        "role": "assistant",
        "content": logs.get(_CONTENT_KEY, ""),
        "usage": {"prompt_tokens": step.get("ob_len"), "completion_tokens": step.get("ac_len")},
        **({"tool_calls": [_call(text) for text in called]} if called else {}),
    }
    parts = normalise_message(raw)
    parts = without_usual_findings(with_entries(parts, called), _USUAL_CODES)
    if unread := fields.label(logs, _UNREAD_KEY):
        what = f"the trainer could not read a call: {title(unread)}"
        hint = "the summary does not contain the reply"
        parts = with_findings(parts, Diagnostic(Code.REPLY_SHAPE, Severity.ERROR, what, hint=hint))
    build.append(parts, f"{place}/logs")
    for index, answer in enumerate(_numbered(logs, "tool_result")):
        message = {"role": "tool", "content": answer}
        build.message(message, pointer=f"{place}/logs/tool_result_{index}")


def _numbered(logs: Mapping[str, Any], name: str) -> Iterator[str]:
    """Yield the texts under the names `name_0`, `name_1`, …."""
    texts = (logs.get(f"{name}_{number}") for number in count())
    for text in takewhile(lambda text: text is not None, texts):
        yield fields.json_text(text)


def _call(text: str) -> Any:
    found = _CALL.fullmatch(text)
    return function_call(None, *found.groups()) if found else text


def _report_odd(values: list[Any], place: str, message: str, build: RunBuilder) -> None:
    for index, value in enumerate(values):
        if not isinstance(value, dict):
            build.defect(message, value, pointer=f"{place}/{index}")


def _metrics(summary: dict[str, Any]) -> dict[str, Any]:
    """Return the metrics of a trajectory and its steps; the trajectory's take precedence, then
    those of the earliest step."""
    found: dict[str, Any] = {}
    for step in map(fields.as_dict, reversed(summary["steps"])):
        found.update(fields.as_dict(step.get("metrics")))
    return {**found, **fields.as_dict(summary.get("trajectory_metrics"))}


def _reason(metrics: Mapping[str, Any]) -> str:
    """Return why the episode ended, which is part of a metric's name."""
    reasons = (str(name) for name in metrics if str(name).startswith(_STOP_PREFIX))
    return next((name.removeprefix(_STOP_PREFIX) for name in reasons), "")


def _status(reason: str) -> str:
    return "truncated" if reason in _CUT_REASONS else "unknown"


def _scores(metrics: Mapping[str, Any]) -> dict[str, float]:
    found = fields.measured(metrics)
    return {name: value for name, value in found.items() if not name.startswith(_STOP_PREFIX)}


FORMAT = Tinker()
