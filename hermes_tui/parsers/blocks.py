"""Where the blocks of a text are; what stands in a block is for the reader of its format.

    text  := (reasoning | block | orphan | prose)*
    block := "<tool_call>" body "</tool_call>" | "<function=" … "</function>"

One scan from left to right. Markers in reasoning call nothing; markers in prose are told from calls
by what follows them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.messages import ToolSpec
from hermes_tui.model.spans import Span
from hermes_tui.parsers.base import ParsedCall, ParseResult
from hermes_tui.parsers.cursor import CLOSE, OPEN, Cursor
from hermes_tui.parsers.reasoning_tags import split_reasoning


@dataclass(frozen=True, slots=True)
class Block:
    """An open block: where its markup starts, and where its body does."""

    start: int
    body: int
    opener: Span
    """The tag that opened it; empty where the body stands alone."""
    sound: bool = True
    """Whether engines see it opened as we do."""


BlockReader = Callable[[Cursor, Block], int]
"""Reads the body of a block and returns where to go on."""

_SPECIALS = r"\|(?:im_end|im_start|endoftext|eot_id|eom_id|end_of_text|end|eos|return)\|>|eos>"
SPECIAL = re.compile(rf"<(?:{_SPECIALS})")
MARK = re.compile(
    rf"[<`&](?:(?<=<)(?:(?P<open>{OPEN[1:]})|(?P<close>{CLOSE[1:]})|(?P<function>function[=\s])"
    rf"|(?P<special>{_SPECIALS}))|(?P<fence>(?<=`)``)"
    r"|(?P<variant>(?i:(?<=<)\s?tool[ _-]?calls?\s?>|(?<=&)lt;tool_call&gt;)(?=\s*+[{\[])))"
)
"""Every mark starts with one of three characters, so that a search is quick between them."""
_FUNCTION = re.compile(r"<function[=\s]")
_PAYLOAD = re.compile(r"(?:<tool_call>\s*+(?:[{\[]|```|<function)|<function=[^<>\n]{1,200}>\s*+<)")


def scan(
    text: str,
    tools: Sequence[ToolSpec],
    *,
    json_block: BlockReader,
    function_block: BlockReader,
    orphan: BlockReader | None = None,
) -> ParseResult:
    """Read every block of `text` with the reader of its kind.

    `orphan` looks at the text before a closing tag that closes nothing.
    """
    cursor = Cursor(text, tools)
    reasoning = iter(split_reasoning(text))
    thought = next(reasoning, None)
    position = 0
    mark = MARK.search(text)
    while True:
        if mark and mark.start() < position:
            mark = MARK.search(text, position)
        while thought and thought[0].start < position:
            thought = next(reasoning, None)
        if thought and (mark is None or thought[0].start <= mark.start()):
            position = _reasoning(cursor, *thought)
            continue
        if mark is None:
            return cursor.result()
        position = _at_mark(cursor, mark, json_block, function_block, orphan)


def _at_mark(
    cursor: Cursor,
    mark: re.Match[str],
    json_block: BlockReader,
    function_block: BlockReader,
    orphan: BlockReader | None,
) -> int:
    match mark.lastgroup:
        case "open":
            return _opened(cursor, Span(*mark.span()), json_block, function_block)
        case "variant":
            return _variant(cursor, Span(*mark.span()), json_block)
        case "close":
            return _orphan(cursor, mark.start(), orphan)
        case "function":
            start = mark.start()
            return function_block(cursor, Block(start, start, Span(start, start)))
        case "fence":
            cursor.in_fence = not cursor.in_fence
            return mark.end()
    return _special(cursor, mark)


def _reasoning(cursor: Cursor, whole: Span, inner: Span, tag: str) -> int:
    text, since = cursor.text, cursor.mark()
    blocks = list(_PAYLOAD.finditer(text, inner.start, inner.end))
    if blocks:
        first = blocks[0].start()
        end = text.find(CLOSE, first, inner.end)
        span = Span(first, end + len(CLOSE) if end >= 0 else inner.end)
        count = "a call" if len(blocks) == 1 else f"{len(blocks)} calls"
        closed = whole.end > inner.end or inner.start == 0
        where = "reasoning" if closed else f"reasoning that is never closed (<{tag}>)"
        cursor.flag(
            Code.MARKER_IN_REASONING,
            Severity.WARNING,
            span,
            f"{count} inside {where}: not read as a call",
            "some engines run it all the same: vLLM ends the reasoning at the marker",
        )
        cursor.step("marker", span.start, span.end, "not a call", "inside reasoning")
    cursor.take_reasoning(whole)
    cursor.part("reasoning", whole.start, whole.end, "reasoning", f"<{tag}>", since)
    return whole.end


def _opened(
    cursor: Cursor, opener: Span, json_block: BlockReader, function_block: BlockReader
) -> int:
    text, first = cursor.text, opener
    body = cursor.skip_blank(opener.end)
    while text.startswith(OPEN, body):
        opener = Span(body, body + len(OPEN))
        body = cursor.skip_blank(opener.end)
    before = len(cursor.calls)
    position = _body(cursor, first, opener, body, json_block, function_block)
    if first != opener:
        message = "an opening tag inside an open block"
        hint = "the outer tag is left aside; engines refuse the block"
        _flag_opener(cursor, Code.NESTED_OPEN, opener, message, hint, before)
    return position


def _body(
    cursor: Cursor,
    first: Span,
    opener: Span,
    body: int,
    json_block: BlockReader,
    function_block: BlockReader,
) -> int:
    """Hand the body of the block that opens at `first`, or again at `opener`, to its reader."""
    text = cursor.text
    if body >= len(text):
        return _cut_opener(cursor, Span(first.start, opener.end))
    if text.startswith(CLOSE, body):
        return _empty(cursor, first, body + len(CLOSE))
    block = Block(first.start, body, opener, first == opener)
    if _FUNCTION.match(text, body):
        return function_block(cursor, block)
    return json_block(cursor, block)


def _cut_opener(cursor: Cursor, opener: Span) -> int:
    end = len(cursor.text)
    if not cursor.at_line_start(opener.start):
        return prose(cursor, opener)
    cursor.flag(
        Code.TRUNCATED,
        Severity.ERROR,
        opener,
        "the text ends right after the opening tag",
        "raise max_tokens, or look for the stop string that cut it",
        len(cursor.calls),
    )
    cursor.part("block", opener.start, end, "failed", "cut before the payload", cursor.mark())
    cursor.take_call(ParsedCall(None, "", Span(opener.start, end), verdict="failed"))
    return end


def _empty(cursor: Cursor, opener: Span, end: int) -> int:
    span = Span(opener.start, end)
    if cursor.at_line_start(opener.start) or opener.start == 0:
        cursor.flag(Code.EMPTY_BLOCK, Severity.WARNING, span, "the block is empty")
        cursor.voided = True
        cursor.drop(opener.start, end)
        cursor.part("block", opener.start, end, "dropped", "empty", cursor.mark())
        return end
    prose(cursor, opener)
    return end


def _variant(cursor: Cursor, opener: Span, json_block: BlockReader) -> int:
    before = len(cursor.calls)
    body = cursor.skip_blank(opener.end)
    position = json_block(cursor, Block(opener.start, body, opener, sound=False))
    message = f"{cursor.text[opener.start : opener.end]!r} is not {OPEN!r}"
    hint = "engines know the exact tag only and leave the call as text"
    _flag_opener(cursor, Code.MARKER_VARIANT, opener, message, hint, before)
    return position


def _flag_opener(
    cursor: Cursor, code: Code, opener: Span, message: str, hint: str, before: int
) -> None:
    """Flag an opening tag; where it made a call (there were `before`), as that call's."""
    index = before if len(cursor.calls) > before else None
    cursor.flag(code, Severity.ERROR, opener, message, hint, index)


def _orphan(cursor: Cursor, start: int, reader: BlockReader | None) -> int:
    end = start + len(CLOSE)
    if cursor.spoken_of or (start and cursor.text[start - 1] == "`"):
        cursor.spoken_of = max(0, cursor.spoken_of - 1)
        return end
    if reader is not None:
        since = max(cursor.taken, cursor.last_orphan)
        cursor.last_orphan = end
        found = reader(cursor, Block(since, start, Span(start, start)))
        if found >= 0:
            return found
    cursor.flag(
        Code.ORPHAN_CLOSE,
        Severity.WARNING,
        Span(start, end),
        "a closing tag that closes nothing",
        f"the block has no {OPEN!r}, or another block took it",
    )
    cursor.part("close", start, end, "text", "no block is open", cursor.mark())
    return end


def _special(cursor: Cursor, mark: re.Match[str]) -> int:
    """Note a special token; after a call it is dropped, as all text there is by engines."""
    span = Span(*mark.span())
    cursor.flag(Code.STRAY_SPECIAL, Severity.NOTE, span, f"special token {mark[0]} in the text")
    if cursor.calls:
        cursor.drop(*mark.span())
    outcome = "dropped" if cursor.calls else "text"
    cursor.part("special", *mark.span(), outcome, mark[0], cursor.mark())
    return mark.end()


def prose(cursor: Cursor, opener: Span) -> int:
    """Leave an opening tag in the content: it is talked about, not used."""
    code, where = Code.MARKER_IN_PROSE, "prose"
    if cursor.in_fence:
        code, where = Code.MARKER_IN_FENCE, "a code fence"
    cursor.flag(
        code,
        Severity.NOTE,
        opener,
        f"an opening tag in {where}, no call",
        "engines may take it for one: a real call after it can be lost",
    )
    cursor.voided = True
    cursor.spoken_of += 1
    cursor.part("opener", opener.start, opener.end, "text", f"in {where}", cursor.mark())
    return opener.end


def wrong_format(format_name: str, hint: str) -> BlockReader:
    """Return a reader that names the format of a block and reads nothing of it."""

    def read(cursor: Cursor, block: Block) -> int:
        text = cursor.text
        if not len(block.opener) and not _PAYLOAD.match(text, block.start):
            return block.start + 1
        end = cursor.limit(block.body)
        body = text[block.body : end].rstrip()
        if text.startswith(CLOSE, end):
            end += len(CLOSE)
        index = len(cursor.calls)
        span = Span(block.body, block.body + len(body))
        message = f"the body is {format_name}"
        cursor.flag(Code.WRONG_FORMAT, Severity.ERROR, span, message, hint, index)
        cursor.voided = True
        cursor.part("block", block.start, end, "failed", message, cursor.mark())
        cursor.take_call(
            ParsedCall(None, body, Span(block.start, end), None, span, verdict="failed")
        )
        return end

    return read
