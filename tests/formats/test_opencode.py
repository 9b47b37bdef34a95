"""Sessions of opencode: exported, in its database, and as the events that a run prints."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.framing import Unit
from hermes_tui.formats.readers.opencode.parts import used
from hermes_tui.formats.readers.opencode.reader import FORMAT
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.log.summary import fold_run
from hermes_tui.model.diagnostics import Code
from hermes_tui.model.events import MessageAppended, RequestFailed, RunEnded, ToolReturned
from hermes_tui.model.spans import ByteRange
from hermes_tui.runtime.opener import FoundRun, open_file, survey
from tests.formats.foreign import (
    any_json,
    calls,
    dialog,
    document,
    format_of,
    found_codes,
    lines,
    only,
    read_bytes,
    runs,
    sample,
)

FOLDER = Path(__file__).parents[1] / "fixtures" / "opencode"
EXPORT = json.loads((FOLDER / "export.json").read_text())
RUN = (FOLDER / "run.jsonl").read_bytes()
MAIN = "ses_dfc1e6559ffeNMuX6Fo6MaaBtT"
SUBAGENT = "ses_dfc1e4b50ffevbN5sHMfGDWZTK"
EXPECTED_CALLS = [
    ("c1", "bash"), ("c2", "bash"), ("c3", "read"), ("c4", "no_such_tool"), ("c5", "bash"),
    ("c6", "task"),
]  # fmt: skip
"""The calls that the scripted server made, as (id, name)."""


def tools_in(value: Any) -> list[dict[str, Any]]:
    parts = [part for message in value["messages"] for part in message["parts"]]
    return [part for part in parts if part["type"] == "tool"]


def test_arguments_that_kilo_code_could_not_parse_are_shown_as_the_model_wrote_them() -> None:
    kilo = (FOLDER / "kilo_export.json").read_bytes()
    assert format_of(kilo) == "opencode"
    events = read_bytes(FORMAT, kilo)
    broken = next(call for call in calls(events) if call.id == "call_2_0")
    assert broken.arguments_text == '{"command": "echo trailing",}'
    assert broken.raw["state"]["input"] == {"value": broken.arguments_text}
    assert found_codes(events).count("ARGS_INVALID:error") == 1
    assert found_codes(events).count("NAME_UNKNOWN:error") == 1
    accepted = kilo.replace(b"JSON parsing failed", b"the value is too long")
    call = next(one for one in calls(read_bytes(FORMAT, accepted)) if one.id == "call_2_0")
    assert call.arguments == {"value": broken.arguments_text}


def test_an_exported_session_opens_complete() -> None:
    data = document(EXPORT)
    assert format_of(data) == "opencode"
    events = read_bytes(FORMAT, data)
    assert [(call.id, call.name) for call in calls(events)] == EXPECTED_CALLS
    state, _ = fold_run(events)
    roles = [message["info"]["role"] for message in EXPORT["messages"]]
    assert state.messages == len(roles) + len(tools_in(EXPORT)) == 15
    assert [text for role, text in dialog(events) if role == "user"] == [
        '"Look at a and b."',
        "Thanks.",
    ]
    [first] = runs(events)
    assert (first.run_id, first.model, first.parent_run_id) == (MAIN, "scripted", "")
    assert first.details["subagents"] == {"c6": SUBAGENT}


def test_each_reply_keeps_its_token_counts() -> None:
    counted = [
        (used.prompt_tokens, used.completion_tokens)
        for event in only(read_bytes(FORMAT, document(EXPORT)), MessageAppended)
        if (used := event.message.usage) is not None
    ]
    token_counts = [one["info"]["tokens"] for one in EXPORT["messages"] if "tokens" in one["info"]]
    assert counted == [(each["input"], each["output"]) for each in token_counts]
    [end] = only(read_bytes(FORMAT, document(EXPORT)), RunEnded)
    assert (end.usage.prompt_tokens, end.usage.completion_tokens) == (
        sum(prompt for prompt, _ in counted),
        sum(completion for _, completion in counted),
    )


@pytest.mark.parametrize(
    ("tokens", "prompt", "completion"),
    [
        ({"input": 5, "output": 7, "reasoning": 2, "total": 17, "cache": {"read": 3}}, 8, 9),
        ({"input": 5, "output": 7, "reasoning": 2, "total": 15, "cache": {"read": 3}}, 8, 7),
        ({"input": 5, "output": 7, "reasoning": 0, "cache": {"read": 0, "write": 4}}, 9, 7),
        ({"input": None, "output": "many"}, None, None),
    ],
)
def test_cached_tokens_are_part_of_the_prompt(
    tokens: Any, prompt: int | None, completion: int | None
) -> None:
    found = used(tokens)
    assert found is None or (found.prompt_tokens, found.completion_tokens) == (prompt, completion)
    assert found is not None or prompt is None


def test_calls_that_could_not_run_and_failed_tools_are_errors() -> None:
    events = read_bytes(FORMAT, document(EXPORT))
    assert {f"{code}:error" for code in (Code.NAME_UNKNOWN, Code.ARGS_INVALID)} <= set(
        found_codes(events)
    )
    failed = [event.result.call_id for event in only(events, ToolReturned) if event.result.error]
    assert failed == ["c2", "c3", "c4", "c5"]


def test_the_output_of_a_run_is_one_run_with_the_same_calls() -> None:
    assert format_of(RUN) == "opencode"
    events = read_bytes(FORMAT, RUN)
    assert [(call.id, call.name) for call in calls(events)] == EXPECTED_CALLS
    assert len(only(events, ToolReturned)) == len(EXPECTED_CALLS)
    assert dialog(events)[-1] == ("assistant", "a and b are there.")
    [first] = runs(events)
    assert (first.run_id, first.details["subagents"]) == (MAIN, {"c6": SUBAGENT})


def test_a_failed_request_carries_its_reason() -> None:
    events = read_bytes(FORMAT, (FOLDER / "run_fails.jsonl").read_bytes())
    [failed] = only(events, RequestFailed)
    assert (failed.message, failed.status) == ("APIError: scripted failure", 400)
    assert "server_error" in failed.body
    error = {"name": "MessageAbortedError", "data": {"message": "Aborted"}}
    message = {"info": {"role": "assistant", "error": error}, "parts": []}
    [end] = only(
        read_bytes(FORMAT, document({"info": {"id": "s"}, "messages": [message]})), RunEnded
    )
    assert end.status == "error"


def test_a_message_of_several_steps_is_several_replies() -> None:
    parts = [
        {"type": "step-start"},
        {"type": "text", "text": "One."},
        {"type": "step-finish", "reason": "tool-calls"},
        {"type": "step-start"},
        {"type": "text", "text": "Two."},
    ]
    message = {"info": {"role": "assistant"}, "parts": parts}
    events = read_bytes(FORMAT, document({"info": {"id": "s"}, "messages": [message]}))
    assert dialog(events) == [("assistant", "One."), ("assistant", "Two.")]


def test_a_running_call_has_no_result() -> None:
    state = {"status": "running", "input": {"command": "sleep 9"}}
    part = {"type": "tool", "tool": "bash", "callID": "c1", "state": state}
    event = {"type": "tool_use", "timestamp": 1, "sessionID": "s", "part": part}
    events = read_bytes(FORMAT, lines(event))
    assert (len(calls(events)), only(events, ToolReturned)) == (1, [])


def test_its_database_has_one_run_per_session(tmp_path: Path) -> None:
    path = tmp_path / "opencode.db"
    with sqlite3.connect(path) as connection:
        connection.executescript((FOLDER / "opencode.sql").read_text())
    connection.close()
    file = open_file(path, whole=True)
    try:
        states = [step.state for step in survey(file) if isinstance(step, FoundRun)]
        starts = [runs(list(file.decode(record)))[0] for record in range(len(file.index))]
    finally:
        file.close()
    assert file.reader.name == "opencode"
    assert [(one.run_id, one.parent_run_id) for one in starts] == [
        (MAIN, ""),
        (SUBAGENT, MAIN),
    ]
    main, _ = fold_run(read_bytes(FORMAT, document(EXPORT)))
    assert (states[0].messages, states[0].calls, states[0].results) == (
        main.messages,
        main.calls,
        main.results,
    )
    assert (states[1].messages, states[1].calls) == (4, 1)


@given(any_json("info", "messages", "parts", "type", "tool", "state", "tokens", "error", "part"))
@settings(max_examples=80)
def test_no_value_raises(value: Any) -> None:
    for odd in (
        value,
        [value],
        {"info": value, "messages": [value]},
        {"info": {"id": "s"}, "messages": [{"info": {"role": "assistant"}, "parts": [value]}]},
        [{"type": "tool_use", "sessionID": "s", "part": value}],
        [{"type": "error", "sessionID": "s", "error": value}],
        {"info": {"id": "s", "tokens": value}, "messages": []},
        [{"part": {"type": "tool", "tool": "invalid", "state": value}}],
    ):
        build = RunBuilder(ByteRange(0, 1), unit=Unit.RUNS)
        FORMAT.read(odd, build)
        FORMAT.sniff(sample(odd, {"type": value, "sessionID": "s", "part": {}}))
