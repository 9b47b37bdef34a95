"""Sessions of Kimi Code, and of the Kimi CLI before it, are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.framing import Unit
from hermes_tui.formats.readers.kimi.reader import FORMAT
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.log.summary import fold_run
from hermes_tui.model.diagnostics import Code
from hermes_tui.model.events import Event, MessageAppended, RequestFailed
from hermes_tui.model.spans import ByteRange
from tests.formats.foreign import (
    any_json,
    calls,
    dialog,
    document,
    format_of,
    found_codes,
    lines,
    messages,
    only,
    read_bytes,
    results,
    runs,
    started,
)

FOLDER = Path(__file__).parents[1] / "fixtures" / "kimi"
WIRE, CLI_WIRE, CLI_CONTEXT = (
    FOLDER / name for name in ("wire.jsonl", "cli_wire.jsonl", "cli_context.jsonl")
)
ASKED = ["c1", "c2", "c3", "c4", "c5", "c6"]
"""What the scripted server called for first."""


def read(path: Path) -> list[Event]:
    return read_bytes(FORMAT, path.read_bytes())


def event(kind: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "context.append_loop_event", "time": 1795373847523, "event": {"type": kind, **more},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "asked"),
    [(WIRE, [*ASKED, "k1"]), (CLI_WIRE, ASKED), (CLI_CONTEXT, ASKED[:2])],
    ids=lambda value: value.name if isinstance(value, Path) else "",
)
def test_a_session_is_one_run_with_every_call_and_result_once(path: Path, asked: list[str]) -> None:
    assert format_of(path.read_bytes()) == "kimi"
    events = read(path)
    assert [call.id for call in calls(events) if call.id] == asked
    assert sorted(str(result.call_id) for result in results(events)) == asked
    state, findings = fold_run(events)
    assert (state.defects, len(runs(events))) == (0, 1)
    codes = {finding.code for finding in findings}
    assert not codes.intersection({Code.CALL_UNANSWERED, Code.RESULT_ORPHAN, Code.UNKNOWN_ROLE})
    first = next(one for one in messages(events) if one.role == "assistant")
    assert (first.text, first.reasoning[0].text) == ("I look.", "Let me look at two files.")


@pytest.mark.parametrize("path", [WIRE, CLI_WIRE], ids=lambda path: path.name)
def test_arguments_are_those_that_the_model_wrote(path: Path) -> None:
    events = read(path)
    [broken] = [call for call in calls(events) if call.id == "c4"]
    assert broken.arguments_text.endswith("fal")
    assert f"{Code.ARGS_INVALID}:error" in found_codes(events)
    failed = [result.call_id for result in results(events) if result.error]
    assert failed == ["c2", "c3", "c4", "c5"]
    names = {call.id: call.name for call in calls(events)}
    assert all(result.name == names[result.call_id] for result in results(events))


def test_token_counts_are_those_at_the_end_of_each_step() -> None:
    counted = [
        (one.prompt_tokens, one.completion_tokens, one.cached_tokens)
        for event in only(read(WIRE), MessageAppended)
        if (one := event.message.usage) is not None
    ]
    recorded = [
        row["event"]["usage"]
        for row in map(json.loads, WIRE.read_text().splitlines())
        if "usage" in row.get("event", {})
    ]
    assert counted == [
        (one["inputOther"] + one["inputCacheRead"], one["output"], one["inputCacheRead"])
        for one in recorded
    ]


def test_a_session_has_its_task_and_tools() -> None:
    first = started(read(WIRE))
    assert (first.model, first.task) == ("scripted", "MAINTASK look at the files")
    assert [tool.name for tool in first.tools] == ["Agent", "Bash", "Read"]
    assert (first.details["agent"], first.details["cwd"]) == ("main", "/work")
    assert started(read(CLI_WIRE)).task == "MAINTASK look at the files"
    assert started(read(CLI_CONTEXT)).task == ""


def test_the_severity_of_a_failed_request_shows_whether_it_was_retried() -> None:
    failed = only(read(WIRE), RequestFailed)
    assert [(one.status, one.message, one.diagnostics[0].severity.value) for one in failed] == [
        (500, "500 the engine is dead", "warning"),
        (400, "400 No such model", "error"),
    ]


def test_messages_of_the_program_in_the_role_of_the_user_are_flagged() -> None:
    events = read(WIRE)
    flags = [(one.flags, one.text[:17]) for one in messages(events) if one.role == "user"]
    assert flags.count(((), "MAINTASK look at ")) == 1
    assert flags.count((("compaction",), "The conversation ")) == 1
    assert {flag for flag, text in flags if text == "<system-reminder>"} == {("injected",)}
    assert dialog(events)[0][0] == "system"


def test_a_result_has_its_duration() -> None:
    [first, *_] = results(read(WIRE))
    assert first.duration_s == 0.055


def test_a_truncated_step_and_a_stopped_one_are_partial() -> None:
    piece = {"type": "text", "text": "I be"}
    rows = [event("step.begin"), event("content.part", part=piece)]
    [cut] = messages(read_bytes(FORMAT, lines(*rows)))
    [stopped] = messages(read_bytes(FORMAT, lines(*rows, event("step.end", finishReason="error"))))
    assert cut.flags == stopped.flags == ("partial",)
    whole = event("step.end", finishReason="truncated", rawFinishReason="length")
    [message] = messages(read_bytes(FORMAT, lines(*rows, whole)))
    assert (message.flags, message.finish_reason) == ((), "length")


def test_invalid_lines_are_reported_and_the_others_kept() -> None:
    events = read_bytes(FORMAT, WIRE.read_bytes() + lines(7, {"no": "type"}))
    assert fold_run(events)[0].defects == 2
    assert len(calls(events)) == len(calls(read(WIRE)))
    rows = list(map(json.loads, WIRE.read_text().splitlines()))
    assert format_of(document(rows)) == "kimi"


@settings(max_examples=60, deadline=None)
@given(any_json("type", "event", "message", "payload", "part", "result", "toolCalls", "content"))
def test_reading_never_raises(value: Any) -> None:
    for record in (value, [value], {**event("tool.call"), "event": value}):
        build = RunBuilder(ByteRange(0, 1), unit=Unit.RUNS, source_format="kimi")
        FORMAT.read(record, build)
        assert build.events
