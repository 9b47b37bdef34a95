"""`export --to atif`: what Harbor's own models accept, and what reads back the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.atif import FORMAT
from hermes_tui.formats.base import RunBuilder
from hermes_tui.formats.writers import atif
from hermes_tui.model.errors import HermesError
from hermes_tui.model.events import (
    Event,
    MessageAppended,
    RunStarted,
    ToolCallProposed,
    ToolReturned,
)
from hermes_tui.model.messages import (
    ArgumentsState,
    ErrorMark,
    IdState,
    Message,
    Origin,
    ToolCall,
    ToolResult,
    Usage,
)
from hermes_tui.model.spans import ByteRange
from hermes_tui.runtime.opener import FoundRun, open_file, read_events, survey
from hermes_tui.runtime.targets import expand_paths
from tests.formats.test_writers import RUN, RUNS, numbered, said


def written(*events: Event) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(atif.write(numbered(*events)))
    return document


def proposed(call_id: str | None, arguments: str = '{"a": 1}', index: int = 0) -> ToolCallProposed:
    try:
        value, state = json.loads(arguments), ArgumentsState.JSON_STRING
    except ValueError:
        value, state = None, ArgumentsState.NOT_JSON
    given_id = IdState.GIVEN if call_id else IdState.MISSING
    call = ToolCall(index, "ls", arguments, state, value, call_id, given_id, Origin.DICT)
    return ToolCallProposed(seq=0, call=call)


def returned(call_id: str | None, content: str = "ok", **fields: Any) -> ToolReturned:
    return ToolReturned(seq=0, result=ToolResult(content, call_id=call_id, **fields))


def test_results_stand_in_the_step_of_their_call() -> None:
    document = written(
        said("user", "list"),
        said("assistant", "I look.", calls=2),
        proposed("c1"),
        proposed("c2", index=1),
        returned("c2", "second"),
        said("tool", "second", results=1),
        returned("c1", "first", error=ErrorMark("flag", "is_error")),
        said("tool", "first", results=1),
        said("assistant", "Done."),
    )
    user, looking, done = document["steps"]
    assert [step["step_id"] for step in document["steps"]] == [1, 2, 3]
    assert [step["source"] for step in document["steps"]] == ["user", "agent", "agent"]
    assert looking["observation"]["results"] == [
        {"source_call_id": "c2", "content": "second"},
        {"source_call_id": "c1", "content": "first", "extra": {"is_error": True}},
    ]
    assert "observation" not in user and "observation" not in done


def test_calls_without_ids_get_some_and_their_results_are_paired_by_order() -> None:
    document = written(
        said("assistant", "", calls=2),
        proposed(None),
        proposed(None, index=1),
        returned(None, "first"),
        said("tool", "first", results=1),
        returned(None, "second"),
        said("tool", "second", results=1),
    )
    (step,) = document["steps"]
    ids = [call["tool_call_id"] for call in step["tool_calls"]]
    assert [result["source_call_id"] for result in step["observation"]["results"]] == ids
    assert [call["extra"] for call in step["tool_calls"]] == [{"id": "missing"}] * 2


def test_arguments_that_are_no_object_are_kept_as_they_arrived() -> None:
    document = written(said("assistant", "", calls=1), proposed("c1", '{"a": '))
    (call,) = document["steps"][0]["tool_calls"]
    assert call["arguments"] == {"raw": '{"a": '}
    assert call["extra"] == {"arguments_text": '{"a": '}


def test_a_result_of_no_call_names_the_id_it_came_with() -> None:
    document = written(said("assistant", "hm"), returned("lost"), said("tool", "ok", results=1))
    assert document["steps"][0]["observation"]["results"] == [
        {"content": "ok", "extra": {"call_id": "lost"}}
    ]


def test_usage_is_written_by_step_and_added_up() -> None:
    usage = Usage(prompt_tokens=10, completion_tokens=2, cost_usd=0.5, reasoning_tokens=1)
    reply = MessageAppended(
        seq=0, message=Message("assistant", "hi", usage=usage, time_s=1_700_000_000.0)
    )
    document = written(RunStarted(seq=0, run_id="r", model="m"), reply, reply)
    assert document["session_id"] == "r"
    assert document["agent"]["model_name"] == "m"
    assert document["steps"][0]["timestamp"] == "2023-11-14T22:13:20+00:00"
    assert document["steps"][0]["metrics"]["extra"] == {"reasoning_tokens": 1}
    assert document["final_metrics"] == {
        "total_prompt_tokens": 20,
        "total_completion_tokens": 4,
        "total_cost_usd": 1.0,
        "total_steps": 2,
    }


def test_what_was_written_reads_back_the_same() -> None:
    log = numbered(
        said("system", "Be brief."),
        said("assistant", "", calls=2, finish_reason="tool_calls"),
        proposed("c1"),
        proposed("c2", "{'a': 1", index=1),
        returned("c1", "one"),
        said("tool", "one", results=1),
        said("environment", "a bell rings"),
    )
    build = RunBuilder(ByteRange(0, 1))
    FORMAT.read(json.loads(atif.write(log)), build)
    calls = [event.call for event in build.events if isinstance(event, ToolCallProposed)]
    messages = [event.message for event in build.events if isinstance(event, MessageAppended)]
    assert [(call.id, call.name, call.arguments_state) for call in calls] == [
        ("c1", "ls", ArgumentsState.JSON_STRING),
        ("c2", "ls", ArgumentsState.NOT_JSON),
    ]
    assert calls[1].arguments_text == "{'a': 1"
    assert [message.role for message in messages] == ["system", "assistant", "environment"]
    assert messages[1].finish_reason == "tool_calls"
    results = [event.result for event in build.events if isinstance(event, ToolReturned)]
    assert [(result.call_id, result.content) for result in results] == [("c1", "one")]


def accepted(text: str) -> None:
    models = pytest.importorskip("harbor.models.trajectories")
    models.Trajectory.model_validate_json(text)


def test_the_models_of_harbor_accept_a_run_with_everything_in_it() -> None:
    accepted(atif.write(RUN))


@settings(max_examples=150, deadline=None)
@given(RUNS)
def test_the_models_of_harbor_accept_any_run(run: tuple[Event, ...]) -> None:
    accepted(atif.write(run))


@pytest.mark.shared
def test_the_models_of_harbor_accept_every_real_run(trajectories: Path) -> None:
    runs = 0
    for target in expand_paths([str(trajectories)]):
        try:
            file = open_file(target.path, whole=True)
        except HermesError:
            continue
        found = [step.ref for step in survey(file) if isinstance(step, FoundRun) and step.final]
        for ref in found[:3]:
            accepted(atif.write(read_events(ref)))
            runs += 1
        file.close()
    assert runs > 100
