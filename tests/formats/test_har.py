"""HTTP archives: requests to models are joined into runs, regardless of how bodies are stored."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.detect import detect
from hermes_tui.formats.readers.har import bodies as har_bodies
from hermes_tui.formats.readers.har.reader import FORMAT
from hermes_tui.formats.registry import formats
from hermes_tui.formats.secrets import mask_json_text
from hermes_tui.log.summary import fold_run
from hermes_tui.model.events import RequestFailed, ResponseReceived, SourceDefect
from tests.bytes_source import BytesSource
from tests.formats.foreign import (
    any_json,
    calls,
    counts,
    deep_json,
    dialog,
    document,
    found_codes,
    messages,
    only,
    read_bytes,
    read_value,
    runs,
    started,
)

ASK = {"role": "user", "content": "List."}
CALL = {"id": "c1", "type": "function", "function": {"name": "ls", "arguments": '{"p": 1}'}}
CALLING = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "a.txt"}
CHAT = "https://api.openai.com/v1/chat/completions"


def completion(message: dict[str, Any]) -> dict[str, Any]:
    return {"id": "x1", "model": "m", "choices": [{"message": message, "finish_reason": "stop"}]}


DONE = completion({"role": "assistant", "content": "Done."})


def entry(body: Any, reply: Any, url: str = CHAT, status: int = 200, **content: Any) -> Any:
    headers = [{"name": "Authorization", "value": "Bearer s3cr3t-token"}]
    posted = {} if body is None else {"postData": {"text": as_text(body)}}
    return {
        "startedDateTime": "2026-01-02T03:04:05Z",
        "time": 1500,
        "request": {"method": "POST", "url": url, "headers": headers, **posted},
        "response": {
            "status": status,
            "headers": [{"name": "Set-Cookie", "value": "s3cr3t-cookie"}],
            "content": {"text": as_text(reply), **content},
        },
    }


def as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def har(*entries: Any) -> dict[str, Any]:
    return {"log": {"version": "1.2", "entries": list(entries)}}


def body(*said_before: Any) -> dict[str, Any]:
    return {"model": "m", "messages": list(said_before)}


def read(*entries: Any) -> list[Any]:
    return read_value(FORMAT, har(*entries))


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def sse(*events: Any) -> str:
    return "".join(f"data: {json.dumps(event)}\n\n" for event in events)


def test_requests_that_continue_one_another_are_one_run() -> None:
    first = entry(body(ASK), completion(CALLING))
    second = entry(body(ASK, CALLING, RESULT), DONE)
    events = read_bytes(FORMAT, document(har(first, second)))
    assert counts(events) == (1, 4, 1)
    assert [role for role, _ in dialog(events)] == ["user", "assistant", "tool", "assistant"]
    assert [event.duration_s for event in only(events, ResponseReceived)] == [1.5, 1.5]
    assert started(events).ts == 1767323045.0


def test_streamed_calls_that_clients_would_join_are_reported_on_the_reply() -> None:
    parts = [
        {"index": 0, "id": id, "function": {"name": "f", "arguments": "{}"}} for id in ("a", "b")
    ]
    chunks = [{"choices": [{"delta": {"tool_calls": [part]}}]} for part in parts]
    last = {"choices": [{"delta": {}, "finish_reason": "tool_calls"}]}
    events = read(entry(body(ASK), sse(*chunks, last)))
    assert counts(events) == (1, 2, 2)
    [reply] = only(events, ResponseReceived)
    assert [flaw.code for flaw in reply.diagnostics] == ["REPLY_SHAPE"]


def test_requests_that_are_not_to_models_are_skipped() -> None:
    page = {"request": {"method": "GET", "url": CHAT}, "response": {"status": 200}}
    form = entry("a=b", "ok", url="https://site/track")
    odd = entry(body(ASK), DONE, url="https://proxy/whatever?key=1")
    assert counts(read(page, form, odd)) == (1, 2, 0)


def test_a_file_without_requests_to_models_is_reported() -> None:
    events = read({"request": {"method": "GET", "url": "https://x/"}})
    assert [event.message for event in only(events, SourceDefect)] == [
        "no request to a model among 1 request"
    ]


PACKED = gzip.compress(json.dumps(DONE).encode(), mtime=0)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (json.dumps(DONE), ""),
        (b64(json.dumps(DONE).encode()), "base64"),
        (b64(PACKED), "base64"),
        (b64(zlib.compress(json.dumps(DONE).encode())), "base64"),
        (json.dumps([b64(PACKED[:10]), b64(PACKED[10:])]), "base64"),
        (json.dumps([b64(PACKED[:9]), b64(PACKED[9:])]), ""),
        (json.dumps([PACKED.hex()]), ""),
        (b64(b"5;x=1\r\n" + PACKED[:5] + b"\r\n%x\r\n" % len(PACKED[5:]) + PACKED[5:]
             + b"\r\n0\r\n\r\n"), "base64"),
    ],
    ids=["plain", "base64", "gzip", "zlib", "list", "list, unmarked", "hex", "chunked"],
)  # fmt: skip
def test_a_body_is_read_regardless_of_its_encoding(text: str, encoding: str) -> None:
    events = read(entry(body(ASK), text, encoding=encoding))
    assert dialog(events)[-1] == ("assistant", "Done.")
    assert not only(events, SourceDefect)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b64(PACKED[:40]), "the compressed body ends too early"),
        (b64(PACKED[:12] + b"\xff" * 40), "the compressed body is damaged"),
        ("abc", "the body is not base64"),
        (b64(b"\x8b\x00\xff"), "the body is not text"),
    ],
)
def test_a_body_that_cannot_be_read_is_reported(text: str, reason: str) -> None:
    defects = [event.message for event in only(read(entry(body(ASK), text, encoding="base64")),
             SourceDefect)]  # fmt: skip
    assert any(message.startswith(f"entry 1: {reason}") for message in defects), defects


def test_a_packed_body_above_the_size_limit_is_not_unpacked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(har_bodies, "MAX_BODY", 1 << 20)
    bomb = b64(gzip.compress(b" " * (8 << 20)))
    [defect] = only(read(entry(body(ASK), bomb, encoding="base64"))[:2], SourceDefect)
    assert "unpacks to more than 1 MB" in defect.message


def test_a_truncated_body_is_read_as_far_as_possible_and_reported() -> None:
    cut = as_text(body(ASK, {"role": "user", "content": "and more"}))[:-8]
    events = read(entry(cut, DONE))
    assert [text for _, text in dialog(events)] == ["List.", "and ", "Done."]
    assert "truncated" in only(events, SourceDefect)[0].message


def test_the_reply_to_an_unrecorded_request_is_shown() -> None:
    events = read(entry(None, DONE))
    assert dialog(events) == [("assistant", "Done.")]
    assert only(events, SourceDefect)[0].message == (
        "entry 1: the body of the request was not recorded"
    )


ANTHROPIC = {
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "content": [{"type": "tool_use", "id": "t1", "name": "ls", "input": {"p": 1}}],
    "stop_reason": "tool_use",
}
RESPONSE = {
    "object": "response",
    "output": [{"type": "function_call", "call_id": "r1", "name": "ls", "arguments": "{}"}],
}
PART = {"functionCall": {"name": "ls", "args": {"p": 1}}}
GOOGLE = {
    "candidates": [{"content": {"role": "model", "parts": [PART]}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 7},
}
GOOGLE_BODY = {"contents": [{"role": "user", "parts": [{"text": "List."}]}]}
GOOGLE_URL = "https://g.com/v1beta/models/gemini-9:generateContent?key=AIza-secret"


@pytest.mark.parametrize(
    ("posted", "reply", "url"),
    [
        (body(ASK), completion(CALLING), CHAT),
        (body(ASK), sse({"choices": [{"delta": CALLING, "index": 0}]}), CHAT),
        (body(ASK), ANTHROPIC, "https://api.anthropic.com/v1/messages?beta=true"),
        ({"input": "List.", "model": "m"}, RESPONSE, "https://api.openai.com/v1/responses"),
        (
            {"input": [ASK]},
            sse({"type": "response.created", "response": {"object": "response"}},
                {"type": "response.completed", "response": RESPONSE}),
            "https://api.openai.com/v1/responses",
        ),
        (
            {"input": [ASK]},
            sse({"type": "response.created", "response": {"output": []}},
                {"type": "response.output_item.done", "item": RESPONSE["output"][0]}),
            "https://api.openai.com/v1/responses",
        ),
        (GOOGLE_BODY, GOOGLE, GOOGLE_URL),
        (GOOGLE_BODY, [GOOGLE], GOOGLE_URL),
        (GOOGLE_BODY, sse(GOOGLE), GOOGLE_URL),
    ],
    ids=["chat", "chat stream", "anthropic", "responses", "responses stream", "cut stream",
         "gemini", "gemini pieces", "gemini stream"],
)  # fmt: skip
def test_the_call_in_a_reply_of_every_api_is_found(posted: Any, reply: Any, url: str) -> None:
    events = read(entry(posted, reply, url=url))
    assert [call.name for call in calls(events)] == ["ls"]
    assert [role for role, _ in dialog(events)] == ["user", "assistant"]


def test_a_gemini_request_has_its_model_tools_and_usage() -> None:
    declared = {"functionDeclarations": [{"name": "ls", "parameters": {"type": "object"}}]}
    events = read(entry({**GOOGLE_BODY, "tools": [declared]}, GOOGLE, url=GOOGLE_URL))
    first = started(events)
    assert (first.model, [tool.name for tool in first.tools]) == ("gemini-9", ["ls"])
    usage = only(events, ResponseReceived)[0].usage
    assert usage is not None and usage.prompt_tokens == 7


def test_a_malformed_call_that_google_withheld_is_a_failure() -> None:
    lost = {"candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL", "finishMessage": "bad"}]}
    [failed] = only(read(entry(GOOGLE_BODY, lost, url=GOOGLE_URL)), RequestFailed)
    assert failed.message == "MALFORMED_FUNCTION_CALL: bad"


@pytest.mark.parametrize(
    ("reply", "status", "message"),
    [
        ({"error": {"type": "rate_limit", "message": "slow down"}}, 429, "slow down"),
        ("<html>bad gateway</html>", 502, "<html>bad gateway</html>"),
        ("", 0, "no reply came: status 0"),
    ],
)
def test_a_failed_request_has_its_cause(reply: Any, status: int, message: str) -> None:
    [failed] = only(read(entry(body(ASK), reply, status=status)), RequestFailed)
    assert (failed.message, failed.status) == (message, status or None)


DELTA = {"choices": [{"index": 0, "delta": {"content": "Do"}}]}
LAST = {"choices": [{"index": 0, "delta": {"content": "ne."}, "finish_reason": "stop"}]}


@pytest.mark.parametrize(
    ("stream", "is_cut"),
    [
        (sse(DELTA), True),
        (sse(DELTA) + "data: [DONE]\n\n", False),
        (sse(DELTA, LAST), False),
        (sse(DELTA) + 'data: {"choi', True),
    ],
)
def test_a_truncated_stream_is_an_error(stream: str, is_cut: bool) -> None:
    assert ("STREAM_CUT:error" in found_codes(read(entry(body(ASK), stream)))) is is_cut


def test_secrets_are_never_shown() -> None:
    both = har(entry(body(ASK), DONE), entry(GOOGLE_BODY, GOOGLE, url=GOOGLE_URL))
    cookie = {"name": "sid]", "value": "s3cr3t-sid"}
    both["log"]["entries"][0]["request"]["cookies"] = [cookie]
    both["log"]["entries"][0]["request"]["queryString"] = [{"name": "key", "value": "s3cr3t-key"}]
    shown = repr(read_value(FORMAT, both)) + mask_json_text(json.dumps(both, indent=1))
    assert "s3cr3t" not in shown
    assert "AIza-secret" not in shown
    assert "List." in shown


def test_other_values_are_unchanged_when_secrets_are_masked() -> None:
    text = json.dumps({"cookies": [], "value": "kept", "name": "x", "list": ["]", {"value": "y"}]})
    assert mask_json_text(text) == text


def test_files_of_other_formats_are_not_claimed() -> None:
    reader = detect(BytesSource(document(har(entry(body(ASK), DONE)))), formats()).reader
    assert reader is not None and reader.name == "har"
    other = detect(BytesSource(document({"log": ["x"], "messages": [ASK]})), formats()).reader
    assert other is not None and other.name != "har"


@pytest.mark.parametrize("key", ["", "content", "parts", "error"])
def test_deeply_nested_values_are_read_without_an_exception(key: str) -> None:
    deep = deep_json(key)
    one = entry(json.dumps({"messages": [{"role": "user", "content": deep}]}), json.dumps(deep))
    google = entry(json.dumps({"contents": [{"role": "user", "parts": [deep]}]}), "")
    odd = {**one, "response": deep, "timings": deep, "time": deep}
    fold_run(read(one, google, odd, deep))


@settings(max_examples=60, deadline=None)
@given(
    value=any_json(
        "log", "entries", "request", "response", "method", "url", "postData", "text", "content",
        "headers", "status", "contents", "messages", "parts", "candidates", "name", "value",
    )
)  # fmt: skip
def test_any_value_is_read_without_an_exception(value: Any) -> None:
    whole = {"log": {"entries": value if isinstance(value, list) else [value]}}
    posted = entry(json.dumps(value), json.dumps(value))
    for one in (value, whole, har(posted), har({**posted, "response": value})):
        fold_run(read_value(FORMAT, one))


@pytest.mark.shared
def test_recorded_replies_are_unpacked(trajectories: Path) -> None:
    path = trajectories / "19-har" / "openai-tool-calling.har"
    events = read_bytes(FORMAT, path.read_bytes())
    assert [call.name for call in calls(events)] == ["get_current_weather"]
    assert [len(runs(events)), len(messages(events))] == [1, 2]
