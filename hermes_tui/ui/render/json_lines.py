"""Indented JSON text as styled lines; unfolded, a string of several lines becomes a block of them.

The value is replaced by `▾ 3 lines`, and the block is below it, indented further than anything
inside a JSON value, so that no text can pass for the JSON around it.
"""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Sequence
from itertools import repeat
from operator import add, mul
from typing import Any, Final

from hermes_tui.model.wording import counted
from hermes_tui.ui.render.document import Line, StyledSpan, TextLines, is_plain_ascii, styled_line
from hermes_tui.ui.render.rows import OPEN

_TOKEN = (
    r'(?P<key>"(?:[^"\\]|\\.)*"(?=\s*:))|(?P<string>"(?:[^"\\]|\\.)*"?)'
    r"|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<literal>\b(?:true|false|null|NaN)\b)"
)

_STRING: Final = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_STRING_LINE: Final = rf"( *+)((?:{_STRING}: )?)({_STRING}),?"
"""A line of indented JSON that ends with a string: its indent, its key, the string."""
_DECODER: Final = json.JSONDecoder(strict=False)
_DEEP_INDENT: Final = "\n" + 24 * " "
"""A newline and an indent so deep that it might leave no room in a row."""
BLOCK_INDENT: Final = 4
"""Cells from the line that a block belongs to; each level of JSON is indented by 2."""


class _JsonLines(TextLines):
    """Lines of JSON, whose tokens are found when the line is drawn."""

    def line(self, number: int) -> Line:
        text = self.texts[number]
        return Line(text, _spans(text), self.indent)


def indented(value: Any) -> str:
    """Return a value as indented JSON; newlines inside strings stay escaped.

    A value that is nested too deeply is written as its Python `str`.
    """
    try:
        return json.dumps(value, indent=2, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        return str(value)


def json_lines(text: str, indent: int = 0) -> Sequence[Line]:
    """Return the lines of JSON text with keys, strings, numbers and constants styled.

    Any text is accepted; what is no JSON token stays unstyled.
    """
    if _DEEP_INDENT not in text:
        return _JsonLines(text.split("\n"), plain_ascii=is_plain_ascii(text), indent=indent)
    texts = text.split("\n")
    indents, blocks = array("L", [indent]) * len(texts), bytearray(len(texts))
    _blanks_to_indents(texts, indents, blocks)
    return _Unfolded(texts, indents, blocks)


class _Unfolded(TextLines):
    """Lines of JSON, and the lines of the strings in it, which `blocks` marks."""

    def __init__(self, texts: list[str], indents: array[int], blocks: bytearray) -> None:
        super().__init__(texts, plain_ascii=False)
        self.indents, self._blocks = indents, blocks

    def line(self, number: int) -> Line:
        assert self.indents is not None
        text, indent = self.texts[number], self.indents[number]
        if self._blocks[number]:
            return styled_line(text, "string", indent)
        unfolds = number + 1 < len(self.texts) and self._blocks[number + 1]
        if not unfolds:
            return Line(text, _spans(text), indent)
        mark = text.rindex(OPEN)
        return Line(text, (*_spans(text[:mark]), StyledSpan(mark, len(text), "hint")), indent)


def unfolded_lines(text: str, indent: int = 0) -> Sequence[Line]:
    """Return the lines of indented JSON text, with each string of several lines as a block."""
    texts, indents, blocks = _unfold(text, indent)
    if not any(blocks):
        return json_lines(text, indent)
    if _DEEP_INDENT in text:
        _blanks_to_indents(texts, indents, blocks)
    return _Unfolded(texts, indents, blocks)


def unfolded_text(text: str) -> str:
    """Return indented JSON with each string of several lines as a block, else `text` itself."""
    from hermes_tui.ui.json_layout import is_json

    if "\\n" not in text or not is_json(text):
        return text
    texts, indents, _ = _unfold(text)
    return "\n".join(map(add, map(mul, repeat(" "), indents), texts))


def _blanks_to_indents(texts: list[str], indents: array[int], blocks: bytearray) -> None:
    """Turn the blanks before lines of JSON into indents, which leave at least half a row free."""
    for number, text in enumerate(texts):
        if not blocks[number]:
            texts[number] = text.lstrip(" ")
            indents[number] += len(text) - len(texts[number])


def _unfold(text: str, indent: int = 0) -> tuple[list[str], array[int], bytearray]:
    """Return the lines, the indent of each in cells, and a flag for those inside strings."""
    texts: list[str] = []
    indents, blocks = array("L"), bytearray()
    for line in text.split("\n"):
        found = re.fullmatch(_STRING_LINE, line) if "\\n" in line else None
        block = _lines_of(found[3]) if found is not None else ()
        if found is None or not block:
            texts.append(line)
            indents.append(indent)
            blocks.append(0)
            continue
        blanks, key, _ = found.groups()
        texts += (f"{blanks}{key}{OPEN} {counted(len(block), 'line')}", *block)
        indents.append(indent)
        indents.extend([indent + len(blanks) + BLOCK_INDENT] * len(block))
        blocks += b"\0" + b"\1" * len(block)
    return texts, indents, blocks


def _lines_of(string: str) -> Sequence[str]:
    """Return the lines of a JSON string; none if its only newlines are at its ends."""
    try:
        value: str = _DECODER.decode(string)
    except ValueError:
        return ()
    return value.split("\n") if "\n" in value.strip("\n") else ()


def _spans(line: str) -> tuple[StyledSpan, ...]:
    if len(line) > 20_000:
        return ()
    return tuple(
        StyledSpan(found.start(), found.end(), found.lastgroup or "")
        # Compiled at the first line, not at the start of the program.
        for found in re.finditer(_TOKEN, line)
    )
