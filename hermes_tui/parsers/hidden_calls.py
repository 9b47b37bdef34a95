"""Locates the calls that a server delivered in the text from which it read them.

Calls of a known format are found with `auto`. Any other call is searched for by its name and its
arguments, verbatim or as equal JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from hermes_tui.model.messages import ToolCall, ToolSpec
from hermes_tui.model.spans import Span
from hermes_tui.parsers.auto import Auto
from hermes_tui.parsers.base import ParsedCall

MAX_OBJECTS = 16
"""How many objects after a name are tried as its arguments."""
MAX_NAMES = 16
MAX_APART = 2_000
"""Characters after a name within which its arguments must begin."""
_REACH = 300
"""Characters of markup around a name and its arguments that count as part of the call."""

_MARKUP_BEFORE = re.compile(
    r"(?:[\s{}\[\]\"':,]|<[^<>\n]{1,80}>|\b(?:name|type|function|arguments|parameters|id)\b)++\Z"
)
_MARKUP_AFTER = re.compile(r"(?:[\s{}\[\]\"':,]|</[^<>\n]{1,80}>)++")


def call_spans(text: str, calls: Sequence[ToolCall], tools: Sequence[ToolSpec]) -> dict[int, Span]:
    """Return the span in `text` of each of `calls` that is found there, by its index."""
    written = list(Auto().parse(text, tools).calls)
    found: dict[int, Span] = {}
    for matches in (_is_same, _has_name):
        for index, call in enumerate(calls):
            if index in found:
                continue
            match = next((one for one in written if matches(call, one)), None)
            if match is not None:
                written.remove(match)
                found[index] = match.span
    for index, call in enumerate(calls):
        if index not in found and (span := _search(text, call)) is not None:
            found[index] = span
    return found


def _is_same(call: ToolCall, written: ParsedCall) -> bool:
    if call.name != written.name:
        return False
    if call.arguments_text.strip() == written.arguments.strip():
        return True
    return written.value is not None and _equal(call.arguments, written.value)


def _has_name(call: ToolCall, written: ParsedCall) -> bool:
    return bool(call.name) and call.name == written.name


def _equal(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)
    except RecursionError:
        return False


def _search(text: str, call: ToolCall) -> Span | None:
    """Return the span of the name and arguments of `call`, with markup; None if not found."""
    if not call.name:
        return None
    at = -1
    for _ in range(MAX_NAMES):
        at = text.find(call.name, at + 1)
        if at < 0:
            return None
        name = Span(at, at + len(call.name))
        span = _find_arguments(text, call, name.end) or _find_arguments(
            text, call, max(0, at - _REACH)
        )
        if span is not None:
            return _with_markup(text, Span(min(at, span.start), max(name.end, span.end)))
    return None


def _find_arguments(text: str, call: ToolCall, start: int) -> Span | None:
    """Return the span of the arguments of `call` after `start`, or None if not found."""
    arguments = call.arguments_text.strip()
    end = start + MAX_APART
    if len(arguments) > 2 and (at := text.find(arguments, start, end + len(arguments))) >= 0:
        return Span(at, at + len(arguments))
    decode = json.JSONDecoder().raw_decode
    for _ in range(MAX_OBJECTS):
        start = text.find("{", start, end)
        if start < 0:
            return None
        try:
            value, after = decode(text, start)
        except (ValueError, RecursionError):
            value, after = None, start
        if value is not None and _equal(value, call.arguments):
            return Span(start, after)
        start += 1
    return None


def _with_markup(text: str, span: Span) -> Span:
    """Return `span` extended over the markup around it."""
    low = max(0, span.start - _REACH)
    before = _MARKUP_BEFORE.search(text[low : span.start])
    after = _MARKUP_AFTER.match(text, span.end, min(len(text), span.end + _REACH))
    start = low + before.start() if before else span.start
    return Span(start, after.end() if after else span.end)
