"""Turns the drafts of a block into calls, and reports what is wrong with each."""

from __future__ import annotations

import re
from itertools import islice
from typing import Any

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.spans import Span
from hermes_tui.model.visible import visible_line
from hermes_tui.model.wording import shortened
from hermes_tui.parsers.base import ParsedCall
from hermes_tui.parsers.literals import FAILED, compact
from hermes_tui.parsers.near_names import close_names
from hermes_tui.parsers.wire.cursor import Draft, WireCursor
from hermes_tui.parsers.wire.fit import check_types

_PREFIX = re.compile(r"(?:functions?[.:/]|tools?[.:/])+")
_PLAIN_NAME = re.compile(r"[^\W\d]\w*")
_BLANKS = re.compile(r"\s++")
_MAX_NAMED = 8


def plain_name(cursor: WireCursor, name: str, span: Span) -> str:
    """Return a tool's name without decoration such as quotes or a prefix; report what was removed.

    Prefixes are kept if no tools are known: one may be called `functions.get`.
    """
    if name in cursor.tools:
        return name
    bare = name.strip().strip("\"'`").removesuffix("()").removesuffix("[ARGS]").strip()
    prefix = _PREFIX.match(bare) if cursor.tools else None
    if prefix and prefix.end() < len(bare):
        bare = bare[prefix.end() :]
    joined = _BLANKS.sub("_", bare)
    if bare not in cursor.tools and joined in cursor.tools:
        bare = joined
    if bare != name:
        message = f"the tool is called {bare!r}, not {name!r}"
        hint = "engines use the name unchanged: the call finds no tool"
        cursor.error(Code.NAME_DECORATED, span, message, hint)
    elif not _PLAIN_NAME.fullmatch(name):
        message = f"{name!r} is not a plain name"
        hint = "some engines allow letters, digits and _ only, and drop the call"
        cursor.warn(Code.NAME_DECORATED, span, message, hint)
    return bare


def by_position(cursor: WireCursor, name: str | None, values: list[Any]) -> dict[str, Any] | None:
    """Return positional arguments under the names of the schema, in its order.

    None if there is no schema, no argument, or more arguments than parameters.
    """
    spec = cursor.tools.get(name or "")
    schema = spec.parameters if spec else None
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict) or not 0 < len(values) <= len(properties):
        return None
    return dict(zip(properties, values, strict=False))


def emit(cursor: WireCursor, rule: str, start: int, end: int, since: int) -> int:
    """Turn the drafts of the block from `start` to `end` into calls; return `end`.

    The calls share the text of the block: each extends from its start to that of the next.
    """
    drafts, cursor.drafts = cursor.drafts, []
    if not drafts:
        cursor.part(rule, start, end, "text", "no call", since)
        cursor.settle()
        return end
    bounds = [start]
    for draft in drafts[1:]:
        bounds.append(min(max(draft.start, bounds[-1] + 1), end))
    bounds.append(end)
    for draft, begin, stop in zip(drafts, bounds, bounds[1:], strict=False):
        if begin < stop:
            _emit_one(cursor, draft, Span(begin, stop))
    readable = [draft for draft in drafts if draft.verdict != FAILED]
    names = ", ".join(draft.name or "?" for draft in drafts)
    cursor.part(rule, start, end, "calls" if readable else FAILED, names, since)
    if cursor.in_fence and readable:
        message = "a call inside a code fence"
        hint = "engines ignore fences: the call runs, even if it was meant as an example"
        index = len(cursor.calls) - 1
        span = Span(start, end)
        cursor.flag(Code.MARKER_IN_FENCE, Severity.WARNING, span, message, hint, index)
    cursor.settle()
    return end


def flag_second_block(cursor: WireCursor, opener: Span) -> None:
    """Report a second block directly after a call, for formats with one block for all calls."""
    if not cursor.calls or cursor.calls[-1].span.end != cursor.taken_until:
        return
    if cursor.skip_blank(cursor.taken_until) >= opener.start:
        message = "a second block of calls"
        hint = "the format has one block for all calls; some engines read only the first"
        cursor.warn(Code.MULTI_PAYLOAD, opener, message, hint)


def _emit_one(cursor: WireCursor, draft: Draft, span: Span) -> None:
    name = draft.name if draft.name and draft.name.strip() else None
    value = draft.value
    arguments = _within(draft.arguments_span, span)
    if name is None and draft.verdict != FAILED:
        draft.verdict = FAILED
    if draft.verdict == FAILED:
        raw = draft.raw or (cursor.text[arguments.start : arguments.end] if arguments else "")
        cursor.take_call(
            ParsedCall(name, raw, span, _within(draft.name_span, span), arguments, None, FAILED)
        )
        return
    if isinstance(value, list):
        named = by_position(cursor, name, value)
        value = named if named is not None else value
    assert name is not None
    _check(cursor, name, value, draft, arguments or span)
    cursor.take_call(
        ParsedCall(
            name,
            compact(value),
            span,
            _within(draft.name_span, span),
            arguments,
            value,
            draft.verdict,
        )
    )


def _check(cursor: WireCursor, name: str, value: Any, draft: Draft, whole: Span) -> None:
    if cursor.tools and name not in cursor.tools:
        near = close_names(name[:80], tuple(cursor.tools)[:200], 0.5)
        hint = f"nearest: {', '.join(near)}" if near else _declared(cursor)
        at = draft.name_span or whole
        cursor.warn(Code.NAME_UNKNOWN, at, f"no tool is called {shortened(name, 80)!r}", hint)
    elif isinstance(value, dict):
        check_types(cursor, name, value, draft.spans, whole)


def _declared(cursor: WireCursor) -> str:
    names = (visible_line(name, 40) for name in islice(cursor.tools, _MAX_NAMED))
    return f"the request declares {', '.join(names)}"


def _within(inner: Span | None, outer: Span) -> Span | None:
    if inner is None or not outer.start <= inner.start <= inner.end <= outer.end:
        return None
    return inner
