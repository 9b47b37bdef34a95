"""Spans of MLflow as spans of a trace.

    span      = {"trace_id", "span_id", "parent_span_id", "name", "start_time_unix_nano",
                 "end_time_unix_nano", "status": {"code", "message"}, "attributes", "events"}
              | {"context": {"trace_id", "span_id"}, "parent_id", "start_time", "end_time",
                 "status_code", "status_message", …}      until 3.0
    attribute = "mlflow.spanType" | "mlflow.spanInputs" | "mlflow.spanOutputs"
              | "mlflow.chat.tools" | "mlflow.chat.tokenUsage" | …     each the JSON of its value

Each chunk of a streamed reply is an event. The output is what MLflow assembles from them, which
lacks the calls and the finish reason.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.formats.spans.attributes import exception_in
from hermes_tui.formats.spans.tree import Span, SpanKind
from hermes_tui.formats.streams.sse import join_chunks
from hermes_tui.model.messages import Usage
from hermes_tui.parsers.measures import timestamp, usage

_KINDS = {
    "LLM": SpanKind.LLM,
    "CHAT_MODEL": SpanKind.LLM,
    "TOOL": SpanKind.TOOL,
    "AGENT": SpanKind.AGENT,
}
_FAILED = frozenset({"ERROR", "STATUS_CODE_ERROR"})
_CHUNK = "mlflow.chunk."


def is_span(value: Any) -> bool:
    """Return whether `value` is a span that MLflow wrote."""
    attributes = decode_if_json(value.get("attributes")) if isinstance(value, dict) else None
    return isinstance(attributes, dict) and any(key.startswith("mlflow.") for key in attributes)


def span_of(one: dict[str, Any], pointer: str, line: int = 0) -> Span:
    """Return the span at `pointer`; `line` is its line in the record."""
    context, status = fields.as_dict(one.get("context")), fields.as_dict(one.get("status"))
    raw = fields.as_dict(decode_if_json(one.get("attributes")))
    attributes = {key: decode_if_json(value) for key, value in raw.items()}
    events = fields.objects_in(one.get("events"))
    code = fields.label(status, "code", "status_code") or fields.label(one, "status_code")
    kind = _KINDS.get(fields.label(attributes, "mlflow.spanType").upper(), SpanKind.OTHER)
    given, output = attributes.get("mlflow.spanInputs"), attributes.get("mlflow.spanOutputs")
    if kind is SpanKind.LLM:
        output = _streamed(events) or output
    name = fields.label(one, "name")
    return Span(
        id=_id(fields.label(one, "span_id") or fields.label(context, "span_id")),
        parent_id=_id(fields.label(one, "parent_span_id", "parent_id")),
        trace_id=fields.label(attributes, "mlflow.traceRequestId")
        or _id(fields.label(one, "trace_id") or fields.label(context, "trace_id")),
        name=name,
        kind=kind,
        start_s=timestamp(one.get("start_time_unix_nano", one.get("start_time"))),
        end_s=timestamp(one.get("end_time_unix_nano", one.get("end_time"))),
        input=given,
        output=output,
        tools=attributes.get("mlflow.chat.tools"),
        model=_model(attributes, output),
        usage=_usage(attributes, output),
        tool_name=name,
        error=_error(one, status, events) if code.upper() in _FAILED else "",
        pointer=pointer,
        input_at=f"{pointer}/attributes/mlflow.spanInputs",
        output_at=f"{pointer}/attributes/mlflow.spanOutputs",
        line=line,
    )


def _id(text: str) -> str:
    """Return an id in hexadecimal digits, as MLflow shows it; files may have its bytes in
    base64."""
    if not text.endswith("="):
        return text.removeprefix("0x")
    try:
        return base64.b64decode(text, validate=True).hex()
    except (binascii.Error, ValueError):
        return text


def _streamed(events: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the reply that the chunks among the events add up to, or None if there are none."""
    chunks = [
        decode_if_json(fields.as_dict(event.get("attributes")).get("mlflow.chunk.value"))
        for event in events
        if fields.label(event, "name").startswith(_CHUNK)
    ]
    joined = join_chunks(chunks)
    return joined.reply if joined is not None else None


def _model(attributes: dict[str, Any], output: Any) -> str:
    name = fields.label(attributes, "mlflow.llm.model") or fields.label(
        fields.as_dict(output), "model"
    )
    return name or fields.label(attributes, "model")


def _usage(attributes: dict[str, Any], output: Any) -> Usage | None:
    """Return the server's token counts, or else MLflow's; the cost is MLflow's."""
    cost = fields.as_dict(attributes.get("mlflow.llm.cost")).get("total_cost")
    counted = fields.as_dict(attributes.get("mlflow.chat.tokenUsage"))
    counts = {
        "prompt_tokens": counted.get("input_tokens"),
        "completion_tokens": counted.get("output_tokens"),
        "cached_tokens": counted.get("cache_read_input_tokens"),
    }
    return usage(fields.as_dict(output).get("usage") or counts, cost)


def _error(one: dict[str, Any], status: dict[str, Any], events: list[dict[str, Any]]) -> str:
    message = fields.label(status, "message", "description") or fields.label(one, "status_message")
    placed = [(fields.label(e, "name"), fields.as_dict(e.get("attributes"))) for e in events]
    return message or exception_in(placed) or "it failed"
