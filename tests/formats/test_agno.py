"""Sessions and runs of Agno."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.framing import Unit
from hermes_tui.formats.reader import split_runs
from hermes_tui.formats.readers.agno.reader import FORMAT
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.log.summary import fold_run, summarise
from hermes_tui.model.diagnostics import Code
from hermes_tui.model.events import Event, RequestFailed, RunStarted, SourceDefect, ToolReturned
from hermes_tui.model.spans import ByteRange
from hermes_tui.runtime.databases.export import export_lines
from hermes_tui.runtime.sidecars import read_sidecars, without_sidecars
from tests.formats.foreign import (
    any_json,
    calls,
    dialog,
    document,
    ended,
    format_of,
    lines,
    messages,
    only,
    read_bytes,
    read_value,
    results,
    runs,
    sample,
    started,
)

FOLDER = Path(__file__).parents[1] / "fixtures" / "agno"
RUNS = FOLDER / "agno_runs.json"


def read(path: Path) -> dict[str, list[Event]]:
    """Return the events of each run in a file, by the ids of the runs."""
    data = b"".join(export_lines(path)) if path.suffix == ".db" else path.read_bytes()
    assert format_of(data) == "agno"
    before, found = split_runs(tuple(read_bytes(FORMAT, data)))
    assert before == ()
    return {started(list(events)).run_id: list(events) for events in found}


@pytest.mark.parametrize("name", ["agno_runs.json", "agno3.db", "agno2.db"])
def test_the_runs_of_a_session_are_one_run_with_the_request_that_failed(name: str) -> None:
    events = read(FOLDER / name)["weather-1"]
    assert only(events, SourceDefect) == []
    assert dialog(events) == [
        ("system", "Answer briefly."),
        ("user", "What is the weather in Zürich and in Atlantis?"),
        ("assistant", "I will look at both cities."),
        ("tool", "Zürich: 21 °C, clear"),
        ("tool", "no such city: Atlantis"),
        ("assistant", ""),
        ("tool", "Bern: 21 °C, clear"),
        ("assistant", ""),
        ("tool", "Error: The requested tool does not exist or is not available."),
        ("assistant", "Zürich: 21 °C, clear ☀. Atlantis is not known."),
        ("user", "Which city did I ask about first?"),
        ("assistant", "You asked about Zürich first."),
        ("user", "And now a very long question"),
    ]
    [failure] = only(events, RequestFailed)
    assert failure.message == "This model's maximum context length is 8192 tokens."
    run, end = started(events), ended(events)
    assert (run.model, run.task) == ("plain", "What is the weather in Zürich and in Atlantis?")
    assert (run.details["agent"], run.details["user"]) == ("Forecaster", "u-1")
    assert run.details["statuses"] == {"COMPLETED": 2, "ERROR": 1}
    assert (end.status, end.stop_reason) == ("error", "ERROR")
    row = summarise(fold_run(events)[0])
    assert (row.prompt_tokens, row.completion_tokens, row.reasoning) == (600, 110, 1)


def test_results_have_the_error_the_time_and_the_duration_of_their_tool() -> None:
    events = read(RUNS)["weather-1"]
    assert [(call.id, call.name) for call in calls(events)] == [
        ("call_a1", "weather"),
        ("call_a2", "weather"),
        ("call_b1", "weather"),
        ("call_c1", "forecast"),
    ]
    assert [(one.call_id, one.name) for one in results(events)] == [
        (call.id, call.name) for call in calls(events)
    ]
    assert [one.error.kind if one.error else "" for one in results(events)] == [
        "",
        "flag",
        "",
        "heuristic",
    ]
    returned = only(events, ToolReturned)[0]
    execution = json.loads(RUNS.read_bytes())[0]["run_data"]["tools"][0]["metrics"]
    assert (returned.ts, returned.result.duration_s) == (
        execution["end_time"],
        execution["duration"],
    )
    codes = {finding.code for finding in fold_run(events)[1]}
    assert codes == {Code.TOOL_ERROR, Code.ARGS_INVALID, Code.REQUEST_ERROR}


def test_a_reply_has_its_tokens_and_duration() -> None:
    first = next(one for one in messages(read(RUNS)["weather-1"]) if one.role == "assistant")
    assert first.usage is not None
    assert (first.usage.prompt_tokens, first.usage.completion_tokens) == (100, 20)
    assert (first.usage.cached_tokens, first.usage.reasoning_tokens) == (64, 7)
    assert first.duration_s
    assert first.reasoning[0].text == "Two cities: two calls at once."


@pytest.mark.parametrize("name", ["agno_runs.json", "agno3.db", "agno2.db", "sessions2.json"])
def test_a_member_of_a_team_has_a_run_below_the_call_that_started_it(name: str) -> None:
    found = read(FOLDER / name)
    team = started(found["team-1"])
    [member] = [run for run in map(started, found.values()) if run.parent_run_id == "team-1"]
    assert team.details["agent"] == "Desk"
    assert team.details["subagents"] == {"call_t1": member.run_id}
    assert member.details["called_by"] == "call_t1"
    assert (member.task, member.model, member.details["agent"]) == (
        "Weather of Zürich",
        "member",
        "Scout",
    )
    assert [call.id for call in calls(found["team-1"])] == ["call_t1"]
    assert [call.id for call in calls(found[member.run_id])] == ["call_m1"]


@pytest.mark.parametrize("name", ["agno_runs.json", "sessions2.json"])
def test_a_workflow_has_the_outcomes_of_its_steps_and_a_run_for_each(name: str) -> None:
    found = read(FOLDER / name)
    main = found["flow-1"]
    assert [(one.role, one.author) for one in messages(main)] == [
        ("user", ""),
        ("assistant", "fetch"),
        ("assistant", "write"),
    ]
    assert calls(main) == []
    steps = [run for run in map(started, found.values()) if run.parent_run_id == "flow-1"]
    assert [run.details["agent"] for run in steps] == ["Fetcher", "Writer"]
    assert [len(calls(found[run.run_id])) for run in steps] == [1, 1]


def test_nested_steps_and_failed_ones_are_shown() -> None:
    run = {
        "run_id": "r",
        "workflow_id": "w",
        "input": {"city": "Chur"},
        "step_results": [
            [
                {
                    "step_name": "a",
                    "content": "A",
                    "steps": [{"step_name": "b", "content": {"n": 1}}],
                }
            ],
            {"step_name": "c", "success": False, "error": "no such city"},
        ],
    }
    events = read_value(FORMAT, run)
    assert dialog(events) == [
        ("user", '{"city":"Chur"}'),
        ("assistant", "A"),
        ("assistant", '{"n":1}'),
        ("assistant", "no such city"),
    ]
    assert messages(events)[-1].flags == ("failed",)


def test_messages_copied_from_the_history_are_shown_once() -> None:
    events = read(RUNS)["hist-1"]
    assert dialog(events) == [
        ("user", "first question"),
        ("assistant", "one"),
        ("user", "second question"),
        ("assistant", ""),
        ("tool", "Chur: 21 °C, clear"),
        ("assistant", "two"),
    ]


def test_calls_that_no_message_has_come_before_the_last_reply() -> None:
    events = read(RUNS)["bare-1"]
    assert [one.role for one in messages(events)] == ["user", "assistant", "tool", "assistant"]
    assert [(call.id, call.arguments) for call in calls(events)] == [("call_h2", {"city": "Chur"})]
    assert [one.content for one in results(events)] == ["Chur: 21 °C, clear"]


def test_a_run_without_messages_has_its_input_and_its_answer() -> None:
    run = {
        "run_id": "r",
        "agent_id": "a",
        "input": {"input_content": "hi"},
        "content": "hello",
        "metrics": {"input_tokens": 3, "output_tokens": 4},
    }
    events = read_value(FORMAT, run)
    assert dialog(events) == [("user", "hi"), ("assistant", "hello")]
    usage = messages(events)[1].usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens) == (3, 4)


def test_a_lone_run_has_its_own_id() -> None:
    data = (FOLDER / "run.json").read_bytes()
    assert format_of(data) == "agno"
    events = read_bytes(FORMAT, data)
    run = json.loads(data)
    assert started(events).run_id == run["run_id"]
    assert started(events).details["session"] == "weather-1"
    assert ended(events).status == "ok"
    events = read_bytes(FORMAT, lines(run, {**run, "run_id": "second"}))
    assert [one.run_id for one in runs(events)] == ["weather-1"]
    assert len(calls(events)) == 8


def test_a_paused_run_waits_for_its_call() -> None:
    events = read(RUNS)["paused-1"]
    assert ended(events).stop_reason == "PAUSED"
    assert Code.CALL_UNANSWERED in {finding.code for finding in fold_run(events)[1]}


def test_the_file_of_sessions_adds_to_the_file_of_runs() -> None:
    [shown] = without_sidecars([RUNS, FOLDER / "agno_sessions.json"])
    assert shown == RUNS
    build = RunBuilder(ByteRange(0, 1), sidecars=read_sidecars(FORMAT, RUNS))
    FORMAT.read(json.loads(RUNS.read_bytes()), build)
    assert started(build.events).details["titles"] == ["Zürich and others"]


def test_images_of_a_message_are_parts_of_it() -> None:
    message = {"role": "user", "content": "Look", "images": [{"url": "https://host/a.png"}]}
    events = read_value(FORMAT, {"run_id": "r", "agent_id": "a", "messages": [message]})
    assert [part.kind for part in messages(events)[0].parts] == ["text", "image"]


def test_values_that_are_not_runs_or_messages_are_reported_in_their_place() -> None:
    listed = [7, {"role": 1}, {"role": "user", "content": "hi"}]
    run = {"run_id": "r", "agent_id": "a", "messages": listed}
    events = read_value(FORMAT, {"session_id": "s", "agent_data": {}, "runs": ["odd", run]})
    defects = only(events, SourceDefect)
    assert [(one.message, one.at.pointer) for one in defects] == [
        ("not a run", "/runs/0"),
        ("not a message", "/runs/1/messages/0"),
        ("not a message", "/runs/1/messages/1"),
    ]
    assert dialog(events) == [("user", "hi")]


def test_runs_that_name_one_another_as_parents_are_all_shown() -> None:
    first = {"run_id": "a", "parent_run_id": "b", "agent_id": "x", "content": "A"}
    second = {"run_id": "b", "parent_run_id": "a", "agent_id": "x", "content": "B"}
    events = read_value(FORMAT, [first, second])
    assert sorted(text for _, text in dialog(events)) == ["A", "B"]


@given(
    any_json("run_id", "messages", "tools", "tool_call_id", "tool_args", "member_id", "role"),
    any_json("step_results", "steps", "content", "metrics", "input", "member_responses"),
)
@settings(max_examples=150, deadline=None)
def test_reading_never_raises(value: Any, inner: Any) -> None:
    run = {"run_id": "r", "agent_id": "a", "status": "ERROR", "created_at": 1}
    rows = (
        value,
        {**run, "messages": value, "tools": inner, "metrics": inner},
        {**run, "messages": [value, {"role": "tool", "tool_call_id": value}], "tools": [inner]},
        {**run, "step_results": value, "member_responses": inner, "input": inner},
        {**run, "run_id": value, "parent_run_id": inner, "session_id": value},
    )
    for row in rows:
        FORMAT.sniff(sample(row))
        for unit in Unit:
            read_value(FORMAT, row, unit)
        read_value(FORMAT, [row, {**run, "run_id": "s", "parent_run_id": "r"}])
        read_value(FORMAT, {"session_id": value, "team_data": inner, "runs": [row, run]})
        read_value(FORMAT, [{"run_id": "r", "session_id": inner, "run_data": row}])


def test_a_document_of_sessions_opens_as_runs() -> None:
    data = document(json.loads((FOLDER / "sessions2.json").read_bytes()))
    assert len([one for one in read_bytes(FORMAT, data) if isinstance(one, RunStarted)]) == 5
