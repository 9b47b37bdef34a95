"""Spans of a trace, whoever wrote them, and the agents among them.

A reader of a trace format turns its spans into `Span`s; `agents_of` says which spans each agent
made itself. What an agent's agents did is theirs, not its own:

    root                     an agent: every root is one, whatever its kind
    ├─ LLM                   a request of root
    │  └─ LLM                the same request seen by a second library: repeats it
    ├─ TOOL                  a tool of root
    │  └─ AGENT              an agent of its own, called by root
    ├─ TOOL                  a tool that asks a model itself: an agent, too
    │  └─ LLM
    └─ CHAIN, RETRIEVER …    passed through: what is below belongs to root
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from hermes_tui.formats.fields import is_empty
from hermes_tui.model.messages import Usage


class SpanKind(StrEnum):
    """What a span stands for."""

    AGENT = "agent"
    LLM = "llm"
    TOOL = "tool"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Span:
    """One span. `input` and `output` are as the source has them, in any dialect of messages.

    Of a tool span `input` is what it was called with and `output` what it answered. `error` is
    empty where nothing went wrong. `pointer`, `input_at` and `output_at` are where the span, its
    input and its output stand in the record, `line` its line where the record is all lines of a
    file.
    """

    id: str
    parent_id: str = ""
    trace_id: str = ""
    name: str = ""
    kind: SpanKind = SpanKind.OTHER
    start_s: float | None = None
    end_s: float | None = None
    input: Any = None
    output: Any = None
    system: Any = None
    """Instructions that stand beside the input, not in it."""
    tools: Any = None
    """Declared tools in any spelling that `tool_specs` reads."""
    model: str = ""
    usage: Usage | None = None
    finish_reason: str = ""
    tool_name: str = ""
    call_id: str = ""
    error: str = ""
    note: str = ""
    """What is said of the span that is no error."""
    details: Mapping[str, Any] = field(default_factory=dict)
    pointer: str = ""
    input_at: str = ""
    output_at: str = ""
    line: int = 0
    output_line: int | None = None
    """The line of the output where that is another one."""

    @property
    def duration_s(self) -> float | None:
        if self.start_s is None or self.end_s is None:
            return None
        # Microseconds are what clocks tell: the rest is noise of the subtraction.
        return round(max(0.0, self.end_s - self.start_s), 6)


@dataclass(slots=True, eq=False)
class Agent:
    """The spans that one agent made itself, each list in the order of time.

    `caller` is the agent around it, None for a root; `tool` the tool span in which it ran.
    """

    span: Span
    caller: Agent | None = None
    tool: Span | None = None
    requests: list[Span] = field(default_factory=list)
    tools: list[Span] = field(default_factory=list)
    others: list[Span] = field(default_factory=list)
    """Spans of other kinds, and requests that repeat the one around them."""


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """Where a span stands: whose it is, and which request and tool of that agent are around it."""

    agent: Agent | None = None
    request: Span | None = None
    tool: Span | None = None


def agents_of(spans: Iterable[Span]) -> list[Agent]:
    """Return the agents of a trace, callers before those they call, else in the order of time.

    Costs O(n log n). Spans whose parent is missing are roots; of a ring of spans the first is one.
    Spans with one id are all kept, and what is below that id is below the first of them.
    """
    ordered = sorted(spans, key=_start)
    forest = _Forest(_children(ordered))
    # Behind the real roots come all spans: those not reached by then stand in a ring.
    for root in (*roots_of(ordered), *ordered):
        forest.walk(root)
    for agent in forest.agents:
        for several in (agent.requests, agent.tools, agent.others):
            several.sort(key=_start)
    return forest.agents


def roots_of(spans: Sequence[Span]) -> list[Span]:
    """Return the spans below no other one: those without a parent that is here."""
    ids = {span.id for span in spans}
    return [span for span in spans if span.parent_id not in ids or span.parent_id == span.id]


class _Forest:
    """Walks down from roots, each span once, and collects the agents met."""

    def __init__(self, children: Mapping[str, Sequence[Span]]) -> None:
        self.agents: list[Agent] = []
        self._children = dict(children)
        self._seen: set[int] = set()
        self._inside_tools: dict[int, Agent] = {}

    def walk(self, root: Span) -> None:
        stack = [(root, _Place())]
        while stack:
            span, place = stack.pop()
            if id(span) in self._seen:
                continue
            self._seen.add(id(span))
            below = self._enter(span, place)
            children = self._children.pop(span.id, ())
            stack.extend((child, below) for child in reversed(children))

    def _enter(self, span: Span, place: _Place) -> _Place:
        """Add `span` to the agent whose it is; return the place of what is below it."""
        agent = place.agent
        if agent is None or span.kind is SpanKind.AGENT:
            agent = self._new_agent(span, place)
            place = _Place(agent)
        if span.kind is SpanKind.LLM and place.request is None:
            agent = self._asking(agent, place.tool)
            agent.requests.append(span)
            return _Place(agent) if is_empty(span.input) else _Place(agent, span)
        if span.kind is SpanKind.TOOL:
            agent.tools.append(span)
            return _Place(agent, tool=span)
        if span is not agent.span:
            agent.others.append(span)
        return place

    def _new_agent(self, span: Span, place: _Place) -> Agent:
        agent = Agent(span, caller=place.agent, tool=place.tool)
        self.agents.append(agent)
        return agent

    def _asking(self, agent: Agent, tool: Span | None) -> Agent:
        """Return who asks the model: the agent, or the tool inside which it is asked."""
        if tool is None:
            return agent
        if id(tool) not in self._inside_tools:
            self._inside_tools[id(tool)] = self._new_agent(tool, _Place(agent, tool=tool))
        return self._inside_tools[id(tool)]


def _children(spans: Iterable[Span]) -> dict[str, list[Span]]:
    found: dict[str, list[Span]] = {}
    for span in spans:
        if span.parent_id:
            found.setdefault(span.parent_id, []).append(span)
    return found


def _start(span: Span) -> float:
    return float("inf") if span.start_s is None else span.start_s
