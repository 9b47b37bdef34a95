"""`export --to atif` writes files that Harbor's own models accept and that read back the same."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from hermes_tui.formats.readers.atif.reader import FORMAT
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.writers import atif
from hermes_tui.log.summary import fold_run
from hermes_tui.model.diagnostics import Code
from hermes_tui.model.errors import HermesError
from hermes_tui.model.events import (
    Event,
    MessageAppended,
    ReplyDiscarded,
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


def test_results_are_written_in_the_step_of_their_call() -> None:
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


def test_calls_without_ids_get_ids_and_results_are_paired_by_order() -> None:
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


def test_arguments_that_are_not_an_object_are_kept_verbatim() -> None:
    document = written(said("assistant", "", calls=1), proposed("c1", '{"a": '))
    (call,) = document["steps"][0]["tool_calls"]
    assert call["arguments"] == {"raw": '{"a": '}
    assert call["extra"] == {"arguments_text": '{"a": '}


def test_a_result_without_a_call_keeps_its_id() -> None:
    document = written(said("assistant", "hm"), returned("lost"), said("tool", "ok", results=1))
    assert document["steps"][0]["observation"]["results"] == [
        {"content": "ok", "extra": {"role": "tool", "call_id": "lost"}}
    ]


def test_a_discarded_reply_is_not_a_step() -> None:
    again = said("assistant", "again", calls=1)
    document = written(again, proposed("c1"), ReplyDiscarded(seq=0), again, proposed("c1"))
    assert len(document["steps"]) == 1


def test_usage_is_written_per_step_and_summed() -> None:
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


def read_back(text: str) -> list[Event]:
    build = RunBuilder(ByteRange(0, 1))
    FORMAT.read(json.loads(text), build)
    return list(build.events)


def test_a_written_run_reads_back_the_same() -> None:
    log = numbered(
        said("system", "Be brief."),
        said("assistant", "", calls=2, finish_reason="tool_calls"),
        proposed("c1"),
        proposed("c2", "{'a': 1", index=1),
        returned("c1", "one"),
        said("tool", "one", results=1),
        said("environment", "a bell rings"),
    )
    events = read_back(atif.write(log))
    calls = [event.call for event in events if isinstance(event, ToolCallProposed)]
    messages = [event.message for event in events if isinstance(event, MessageAppended)]
    assert [(call.id, call.name, call.arguments_state) for call in calls] == [
        ("c1", "ls", ArgumentsState.JSON_STRING),
        ("c2", "ls", ArgumentsState.NOT_JSON),
    ]
    assert calls[1].arguments_text == "{'a': 1"
    assert [message.role for message in messages] == ["system", "assistant", "environment"]
    assert messages[1].finish_reason == "tool_calls"
    results = [event.result for event in events if isinstance(event, ToolReturned)]
    assert [(result.call_id, result.content) for result in results] == [("c1", "one")]


def test_results_without_a_call_read_back_with_their_errors() -> None:
    log = numbered(
        returned("lost", "no such file", name="cat", error=ErrorMark("flag", "is_error")),
        said("tool", "no such file", results=1),
        said("assistant", "hm"),
        returned(None),
        said("tool", "ok", results=1),
    )
    events = read_back(atif.write(log))
    results = [event.result for event in events if isinstance(event, ToolReturned)]
    assert [(result.call_id, result.name) for result in results] == [("lost", "cat"), (None, None)]
    assert [result.error is not None for result in results] == [True, False]


def test_the_input_of_a_custom_tool_reads_back_without_findings() -> None:
    given_call = proposed("c1", "*** Begin Patch").call
    custom = msgspec.structs.replace(given_call, verdict="custom")
    log = numbered(said("assistant", "", calls=1), ToolCallProposed(seq=0, call=custom))
    (found,) = (event for event in read_back(atif.write(log)) if type(event) is ToolCallProposed)
    assert (found.call.verdict, found.call.arguments_text) == ("custom", "*** Begin Patch")
    assert not found.diagnostics


def test_invalid_arguments_read_back_with_their_finding() -> None:
    value = {"a": 1}
    call = msgspec.structs.replace(proposed("c1", "{'a': 1}").call, arguments=value)
    log = numbered(said("assistant", "", calls=1), ToolCallProposed(seq=0, call=call))
    (step,) = json.loads(atif.write(log))["steps"]
    assert step["tool_calls"][0]["arguments"] == value
    (found,) = (event for event in read_back(atif.write(log)) if type(event) is ToolCallProposed)
    assert [diagnostic.code for diagnostic in found.diagnostics] == [Code.ARGS_INVALID]


def run_of(run_id: str, parent: str, text: str) -> tuple[Event, ...]:
    return numbered(RunStarted(seq=0, run_id=run_id, parent_run_id=parent), said("assistant", text))


def test_subagents_are_embedded_in_the_trajectory_of_their_agent() -> None:
    subagents = (
        run_of("b", "a", "first"),
        run_of("d", "b", "inner"),
        run_of("a", "a", "its own child"),
        run_of("b", "a", "second"),
        run_of("e", "elsewhere", "not mine"),
    )
    text = atif.write(run_of("a", "", "outer"), subagents=subagents)
    accepted(text)
    document = json.loads(text)
    subagents = document["subagent_trajectories"]
    assert [each["trajectory_id"] for each in subagents] == ["b", "a", "b_4"]
    assert document["extra"]["subagents_left_out"] == 1
    starts = [event for event in read_back(text) if isinstance(event, RunStarted)]
    assert [(start.run_id, start.parent_run_id) for start in starts] == [
        ("a", ""), ("b", "a"), ("d", "b"), ("a", "a"), ("b_4", "a"),
    ]  # fmt: skip


def test_subagents_are_written_as_deeply_as_they_are_read() -> None:
    chain = [run_of(str(n), str(n - 1), "hi") for n in range(1, 400)]
    text = atif.write(run_of("0", "", "outer"), subagents=chain)
    assert json.loads(text)["extra"]["subagents_left_out"] == 399 - atif.MAX_DEPTH
    starts = [event for event in read_back(text) if isinstance(event, RunStarted)]
    assert len(starts) == 1 + atif.MAX_DEPTH


def test_a_result_keeps_the_reference_to_its_subagent() -> None:
    ref = {"trajectory_id": "in", "session_id": "s"}
    raw = {"subagent_trajectory_ref": [ref | {"novel": 1}, {"session_id": "s"}]}
    document = written(said("assistant", "", calls=1), proposed("c1"), returned("c1", raw=raw))
    accepted(json.dumps(document))
    (result,) = document["steps"][0]["observation"]["results"]
    assert result["subagent_trajectory_ref"] == [ref]


def accepted(text: str) -> None:
    models = pytest.importorskip("harbor.models.trajectories")
    models.Trajectory.model_validate_json(text)


def test_the_models_of_harbor_accept_a_run_with_everything_in_it() -> None:
    accepted(atif.write(RUN))


@settings(max_examples=150, deadline=None)
@given(RUNS)
def test_the_models_of_harbor_accept_any_run(run: tuple[Event, ...]) -> None:
    accepted(atif.write(run))


def real_runs(folder: Path, most: int) -> Iterator[tuple[str, list[Event]]]:
    """Yield the first runs of every file that opens, each with the name of its file."""
    for target in expand_paths([str(folder)]):
        try:
            file = open_file(target.path, whole=True)
        except HermesError:
            continue
        found = [step.ref for step in survey(file) if isinstance(step, FoundRun) and step.final]
        for ref in found[:most]:
            yield file.label, read_events(ref)
        file.close()


def counts(events: Sequence[Event]) -> tuple[int, int, int]:
    state, _ = fold_run(events)
    return state.calls, state.results, state.tool_errors


@pytest.mark.shared
def test_every_real_run_is_accepted_by_harbor_and_reads_back_the_same(
    trajectories: Path,
) -> None:
    runs = 0
    for label, events in real_runs(trajectories, 3):
        text = atif.write(events)
        accepted(text)
        assert counts(read_back(text)) == counts(events), label
        runs += 1
    assert runs > 100


def test_every_sample_reads_back_with_its_calls_and_results(transcripts: Path) -> None:
    for label, events in real_runs(transcripts, 9):
        assert counts(read_back(atif.write(events)))[:2] == counts(events)[:2], label


@pytest.mark.parametrize("key", ["version", "swe_agent_version", "mini_version"])
def test_the_agent_version_comes_from_the_details_of_the_run(key: str) -> None:
    start = RunStarted(seq=0, source_format="swe-agent", details={key: "1.2.3"})
    assert json.loads(atif.write([start]))["agent"] == {"name": "swe-agent", "version": "1.2.3"}
