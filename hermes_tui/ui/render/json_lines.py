"""Indented JSON text as styled lines."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hermes_tui.ui.render.document import Line, StyledSpan, TextLines, is_plain_ascii

_TOKEN = (
    r'(?P<key>"(?:[^"\\]|\\.)*"(?=\s*:))|(?P<string>"(?:[^"\\]|\\.)*"?)'
    r"|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<literal>\b(?:true|false|null|NaN)\b)"
)


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


def _spans(line: str) -> tuple[StyledSpan, ...]:
    if len(line) > 20_000:
        return ()
    return tuple(
        StyledSpan(found.start(), found.end(), found.lastgroup or "")
        # Compiled at the first line, not at the start of the program.
        for found in re.finditer(_TOKEN, line)
    )
