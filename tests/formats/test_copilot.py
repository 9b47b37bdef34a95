"""Sessions of GitHub Copilot CLI and the JSON that it prints are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.framing import Unit
from hermes_tui.formats.readers.copilot import FORMAT
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.log.summary import fold_run
from hermes_tui.model.diagnostics import Code
from hermes_tui.model.events import Event, MessageAppended, RequestFailed
from hermes_tui.model.spans import ByteRange
from tests.formats.foreign import (
    any_json,
    calls,
    dialog,
    ended,
    format_of,
    lines,
    messages,
    only,
    read_bytes,
    results,
    started,
)

FOLDER = Path(__file__).parents[1] / "fixtures" / "copilot"
KEPT, PRINTED = FOLDER / "events.jsonl", FOLDER / "printed.jsonl"
SESSION = "f081f9eb-f335-443d-9d53-58d68b03dc68"
ASKED = [("c1", "bash"), ("c2", "view"), ("c3", "no_such_tool"), ("c4", "bash"), ("c5", "bash"),
         ("c6", "bash")]  # fmt: skip
"""What the scripted server called for."""


def read(path: Path) -> list[Event]:
    return read_bytes(FORMAT, path.read_bytes())


def event(kind: str, **data: Any) -> dict[str, Any]:
    return {
        "type": kind, "data": data, "id": "e", "timestamp": "2026-01-02T03:04:05Z",
        "parentId": None,
    }  # fmt: skip


@pytest.mark.parametrize("path", [KEPT, PRINTED], ids=lambda path: path.name)
def test_a_session_and_its_printed_events_have_the_same_calls_and_results(path: Path) -> None:
    assert format_of(path.read_bytes()) == "copilot"
    events = read(path)
    assert [(call.id, call.name) for call in calls(events) if call.id] == ASKED
    assert sorted((str(one.call_id), one.name) for one in results(events)) == ASKED
    failed = {one.call_id for one in results(events) if one.error}
    assert failed == {"c2", "c3", "c4", "c5", "c6"}
    [fifth] = [one for one in results(events) if one.call_id == "c5"]
    assert fifth.exit_code == 3
    state, findings = fold_run(events)
    assert state.defects == 0
    codes = {finding.code for finding in findings} - {Code.REQUEST_ERROR}
    assert codes == {Code.TOOL_ERROR, Code.CALL_IN_CONTENT, Code.TRAILING_COMMA}
    first = next(one for one in messages(events) if one.role == "assistant")
    assert (first.text, first.reasoning[0].text) == ("I look.", "Let me look at two files.")
    start = started(events)
    assert (start.run_id, start.model, start.task) == (SESSION, "scripted", "MAINTASK look")


def test_each_reply_has_the_tokens_recorded_before_it() -> None:
    counted = [
        (one.prompt_tokens, one.completion_tokens, one.cached_tokens)
        for event in only(read(KEPT), MessageAppended)
        if (one := event.message.usage) is not None
    ]
    rows = map(json.loads, KEPT.read_text().splitlines())
    recorded = [row["data"]["usage"] for row in rows if row["type"] == "session.usage_record"]
    assert counted == [
        (one["inputTokens"], one["outputTokens"], one["cacheReadTokens"]) for one in recorded
    ]


def test_a_retried_request_is_a_warning_and_the_output_has_the_outcome() -> None:
    events = read(PRINTED)
    [failed] = only(events, RequestFailed)
    assert (failed.status, failed.diagnostics[0].severity.value) == (500, "warning")
    assert ended(events).status == "ok"


def test_errors_summaries_and_subagents_are_read() -> None:
    events = read_bytes(
        FORMAT,
        lines(
            event("user.message", content="Hello."),
            event("assistant.message", content="It says hello.", parentToolCallId="c1"),
            event("session.compaction_complete", summaryContent="Greetings."),
            event("session.error", message="No such model", statusCode=400),
        ),
    )
    assert [(one.text, one.flags) for one in messages(events)] == [
        ("Hello.", ()),
        ("It says hello.", ("subagent",)),
        ("Greetings.", ("compaction",)),
    ]
    [failed] = only(events, RequestFailed)
    assert (failed.message, failed.status) == ("No such model", 400)
    assert failed.diagnostics[0].severity.value == "error"


@pytest.mark.parametrize(("value", "status"), [("429", 429), (0, None), (-(2**70), None)])
def test_a_status_is_one_of_http(value: Any, status: int | None) -> None:
    rows = [event("user.message", content="x"), event("model.call_failure", statusCode=value)]
    [failed] = only(read_bytes(FORMAT, lines(*rows)), RequestFailed)
    assert failed.status == status


def test_invalid_lines_are_reported_and_the_others_kept() -> None:
    events = read_bytes(FORMAT, KEPT.read_bytes() + lines(7, {"no": "type"}))
    assert fold_run(events)[0].defects == 2
    assert dialog(events) == dialog(read(KEPT))


@settings(max_examples=60, deadline=None)
@given(any_json("type", "data", "toolRequests", "content", "usage", "result", "error", "message"))
def test_reading_never_raises(value: Any) -> None:
    for held in (value, [value], {**event("assistant.message"), "data": value}):
        build = RunBuilder(ByteRange(0, 1), unit=Unit.RUNS, source_format="copilot")
        FORMAT.read(held, build)
        assert build.events
