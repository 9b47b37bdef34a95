"""Indented JSON text as styled lines; unfolded, a text of several lines stands as a block of them.

In the place of its value `▾ 3 lines` is said, and the block stands below it, further to the right
than anything inside a JSON value: no text can pass for what stands around it.
"""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Sequence
from typing import Final

from hermes_tui.model.wording import counted
from hermes_tui.ui.render.document import Line, StyledSpan, TextLines, is_plain_ascii
from hermes_tui.ui.render.rows import OPEN

_TOKEN = (
    r'(?P<key>"(?:[^"\\]|\\.)*"(?=\s*:))|(?P<string>"(?:[^"\\]|\\.)*"?)'
    r"|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<literal>\b(?:true|false|null|NaN)\b)"
)

_STRING: Final = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_MEMBER: Final = rf"( *+)((?:{_STRING}: )?)({_STRING}),?"
"""A line of indented JSON that ends with a text: its blanks, its key, the text."""
_DECODER: Final = json.JSONDecoder(strict=False)
BLOCK_INDENT: Final = 4
"""Cells from what a text belongs to; values inside each other stand 2 apart."""


class _JsonLines(TextLines):
    """Lines whose tokens are looked for when they are drawn."""

    def line(self, number: int) -> Line:
        text = self.texts[number]
        return Line(text, _spans(text), self.indent)


def json_lines(text: str, indent: int = 0) -> Sequence[Line]:
    """Return the lines of JSON text with keys, strings, numbers and constants told apart.

    Any text is taken; what looks like no JSON token stays unstyled.
    """
    return _JsonLines(text.split("\n"), plain_ascii=is_plain_ascii(text), indent=indent)


class _Unfolded(TextLines):
    """Lines of JSON, and those of the texts in it, which are told apart by their indents."""

    def __init__(self, texts: list[str], indents: array[int], indent: int) -> None:
        super().__init__(texts, plain_ascii=False, indent=indent)
        self.indents = indents

    def line(self, number: int) -> Line:
        assert self.indents is not None
        text, indent = self.texts[number], self.indents[number]
        if indent > self.indent:
            return Line(text, (StyledSpan(0, len(text), "string"),) if text else (), indent)
        unfolds = number + 1 < len(self.texts) and self.indents[number + 1] > self.indent
        if not unfolds:
            return Line(text, _spans(text), indent)
        said = text.rindex(OPEN)
        return Line(text, (*_spans(text[:said]), StyledSpan(said, len(text), "hint")), indent)


def unfolded_lines(text: str, indent: int = 0) -> Sequence[Line]:
    """Return the lines of indented JSON text, the lines of each text in it as a block."""
    texts, indents = _unfolded(text, indent)
    if len(texts) == text.count("\n") + 1:
        return json_lines(text, indent)
    return _Unfolded(texts, indents, indent)


def unfolded_text(text: str) -> str:
    """Return indented JSON with the lines of each text in it as a block, else `text` itself."""
    from hermes_tui.ui.json_layout import is_json

    if "\\n" not in text or not is_json(text):
        return text
    return "\n".join(f"{' ' * indent}{part}" for part, indent in zip(*_unfolded(text), strict=True))


def _unfolded(text: str, indent: int = 0) -> tuple[list[str], array[int]]:
    """Return the lines and the cells of indent in front of each."""
    texts: list[str] = []
    indents = array("L")
    for line in text.split("\n"):
        found = re.fullmatch(_MEMBER, line) if "\\n" in line else None
        block = _lines_of(found[3]) if found is not None else ()
        if found is None or not block:
            texts.append(line)
            indents.append(indent)
            continue
        blanks, key, _ = found.groups()
        texts += (f"{blanks}{key}{OPEN} {counted(len(block), 'line')}", *block)
        indents.append(indent)
        indents.extend([indent + len(blanks) + BLOCK_INDENT] * len(block))
    return texts, indents


def _lines_of(string: str) -> Sequence[str]:
    """Return the lines of a JSON string; none where a newline only begins or ends it."""
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
