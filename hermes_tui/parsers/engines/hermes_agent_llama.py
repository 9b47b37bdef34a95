"""hermes-agent's client-side parser of Llama's JSON calls.

    llama := anything with JSON objects in it

Tries to decode at every brace outside the objects decoded before; objects without name and
arguments, and braces that open no JSON, are skipped. Arguments that are a string are emitted
verbatim. Content is the text before the tag or, without a tag, before the first brace.
"""

from __future__ import annotations

from typing import Any

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.spans import Span
from hermes_tui.parsers.engines.audit import flag_payload
from hermes_tui.parsers.engines.base import Refused, Trace
from hermes_tui.parsers.engines.emulated import emulated
from hermes_tui.parsers.engines.hermes_agent_json import SHAPE
from hermes_tui.parsers.engines.json_blocks import deliver, places_in
from hermes_tui.parsers.engines.json_text import BadJson, Scanner

PYTHON_TAG = "<|python_tag|>"
_KIND = "json at every brace"


def _read_llama(trace: Trace) -> None:
    """Decode at every brace that is not inside a decoded object; skip braces where that fails."""
    text = trace.text
    scanner = Scanner(text)
    read_to = -1
    if "{" not in text and PYTHON_TAG not in text:
        raise Refused("no brace in the text")
    failed_at = -1
    while (at := text.find("{", read_to + 1)) >= 0:
        start = scanner.next_object(at)
        if start > at and failed_at < 0:
            failed_at = at
        if start >= len(text):
            break
        try:
            value, read_to = scanner.decode(start)
        except BadJson as error:
            if error.deep:
                raise Refused(error.message) from None
            failed_at = start if failed_at < 0 else failed_at
            read_to = start
        else:
            _llama_object(trace, value, Span(start, read_to))
    if failed_at >= 0:
        _flag_braces(trace, failed_at)
    if not trace.calls:
        raise Refused("no object with name and arguments in the text")
    tag = text.find(PYTHON_TAG)
    trace.keep_before(tag if tag >= 0 else text.find("{"))


def _flag_braces(trace: Trace, at: int) -> None:
    trace.step("raw_decode", Span(at, at + 1), "skipped", "no JSON begins here")
    later_starts = [call.span.start for call in trace.calls if call.span.start > at]
    flag_payload(trace, Span(at, min([len(trace.text), *later_starts])))


def _llama_object(trace: Trace, value: dict[str, Any], at: Span) -> None:
    name, arguments = value.get("name"), value.get("arguments", value.get("parameters"))
    if not isinstance(name, str) or not name or arguments is None:
        what = "arguments" if name else "name"
        trace.step("raw_decode", at, "skipped", f"no {what}")
        code = Code.ARGS_KEY if name else Code.NAME_MISSING
        message = f"an object without {what} is skipped"
        is_call = isinstance(name, str) and name in trace.tools if name else arguments is not None
        severity = Severity.ERROR if is_call else Severity.WARNING
        trace.flag(code, severity, at, message, SHAPE)
        return
    places = places_in(trace.text, at, ("arguments", "parameters"))
    deliver(trace, name, arguments, at, at, places)


PARSERS = (
    emulated(
        "hermes-agent/llama3_json", "llama3_json", "Llama 3.x", _KIND, (PYTHON_TAG,), _read_llama
    ),
    emulated(
        "hermes-agent/llama4_json", "llama3_json", "Llama 4", _KIND, (PYTHON_TAG,), _read_llama
    ),
)
