"""The common part of SGLang 0.5.23's JSON readers: calls from a decoded value.

    value := object | list of objects        object := {"name": NAME, "parameters"|"arguments": ANY}

A call with an undeclared name is dropped together with its text; without tools nothing is read.
`parameters` takes precedence unless it is empty; without either key the arguments are {}. A value
that is not an object makes the reader raise; whether that is caught depends on the format.
"""

from __future__ import annotations

from typing import Any

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.spans import Span
from hermes_tui.parsers.engines.base import Refused, Trace
from hermes_tui.parsers.engines.json_blocks import flag_no_arguments, items_of, places_in
from hermes_tui.parsers.engines.json_text import dumps
from hermes_tui.parsers.engines.name_flaws import flag_name

KEYS = ("parameters", "arguments")
_HINT = 'write {"name": …, "arguments": {…}}'


class UnexpectedValue(Exception):
    """A value of a shape that SGLang's code does not expect; the message is its exception's."""


def need_tools(trace: Trace) -> None:
    """Raise Refused if the request declares no tools."""
    if trace.tools:
        return
    if any(marker in trace.text for marker in trace.info.markers):
        message = "the request declares no tools: SGLang does not look for calls"
        hint = "send the tools with the request; here: give their schemas"
        trace.flag(Code.NAME_UNKNOWN, Severity.WARNING, trace.whole, message, hint)
    raise Refused("no tools in the request")


def deliver(trace: Trace, value: Any, place: Span, block: Span) -> None:
    """Deliver the calls of the value at `place`; they divide the text of `block` among them.

    Raises UnexpectedValue.
    """
    items = value if isinstance(value, list) else [value]
    spans = items_of(trace.text, place, len(items)) if isinstance(value, list) else [place]
    for item, at in zip(items, spans, strict=True):
        _check_shape(trace, item, at)
    starts = [block.start, *(span.start for span in spans[1:])]
    ends = [*starts[1:], block.end]
    for item, at, start, end in zip(items, spans, starts, ends, strict=False):
        deliver_item(trace, item, at, Span(start, max(start, end)))


def _check_shape(trace: Trace, item: Any, at: Span) -> None:
    if not isinstance(item, dict):
        message = f"a {type(item).__name__} where a call object is expected"
        trace.flag(Code.NAME_MISSING, Severity.ERROR, at, message, _HINT)
        raise UnexpectedValue(
            f"AttributeError: {type(item).__name__!r} object has no attribute 'get'"
        )
    name = item.get("name")
    if isinstance(name, (dict, list)) and name:
        message = "the name is not a string"
        trace.flag(Code.NAME_TYPE, Severity.ERROR, at, message, _HINT)
        raise UnexpectedValue(f"TypeError: unhashable type: {type(name).__name__!r}")


def deliver_item(trace: Trace, item: dict[str, Any], at: Span, span: Span) -> None:
    """Deliver one call object, or drop it because of its name."""
    name, places = item.get("name"), places_in(trace.text, at, KEYS)
    where = places.name or at
    if not isinstance(name, str) or not name or name not in trace.tools:
        _drop(trace, name, where, span)
        return
    key = "parameters" if item.get("parameters") else "arguments"
    value = item.get("parameters") or item.get("arguments", {})
    if not set(KEYS) & item.keys():
        flag_no_arguments(trace, item, at, "`arguments` or `parameters`", _HINT)
    elif key == "parameters" and trace.info.format != "llama3_json":
        where = places.arguments or at
        message = "the arguments are in `parameters`: SGLang reads that key too"
        trace.flag(Code.ARGS_KEY, Severity.WARNING, where, message, _HINT, len(trace.calls))
    trace.call(
        name,
        dumps(value),
        span,
        name_span=places.name,
        arguments_span=places_in(trace.text, at, (key,)).arguments,
        value=value,
    )


def _drop(trace: Trace, name: Any, where: Span, span: Span) -> None:
    if isinstance(name, str) and name:
        flag_name(trace, name, where)
    else:
        code = Code.NAME_MISSING if name in (None, "") else Code.NAME_TYPE
        is_missing = code is Code.NAME_MISSING
        message = "the call has no name" if is_missing else "the name is not a string"
        trace.flag(code, Severity.ERROR, where, message, _HINT)
    trace.step("call", span, "dropped", "no declared tool has this name")
    message = "SGLang drops this call, and its text with it"
    named = isinstance(name, str) and name
    hint = "SGLANG_FORWARD_UNKNOWN_TOOLS=1 lets it through" if named else "name the tool to call"
    trace.flag(Code.SILENT_DROP, Severity.ERROR, span, message, hint)
