"""Side requests of a conversation, and the turn numbers of requests."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hermes_tui.formats.readers.har.reader import FORMAT as HAR
from hermes_tui.formats.readers.llm_call_log import FORMAT as LOG
from hermes_tui.formats.side_requests import side_request_by_url
from hermes_tui.log.summary import fold_run
from hermes_tui.model.events import RequestFailed, RequestSent, ResponseReceived, SourceDefect
from tests.formats.foreign import counts, found_codes, lines, only, read_bytes, read_value, runs

ASK = {"role": "user", "content": "List."}
USE = {"type": "tool_use", "id": "t1", "name": "ls", "input": {}}
CALLING = {"role": "assistant", "content": [USE]}
RESULT = {
    "role": "user",
    "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "no", "is_error": True}],
}
API = "https://api.anthropic.com/v1/messages"
COUNTED = {"input_tokens": 12}


def reply(*blocks: Any) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": list(blocks), "stop_reason": "end"}


DONE = reply({"type": "text", "text": "Done."})


def entry(prompt: list[Any], answer: Any, url: str = f"{API}?beta=true", status: int = 200) -> Any:
    return {
        "request": {
            "method": "POST",
            "url": url,
            "postData": {"text": json.dumps({"messages": prompt})},
        },
        "response": {"status": status, "content": {"text": json.dumps(answer)}},
    }


def archive(*entries: Any) -> list[Any]:
    return read_value(HAR, {"log": {"entries": list(entries)}})


def test_token_counts_neither_split_a_conversation_nor_are_its_errors() -> None:
    count = f"{API}/count_tokens?beta=true"
    events = archive(
        entry([ASK], COUNTED, count),
        entry([ASK], reply(USE)),
        entry([ASK, CALLING, RESULT], COUNTED, count),
        entry([ASK, CALLING, RESULT], DONE),
    )
    assert counts(events) == (1, 4, 1)
    assert runs(events)[0].details["side_requests"] == {"count_tokens": 2}
    assert found_codes(events) == ["TOOL_ERROR:error"]


@pytest.mark.parametrize(
    "answered",
    [
        COUNTED,
        {"input_tokens": 12, "context_management": {"original_input_tokens": 20}},
        {"status_code": 200, "body": COUNTED},
        {"totalTokens": 31},
        {"count": 3, "max_model_len": 9, "tokens": [1, 2, 3]},
        {"object": "list", "data": [{"object": "embedding", "embedding": [0.5]}]},
    ],
)
def test_side_requests_without_urls_are_recognised_by_their_replies(answered: Any) -> None:
    rows = [
        {"request": {"messages": [ASK]}, "response": answered},
        {"request": {"messages": [ASK]}, "response": DONE},
    ]
    events = read_bytes(LOG, lines(*rows))
    assert counts(events) == (1, 2, 0)
    assert sum(runs(events)[0].details["side_requests"].values()) == 1
    assert not found_codes(events) and not only(events, SourceDefect)


def test_a_failed_call_of_another_type_is_not_part_of_the_conversation() -> None:
    failed = {
        "call_type": "aembedding",
        "request": {"input": "x"},
        "error": "429",
        "response": None,
    }
    events = read_value(LOG, [failed, {"request": {"messages": [ASK]}, "response": DONE}])
    assert runs(events)[0].details["side_requests"] == {"embedding": 1}
    assert not found_codes(events)


def test_a_reply_without_a_message_is_still_a_defect() -> None:
    odd = {"request": {"messages": [ASK]}, "response": {"input_tokens": 12, "content_type": "x"}}
    events = read_value(LOG, odd)
    assert [found.message for found in only(events, SourceDefect)] == ["no message in the reply"]


def test_a_file_of_side_requests_only_is_reported() -> None:
    events = archive(entry([ASK], COUNTED, f"{API}/count_tokens"))
    (defect,) = only(events, SourceDefect)
    assert defect.message == "no request of a conversation among 1 request (count_tokens)"


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        (f"{API}/count_tokens?beta=true", "count_tokens"),
        ("https://api.openai.com/v1/responses/input_tokens", "input_tokens"),
        ("https://api.openai.com/v1/embeddings/", "embeddings"),
        ("https://x/v1/models", "models"),
        ("https://x/v1/models/gpt-x", "models"),
        ("https://x/v1beta/models/gemini-x:countTokens", "countTokens"),
        ("http://localhost:11434/api/show", "show"),
        ("http://localhost:8000/health", "health"),
        ("https://x/v1beta/models/gemini-x:generateContent", ""),
        ("https://x/models/gpt-x/chat/completions", ""),
        ("https://x/embeddings/chat/completions", ""),
        ("https://x/show", ""),
        (API, ""),
    ],
)
def test_the_url_determines_the_kind_of_side_request(url: str, kind: str) -> None:
    assert side_request_by_url(url) == kind


def test_requests_have_the_turn_of_their_reply_despite_earlier_failures() -> None:
    failed = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    events = archive(
        entry([ASK], reply(USE)),
        entry([ASK, CALLING, RESULT], failed, status=529),
        entry([ASK, CALLING, RESULT], failed, status=529),
        entry([ASK, CALLING, RESULT], DONE),
    )
    assert [(sent.turn, sent.attempt) for sent in only(events, RequestSent)] == [
        (1, 1),
        (2, 1),
        (2, 2),
        (2, 3),
    ]
    assert [event.turn for event in only(events, RequestFailed)] == [2, 2]
    assert [event.turn for event in only(events, ResponseReceived)] == [1, 2]
    state, found = fold_run(events)
    assert state.turn == 2
    assert max(finding.turn for finding in found) == 2


def test_earlier_replies_in_a_request_count_as_turns() -> None:
    before = [ASK, {"role": "assistant", "content": "Which?"}, {"role": "user", "content": "All."}]
    events = archive(entry(before, DONE))
    assert [event.turn for event in only(events, ResponseReceived)] == [2]
