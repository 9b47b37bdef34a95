"""The result of a crew of CrewAI and its log of tasks are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings

from hermes_tui.formats.framing import Unit
from hermes_tui.formats.readers.crewai import FORMAT
from hermes_tui.model.events import RunEnded, SourceDefect
from tests.formats.foreign import (
    any_json,
    calls,
    counts,
    dialog,
    document,
    format_of,
    lines,
    only,
    read_bytes,
    read_value,
    results,
    runs,
)
from tests.timing import Work, assert_linear

FOLDER = Path(__file__).parents[1] / "fixtures" / "crewai"
OUTPUT = json.loads((FOLDER / "output.json").read_text())
LOG = json.loads((FOLDER / "log.json").read_text())


def test_each_task_of_a_crew_is_a_run_with_its_messages() -> None:
    assert format_of(document(OUTPUT)) == "crewai"
    events = read_bytes(FORMAT, document(OUTPUT))
    tasks = OUTPUT["tasks_output"]
    assert [run.task for run in runs(events)] == [task["description"] for task in tasks]
    kept = [message for task in tasks for message in task["messages"]]
    asked = [call["id"] for message in kept for call in message.get("tool_calls", ())]
    assert [call.id for call in calls(events)] == asked == ["c1", "c2", "c3"]
    # The messages of the second task end before its answer.
    assert counts(events) == (2, len(kept) + 1, 3)
    assert dialog(events)[-1] == ("assistant", "It is written.")
    assert runs(events)[0].details["agent"] == "clerk"


def test_a_failed_tool_is_an_error_even_if_its_text_does_not_say_so() -> None:
    reworded = json.loads(json.dumps(OUTPUT).replace("Error executing tool: ", "It said: "))
    events = read_bytes(FORMAT, document(reworded))
    assert [bool(result.error) for result in results(events)] == [False, False, True]


def test_an_older_output_without_messages_has_the_question_and_the_answer() -> None:
    task = {key: OUTPUT["tasks_output"][0][key] for key in ("description", "agent", "raw")}
    events = read_bytes(FORMAT, document({"raw": "x", "tasks_output": [task]}))
    assert dialog(events) == [("user", "Look at a and b."), ("assistant", "a and b are there.")]


def test_each_task_of_a_log_is_a_run() -> None:
    for data in (document(LOG), lines(*LOG)):
        assert format_of(data) == "crewai"
        events = read_bytes(FORMAT, data)
        assert dialog(events) == [
            ("user", "Look at a and b."),
            ("assistant", "a and b are there."),
            ("user", "Write it down."),
            ("assistant", "It is written."),
        ]
        assert [end.stop_reason for end in only(events, RunEnded)] == ["completed", "completed"]


def test_concurrent_and_unfinished_tasks_are_distinguished() -> None:
    first, done, second, _ = LOG
    events = read_bytes(FORMAT, document([first, second, done]))
    assert [role for role, _ in dialog(events)] == ["user", "assistant", "user"]
    assert len(only(events, RunEnded)) == 1


def test_a_value_that_is_not_an_entry_is_a_defect() -> None:
    events = read_bytes(FORMAT, document([*LOG, {"timestamp": "?"}]))
    assert [defect.message for defect in only(events, SourceDefect)] == ["not an entry of a log"]


@given(any_json("tasks_output", "description", "agent", "raw", "messages", "tool_failures", "task"))
@settings(max_examples=80)
def test_no_value_raises(value: Any) -> None:
    task = {"description": value, "agent": value, "raw": value, "messages": [value]}
    entry = {"timestamp": value, "task": value, "agent": value, "status": "started"}
    for output in (
        value,
        [value],
        {"tasks_output": [task, value]},
        {"tasks_output": [{**task, "messages": value, "tool_failures": [value]}]},
        [entry, {**entry, "status": "completed", "output": value}],
    ):
        read_value(FORMAT, output, Unit.RUNS)


def test_a_log_of_many_tasks_is_read_in_linear_time() -> None:
    def log(count: int) -> list[dict[str, Any]]:
        started = [{**LOG[0], "task": str(number), "status": "started"} for number in range(count)]
        return started + [{**one, "status": "completed", "output": "x"} for one in started]

    def reading(count: int) -> Work:
        tasks = log(count)
        return lambda: read_value(FORMAT, tasks)

    assert len(runs(read_value(FORMAT, log(4_000)))) == 4_000
    assert_linear(reading, 4_000)
