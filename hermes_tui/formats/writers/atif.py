"""A run as a Harbor ATIF trajectory: what its own models accept, in one JSON object.

Results stand in the step of their call. Arguments that are no JSON object, which the format cannot
hold, become `{"raw": text}` as Harbor's converters write them, with the exact text in `extra`.
Calls that stand in the text stay there and nowhere else. Lone surrogates, which the models refuse,
become replacement characters.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from hermes_tui.formats.writers.text import json_text
from hermes_tui.formats.writers.transcript import (
    Entry,
    Result,
    Transcript,
    field_reasoning,
    metadata_of,
    tool_value,
    transcript_of,
)
from hermes_tui.log.findings import Finding
from hermes_tui.model.events import Event
from hermes_tui.model.messages import Message, Origin, ToolCall, Usage
from hermes_tui.parsers.measures import total_usage

VERSION: Final = "ATIF-v1.7"
"""The first in which calls and results have an `extra`."""
_SOURCES: Final = {"assistant": "agent", "user": "user", "system": "system", "developer": "system"}
_LONE_SURROGATE: Final = re.compile(r"(?<!\\)((?:\\\\)*)\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_TOKENS: Final = ("prompt_tokens", "completion_tokens", "cached_tokens")
_LONGEST_YEAR: Final = 253_402_300_800
"""Unix seconds: the year 10,000, which ISO 8601 cannot write."""


def write(events: Sequence[Event], findings: Sequence[Finding] = ()) -> str:
    """Return the run as pretty-printed JSON. Findings are made anew by whoever reads it."""
    transcript = transcript_of(events, findings)
    writer = _Steps()
    for entry in transcript.entries:
        if entry.other is None:
            writer.entry(entry)
    steps = writer.steps or [{"step_id": 1, "source": "system", "message": ""}]
    document: dict[str, Any] = {"schema_version": VERSION}
    if transcript.start.run_id:
        document |= {"session_id": transcript.start.run_id}
    document["agent"] = _agent(transcript)
    document["steps"] = steps
    document["final_metrics"] = _final_metrics(transcript, len(steps))
    document["extra"] = metadata_of(transcript)
    return _LONE_SURROGATE.sub(r"\1�", json_text(document, pretty=True)) + "\n"


def _agent(transcript: Transcript) -> dict[str, Any]:
    start = transcript.start
    known = start.details.get("agent")
    known = known if isinstance(known, dict) else {}
    agent: dict[str, Any] = {
        "name": str(known.get("name") or start.source_format or "unknown"),
        "version": str(known.get("version") or "unknown"),
    }
    if start.model:
        agent["model_name"] = start.model
    if start.tools_declared:
        agent["tool_definitions"] = [tool_value(tool) for tool in start.tools]
    return agent


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
    """Puts messages into steps, and each result into the step of its call."""

    def __init__(self) -> None:
        self.steps: list[dict[str, Any]] = []
        self._last_agent: dict[str, Any] | None = None
        self._waiting: list[str] = []
        """Ids of the last agent step's calls that have no result yet."""

    def entry(self, entry: Entry) -> None:
        message = entry.message
        for result in entry.results:
            self._result(result)
        native = [event.call for event in entry.calls if event.call.origin is not Origin.TEXT]
        is_wrapping = entry.results and (message.role == "tool" or not entry.text_beside_results)
        if is_wrapping and not native:
            return
        source = "agent" if native else _SOURCES.get(message.role, "user")
        step: dict[str, Any] = {"step_id": len(self.steps) + 1, "source": source}
        step |= _timestamp(message)
        step["message"] = entry.text_beside_results
        if source == "agent":
            step |= _of_agent(message)
            self._last_agent, self._waiting = step, []
            if native:
                step["tool_calls"] = [self._call(call) for call in native]
        if "copied" in message.flags:
            step["is_copied_context"] = True
        step |= _extra(message, source)
        self.steps.append(step)

    def _call(self, call: ToolCall) -> dict[str, Any]:
        # The format wants an id; what was not there is not said to have been.
        call_id = call.id or f"call_{len(self.steps) + 1}_{call.index + 1}"
        self._waiting.append(call_id)
        written: dict[str, Any] = {
            "tool_call_id": call_id,
            "function_name": call.name or "",
            "arguments": call.arguments,
        }
        extra: dict[str, Any] = {} if call.id else {"id": str(call.id_state)}
        if not isinstance(call.arguments, dict):
            written["arguments"] = {"raw": call.arguments_text}
            extra["arguments_text"] = call.arguments_text
        return written | ({"extra": extra} if extra else {})

    def _result(self, event: Result) -> None:
        result = event.result
        step = self._last_agent
        if step is None:
            step = {"step_id": len(self.steps) + 1, "source": "system", "message": ""}
            self.steps.append(step)
            self._last_agent = step
        written: dict[str, Any] = {}
        extra: dict[str, Any] = {"name": result.name} if result.name else {}
        ids = {call["tool_call_id"] for call in step.get("tool_calls", ())}
        if result.call_id in ids:
            written["source_call_id"] = result.call_id
        elif result.call_id is None and self._waiting:
            written["source_call_id"] = self._waiting[0]
        elif result.call_id:
            extra["call_id"] = result.call_id
        if written.get("source_call_id") in self._waiting:
            self._waiting.remove(written["source_call_id"])
        written["content"] = result.content
        if result.error is not None and result.error.kind == "flag":
            extra["is_error"] = True
        for name in ("exit_code", "duration_s"):
            if getattr(result, name) is not None:
                extra[name] = getattr(result, name)
        results = step.setdefault("observation", {"results": []})["results"]
        results.append(written | ({"extra": extra} if extra else {}))


def _timestamp(message: Message) -> dict[str, str]:
    time_s = message.time_s
    if time_s is None or not 0 <= time_s < _LONGEST_YEAR:
        return {}
    return {"timestamp": datetime.fromtimestamp(time_s, UTC).isoformat()}


def _of_agent(message: Message) -> dict[str, Any]:
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
