"""A run as a Harbor ATIF trajectory: one JSON object that Harbor's own models accept.

Results are written in the step of their call. Those without a call are written in the agent's last
step, with an `extra` that marks them as results. `exchange` determines which calls are written, and
under which ids. Arguments that are not a JSON object, which the format cannot hold, become `{"raw":
text}` as in Harbor's converters, with the exact text in `extra`; so do the inputs of custom tools.
Encrypted reasoning is left out. Lone surrogates, which the models reject, become replacement
characters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.writers.as_sent import as_sent
from hermes_tui.formats.writers.changes import ROLE_AS_USER, Change, Changes
from hermes_tui.formats.writers.exchange import MADE_UP, Exchange, exchange_of
from hermes_tui.formats.writers.text import json_text
from hermes_tui.formats.writers.transcript import (
    Entry,
    Result,
    Transcript,
    field_reasoning,
    metadata_of,
    transcript_of,
)
from hermes_tui.log.findings import Finding
from hermes_tui.model.chat_api import tool_value
from hermes_tui.model.events import Event
from hermes_tui.model.messages import ArgumentsState, Message, Origin, ToolCall, Usage
from hermes_tui.parsers.measures import total_usage

VERSION: Final = "ATIF-v1.7"
"""The first version in which calls and results have an `extra`."""
_SOURCES: Final = {"assistant": "agent", "user": "user", "system": "system", "developer": "system"}
_LONE_SURROGATE: Final = re.compile(r"(?<!\\)((?:\\\\)*)\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_TOKENS: Final = ("prompt_tokens", "completion_tokens", "cached_tokens")
_SOUND_STATES: Final = (ArgumentsState.OBJECT, ArgumentsState.JSON_STRING)
_EMPTY_STATES: Final = (ArgumentsState.EMPTY, ArgumentsState.MISSING, ArgumentsState.NULL)
_RAW_ARGUMENTS: Final = Change("argument text", 'written as {"raw": …}')
_REF_KEYS: Final = ("trajectory_id", "session_id", "trajectory_path")
MAX_DEPTH: Final = 20
"""The maximal depth of nested subagents; the number of those left out is recorded in `extra`."""
_LONGEST_YEAR: Final = 253_402_300_800
"""Unix seconds of the year 10,000, which ISO 8601 cannot express."""


def write(
    events: Sequence[Event],
    findings: Sequence[Finding] = (),
    *,
    subagents: Sequence[Sequence[Event]] = (),
    changes: Changes | None = None,
) -> str:
    """Return the run as pretty-printed JSON, including the runs of its subagents.

    `changes` counts what the format cannot hold unchanged. Findings are not written, since a reader
    derives them again.
    """
    changes = Changes() if changes is None else changes
    transcript = transcript_of(events, findings)
    placed: set[int] = set()
    document = _trajectory(transcript, [transcript_of(run) for run in subagents], placed, changes)
    if left_out := len(subagents) - len(placed):
        document["extra"]["subagents_left_out"] = left_out
    return _LONE_SURROGATE.sub(r"\1�", json_text(document, pretty=True)) + "\n"


def _trajectory(
    transcript: Transcript,
    subagents: Sequence[Transcript],
    placed: set[int],
    changes: Changes,
    depth: int = 0,
) -> dict[str, Any]:
    """Return one trajectory with those of the `subagents` that it started, whose numbers are added
    to `placed`."""
    start = transcript.start
    conversation = as_sent(transcript.entries, changes)
    writer = _Steps(exchange_of(conversation), changes)
    for entry in conversation:
        writer.entry(entry)
    steps = writer.steps or [{"step_id": 1, "source": "system", "message": ""}]
    document: dict[str, Any] = {"schema_version": VERSION}
    if start.run_id:
        document |= {"session_id": start.run_id}
    document["agent"] = _agent(transcript)
    document["steps"] = steps
    document["final_metrics"] = _final_metrics(transcript, len(steps))
    document["extra"] = metadata_of(transcript)
    if begun := _subagents_of(start.run_id, subagents, placed, changes, depth + 1):
        document["subagent_trajectories"] = begun
    return document


def _subagents_of(
    run_id: str, subagents: Sequence[Transcript], placed: set[int], changes: Changes, depth: int
) -> list[dict[str, Any]]:
    """Return the trajectories that the run `run_id` started, each with a unique id."""
    if not run_id or depth > MAX_DEPTH:
        return []
    own_runs = [
        (number, subagent)
        for number, subagent in enumerate(subagents)
        if subagent.start.parent_run_id == run_id and number not in placed
    ]
    # One of them may have the same id as its parent.
    placed.update(number for number, _ in own_runs)
    begun: list[dict[str, Any]] = []
    ids: set[str] = set()
    for number, subagent in own_runs:
        own = subagent.start.run_id or f"{MADE_UP}{number + 1}"
        unique = own if own not in ids else f"{own}_{number + 1}"
        ids.add(unique)
        inner = _trajectory(subagent, subagents, placed, changes, depth)
        begun.append({"trajectory_id": unique} | inner)
    return begun


def _agent(transcript: Transcript) -> dict[str, Any]:
    start = transcript.start
    known = start.details.get("agent")
    known = known if isinstance(known, dict) else {}
    agent: dict[str, Any] = {
        "name": str(known.get("name") or start.source_format or "unknown"),
        "version": str(known.get("version") or _version(start.details) or "unknown"),
    }
    if start.model:
        agent["model_name"] = start.model
    if start.tools_declared:
        agent["tool_definitions"] = [tool_value(tool) for tool in start.tools]
    return agent


def _version(details: Mapping[str, Any]) -> str:
    """Return the version of the agent, which some agents write under their own name."""
    return fields.label(details, "version", "agent_version", "swe_agent_version", "mini_version")


def _final_metrics(transcript: Transcript, steps: int) -> dict[str, Any]:
    whole = transcript.end.usage if transcript.end is not None else None
    parts = total_usage(entry.message.usage for entry in transcript.entries)
    totals: dict[str, Any] = {}
    for name in (*_TOKENS, "cost_usd"):
        known = (getattr(used, name) for used in (whole, parts) if used is not None)
        value = next((count for count in known if count is not None), None)
        if value is not None:
            totals[f"total_{name}"] = value
    return totals | {"total_steps": steps}


class _Steps:
    """Groups messages into steps, with each result in the step of its call."""

    def __init__(self, exchange: Exchange, changes: Changes) -> None:
        self.steps: list[dict[str, Any]] = []
        self._exchange = exchange
        self._changes = changes
        self._last_agent: dict[str, Any] | None = None
        self._steps_of: dict[str, dict[str, Any]] = {}
        """The step of the latest call with each id."""

    def entry(self, entry: Entry) -> None:
        message = entry.message
        self._changes.of_results(entry)
        for result in entry.results:
            self._result(result)
        calls = self._exchange.calls(entry)
        if entry.is_only_results and not calls:
            return
        self._changes.of_parts(message, "left out")
        self._changes.of_calls(entry, self._exchange)
        self._changes.of_reasoning(message)
        if self._is_observation(message, calls):
            self.steps[-1]["observation"] = {"results": [{"content": message.text}]}
            return
        self._changes.add(ROLE_AS_USER, not calls and message.role not in _SOURCES)
        source = "agent" if calls else _SOURCES.get(message.role, "user")
        step: dict[str, Any] = {"step_id": len(self.steps) + 1, "source": source}
        step |= _timestamp(message)
        step["message"] = self._exchange.text(entry)
        if source == "agent":
            step |= _agent_fields(message)
            self._last_agent = step
            if calls:
                step["tool_calls"] = [
                    _call(call, call_id, self._changes) for call_id, call in calls
                ]
                self._steps_of |= {call_id: step for call_id, _ in calls}
        if "copied" in message.flags:
            step["is_copied_context"] = True
        step |= _extra(message, source)
        self.steps.append(step)

    def _is_observation(self, message: Message, calls: Sequence[Any]) -> bool:
        """Return whether the environment answers the whole previous step, not one of its calls."""
        if message.role != "environment" or calls or not self.steps:
            return False
        step = self.steps[-1]
        return (
            step is self._last_agent
            and "observation" not in step
            and len(step.get("tool_calls", ())) != 1
        )

    def _result(self, event: Result) -> None:
        result = event.result
        call_id = self._exchange.answers.get(event.seq)
        extra: dict[str, Any] = {"name": result.name} if result.name else {}
        if call_id is not None:
            written: dict[str, Any] = {"source_call_id": call_id, "content": result.content}
            step = self._steps_of[call_id]
        else:
            written = {"content": result.content}
            # A reader takes a result without a call for a message of the environment.
            extra["role"] = "tool"
            if result.call_id is not None:
                extra["call_id"] = result.call_id
            step = self._agent_step()
        if result.error is not None and result.error.kind == "flag":
            extra["is_error"] = True
        for name in ("exit_code", "duration_s"):
            if getattr(result, name) is not None:
                extra[name] = getattr(result, name)
        if refs := _subagent_refs(result.raw):
            written["subagent_trajectory_ref"] = refs
        results = step.setdefault("observation", {"results": []})["results"]
        results.append(written | ({"extra": extra} if extra else {}))

    def _agent_step(self) -> dict[str, Any]:
        """Return the last step of the agent, adding one if there is none."""
        if self._last_agent is None:
            step = {"step_id": len(self.steps) + 1, "source": "system", "message": ""}
            self.steps.append(step)
            self._last_agent = step
        return self._last_agent


def _subagent_refs(raw: Any) -> list[dict[str, str]]:
    """Return the references to subagents in a result of this format, as far as they can be
    resolved."""
    refs = [
        {key: ref[key] for key in _REF_KEYS if isinstance(ref.get(key), str)}
        for ref in fields.as_list(fields.as_dict(raw).get("subagent_trajectory_ref"))
        if isinstance(ref, dict)
    ]
    return [ref for ref in refs if "trajectory_id" in ref or "trajectory_path" in ref]


def _call(call: ToolCall, call_id: str, changes: Changes) -> dict[str, Any]:
    written: dict[str, Any] = {
        "tool_call_id": call_id,
        "function_name": call.name or "",
        "arguments": {},
    }
    # The format requires an id; the state of a missing id is recorded.
    extra: dict[str, Any] = {} if call.id == call_id else {"id": str(call.id_state)}
    state = call.arguments_state
    if call.verdict == "custom":
        written["arguments"] = {"raw": call.arguments_text}
        extra |= {"type": "custom", "arguments_text": call.arguments_text}
    elif state in _EMPTY_STATES:
        extra["arguments"] = str(state)
    elif isinstance(call.arguments, dict) and (
        state in _SOUND_STATES or call.origin is Origin.TEXT
    ):
        written["arguments"] = call.arguments
    else:
        is_read = isinstance(call.arguments, dict)
        changes.add(_RAW_ARGUMENTS, not is_read)
        written["arguments"] = call.arguments if is_read else {"raw": call.arguments_text}
        extra["arguments_text"] = call.arguments_text
    return written | ({"extra": extra} if extra else {})


def _timestamp(message: Message) -> dict[str, str]:
    time_s = message.time_s
    if time_s is None or not 0 <= time_s < _LONGEST_YEAR:
        return {}
    return {"timestamp": datetime.fromtimestamp(time_s, UTC).isoformat()}


def _agent_fields(message: Message) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    reasoning = [piece.text for piece in field_reasoning(message) if piece.kind != "encrypted"]
    if reasoning:
        fields["reasoning_content"] = "\n\n".join(reasoning)
    if message.usage is not None:
        fields["metrics"] = _metrics(message.usage)
    return fields


def _metrics(usage: Usage) -> dict[str, Any]:
    names = (*_TOKENS, "cost_usd")
    metrics = {name: value for name in names if (value := getattr(usage, name)) is not None}
    if usage.reasoning_tokens is not None:
        metrics["extra"] = {"reasoning_tokens": usage.reasoning_tokens}
    return metrics


def _extra(message: Message, source: str) -> dict[str, Any]:
    values = {
        "role": message.role if _SOURCES.get(message.role) != source else "",
        "author": message.author,
        "finish_reason": message.finish_reason,
        "flags": [flag for flag in message.flags if flag != "copied"],
        "reward": message.reward,
        "duration_s": message.duration_s,
    }
    kept = {name: value for name, value in values.items() if value not in (None, "", [])}
    return {"extra": kept} if kept else {}
