"""Sessions of Qwen Code and of its subagents, as they are in its files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.framing import Unit
from hermes_tui.formats.readers.qwen_code.reader import FORMAT
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.log.summary import fold_run
from hermes_tui.model.diagnostics import Code
from hermes_tui.model.events import Event, MessageAppended, RequestFailed, RunStarted, ToolReturned
from hermes_tui.model.spans import ByteRange
from hermes_tui.runtime.subagent_files import subagent_files
from tests.formats.foreign import (
    any_json,
    calls,
    dialog,
    document,
    format_of,
    lines,
    messages,
    only,
    read_bytes,
    results,
    runs,
    started,
)

FOLDER = Path(__file__).parents[1] / "fixtures" / "qwen_code"
SESSION = "930e10ec-4f02-4b64-94d1-0247ac271df5"
CHAT = FOLDER / "chats" / f"{SESSION}.jsonl"
AGENTS = sorted((FOLDER / "subagents" / SESSION).iterdir())
COMPRESSED = FOLDER / "compressed.jsonl"
FILES = [CHAT, *AGENTS, COMPRESSED, FOLDER / "rewound.jsonl"]


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def read(path: Path) -> list[Event]:
    return read_bytes(FORMAT, path.read_bytes())


def ids_in(path: Path, key: str) -> list[str]:
    """Return the ids of the calls or results in a file."""
    parts = (part for row in rows(path) for part in row.get("message", {}).get("parts", []))
    return [part[key]["id"] for part in parts if key in part]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_call_and_result_of_a_file_appears_once(path: Path) -> None:
    assert format_of(path.read_bytes()) == "qwen-code"
    events = read(path)
    assert [call.id for call in calls(events) if call.id] == ids_in(path, "functionCall")
    answered = [result.call_id for result in results(events)]
    assert sorted(answered, key=str) == sorted(ids_in(path, "functionResponse"))
    asked = {call.id for call in calls(events)}
    assert asked.issuperset(answered)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_token_counts_match_those_in_the_lines(path: Path) -> None:
    counted = [
        (used.prompt_tokens, used.completion_tokens)
        for event in only(read(path), MessageAppended)
        if (used := event.message.usage) is not None
    ]
    usages = [row["usageMetadata"] for row in rows(path) if "usageMetadata" in row]
    assert counted == [
        (one["promptTokenCount"], one["candidatesTokenCount"] + one["thoughtsTokenCount"])
        for one in usages
    ]


def test_a_session_has_its_task_and_the_calls_that_started_subagents() -> None:
    first = started(read(CHAT))
    assert (first.run_id, first.model) == (SESSION, "scripted")
    assert first.task == "MAINTASK look at the files"
    assert first.details["subagents"] == {
        "c6": "general-purpose-c6",
        "d1": "general-purpose-d1",
    }
    assert (first.details["cwd"], first.details["version"]) == ("/work", "0.24.4")


def test_the_pieces_of_a_subagents_reply_are_one_message_with_its_calls() -> None:
    for path, asked in zip(AGENTS, (["s1"], ["s1", "s2"]), strict=True):
        events = read(path)
        first = started(events)
        assert (first.parent_run_id, first.details["called_by"]) == (SESSION, path.stem[-2:])
        state, _ = fold_run(events)
        assert (state.turn, len(runs(events))) == (2, 1)
        assert [call.id for call in calls(events)] == asked
        [_, reply, last] = messages(events)
        assert (reply.calls, reply.reasoning[0].text) == (len(asked), "sub thinks")
        assert last.text == "There is one file."


def test_subagent_files_are_found_next_to_the_session_folder(tmp_path: Path) -> None:
    assert subagent_files(CHAT) == AGENTS
    assert subagent_files(AGENTS[0]) == []
    alone = tmp_path / "chats" / CHAT.name
    alone.parent.mkdir()
    alone.write_bytes(CHAT.read_bytes())
    assert subagent_files(alone) == []


def test_failed_tools_and_refused_requests_are_errors() -> None:
    events = read(CHAT)
    failed = {result.call_id: result.error for result in results(events) if result.error}
    assert set(failed) == {"c2", "c3", "c5", "d2"}
    assert failed["c5"].reason == "error: exit code 3"
    _, findings = fold_run(events)
    codes = [finding.code for finding in findings]
    # The reply with the call c4 was requested again before the call ran.
    assert codes.count(Code.CALL_UNANSWERED) == 1
    assert Code.CALL_IN_CONTENT in codes
    refused = only(events, RequestFailed)
    assert [(one.status, one.diagnostics[0].severity.value) for one in refused] == [
        (400, "error"),
        (400, "error"),
    ]


def test_a_result_recorded_after_the_next_reply_still_answers_its_call() -> None:
    kinds = [(row["type"], *call_ids(row)) for row in rows(COMPRESSED)]
    first = kinds.index(("assistant", "c4"))
    assert kinds[first + 1 : first + 3] == [("assistant", "c5"), ("tool_result", "c4")]
    _, findings = fold_run(read(COMPRESSED))
    assert Code.CALL_UNANSWERED not in [finding.code for finding in findings]
    assert Code.RESULT_ORPHAN not in [finding.code for finding in findings]


def test_a_result_appears_once_after_the_last_reply_with_its_call() -> None:
    def line(kind: str, uuid: str, **part: Any) -> dict[str, Any]:
        ids = {"uuid": uuid, "parentUuid": None, "sessionId": "s"}
        return {**ids, "type": kind, "message": {"role": "model", "parts": [part]}}

    again = [line("assistant", f"u{at}", functionCall={"id": "c", "name": "f"}) for at in range(3)]
    answer = line("tool_result", "u4", functionResponse={"id": "c", "name": "f", "response": {}})
    answer["message"]["role"] = "user"
    events = read_bytes(FORMAT, lines(*again, line("assistant", "u3", text="Well."), answer))
    kinds = [type(event).__name__ for event in events if not isinstance(event, RunStarted)]
    assert kinds == [
        *["MessageAppended", "ToolCallProposed"] * 3,
        "ToolReturned",
        "MessageAppended",
    ]


def call_ids(row: dict[str, Any]) -> list[str]:
    parts = row.get("message", {}).get("parts", [])
    held = (part.get("functionCall") or part.get("functionResponse") for part in parts)
    return [one["id"] for one in held if one]


def test_a_compression_adds_its_summary_and_repeats_nothing() -> None:
    found = [
        message.text for message in messages(read(COMPRESSED)) if "compaction" in message.flags
    ]
    assert [text[:16] for text in found] == ["<state_snapshot>", "Got it. Thanks f"] * 2
    refused = only(read(COMPRESSED), RequestFailed)
    assert {one.diagnostics[0].severity.value for one in refused} == {"warning"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_list_of_the_lines_is_read_like_the_lines(path: Path) -> None:
    contents = [
        [
            (type(one), [found.severity for found in one.diagnostics])
            for one in read_bytes(FORMAT, data)
        ]
        for data in (path.read_bytes(), document(rows(path)))
    ]
    assert contents[0] == contents[1]


def test_rewound_messages_are_flagged() -> None:
    events = read(FOLDER / "rewound.jsonl")
    flagged = [(message.text, "rewound" in message.flags) for message in messages(events)]
    assert flagged == [
        ("second question", True),
        ("One.", True),
        ("third question", False),
        ("Three.", False),
    ]


def test_messages_the_program_sends_as_the_user_are_injected() -> None:
    events = read(CHAT)
    injected = [one.text for one in messages(events) if "injected" in one.flags]
    assert [text.split("\n")[0] for text in injected] == ["<task-notification>"]
    assert ("user", "MAINTASK look at the files") in dialog(events)


def test_a_declined_call_is_a_decision_and_not_a_failure() -> None:
    base = {"uuid": "u", "parentUuid": None, "sessionId": "s"}
    asked = {"functionCall": {"id": "c1", "name": "rm", "args": {}}}
    answer = {
        "id": "c1",
        "name": "rm",
        "response": {"error": "[Operation Cancelled] Reason: User did not allow tool call"},
    }
    events = read_bytes(
        FORMAT,
        lines(
            {**base, "type": "assistant", "message": {"role": "model", "parts": [asked]}},
            {
                **base,
                "type": "tool_result",
                "message": {"role": "user", "parts": [{"functionResponse": answer}]},
                "toolCallResult": {"callId": "c1", "status": "cancelled", "durationMs": 1500},
            },
        ),
    )
    [result] = results(events)
    assert (result.error, result.duration_s) == (None, 1.5)


def test_odd_lines_are_reported_and_the_others_kept() -> None:
    odd: list[Any] = [7, {"no": "type"}, {"type": "user", "message": "not an object"}]
    data = CHAT.read_bytes() + lines(*odd)
    events = read_bytes(FORMAT, data)
    assert len(calls(events)) == len(calls(read(CHAT)))
    state, _ = fold_run(events)
    assert state.defects == len(odd)


def test_each_session_in_a_file_is_a_run() -> None:
    both = CHAT.read_bytes() + COMPRESSED.read_bytes()
    assert [run.run_id for run in runs(read_bytes(FORMAT, both))] == [
        SESSION,
        started(read(COMPRESSED)).run_id,
    ]
    assert format_of(document(rows(CHAT))) == "qwen-code"


@settings(max_examples=60, deadline=None)
@given(any_json("type", "message", "parts", "uuid", "systemPayload", "uiEvent", "toolCallResult"))
def test_reading_never_raises(value: Any) -> None:
    for held in (value, [value], {"type": "assistant", "message": {"parts": value}}):
        build = RunBuilder(ByteRange(0, 1), unit=Unit.RUNS, source_format="qwen-code")
        FORMAT.read(held, build)
        assert build.events


def test_results_point_to_their_parts() -> None:
    pointers = {event.at.pointer for event in only(read(CHAT), ToolReturned)}
    assert pointers == {"/message/parts/0"}
