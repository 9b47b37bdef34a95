"""`langchain-events`: what `astream_events` of LangChain and LangGraph yields, an event a line.

    event = {"event": "on_chat_model_end", "data": {"input": {"messages": [[message, …]]},
             "output": message}, "run_id", "parent_ids": [outermost, …], "name", "metadata", "tags"}
          | {"event": "on_tool_error", "data": {"error", "input", "tool_call_id"}, …}
          | {"event": "on_chat_model_start" | "on_chat_model_error" | "on_chain_end" | "on_…", …}

Each agent is a run: the requests of one graph, distinguished by `parent_ids`. The messages that are
new in a request are appended, then its reply; a request that failed may have no event that records
it. Events of streaming, nodes and tools repeat the same content, except that the error of a tool is
nowhere else if it ended the graph.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.chat_messages import ChatMessage, append_message, raw_messages
from hermes_tui.formats.dialects.langchain_messages import is_message, is_same, message_of, model_of
from hermes_tui.formats.run_builder import RunBuilder

_MODEL_START = "on_chat_model_start"
_MODEL_END = "on_chat_model_end"
_MODEL_ERROR = "on_chat_model_error"
_TOOL_ERROR = "on_tool_error"
_CHAIN_END = "on_chain_end"


class LangChainEvents:
    """Reads all events of a stream together, since the requests of different agents may be
    interleaved."""

    name = "langchain-events"
    summary = "events of LangChain's astream_events (v2): a run for each agent"

    def sniff(self, sample: Sample) -> Match | None:
        return sample.match_of_rows(0.95, _is_event)

    def read(self, value: Any, build: RunBuilder) -> None:
        agents: dict[tuple[str, ...], _Agent] = {}
        for pointer, line, row in build.placed(value):
            if not _is_event(row):
                continue
            event = _Event(row, pointer, line)
            if event.kind in (_MODEL_START, _MODEL_END, _MODEL_ERROR):
                agents.setdefault(event.graph, _Agent()).events.append(event)
            elif event.kind == _TOOL_ERROR and (agent := agents.get(event.graph)):
                agent.tool_errors.append(event)
            elif event.kind == _CHAIN_END and (agent := agents.get((*event.parents, event.run_id))):
                agent.events.append(event)
        for graph, agent in agents.items():
            above = (graph[:depth] for depth in range(len(graph) - 1, 0, -1))
            agent.read(graph, next((one for one in above if one in agents), ()), build)
        self._report_odd(value, build, is_empty=not agents)

    def _report_odd(self, value: Any, build: RunBuilder, *, is_empty: bool) -> None:
        if is_empty:
            build.start()
        for pointer, line, row in build.placed(value):
            if not _is_event(row):
                build.defect("not an event", row, pointer=pointer, line=line)


def _is_event(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("data"), dict):
        return False
    return fields.label(value, "event").startswith("on_") and isinstance(value.get("run_id"), str)


@dataclass(slots=True)
class _Event:
    row: dict[str, Any]
    pointer: str
    line: int

    @property
    def kind(self) -> str:
        return fields.label(self.row, "event")

    @property
    def run_id(self) -> str:
        return fields.label(self.row, "run_id")

    @property
    def parents(self) -> tuple[str, ...]:
        return tuple(map(str, fields.as_list(self.row.get("parent_ids"))))

    @property
    def graph(self) -> tuple[str, ...]:
        """Return the ids down to the requesting graph; the last parent is its node."""
        return self.parents[:-1] or self.parents or (self.run_id,)

    def messages(self) -> tuple[str, list[Any]]:
        """Return the messages of the request, or of the final state, and the pointer to them."""
        if self.kind == _CHAIN_END:
            below, request_or_state = "/data/output/messages", self.row["data"].get("output")
            listed: Any = fields.as_dict(request_or_state).get("messages")
        else:
            below, request_or_state = "/data/input/messages/0", self.row["data"].get("input")
            if isinstance(request_or_state, str):
                return f"{self.pointer}/data/input", [["user", request_or_state]]
            listed = fields.as_list(fields.as_dict(request_or_state).get("messages"))[:1]
            listed = listed[0] if listed else []
        return f"{self.pointer}{below}", [one for one in fields.as_list(listed) if is_message(one)]


@dataclass(slots=True)
class _Agent:
    """The requests and replies of one graph, in order."""

    events: list[_Event] = field(default_factory=list)
    known: list[Any] = field(default_factory=list)
    tool_errors: list[_Event] = field(default_factory=list)

    def read(self, graph: tuple[str, ...], outer: tuple[str, ...], build: RunBuilder) -> None:
        replies = [event.row["data"].get("output") for event in self.events]
        first = self.events[0].messages()[1]
        build.locate(self.events[0].line)
        build.start(
            run_id=graph[-1],
            task=fields.title_of(raw_messages(map(message_of, first))),
            model=model_of(reply for reply in replies if is_message(reply)),
            parent_run_id=outer[-1] if outer else "",
        )
        for event in self.events:
            place, messages = event.messages()
            self._append_new(messages, place, event.line, build)
            output = event.row["data"].get("output")
            if event.kind == _MODEL_END and is_message(output):
                self._append(output, f"{event.pointer}/data/output", event.line, build)
            elif event.kind == _MODEL_ERROR:
                _fail(event, build)
        if self.tool_errors:
            self._append_tool_errors(build)

    def _append_tool_errors(self, build: RunBuilder) -> None:
        """Append the errors of tools as results, unless a message answers the call."""
        raws = raw_messages(map(message_of, self.known))
        answered = {fields.label(raw, "tool_call_id") for raw in raws}
        for event in self.tool_errors:
            call_id = fields.label(event.row["data"], "tool_call_id")
            if call_id in answered:
                continue
            answer = {"tool_call_id": call_id or None, "name": fields.label(event.row, "name")}
            raw = {"role": "tool", **answer, "content": _error_of(event), "is_error": True}
            build.locate(event.line)
            append_message(build, ChatMessage(raw, event.pointer))

    def _append_new(self, messages: list[Any], place: str, line: int, build: RunBuilder) -> None:
        """Append the messages not known yet; of a rewritten history, from the first difference
        on."""
        same = 0
        while same < min(len(messages), len(self.known)) and is_same(
            messages[same], self.known[same]
        ):
            same += 1
        if same == len(messages):
            return
        if same == 0 and self.known and is_same(messages[0], _after_prompt(self.known)):
            # The state of a graph does not hold the system prompt that its model is given.
            return self._append_new([self.known[0], *messages], place, line, build)
        self.known = messages[:same]
        for index, message in enumerate(messages[same:], same):
            self._append(message, f"{place}/{index}", line, build)

    def _append(self, message: Any, pointer: str, line: int, build: RunBuilder) -> None:
        self.known.append(message)
        build.locate(line)
        append_message(build, message_of(message, pointer))


def _after_prompt(known: list[Any]) -> Any:
    return known[1] if len(known) > 1 else None


def _fail(event: _Event, build: RunBuilder) -> None:
    build.locate(event.line)
    build.request_failed(_error_of(event), pointer=event.pointer)


def _error_of(event: _Event) -> str:
    error = event.row["data"].get("error")
    return fields.label(fields.as_dict(error), "repr", "message") or fields.json_text(error)


FORMAT = LangChainEvents()
