"""A search covers everything that the panes show of a row."""

from __future__ import annotations

import pytest

from hermes_tui.log.query import describe, row_texts
from hermes_tui.log.timeline import Timeline
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.events import (
    Event,
    RequestFailed,
    RunEnded,
    RunStarted,
    SourceDefect,
    Stopped,
    ToolCallProposed,
    ToolReturned,
)
from hermes_tui.model.messages import (
    ArgumentsState,
    ContentPart,
    ErrorMark,
    Reasoning,
    ToolCall,
    ToolResult,
    ToolSpec,
)
from tests.log.runs import answer, call, says, timeline

HINTED = Diagnostic(Code.ARGS_INVALID, Severity.ERROR, "not JSON", hint="a brace is missing")
IMAGE = ContentPart("image", "[image 3 KB]", media_type="image/png", size=3000)
PARAMETERS = {"type": "object", "properties": {"path": {"description": "where to look"}}}
EVENTS: dict[str, tuple[Event, list[str]]] = {
    "parts": (
        says("user", "see", parts=(ContentPart("text", "see"), IMAGE, ContentPart("json", "{7}"))),
        ["see", "[image 3 KB]", "image/png", "{7}"],
    ),
    "message": (
        says(
            "assistant",
            "done",
            author="planner",
            finish_reason="length",
            flags=("compaction",),
            reasoning=(Reasoning("reasoning_content", "because"),),
        ),
        ["done", "planner", "length", "compaction", "because"],
    ),
    "call": (
        ToolCallProposed(
            seq=0,
            call=ToolCall(
                0, "cat", r'{"path": "caf\u00e9"}', ArgumentsState.JSON_STRING,
                arguments={"path": "café"}, id="call_9",
            ),
        ),
        ["cat", r"caf\u00e9", "café", "call_9"],
    ),
    "result": (
        ToolReturned(
            seq=0,
            result=ToolResult("boom", "call_7", "terminal", error=ErrorMark("flag", "exit code 2")),
        ),
        ["boom", "call_7", "terminal", "exit code 2"],
    ),
    "start": (
        RunStarted(
            seq=0,
            task="fix it",
            model="hermes-4",
            tools=(ToolSpec("find", "Looks for files.", PARAMETERS),),
            details={"env": {"cwd": "/srv", "retries": 3}, "tags": ["nightly"]},
        ),
        ["fix it", "hermes-4", "find", "Looks for files.", "where to look", "cwd", "/srv", "3",
         "nightly"],
    ),
    "end": (
        RunEnded(seq=0, status="failed", reward=0.5, scores={"lint": 0.25}, details={"by": "CI"}),
        ["failed", "reward 0.5", "lint", "0.25", "CI"],
    ),
    "failed request": (
        RequestFailed(
            seq=0, message="no reply", body="<html>", chain=("APIError", "timed out after 60 s"),
            diagnostics=(HINTED,),
        ),
        ["not JSON", "a brace is missing", "ARGS_INVALID", "no reply", "timed out", "<html>"],
    ),
    "defect": (SourceDefect(seq=0, message="byte 7", excerpt='{"ro'), ["byte 7", '{"ro']),
    "other event": (Stopped(seq=0, stop_point="before-call"), ["Stopped", "before-call"]),
}  # fmt: skip


def found(lines: Timeline) -> list[str]:
    return [text for row in range(len(lines)) for text in row_texts(lines, row)]


@pytest.mark.parametrize("name", EVENTS)
def test_everything_shown_of_a_row_is_searched(name: str) -> None:
    event, wanted = EVENTS[name]
    texts = found(timeline(event))
    for text in wanted:
        assert any(text in one for one in texts), text


def test_a_result_is_found_by_the_name_of_the_called_tool() -> None:
    lines = timeline(says("assistant"), call("terminal", "c1"), answer("fine", "c1"))
    assert "terminal" in list(row_texts(lines, 2))


def test_endlessly_nested_arguments_are_searched_without_an_exception() -> None:
    deep: object = "bottom"
    for _ in range(5_000):
        deep = [deep]
    arguments = ToolCall(0, "f", "", ArgumentsState.OBJECT, arguments=deep)
    lines = timeline(ToolCallProposed(seq=0, call=arguments))
    assert "bottom" in found(lines)


def test_a_single_declared_tool_is_shown_in_the_singular() -> None:
    started = RunStarted(seq=0, tools=(ToolSpec("ls"),), tools_declared=True)
    assert "1 tool" in describe(started).split(" · ")
