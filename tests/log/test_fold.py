"""Mistakes between messages are found, and reported at their place."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.log.summary import fold_run
from hermes_tui.log.timeline import RowKind
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.events import Event, RunEnded, Stopped, copy_event
from hermes_tui.model.messages import Origin
from tests.log.events_strategy import logs
from tests.log.runs import answer, call, codes, ended, says, started, suspect, timeline
from tests.timing import Work, assert_linear


def test_a_clean_run_has_no_findings() -> None:
    lines = timeline(
        started("terminal"),
        says("user", "hi"),
        says("assistant"),
        call("terminal", "c1"),
        answer(call_id="c1"),
        says("tool", "ok", results=1),
        says("assistant", "done"),
        ended(),
    )
    assert codes(lines) == []
    assert lines.state.turn == 2


@pytest.mark.parametrize("reason", ["RateLimitError('429')", ""])
def test_a_run_that_ended_in_an_error_is_never_clean(reason: str) -> None:
    end = RunEnded(seq=0, status="error", stop_reason=reason)
    lines = timeline(says("user", "hi"), says("assistant", "so"), end)
    assert codes(lines) == [("RUN_ERROR", "error")]
    assert lines.findings[0].message.startswith(reason or "the source says only")
    assert (lines.findings[0].seq, lines.findings[0].number) == (2, 2)


def test_an_error_that_explains_the_end_of_a_run_is_enough() -> None:
    end = RunEnded(seq=0, status="error", stop_reason="boom")
    own = Diagnostic(Code.RUN_ERROR, Severity.ERROR, "boom")
    cut = Diagnostic(Code.TRUNCATED, Severity.ERROR, "the reply was cut")
    cut_reply = copy_event(says("assistant", "so"), diagnostics=(cut,))
    assert codes(timeline(cut_reply, end)) == [("TRUNCATED", "error")]
    explained = copy_event(end, diagnostics=(own,))
    assert codes(timeline(says("assistant", "so"), explained)) == [("RUN_ERROR", "error")]


def test_a_call_without_a_result_is_unanswered() -> None:
    lines = timeline(says("assistant"), call("f", "c1"), says("assistant", "next"))
    assert codes(lines) == [("CALL_UNANSWERED", "error")]
    assert lines.findings[0].seq == 1
    assert lines.findings[0].turn == 1


def test_a_call_open_at_the_end_is_a_warning() -> None:
    assert codes(timeline(says("assistant"), call("f"))) == [("CALL_UNANSWERED", "warning")]


@pytest.mark.parametrize(
    ("start", "end", "message", "hint"),
    [
        ({}, (ended(),), "before the run ended", ""),
        ({}, (), "by the end of what was saved", ""),
        ({"source_format": "native"}, (), "by the end of what was saved", ""),
        (
            {"source_format": "native", "details": {"live": {}}},
            (Stopped(seq=0, stop_point="before_dispatch"),),
            "by the end of what was saved",
            "`hermes-tui live --resume FILE` continues there",
        ),
    ],
    ids=["ended", "of others", "a loop's own", "live"],
)
def test_an_open_call_is_reported_to_outlive_the_run_only_if_the_run_ended(
    start: dict[str, Any], end: tuple[Event, ...], message: str, hint: str
) -> None:
    (found,) = timeline(started(**start), says("assistant"), call("f"), *end).findings[:1]
    assert found.message == f"call f of turn 1 got no result {message}"
    assert found.hint == hint


def test_calls_that_nobody_was_to_answer_are_not_reported() -> None:
    alone = (started(lone_reply=True), says("user", "hi"), says("assistant"), call("f"))
    assert codes(timeline(*alone)) == codes(timeline(*alone, ended())) == []
    assert codes(timeline(*alone, says("assistant", "next"))) == [("CALL_UNANSWERED", "error")]


def test_results_are_paired_by_id_before_order() -> None:
    lines = timeline(
        says("assistant"),
        call("a", "c1", 0),
        call("b", "c2", 1),
        answer("second", "c2"),
        answer("first", "c1"),
    )
    assert codes(lines) == []
    assert [lines.linked_seq(row) for row in range(1, 5)] == [4, 3, 2, 1]


def test_results_without_ids_are_paired_in_order() -> None:
    lines = timeline(says("assistant"), call("a"), call("b", index=1), answer("1"), answer("2"))
    assert codes(lines) == []
    assert [lines.linked_seq(row) for row in (1, 2)] == [3, 4]


def test_a_result_without_a_call_is_an_orphan() -> None:
    lines = timeline(says("user"), answer(call_id="c9"))
    assert codes(lines) == [("RESULT_ORPHAN", "warning")]
    message = "the result answers no call: none with id 'c9' was open"
    assert lines.findings[0].message == message


def test_a_result_whose_id_matches_no_call_is_an_orphan() -> None:
    lines = timeline(says("assistant"), call("a", "c1"), answer(call_id="other"), ended())
    assert codes(lines) == [("RESULT_ORPHAN", "warning"), ("CALL_UNANSWERED", "warning")]


@pytest.mark.parametrize(("again_in_turn", "severity"), [(1, "error"), (2, "warning")])
def test_an_id_used_twice_is_reported(again_in_turn: int, severity: str) -> None:
    first = [says("assistant"), call("a", "c1"), answer(call_id="c1")]
    between = [says("assistant")] if again_in_turn == 2 else []
    lines = timeline(*first, *between, call("b", "c1"), answer(call_id="c1"))
    assert codes(lines) == [("ID_DUPLICATE", severity)]


@pytest.mark.parametrize(
    ("name", "near"), [("terminl", "terminal"), ("TERMINAL", "terminal"), ("file", "read_file")]
)
def test_the_most_similar_name_is_suggested_for_an_unknown_one(name: str, near: str) -> None:
    lines = timeline(started("terminal", "read_file"), says("assistant"), call(name), answer())
    assert codes(lines) == [("NAME_UNKNOWN", "error")]
    assert lines.findings[0].hint == f"nearest: {near}"


def test_the_hint_shows_that_there_are_more_tools_than_it_lists() -> None:
    many = [f"tool_number_{n}" for n in range(50)]
    hint = timeline(started(*many), says("assistant"), call("x"), answer()).findings[0].hint
    assert hint.startswith("declared: tool_number_0, ") and hint.endswith("…") and len(hint) == 300


def test_no_name_is_unknown_if_no_tools_are_declared() -> None:
    assert codes(timeline(started(), says("assistant"), call("anything"), answer())) == []


def test_an_unanswered_call_in_content_is_an_error() -> None:
    lines = timeline(suspect("<tool_call>…"), call("f", origin=Origin.TEXT), ended())
    assert codes(lines) == [("CALL_IN_CONTENT", "error")]


def test_an_answered_call_in_content_is_a_note() -> None:
    lines = timeline(
        suspect("<tool_call>…"),
        call("f", origin=Origin.TEXT),
        says("user", "OBSERVATION: fine"),
        says("assistant", "done"),
    )
    assert codes(lines) == [("CALL_IN_CONTENT", "note")]


IN_TEXT = (suspect("<tool_call>…"), call("f", origin=Origin.TEXT))
OBSERVED = (*IN_TEXT, says("user", "OBSERVATION: fine"))


def test_a_user_who_once_answered_calls_in_text_may_answer_in_any_words() -> None:
    lines = timeline(*OBSERVED, *IN_TEXT, says("user", "Your command ran."), says("assistant", "-"))
    assert codes(lines) == [("CALL_IN_CONTENT", "note")] * 2


def test_the_last_call_of_a_client_that_reads_calls_from_texts_ends_the_run() -> None:
    assert codes(timeline(*OBSERVED, *IN_TEXT, ended())) == [("CALL_IN_CONTENT", "note")] * 2


def test_a_message_without_a_role_answers_no_calls_in_the_text() -> None:
    lines = timeline(*IN_TEXT, says("", "And now?"), says("assistant", "-"))
    assert codes(lines) == [("CALL_IN_CONTENT", "error")]


@pytest.mark.parametrize("answer", ["<tool_response>1</tool_response>", "OBSERVATION: fine"])
def test_the_answer_of_a_tool_does_not_make_the_user_one_who_answers_calls(answer: str) -> None:
    """Covers the end of the run, too: a loop that read the earlier calls missed the last one."""
    answered = (*IN_TEXT, says("tool", answer))
    lines = timeline(*answered, *IN_TEXT, says("user", "And now?"), says("assistant", "-"))
    expected = [("CALL_IN_CONTENT", "note"), ("CALL_IN_CONTENT", "error")]
    assert codes(lines) == expected
    assert codes(timeline(*answered, *IN_TEXT, ended())) == expected


def test_an_unreadable_last_call_is_lost_even_if_others_were_answered() -> None:
    lines = timeline(*OBSERVED, suspect("<tool_call>{"), ended())
    assert codes(lines) == [("CALL_IN_CONTENT", "note"), ("CALL_IN_CONTENT", "error")]


def test_a_call_in_content_is_an_error_if_a_live_run_stops_for_it() -> None:
    stopped = Stopped(seq=0, stop_point="parse_failure")
    lines = timeline(suspect("<tool_call>…"), call("f", origin=Origin.TEXT), stopped)
    assert codes(lines) == [("CALL_IN_CONTENT", "error")]
    assert codes(timeline(*lines.log, ended())) == codes(lines)


def test_a_call_in_content_comes_before_the_next_message() -> None:
    lines = timeline(suspect("<tool_call>…"), call("f", origin=Origin.TEXT), says("user", "hello?"))
    kinds = [lines.kind(row) for row in range(4)]
    assert kinds == [RowKind.MESSAGE, RowKind.CALL, RowKind.ERROR, RowKind.MESSAGE]


def test_a_tool_message_with_one_result_has_one_row() -> None:
    lines = timeline(
        says("assistant"), call("a"), answer("x"), says("tool", "x", results=1), ended()
    )
    assert [lines.kind(row).name for row in range(len(lines))] == [
        "MESSAGE",
        "CALL",
        "RESULT",
        "EVENT",
    ]


@settings(max_examples=60, deadline=None)
@given(logs())
def test_every_finding_has_a_row_and_rows_of_events_are_in_order(events: list[Event]) -> None:
    lines = timeline(*events)
    shown = [lines.finding(row) for row in range(len(lines))]
    assert [finding for finding in shown if finding] == list(lines.findings)
    order = [lines.seq(row) for row in range(len(lines)) if lines.finding(row) is None]
    assert order == sorted(set(order))
    for row in range(len(lines)):
        if lines.finding(row) is None:
            assert lines.row_of(lines.seq(row)) == row


@pytest.mark.parametrize("ids", [True, False], ids=["by their ids", "in their order"])
def test_the_time_grows_linearly_with_the_calls_of_a_reply(ids: bool) -> None:
    def folding(count: int) -> Work:
        numbers = [f"c{index}" if ids else None for index in range(count)]
        calls = [call("f", number, index) for index, number in enumerate(numbers)]
        results = [
            event
            for number in numbers
            for event in (answer(call_id=number), says("tool", "ok", results=1))
        ]
        run = [says("assistant", calls=count), *calls, *results, says("assistant", "done")]
        numbered = [copy_event(event, seq=seq) for seq, event in enumerate(run)]
        assert not fold_run(numbered)[1]
        return lambda: fold_run(numbered)

    assert_linear(folding, 4_000)
