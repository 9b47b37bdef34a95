"""The failure of a refused request has a hint at what to do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hermes_tui.model.errors import SourceError
from hermes_tui.runtime.live import open_branches
from hermes_tui.runtime.live_settings import LiveSettings, ServerSettings
from hermes_tui.runtime.servers import hints
from hermes_tui.runtime.servers.base import RequestFailure
from hermes_tui.runtime.servers.chat_server import ChatServer
from tests.servers.asking import KEY, both, failure_of, open_server, request
from tests.servers.local_server import HOLD, Answer, LocalServer, models

NO_MODEL = Answer([b'{"message": "The model `m` does not exist."}'], 404)


async def hint_of(
    adapter: type[ChatServer], answer: Answer, listing: Answer | None = None, **options: Any
) -> str:
    """Return the hint of a refused request; check that its message is unchanged next to it."""
    with LocalServer(answer, models=listing) as local:
        async with open_server(adapter, local.url, **options) as server:
            with pytest.raises(RequestFailure) as caught:
                await server.reply(request(), lambda piece: None)
    failure = caught.value
    (found,) = failure.diagnostics
    assert found.message == failure.message and KEY not in repr(failure)
    return found.hint


@both
@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "the key in OPENAI_API_KEY was sent and refused"),
        ({"key_name": "MY_KEY"}, "the key in MY_KEY was sent and refused"),
        ({"api_key": ""}, "no key was sent: export OPENAI_API_KEY, "),
        (
            {"headers": {"X-Api-Key": KEY}, "api_key": ""},
            "the value of --header X-Api-Key was sent",
        ),
        ({"headers": {"X-Team": "blue"}, "api_key": ""}, "no key was sent"),
    ],
)
async def test_a_denied_access_is_reported_with_what_was_sent(
    adapter: type[ChatServer], status: int, options: dict[str, Any], expected: str
) -> None:
    assert (await hint_of(adapter, Answer([b'{"error": "no"}'], status), **options)).startswith(
        expected
    )


@both
async def test_a_missing_model_is_reported_with_the_available_ones(
    adapter: type[ChatServer],
) -> None:
    hint = await hint_of(adapter, NO_MODEL, models("b1", "b2", "b3", "b4", "b5", "b6", "m-8b"))
    assert hint.startswith("the server has b1, b2, b3, b4, b5 and 2 more: name one with --model")
    assert hint.endswith("or in the request when you ask again")


@pytest.mark.parametrize(
    ("listing", "expected"),
    [
        (models("hermes-4-405b", "hermes-4-70b", "other"), "the server has hermes-4-70b, "),
        (
            models("a", "b", "c", "d", "e", "Org/HERMES-4-70-Q4_K_M-GGUF-imatrix-by-somebody-else"),
            "the server has Org/HERMES-4-70-Q4_K_M-GGUF-imatrix-by-somebody-else, a, ",
        ),
        (models("hermes-4-70"), "the server lists the model hermes-4-70: is --server right?"),
        (models(), "is --server right? the base URL of most servers ends in /v1"),
        (Answer([b'{"data": 7}']), "is --server right?"),
        (Answer([b"[" * 100_000]), "is --server right?"),
        (Answer([b'{"data": [{"id": "\\u001b[31m\\nred"}]}']), "the server has "),
        (Answer([HOLD]), "is --server right?"),
    ],
)
async def test_the_hint_names_the_models_of_any_listing(
    monkeypatch: pytest.MonkeyPatch, listing: Answer, expected: str
) -> None:
    # Only for the server that never answers is the time limit reached.
    monkeypatch.setattr(hints, "_LISTING_TIMEOUT_S", 1.0 if HOLD in listing.parts else 60.0)
    with LocalServer(models=listing) as local:
        access = hints.Access(f"{local.url}/chat/completions?api-version=1", KEY)
        hint = await hints.model_hint(access, "hermes-4-70")
        (received,) = local.model_requests
    assert hint.startswith(expected) and "\n" not in hint
    assert received.path == "/v1/models?api-version=1"
    assert received.headers["authorization"] == f"Bearer {KEY}"


@both
async def test_a_server_without_a_parser_is_reported_with_the_missing_flags(
    adapter: type[ChatServer],
) -> None:
    message = (
        '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'
    )
    hint = await hint_of(adapter, Answer([json.dumps({"message": message}).encode()], 400))
    assert "--enable-auto-tool-choice --tool-call-parser NAME" in hint
    assert "`hermes-tui parsers`" in hint


@both
@pytest.mark.parametrize("status", [429, 503])
async def test_a_busy_server_is_answered_with_the_option_that_waits(
    adapter: type[ChatServer], status: int
) -> None:
    busy = Answer([b'{"error": "slow down"}'], status, {"Retry-After": "3"})
    assert (await hint_of(adapter, busy)).startswith("--retries N asks again automatically")


@both
@pytest.mark.parametrize(
    "message",
    [
        "This model's maximum context length is 4096 tokens. However, you requested 9000 tokens.",
        "The input (9000 tokens) is longer than the model's context length (4096 tokens).",
        "request (9000 tokens) exceeds the available context size (4096 tokens)",
    ],
)
async def test_a_request_that_is_too_long_is_answered_with_what_shortens_it(
    adapter: type[ChatServer], message: str
) -> None:
    hint = await hint_of(adapter, Answer([json.dumps({"message": message}).encode()], 400))
    assert hint.startswith("shorten or take out a message") and "--max-model-len" in hint


@both
async def test_a_stream_that_ends_with_an_error_can_only_be_retried(
    adapter: type[ChatServer],
) -> None:
    error = b'data: {"error": "the engine died"}\n\n'
    answer = Answer([error], headers={"Content-Type": "text/event-stream"})
    (found,) = (await failure_of(adapter, answer, stream=True)).diagnostics
    assert found.hint == "retry the turn; what arrived is in the raw body"


@both
@pytest.mark.parametrize(
    ("message", "expected", "is_final"),
    [
        (
            "The model produced output that does not match the expected peg-native format",
            "could not read what the model wrote: the server's log has the text",
            False,
        ),
        ("Failed to parse input at pos 28: <tool_call>", "could not read what the model", False),
        ("Failed to parse tool call arguments as JSON: x", "edit the messages", True),
        ("tools param requires --jinja flag", "again with --jinja", False),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
async def test_an_error_of_llama_cpp_has_its_remedy(
    adapter: type[ChatServer], message: str, expected: str, is_final: bool, streamed: bool
) -> None:
    error = json.dumps({"error": {"code": 500, "message": message}})
    answer = Answer([error.encode()], 500)
    if streamed:
        kind = {"Content-Type": "text/event-stream"}
        answer = Answer([f"data: {error}\n\n".encode()], headers=kind)
    failure = await failure_of(adapter, answer, stream=streamed)
    (found,) = failure.diagnostics
    assert expected in found.hint and failure.is_final == is_final


@both
async def test_other_statuses_have_no_hint(
    adapter: type[ChatServer],
) -> None:
    failure = await failure_of(adapter, Answer([b'{"error": "no"}'], 400))
    assert failure.diagnostics == ()


async def test_a_run_without_a_model_reports_a_missing_key() -> None:
    with LocalServer(models=Answer([json.dumps({"error": "no"}).encode()], 401)) as local:
        settings = LiveSettings(
            ServerSettings(api="http", url=local.url, key_name="MY_KEY"), recorded=False
        )
        with pytest.raises(SourceError) as caught:
            await open_branches(settings)
    assert "lists no models (status 401)" in caught.value.message
    assert caught.value.hint.startswith("no key was sent: export MY_KEY")
