from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.readers.swe_agent_rows import FORMAT
from hermes_tui.log.summary import fold_run
from hermes_tui.model.events import SourceDefect
from tests.formats.foreign import (
    any_json,
    calls,
    dialog,
    document,
    ended,
    format_of,
    lines,
    only,
    read_value,
    results,
    sample,
    started,
)

ROW: dict[str, Any] = {
    "instance_id": "repo__1",
    "model_name": "swe-llama",
    "target": True,
    "exit_status": "submitted",
    "generated_text": "diff",
    "trajectory": [
        {"role": "system", "system_prompt": "Be an agent."},
        {"role": "user", "text": "We solve an issue.\nISSUE:\nCrash on start\nIt crashes."},
        {"role": "ai", "text": "DISCUSSION\nLook.\n```\nls -a\n```"},
        {"role": "user", "text": "a.py\n(Open file: n/a)"},
        {"role": "ai", "text": "Done."},
    ],
}


@pytest.mark.parametrize("data", [document([ROW, ROW]), lines(ROW, ROW)])
def test_rows_are_recognised(data: bytes) -> None:
    assert format_of(data) == "swe-agent-rows"


def test_a_fenced_command_is_a_call_and_the_next_turn_its_output() -> None:
    events = read_value(FORMAT, ROW)
    (call,) = calls(events)
    assert (call.name, call.arguments) == ("ls", {"command": "ls -a"})
    assert [result.content for result in results(events)] == ["a.py\n(Open file: n/a)"]
    assert [role for role, _ in dialog(events)] == [
        "system",
        "user",
        "assistant",
        "user",
        "assistant",
    ]
    assert not fold_run(events)[0].codes


def test_a_run_is_named_after_its_issue_and_records_whether_it_was_solved() -> None:
    events = read_value(FORMAT, ROW)
    start, end = started(events), ended(events)
    assert (start.run_id, start.task, start.model) == ("repo__1", "Crash on start", "swe-llama")
    assert (end.status, end.stop_reason) == ("ok", "submitted")
    assert ended(read_value(FORMAT, {**ROW, "target": False})).status == "failed"


def test_a_non_turn_is_a_defect_at_its_location() -> None:
    (defect,) = only(read_value(FORMAT, {"trajectory": [7]}), SourceDefect)
    assert defect.at.pointer == "/trajectory/0"
    assert only(read_value(FORMAT, {"trajectory": 7}), SourceDefect)


@settings(max_examples=100, deadline=None)
@given(any_json("trajectory", "role", "text", "system_prompt", "target", "exit_status"))
def test_reading_and_sniffing_never_raise(value: Any) -> None:
    turns = [value, {"role": "ai", "text": value}, {"role": value, "text": f"```\n{value}"}]
    for item in (value, {"trajectory": value, "target": value}, {**ROW, "trajectory": turns}):
        FORMAT.sniff(sample(item))
        read_value(FORMAT, item)
