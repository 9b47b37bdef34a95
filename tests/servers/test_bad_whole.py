"""Every misbehaviour of a whole reply is reported, through both adapters."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import pytest

from hermes_tui.runtime.servers.base import Reply
from hermes_tui.runtime.servers.chat_server import ChatServer
from tests.servers.bad_cases import ADAPTERS, ask, bad_server, check_outcome

pytestmark = pytest.mark.shared

CALL = 'get_weather({"city": "Paris"})'
# case: ("reply", "failed" or "empty"; text and calls, or the failure's message; findings)
EXPECTED = {
    "ok": ("reply", CALL, ""),
    "extras_message": ("reply", CALL, ""),
    "extras_toplevel": ("reply", CALL, ""),
    "extras_in_usage": ("reply", CALL, ""),
    "args_object": ("reply", 'get_weather({"city":"Paris"})', ""),
    "args_null": ("reply", "get_weather()", ""),
    "args_missing": ("reply", "get_weather()", ""),
    "args_bad_json": ("reply", 'get_weather({"city": )', ""),
    "args_empty_string": ("reply", "get_weather()", ""),
    "args_double_encoded": ("reply", 'get_weather("{\\"city\\": \\"Paris\\"}")', ""),
    "args_non_object": ("reply", "get_weather([1, 2])", ""),
    "id_null": ("reply", CALL, ""),
    "id_missing": ("reply", CALL, ""),
    "id_int": ("reply", CALL, "note REPLY_SHAPE: the id of call 1 is a number, not a string"),
    "id_duplicate": ("reply", 'get_weather({"city": "Paris"}) get_weather({"city": "Paris"})', ""),
    "type_missing": (
        "reply",
        CALL,
        "note REPLY_SHAPE: the type of call 1 is missing, not function",
    ),
    "type_null": ("reply", CALL, "note REPLY_SHAPE: the type of call 1 is null, not function"),
    "type_unknown": ("reply", CALL, "note REPLY_SHAPE: the type of call 1 is 'tool', not function"),
    "type_custom": ("reply", "sh(ls)", ""),
    "function_missing": ("reply", "None()", ""),
    "function_null": ("reply", "None()", ""),
    "name_null": ("reply", "None({})", ""),
    "flat_call": ("reply", 'get_weather({"city":"Paris"})', ""),
    "tool_calls_empty": ("reply", "hi", ""),
    "tool_calls_empty_fr": ("reply", "", ""),
    "tool_calls_null": ("reply", "hi", ""),
    "tool_calls_dict": ("reply", CALL, ""),
    "tool_calls_of_str": ("reply", "None(get_weather)", ""),
    "tool_calls_jsonstr": ("reply", CALL, ""),
    "tool_calls_has_null": ("reply", "None()", ""),
    "legacy_function_call": (
        "reply",
        CALL,
        "note REPLY_SHAPE: the call is in function_call, not in tool_calls",
    ),
    "calls_but_fr_stop": (
        "reply",
        CALL,
        "note REPLY_SHAPE: finish_reason is stop, though there are calls",
    ),
    "calls_fr_length": ("reply", 'get_weather({"city": "Par)', ""),
    "content_list": ("reply", "hi", ""),
    "content_missing": ("reply", CALL, ""),
    "content_null_no_calls": ("reply", "", ""),
    "content_int": ("reply", "5", "note REPLY_SHAPE: content is a number, not a string"),
    "content_lone_surrogate": (
        "reply",
        "a\ud83d b",
        (
            "note REPLY_SHAPE: the body is not quite JSON: it contains NaN, Infinity or "
            "half of a surrogate pair"
        ),
    ),
    "role_missing": (
        "reply",
        CALL,
        "note REPLY_SHAPE: the message's role is missing, not assistant",
    ),
    "role_other": ("reply", CALL, "note REPLY_SHAPE: the message's role is 'model', not assistant"),
    "message_null": ("empty", "message is null", ""),
    "message_missing": ("empty", "message is missing (there is: index, finish_reason)", ""),
    "fr_null": ("reply", CALL, "note REPLY_SHAPE: finish_reason is null"),
    "fr_unknown": ("reply", CALL, "note REPLY_SHAPE: finish_reason 'eos' is not one of the API's"),
    "choices_empty": ("empty", "choices is empty", ""),
    "choices_null": ("empty", "choices is null", ""),
    "choices_missing": (
        "empty",
        "choices is missing (there is: id, object, created, model, usage)",
        "",
    ),
    "usage_missing": ("reply", CALL, ""),
    "usage_null": ("reply", CALL, ""),
    "usage_strings": (
        "reply",
        CALL,
        (
            "note REPLY_SHAPE: usage contains values that are not whole numbers: prompt_tokens, "
            "completion_tokens, total_tokens"
        ),
    ),
    "id_model_missing": ("reply", CALL, ""),
    "error_in_200": ("empty", "the body is an error: upstream blew up", ""),
    "error_and_choices": (
        "reply",
        CALL,
        "warning ERROR_IN_REPLY: an error was sent along with the choices: partial",
    ),
    "json_array": ("empty", "the body is a list, not an object with choices", ""),
    "json_string": ("empty", "the body is a string, not an object with choices", ""),
    "json_null": ("empty", "the body is null, not an object with choices", ""),
    "html_200": ("failed", "200 with HTML, not JSON: 502 Bad Gateway", ""),
    "html_200_json_ct": ("failed", "200 with HTML, not JSON: 502 Bad Gateway", ""),
    "json_text_plain": (
        "reply",
        CALL,
        "note REPLY_SHAPE: the body is JSON but says it is text/plain",
    ),
    "json_no_ct": ("reply", CALL, "note REPLY_SHAPE: the body is JSON but does not say what it is"),
    "json_ct_problem": ("reply", CALL, ""),
    "json_bom": (
        "reply",
        CALL,
        ("note REPLY_SHAPE: the body is not quite JSON: it begins with a byte order mark"),
    ),
    "json_nan": (
        "reply",
        CALL,
        (
            "note REPLY_SHAPE: the body is not quite JSON: it contains NaN, Infinity or "
            "half of a surrogate pair"
        ),
    ),
    "json_bad_utf8": (
        "reply",
        "��",
        (
            "warning REPLY_SHAPE: the body is not quite JSON: byte 148 is not UTF-8; "
            "what cannot be read is replaced"
        ),
    ),
    "empty_200": ("empty", "200 with an empty body", ""),
    "no_content_204": ("empty", "204 with an empty body", ""),
    "json_truncated": (
        "failed",
        (
            '200 with JSON that breaks off after 90 bytes: …"chat.completion", '
            '"created": 1, "model": "m", "choices": ['
        ),
        "",
    ),
    "body_cut": ("failed", "the body broke off after 90 of 5,000 bytes", ""),
    "sse_for_nonstream": (
        "reply",
        CALL,
        (
            "warning REPLY_SHAPE: a stream was sent although none was requested; warning "
            "REPLY_SHAPE: a chunk contains message, not delta"
        ),
    ),
    "429_ra1": ("failed", "429: slow down (retry after 1 s)", ""),
    "429_ra_ms": ("failed", "429: slow down (retry after 0.2 s)", ""),
    "429_ra30": ("failed", "429: slow down (retry after 3,600 s)", ""),
    "429_none": ("failed", "429: slow down", ""),
    "429_noretry": ("failed", "429: quota (the server asks not to retry)", ""),
    "500_json": ("failed", "500: Failed to parse tool call arguments as JSON", ""),
    "502_html": ("failed", "502 with HTML: 502 Bad Gateway", ""),
    "503_loading": ("failed", "503: Loading model (retry after 1 s)", ""),
    "400_ctx": (
        "failed",
        "400: request (9000 tokens) exceeds the available context size (4096 tokens)",
        "",
    ),
    "400_detail": (
        "failed",
        '422: [{"loc":["body","tools"],"msg":"bad","type":"value_error"}]',
        "",
    ),
    "400_str_error": ("failed", "400: model not found", ""),
    "401": ("failed", "401: bad key", ""),
    "404_html": ("failed", "404 with HTML: nope", ""),
    "307_loop": (
        "failed",
        ("307: the server redirects to /v1/chat/completions, which is where the request went"),
        "",
    ),
    "302_get": ("failed", "302: the server redirects to /n0; give that as the server's URL", ""),
    "close_no_reply": ("failed", "the server closed the connection without a reply", ""),
    "slow": ("failed", "no reply within 2 s", ""),
}


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[ModuleType, str]]:
    with bad_server() as running:
        yield running


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("case", EXPECTED)
async def test_a_bad_reply_is_reported_as_expected(
    server: tuple[ModuleType, str], adapter: type[ChatServer], case: str
) -> None:
    outcome, _ = await ask(adapter, server[1], case, stream=False)
    check_outcome(outcome, EXPECTED[case])
    if isinstance(outcome, Reply):
        assert outcome.raw


def test_every_case_of_the_server_is_tested(server: tuple[ModuleType, str]) -> None:
    assert set(EXPECTED) == {*server[0].NS}
