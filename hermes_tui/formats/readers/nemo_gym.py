"""`nemo-gym`: rollouts that NeMo Gym collects, one a line, and the inputs for them.

    rollout = {"responses_create_params": request, "response"?: reply, "reward"?: number, …}
            | {"response": reply, "_ng_task_index" | "reward", …}      without the request
    request = {"input": text | [item, …], "instructions"?, "tools"?, …}
    reply   = {"output": [item, …] | [[item, …], …], …}

The output of a reply holds all items of the agent's loop, including those of its tools. All other
members are those of the last reply: its usage is that of a single request. Lists in the output are
states of the agent (Aviary's), each with all items so far. `_ng_task_index` and
`_ng_rollout_index` identify a rollout; a failed one has an `_ng_failure_class`. Other numbers in
the row are its verifier's measurements.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.chat_messages import SourceValue, append_messages, raw_messages
from hermes_tui.formats.declared_tools import tool_specs
from hermes_tui.formats.dialects.responses_items import (
    given_messages,
    instructions_of,
    messages_of_values,
    why_incomplete,
    with_reason,
)
from hermes_tui.formats.outcomes import is_cut, outcome_of
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.wording import title
from hermes_tui.parsers.measures import time_of

_REQUEST = "responses_create_params"
_TASK, _ROLLOUT, _FAILURE = "_ng_task_index", "_ng_rollout_index", "_ng_failure_class"
_OWN_KEYS = (_REQUEST, "response", _TASK, _ROLLOUT)


class NemoGym:
    """Reads the rollouts that NeMo Gym collects, and the inputs for them."""

    name = "nemo-gym"
    summary = (
        "NeMo Gym rollouts: one run per rollout, with its reward and what its verifier measured"
    )

    def sniff(self, sample: Sample) -> Match | None:
        return sample.match_of_runs(0.95, _is_rollout)

    def read(self, value: Any, build: RunBuilder) -> None:
        if not _is_rollout(value):
            build.defect("no rollout in this record", value)
            return
        request = fields.as_dict(value.get(_REQUEST))
        reply = fields.as_dict(value.get("response"))
        sent = instructions_of(request, f"/{_REQUEST}")
        if (given := request.get("input")) is not None:
            sent += given_messages(given, f"/{_REQUEST}/input")
        items = _items(fields.as_list(reply.get("output")))
        replies = with_reason(list(messages_of_values(items)), reply)
        _start(value, fields.title_of(raw_messages([*sent, *replies])), build)
        append_messages(build, [*sent, *replies])
        if "response" in value or _FAILURE in value:
            _end(value, reply, build)


def _items(output: list[Any]) -> Iterator[SourceValue]:
    """Yield the items of an output, each only once if the output lists states of the agent."""
    before: list[Any] = []
    for index, item in enumerate(output):
        place = f"/response/output/{index}"
        if not isinstance(item, list):
            yield SourceValue(item, place)
            continue
        pairs = takewhile(lambda pair: pair[0] == pair[1], zip(item, before, strict=False))
        for inner in range(len(list(pairs)), len(item)):
            yield SourceValue(item[inner], f"{place}/{inner}")
        before = item


def _is_rollout(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    return isinstance(value.get(_REQUEST), dict) or _is_without_request(value)


def _is_without_request(value: dict[str, Any]) -> bool:
    """Return whether a row is a rollout without its request: only a reply, or the failure in its
    place."""
    if _REQUEST in value:
        return False
    reply = fields.as_dict(value.get("response"))
    is_reply = reply.get("object") == "response" and isinstance(reply.get("output"), list)
    is_task = isinstance(value.get(_TASK), int)
    judged = is_task or fields.number(value.get("reward")) is not None
    return (is_reply and judged) or (is_task and isinstance(value.get(_FAILURE), str))


def _start(value: dict[str, Any], task: str, build: RunBuilder) -> None:
    request = fields.as_dict(value.get(_REQUEST))
    reply = fields.as_dict(value.get("response"))
    tools = request.get("tools") or reply.get("tools")
    index, rollout = fields.label(value, _TASK), fields.label(value, _ROLLOUT)
    # The same form as in the requests of a rollout that NeMo Gym captures.
    run_id = f"{index}-{rollout}" if index and rollout else fields.run_id_of(value)
    about = {"usage": reply.get("usage"), **value}
    scores = fields.measured(value)
    build.start(
        run_id=title(run_id),
        task=task,
        model=fields.model_of(reply) or fields.model_of(request),
        tools=tool_specs(tools) if tools else None,
        group_id=title(f"task {index}") if index else fields.group_of(value),
        details=fields.without_empty(fields.details_of(about, without=(*_OWN_KEYS, *scores))),
        ts=time_of(reply),
    )


def _end(value: dict[str, Any], reply: dict[str, Any], build: RunBuilder) -> None:
    failure, reason = fields.label(value, _FAILURE), why_incomplete(reply)
    outcome = outcome_of(value) or {"status": "unknown", "scores": {}}
    if failure:
        outcome |= {"status": "error", "stop_reason": failure}
    elif is_cut(reason):
        outcome |= {"status": "truncated", "stop_reason": reason}
    measured = fields.measured(value, without=(_TASK, _ROLLOUT, "reward"))
    build.end(**{**outcome, "scores": {**outcome["scores"], **measured}})


FORMAT = NemoGym()
