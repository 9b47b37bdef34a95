"""A failure reports its cause and never a credential."""

from __future__ import annotations

from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any

import pytest

from hermes_tui.runtime.servers.base import RequestFailure
from hermes_tui.runtime.servers.failures import (
    MAX_FAILURE_BODY,
    Exchange,
    error_text,
    exception_chain,
    html_title,
    retry_after,
    status_failure,
    transport_failure,
)
from hermes_tui.runtime.servers.redaction import Redactor
from tests.timing import Work, assert_linear

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2.5"}, 2.5),
        ({"retry-after": "-1"}, 0.0),
        ({"retry-after-ms": "200", "retry-after": "9"}, 0.2),
        ({"retry-after": "Sat, 21 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Sat, 21 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "Mon, 01 Jan 2030 00:00:00 +99999999999999"}, None),
    ],
)
def test_the_time_to_retry_is_read_in_every_form(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after(headers, NOON) == seconds


class RetryError(Exception):
    """Like tenacity's: the cause is only in the last attempt."""

    def __init__(self, attempt: Future[None]) -> None:
        super().__init__()
        self.last_attempt = attempt


def test_the_chain_contains_causes_contexts_retries_and_groups() -> None:
    attempt: Future[None] = Future()
    try:
        try:
            raise OSError("the wire")
        except OSError:
            raise ValueError("the value") from None
    except ValueError as error:
        attempt.set_exception(error)
    group = ExceptionGroup("several", [RetryError(attempt), KeyError("k")])
    chain = exception_chain(group)
    assert chain[0].startswith("ExceptionGroup: several")
    assert chain[1:] == (
        "RetryError",
        "KeyError: 'k'",
        "ValueError: the value",
        "OSError: the wire",
    )


def test_a_cyclic_chain_ends() -> None:
    first, second = ValueError("1"), ValueError("2")
    first.__cause__, second.__cause__ = second, first
    assert exception_chain(first) == ("ValueError: 1", "ValueError: 2")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"error": {"message": "slow down"}}, "slow down"),
        ({"error": "model not found"}, "model not found"),
        ({"error": {"code": 5}}, '{"code":5}'),
        ({"detail": "no such route"}, "no such route"),
        ({"message": "oops"}, "oops"),
        ({"error": {"message": "failed", "metadata": {"raw": ""}}}, "failed"),
        ({"error": {"message": "failed", "metadata": {"raw": "no route"}}}, "failed (no route)"),
        (
            {
                "error": {
                    "message": "Provider returned error",
                    "code": 400,
                    "metadata": {
                        "raw": '{"error": {"message": "tools are not supported"}}',
                        "provider_name": "Chutes",
                    },
                }
            },
            "Provider returned error (Chutes: tools are not supported)",
        ),
        (["a"], '["a"]'),
        (None, "null"),
    ],
)
def test_error_bodies_of_all_servers_are_read(value: Any, text: str) -> None:
    assert error_text(value) == text


def test_a_page_is_described_by_its_title_or_its_text() -> None:
    assert html_title("<html><title>\n Bad &amp; worse </title><h1>x</h1>") == "Bad & worse"
    assert html_title("<center><h1></h1><b>nginx</b></center>") == "nginx"


@pytest.mark.parametrize("tag", ["<title>", "<title", "<h1>x</h2 "])
def test_a_page_full_of_open_tags_is_described_in_linear_time(tag: str) -> None:
    def describing(count: int) -> Work:
        page = tag * count
        return lambda: html_title(page)

    assert_linear(describing, 20_000 // len(tag))


def test_a_long_body_is_cut_visibly() -> None:
    exchange = Exchange("h", 1, 1, status=500, received=bytearray(b"x" * (MAX_FAILURE_BODY + 5)))
    failure = status_failure(exchange)
    assert failure.body.endswith("x\n[5 more characters]")
    assert len(failure.message) < 500


def test_a_redirect_names_its_target_without_credentials() -> None:
    headers = {"location": "https://me:secret@other/v1?token=abc"}
    failure = status_failure(Exchange("h", 1, 1, status=301, headers=headers))
    assert "redirects to https://***@other/v1?token=***" in failure.message


def test_a_timeout_states_how_long_was_waited_and_what_was_received() -> None:
    class ReadTimeout(Exception):
        pass

    exchange = Exchange("h", 600, 20)
    assert transport_failure(ReadTimeout(), exchange).message == "no reply within 600 s"
    exchange.status, exchange.received = 200, bytearray(b"data: half")
    failure = transport_failure(ReadTimeout(), exchange)
    assert failure.message == "nothing more arrived for 600 s, after 10 bytes of the body"
    assert failure.body == "data: half"


@pytest.mark.parametrize(
    "secret",
    [
        "sk-0123456789",
        "Bearer tok-of-header",
        "tok-of-header",
        "hunter2",
        "dTpodW50ZXIy",
        "q-key-1",
    ],
)
def test_every_credential_is_masked_everywhere(secret: str) -> None:
    headers = {"X-Run": "seven", "Proxy-Authorization": "Bearer tok-of-header"}
    redactor = Redactor("http://u:hunter2@h/v1?key=q-key-1", "sk-0123456789", headers)
    message = f"<{secret}>"
    clean = redactor.failure(RequestFailure(message, body=message, chain=(message,)))
    assert secret not in repr((clean.message, clean.body, clean.chain))
    assert redactor.text("seven") == "seven"


def test_a_placeholder_key_spoils_no_text() -> None:
    assert Redactor("http://h", "x", {}).text("six boxes") == "six boxes"
    assert Redactor("http://h", "test", {}).text("the tests, a test") == "the tests, a ***"
