"""Model texts that no parser has read: replies of servers, rows with their prompts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.readers import llm_call_log, openai_messages
from hermes_tui.formats.readers.har import reader as har
from hermes_tui.formats.replies import bare_reply
from hermes_tui.formats.streams.sse import join_chunks
from hermes_tui.formats.texts.text_replies import (
    is_generated,
    messages_of_prompt,
    meta_of_reply,
    texts_of_reply,
)
from hermes_tui.model.events import ResponseReceived, RunEnded
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
    read_value,
    runs,
)

BROKEN = '<tool_call>\n{"name": "ls", "arguments": {"path": ".",}}\n</tool_call>'
SOUND = '<tool_call>\n{"name": "ls", "arguments": {"path": "."}}\n</tool_call>'
TOOLS = '<tools>[{"name": "ls", "parameters": {"type": "object"}}]</tools>'
PROMPT = (
    f"<|im_start|>system\nYou may call {TOOLS}<|im_end|>\n"
    "<|im_start|>user\nlist<|im_end|>\n<|im_start|>assistant\n"
)


def completed(*texts: str) -> dict[str, Any]:
    choices = [{"index": n, "text": text, "finish_reason": "stop"} for n, text in enumerate(texts)]
    usage = {"prompt_tokens": 9, "completion_tokens": 5}
    return {"id": "cmpl-1", "object": "text_completion", "choices": choices, "usage": usage}


def generated(text: Any, finish: Any = None) -> dict[str, Any]:
    meta = {"id": "r1", "finish_reason": finish, "prompt_tokens": 9, "completion_tokens": 5}
    return {"text": text, "meta_info": meta}


@pytest.mark.parametrize(
    ("data", "run_count"),
    [
        (document(completed(BROKEN)), 1),
        (lines(completed(BROKEN, BROKEN)), 2),
        (document(generated(BROKEN, {"type": "stop", "matched": 2})), 1),
        (document([generated(BROKEN), generated(BROKEN)]), 2),
        (lines(generated([BROKEN, BROKEN])), 2),
        (lines({"prompt": PROMPT, "text": BROKEN}, {"prompt": PROMPT, "text": BROKEN}), 2),
        (document([{"prompt": "list", "completion": BROKEN}]), 1),
        (lines({"prompt": [{"role": "user", "content": "list"}], "response": BROKEN}), 1),
    ],
    ids=["completion", "choices", "generate", "several", "texts", "rows", "completions", "chat"],
)
def test_the_text_of_a_reply_is_searched_for_calls(data: bytes, run_count: int) -> None:
    assert format_of(data) == "openai-messages"
    events = read_bytes(openai_messages.FORMAT, data)
    assert len(runs(events)) == run_count
    assert [call.name for call in calls(events)] == ["ls"] * run_count
    assert set(found_codes(events)) == {"TRAILING_COMMA:error"}
    assert len(only(events, ResponseReceived)) == run_count


def test_a_reply_keeps_its_usage_and_finish_reason() -> None:
    for value in (generated("so", {"type": "length"}), completed("so")):
        [reply] = only(read_value(openai_messages.FORMAT, value), ResponseReceived)
        assert reply.usage is not None and reply.usage.completion_tokens == 5
        assert reply.finish_reason in ("length", "stop")


def test_a_row_has_the_turns_and_tools_of_its_prompt_and_its_reward() -> None:
    row = {"prompt": PROMPT, "text": "I cannot.", "reward": 0.5, "finish_reason": "stop"}
    events = read_value(openai_messages.FORMAT, row)
    assert [role for role, _ in dialog(events)] == ["system", "user", "assistant"]
    [run], [end] = runs(events), only(events, RunEnded)
    assert run.task == "list" and [tool.name for tool in run.tools] == ["ls"]
    assert (end.reward, end.status) == (0.5, "unknown")


def test_a_text_that_stopped_normally_is_not_thereby_a_successful_run() -> None:
    row = {"prompt": PROMPT, "text": "so", "finish_reason": "stop"}
    assert only(read_value(openai_messages.FORMAT, row), RunEnded) == []
    cut = only(read_value(openai_messages.FORMAT, {**row, "finish_reason": "length"}), RunEnded)
    assert [end.status for end in cut] == ["truncated"]


def test_a_reply_begun_in_the_prompt_belongs_to_the_reply() -> None:
    row = {"prompt": PROMPT + "<tool_call>\n", "text": SOUND.removeprefix("<tool_call>\n")}
    events = read_value(openai_messages.FORMAT, row)
    assert dialog(events)[-1] == ("assistant", SOUND)
    assert [call.name for call in calls(events)] == ["ls"]


@pytest.mark.parametrize(
    "request_body",
    [
        {"text": PROMPT, "sampling_params": {}},
        {"inputs": PROMPT},
        {"model": "m", "prompt": PROMPT},
    ],
)
def test_a_logged_request_with_a_prompt_has_its_turns(request_body: dict[str, Any]) -> None:
    log = {"request": request_body, "response": generated(SOUND, {"type": "stop"})}
    events = read_bytes(llm_call_log.FORMAT, lines(log, log))
    assert dialog(events)[:3] == [
        ("system", f"You may call {TOOLS}"),
        ("user", "list"),
        ("assistant", SOUND),
    ]
    assert len(calls(events)) == 2 and found_codes(events) == []


def test_a_prompt_that_continues_an_earlier_reply_continues_its_run() -> None:
    result = "<|im_end|>\n<|im_start|>tool\na.txt<|im_end|>\n<|im_start|>assistant\n"
    later = PROMPT + SOUND + result
    log = [
        {"request": {"prompt": PROMPT}, "response": completed(SOUND)},
        {"request": {"prompt": later}, "response": completed("done")},
    ]
    events = read_bytes(llm_call_log.FORMAT, lines(*log))
    assert len(runs(events)) == 1 and found_codes(events) == []
    assert found_codes(read_value(llm_call_log.FORMAT, log[1:])) == []
    assert [role for role, _ in dialog(events)] == [
        "system",
        "user",
        "assistant",
        "tool",
        "assistant",
    ]


def test_a_streamed_text_is_read_like_a_whole_one() -> None:
    chunks = [
        {"object": "text_completion", "choices": [{"text": text, "finish_reason": reason}]}
        for text, reason in ((SOUND[:20], None), (SOUND[20:], "stop"))
    ]
    stream = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks)
    for response in (f"{stream}data: [DONE]\n\n", completed(SOUND)):
        log = {"request": {"prompt": PROMPT}, "response": response}
        events = read_value(llm_call_log.FORMAT, [log])
        assert dialog(events)[-1] == ("assistant", SOUND) and found_codes(events) == []
        assert [call.name for call in calls(events)] == ["ls"]


def test_token_ids_in_place_of_a_prompt_are_not_messages() -> None:
    log = {"request": {"model": "m", "prompt": [1, 2, 3]}, "response": completed("so")}
    assert dialog(read_value(llm_call_log.FORMAT, [log])) == [("assistant", "so")]


@pytest.mark.parametrize("pieces", [["so ", "so be", "so be it"], ["so ", "be", " it"]])
def test_a_streamed_reply_is_joined_from_cumulative_or_partial_events(pieces: list[str]) -> None:
    joined = join_chunks([generated(piece) for piece in pieces])
    assert joined is not None and joined.reply["text"].strip() == "so be it"


def test_an_archive_with_text_completions_contains_them_all() -> None:
    def entry(path: str, body: Any, reply: Any) -> dict[str, Any]:
        request = {"method": "POST", "url": f"http://x{path}", "postData": {"text": body}}
        return {"request": request, "response": {"status": 200, "content": {"text": reply}}}

    asked = json.dumps({"text": PROMPT, "sampling_params": {}})
    stream = "".join(f"data: {json.dumps(generated(text))}\n\n" for text in ("s", "so"))
    entries = [
        entry("/generate", asked, json.dumps(generated(SOUND))),
        entry("/generate", asked, json.dumps([generated("a"), generated("b")])),
        entry("/generate", asked, f"{stream}data: [DONE]\n\n"),
        entry("/reports/generate", json.dumps({"month": 5}), "{}"),
    ]
    events = read_value(har.FORMAT, {"log": {"entries": entries}})
    assert len(runs(events)) == 4
    texts = [text for role, text in dialog(events) if role == "assistant"]
    assert texts == [SOUND, "a", "b", "so"]


@pytest.mark.parametrize(
    "other",
    [
        {"choices": [{"text": "Paris", "label": "A"}], "answer": "A"},
        {"text": "words", "meta_info": {"source": "web"}},
        {"prompt": "draw", "image": "a.png"},
    ],
)
def test_other_rows_with_texts_are_not_claimed(other: dict[str, Any]) -> None:
    assert format_of(lines(other, other)) == ""


@given(any_json("text", "meta_info", "choices", "finish_reason", "id", "prompt", "index"))
@settings(max_examples=100, deadline=None)
def test_any_value_is_read_without_an_exception(value: Any) -> None:
    for raw in (value, generated(value, value), {"choices": value}):
        for text in texts_of_reply(raw):
            assert isinstance(text.text, str) and meta_of_reply(raw)
        is_generated(raw)
        join_chunks([raw, raw])
    read_value(openai_messages.FORMAT, {"prompt": value, "text": "so"})
    assert messages_of_prompt(json.dumps(value))[0]
    for text in (json.dumps(value), json.dumps({"choices": value}), f"data: {json.dumps(value)}"):
        bare_reply(text)
