"""Runs of LangSmith: batches that are joined, trees, errors, feedback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.detect import detect
from hermes_tui.formats.readers.langsmith import FORMAT
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
    format_of,
    lines,
    messages,
    only,
    read_bytes,
    read_value,
    results,
    runs,
    sample,
)


def message(kind: str, **members: Any) -> dict[str, Any]:
    path = ["langchain", "schema", "messages", kind]
    return {"lc": 1, "type": "constructor", "id": path, "kwargs": members}


USER = message("HumanMessage", content="Add", type="human")
CALLED = message(
    "AIMessage", content="", type="ai", tool_calls=[{"name": "add", "args": {"a": 1}, "id": "c1"}]
)
ANSWER = message("ToolMessage", content="2", type="tool", name="add", tool_call_id="c1")
DONE = message("AIMessage", content="Two.", type="ai")


def run(name: str, kind: str, second: int, parent: str = "root", **more: Any) -> dict[str, Any]:
    return {
        "id": name,
        "trace_id": "root",
        "parent_run_id": parent or None,
        "dotted_order": f"20260102T0304{second:02}000000Z{name}",
        "name": name,
        "run_type": kind,
        "start_time": f"2026-01-02T03:04:{second:02}.000000",
        "end_time": f"2026-01-02T03:04:{second:02}.500000",
        "inputs": {},
        "outputs": None,
        "error": None,
        **more,
    }


ROOT = run(
    "root",
    "chain",
    0,
    "",
    tags=["demo"],
    session_name="default",
    extra={"metadata": {"thread_id": "th1", "revision_id": "v1"}},
    feedback_stats={"quality": {"n": 2, "avg": 0.5}},
)
ASK = run(
    "ask",
    "llm",
    1,
    inputs={"messages": [[USER]]},
    outputs={"generations": [[{"text": "", "message": CALLED}]]},
    extra={
        "metadata": {"ls_model_name": "gpt-example"},
        "invocation_params": {"tools": [{"type": "function", "function": {"name": "add"}}]},
    },
    prompt_tokens=9,
    completion_tokens=4,
    total_cost=0.5,
)
TOOL = run("add", "tool", 2, inputs={"input": "{'a': 1}"}, outputs={"output": ANSWER})
AGAIN = run(
    "again",
    "llm",
    3,
    inputs={"messages": [[USER, CALLED, ANSWER]]},
    outputs={"generations": [[{"text": "Two.", "message": DONE}]]},
)
RUNS = [AGAIN, TOOL, ASK, ROOT]


def start_of(one: dict[str, Any]) -> dict[str, Any]:
    return {**one, "outputs": {}, "end_time": None}


def end_of(one: dict[str, Any]) -> dict[str, Any]:
    keys = ("id", "trace_id", "dotted_order", "outputs", "end_time", "error")
    return {key: one[key] for key in keys}


NESTED = {**ROOT, "child_runs": [{**ASK, "child_runs": []}, TOOL, AGAIN]}


@pytest.mark.parametrize(
    "data",
    [
        document({"post": [*map(start_of, RUNS)], "patch": [*map(end_of, RUNS)]}),
        lines({"post": [*map(start_of, RUNS)]}, {"post": [], "patch": [*map(end_of, RUNS)]}),
        lines(*RUNS),
        document(RUNS),
        document({"runs": RUNS}),
        document(NESTED),
    ],
    ids=["batch", "batches", "a run a line", "list", "listed by the API", "nested"],
)
def test_every_export_of_a_trace_is_one_run(data: bytes) -> None:
    detection = detect(BytesSource(data), formats())
    assert detection.reader is not None
    assert (detection.reader.name, detection.rivals) == ("langsmith", ())
    events = read_bytes(FORMAT, data)
    assert counts(events) == (1, 4, 1)
    assert dialog(events) == [
        ("user", "Add"),
        ("assistant", ""),
        ("tool", "2"),
        ("assistant", "Two."),
    ]
    assert results(events)[0].duration_s == 0.5
    assert fold_run(events)[0].codes == {}


def test_a_run_keeps_its_model_tools_usage_metadata_and_feedback() -> None:
    events = read_value(FORMAT, RUNS)
    (start,) = runs(events)
    assert (start.run_id, start.model, start.task) == ("root", "gpt-example", "Add")
    assert [tool.name for tool in start.tools] == ["add"]
    about = {"tags": ["demo"], "project": "default", "thread_id": "th1"}
    assert about.items() <= start.details.items()
    assert "revision_id" not in start.details
    end = ended(events)
    assert end.scores == {"quality": 0.5}
    assert end.usage is not None
    assert (end.usage.prompt_tokens, end.usage.cost_usd) == (9, 0.5)


def test_values_on_another_line_are_located_there() -> None:
    data = lines({"post": [start_of(ASK)]}, {"patch": [end_of(ASK)]})
    events = read_bytes(FORMAT, data)
    first, second = [event.at for event in events if event.at and "puts" in event.at.pointer][:2]
    assert first.pointer.startswith("/post/0/inputs")
    assert second.pointer.startswith("/patch/0/outputs")
    assert first.range.end <= second.range.start


def test_errors_of_requests_and_tools_are_reported() -> None:
    failed = {**TOOL, "error": "ValueError('boom')\nTraceback …", "outputs": None}
    events = read_value(FORMAT, [ROOT, ASK, failed])
    (result,) = results(events)
    assert result.error is not None
    assert "boom" in result.content
    refused = {**ASK, "error": "429", "outputs": None}
    events = read_value(FORMAT, [{**ROOT, "error": "gave up"}, refused])
    assert [one.message for one in only(events, RequestFailed)] == ["429"]
    assert (ended(events).status, ended(events).stop_reason) == ("error", "gave up")


def test_a_graph_inside_a_tool_is_a_child_run() -> None:
    graph = run("LangGraph", "chain", 2, "add")
    inner = run("inner", "llm", 2, "LangGraph", inputs={"messages": [[USER]]}, outputs=DONE)
    events = read_value(FORMAT, [ROOT, ASK, TOOL, graph, inner, AGAIN])
    assert [(found.run_id, found.parent_run_id) for found in runs(events)] == [
        ("root", ""),
        ("LangGraph", "root"),
    ]


def test_chat_completions_and_texts_are_read_as_outputs_and_inputs() -> None:
    plain = run("plain", "llm", 1, "", inputs={"prompts": ["Hi"]}, trace_id="plain")
    plain["outputs"] = {"choices": [{"message": {"role": "assistant", "content": "Yes"}}]}
    events = read_value(FORMAT, [plain])
    assert dialog(events) == [("user", "Hi"), ("assistant", "Yes")]


def test_traces_in_one_file_are_kept_apart() -> None:
    other = {**ASK, "id": "x", "trace_id": None, "dotted_order": "20260102T030401000000Zother.y"}
    assert [found.run_id for found in runs(read_value(FORMAT, [ASK, other]))] == ["root", "other"]


def test_a_value_that_is_not_a_run_is_a_defect() -> None:
    events = read_value(FORMAT, [ASK, {"feedback": 1}, 7])
    assert [defect.at.pointer for defect in only(events, SourceDefect)] == ["/1", "/2"]
    assert len(runs(events)) == 1


@settings(max_examples=50, deadline=None)
@given(any_json("post", "patch", "id", "trace_id", "inputs", "outputs", "child_runs", "extra"))
def test_reading_and_sniffing_never_raise(value: Any) -> None:
    for item in (value, [value], {"post": value, "patch": [value]}, {"post": [ASK, value]}):
        FORMAT.sniff(sample(item))
        fold_run(read_value(FORMAT, item))
    for key in ASK:
        fold_run(read_value(FORMAT, [ROOT, {**ASK, key: value}, {**TOOL, key: value}]))
    assert messages(read_value(FORMAT, RUNS)) and calls(read_value(FORMAT, RUNS))


@pytest.mark.shared
def test_a_real_batch_is_a_request_and_its_reply(trajectories: Path) -> None:
    data = (trajectories / "14-traces" / "langsmith_py_wrap_openai_reasoning.json").read_bytes()
    assert format_of(data) == "langsmith"
    events = read_bytes(FORMAT, data)
    assert counts(events) == (1, 2, 0)
    assert runs(events)[0].model == "o1-mini"
    assert ended(events).usage is not None
    assert only(events, SourceDefect) == []
