"""Calls that lost their special tokens: only a name and its arguments are left.

    text := (prose | call)*
    call := "functions." NAME ":" NUMBER object           kimi_k2
          | "function" NAME "\\n```json\\n" object "\\n```"   deepseek_v3
          | "call:" NAME "{" … "}"                         gemma4, whose quotes are tokens as well
          | NAME object                                    mistral_v11, deepseek_v31

This is the output of a server that decodes with skip_special_tokens. NAME must be a declared tool,
and the object valid JSON, except in Kimi's form, which cannot be mistaken for anything else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from hermes_tui.model.diagnostics import Code
from hermes_tui.model.messages import ToolSpec
from hermes_tui.model.spans import Span
from hermes_tui.parsers.base import ParseResult
from hermes_tui.parsers.literals import FAILED, JSON
from hermes_tui.parsers.recognise import flag_for
from hermes_tui.parsers.wire.cursor import Draft, WireCursor
from hermes_tui.parsers.wire.emit import emit
from hermes_tui.parsers.wire.json_calls import flag_literal

_HEAD: Final = re.compile(
    r"(?<![\w.\-`/])(?P<prefix>functions\.|call\s?:)?(?P<name>[^\W\d][\w.\-]{0,128}+)"
    r"(?P<number>:\d{1,4}\s?)?(?P<fence>\s*+```(?:json)?\s*+)?(?=\{)"
)
_KIMI_PREFIX: Final = "functions."
_FENCE_END: Final = re.compile(r"\s*+```")
_OBJECT_END: Final = re.compile(r"[^{}]{0,2000}+\}")
TOKENLESS_FORMATS: Final = frozenset(
    {"kimi_k2", "deepseek_v3", "gemma4", "mistral_v11", "deepseek_v31"}
)
_AMBIGUOUS_FORMATS: Final = ("mistral_v11", "deepseek_v31")
"""Formats that write NAME and an object, and differ only in their special tokens."""


class _Head(NamedTuple):
    """The head of a call, before its arguments, and the format that writes it (empty: unclear)."""

    format: str
    name: Span
    whole: Span


def with_tokenless_calls(text: str, tools: Sequence[ToolSpec], found: ParseResult) -> ParseResult:
    """Return `found`, the reading of `text`, or a new one with the calls that lost their tokens.

    Only a text without other calls is read again, and only if tools are declared.
    """
    if found.calls or not tools or "{" not in text:
        return found
    cursor = WireCursor(text, tools)
    thoughts = iter(found.reasoning)
    thought = next(thoughts, None)
    position = 0
    while mark := _HEAD.search(text, position):
        while thought and thought.start <= mark.start():
            cursor.take_reasoning(thought)
            cursor.part("reasoning", thought.start, thought.end, "reasoning", "", cursor.mark())
            position, thought = max(position, thought.end), next(thoughts, None)
        if mark.start() >= position:
            position = _read(cursor, mark)
    return cursor.result() if cursor.calls else found


def _read(cursor: WireCursor, mark: re.Match[str]) -> int:
    """Read the call that may begin at `mark`; return where to continue."""
    head = _head(cursor, mark)
    if head is None or not cursor.spend(16):
        return mark.end()
    since, body = cursor.mark(), mark.end()
    message = f"a call of {head.format} without its special tokens"
    if not head.format:
        message = f"a call without its special tokens, of {' or '.join(_AMBIGUOUS_FORMATS)}"
    saved = cursor.save()
    cursor.error(
        Code.NO_MARKER, head.whole, message, token_hint(head.format or _AMBIGUOUS_FORMATS[0])
    )
    end = (
        _draft_gemma(cursor, head, body)
        if head.format == "gemma4"
        else _draft_object(cursor, head, body)
    )
    if end < 0:
        cursor.forget(saved)
        return body
    fence = _FENCE_END.match(cursor.text, end) if mark["fence"] else None
    end = fence.end() if fence else end
    return emit(cursor, head.format or _AMBIGUOUS_FORMATS[0], head.whole.start, end, since)


def _head(cursor: WireCursor, mark: re.Match[str]) -> _Head | None:
    """Return the head of a call to a declared tool, None if `mark` is not one."""
    prefix, name, fence = mark["prefix"] or "", mark["name"], mark["fence"]
    kind = ""
    if mark["number"]:
        # A word before the prefix is part of the match if only a full stop separates them.
        _, dot, name = name.rpartition(_KIMI_PREFIX)
        kind = "kimi_k2"
        if fence or not (dot or prefix == _KIMI_PREFIX):
            return None
    elif prefix.startswith("call"):
        kind = "gemma4"
    elif fence:
        kind, name = "deepseek_v3", name.removeprefix("function")
    elif prefix:
        return None
    if name not in cursor.tools or (fence and name == mark["name"]):
        return None
    end = mark.end("name")
    begin = end - len(name)
    whole = Span(begin - len(_KIMI_PREFIX) if mark["number"] else mark.start(), mark.end())
    return _Head(kind, Span(begin, end), whole)


def _draft_object(cursor: WireCursor, head: _Head, body: int) -> int:
    """Draft the call with the object at `body`; return its end, -1 if that is not arguments."""
    text = cursor.text
    piece = cursor.literal(body, len(text))
    literal = piece.literal
    if not isinstance(literal.value, dict) or literal.rung == FAILED:
        return -1
    if literal.rung != JSON and head.format != "kimi_k2":
        return -1
    if not literal.value and not head.format and not cursor.at_line_start(head.whole.start):
        return -1
    flag_literal(cursor, piece, closed=False)
    end = literal.span.end
    spans = literal.members(piece.source, body)
    name = text[head.name.start : head.name.end]
    cursor.drafts.append(
        Draft(
            head.name.start, name, head.name, literal.value, Span(body, end), literal.verdict, spans
        )
    )
    return end


def _draft_gemma(cursor: WireCursor, head: _Head, body: int) -> int:
    """Draft an unreadable call: the marks around its texts are lost, so their ends are unknown."""
    if cursor.literal(body, len(cursor.text)).literal.rung == JSON:
        return _draft_object(cursor, head, body)
    found = _OBJECT_END.match(cursor.text, body + 1)
    if found is None:
        return -1
    span, name = Span(body, found.end()), cursor.text[head.name.start : head.name.end]
    raw = cursor.text[span.start : span.end]
    message = "the quotes around its strings are gone too: where each ends is a guess"
    cursor.error(Code.JSON_INVALID, span, message, "the arguments are shown unchanged")
    cursor.drafts.append(Draft(head.name.start, name, head.name, None, span, FAILED, raw=raw))
    return span.end


def token_hint(rule: str) -> str:
    """Return a hint: how to keep the special tokens of the format `rule`, and what reads it."""
    kinds = _AMBIGUOUS_FORMATS if rule in _AMBIGUOUS_FORMATS else (rule,)
    flags = " or ".join(dict.fromkeys(map(flag_for, kinds)))
    return (
        "they seem to have been dropped: send skip_special_tokens=false; "
        f"{flags} reads it once the missing markers are there"
    )
