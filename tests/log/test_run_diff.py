"""The comparison of two runs, step by step and turn by turn."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from hermes_tui.log.run_diff import DiffRow, first_difference, run_diff
from hermes_tui.log.run_steps import steps
from hermes_tui.model.events import Event, RunEnded, ToolCallProposed, copy_event
from hermes_tui.model.messages import ArgumentsState, ToolCall
from tests.log.runs import answer, says


def calls(name: str, arguments: str) -> ToolCallProposed:
    return ToolCallProposed(
        seq=0, call=ToolCall(0, name, arguments, ArgumentsState.JSON_STRING, arguments={})
    )


def turn(text: str, *more: Event) -> list[Event]:
    return [says("assistant", text), *more]


def sides(rows: Iterable[DiffRow]) -> list[tuple[str, str]]:
    return [
        (row.left.text if row.left else "", row.right.text if row.right else "") for row in rows
    ]


def test_turns_are_counted_if_the_file_has_none() -> None:
    log = [says("user", "do"), *turn("one", calls("ls", "{}"), answer("a")), *turn("two")]
    assert [(step.turn, step.text) for step in steps(log)] == [
        (0, "do"), (1, "one"), (1, "{}"), (1, "a"), (2, "two"),
    ]  # fmt: skip


def test_a_result_is_named_after_the_call_that_it_answers() -> None:
    def named(name: str, call_id: str) -> ToolCallProposed:
        arrived = ToolCall(0, name, "{}", ArgumentsState.JSON_STRING, arguments={}, id=call_id)
        return ToolCallProposed(seq=0, call=arrived)

    proposed = turn("", named("ls", "c1"), named("cat", "c2"), named("rm", "c3"))
    by_id = [*proposed, answer("a", call_id="c2"), answer("b"), answer("c")]
    assert [step.title for step in steps(by_id)][-3:] == ["cat", "ls", "rm"]


def test_a_result_that_names_its_tool_names_its_call_too() -> None:
    log = turn("", calls("ls", "{}"), calls("cat", "{}"), answer("a", name="ls"), answer("b"))
    assert [step.title for step in steps(log)][-2:] == ["ls", "cat"]


def test_arguments_are_compared_by_their_meaning() -> None:
    spaced = [says("assistant", "", calls=1), calls("ls", '{"a": 1, "b": [2]}')]
    dense = [says("assistant", "", calls=1), calls("ls", '{"b":[2],"a":1}')]
    assert first_difference(run_diff(spaced, dense)) is None
    torn = [says("assistant", "", calls=1), calls("ls", '{"b":[2],"a":')]
    assert first_difference(run_diff(dense, torn)) is not None


def test_results_are_compared_by_their_meaning_but_texts_verbatim() -> None:
    spaced, dense = '{"a": 1, "b": [2]}', '{"b":[2],"a":1}'
    assert first_difference(run_diff([answer(spaced)], [answer(dense)])) is None
    assert first_difference(run_diff([answer("5 ")], [answer("5")])) is not None
    runs = [says("assistant", spaced)], [says("assistant", dense)]
    assert first_difference(run_diff(*runs)) is not None


def test_runs_part_at_a_result_that_only_one_counts_as_an_error() -> None:
    parted = first_difference(run_diff([answer("3")], [answer("3", error="the source says so")]))
    assert parted is not None
    assert (parted.left and parted.left.error, parted.right and parted.right.error) == ("", "flag")


def test_a_scored_run_does_not_differ_from_its_replay_which_has_no_score() -> None:
    replay = [*turn("done"), RunEnded(seq=0, status="ok", stop_reason="finished")]
    scored = [*replay, copy_event(replay[-1], reward=1.0)]
    assert first_difference(run_diff(scored, replay)) is None
    assert first_difference(run_diff([*turn("done"), RunEnded(seq=0)], replay)) is not None


def test_a_turn_that_only_one_run_has_does_not_shift_the_others() -> None:
    first, last = turn("go", calls("ls", "{}"), answer("x")), turn("done")
    extra = turn("again", calls("cat", "{}"), answer("y"))
    rows = run_diff([*first, *last], [*first, *extra, *last])
    assert [row.is_same for row in rows] == [True, True, True, False, False, False, True]
    assert sides(rows)[3:6] == [("", "again"), ("", "{}"), ("", "y")]


def test_differing_steps_are_paired_turn_by_turn() -> None:
    left = [*turn("a1", calls("ls", "{}")), *turn("a2")]
    right = [*turn("b1", calls("ls", '{"p": 1}')), *turn("b2")]
    rows = run_diff(left, right)
    assert sides(rows) == [("a1", "b1"), ("{}", '{"p": 1}'), ("a2", "b2")]
    parted = first_difference(rows)
    assert parted is not None and parted.left is not None and parted.left.text == "a1"


def test_steps_of_different_kinds_are_never_paired() -> None:
    left = turn("", *(calls("ls", "{}") for _ in range(300)))
    right = turn("", *(answer(str(number)) for number in range(300)))
    rows = run_diff(left, right)
    assert all(
        row.left is None or row.right is None or row.left.kind is row.right.kind for row in rows
    )


_EVENTS = st.lists(
    st.one_of(
        st.builds(says, st.sampled_from(["user", "assistant", "tool"]), st.sampled_from("abc")),
        st.builds(calls, st.sampled_from(["ls", "cat"]), st.sampled_from(["{}", "[1]", "{"])),
        st.builds(answer, st.sampled_from("xy")),
    ),
    max_size=30,
).map(lambda events: [copy_event(event, seq=seq) for seq, event in enumerate(events)])


@given(_EVENTS, _EVENTS)
def test_every_step_of_both_runs_is_in_the_comparison_once_and_in_order(
    left: list[Event], right: list[Event]
) -> None:
    rows = run_diff(left, right)
    assert [row.left.seq for row in rows if row.left] == [step.seq for step in steps(left)]
    assert [row.right.seq for row in rows if row.right] == [step.seq for step in steps(right)]
    assert all(row.left or row.right for row in rows)


@given(_EVENTS)
def test_a_run_does_not_differ_from_itself(log: list[Event]) -> None:
    assert first_difference(run_diff(log, list(log))) is None
