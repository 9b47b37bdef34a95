"""`verifiers`: results.jsonl of the verifiers library before 1.0, a rollout a line.

    rollout = {"prompt": said, "completion": said, "reward"?, "info"?, …}
    said    = [message, …] | text

Rollouts of one example share a group. `tool_calls` are lists of JSON texts, and results have no
call ids, so they are paired by order. Numbers other than the known members are results of reward
functions. The model, the environment and the averages are in the metadata.json next to the file.
"""

from __future__ import annotations

from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.declared_tools import tool_specs, tools_in_prompt
from hermes_tui.formats.failures import run_error
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.traits import Traits
from hermes_tui.parsers.measures import usage

_METADATA = "metadata.json"
_SIDES = (("prompt", "user"), ("completion", "assistant"))
_MARKS = frozenset(
    {"example_id", "generation_ms", "reward", "is_completed", "stop_condition", "token_usage"}
)
_NOT_SCORES = frozenset({"id", "example_id", "reward", "generation_ms", "scoring_ms", "total_ms"})
_NOT_DETAILS = ("prompt", "completion", "info", "metrics", "reward", "tool_defs", "token_usage")


class Verifiers:
    """Reads rollouts that an evaluation saved."""

    name = "verifiers"
    summary = (
        "verifiers results.jsonl (0.1): one rollout per line, with reward functions and timing"
    )
    traits = Traits(sidecars=(_METADATA,))

    def sniff(self, sample: Sample) -> Match | None:
        return Match(0.9, Unit.RUNS) if fields.mostly(sample.values, _is_rollout) else None

    def read(self, value: Any, build: RunBuilder) -> None:
        if not isinstance(value, dict) or not {"prompt", "completion"} & value.keys():
            build.defect("not a rollout", value)
            return
        sides = {key: decode_if_json(value.get(key)) for key, _ in _SIDES}
        _start(value, sides["prompt"], build)
        for key, role in _SIDES:
            _read_side(sides[key], role, f"/{key}", build)
        _end(value, build)


def _is_rollout(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("prompt"), (list, str))
        and isinstance(value.get("completion"), (list, str))
        and not _MARKS.isdisjoint(value)
    )


def _start(value: dict[str, Any], prompt: Any, build: RunBuilder) -> None:
    info = decode_if_json(value.get("info"))
    info = info if isinstance(info, dict) else {"info": info} if info else {}
    tools = value.get("tool_defs") or info.get("oai_tools")
    scores = _scores(value)
    about = build.sidecars.get(_METADATA)
    own = fields.details_of(value, without=(*_NOT_DETAILS, *scores))
    example = fields.label(value, "example_id", "id")
    sent = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
    build.start(
        run_id=example,
        task=fields.title_of(fields.as_list(sent)) or fields.label(value, "task"),
        model=fields.model_of(value) or fields.model_of(fields.as_dict(about)),
        tools=tool_specs(tools) if tools else tools_in_prompt(prompt),
        group_id=example,
        details={**fields.details_of(info, without=("oai_tools",)), **own, **_evaluation(about)},
        diagnostics=run_error(_failure(value)),
    )


def _failure(value: dict[str, Any]) -> Any:
    """Return the error of a rollout, with the chain of exceptions that caused it.

    The chain is in the error, or next to it.
    """
    error = value.get("error")
    members = fields.as_dict(error)
    chain = fields.label(members, "error_chain_repr") or fields.label(value, "error_chain")
    return {**members, "message": chain} if error and chain and "message" not in members else error


def _evaluation(about: Any) -> dict[str, Any]:
    """Return the metadata about the evaluation that a rollout belongs to."""
    if about is None:
        return {}
    details = fields.details_of(about) if isinstance(about, dict) else about
    return {"evaluation": fields.small(details)}


def _read_side(side: Any, role: str, pointer: str, build: RunBuilder) -> None:
    if isinstance(side, str):
        build.message({"role": role, "content": side}, pointer=pointer)
    elif isinstance(side, list):
        build.messages(map(decode_if_json, side), pointer)
    elif side is not None:
        build.defect("neither messages nor a text", side, pointer=pointer)


def _scores(value: dict[str, Any]) -> dict[str, float]:
    """Return the results of reward functions: `metrics`, and other numbers of the rollout."""
    metrics = value.get("metrics")
    members = {**value, **metrics} if isinstance(metrics, dict) else value
    scores = {}
    for key, raw in members.items():
        number = fields.number(raw) if isinstance(raw, (int, float)) else None
        if number is not None and not isinstance(raw, bool) and key not in _NOT_SCORES:
            scores[str(key)] = number
    return scores


def _end(value: dict[str, Any], build: RunBuilder) -> None:
    status = "truncated" if value.get("is_truncated") is True else "unknown"
    build.end(
        status="error" if value.get("error") else status,
        stop_reason=fields.label(value, "stop_condition"),
        reward=fields.number(value.get("reward")),
        scores=_scores(value),
        usage=usage(value.get("token_usage")),
        duration_s=_duration_s(value),
    )


def _duration_s(value: dict[str, Any]) -> float | None:
    """Return the duration of the rollout, including its scoring if the file records that."""
    times = (fields.seconds(value.get(key)) for key in ("total_ms", "generation_ms"))
    return next((seconds for seconds in times if seconds is not None), None)


FORMAT = Verifiers()
