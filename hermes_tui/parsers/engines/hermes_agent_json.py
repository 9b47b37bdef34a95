"""hermes-agent's client-side parsers of JSON calls between markers: hermes, qwen, longcat, mistral.

    hermes   := text ("<tool_call>" JSON "</tool_call>" | "<tool_call>" JSON end-of-text)*
    mistral  := text "[TOOL_CALLS]" JSON …  |  text ("[TOOL_CALLS]" NAME before "{" ARGUMENTS)*

In all of them, an error keeps the whole text as content; names are never checked and schemas never
consulted; content is the text before the first marker, stripped of blanks, and all later text
outside calls is lost. This is the last version of `environments/tool_call_parsers` (2026-04).
"""

from __future__ import annotations

from typing import Any

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.spans import Span
from hermes_tui.parsers.engines.base import Part, Refused, Trace
from hermes_tui.parsers.engines.costs import flag_blanks
from hermes_tui.parsers.engines.emulated import emulated
from hermes_tui.parsers.engines.json_blocks import (
    Block,
    deliver,
    flag_nested,
    flag_no_arguments,
    flag_unclosed,
    items_of,
    places_in,
    read_blocks,
    read_payload,
    refuse_block,
)
from hermes_tui.parsers.engines.json_text import BadJson, Scanner, dumps, loads
from hermes_tui.parsers.engines.members import stripped

MARKER = "[TOOL_CALLS]"
_SLOW_BLANKS = 1_300
SHAPE = 'hermes-agent expects {"name": …, "arguments": {…}}'


class _TagReader:
    """Reads JSON objects between a pair of tags; objects without a name are skipped."""

    def __init__(self, opener: str, closer: str) -> None:
        self.opener = opener
        self.closer = closer

    def __call__(self, trace: Trace) -> None:
        first, refusal = read_blocks(trace, self.opener, self.closer, self._read)
        if refusal or not trace.calls:
            raise Refused(refusal or "no block contains a call")
        trace.keep_before(first)

    def _read(self, trace: Trace, block: Block, part: Part) -> None:
        body = stripped(trace.text, block.body)
        if not block.closed:
            flag_blanks(trace, block.body, _SLOW_BLANKS)
        if not len(body):
            part.outcome = "skipped"
            message = "an empty block is skipped"
            trace.flag(Code.EMPTY_BLOCK, Severity.WARNING, block.span, message)
            return
        flag_nested(trace, block, self.opener)
        try:
            payload = read_payload(trace, body)
        except BadJson as error:
            raise Refused(f"a block is not JSON: {error.message}") from None
        if isinstance(payload, (dict, list, str)) and "name" not in payload:
            part.outcome = "skipped"
            _skip_nameless(trace, payload, body)
            return
        if not isinstance(payload, dict):
            message = "the payload is not an object"
            raise refuse_block(trace, block, Code.JSON_INVALID, message, SHAPE)
        _deliver_object(trace, payload, body, block.span)
        flag_unclosed(trace, block)


def _skip_nameless(trace: Trace, payload: Any, at: Span) -> None:
    several = isinstance(payload, list)
    code = Code.MULTI_PAYLOAD if several else Code.NAME_MISSING
    what = "a list in a one-object block" if several else "no `name` key"
    message = f"{what}: skipped silently"
    trace.flag(code, Severity.ERROR, at, message, SHAPE)


def _deliver_object(
    trace: Trace, payload: dict[str, Any], at: Span, span: Span, *, strings_verbatim: bool = False
) -> None:
    """Deliver the call of an object that has a name; raises Refused if the name is not a string."""
    places = places_in(trace.text, at, ("arguments",))
    name, value = payload["name"], payload.get("arguments", {})
    if not isinstance(name, str):
        where = places.name or at
        message = "the name is not a string"
        raise refuse_block(trace, Block(where, where), Code.NAME_TYPE, message, SHAPE)
    if "arguments" not in payload:
        flag_no_arguments(trace, payload, at, "`arguments`", SHAPE)
    if strings_verbatim and not isinstance(value, (dict, str)):
        where = places.arguments or at
        message = "arguments that are neither an object nor a string"
        raise refuse_block(trace, Block(where, where), Code.ARGS_NOT_OBJECT, message, SHAPE)
    deliver(trace, name, value, at, span, places, strings_verbatim=strings_verbatim)


def _read_mistral(trace: Trace) -> None:
    first = trace.first(MARKER)
    segments = _segments(trace.text, first)
    inner = stripped(trace.text, segments[0])
    if trace.text[inner.start : inner.start + 1] in ("[", "{") and len(inner):
        _mistral_array(trace, first, inner)
    else:
        for segment in segments:
            _mistral_named(trace, segment)
    if not trace.calls:
        raise Refused("no call after the marker")
    trace.keep_before(first)


def _segments(text: str, first: int) -> list[Span]:
    """Return the text after each marker, up to the next marker or the end."""
    found = []
    while first >= 0:
        start = first + len(MARKER)
        first = text.find(MARKER, start)
        found.append(Span(start, first if first >= 0 else len(text)))
    return found


def _mistral_array(trace: Trace, first: int, inner: Span) -> None:
    """Read the JSON after the first marker, or the objects in it if it is damaged."""
    with trace.part("list", Span(first, inner.end)) as part:
        try:
            value = read_payload(trace, inner)
        except BadJson as error:
            if not error.syntax:
                raise Refused(error.message) from None
            part.outcome = "searched for objects"
            _mistral_objects(trace, inner)
            return
        items = [value] if isinstance(value, dict) else value
        spans = items_of(trace.text, inner, len(items))
        starts = [first, *(span.start for span in spans[1:])]
        ends = [*starts[1:], inner.end]
        for item, at, start, end in zip(items, spans, starts, ends, strict=False):
            _mistral_item(trace, item, at, Span(start, end))


def _mistral_item(trace: Trace, item: Any, at: Span, span: Span) -> None:
    if isinstance(item, (dict, list, str)) and "name" not in item:
        _skip_nameless(trace, item, at)
    elif isinstance(item, dict):
        _deliver_object(trace, item, at, span, strings_verbatim=True)
    else:
        message = "an item that is not an object"
        raise refuse_block(trace, Block(at, at), Code.JSON_INVALID, message, SHAPE)


def _mistral_objects(trace: Trace, inner: Span) -> None:
    """Deliver each object with a name that can be decoded anywhere in the damaged list."""
    text = trace.text[: inner.end]
    scanner = Scanner(text)
    position = scanner.next_container(inner.start)
    while position < inner.end:
        try:
            value, end = scanner.decode(position)
        except BadJson as error:
            if not error.syntax:
                raise Refused(error.message) from None
            position = scanner.next_container(position + 1)
            continue
        if isinstance(value, dict) and "name" in value:
            at = Span(position, end)
            trace.step("raw_decode", Span(position, end), "read", "an object with a name")
            _deliver_object(trace, value, at, at, strings_verbatim=True)
        position = scanner.next_container(end)


def _mistral_named(trace: Trace, segment: Span) -> None:
    """Read NAME{…}; arguments that are not JSON are emitted verbatim."""
    inner = stripped(trace.text, segment)
    brace = trace.text.find("{", inner.start, inner.end)
    start = segment.start - len(MARKER)
    if brace < 0:
        trace.step("name{…}", Span(start, segment.end), "skipped", "no brace after the marker")
        message = "no brace after the marker: skipped"
        hint = "write [TOOL_CALLS]name{…}"
        trace.flag(Code.EMPTY_BLOCK, Severity.ERROR, Span(start, segment.end), message, hint)
        return
    name = stripped(trace.text, Span(inner.start, brace))
    raw = trace.text[brace : inner.end]
    try:
        emitted = dumps(loads(raw))
    except BadJson as error:
        if not error.syntax:
            raise Refused(error.message) from None
        emitted = raw
    trace.call(
        trace.text[name.start : name.end],
        emitted,
        Span(start, inner.end),
        name_span=name,
        arguments_span=Span(brace, inner.end),
    )


_HERMES = ("<tool_call>", "</tool_call>")
_LONGCAT = ("<longcat_tool_call>", "</longcat_tool_call>")
_KIND = "regex + json"

PARSERS = (
    emulated("hermes-agent/hermes", "hermes", "Hermes 2/3/4", _KIND, _HERMES, _TagReader(*_HERMES)),
    emulated("hermes-agent/qwen", "hermes", "Qwen2.5, Qwen3", _KIND, _HERMES, _TagReader(*_HERMES)),
    emulated(
        "hermes-agent/longcat", "longcat", "LongCat-Flash", _KIND, _LONGCAT, _TagReader(*_LONGCAT)
    ),
    emulated(
        "hermes-agent/mistral",
        "mistral+mistral_v11",
        "Mistral",
        "split + json",
        (MARKER,),
        _read_mistral,
    ),
)
