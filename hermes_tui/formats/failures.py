"""Why a request got no usable reply, or a run ended, as clients, servers and loggers write it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.wording import title
from hermes_tui.parsers.plain_values import json_text

MAX_CHAIN = 8
_STATUS_KEYS = ("status_code", "status", "statusCode", "response_status")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a request got no usable reply."""

    message: str
    status: int | None = None
    body: str = ""
    chain: tuple[str, ...] = ()


def failure_of(error: Any, status: int | None = None) -> Failure:
    """Read an error as clients, servers and loggers write it: a text, or an object around one."""
    error = decode_if_json(error)
    body = fields.json_text(error)
    chain: list[str] = []
    message = ""
    inner = error
    while isinstance(inner, Mapping) and len(chain) < MAX_CHAIN:
        kind = fields.label(inner, "type", "error_class", "code", "name")
        text = fields.label(inner, "message", "error_message", "error_str", "detail", "msg")
        if kind or text:
            chain.append(": ".join(filter(None, (kind, text))))
            message = message or f"{text}{provider_error(inner)}"
        status = status if status is not None else status_of(inner)
        following = next((inner[k] for k in ("error", "cause", "__cause__") if inner.get(k)), None)
        inner = decode_if_json(following)
    if isinstance(inner, str) and inner:
        message = message or inner
    if status is None and isinstance(error, Mapping):
        code = fields.number(error.get("code", error.get("error_code")))
        status = int(code) if code is not None and 100 <= code < 600 else None
    return Failure(title(message or body) or "error", status, body, tuple(chain))


def run_error(error: Any, *, hint: str = "") -> tuple[Diagnostic, ...]:
    """Return the finding that a run ended in an error, with its source's message; () without
    one."""
    if not error:
        return ()
    message = failure_of(error).message
    return (Diagnostic(Code.RUN_ERROR, Severity.ERROR, message, hint=hint),)


def status_of(raw: Mapping[str, Any]) -> int | None:
    """Return the HTTP status in `raw`, or None if there is none."""
    for key in _STATUS_KEYS:
        found = fields.number(raw.get(key))
        if found is not None and 100 <= found < 600:
            return int(found)
    return None


def provider_error(error: Any) -> str:
    """Return the provider's own error in one that OpenRouter passes on, in parentheses, or "".

    OpenRouter's own message is then always "Provider returned error".
    """
    metadata = error.get("metadata") if isinstance(error, Mapping) else None
    if not isinstance(metadata, Mapping) or not (raw := decode_if_json(metadata.get("raw"))):
        return ""
    inner = raw.get("error", raw) if isinstance(raw, Mapping) else raw
    text = inner.get("message") if isinstance(inner, Mapping) else inner
    name = metadata.get("provider_name")
    provider = f"{name}: " if isinstance(name, str) else ""
    return f" ({provider}{text if isinstance(text, str) else json_text(raw)})"
