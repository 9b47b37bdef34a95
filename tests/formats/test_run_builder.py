"""The builder that readers make runs with behaves alike for every format."""

from __future__ import annotations

from hermes_tui.formats.framing import Unit
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.events import MessageAppended, RunEnded, RunStarted, SourceDefect
from hermes_tui.model.spans import ByteRange

RECORD = ByteRange(0, 9)
LINES = (ByteRange(0, 4), ByteRange(4, 9))


def test_the_task_and_the_stop_reason_are_one_line() -> None:
    build = RunBuilder(RECORD)
    build.start(task="\nWhat is new?\nTell me.")
    build.end(stop_reason=f"{'a' * 500}\nb")
    started, ended = build.events
    assert isinstance(started, RunStarted)
    assert isinstance(ended, RunEnded)
    assert started.task == "What is new?"
    assert len(ended.stop_reason) == 120


def test_an_element_that_is_not_a_message_is_a_defect_at_its_location() -> None:
    build = RunBuilder(RECORD)
    build.messages([{"role": "user", "content": "Hi"}, 7], "/messages")
    message, defect = build.events
    assert isinstance(message, MessageAppended)
    assert isinstance(defect, SourceDefect)
    assert defect.at is not None
    assert (defect.at.pointer, defect.excerpt) == ("/messages/1", "7")


def test_elements_point_into_their_list_or_to_their_line() -> None:
    of_list, of_lines = RunBuilder(RECORD), RunBuilder(RECORD, line_ranges=LINES)
    assert list(of_list.placed(["a", "b"], "/runs")) == [("/runs/0", 0, "a"), ("/runs/1", 0, "b")]
    assert list(of_lines.placed(["a", "b"])) == [("", 0, "a"), ("", 1, "b")]
    assert list(of_list.placed({"a": 1}, "/run")) == [("/run", 0, {"a": 1})]


def test_numbering_restarts_for_each_run_unless_the_file_is_one_run() -> None:
    for unit, expected in ((Unit.RUNS, [0, 0]), (Unit.PARTS, [5, 6])):
        build = RunBuilder(RECORD, first_seq=5, unit=unit)
        build.start()
        build.start()
        assert [event.seq for event in build.events] == expected
