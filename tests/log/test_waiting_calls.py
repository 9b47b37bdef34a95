"""Results are paired with waiting calls as by a search of all calls, but in constant time."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.log.open_calls import OpenCall
from hermes_tui.log.waiting_calls import WaitingCalls
from hermes_tui.model.messages import ToolResult
from tests.timing import Work, assert_linear

IDS = st.sampled_from(["a", "b", "c", "", None])
NAMES = st.sampled_from(["ls", "cat", "", None])
RESULTS = st.builds(ToolResult, st.just("ok"), call_id=IDS, name=NAMES)
CALLS = st.builds(
    OpenCall,
    seq=st.integers(0, 99),
    turn=st.just(1),
    id=IDS,
    name=NAMES,
    index=st.integers(0, 3),
    in_text=st.booleans(),
)


def answered(waiting: Sequence[OpenCall], result: ToolResult) -> OpenCall | None:
    """Return the call that `result` answers, found by a search of all calls."""
    if result.call_id:
        for call in waiting:
            if call.id == result.call_id:
                return call
    possible = [call for call in waiting if not (call.id and result.call_id)]
    for call in possible:
        if not result.name or call.name == result.name:
            return call
    return possible[0] if possible else None


class SearchedCalls:
    """The model of `WaitingCalls`: a list that is searched and copied."""

    def __init__(self, calls: list[OpenCall]) -> None:
        self.calls = calls

    def add(self, call: OpenCall) -> None:
        self.calls.append(call)

    def take(self, result: ToolResult) -> OpenCall | None:
        taken = self.take_all([result])
        return taken[0] if taken else None

    def take_all(self, results: list[ToolResult]) -> list[OpenCall] | None:
        left, taken = self.calls, []
        for result in results:
            call = answered(left, result)
            if call is None:
                return None
            taken.append(call)
            left = [one for one in left if one is not call]
        self.calls = left
        return taken

    def take_in_text(self) -> tuple[OpenCall, ...]:
        taken = tuple(call for call in self.calls if call.in_text)
        self.calls = [call for call in self.calls if not call.in_text]
        return taken

    def has_index(self, call_index: int) -> bool:
        return any(call.index == call_index for call in self.calls)

    def drop(self, call_index: int) -> None:
        self.calls = [call for call in self.calls if call.index != call_index]

    def drop_last(self) -> None:
        self.calls = self.calls[:-1]


STEPS = st.one_of(
    st.tuples(st.just("add"), CALLS),
    st.tuples(st.just("take"), RESULTS),
    st.tuples(st.just("take_all"), st.lists(RESULTS, max_size=4)),
    st.tuples(st.just("has_index"), st.integers(0, 3)),
    st.sampled_from([("take_in_text",), ("drop", 1), ("drop_last",)]),
)


@settings(max_examples=300)
@given(
    st.lists(CALLS, max_size=9) | st.lists(CALLS, min_size=10, max_size=20),
    st.lists(STEPS, max_size=25),
)
def test_calls_are_found_as_by_a_search_of_all(
    calls: list[OpenCall], steps: list[tuple[object, ...]]
) -> None:
    waiting, model = WaitingCalls(calls), SearchedCalls(calls)
    for name, *arguments in steps:
        copy, before = waiting.copy(), list(model.calls)
        found = getattr(waiting, str(name))(*arguments)
        assert found == getattr(model, str(name))(*arguments)
        assert list(waiting) == model.calls
        assert (len(waiting), bool(waiting)) == (len(model.calls), bool(model.calls))
        assert list(copy) == before and copy == WaitingCalls(before)
        assert (waiting == copy) == (model.calls == before)
    assert pickle.loads(pickle.dumps(waiting)) == waiting


def test_results_of_which_one_answers_no_call_change_nothing() -> None:
    for count in (2, 20):
        calls = [OpenCall(at, 1, "a", "ls", at) for at in range(count)]
        waiting = WaitingCalls(calls)
        own = ToolResult("ok", call_id="a")
        assert waiting.take_all([own, own, ToolResult("ok", call_id="b")]) is None
        assert list(waiting) == calls
        assert waiting.take_all([own] * count) == calls


def by_id(call: OpenCall) -> ToolResult:
    return ToolResult("ok", call_id=call.id)


def by_name(call: OpenCall) -> ToolResult:
    return ToolResult("ok", name=call.name)


def by_a_foreign_id_and_name(call: OpenCall) -> ToolResult:
    return ToolResult("ok", call_id="foreign", name=call.name)


def in_order(waiting: WaitingCalls, calls: list[OpenCall]) -> None:
    for call in calls:
        assert waiting.take(ToolResult("ok")) is call


def backwards_by(result_of: Callable[[OpenCall], ToolResult]) -> Callable[..., None]:
    def take_each(waiting: WaitingCalls, calls: list[OpenCall]) -> None:
        for call in reversed(calls):
            assert waiting.take(result_of(call)) is call

    return take_each


def beside_an_orphan(waiting: WaitingCalls, calls: list[OpenCall]) -> None:
    for call in reversed(calls):
        own = by_name(call)
        assert waiting.take_all([own, own, ToolResult("ok", call_id="foreign")]) is None
        assert waiting.take(own) is call


def dropped_backwards(waiting: WaitingCalls, calls: list[OpenCall]) -> None:
    for call in reversed(calls):
        waiting.drop(call.index)
        assert not waiting.has_index(call.index)


def one_in_text_at_a_time(waiting: WaitingCalls, calls: list[OpenCall]) -> None:
    in_text = OpenCall(0, 1, None, "f", 0, in_text=True)
    for _ in calls:
        waiting.add(in_text)
        assert waiting.take_in_text() == (in_text,)


@pytest.mark.parametrize(
    ("answer_all", "has_ids"),
    [
        pytest.param(in_order, False, id="in order"),
        pytest.param(backwards_by(by_id), True, id="backwards by id"),
        pytest.param(backwards_by(by_name), False, id="backwards by name"),
        pytest.param(backwards_by(by_a_foreign_id_and_name), False, id="by name without id"),
        pytest.param(beside_an_orphan, True, id="beside an orphan"),
        pytest.param(dropped_backwards, True, id="dropped backwards"),
        pytest.param(one_in_text_at_a_time, True, id="one in text at a time"),
    ],
)
def test_the_time_grows_linearly_with_the_waiting_calls(
    answer_all: Callable[[WaitingCalls, list[OpenCall]], None], has_ids: bool
) -> None:
    def answering(count: int) -> Work:
        calls = [
            OpenCall(at, 1, f"c{at}" if has_ids else None, f"f{at}", at) for at in range(count)
        ]

        def work() -> None:
            waiting = WaitingCalls()
            waiting.extend(calls)
            answer_all(waiting, calls)

        return work

    assert_linear(answering, 8_000)
