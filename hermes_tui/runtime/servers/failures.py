"""Failures of requests: why there is no usable reply, in words that suggest what to check.

The two HTTP libraries in use (httpx, and httpx2 below newer versions of the OpenAI SDK) name their
errors alike, so errors are distinguished by the names of their classes.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from html import unescape
from math import isfinite
from typing import Any, Final

from hermes_tui.formats.failures import provider_error
from hermes_tui.formats.secrets import masked_url
from hermes_tui.formats.streams.event_stream import NotJson, load_strictly
from hermes_tui.model.whole_numbers import whole_number
from hermes_tui.model.wording import first_line
from hermes_tui.parsers.plain_values import json_text
from hermes_tui.runtime.exception_text import exception_text
from hermes_tui.runtime.servers.base import RequestFailure

MAX_FAILURE_BODY = 1_000_000
"""The number of characters of a body that a failure keeps."""
MAX_CHAIN = 20
RETRYABLE: Final = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
"""Statuses after which a retry can help, as it can after a lost connection."""
_BAD_URL = frozenset({"UnsupportedProtocol", "InvalidURL"})
_BAD_REQUEST = frozenset({"LocalProtocolError", "UnicodeEncodeError"})

_HTML = re.compile(r"\s*(?:<!doctype html|<html|<head|<body|<h1|<title|<center)", re.IGNORECASE)
_HTML_TITLES = ("title", "h[1-3]")
_TAG = re.compile(r"<[^>]{0,200}>")


@dataclass(slots=True)
class Exchange:
    """The progress of one request: its host, its time limits, and the data received so far.

    `asks_for_stream`: the reply is to be streamed.
    """

    host: str
    timeout_s: float
    connect_timeout_s: float
    asks_for_stream: bool = False
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    received: bytearray = field(default_factory=bytearray)

    @property
    def text(self) -> str:
        """The exact body so far; bytes that are not UTF-8 are written as escapes."""
        return self.received.decode("utf-8", "backslashreplace")

    @property
    def so_far(self) -> str:
        """The body so far for a failure, visibly shortened if it is very long."""
        return capped(self.text)


def capped(text: str) -> str:
    """Return `text`, visibly shortened to what a failure keeps."""
    if len(text) <= MAX_FAILURE_BODY:
        return text
    return f"{text[:MAX_FAILURE_BODY]}\n[{len(text) - MAX_FAILURE_BODY:,} more characters]"


def exceptions_of(error: BaseException) -> Iterator[BaseException]:
    """Yield `error` and its causes, outermost first, including those in retries and groups.

    At most MAX_CHAIN exceptions are visited.
    """
    seen: set[int] = set()
    waiting = [error]
    while waiting and len(seen) < MAX_CHAIN:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        # A timeout has a CancelledError as its cause, which adds no information.
        if not isinstance(current, asyncio.CancelledError):
            yield current
        if isinstance(current, BaseExceptionGroup):
            waiting.extend(current.exceptions)
        attempt = getattr(current, "last_attempt", None)
        if attempt is not None and attempt.done() and (inner := attempt.exception()) is not None:
            waiting.append(inner)
        # httpcore raises `from None`, which hides why a connection failed; the context has it.
        if (cause := current.__cause__ or current.__context__) is not None:
            waiting.append(cause)


def exception_chain(error: BaseException) -> tuple[str, ...]:
    """Return `error` and its causes, each as "Type: message"."""
    return tuple(map(exception_text, exceptions_of(error)))


def transport_failure(error: BaseException, exchange: Exchange) -> RequestFailure:
    """Return the failure for an `error` of sending a request or receiving its reply."""
    names = {kind.__name__ for found in exceptions_of(error) for kind in type(found).__mro__}
    return RequestFailure(
        _transport_message(error, names, exchange),
        status=exchange.status,
        body=exchange.so_far,
        chain=exception_chain(error),
        is_unsent=bool(names & (_BAD_URL | _BAD_REQUEST)),
        may_pass=exchange.status is not None,
    )


def _transport_message(error: BaseException, names: set[str], exchange: Exchange) -> str:
    chain = list(exceptions_of(error))
    host = exchange.host
    if any(isinstance(found, ConnectionRefusedError) for found in chain):
        return f"connection refused by {host}: is the server running?"
    if any(isinstance(found, socket.gaierror) for found in chain):
        return f"the host {host} is not known: is its name right?"
    if secure := next((found for found in chain if isinstance(found, ssl.SSLError)), None):
        return f"no secure connection to {host}: {first_line(str(secure))}"
    if "ConnectTimeout" in names:
        return f"no connection to {host} within {_number(exchange.connect_timeout_s)} s"
    if "PoolTimeout" in names:
        return f"no free connection to {host}: too many requests at once"
    if "WriteTimeout" in names:
        return f"{host} stopped accepting the request for {_number(exchange.timeout_s)} s"
    if "ReadTimeout" in names or "APITimeoutError" in names:
        return _timeout_message(exchange)
    if names & _BAD_URL:
        return f"the server's URL cannot be used: {first_line(str(chain[-1]))}"
    if names & _BAD_REQUEST:
        return f"the request cannot be sent: {first_line(str(chain[-1]))}"
    if "DecodingError" in names:
        return f"the body cannot be decompressed: {first_line(str(chain[-1]))}"
    if names & {"RemoteProtocolError", "ReadError", "WriteError", "ConnectionResetError"}:
        return _broken_off_message(chain, exchange)
    if "ConnectError" in names:
        return f"no connection to {host}: {first_line(str(chain[-1]) or str(error))}"
    if "ImportError" in names:
        return f"the client cannot be loaded: {first_line(str(error))}"
    return first_line(exception_text(error))


def _timeout_message(exchange: Exchange) -> str:
    wait = _number(exchange.timeout_s)
    if exchange.status is None:
        return f"no reply within {wait} s"
    return f"nothing more arrived for {wait} s, after {len(exchange.received):,} bytes of the body"


def _broken_off_message(chain: list[BaseException], exchange: Exchange) -> str:
    last = str(chain[-1])
    if exchange.status is None and "message body" not in last:
        if not last or "disconnected" in last or "reset" in last.lower():
            return "the server closed the connection without a reply"
        return f"the answer is not HTTP: {first_line(last)}"
    length = whole_number(exchange.headers.get("content-length", ""))
    if length is not None and "content-encoding" not in exchange.headers:
        return f"the body broke off after {len(exchange.received):,} of {length:,} bytes"
    return f"the body broke off after {len(exchange.received):,} bytes"


def _number(seconds: float) -> str:
    return f"{seconds:,.3f}".rstrip("0").rstrip(".")


def status_failure(
    exchange: Exchange, *, chain: tuple[str, ...] = (), url: str = ""
) -> RequestFailure:
    """Return the failure for a status other than 2xx."""
    status = exchange.status or 0
    wait = retry_after(exchange.headers)
    if 300 <= status < 400:
        target = masked_url(exchange.headers.get("location", ""))
        where = f"to {target}" if target else "nowhere"
        message = f"{status}: the server redirects {where}; give that as the server's URL"
        if target and url.split("?")[0].endswith(target):
            message = f"{status}: the server redirects to {target}, which is where the request went"
    else:
        message = f"{status}{_status_text(exchange)}"
    if wait is not None:
        message += f" (retry after {_number(wait)} s)"
    if exchange.headers.get("x-should-retry", "").lower() == "false":
        message += " (the server asks not to retry)"
    return RequestFailure(
        message, status=status, body=exchange.so_far, chain=chain, retry_after_s=wait
    )


def _status_text(exchange: Exchange) -> str:
    text = exchange.so_far
    if not text.strip():
        is_empty = exchange.headers.get("content-length", "0") == "0"
        return " with an empty body" if is_empty else ", and its body did not arrive"
    if is_html(text):
        return f" with HTML: {html_title(text)}"
    try:
        value, _ = load_strictly(bytes(exchange.received))
    except NotJson:
        return f": {first_line(text)}"
    return f": {error_text(value)}"


def error_text(value: Any) -> str:
    """Return the message in an error body, for display; `value` may be any JSON value."""
    error = value
    if isinstance(value, dict):
        error = value.get("error") or value.get("detail") or value.get("message") or value
    text = error
    if isinstance(error, dict):
        text = error.get("message") or error.get("detail") or error.get("type")
    text = text if isinstance(text, str) else json_text(error)
    return first_line(f"{text}{provider_error(error)}", 400)


def may_pass(error: Any) -> bool:
    """Return whether an error in a reply may not occur again: its code, if a number, says so."""
    code = error.get("code") if isinstance(error, dict) else None
    return not isinstance(code, int) or code in RETRYABLE


def is_html(text: str) -> bool:
    """Return whether `text` is a web page."""
    return _HTML.match(text) is not None


def html_title(text: str) -> str:
    """Return the title of a web page, or its first line of text."""
    for name in _HTML_TITLES:
        # Search once from the first opening tag: retrying from each later one would be quadratic.
        opened = re.search(rf"<{name}[^<>]*+>", text[:20_000], re.IGNORECASE)
        rest = text[opened.end() : 20_000] if opened else ""
        closed = re.search(f"</{name}>", rest, re.IGNORECASE)
        if closed and (title := _TAG.sub("", rest[: closed.start()]).strip()):
            return first_line(unescape(title))
    return first_line(unescape(_TAG.sub(" ", text[:20_000])).strip())


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Return the seconds after which the server asks for a retry, or None if it does not."""
    if (wait := _seconds(headers.get("retry-after-ms", ""))) is not None:
        return wait / 1000
    value = headers.get("retry-after", "")
    if (wait := _seconds(value)) is not None:
        return wait
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    date = date if date.tzinfo is not None else date.replace(tzinfo=UTC)
    return max(0.0, (date - (now or datetime.now(UTC))).total_seconds())


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return max(0.0, seconds) if isfinite(seconds) else None
