"""Spans of a trace, in any trace format, and the agents among them.

A reader of a trace format turns its spans into `Span`s; `agents_of` assigns them to agents. The
spans of an agent that another one calls belong to the called agent only:

    root                     an agent: every root is one, whatever its kind
    ├─ LLM                   a request of root
    │  └─ LLM                the same request seen by a second library: repeats it
    ├─ TOOL                  a tool of root
    │  └─ AGENT              a separate agent, called by root
    ├─ TOOL                  a tool that asks a model itself: an agent, too
    │  └─ LLM
    └─ CHAIN, RETRIEVER …    passed through: what is below belongs to root
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import inf
from typing import Any

from hermes_tui.formats.fields import is_empty
from hermes_tui.model.messages import Usage


class SpanKind(StrEnum):
    """What a span represents."""

    AGENT = "agent"
    LLM = "llm"
    TOOL = "tool"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Span:
    """One span. `input` and `output` are as in the source, in any dialect of messages.

    For a tool span, `input` holds the arguments and `output` the answer. `error` is "" if nothing
    went wrong. `pointer`, `input_at` and `output_at` point to the span, its input and its output in
    the record; `line` is its line if the record is all lines of a file.
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
    """Instructions outside the input."""
    tools: Any = None
    """Declared tools in any form that `tool_specs` reads."""
    model: str = ""
    usage: Usage | None = None
    finish_reason: str = ""
    tool_name: str = ""
    call_id: str = ""
    error: str = ""
    note: str = ""
    """A remark on the span that is not an error."""
    details: Mapping[str, Any] = field(default_factory=dict)
    pointer: str = ""
    input_at: str = ""
    output_at: str = ""
    line: int = 0
    output_line: int | None = None
    """The line of the output if it differs from `line`."""

    @property
    def duration_s(self) -> float | None:
        if self.start_s is None or self.end_s is None:
            return None
        # Clocks have a resolution of microseconds: further digits are noise of the subtraction.
        return round(max(0.0, self.end_s - self.start_s), 6)

    @property
    def order(self) -> float:
        """The key by which spans are sorted in time; those without a start are last."""
        return inf if self.start_s is None else self.start_s


@dataclass(slots=True, eq=False)
class Agent:
    """The spans that belong to one agent itself, each list in order of time.

    `caller` is the agent around it, or None for a root; `tool` is the tool span in which it ran.
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
    """The surroundings of a span: its agent, and that agent's enclosing request and tool, if
    any."""

    agent: Agent | None = None
    request: Span | None = None
    tool: Span | None = None


def agents_of(spans: Iterable[Span]) -> list[Agent]:
    """Return the agents of a trace, callers before those they call, otherwise in order of time.

    Costs O(n log n). Spans whose parent is missing are roots; in a cycle of spans the first one is.
    Spans with the same id are all kept, and the children of that id are those of the first one.
    """
    ordered = sorted(spans, key=lambda span: span.order)
    forest = _Forest(_children(ordered))
    # After the real roots come all spans: those not yet reached are part of a cycle.
    for root in (*roots_of(ordered), *ordered):
        forest.walk(root)
    for agent in forest.agents:
        for several in (agent.requests, agent.tools, agent.others):
            several.sort(key=lambda span: span.order)
    return forest.agents


def roots_of(spans: Sequence[Span]) -> list[Span]:
    """Return the top spans: those whose parent is not among `spans`."""
    ids = {span.id for span in spans}
    return [span for span in spans if span.parent_id not in ids or span.parent_id == span.id]


class _Forest:
    """Walks down from roots, visiting each span once, and collects the agents."""

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
        """Add `span` to its agent; return the place of its children."""
        agent = place.agent
        if agent is None or span.kind is SpanKind.AGENT:
            agent = self._new_agent(span, place)
            place = _Place(agent)
        if span.kind is SpanKind.LLM and place.request is None:
            agent = self._requester(agent, place.tool)
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

    def _requester(self, agent: Agent, tool: Span | None) -> Agent:
        """Return the agent that makes a request: `agent`, or the tool in which it is made."""
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
