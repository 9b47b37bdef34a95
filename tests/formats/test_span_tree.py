"""The spans of a trace are assigned to the agents that made them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.formats.spans.tree import Agent, Span, SpanKind, agents_of

ASKED = [{"role": "user", "content": "hi"}]


def span(path: str, kind: str = "other", start: float | None = None, text: object = None) -> Span:
    """Return the span `b` below `a` for the path `a/b`."""
    parent, _, name = path.rpartition("/")
    return Span(
        id=name,
        parent_id=parent.rpartition("/")[2],
        name=name,
        kind=SpanKind(kind),
        start_s=start,
        input=ASKED if kind == "llm" and text is None else text,
    )


def summary(agents: list[Agent]) -> dict[str, tuple[str, str, str]]:
    """Map each agent's name to its caller, its requests and its tools."""
    return {
        agent.span.name: (
            agent.caller.span.name if agent.caller else "",
            " ".join(request.name for request in agent.requests),
            " ".join(tool.name for tool in agent.tools),
        )
        for agent in agents
    }


def test_a_called_agent_is_a_child_and_not_part_of_its_caller() -> None:
    spans = [
        span("main", "agent"),
        span("main/ask", "llm"),
        span("main/step"),
        span("main/step/search", "tool"),
        span("main/delegate", "tool"),
        span("main/delegate/helper", "agent"),
        span("main/delegate/helper/think", "llm"),
    ]
    assert summary(agents_of(spans)) == {
        "main": ("", "ask", "search delegate"),
        "helper": ("main", "think", ""),
    }
    assert agents_of(spans)[1].tool is spans[4]


def test_a_root_of_any_kind_is_an_agent() -> None:
    assert summary(agents_of([span("a", "llm"), span("b"), span("b/c", "llm")])) == {
        "a": ("", "a", ""),
        "b": ("", "c", ""),
    }


def test_spans_are_sorted_by_time() -> None:
    spans = [
        span("a/late", "llm", 3.0),
        span("a/early", "llm", 1.0),
        span("a", "agent", 0.0),
        span("a/middle", "llm", 2.0),
        span("a/unknown", "llm"),
    ]
    assert summary(agents_of(spans))["a"][1] == "early middle late unknown"


def test_a_request_recorded_by_two_libraries_counts_once() -> None:
    (agent,) = agents_of([span("a"), span("a/outer", "llm"), span("a/outer/inner", "llm")])
    assert [request.name for request in agent.requests] == ["outer"]
    assert [other.name for other in agent.others] == ["inner"]


def test_an_empty_request_does_not_hide_the_one_inside_it() -> None:
    (agent,) = agents_of([span("a"), span("a/outer", "llm", text=""), span("a/outer/inner", "llm")])
    assert [request.name for request in agent.requests] == ["outer", "inner"]


def test_a_tool_below_a_request_is_a_tool_of_the_agent() -> None:
    (agent,) = agents_of([span("a", "agent"), span("a/ask", "llm"), span("a/ask/run", "tool")])
    assert [tool.name for tool in agent.tools] == ["run"]


def test_a_tool_that_calls_a_model_is_an_agent_called_by_its_parent() -> None:
    spans = [
        span("a", "agent"),
        span("a/summarise", "tool"),
        span("a/summarise/one", "llm", 1.0),
        span("a/summarise/two", "llm", 2.0),
        span("a/ask", "llm", 3.0),
    ]
    assert summary(agents_of(spans)) == {
        "a": ("", "ask", "summarise"),
        "summarise": ("a", "one two", ""),
    }


@pytest.mark.parametrize(
    "spans",
    [
        [span("b/a", "llm"), span("a/b", "llm")],
        [span("a/a", "llm"), span("a/a", "llm")],
        [span("gone/a", "llm"), span("gone/b", "llm")],
    ],
    ids=["ring", "own parent, twice", "parent missing"],
)
def test_spans_without_a_path_to_a_root_are_not_lost(spans: list[Span]) -> None:
    assert sorted(_span_names(agents_of(spans))) == sorted(one.id for one in spans)


def test_a_chain_of_a_hundred_thousand_spans_is_traversed() -> None:
    spans = [Span(id=str(n), parent_id=str(n - 1)) for n in range(100_000)]
    (agent,) = agents_of(spans)
    assert len(agent.others) == 99_999


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 8),
            st.integers(0, 8),
            st.sampled_from(list(SpanKind)),
            st.none() | st.floats(0, 9),
        ),
        max_size=12,
    )
)
def test_every_span_is_in_exactly_one_place(
    drawn: list[tuple[int, int, SpanKind, float | None]],
) -> None:
    spans = [
        Span(id=str(own), parent_id=str(parent), kind=kind, start_s=start, input=ASKED)
        for own, parent, kind, start in drawn
    ]
    agents = agents_of(spans)
    assert sorted(_span_names(agents)) == sorted(one.id for one in spans)
    order = [id(agent) for agent in agents]
    for agent in agents:
        assert agent.caller is None or order.index(id(agent.caller)) < order.index(id(agent))


def _span_names(agents: list[Agent]) -> list[str]:
    found = []
    for agent in agents:
        own = {id(one): one for one in (*agent.requests, *agent.tools, *agent.others)}
        # The root of a subtree is also in its own lists if it is a request or a tool.
        if agent.tool is not agent.span:
            own[id(agent.span)] = agent.span
        found += [one.id for one in own.values()]
    return found
