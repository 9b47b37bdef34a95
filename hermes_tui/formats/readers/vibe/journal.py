"""The journal of a session of Mistral Vibe, in lines.

    record  = {"type", "payload", "sequence", "recovery_journal_record_version", …} with the types
            command_reserved    {"params": {"sessionId"}}
            action_intent       {"action_id", "request": request}
            action_result       {"action_id", "result": outcome}
            core_input          {"input": {"command": {"action_id"?},
                                           "determinism": {"time_unix_ms"}}}
          | {"type": "projection_delta" | …, …}                  what is shown, other bookkeeping
    request = {"type": "llm_call", "purpose", "model_input": {"messages": messages, "tool_catalog"}}
            | {"call_id", "call": {"name", "arguments"}}
    messages = {"type": "replace" | "append", "messages": [message, …]}        `messages.py`
    outcome = {"type": "completion_succeeded", "result": reply}
            | {"type": "completion_failed", "error": {"message", "retryable", "details"}}
            | {"type": "tool_succeeded" | "tool_failed", "call_id", "result": answer}
    answer  = {"content": [part, …], "structured_content"?, "error"?: {"code", "message"}}

A request carries what is new since the previous one, or, first in a file and after a compaction,
everything. Replies are outcomes; a later request repeats them. Results are in the next request, as
the model receives them; those of the last calls are only outcomes. The time of an outcome is that
of the input which follows it.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.chat_messages import ChatMessage, SourceValue
from hermes_tui.formats.declared_tools import tool_specs
from hermes_tui.formats.readers.vibe.messages import (
    Facts,
    append,
    message_of,
    plain_message,
    reply_of,
)
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.diagnostics import Severity
from hermes_tui.parsers.measures import timestamp, whole

_VERSION_KEY: Final = "recovery_journal_record_version"
_AGENT: Final = "agent"


def is_record(row: Any) -> bool:
    """Return whether a row is a record of a journal."""
    if not isinstance(row, dict) or not isinstance(row.get("payload"), dict):
        return False
    return _VERSION_KEY in row and bool(fields.label(row, "type"))


def facts_of_journal(rows: list[dict[str, Any]]) -> Facts:
    """Return what the records say about their run."""
    requests = [_request(row) for row in rows if _is_completion(row)]
    reserved = (_payload(row, "command_reserved", "params") for row in rows)
    failures = (_payload(row, "action_result", "result", "error", "details") for row in rows)
    catalogs = (fields.as_dict(_input(one).get("tool_catalog")).get("tools") for one in requests)
    times = (_time(row) for row in rows)
    others = Counter(purpose for one in requests if (purpose := _purpose(one)) != _AGENT)
    return Facts(
        session=fields.first_label(reserved, "sessionId"),
        messages=[plain_message(one) for one in _messages(requests[0])] if requests else [],
        model=next(filter(None, map(fields.model_of, failures)), ""),
        tools=tool_specs(next(filter(None, catalogs), None)),
        ts=next((ts for ts in times if ts is not None), None),
        other_requests=dict(others),
    )


def append_journal(sources: list[SourceValue], build: RunBuilder) -> None:
    """Append the messages that the records of a session carry."""
    journal = _Journal(build, sources)
    for source in sources:
        journal.take(source)
    journal.end()


class _Journal:
    """Receives the records of a session in their order.

    The first request of a file carries all earlier messages, whose times are not known.
    """

    def __init__(self, build: RunBuilder, sources: list[SourceValue]) -> None:
        self.build = build
        self._times = dict(_outcome_times(sources))
        self._purposes: dict[str, str] = {}
        """What each completion was requested for, by action id."""
        self._actions: dict[str, str] = {}
        """The action ids of tools, by call id."""
        self._open: dict[str, list[Any]] = {}
        """The tools of calls that wait for their results, by call id."""
        self._outcomes: dict[str, list[ChatMessage]] = {}
        """Results that no request carried yet, by call id."""
        self._unsent: list[tuple[ChatMessage, float | None]] = []
        """What the user wrote since the last request."""
        self._texts: set[str] = set()
        """The messages of the system and the user so far, as JSON."""
        self._is_first = True
        self._now: float | None = None

    def take(self, source: SourceValue) -> None:
        row = source.value
        payload: dict[str, Any] = row["payload"]
        self._now = _time(row) or self._now
        match fields.label(row, "type"):
            case "action_intent":
                request = _request(row)
                action_id = fields.label(payload, "action_id")
                if _is_completion(row):
                    self._purposes[action_id] = _purpose(request)
                    self._request(request, source)
                elif call_id := fields.label(request, "call_id"):
                    self._actions[call_id] = action_id
            case "action_result":
                self._outcome(payload, source)
            case "core_input":
                self._input(fields.as_dict(payload.get("input")), source)

    def end(self) -> None:
        """Append the results and prompts that no request carried."""
        for call_id, messages in self._outcomes.items():
            for message in messages:
                append(self.build, message, self._time_of_call(call_id))
        for message, ts in self._unsent:
            append(self.build, message, ts)

    def _input(self, given: dict[str, Any], source: SourceValue) -> None:
        command = fields.as_dict(given.get("command"))
        if command.get("type") == "user_message":
            place = SourceValue(command, f"{source.pointer}/payload/input/command", source.line)
            message = message_of({"role": "user", "content": command.get("content")}, place)
            self._unsent.append((message, self._now))

    def _request(self, request: dict[str, Any], source: SourceValue) -> None:
        is_agent, is_first = _purpose(request) == _AGENT, self._is_first
        is_append = fields.as_dict(_input(request).get("messages")).get("type") == "append"
        place = f"{source.pointer}/payload/request/model_input/messages/messages"
        messages = _messages(request)
        for at, raw in enumerate(messages):
            message_place = SourceValue(raw, f"{place}/{at}", source.line)
            match fields.label(raw, "role"):
                case "tool":
                    self._result(raw, message_place, is_repeated=not (is_first and is_agent))
                case "assistant":
                    if is_first and is_agent:
                        append(self.build, message_of(raw, message_place), None)
                case _ if is_agent:
                    is_old = is_first and at + 1 < len(messages)
                    ts = None if is_old else self._now
                    self._prompt(raw, message_place, ts, is_append=is_append)
        if is_agent:
            self._is_first, self._unsent = False, []

    def _result(self, raw: dict[str, Any], place: SourceValue, *, is_repeated: bool) -> None:
        call_id = fields.label(raw, "tool_call_id")
        waiting, outcomes = self._open.get(call_id, []), self._outcomes.get(call_id, [])
        if is_repeated and not waiting and not outcomes:
            return
        del waiting[:1], outcomes[:1]
        append(self.build, message_of(raw, place), self._time_of_call(call_id))

    def _prompt(
        self, raw: dict[str, Any], place: SourceValue, ts: float | None, *, is_append: bool
    ) -> None:
        text = fields.json_text(raw)
        if text in self._texts and not is_append:
            return
        self._texts.add(text)
        append(self.build, message_of(raw, place), ts)

    def _outcome(self, payload: dict[str, Any], source: SourceValue) -> None:
        action_id = fields.label(payload, "action_id")
        result = fields.as_dict(payload.get("result"))
        place = SourceValue(source.value, f"{source.pointer}/payload/result", source.line)
        match fields.label(result, "type"):
            case "completion_succeeded" if self._purposes.get(action_id, _AGENT) == _AGENT:
                inner = SourceValue(place.value, f"{place.pointer}/result", place.line)
                reply = reply_of(fields.as_dict(result.get("result")), inner)
                for call in reply.carried:
                    called = self._open.setdefault(fields.label(call.value, "id"), [])
                    called.append(call.value.get("name"))
                append(self.build, reply, self._times.get(action_id))
            case "completion_failed":
                self._failure(fields.as_dict(result.get("error")), place, action_id)
            case "tool_succeeded" | "tool_failed":
                call_id = fields.label(result, "call_id")
                name = next(iter(self._open.get(call_id, [])), None)
                self._outcomes.setdefault(call_id, []).append(_answer(result, name, place))

    def _failure(self, error: dict[str, Any], place: SourceValue, action_id: str) -> None:
        is_retried = error.get("retryable") is True
        self.build.locate(place.line)
        self.build.request_failed(
            fields.text_of(error.get("message")),
            severity=Severity.WARNING if is_retried else Severity.ERROR,
            pointer=f"{place.pointer}/error",
            ts=self._times.get(action_id),
            status=whole(fields.as_dict(error.get("details")).get("httpStatus")),
            retryable=is_retried,
        )

    def _time_of_call(self, call_id: str) -> float | None:
        return self._times.get(self._actions.get(call_id, ""))


def _answer(result: dict[str, Any], name: Any, place: SourceValue) -> ChatMessage:
    """Return the result of a call as its tool returned it."""
    answer = fields.as_dict(result.get("result"))
    error = fields.as_dict(answer.get("error"))
    content = answer.get("content") or answer.get("structured_content")
    raw = {
        "role": "tool",
        "tool_call_id": result.get("call_id"),
        "name": name,
        "content": content if not error else fields.label(error, "message", "code"),
        "is_error": True if error or result.get("type") == "tool_failed" else None,
    }
    source = SourceValue(result, place.pointer, place.line)
    return ChatMessage(raw, place.pointer, (source,), line=place.line)


def _payload(row: dict[str, Any], kind: str, *path: str) -> dict[str, Any]:
    """Return the object at `path` in the payload of a record of this kind, or {}."""
    found = row["payload"] if row.get("type") == kind else {}
    for name in path:
        found = fields.as_dict(found.get(name))
    return fields.as_dict(found)


def _request(row: dict[str, Any]) -> dict[str, Any]:
    return _payload(row, "action_intent", "request")


def _is_completion(row: dict[str, Any]) -> bool:
    return "model_input" in _request(row)


def _purpose(request: dict[str, Any]) -> str:
    return fields.label(request, "purpose") or _AGENT


def _input(request: dict[str, Any]) -> dict[str, Any]:
    return fields.as_dict(request.get("model_input"))


def _messages(request: dict[str, Any]) -> list[dict[str, Any]]:
    messages = fields.as_dict(_input(request).get("messages")).get("messages")
    return fields.objects_in(messages)


def _time(row: dict[str, Any]) -> float | None:
    return timestamp(_payload(row, "core_input", "input", "determinism").get("time_unix_ms"))


def _outcome_times(sources: list[SourceValue]) -> list[tuple[str, float]]:
    """Return the time at which each action was over, by action id."""
    found = []
    for source in sources:
        command = _payload(source.value, "core_input", "input", "command")
        ts = _time(source.value)
        if ts is not None and (action_id := fields.label(command, "action_id")):
            found.append((action_id, ts))
    # A tool's action is over before the hooks that follow it, which repeat its id.
    return list(reversed(found))
