"""A page of a pane, composed of headings, fields and texts of any size."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any

from hermes_tui.model.visible import NEWLINE_MARK
from hermes_tui.ui.render.document import (
    Document,
    Line,
    StyledSpan,
    TextLines,
    is_plain_ascii,
    styled_line,
)
from hermes_tui.ui.render.json_lines import indented

NAME_WIDTH = 11
"""Cells for the name of a fact, and the space after it."""
MADE_AT_ONCE = 100
"""Most lines of a text that are made at once; that is cheaper than a section of lazy lines."""


class Page:
    """Collects lines; the lines of long texts are made only when they are shown."""

    def __init__(self) -> None:
        self._sections: list[Sequence[Line]] = []
        self._lines: list[Line] = []

    def line(self, text: str, style: str = "", *, indent: int = 0) -> None:
        """Add a text in one style; newlines in it start new lines. `indent` is in cells."""
        self._lines.extend(styled_line(part, style, indent) for part in text.split("\n"))

    def pieces(self, *pieces: tuple[str, str]) -> None:
        """Add one line of several (text, style) pieces; newlines in them are shown as ⏎."""
        ends = accumulate(len(text) for text, _ in pieces)
        spans = (
            StyledSpan(end - len(text), end, style)
            for end, (text, style) in zip(ends, pieces, strict=True)
            if text
        )
        whole = "".join(text for text, _ in pieces).replace("\n", NEWLINE_MARK)
        self._lines.append(Line(whole, tuple(spans)))

    def heading(self, text: str, style: str = "heading") -> None:
        self.line(text, style)

    def fact(
        self, name: str, text: str, style: str = "", *, width: int = NAME_WIDTH, indent: int = 4
    ) -> None:
        """Add `name  text`; further lines of the text are aligned with its first one."""
        first, *rest = text.split("\n")
        label = f"{name:<{width}}"
        spans = [StyledSpan(0, len(label), "key")]
        if style:
            spans.append(StyledSpan(len(label), len(label) + len(first), style))
        self._lines.append(Line(label + first, tuple(spans), indent, label=len(label)))
        for part in rest:
            self.line(part, style, indent=indent + width)

    def blank(self) -> None:
        if self._lines or self._sections:
            self._lines.append(Line(""))

    def extend(self, lines: Iterable[Line]) -> None:
        """Add lines; those of a long text are made only when they are shown."""
        if isinstance(lines, TextLines) and len(lines) > MADE_AT_ONCE:
            self._flush()
            self._sections.append(lines)
        else:
            self._lines.extend(lines)

    def text(self, text: str, *, indent: int = 0) -> None:
        """Add a text of any size, unstyled."""
        self.extend(TextLines(text.split("\n"), plain_ascii=is_plain_ascii(text), indent=indent))

    def fields(self, *groups: Mapping[str, Any]) -> None:
        """Add `name  value` lines for all values that are not empty, with the values aligned.

        Structured values are shown as JSON; what several groups agree on is shown once.
        """
        present, known = list[tuple[str, Any]](), dict[str, Any]()
        for name, value in (pair for group in groups for pair in group.items()):
            if value not in (None, "", [], {}, known.get(name)):
                known[name] = value
                present.append((name, value))
        width = min(24, max((len(name) for name, _ in present), default=0))
        for name, value in present:
            shown = value if isinstance(value, str) else _json(value)
            first, *rest = shown.split("\n")
            label = f"{name:<{width}}  "
            span = StyledSpan(0, len(name), "key")
            self._lines.append(Line(label + first, (span,), label=len(label)))
            self._lines.extend(Line(" " * (width + 2) + part, label=width + 2) for part in rest)

    @property
    def length(self) -> int:
        """The number of lines added so far."""
        return sum(len(section) for section in self._sections) + len(self._lines)

    def document(self) -> Document:
        self._flush()
        return Document.of_sections(self._sections)

    def _flush(self) -> None:
        if self._lines:
            self._sections.append(self._lines)
            self._lines = []


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return indented(value) if len(text) > 100 else text
