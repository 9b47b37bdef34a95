"""Sessions of Cline and the events that it prints are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.framing import Unit
from hermes_tui.formats.readers.cline.reader import FORMAT
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.log.summary import fold_run
from hermes_tui.model.diagnostics import Code
from hermes_tui.model.events import Event, MessageAppended, RequestFailed, RunStarted
from hermes_tui.model.spans import ByteRange
from tests.formats.foreign import (
    any_json,
    calls,
    document,
    ended,
    format_of,
    lines,
    messages,
    only,
    read_bytes,
    results,
    runs,
    started,
)

FOLDER = Path(__file__).parents[1] / "fixtures" / "cline"
LEAD, AGENT = FOLDER / "lead.messages.json", FOLDER / "agent.messages.json"
EVENTS, REFUSED = FOLDER / "events.jsonl", FOLDER / "refused.messages.json"
ASKED = [("c1", "run_commands"), ("c2", "read_files"), ("c3", "no_such_tool"),
         ("c4", "run_commands"), ("c5", "run_commands"), ("c6", "spawn_agent")]  # fmt: skip
"""What the scripted server called for."""


def read(path: Path) -> list[Event]:
    return read_bytes(FORMAT, path.read_bytes())


def first_run(events: list[Event]) -> list[Event]:
    starts = [at for at, event in enumerate(events) if isinstance(event, RunStarted)]
    return events[: starts[1]] if len(starts) > 1 else events


@pytest.mark.parametrize("path", [LEAD, EVENTS], ids=lambda path: path.name)
def test_a_session_and_its_printed_events_have_the_same_calls_and_results(path: Path) -> None:
    assert format_of(path.read_bytes()) == "cline"
    events = first_run(read(path))
    assert [(call.id, call.name) for call in calls(events) if call.id] == ASKED
    assert [(result.call_id, result.name) for result in results(events)] == ASKED
    failed = {result.call_id: result.error for result in results(events) if result.error}
    assert list(failed) == ["c2", "c3", "c4", "c5"]
    assert failed["c5"].reason.endswith("Command exited with code 3")
    assert [result.exit_code for result in results(events)][3:5] == [127, 3]
    state, findings = fold_run(events)
    assert state.defects == 0
    codes = {finding.code for finding in findings}
    assert codes == {Code.TOOL_ERROR, Code.CALL_IN_CONTENT, Code.TRAILING_COMMA}
    first = next(one for one in messages(events) if one.role == "assistant")
    assert (first.text, first.reasoning[0].text) == ("I look.", "Let me look at two files.")


def test_several_answers_to_one_call_are_one_text_with_their_commands() -> None:
    [fourth] = [result for result in results(read(LEAD)) if result.call_id == "c4"]
    assert fourth.content.startswith("ls:\na.txt\n\nfal:\n[Command exited with code 127]")
    assert isinstance(fourth.raw["content"], list)


def test_a_session_has_its_id_parent_model_and_task() -> None:
    first = started(read(LEAD))
    assert (first.run_id, first.model) == ("1795373570770_suyou", "scripted")
    assert first.task == "MAINTASK look at the files"
    sub = started(read(AGENT))
    assert (sub.parent_run_id, sub.task) == (first.run_id, "SUBTASK count files")
    assert messages(read(LEAD))[0].role == "system"


@pytest.mark.parametrize("path", [LEAD, EVENTS], ids=lambda path: path.name)
def test_each_reply_has_its_tokens(path: Path) -> None:
    counted = [
        (one.prompt_tokens, one.completion_tokens, one.cached_tokens)
        for event in only(first_run(read(path)), MessageAppended)
        if (one := event.message.usage) is not None
    ]
    metrics = [
        one["metrics"] for one in json.loads(LEAD.read_text())["messages"] if "metrics" in one
    ]
    assert counted == [
        (one["inputTokens"], one["outputTokens"], one["cacheReadTokens"]) for one in metrics
    ]


def test_printed_events_end_with_the_total_and_have_the_subagent_as_a_run() -> None:
    events = read(EVENTS)
    end = ended(events)
    assert (end.status, end.stop_reason) == ("ok", "completed")
    assert end.usage is not None
    assert (end.usage.prompt_tokens, end.usage.completion_tokens) == (6260, 146)
    main, sub = runs(events)
    assert sub.parent_run_id == main.run_id
    assert main.details["subagents"] == {"c6": sub.run_id}
    assert sub.details["called_by"] == "c6"
    assert [call.id for call in calls(events)][-1] == "s1"


def test_a_refused_request_is_not_a_reply() -> None:
    events = read(REFUSED)
    [failed] = only(events, RequestFailed)
    assert failed.message == "No such model"
    assert [one.role for one in messages(events)] == ["system", "user"]
    error = {"type": "error", "error": {"message": "No such model"}, "recoverable": False}
    printed = read_bytes(
        FORMAT,
        lines(
            {"ts": "2026-01-02T03:04:05Z", "type": "agent_event", "event": error},
            {"ts": "2026-01-02T03:04:05Z", "type": "run_result", "finishReason": "error"},
        ),
    )
    assert [one.message for one in only(printed, RequestFailed)] == ["No such model"]
    assert ended(printed).status == "error"


def test_invalid_messages_and_lines_are_reported_and_the_others_kept() -> None:
    session = json.loads(LEAD.read_text())
    session["messages"] += [7, {"no": "role"}]
    events = read_bytes(FORMAT, document(session))
    assert fold_run(events)[0].defects == 2
    assert len(calls(events)) == len(calls(read(LEAD)))
    torn = read_bytes(FORMAT, EVENTS.read_bytes() + b"7\n")
    assert fold_run(first_run(torn))[0].defects == 1


@settings(max_examples=60, deadline=None)
@given(any_json("type", "event", "messages", "content", "contentType", "output", "query", "error"))
def test_reading_never_raises(value: Any) -> None:
    line = {"ts": "2026-01-02T03:04:05Z", "type": "agent_event", "event": value}
    for held in (value, [line, line], {"messages": value if isinstance(value, list) else [value]}):
        build = RunBuilder(ByteRange(0, 1), unit=Unit.RUNS, source_format="cline")
        FORMAT.read(held, build)
        assert build.events
