"""The rows of a run: their turns, their links, and the way from one row to the next."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from hermes_tui.log.event_log import MemoryLog
from hermes_tui.log.query import calls_of_turn, findings_at
from hermes_tui.log.timeline import RowKind, Timeline
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.events import Event, MessageAppended, ResponseReceived, copy_event
from hermes_tui.model.messages import Origin
from tests.log.events_strategy import logs
from tests.log.runs import answer, call, codes, ended, says, started, suspect, timeline
from tests.timing import Work, assert_linear


def links(lines: Timeline) -> list[int | None]:
    return [lines.linked_seq(row) for row in range(len(lines))]


def in_text(name: str = "f", call_id: str | None = None, index: int = 0) -> Event:
    return call(name, call_id, index, Origin.TEXT)


def test_a_call_in_text_is_linked_to_the_message_that_answers_it() -> None:
    lines = timeline(
        says("assistant"), in_text(), says("user", "3 files"), says("assistant", "done")
    )
    assert codes(lines) == []
    assert links(lines) == [None, 2, 1, None]
    answering = lines.log[2]
    assert isinstance(answering, MessageAppended) and answering.message.text == "3 files"


def test_several_calls_in_text_share_an_answer_that_links_back_to_the_first() -> None:
    lines = timeline(says("assistant"), in_text(), in_text(index=1), says("user", "both"), ended())
    assert links(lines) == [None, 3, 3, 1, None]


def test_a_call_in_content_that_a_parser_read_is_linked_to_its_answer() -> None:
    answer = says("user", "OBSERVATION: fine")
    lines = timeline(suspect("<tool_call>…"), in_text(), answer, ended())
    assert codes(lines) == [("CALL_IN_CONTENT", "note")]
    kinds = [(lines.kind(row), lines.linked_seq(row)) for row in range(len(lines))]
    assert (RowKind.CALL, 2) in kinds
    assert kinds[-2] == (RowKind.MESSAGE, 1)


def test_an_unanswered_call_in_content_has_no_link() -> None:
    lines = timeline(suspect("<tool_call>…"), in_text(), says("user", "hello?"))
    assert set(links(lines)) == {None}


def test_calls_in_content_are_linked_to_their_tool_results_one_by_one() -> None:
    lines = timeline(
        suspect("<tool_call>…<tool_call>…"),
        in_text(),
        in_text(index=1),
        answer("one"),
        says("tool", "one", results=1),
        says("assistant", "done"),
    )
    assert codes(lines) == [("CALL_IN_CONTENT", "note")]
    linked = [lines.linked_seq(row) for row in range(len(lines)) if not lines.finding(row)]
    assert linked == [None, 3, 3, 1, None]


@pytest.mark.parametrize("reply", [says("assistant"), suspect("<tool_call>…<tool_call>…")])
def test_calls_in_text_are_answered_by_the_messages_of_their_tools_in_turn(reply: Event) -> None:
    lines = timeline(
        reply,
        in_text(),
        in_text(index=1),
        answer("one", name="f"),
        says("tool", "one", results=1),
        answer("one", name="f"),
        says("tool", "two", results=1),
        says("assistant", "done"),
    )
    assert [code for code in codes(lines) if code[0] != "CALL_IN_CONTENT"] == []
    linked = [lines.linked_seq(row) for row in range(len(lines)) if not lines.finding(row)]
    assert linked == [None, 3, 5, 1, 2, None]


def test_a_result_beyond_the_calls_in_the_text_is_an_orphan() -> None:
    results = [answer("one", name="f"), says("tool", "one", results=1)]
    lines = timeline(says("assistant"), in_text(), *results, *results, says("assistant", "done"))
    assert codes(lines) == [("RESULT_ORPHAN", "warning")]


def test_a_finding_about_a_reply_as_received_belongs_to_the_message_that_follows() -> None:
    raised = Diagnostic(Code.PARSER_RAISED, Severity.WARNING, "the parser failed")
    received = ResponseReceived(seq=0, turn=1, diagnostics=(raised,))
    lines = timeline(says("user"), received, says("assistant", "…"), ended())
    (row,) = (row for row in range(len(lines)) if lines.finding(row))
    assert lines.message_number(row) == 2
    assert lines.message_number(row - 1) == 2
    assert lines.message_row(2) == row + 1
    lost = timeline(says("user"), received, ended())
    assert [lost.message_number(row) for row in range(len(lost)) if lost.finding(row)] == [1]


@pytest.mark.parametrize("role", ["user", "tool"])
def test_a_message_that_only_holds_results_is_shown_by_their_rows(role: str) -> None:
    lines = timeline(
        says("user", "look"),
        says("assistant"),
        call("f", "a"),
        call("g", "b", index=1),
        answer("one", "a"),
        answer("two", "b"),
        says(role, "", results=2),
        says("assistant", "done"),
    )
    rows = [(lines.kind(row), lines.turn(row)) for row in range(len(lines))]
    results = [(RowKind.RESULT, 1)] * 2
    assert rows[2:] == [(RowKind.CALL, 1)] * 2 + results + [(RowKind.MESSAGE, 2)]
    assert lines.message_row(3) == lines.row_of(5)


def test_messages_after_the_last_reply_join_its_turn_once_the_run_is_complete() -> None:
    events = [
        says("user"),
        says("assistant", "so"),
        says("user", "thanks"),
        says("environment", "bye"),
    ]
    log = MemoryLog([copy_event(event, seq=seq) for seq, event in enumerate(events)])
    lines = Timeline(log)
    lines.advance()
    assert [lines.turn(row) for row in range(4)] == [1, 1, 2, 2]
    log.complete = True
    lines.advance()
    assert [lines.turn(row) for row in range(4)] == [1, 1, 1, 1]


def test_a_run_without_a_reply_has_no_turn() -> None:
    lines = timeline(started(), says("user", "anybody there?"))
    assert [lines.turn(row) for row in range(2)] == [0, 0]


@pytest.mark.parametrize(
    ("what", "rows"), [("call", [2, 3, 7]), ("turn", [1, 6]), ("problem", [5, 8])]
)
def test_rows_of_a_kind_are_visited_in_order_both_ways(what: str, rows: list[int]) -> None:
    lines = timeline(
        says("user"), says("assistant"), call("a"), call("b", index=1), answer("1"),
        says("assistant"), call("a"),
    )  # fmt: skip
    assert list(lines.rows_from(what, -1, 1)) == rows
    assert list(lines.rows_from(what, len(lines), -1)) == rows[::-1]
    assert list(lines.rows_from(what, rows[0], 1)) == rows[1:]
    assert list(lines.rows_from(what, rows[1], -1)) == rows[:1]


@settings(max_examples=60, deadline=None)
@given(logs())
def test_navigation_agrees_with_the_rows(events: list[Event]) -> None:
    lines = timeline(*events)
    rows = range(len(lines))
    calls = [row for row in rows if lines.kind(row) is RowKind.CALL]
    assert list(lines.rows_from("call", -1, 1)) == calls
    problems = [row for row in rows if lines.kind(row) in (RowKind.ERROR, RowKind.WARNING)]
    assert list(lines.rows_from("problem", -1, 1)) == problems
    for row in rows:
        assert calls_of_turn(lines, row) == [r for r in calls if lines.turn(r) == lines.turn(row)]
        found = [finding for finding in lines.findings if finding.seq == lines.seq(row)]
        assert findings_at(lines, row) == found
        other = lines.linked_seq(row)
        assert other is None or lines.row_of(other) is not None
    turns = list(lines.rows_from("turn", -1, 1))
    assert turns == [lines.turn_row(turn) for turn in range(1, lines.state.turn + 1)]
    assert lines.turn_row(0) is None and lines.turn_row(lines.state.turn + 1) is None


def test_a_turn_of_many_messages_costs_no_more_to_navigate() -> None:
    def navigating(count: int) -> Work:
        lines = timeline(*[says("user", "x")] * count, says("assistant"), call("f"), answer())

        def work() -> None:
            for row in range(0, count, 30):
                findings_at(lines, row)
                calls_of_turn(lines, row)
                next(lines.rows_from("turn", row, 1))

        return work

    assert_linear(navigating, 30_000)
