"""vLLM 0.33.0's readers of Mistral calls; the tokenizer decides which grammar applies.

    mistral      := text "[TOOL_CALLS]"+ JSON …            vocabulary without [ARGS] (before v11)
    mistral_v11  := text ("[TOOL_CALLS]" NAME ("[ARGS]" | before "{") JSON)*

The old one reads the first JSON value after the first marker that has text after it, and ignores
what follows. If that holds no call, the marker and the text before it are lost and the JSON is left
as content. The new one coerces values to the schema and delivers whatever text is in the place of
the arguments, JSON or not.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.spans import Span
from hermes_tui.model.wording import counted
from hermes_tui.parsers.engines.audit import flag_payload
from hermes_tui.parsers.engines.base import Trace, raise_unless_syntax
from hermes_tui.parsers.engines.emulated import emulated
from hermes_tui.parsers.engines.json_blocks import (
    deliver,
    flag_no_arguments,
    items_of,
    places_in,
    starts_object,
)
from hermes_tui.parsers.engines.json_text import BadJson, decode_at, loads
from hermes_tui.parsers.engines.members import stripped
from hermes_tui.parsers.engines.tagged import Machine, Move, Slot, State, Table
from hermes_tui.parsers.engines.vllm_coercion import coerce_arguments, flag_changes
from hermes_tui.parsers.literals import FAILED, JSON

MARKER = "[TOOL_CALLS]"
ARGS = "[ARGS]"


def _read_array(trace: Trace) -> None:
    """Read the first JSON value after the marker."""
    first = trace.first(MARKER)
    segment = _first_segment(trace.text, first)
    with trace.part("calls", Span(first, segment.end)) as part:
        value, place = _first_value(trace, segment)
        _deliver_items(trace, first, value, place)
        part.outcome = counted(len(trace.calls), "call")
    if trace.calls:
        if trace.text[:first].strip():
            trace.keep(Span(0, first))
        return
    trace.keep(segment)
    if trace.text[:first].strip():
        message = "the text before the marker is gone; only the JSON is left as content"
        trace.flag(Code.SILENT_DROP, Severity.ERROR, Span(0, first), message, "fix the JSON")


def _first_segment(text: str, first: int) -> Span:
    """Return the first non-blank part after a marker, stripped of blanks."""
    start = first + len(MARKER)
    while True:
        end = text.find(MARKER, start)
        inner = stripped(text, Span(start, end if end >= 0 else len(text)))
        if len(inner) or end < 0:
            return inner
        start = end + len(MARKER)


def _first_value(trace: Trace, segment: Span) -> tuple[Any, Span]:
    """Return the value and its place; the value is None if there is no JSON."""
    text = trace.text[segment.start : segment.end]
    try:
        value, end = decode_at(text)
    except BadJson as error:
        raise_unless_syntax(error)
        trace.step("raw_decode", segment, "refused", error.message)
        return _widest_array(trace, segment)
    place = Span(segment.start, segment.start + end)
    trace.step("raw_decode", place, "read", type(value).__name__)
    return value, place


def _widest_array(trace: Trace, segment: Span) -> tuple[Any, Span]:
    """Read the text from the first `[{` to the last `}]`; the value is None if it is not JSON."""
    start = trace.text.find("[{", segment.start, segment.end)
    end = trace.text.rfind("}]", segment.start, segment.end)
    if 0 <= start <= end - 2:
        place = Span(start, end + 2)
        try:
            value = loads(trace.text[start : end + 2])
        except BadJson as again:
            raise_unless_syntax(again)
            trace.step("widest [{…}]", place, "refused", again.message)
        else:
            trace.step("widest [{…}]", place, "read", type(value).__name__)
            return value, place
    if len(segment):
        flag_payload(trace, segment)
    else:
        trace.flag(
            Code.EMPTY_BLOCK,
            Severity.ERROR,
            Span(segment.start - len(MARKER), segment.start),
            "a marker with nothing after it",
            "the stop sequence may cut the call; raise max_tokens",
        )
    return None, segment


def _deliver_items(trace: Trace, first: int, value: Any, place: Span) -> None:
    items = value if isinstance(value, list) else [value] if isinstance(value, dict) else []
    spans = items_of(trace.text, place, len(items))
    valid = [i for i, item in enumerate(items) if _is_call(item)]
    starts = [first, *(spans[i].start for i in valid[1:])]
    ends = [*starts[1:], place.end]
    for i, start, end in zip(valid, starts, ends, strict=False):
        _deliver_item(trace, items[i], spans[i], Span(start, end))
    for i, item in enumerate(items):
        if not _is_call(item):
            at = spans[i]
            message = "an item without name and arguments is skipped"
            hint = 'write {"name": …, "arguments": {…}}'
            trace.flag(Code.NAME_MISSING, Severity.ERROR, at, message, hint)
    if value is not None and not items:
        message = "no call in the JSON after the marker: it is left as content, the marker is gone"
        hint = 'write [{"name": …, "arguments": {…}}]'
        trace.flag(Code.NAME_MISSING, Severity.ERROR, place, message, hint)


def _is_call(item: Any) -> bool:
    return isinstance(item, dict) and bool({"name", "arguments"} & item.keys())


def _deliver_item(trace: Trace, item: dict[str, Any], at: Span, span: Span) -> None:
    places = places_in(trace.text, at, ("arguments",))
    name, arguments = item.get("name"), item.get("arguments")
    if not isinstance(name, str):
        message = "no name: the call is delivered with an empty one"
        trace.flag(Code.NAME_MISSING, Severity.ERROR, at, message, "name the tool to call")
    if arguments is None:
        hint = "send {} for none; `parameters` and `args` are not read here"
        if "arguments" in item:
            where = places.arguments or at
            message = "arguments are null: they are delivered as {}"
            trace.flag(Code.ARGS_KEY, Severity.WARNING, where, message, hint)
        else:
            flag_no_arguments(trace, item, at, "`arguments`", hint)
        arguments = {}
    deliver(trace, name if isinstance(name, str) else "", arguments, at, span, places)


_TABLE = Table(
    {
        (State.CONTENT, MARKER): Move(State.NAME, starts=True),
        (State.NAME, ARGS): Move(State.ARGS),
        (State.NAME, "{"): Move(State.ARGS, keeps=True),
        (State.ARGS, MARKER): Move(State.NAME, ends=True, starts=True),
    },
    (MARKER,),
)


def _read_named(trace: Trace) -> None:
    """Run the machine, then deliver each slot that has a name or arguments."""
    machine = Machine(trace, _TABLE)
    machine.run()
    for slot in machine.slots:
        name, body = slot.name(trace.text), slot.args(trace.text)
        if name or body:
            _deliver_slot(trace, slot, name.strip(), body)
        else:
            _flag_empty(trace, slot)
    content = "".join(trace.text[span.start : span.end] for span in machine.content)
    if trace.calls:
        content = content.strip()
    trace.say(content or None)
    for span in machine.content:
        trace.keep(span)


class _RawArguments(NamedTuple):
    """Arguments as written in the text; without a `place` there are none."""

    text: str
    place: Span | None = None
    verdict: str = JSON


def _deliver_slot(trace: Trace, slot: Slot, name: str, body: str) -> None:
    written = _first_json(trace, slot, body)
    coerced = coerce_arguments(written.text, trace.tools.get(name))
    index = len(trace.calls)
    if not name:
        span = slot.opener
        message = "no name: the call is delivered with an empty one"
        hint = "name the tool between the marker and its arguments"
        trace.flag(Code.NAME_MISSING, Severity.ERROR, span, message, hint, index)
    trace.call(
        name,
        coerced.arguments,
        slot.span,
        name_span=slot.name_span(),
        arguments_span=written.place,
        verdict=written.verdict,
    )
    if written.place:
        flag_changes(trace, coerced, written.place, index)
    else:
        message = "no arguments: they are delivered as {}"
        hint = "a text that is cut right after the name looks the same; check finish_reason"
        trace.flag(Code.TRUNCATED, Severity.WARNING, slot.span, message, hint, index)


def _first_json(trace: Trace, slot: Slot, body: str) -> _RawArguments:
    """Return the first JSON value of the body, or the whole body if there is none."""
    inner = body.strip()
    if not inner:
        return _RawArguments("{}")
    begin = body.find(inner)
    try:
        end = decode_at(inner).end
    except BadJson as error:
        raise_unless_syntax(error)
        span = slot.place(begin, begin + len(inner))
        trace.step("raw_decode", span, "passed on raw", error.message)
        return _RawArguments(inner, span, FAILED)
    span = slot.place(begin, begin + end)
    trace.step("raw_decode", span, "read")
    if end < len(inner):
        rest = slot.place(begin + end, begin + len(inner))
        _flag_text_after(trace, rest)
    return _RawArguments(inner[:end], span)


def _flag_text_after(trace: Trace, rest: Span) -> None:
    """Flag text after the arguments; it is an error if it looks like another call."""
    inner = stripped(trace.text, rest)
    code, severity, message = Code.EXTRA_TEXT, Severity.WARNING, "text after the arguments"
    hint = "end the turn there"
    if starts_object(trace.text[inner.start : inner.end]):
        code, severity, message = Code.MULTI_PAYLOAD, Severity.ERROR, "a second object"
        hint = f"write {MARKER} and the name before each call"
    trace.flag(code, severity, inner, f"{message} is dropped", hint)


def _flag_empty(trace: Trace, slot: Slot) -> None:
    span = slot.opener
    message = "a marker with nothing after it: no call, and the marker is gone"
    hint = "the stop sequence may cut the call; raise max_tokens"
    trace.flag(Code.EMPTY_BLOCK, Severity.ERROR, span, message, hint)


PARSERS = (
    emulated(
        "vllm/mistral",
        "mistral",
        "Mistral 7B v0.3, Nemo, Mixtral (tokenizer before v11)",
        "legacy: json",
        (MARKER,),
        _read_array,
    ),
    emulated(
        "vllm/mistral_v11",
        "mistral_v11",
        "Mistral Small 3.2, Devstral, Magistral (tokenizer v11 and later)",
        "engine: declared terminals",
        (MARKER, ARGS),
        _read_named,
        flag="mistral",
    ),
)
