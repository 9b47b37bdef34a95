from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.framing import Unit
from hermes_tui.formats.readers.gemini import FORMAT
from hermes_tui.log.summary import fold_run
from hermes_tui.model.events import RequestFailed, SourceDefect
from hermes_tui.model.messages import IdState
from tests.formats.foreign import (
    any_json,
    calls,
    counts,
    dialog,
    document,
    ended,
    format_of,
    found_codes,
    lines,
    messages,
    only,
    read_bytes,
    read_value,
    results,
    runs,
    sample,
    started,
)

ASKED: dict[str, Any] = {"role": "user", "parts": [{"text": "Add 1 and 2."}]}
CALLED: dict[str, Any] = {
    "role": "model",
    "parts": [
        {"text": "I need add.", "thought": True},
        {"text": "Adding."},
        {"functionCall": {"name": "add", "args": {"a": 1, "b": 2}}, "thoughtSignature": "eA=="},
    ],
}
ANSWERED: dict[str, Any] = {
    "role": "user",
    "parts": [{"functionResponse": {"name": "add", "response": {"output": "3\n"}}}],
}
TALK = [ASKED, CALLED, ANSWERED, {"role": "model", "parts": [{"text": "3"}]}]
USED = {"promptTokenCount": 9, "candidatesTokenCount": 2, "thoughtsTokenCount": 4}
REPLY: dict[str, Any] = {
    "candidates": [{"content": CALLED, "finishReason": "STOP", "index": 0}],
    "usageMetadata": USED,
    "modelVersion": "gemini-x",
}
REQUEST: dict[str, Any] = {
    "contents": TALK[:1],
    "systemInstruction": {"parts": [{"text": "Be brief."}]},
    "tools": [
        {"functionDeclarations": [{"name": "add", "parameters": {"type": "OBJECT"}}]},
        {"googleSearch": {}},
    ],
    "generationConfig": {"temperature": 0},
}


def recorded(*pieces: Any) -> dict[str, Any]:
    return {"method": "generateContentStream", "response": list(pieces)}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (document(TALK), (1, 4, 1)),
        (lines(*TALK), (1, 4, 1)),
        (lines(TALK, TALK), (2, 8, 2)),
        (document(REQUEST), (1, 2, 0)),
        (document(REPLY), (1, 1, 1)),
        (document([REPLY, {"usageMetadata": USED}]), (1, 1, 1)),
        (document({"history": TALK, "authType": "oauth"}), (1, 4, 1)),
        (lines({"request": REQUEST, "response": REPLY, "key": "k1"}), (1, 3, 1)),
        (lines(recorded(REPLY), recorded(REPLY)), (1, 2, 2)),
    ],
    ids=[
        "array of contents",
        "a content a line",
        "a run a line",
        "request",
        "reply",
        "streamed reply",
        "checkpoint",
        "batch",
        "recordings",
    ],
)
def test_every_container_is_recognised(data: bytes, expected: tuple[int, int, int]) -> None:
    assert format_of(data) == "gemini"
    assert counts(read_bytes(FORMAT, data)) == expected


def test_messages_of_other_formats_with_parts_are_not_taken() -> None:
    dialogue = {"role": "user", "parts": [{"type": "text", "content": "hi"}]}
    assert FORMAT.sniff(sample(dialogue, dialogue)) is None
    request = {"kind": "request", "parts": [{"part_kind": "user-prompt", "content": "hi"}]}
    assert FORMAT.sniff(sample(request, request)) is None
    assert FORMAT.sniff(sample({"role": ["user"], "parts": [{"text": "hi"}]})) is None


def test_a_call_without_id_and_the_answer_in_a_users_turn_belong_together() -> None:
    events = read_bytes(FORMAT, lines(*TALK))
    assert [role for role, _ in dialog(events)] == ["user", "assistant", "tool", "assistant"]
    (call,) = calls(events)
    assert (call.name, call.arguments, call.id_state) == ("add", {"a": 1, "b": 2}, IdState.MISSING)
    assert results(events)[0].content == "3\n"
    assert not fold_run(events)[0].codes


def test_thoughts_are_reasoning_and_not_content() -> None:
    message = messages(read_bytes(FORMAT, lines(*TALK)))[1]
    assert message.text == "Adding."
    assert [piece.text for piece in message.reasoning] == ["I need add."]


def test_an_error_in_place_of_the_output_is_the_apis_own_flag() -> None:
    answer = {"functionResponse": {"name": "add", "response": {"error": "no such tool"}}}
    (result,) = results(read_value(FORMAT, {"role": "user", "parts": [answer]}, Unit.PARTS))
    assert result.error is not None
    assert (result.error.kind, result.content) == ("flag", "no such tool")


def test_a_request_has_the_system_prompt_the_tools_and_the_settings() -> None:
    events = read_value(FORMAT, REQUEST)
    assert dialog(events) == [("system", "Be brief."), ("user", "Add 1 and 2.")]
    start = started(events)
    assert [tool.name for tool in start.tools] == ["add"]
    assert start.details["generationConfig"] == {"temperature": 0}


def test_pieces_of_a_stream_are_one_reply_with_the_last_usage() -> None:
    def piece(text: str, **more: Any) -> dict[str, Any]:
        content = {"role": "model", "parts": [{"text": text}]}
        return {"candidates": [{"content": content, **more}], "usageMetadata": USED}

    events = read_value(
        FORMAT, recorded(piece("Hel"), piece("lo", finishReason="STOP")), Unit.PARTS
    )
    (message,) = messages(events)
    assert (message.text, message.finish_reason) == ("Hello", "STOP")
    assert message.usage is not None
    assert (message.usage.prompt_tokens, message.usage.reasoning_tokens) == (9, 4)
    assert message.usage.completion_tokens == 6, "thoughts are output, as in all other APIs"


def test_token_counts_too_large_to_add_are_left_out() -> None:
    huge = {"candidatesTokenCount": 1.7e308, "thoughtsTokenCount": 1.7e308, "promptTokenCount": 1}
    reply = {"candidates": [{"content": {"parts": [{"text": "x"}]}}], "usageMetadata": huge}
    (message,) = messages(read_value(FORMAT, reply))
    assert message.usage is not None
    assert message.usage.completion_tokens is None


def test_a_call_that_the_server_could_not_read_is_an_error() -> None:
    candidate = {"finishReason": "MALFORMED_FUNCTION_CALL", "finishMessage": "print(add(1,"}
    events = read_value(FORMAT, {"candidates": [candidate]})
    assert found_codes(events) == ["JSON_INVALID:error"]
    assert "print(add(1," in fold_run(events)[1][0].message


def test_every_candidate_is_kept() -> None:
    events = read_value(
        FORMAT, {**REPLY, "candidates": REPLY["candidates"] + [{"index": 1, "content": TALK[3]}]}
    )
    assert [message.flags for message in messages(events)] == [(), ("candidate 2",)]


def test_a_blocked_prompt_is_a_request_that_failed() -> None:
    events = read_value(FORMAT, {"promptFeedback": {"blockReason": "SAFETY"}})
    (failed,) = only(events, RequestFailed)
    assert failed.message == "the prompt was blocked: SAFETY"


@pytest.mark.parametrize(
    ("fields", "message", "status"),
    [
        ({"status": "Bad Request: 400"}, "Bad Request: 400", None),
        ({"error": {"code": 429, "message": "slow down"}}, "slow down", 429),
    ],
)
def test_a_batch_row_that_failed_is_a_request_that_failed(
    fields: dict[str, Any], message: str, status: int | None
) -> None:
    events = read_value(FORMAT, {"request": REQUEST, "response": {}, **fields})
    (failed,) = only(events, RequestFailed)
    assert (failed.message, failed.status) == (message, status)
    assert (ended(events).status, ended(events).stop_reason) == ("error", message)


def test_snake_case_dumps_with_nulls_read_the_same() -> None:
    dumped = {
        "role": "model",
        "parts": [
            {"text": None, "function_call": {"id": None, "name": "add", "args": {"a": 1}}},
            {"text": "x", "thought": None, "function_call": None},
        ],
    }
    reply = {"candidates": [{"content": dumped, "finish_reason": "FinishReason.STOP"}]}
    events = read_value(FORMAT, {**reply, "usage_metadata": {"prompt_token_count": 5}})
    (message,) = messages(events)
    assert [call.name for call in calls(events)] == ["add"]
    assert (message.text, message.finish_reason) == ("x", "STOP")
    assert message.usage is not None
    assert message.usage.prompt_tokens == 5


def test_a_value_that_is_not_content_is_a_defect_in_its_place() -> None:
    (defect,) = only(read_value(FORMAT, {"contents": [ASKED, 7]}), SourceDefect)
    assert defect.at.pointer == "/contents/1"
    assert only(
        read_value(FORMAT, {"method": "countTokens", "response": {}}, Unit.PARTS), SourceDefect
    )


@settings(max_examples=100, deadline=None)
@given(
    any_json("parts", "contents", "role", "text", "functionCall", "functionResponse", "response")
)
def test_reading_and_sniffing_never_raise(value: Any) -> None:
    candidate = {"content": value, "finishReason": value, "index": value}
    wrapped = (
        value,
        {"contents": value, "tools": value, "systemInstruction": value},
        {"role": value, "parts": value},
        {"role": "user", "parts": [value, {"functionResponse": value}, {"text": value}]},
        {"candidates": [candidate, value], "usageMetadata": value},
        {"history": [value], "request": value},
        recorded(value, {"candidates": value}),
        [value, REPLY, REPLY, REPLY, REPLY],
    )
    for item in wrapped:
        FORMAT.sniff(sample(item))
        read_value(FORMAT, item)
        read_value(FORMAT, item, Unit.PARTS)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["tool-error-recovery.json", "tool-success.json"])
def test_real_recordings_are_one_run_of_replies(name: str, trajectories: Path) -> None:
    data = (trajectories / "13-gemini" / name).read_bytes()
    assert format_of(data) == "gemini"
    events = read_bytes(FORMAT, data)
    # The manifest counts pieces of streams, 13 and 11 of them, as messages; there are 8 replies.
    assert counts(events) == (1, 8, 4)
    assert len(runs(events)) == 1
