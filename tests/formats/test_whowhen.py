from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.readers.whowhen import FORMAT
from hermes_tui.model.events import MessageAppended, SourceDefect
from hermes_tui.model.messages import GOLD_FAILURE
from tests.formats.foreign import (
    any_json,
    counts_with_errors,
    document,
    ended,
    format_of,
    found_codes,
    lines,
    messages,
    only,
    read_bytes,
    read_value,
    runs,
    sample,
    started,
)

RUN: dict[str, Any] = {
    "question": "Which house was cheapest?",
    "question_ID": "q1",
    "ground_truth": "1010000",
    "is_corrected": False,
    "history": [
        {"role": "human", "content": "Which house was cheapest?"},
        {"role": "Orchestrator (-> WebSurfer)", "content": "Search for it."},
        {"role": "WebSurfer", "content": "I typed it."},
    ],
    "mistake_agent": "WebSurfer",
    "mistake_step": "2",
    "mistake_reason": "Typed, but did not search.",
}


@pytest.mark.parametrize("data", [document(RUN), lines(RUN, RUN), document([RUN, RUN])])
def test_single_runs_lines_and_lists_are_recognised(data: bytes) -> None:
    assert format_of(data) == "whowhen"
    assert len(messages(read_bytes(FORMAT, data))) == 3 * len(runs(read_bytes(FORMAT, data)))


def test_the_step_that_broke_the_run_is_marked() -> None:
    assert [message.flags for message in messages(read_value(FORMAT, RUN))] == [
        (),
        (),
        (GOLD_FAILURE,),
    ]


def test_messages_carry_the_names_of_their_agents() -> None:
    events = read_value(FORMAT, RUN)
    assert [(message.role, message.author) for message in messages(events)] == [
        ("user", "human"),
        ("assistant", "Orchestrator (-> WebSurfer)"),
        ("assistant", "WebSurfer"),
    ]
    assert found_codes(events) == ["JUDGED_WRONG:note"]


def test_names_given_with_usual_roles_are_the_speakers() -> None:
    turn = {"role": "user", "name": "Computer_terminal", "content": "exitcode: 0"}
    (message,) = messages(read_value(FORMAT, {**RUN, "history": [turn], "mistake_step": "0"}))
    assert (message.role, message.author) == ("user", "Computer_terminal")


def test_the_label_and_the_ground_truth_are_in_the_metadata() -> None:
    events = read_value(FORMAT, RUN)
    start = started(events)
    assert (start.run_id, start.task) == ("q1", "Which house was cheapest?")
    assert start.details["mistake_reason"] == "Typed, but did not search."
    assert start.details["ground_truth"] == "1010000"
    assert ended(events).status == "failed"


@pytest.mark.parametrize("step", ["3", "-1", "two", "1.5", {}])
def test_a_label_that_does_not_fit_is_noted(step: Any) -> None:
    events = read_value(FORMAT, {**RUN, "mistake_step": step})
    assert found_codes(events) == ["SOURCE_DEFECT:note"]
    assert not any(message.flags for message in messages(events))


def test_a_label_for_another_agent_is_noted() -> None:
    events = read_value(FORMAT, {**RUN, "mistake_agent": "Coder"})
    assert found_codes(events) == ["SOURCE_DEFECT:note", "JUDGED_WRONG:note"]


def test_a_non_message_is_a_defect_at_its_location() -> None:
    (defect,) = only(read_value(FORMAT, {**RUN, "history": [7]}), SourceDefect)
    assert defect.at is not None
    assert defect.at.pointer == "/history/0"
    assert only(read_value(FORMAT, [RUN]), SourceDefect)


@settings(max_examples=100, deadline=None)
@given(any_json("history", "role", "content", "name", "mistake_step", "mistake_agent"))
def test_reading_and_sniffing_never_raise(value: Any) -> None:
    for item in (value, {"history": value, "mistake_step": value, "mistake_agent": value}):
        FORMAT.sniff(sample(item))
        read_value(FORMAT, item)
    read_value(FORMAT, {**RUN, "history": [value], "mistake_step": "0"})


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "size", "step"),
    [("whowhen-handcrafted-30.json", 121, 82), ("whowhen-algorithm-80.json", 8, 0)],
)
def test_real_files_match_their_manifest(
    name: str, size: int, step: int, trajectories: Path
) -> None:
    data = (trajectories / "24-autogen" / name).read_bytes()
    assert format_of(data) == "whowhen"
    events = read_bytes(FORMAT, data)
    history = messages(events)
    assert counts_with_errors(events) == (1, size, 0, 0)
    assert [index for index, one in enumerate(history) if GOLD_FAILURE in one.flags] == [step]


def test_the_reason_of_the_failure_is_reported_at_the_step() -> None:
    long = "Typed, but did not search. " * 20
    for reason, text in ((RUN["mistake_reason"], RUN["mistake_reason"]), (long, long[:119] + "…")):
        events = read_value(FORMAT, {**RUN, "mistake_reason": reason})
        (found,) = only(events, MessageAppended)[-1].diagnostics
        assert (str(found.code), str(found.severity), found.message) == (
            "JUDGED_WRONG",
            "note",
            text,
        )
        assert found.hint == ("" if text == reason else reason.strip())
