"""Indented JSON text as styled lines."""

from __future__ import annotations

import re

from hermes_tui.ui.render.document import Line, StyledSpan

_TOKEN = (
    r'(?P<key>"(?:[^"\\]|\\.)*"(?=\s*:))|(?P<string>"(?:[^"\\]|\\.)*"?)'
    r"|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<literal>\b(?:true|false|null|NaN)\b)"
)


def json_lines(text: str, indent: int = 0) -> list[Line]:
    """Return the lines of JSON text with keys, strings, numbers and constants told apart.

    Any text is taken; what looks like no JSON token stays unstyled.
    """
    return [Line(line, _spans(line), indent) for line in text.split("\n")]


def _spans(line: str) -> tuple[StyledSpan, ...]:
    if len(line) > 20_000:
        return ()
    return tuple(
        StyledSpan(found.start(), found.end(), found.lastgroup or "")
        # Compiled at the first line, not at the start of the program.
        for found in re.finditer(_TOKEN, line)
    )
