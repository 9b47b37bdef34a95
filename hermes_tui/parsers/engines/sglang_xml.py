"""SGLang 0.5.23's qwen3_coder, non-streaming.

    text  := any ("<tool_call>" calls "</tool_call>")*, or, where no block is closed, all of it
    call  := "<function=" NAME ">" param* ("</function>" | end)
    param := "<parameter=" KEY ">" VALUE ("</parameter>" | before the next tag | end)

An unclosed value extends to the end; names are never checked. Content is the text before the first
<tool_call>; without one nothing is read.
"""

from __future__ import annotations

import re
from typing import Any

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.spans import Span
from hermes_tui.parsers.engines.base import Refused, Trace
from hermes_tui.parsers.engines.emulated import emulated
from hermes_tui.parsers.engines.foreign_body import (
    flag_early_close,
    flag_entities,
    flag_foreign_body,
    flag_loose_text,
)
from hermes_tui.parsers.engines.json_blocks import tagged_blocks
from hermes_tui.parsers.engines.json_text import value_of
from hermes_tui.parsers.engines.members import stripped
from hermes_tui.parsers.engines.other_parsers import hint_if_called
from hermes_tui.parsers.engines.sglang_arguments import Read, by_schema, written
from hermes_tui.parsers.engines.sglang_tools import flag_values
from hermes_tui.parsers.engines.sglang_values import UnexpectedValue, need_tools
from hermes_tui.parsers.forward_search import ForwardSearch
from hermes_tui.parsers.literals import JSON, UNCLOSED

OPENER, CLOSER = "<tool_call>", "</tool_call>"
_FUNCTION, _FUNCTION_END = "<function=", "</function>"
_PARAMETER = "<parameter="
_STOP = re.compile(r"</parameter>|<parameter=|</function>")


def _read(trace: Trace) -> None:
    need_tools(trace)
    first = trace.text.find(OPENER)
    if first < 0:
        _flag_bare(trace)
        raise Refused(f"no {OPENER} in the text")
    search = ForwardSearch(trace.text)
    for whole, body in _blocks(trace):
        with trace.part("block", whole):
            try:
                _read_functions(trace, search, whole, body)
            except UnexpectedValue as error:
                raise Refused(str(error)) from None
    trace.keep(Span(0, first))


def _flag_bare(trace: Trace) -> None:
    """Flag a function without <tool_call> around it."""
    bare = trace.text.find(_FUNCTION)
    if bare >= 0:
        message = f"a function without {OPENER} around it: SGLang ignores it"
        end = bare + len(_FUNCTION)
        place, hint = Span(bare, len(trace.text)), "vLLM's qwen3_coder reads it"
        hint = hint_if_called(trace, "vllm/qwen3_coder", place, hint)
        trace.flag(Code.MARKER_VARIANT, Severity.ERROR, Span(bare, end), message, hint)


def _blocks(trace: Trace) -> list[tuple[Span, Span]]:
    """Return the closed blocks, with and without their tags; the whole text if none is closed."""
    text = trace.text
    blocks = list(tagged_blocks(text, OPENER, CLOSER))
    found = [(block.span, block.body) for block in blocks if block.closed]
    if len(found) < len(blocks):
        start = blocks[-1].span.start
        lost = "" if not found else ": lost, since another block is closed"
        message = f"{OPENER} is not closed{lost}"
        severity = Severity.ERROR if found else Severity.WARNING
        hint = "raise max_tokens, or ask for the closing tag"
        trace.flag(Code.UNCLOSED, severity, Span(start, blocks[-1].body.start), message, hint)
        if not found and _FUNCTION in text:
            found.append((Span(min(start, text.find(_FUNCTION)), len(text)), trace.whole))
    return found


def _read_functions(trace: Trace, search: ForwardSearch, whole: Span, body: Span) -> None:
    """Deliver the functions of a block; they divide its text among them."""
    text = trace.text
    start, position = whole.start, text.find(_FUNCTION, body.start, body.end)
    if position < 0:
        flag_foreign_body(trace, body)
    while position >= 0:
        inner = position + len(_FUNCTION)
        end = search.find(_FUNCTION_END, inner)
        closed = end < body.end
        stop = end + len(_FUNCTION_END) if closed else body.end
        following = text.find(_FUNCTION, stop, body.end)
        call = Span(start, stop if following >= 0 else max(stop, whole.end))
        _read_function(trace, call, Span(inner, min(end, body.end)), closed=closed)
        start = position = following


def _read_function(trace: Trace, whole: Span, body: Span, *, closed: bool) -> None:
    text = trace.text
    angle = text.find(">", body.start, body.end)
    if angle < 0:
        message = "the function's name is not closed by >"
        trace.flag(Code.NAME_MISSING, Severity.ERROR, body, message)
        return
    name = text[body.start : angle]
    tool = trace.tools.get(name)
    schema = tool.parameters if tool else None
    values, places = _parameters(trace, Span(angle + 1, body.end), schema)
    arguments = written(values)
    index = len(trace.calls)
    flag_values(trace, values, places, index)
    flag_entities(trace, Span(angle + 1, body.end), index)
    if not closed:
        _flag_open(trace, body, index)
    trace.call(
        name,
        arguments,
        whole,
        name_span=Span(body.start, angle),
        value=value_of(arguments),
        verdict=JSON if closed else UNCLOSED,
        places=places,
    )


def _flag_open(trace: Trace, body: Span, index: int) -> None:
    """Flag why the function does not close in its block."""
    text = trace.text
    if flag_early_close(trace, body):
        return
    at_end = body.end >= len(text.rstrip())
    code = Code.TRUNCATED if at_end else Code.UNCLOSED
    message = "the function is not closed: the call is delivered with what was written"
    begin = max(body.start, body.end - 40)
    hint = "raise max_tokens; the last value may be cut"
    trace.flag(code, Severity.ERROR, Span(begin, body.end), message, hint, index)


def _parameters(trace: Trace, body: Span, schema: Any) -> tuple[dict[str, Read], dict[str, Span]]:
    """Return the values of a function, and their spans by key."""
    text = trace.text[body.start : body.end]
    values: dict[str, Read] = {}
    places: dict[str, Span] = {}
    end_of_text = len(text) - text.endswith("\n")
    position, covered = text.find(_PARAMETER), 0
    while position >= 0:
        flag_loose_text(trace, Span(body.start + covered, body.start + position), "parameters")
        inner = position + len(_PARAMETER)
        stop = _STOP.search(text, inner)
        end = stop.start() if stop else max(inner, end_of_text)
        closed = stop is not None and stop[0] == "</parameter>"
        angle = text.find(">", inner, end)
        place = Span(body.start + position, body.start + (stop.end() if closed and stop else end))
        if angle >= 0:
            key = text[inner:angle]
            _flag_parameter(trace, key, place, len(trace.calls), twice=key in values, closed=closed)
            value = text[angle + 1 : end].removeprefix("\n").removesuffix("\n")
            values[key] = by_schema(value, key, schema)
            inside = stripped(text, Span(angle + 1, end))
            at = Span(body.start + inside.start, body.start + inside.end)
            places[key] = at if len(at) else place
            trace.step("parameter", place, "read", key[:60])
        covered = place.end - body.start
        position = text.find(_PARAMETER, end)
    flag_loose_text(trace, Span(body.start + covered, body.end), "parameters")
    return values, places


def _flag_parameter(
    trace: Trace, key: str, place: Span, index: int, *, twice: bool, closed: bool
) -> None:
    if twice:
        message = f"{key[:60]!r} is written twice: the last value counts"
        hint = "send it once"
        trace.flag(Code.DUP_KEY, Severity.WARNING, place, message, hint, index)
    if not closed:
        message = f"the parameter {key[:60]!r} is not closed: its value reaches to the next tag"
        hint = "add </parameter>"
        trace.flag(Code.PARAM_UNCLOSED, Severity.WARNING, place, message, hint, index)


_FAMILIES = "Qwen3-Coder, Qwen3-Next, Qwen3.5"

PARSERS = (emulated("sglang/qwen3_coder", "function-xml", _FAMILIES, "regex", (OPENER,), _read),)
