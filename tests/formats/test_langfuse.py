"""Traces of Langfuse: observations as spans, JSON in texts, scores, costs, levels."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.detect import detect
from hermes_tui.formats.reader import split_runs
from hermes_tui.formats.readers.langfuse.reader import FORMAT
from hermes_tui.formats.registry import formats
from hermes_tui.log.summary import fold_run
from hermes_tui.model.events import RequestFailed, SourceDefect
from tests.bytes_source import BytesSource
from tests.formats.foreign import (
    any_json,
    calls,
    counts,
    dialog,
    document,
    ended,
    lines,
    messages,
    only,
    read_bytes,
    read_value,
    results,
    runs,
    sample,
)


def snake(key: str) -> str:
    return re.sub(r"([A-Z])", r"_\1", key).lower()


USER = {"role": "user", "content": "Weather?"}
CALL = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "c1", "function": {"name": "weather", "arguments": "{}"}}],
}
ANSWER = {"role": "tool", "tool_call_id": "c1", "content": "rain"}
REPLY = {"role": "assistant", "content": "Rain."}


def observation(name: str, kind: str, second: int, **more: Any) -> dict[str, Any]:
    return {
        "id": name,
        "traceId": "t1",
        "parentObservationId": "root",
        "type": kind,
        "name": name,
        "startTime": f"2026-01-02T03:04:{second:02}.000Z",
        "endTime": f"2026-01-02T03:04:{second:02}.500Z",
        "level": "DEFAULT",
        "statusMessage": None,
        **more,
    }


ROOT = observation("root", "SPAN", 0, parentObservationId=None)
ASK = observation(
    "ask",
    "GENERATION",
    1,
    input=json.dumps([USER]),
    output=json.dumps(CALL),
    model="gpt-example",
    usageDetails={"input": 9, "output": 4, "completion_details.reasoning": 2},
    costDetails={"total": 0.25},
)
TOOL = observation("weather", "TOOL", 2, input="{}", output="rain")
AGAIN = observation(
    "again", "GENERATION", 3, input=json.dumps([USER, CALL, ANSWER]), output=REPLY, totalCost=0.5
)
OBSERVATIONS = [AGAIN, TOOL, ROOT, ASK]
TRACE = {
    "id": "t1",
    "projectId": "p",
    "name": "weather bot",
    "userId": "u1",
    "tags": ["a"],
    "environment": "default",
    "metadata": json.dumps({"plan": "free", "scope": {"name": "sdk"}}),
    "scores": [
        {"name": "quality", "value": 0.5, "comment": "Too short."},
        {"name": "verdict", "value": "good"},
    ],
}
EXPORT = {"trace": TRACE, "observations": OBSERVATIONS}


@pytest.mark.parametrize(
    "data",
    [
        document(EXPORT),
        lines(EXPORT),
        document({**TRACE, "observations": OBSERVATIONS}),
        document({"trace": {**TRACE, "observations": OBSERVATIONS}}),
        document(OBSERVATIONS),
        lines(*OBSERVATIONS),
        document({"data": OBSERVATIONS, "meta": {"page": 1}}),
        lines(*({snake(key): item for key, item in one.items()} for one in OBSERVATIONS)),
    ],
    ids=[
        "export",
        "a trace a line",
        "trace of the API",
        "inside the trace",
        "observations",
        "lines",
        "page of the API",
        "lines in snake case",
    ],
)
def test_every_export_of_a_trace_is_one_run(data: bytes) -> None:
    detection = detect(BytesSource(data), formats())
    assert detection.reader is not None
    assert (detection.reader.name, detection.rivals) == ("langfuse", ())
    events = read_bytes(FORMAT, data)
    assert counts(events) == (1, 4, 1)
    assert runs(events)[0].run_id == "t1"
    assert dialog(events)[-1] == ("assistant", "Rain.")
    assert fold_run(events)[0].codes == {}


def test_a_trace_keeps_its_user_scores_and_costs() -> None:
    events = read_value(FORMAT, EXPORT)
    (start,) = runs(events)
    assert (start.model, start.task) == ("gpt-example", "Weather?")
    about = {"trace": "weather bot", "user": "u1", "tags": ["a"], "plan": "free"}
    assert about.items() <= start.details.items()
    assert start.details["score quality"] == "Too short."
    assert "environment" not in start.details
    end = ended(events)
    assert end.scores == {"quality": 0.5}
    assert end.usage is not None
    assert (end.usage.prompt_tokens, end.usage.reasoning_tokens, end.usage.cost_usd) == (9, 2, 0.75)


def test_a_tool_observation_gives_the_call_its_duration_and_error() -> None:
    failed = {**TOOL, "level": "ERROR", "statusMessage": "timed out"}
    events = read_value(FORMAT, {**EXPORT, "observations": [ROOT, ASK, failed, AGAIN]})
    (result,) = results(events)
    assert (result.content, result.duration_s) == ("rain", 0.5)
    assert result.error is not None
    assert "timed out" in result.error.reason


def test_a_number_as_input_is_not_a_token_count() -> None:
    asked = {**ASK, "input": "7", "usageDetails": {"output": 4}}
    (reply,) = messages(read_value(FORMAT, [ROOT, asked]))[-1:]
    assert reply.usage is not None
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (None, 4)


def test_a_failed_generation_has_its_cause() -> None:
    failed = {**ASK, "level": "ERROR", "statusMessage": "429: slow down", "output": None}
    events = read_value(FORMAT, {**EXPORT, "observations": [ROOT, failed]})
    assert [one.message for one in only(events, RequestFailed)] == ["429: slow down"]
    assert (ended(events).status, ended(events).stop_reason) == ("error", "429: slow down")


def test_agents_are_child_runs_of_their_callers() -> None:
    agent = observation("helper", "AGENT", 2)
    other = observation("search", "RETRIEVER", 2, level="WARNING", statusMessage="slow")
    asked = observation("think", "GENERATION", 2, parentObservationId="helper")
    asked |= {"input": json.dumps([{"role": "user", "content": "Go"}]), "output": REPLY}
    events = read_value(FORMAT, {**EXPORT, "observations": [ROOT, ASK, other, agent, asked]})
    first, second = runs(events)
    assert (second.run_id, second.parent_run_id, second.group_id) == ("helper", "t1", "t1")
    assert first.details["notes"] == [{"span": "search", "note": "WARNING: slow"}]
    assert first.group_id == "t1"


def test_agents_and_tools_of_older_exports_are_recognised_by_attributes() -> None:
    metadata = json.dumps({"attributes": {"gen_ai.operation.name": "execute_tool"}})
    tool = {**TOOL, "type": "SPAN", "metadata": metadata, "name": "running tool: weather"}
    agent = observation("helper_agent run", "SPAN", 2)
    asked = observation("think", "GENERATION", 2, parentObservationId="helper_agent run")
    asked |= {"input": "Go", "output": REPLY}
    values = [ROOT, ASK, tool, AGAIN, agent, asked]
    events = read_value(FORMAT, {**EXPORT, "observations": values})
    assert [run.run_id for run in runs(events)] == ["t1", "helper_agent run"]
    assert results(events)[0].duration_s == 0.5


def test_inputs_reduced_to_their_key_names_are_left_out() -> None:
    second = observation("more", "GENERATION", 4, input={"content": "role"}, output=REPLY)
    first = {**ASK, "output": {"role": "assistant", "content": "Let me see."}}
    events = read_value(FORMAT, {**EXPORT, "observations": [ROOT, first, second]})
    assert dialog(events) == [
        ("user", "Weather?"),
        ("assistant", "Let me see."),
        ("assistant", "Rain."),
    ]


def test_the_parameters_of_a_request_are_kept() -> None:
    parameters = {"temperature": "0.5", "tools": "[]"}
    ask = {**ASK, "modelParameters": parameters, "promptName": "greeting"}
    (start,) = runs(read_value(FORMAT, {**EXPORT, "observations": [ROOT, ask]}))
    assert start.details["parameters"] == {"temperature": "0.5"}
    assert start.details["prompt"] == "greeting"


def test_a_trace_that_lists_only_ids_of_observations_shows_its_own_texts() -> None:
    trace = {**TRACE, "input": json.dumps([USER]), "output": "Rain.", "observations": ["o1", "o2"]}
    events = read_value(FORMAT, trace)
    assert dialog(events) == [("user", "Weather?"), ("assistant", "Rain.")]
    assert only(events, SourceDefect) == []


def test_a_trace_without_observations_shows_its_input_and_output() -> None:
    trace = {**TRACE, "input": json.dumps([USER]), "output": "Rain."}
    events = read_value(FORMAT, {"trace": trace, "observations": []})
    assert dialog(events) == [("user", "Weather?"), ("assistant", "Rain.")]


def test_an_item_that_is_not_an_observation_is_a_defect_in_its_place() -> None:
    events = read_value(FORMAT, {**EXPORT, "observations": [*OBSERVATIONS, 7]})
    (defect,) = only(events, SourceDefect)
    assert defect.at is not None
    assert (defect.at.pointer, defect.excerpt) == ("/observations/4", "7")
    assert counts(events) == (1, 4, 1)


def test_secrets_in_metadata_are_masked() -> None:
    trace = {**TRACE, "metadata": {"authorization": "Bearer abcdefgh12345678"}}
    events = read_value(FORMAT, {"trace": trace, "observations": OBSERVATIONS})
    assert "abcdefgh12345678" not in str(runs(events)[0].details)


@settings(max_examples=50, deadline=None)
@given(any_json("trace", "observations", "id", "input", "output", "metadata", "scores", "type"))
def test_reading_and_sniffing_never_raise(value: Any) -> None:
    for item in (value, [value], {"trace": value, "observations": value}):
        FORMAT.sniff(sample(item))
        fold_run(read_value(FORMAT, item))
    for key in (*TRACE, "input", "output"):
        fold_run(read_value(FORMAT, {"trace": {**TRACE, key: value}, "observations": [value]}))
    for key in ASK:
        values = [ROOT, {**ASK, key: value}, {**TOOL, key: value}]
        fold_run(read_value(FORMAT, {**EXPORT, "observations": values}))


@pytest.mark.shared
def test_real_traces_pair_their_calls_and_end_with_a_reply(trajectories: Path) -> None:
    paths = sorted(trajectories.rglob("langfuse-*.json"))
    assert paths
    odd = {"ID_DUPLICATE", "RESULT_ORPHAN", "UNKNOWN_ROLE", "ARGS_OBJECT"}
    for path in paths:
        data = path.read_bytes()
        detection = detect(BytesSource(data), formats())
        assert detection.reader is not None
        assert (detection.reader.name, detection.rivals) == ("langfuse", ())
        for run in split_runs(tuple(read_bytes(FORMAT, data)))[1]:
            events = list(run)
            assert odd.isdisjoint(fold_run(run)[0].codes)
            assert all(call.name for call in calls(events))
            assert messages(events)[-1].role == "assistant"
            assert ended(events).usage is not None
