"""`hermes-request-dump`: a request of hermes-agent that got no reply, and the error.

`{timestamp, session_id, reason, request: {method, url, headers, body}, error: {type, message, …}}`.
The body is that of chat completions (`messages`) or of the Responses API (`input`).
"""

from __future__ import annotations

from typing import Any

import orjson

from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.declared_tools import tool_specs
from hermes_tui.formats.dialects.hermes_messages import excerpt_of
from hermes_tui.formats.fields import details_of, label, model_of, title_of
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.requests import Request
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.secrets import mask_secrets, masked_headers, masked_url
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.events import MessageAppended, RequestFailed, RequestSent
from hermes_tui.model.wording import title
from hermes_tui.parsers.measures import timestamp

_BODY_KEYS = ("messages", "input", "tools", "instructions", "system", "model")
_HINTS = {
    400: "the server refused the request itself; look at its last messages",
    401: "the API key is missing or wrong",
    403: "the API key may not use this model",
    404: "no such model or path at this URL",
    413: "the request is too large",
    429: "too many requests, or no credit left",
}


class HermesRequestDump:
    """Reads one failed request as a run."""

    name = "hermes-request-dump"
    summary = "hermes-agent request_dump_*.json: a request that failed, with the error"

    def sniff(self, sample: Sample) -> Match | None:
        row = sample.first_object()
        request = row.get("request")
        if not isinstance(request, dict) or not isinstance(request.get("body"), dict):
            return None
        if "reason" in row and "session_id" in row:
            return Match(0.98, Unit.RUNS)
        return None

    def read(self, value: Any, build: RunBuilder) -> None:
        request = value.get("request") if isinstance(value, dict) else None
        body = request.get("body") if isinstance(request, dict) else None
        if not isinstance(request, dict) or not isinstance(body, dict):
            build.defect("no request with a body in this record", excerpt_of(value))
            return
        ts = timestamp(value.get("timestamp"))
        messages = Request(body, "/request/body").messages("")
        build.start(
            run_id=label(value, "session_id"),
            task=title_of(raw for _, raw in messages),
            model=model_of(body),
            tools=tool_specs(body.get("tools")),
            details=_details(value, request, body),
        )
        for pointer, raw in messages:
            build.message(raw, pointer=pointer)
        turn = 1 + sum(
            isinstance(event, MessageAppended) and event.message.role == "assistant"
            for event in build.events
        )
        url = masked_url(label(request, "url"))
        build.add(RequestSent, ts=ts, turn=turn, body=_text(body), url=url, pointer="/request/body")
        error = value.get("error")
        if error:
            build.add(RequestFailed, ts=ts, turn=turn, pointer="/error", **_failure(error))
            build.end(status="error", stop_reason=label(value, "reason"), ts=ts)


def _details(
    value: dict[str, Any], request: dict[str, Any], body: dict[str, Any]
) -> dict[str, Any]:
    headers = request.get("headers")
    return {
        **details_of(value, without=("request", "error", "session_id")),
        "method": label(request, "method"),
        "headers": masked_headers(headers) if isinstance(headers, dict) else {},
        "parameters": details_of(body, without=_BODY_KEYS),
    }


def _failure(error: Any) -> dict[str, Any]:
    """Return the fields of `RequestFailed` from the `error` member: an object, or plain text."""
    error = error if isinstance(error, dict) else {"message": _text(error)}
    message = label(error, "message") or "the request failed"
    kind = label(error, "type")
    status = next(
        (
            error[key]
            for key in ("status_code", "response_status", "code")
            if isinstance(error.get(key), int) and 100 <= error[key] <= 999
        ),
        None,
    )
    reply = error.get("response_text") or error.get("body")
    return {
        "message": message,
        "status": status,
        "body": _text(reply) if reply else "",
        "chain": (f"{kind}: {message}" if kind else message,),
        "diagnostics": (
            Diagnostic(
                Code.REQUEST_ERROR,
                Severity.ERROR,
                title(f"{kind}: {message}" if kind else message),
                hint=_HINTS.get(status or 0, ""),
            ),
        ),
    }


def _text(value: Any) -> str:
    """Return a text unchanged, and any other value as JSON with credentials masked."""
    if isinstance(value, str):
        return value
    try:
        return orjson.dumps(mask_secrets(value)).decode()
    except TypeError:
        return "(nested too deeply, or not text)"


FORMATS = (HermesRequestDump(),)
