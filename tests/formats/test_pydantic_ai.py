"""Histories of pydantic-ai: how each part of a request and a response is read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.detect import detect
from hermes_tui.formats.readers.pydantic_ai import FORMAT
from hermes_tui.formats.registry import formats
from hermes_tui.log.summary import fold_run
from hermes_tui.model.events import SourceDefect
from tests.bytes_source import BytesSource
from tests.formats.foreign import (
    any_json,
    calls,
    counts,
    dialog,
    document,
    ended,
    found_codes,
    lines,
    messages,
    only,
    read_bytes,
    read_value,
    results,
    runs,
    sample,
)


def part(kind: str, **members: Any) -> dict[str, Any]:
    return {"part_kind": kind, **members}


def request(*parts: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"kind": "request", "parts": [*parts], "instructions": "Be brief.", **more}


def response(*parts: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"kind": "response", "parts": [*parts], "model_name": "gpt-example", **more}


CALL = part("tool-call", tool_name="weather", args='{ "city": "Bonn"}', tool_call_id="c1")
RETURN = part("tool-return", tool_name="weather", content={"sky": "rain"}, tool_call_id="c1")
ASKED = part("user-prompt", content="Weather?", timestamp="2026-01-02T03:04:05Z")
HISTORY = [
    request(part("system-prompt", content="You know weather."), ASKED),
    response(
        part("thinking", content="Look it up."),
        part("text", content="Looking."),
        CALL,
        usage={"input_tokens": 9, "output_tokens": 4, "output_reasoning_tokens": 2},
        timestamp="2026-01-02T03:04:06Z",
        finish_reason="tool_call",
        run_id="r1",
    ),
    request(RETURN),
    response(part("text", content="Rain.")),
]


@pytest.mark.parametrize(
    "data",
    [
        document(HISTORY),
        lines(*HISTORY),
        lines(HISTORY),
        document({"all_messages": HISTORY, "task": "weather"}),
    ],
    ids=["list", "message per line", "list on one line", "wrapped"],
)
def test_every_container_of_a_history_is_one_run(data: bytes) -> None:
    detection = detect(BytesSource(data), formats())
    assert detection.reader is not None
    assert (detection.reader.name, detection.rivals) == ("pydantic-ai", ())
    events = read_bytes(FORMAT, data)
    assert counts(events) == (1, 6, 1)
    assert fold_run(events)[0].codes == {}


def test_each_line_with_a_history_is_a_run() -> None:
    assert len(runs(read_bytes(FORMAT, lines(HISTORY, HISTORY)))) == 2


def test_a_request_is_several_messages_and_instructions_appear_once() -> None:
    events = read_value(FORMAT, HISTORY)
    assert [message.role for message in messages(events)] == [
        "system",
        "system",
        "user",
        "assistant",
        "tool",
        "assistant",
    ]
    assert messages(events)[0].flags == ("instructions",)
    changed = [*HISTORY, request(ASKED, instructions="Be kind.")]
    assert dialog(read_value(FORMAT, changed))[-2:] == [
        ("system", "Be kind."),
        ("user", "Weather?"),
    ]


def test_a_response_is_one_message_with_its_reasoning_calls_and_usage() -> None:
    events = read_value(FORMAT, HISTORY)
    reply = messages(events)[3]
    assert (reply.text, reply.finish_reason, reply.time_s) == ("Looking.", "tool_call", 1767323046)
    assert [piece.text for piece in reply.reasoning] == ["Look it up."]
    assert reply.usage is not None
    assert (reply.usage.prompt_tokens, reply.usage.reasoning_tokens) == (9, 2)
    (call,) = calls(events)
    assert (call.id, call.arguments_text, call.raw) == ("c1", '{ "city": "Bonn"}', CALL)
    (result,) = results(events)
    assert (result.call_id, result.content, result.raw) == ("c1", '{"sky":"rain"}', RETURN)
    assert (runs(events)[0].model, runs(events)[0].run_id) == ("gpt-example", "r1")


@pytest.mark.parametrize(
    ("args", "text", "codes"),
    [
        (None, "", []),
        ({"city": "Bonn"}, '{"city":"Bonn"}', []),
        ('{"city":', '{"city":', ["ARGS_INVALID:error"]),
    ],
)
def test_arguments_may_be_text_an_object_or_missing(args: Any, text: str, codes: Any) -> None:
    events = read_value(FORMAT, [response({**CALL, "args": args})])
    assert calls(events)[0].arguments_text == text
    assert found_codes(events) == codes


WRONG = [{"type": "string_type", "loc": ["city"], "msg": "should be a string", "input": 3}]


@pytest.mark.parametrize(
    "retry",
    [
        part("retry-prompt", tool_name="weather", tool_call_id="c1", content=WRONG),
        {**RETURN, "content": WRONG, "outcome": "retried", "retry": {"attempt": 1}},
    ],
    ids=["separate part", "outcome"],
)
def test_a_retry_is_the_failed_result_of_its_tool(retry: dict[str, Any]) -> None:
    events = read_value(FORMAT, [response(CALL), request(retry)])
    (result,) = results(events)
    assert result.content == "city: should be a string"
    assert result.error is not None
    assert result.error.kind == "flag"
    assert messages(events)[-1].flags == ("retry",)


def test_a_retry_that_names_no_tool_is_a_user_message() -> None:
    retry = part("retry-prompt", content="Plain text is not allowed.")
    events = read_value(FORMAT, [response(part("text", content="x")), request(retry)])
    assert dialog(events)[-1] == ("user", "Plain text is not allowed.")
    assert messages(events)[-1].flags == ("retry",)


def test_provider_side_tools_answer_inside_the_response() -> None:
    search = part("builtin-tool-call", tool_name="search", args={"q": "x"}, tool_call_id="b1")
    found = part("builtin-tool-return", tool_name="search", content=[{"u": 1}], tool_call_id="b1")
    events = read_value(FORMAT, [response(search, found, part("text", content="Found."))])
    assert dialog(events) == [("assistant", ""), ("tool", '[{"u":1}]'), ("assistant", "Found.")]
    assert fold_run(events)[0].codes == {}


def test_images_are_shown_by_a_description() -> None:
    prompt = ["See:", {"kind": "image-url", "url": "https://example.com/a.png"}]
    prompt.append({"kind": "binary", "data": "YWJj", "media_type": "image/png"})
    (message,) = messages(
        read_value(FORMAT, [{**request(part("user-prompt", content=prompt)), "instructions": ""}])
    )
    assert [shown.kind for shown in message.parts] == ["text", "image", "image"]
    assert message.parts[2].text == "[image image/png, 3 bytes]"


def test_data_alongside_a_history_is_kept() -> None:
    value = {"messages": HISTORY, "success": False, "id": "run 7", "seed": 3}
    events = read_value(FORMAT, value)
    assert (runs(events)[0].run_id, runs(events)[0].details["seed"]) == ("run 7", 3)
    assert ended(events).status == "failed"


def test_unknown_parts_are_shown_and_non_messages_are_defects() -> None:
    events = read_value(FORMAT, [request(part("brand-new", x=1)), {"kind": "other"}, 7])
    assert "brand-new" in dialog(events)[-1][1]
    places = [defect.at.pointer for defect in only(events, SourceDefect)]
    assert places == ["/1", "/2"]


@settings(max_examples=50, deadline=None)
@given(any_json("kind", "parts", "part_kind", "content", "args", "usage", "loc", "msg"))
def test_reading_and_sniffing_never_raise(value: Any) -> None:
    for item in (value, [value], {"messages": value}, {"kind": "request", "parts": value}):
        FORMAT.sniff(sample(item))
        fold_run(read_value(FORMAT, item))
    for one in (CALL, RETURN, ASKED, part("retry-prompt"), part("thinking"), part("file")):
        for key in (*one, "content", "args", "tool_name", "outcome", "retry"):
            odd = {**one, key: value, "part_kind": one["part_kind"]}
            fold_run(read_value(FORMAT, [request(odd), response(odd, usage=value)]))
