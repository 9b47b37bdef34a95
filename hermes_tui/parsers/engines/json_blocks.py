"""JSON payloads between tags, and the spans of a call's name and arguments in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.spans import Span
from hermes_tui.parsers.engines.audit import flag_payload
from hermes_tui.parsers.engines.base import Part, Refused, Trace
from hermes_tui.parsers.engines.json_text import BadJson, decode_at, dumps, loads
from hermes_tui.parsers.engines.members import members_in, stripped

_NON_ARGUMENT_KEYS = frozenset({"name", "id", "type", "description"})
"""Keys of a call object that cannot be its arguments under another name."""


class Block(NamedTuple):
    """A tagged part of the text: the whole of it, and the body between its tags."""

    span: Span
    body: Span
    closed: bool = True


class Places(NamedTuple):
    """The spans of a call's name and arguments; None if unknown."""

    name: Span | None = None
    arguments: Span | None = None


def tagged_blocks(
    text: str, opener: str, closer: str, within: Span | None = None
) -> Iterator[Block]:
    """Yield the blocks in the text, or `within` a part of it: from each `opener` to its `closer`.

    A last block without a closer extends to the end.
    """
    stop = within.end if within else len(text)
    start = text.find(opener, within.start if within else 0, stop)
    while start >= 0:
        body = start + len(opener)
        end = text.find(closer, body, stop)
        if end < 0:
            yield Block(Span(start, stop), Span(body, stop), closed=False)
            return
        yield Block(Span(start, end + len(closer)), Span(body, end))
        start = text.find(opener, end + len(closer), stop)


def read_blocks(
    trace: Trace, opener: str, closer: str, read: Callable[[Trace, Block, Part], None]
) -> tuple[int, str]:
    """Read each tagged block; return where the first begins, and why the first bad one is refused.

    The reason is empty if every block is good. Raises Refused if there is no block.
    """
    first = trace.first(opener)
    refusal = ""
    for block in tagged_blocks(trace.text, opener, closer):
        with trace.part("block", block.span) as part:
            try:
                read(trace, block, part)
            except Refused as refused:
                refusal = refusal or str(refused)
                part.outcome = "refused"
    return first, refusal


def places_in(text: str, span: Span, keys: tuple[str, ...]) -> Places:
    """Return the spans of the values of `name` and of the first of `keys` in the object."""
    at = stripped(text, span)
    if text[at.start : at.start + 1] != "{":
        return Places()
    where = members_in(text, at)
    return Places(where.get("name"), next((where[key] for key in keys if key in where), None))


def items_of(text: str, span: Span, count: int) -> list[Span]:
    """Return the span of each item of the sound JSON list in `span`; of all of it if not a list."""
    at = stripped(text, span)
    if count and text[at.start : at.start + 1] == "[":
        where = members_in(text, at)
        if len(where) == count:
            return list(where.values())
    return [at] * count


def read_payload(trace: Trace, span: Span) -> Any:
    """Return the JSON value of a payload; record the step, and what is wrong with the payload.

    Raises BadJson with its position counted from the start of the text.
    """
    try:
        value = loads(trace.text[span.start : span.end])
    except BadJson as error:
        at = min(span.start + error.position, span.end)
        where = f"{error.message} at {error.position}"
        trace.step("json.loads", span, "refused", where)
        if span.start < span.end:
            flag_payload(trace, span)
        raise BadJson(error.message, at, error.kind) from None
    trace.step("json.loads", span, "read", type(value).__name__)
    return value


def refuse_block(trace: Trace, block: Block, code: Code, message: str, hint: str) -> Refused:
    """Flag a block that is not a call; return the exception that makes the engine keep all."""
    span = block.body if len(block.body) else block.span
    trace.flag(code, Severity.ERROR, span, message, hint)
    trace.step("call", span, "refused", message)
    return Refused(message)


def flag_unclosed(trace: Trace, block: Block) -> None:
    """Flag a block that is read although it never closes."""
    if not block.closed:
        message = "the block is never closed; its JSON is complete, so it is read anyway"
        hint = "check that the stop sequence is not the closing tag; streams may differ"
        start = block.span.start
        trace.flag(Code.UNCLOSED, Severity.WARNING, Span(start, block.body.start), message, hint)


def flag_nested(trace: Trace, block: Block, opener: str) -> None:
    """Flag an opener inside an open block."""
    at = trace.text.find(opener, block.body.start, block.body.end)
    if at >= 0:
        message = f"{opener} again before the block is closed: all of it is read as one payload"
        hint = "close each block before the next; do not name the tag in prose"
        trace.flag(Code.NESTED_OPEN, Severity.WARNING, Span(at, at + len(opener)), message, hint)


def deliver(
    trace: Trace,
    name: str,
    arguments: Any,
    at: Span,
    span: Span,
    places: Places,
    *,
    strings_verbatim: bool = True,
) -> None:
    """Deliver the call of the object `at`; arguments that are a string are emitted unchanged."""
    as_text = strings_verbatim and isinstance(arguments, str)
    if as_text:
        _flag_text(trace, places.arguments or at)
    trace.call(
        name,
        arguments if as_text else dumps(arguments),
        span,
        name_span=places.name,
        arguments_span=places.arguments,
        value=None if as_text else arguments,
    )


def starts_object(text: str) -> bool:
    """Return whether the text begins with a JSON object."""
    try:
        return isinstance(decode_at(text).value, dict)
    except BadJson:
        return False


def flag_no_arguments(
    trace: Trace, item: dict[str, Any], at: Span, expected: str, hint: str
) -> None:
    """Flag a call object at `at` without the key `expected`: the next call is delivered with {}.

    It is an error if the arguments may be under another key, which is not read.
    """
    others = [key for key in item if key not in _NON_ARGUMENT_KEYS and item[key]]
    message = f"no {expected} key: the call is delivered with {{}}"
    severity, span = Severity.WARNING, at
    if others:
        severity = Severity.ERROR
        message += f", {' and '.join(f'`{key[:40]}`' for key in others[:3])} ignored"
        span = members_in(trace.text, at).get(others[0], at)
    index = len(trace.calls)
    trace.flag(Code.ARGS_KEY, severity, span, message, hint, index)


def _flag_text(trace: Trace, span: Span) -> None:
    """Flag arguments that are a string, for a parser that passes strings on unchanged."""
    message = "the arguments are a JSON string; this parser passes it on unchanged"
    hint = "send {…} itself, not a string"
    index = len(trace.calls)
    trace.flag(Code.ARGS_STRING, Severity.WARNING, span, message, hint, index)
