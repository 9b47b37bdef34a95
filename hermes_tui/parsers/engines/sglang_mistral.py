"""SGLang 0.5.23's reader of Mistral calls in both spellings, non-streaming.

    array    := text "[TOOL_CALLS] [" … "]" text       with exactly one blank before the bracket
    compact  := text ("[TOOL_CALLS" "]"? NAME "[ARGS" "]"? (object | list))* text

The array is searched for first, anywhere. Brackets are counted outside strings. Calls that are not
JSON are dropped with their text; text after the last call joins the content.
"""

from __future__ import annotations

import re

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.spans import Span
from hermes_tui.parsers.engines.audit import flag_payload
from hermes_tui.parsers.engines.base import EngineRaised, Trace, raise_unless_syntax
from hermes_tui.parsers.engines.emulated import emulated
from hermes_tui.parsers.engines.json_blocks import read_payload, starts_object
from hermes_tui.parsers.engines.json_text import BadJson, is_strict_json
from hermes_tui.parsers.engines.members import stripped
from hermes_tui.parsers.engines.sglang_values import UnexpectedValue, deliver, need_tools

MARKER = "[TOOL_CALLS"
ARRAY = "[TOOL_CALLS] ["
ARGS = "[ARGS"

_BRACKET_TOKEN = re.compile(r'\\.|"(?:[^"\\]|\\.)*+"?+|[{}\[\]]', re.DOTALL)
_NAME_HINT = "write [TOOL_CALLS]name[ARGS]{…}"


def _read(trace: Trace) -> None:
    need_tools(trace)
    first = trace.first(MARKER)
    trace.keep(Span(0, first))
    if trace.text.find(ARRAY, first) >= 0:
        end = _read_array(trace, first)
    else:
        end = _read_compact(trace, first)
    before = trace.text[:first].strip()
    rest = stripped(trace.text, Span(end, len(trace.text)))
    trace.keep(Span(end, len(trace.text)))
    if len(rest):
        _flag_text_after(trace, rest)
    after = trace.text[rest.start : rest.end]
    trace.say(f"{before} {after}".strip() or None if after else before or None)


def _flag_text_after(trace: Trace, rest: Span) -> None:
    """Flag text after the calls; it is an error if it begins with another call's arguments."""
    code, severity, message = Code.EXTRA_TEXT, Severity.WARNING, "text after the calls"
    hint = "end the turn after the calls"
    if trace.calls and starts_object(trace.text[rest.start : rest.end]):
        code, severity, message = Code.MULTI_PAYLOAD, Severity.ERROR, "a second object"
        hint = _NAME_HINT
    trace.flag(code, severity, rest, f"{message} becomes content", hint)


def _read_array(trace: Trace, first: int) -> int:
    """Read the array; return where the content continues."""
    text = trace.text
    opening = text.find(ARRAY, first) + len(ARRAY) - 1
    end = _value_end(text, opening)
    with trace.part("array", Span(first, end if end >= 0 else len(text))) as part:
        if end < 0:
            part.outcome = "dropped"
            flag_payload(trace, Span(opening, len(text)))
            return _flag_lost(trace, first, "the list never closes: no call, and its text is lost")
        place = Span(opening, end)
        try:
            deliver(trace, read_payload(trace, place), place, Span(first, end))
        except UnexpectedValue as error:
            raise EngineRaised(str(error)) from None
        except BadJson as error:
            raise_unless_syntax(error)
            part.outcome = "dropped"
            _flag_lost(trace, first, "the list is not JSON: no call, and its text is lost", end)
        shown = text.find(text[opening:end], first)
        return shown + end - opening


def _flag_lost(trace: Trace, start: int, message: str, end: int | None = None) -> int:
    """Flag text that SGLang loses, up to `end` or the end of the text; return the latter."""
    stop = len(trace.text) if end is None else end
    hint = "fix the call; the client sees nothing of it"
    trace.flag(Code.SILENT_DROP, Severity.ERROR, Span(start, stop), message, hint)
    return len(trace.text)


def _value_end(text: str, opening: int) -> int:
    """Return the end of the value at `opening`, found by counting its brackets; -1 if none."""
    opener = text[opening]
    closer = "}" if opener == "{" else "]"
    depth = 0
    for step in _BRACKET_TOKEN.finditer(text, opening):
        if step[0] == opener:
            depth += 1
        elif step[0] == closer:
            depth -= 1
            if depth == 0:
                return step.end()
    return -1


def _read_compact(trace: Trace, first: int) -> int:
    """Read calls one after the other; return where the content continues."""
    position, found = first, 0
    while position < len(trace.text):
        end = _compact_call(trace, position)
        if end < 0:
            break
        position, found = end, found + 1
    if not trace.calls:
        what = "no call is delivered" if found else "no [TOOL_CALLS]name[ARGS]{…} can be read"
        return _flag_lost(trace, first, f"{what}: the text is lost from the marker on")
    return position


def _compact_call(trace: Trace, position: int) -> int:
    """Read one call; return its end, or -1 if there is none."""
    text = trace.text
    start = text.find(MARKER, position)
    if start < 0:
        return -1
    name_at = start + len(MARKER)
    name_at += text.startswith("]", name_at)
    marker = text.find(ARGS, name_at)
    if marker < 0:
        _flag_shape(trace, start, "no [ARGS] after the name")
        return -1
    name = stripped(text, Span(name_at, marker))
    if not len(name):
        _flag_shape(trace, start, "no name before [ARGS]")
        return -1
    value_at = marker + len(ARGS)
    value_at += text.startswith("]", value_at)
    value_at = stripped(text, Span(value_at, len(text))).start
    if text[value_at : value_at + 1] not in ("{", "["):
        _flag_shape(trace, start, "neither { nor [ after [ARGS]")
        return -1
    return _compact_value(trace, Span(start, value_at), name, value_at)


def _compact_value(trace: Trace, head: Span, name: Span, value_at: int) -> int:
    end = _value_end(trace.text, value_at)
    with trace.part("block", Span(head.start, end if end >= 0 else len(trace.text))) as part:
        if end < 0:
            part.outcome = "dropped"
            flag_payload(trace, Span(value_at, len(trace.text)))
            return -1
        if not is_strict_json(trace.text[value_at:end]):
            part.outcome = "dropped"
            trace.step("orjson.loads", Span(value_at, end), "refused")
            flag_payload(trace, Span(value_at, end))
            return -1
        try:
            value = read_payload(trace, Span(value_at, end))
        except BadJson as error:
            raise EngineRaised(error.raised) from None
        _deliver_compact(trace, name, value, Span(value_at, end), head.start)
    return end


def _deliver_compact(trace: Trace, name: Span, value: object, at: Span, start: int) -> None:
    word = trace.text[name.start : name.end]
    before = len(trace.calls)
    deliver(trace, {"name": word, "arguments": value}, at, Span(start, at.end))
    if len(trace.calls) > before:
        call = trace.calls[-1]
        trace.calls[-1] = call._replace(name_span=name, arguments_span=at)


def _flag_shape(trace: Trace, start: int, message: str) -> None:
    end = start + len(MARKER)
    trace.step("[TOOL_CALLS]name[ARGS]{…}", Span(start, end), "refused", message)
    if trace.text.startswith("][", end) and not trace.text.startswith(ARGS, end + 1):
        message = "no space between the marker and the list: SGLang does not see the list"
        hint = "SGLang expects [TOOL_CALLS] [{…}]"
        trace.flag(Code.MARKER_VARIANT, Severity.ERROR, Span(start, end + 2), message, hint)
        return
    trace.flag(Code.MARKER_VARIANT, Severity.ERROR, Span(start, end + 1), message, _NAME_HINT)


PARSERS = (
    emulated(
        "sglang/mistral",
        "mistral+mistral_v11",
        "Mistral",
        "bracket count + json",
        ("[TOOL_CALLS]",),
        _read,
    ),
)
