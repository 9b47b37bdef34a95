"""Each edge case of the loop in both modes, and faithful mode compared with the loop itself.

The rows need nothing else; the comparison runs if the loop's source is next to the project.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.debugger import seed_loop
from tests.debugger.loop_trace import (
    NAMES,
    SCHEMAS,
    TASK,
    Handler,
    Recorder,
    Trace,
    run_session,
    without_made_ids,
)
from tests.debugger.matrix_rows import (
    ABSENT,
    CALL,
    LS,
    ROWS,
    Row,
    answers,
    as_dict,
    as_object,
    message,
)


def played(row: Row) -> list[Any]:
    return [*row.replies(), message("done")]


def facts(trace: Trace) -> dict[str, Any]:
    """Return the facts about a run under the names that the rows use."""
    messages = without_made_ids(trace.messages)
    model = next((m for m in messages if m["role"] == "assistant"), {})
    tools = [m for m in messages if m["role"] == "tool"]
    asked = [call["id"] for call in model.get("tool_calls", ())]
    ids = [*asked, *(tool["tool_call_id"] for tool in tools)]
    return {
        "messages": len(messages),
        "dispatched": trace.dispatched,
        "errors": [error.error for error in trace.tool_errors],
        "escaped": trace.escaped.partition(":")[0],
        "ids": ids,
        "same_ids": len(set(ids)) == 1,
        "content": model.get("content"),
        "told": tools[-1]["content"] if tools else None,
        "reasoning": trace.reasoning,
        "turns_used": trace.turns_used,
        "finished": trace.finished,
        "stop_reason": trace.stop_reason,
        "codes": trace.codes,
    }


def check(trace: Trace, expected: dict[str, Any]) -> None:
    found = facts(trace)
    for name, value in expected.items():
        if isinstance(value, set):
            assert value <= found[name], found[name]
        elif isinstance(value, tuple):
            assert found[name] in value
        else:
            assert found[name] == value, name


each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)


@each_row
def test_faithful_mode_keeps_the_mistakes(row: Row) -> None:
    check(run_session(played(row), row.handler, "faithful", row.max_turns), row.faithful)


@each_row
def test_strict_mode_does_what_is_right(row: Row) -> None:
    check(run_session(played(row), row.handler, "strict", row.max_turns), row.strict)


@pytest.mark.shared
@pytest.mark.skipif(not seed_loop.SEED.exists(), reason="the loop lies beside the project")
@each_row
def test_faithful_mode_equals_the_loop_itself(row: Row) -> None:
    assert_same(lambda: played(row), row.handler, row.max_turns)


def assert_same(answered: Callable[[], list[Any]], handler: Handler, max_turns: int) -> None:
    """Compare a run in faithful mode with the loop itself, in everything that either reports."""
    messages, recorder = [dict(TASK)], Recorder(handler)
    result, escaped = seed_loop.run_seed(
        answered(), recorder, messages, SCHEMAS, set(NAMES), max_turns
    )
    ours = run_session(answered(), handler, "faithful", max_turns)
    assert ours.escaped == escaped
    assert without_made_ids(ours.messages) == without_made_ids(messages)
    assert ours.dispatched == recorder.calls
    if result is None:
        return
    assert ours.turns_used == result.turns_used
    assert ours.finished == result.finished_naturally
    assert ours.reasoning == result.reasoning_per_turn
    assert [error_of(error) for error in ours.tool_errors] == [
        error_of(error) for error in result.tool_errors
    ]


def error_of(error: Any) -> tuple[Any, ...]:
    """Return a recorded error, or its text if the loop recorded a list or a number."""
    kept = error.arguments
    arguments = kept if isinstance(kept, str) else json.dumps(kept, separators=(",", ":"))
    return error.turn, str(error.tool_name), arguments, error.error, error.tool_result


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "x", LS, "{", "[1]"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.just("command"), inner),
    max_leaves=3,
)
TEXTS = st.lists(
    st.sampled_from([CALL, "<tool_call>", "</tool_call>", " so ", '{"name": "terminal"}', "[]"]),
    max_size=4,
).map("".join)
SOME_NAMES = st.sampled_from([*NAMES, "teleport", None, 5, ["terminal"], {}, ""])
SOME_IDS = st.sampled_from(["c1", "", None, ABSENT, 7])
CALLS = st.one_of(
    st.builds(as_object, SOME_NAMES, VALUES, st.sampled_from(["c1", None])),
    st.builds(as_dict, SOME_NAMES, VALUES, SOME_IDS),
    st.fixed_dictionaries(
        {}, optional={"name": SOME_NAMES, "arguments": VALUES, "function": VALUES}
    ),
)
MESSAGES = st.builds(
    message,
    TEXTS | VALUES,
    st.none() | st.lists(CALLS, max_size=3) | VALUES,
    reasoning=st.sampled_from(["", "hm", None]),
)


@pytest.mark.shared
@pytest.mark.skipif(not seed_loop.SEED.exists(), reason="the loop lies beside the project")
@settings(max_examples=150, deadline=None)
@given(st.lists(MESSAGES, max_size=2), VALUES)
def test_faithful_mode_equals_the_loop_itself_for_any_reply(
    replies: list[Any], result: Any
) -> None:
    def fresh() -> list[Any]:
        return [*copy.deepcopy(replies), message("done")]

    assert_same(fresh, answers(result), 30)
