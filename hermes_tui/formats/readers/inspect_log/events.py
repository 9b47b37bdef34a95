"""What the events of an Inspect sample add to its messages: times, usage, failures, other agents.

    event = {"event": "model", "input" | "input_refs", "output", "error"?, "retries"?, …}
          | {"event": "tool", "id", "result", "error"?, "events"?: [event, …], …}
          | {"event": "subtask", "name", "events": [event, …]}            until 0.3.8x
          | {"event": "step", "action": "begin" | "end", "type", "name"}  until 0.3.8x
          | {"event": "span_begin", "id", "parent_id"?, "type", "name"}   since then
          | {"event": "sample_limit" | "error" | "info" | "sandbox" | …}

The input of a model event may be elsewhere: `input_refs` are ranges of the sample's
`message_pool`, or of `events_data.messages`.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.readers.inspect_log.attachments import with_attachments
from hermes_tui.model.wording import title
from hermes_tui.parsers.measures import timestamp

MAX_DEPTH = 60
"""How deep events may be nested in events, and spans in spans."""
MAX_REPEATED = 200_000
"""How many messages in the inputs of a sample's requests are examined."""
_AGENTS = frozenset({"agent", "subtask", "handoff", "tool", "scorer"})
"""Types of spans and steps in which an agent other than the sample's own may send requests."""


@dataclass(slots=True)
class Request:
    """A model event. `key` identifies its reply among messages, or is None if it has none."""

    event: dict[str, Any]
    pointer: str
    message: dict[str, Any]
    key: Any = None
    agent: str = ""
    failures: list[Request] = field(default_factory=list)
    """The requests that failed before this one was answered."""

    @property
    def output(self) -> dict[str, Any]:
        return fields.as_dict(self.event.get("output"))

    @property
    def choice(self) -> dict[str, Any]:
        return _choice(self.event)

    @property
    def error(self) -> str:
        """Return the error of the request, or "" if it has none."""
        message = self.event.get("error") or self.output.get("error")
        if isinstance(message, dict):
            message = message.get("message", message)
        return title(fields.json_text(message)) if message else ""


@dataclass(slots=True)
class Events:
    """The events of one sample, sorted by kind."""

    requests: list[Request] = field(default_factory=list)
    """The answered requests, in order."""
    unanswered: list[Request] = field(default_factory=list)
    """The failed requests at the end, after the last answered one."""
    tools: dict[str, deque[dict[str, Any]]] = field(default_factory=dict)
    """Tool events by the id of their call."""
    limits: list[dict[str, Any]] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    attachments: dict[str, Any] = field(default_factory=dict)
    first_ts: float | None = None
    last_ts: float | None = None

    def tool(self, call_id: Any) -> dict[str, Any]:
        """Remove and return the next event of the call with this id, or {} if there is none."""
        found = self.tools.get(call_id) if isinstance(call_id, str) else None
        event = found.popleft() if found else {}
        error = with_attachments(event.get("error"), self.attachments)
        return {**event, "error": error} if error else event


def message_key(raw: dict[str, Any]) -> Any:
    """Return what identifies a message: its id, or else its role, content and call ids."""
    message_id = raw.get("id")
    if isinstance(message_id, str) and message_id:
        return message_id
    ids = [call.get("id") for call in fields.objects_in(raw.get("tool_calls"))]
    return (str(raw.get("role")), fields.json_text(raw.get("content")), fields.json_text(ids))


def events_of(sample: dict[str, Any], attachments: dict[str, Any]) -> Events:
    """Return the events of a sample sorted by kind; its texts may refer to `attachments`."""
    events = sample.get("events")
    place = "/events"
    if events is None:
        events, place = fields.as_dict(sample.get("transcript")).get("events"), "/transcript/events"
    sorted_events = Events(attachments=attachments)
    walk = _Walk(sorted_events)
    walk.take(events, place, "", 0)
    sorted_events.unanswered = walk.pending
    return sorted_events


class _Walk:
    """Walks through events in order, including those nested in events."""

    def __init__(self, found: Events) -> None:
        self.pending: list[Request] = []
        self._found = found
        self._spans: dict[str, tuple[str, str, str]] = {}
        self._steps: list[tuple[str, str]] = []

    def take(self, events: Any, pointer: str, agent: str, depth: int) -> None:
        for index, event in enumerate(fields.as_list(events)):
            if not isinstance(event, dict):
                continue
            kind = fields.label(event, "event")
            self._found.kinds[kind] += 1
            self._note_time(event)
            place = f"{pointer}/{index}"
            match kind:
                case "model":
                    self._request(event, place, agent or self._agent(event))
                case "span_begin":
                    parent = fields.label(event, "parent_id")
                    self._spans[fields.label(event, "id")] = (parent, *_type_and_name(event))
                case "step" if event.get("action") == "begin":
                    self._steps.append(_type_and_name(event))
                case "step" if self._steps:
                    self._steps.pop()
                case "tool":
                    call_id = fields.label(event, "id")
                    self._found.tools.setdefault(call_id, deque()).append(event)
                case "sample_limit":
                    self._found.limits.append(event)
            if event.get("events") and depth < MAX_DEPTH:
                name = fields.label(event, "name", "function") or kind
                self.take(event["events"], f"{place}/events", name, depth + 1)

    def _note_time(self, event: dict[str, Any]) -> None:
        ts = timestamp(event.get("timestamp"))
        if ts is not None:
            self._found.first_ts = ts if self._found.first_ts is None else self._found.first_ts
            self._found.last_ts = ts

    def _request(self, event: dict[str, Any], pointer: str, agent: str) -> None:
        reply = fields.as_dict(_choice(event).get("message"))
        message = with_attachments(reply, self._found.attachments)
        request = Request(event, pointer, message, agent=agent)
        has_content = message.get("content") or message.get("tool_calls")
        # A failed attempt has a reply too, an empty one.
        if message and (has_content or not request.error):
            request.key = message_key(request.message)
            request.failures, self.pending = self.pending, []
            self._found.requests.append(request)
        elif request.error:
            self.pending.append(request)

    def _agent(self, event: dict[str, Any]) -> str:
        """Return the name of the innermost agent around an event, by its spans or steps."""
        span_id = fields.label(event, "span_id")
        for _ in range(MAX_DEPTH):
            parent, span_type, name = self._spans.get(span_id, ("", "", ""))
            if span_type in _AGENTS:
                return name or span_type
            if not parent:
                break
            span_id = parent
        steps = reversed(self._steps[-MAX_DEPTH:])
        return next((name or step_type for step_type, name in steps if step_type in _AGENTS), "")


def _type_and_name(event: dict[str, Any]) -> tuple[str, str]:
    return fields.label(event, "type"), fields.label(event, "name")


@dataclass(slots=True)
class Conversation:
    """Requests outside the sample's own conversation, each continuing the one before it."""

    agent: str
    requests: list[tuple[Request, list[Any]]] = field(default_factory=list)
    """Each request with the messages that its input adds."""


def other_conversations(
    sample: dict[str, Any], events: Events, own_keys: frozenset[Any]
) -> tuple[list[Conversation], int]:
    """Return the conversations outside the sample's messages, and how many inputs were cut off.

    They are those of subagents, and of the sample's agent before its messages were compacted. A
    request continues the conversation whose last reply is in its input.
    """
    others = _OtherConversations(_pool(sample), events.attachments)
    for request in events.requests:
        if request.key not in own_keys:
            others.take(request)
    return others.found, others.passed_over


class _OtherConversations:
    """Groups requests into conversations, in order."""

    def __init__(self, pool: list[Any], attachments: dict[str, Any]) -> None:
        self.found: list[Conversation] = []
        self.passed_over = 0
        self._pool = pool
        self._attachments = attachments
        self._heads: dict[Any, Conversation] = {}
        self._budget = MAX_REPEATED

    def take(self, request: Request) -> None:
        conversation, added = self._join(request)
        if conversation is None:
            conversation = Conversation(request.agent)
            self.found.append(conversation)
        conversation.requests.append((request, added))
        self._heads[request.key] = conversation

    def _join(self, request: Request) -> tuple[Conversation | None, list[Any]]:
        """Return the conversation that a request continues, if any, and what its input adds."""
        added: list[Any] = []
        conversation = None
        for message in _input_backwards(request.event, self._pool):
            raw = with_attachments(message, self._attachments)
            conversation = (
                self._heads.pop(message_key(raw), None) if isinstance(raw, dict) else None
            )
            if conversation is not None:
                break
            if not self._budget:
                self.passed_over += 1
                break
            self._budget -= 1
            added.append(raw)
        return conversation, added[::-1]


def _choice(event: dict[str, Any]) -> dict[str, Any]:
    return fields.first_object(fields.as_dict(event.get("output")).get("choices"))


def _pool(sample: dict[str, Any]) -> list[Any]:
    data = fields.as_dict(sample.get("events_data"))
    return fields.as_list(data.get("messages", sample.get("message_pool")))


def _input_backwards(event: dict[str, Any], pool: list[Any]) -> Iterator[Any]:
    for ref in reversed(fields.as_list(event.get("input_refs"))):
        if isinstance(ref, list) and len(ref) == 2 and all(isinstance(end, int) for end in ref):
            start, end = max(0, ref[0]), min(ref[1], len(pool))
            for index in range(end - 1, start - 1, -1):
                yield pool[index]
    yield from reversed(fields.as_list(event.get("input")))
