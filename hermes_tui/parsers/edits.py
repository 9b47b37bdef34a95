"""Edits of a text: applying and describing them, and those that repair a finding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from hermes_tui.model.diagnostics import Code, Diagnostic
from hermes_tui.model.spans import Span
from hermes_tui.model.visible import visible_row
from hermes_tui.model.wording import shortened

_REMOVABLE_CODES = frozenset({Code.TRAILING_COMMA, Code.BRACES_EXTRA, Code.COMMENT})
"""Flaws that are repaired by removing what the finding marks."""
_ESCAPED = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
_MAX_SHOWN = 32
_MAX_PHRASES = 4
_QUOTES = "\"'`“”„‘’＂"
_LITERALS = {
    ("True", "true"), ("False", "false"), ("None", "null"), ("NaN", "null"), ("true", "True"),
    ("false", "False"), ("null", "None"),
}  # fmt: skip


class Edit(NamedTuple):
    """Characters `start` to `end` of a text become `text`."""

    start: int
    end: int
    text: str

    @property
    def span(self) -> Span:
        return Span(self.start, self.end)

    @property
    def cost(self) -> int:
        """The number of characters removed plus those inserted."""
        return self.end - self.start + len(self.text)


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """Return `text` with the edits applied; they must be in order and not overlap."""
    parts: list[str] = []
    position = 0
    for edit in edits:
        parts += (text[position : edit.start], edit.text)
        position = edit.end
    return "".join((*parts, text[position:]))


def repairs(text: str, found: Iterable[Diagnostic]) -> list[Edit]:
    """Return the edits that repair the findings, in text order, one for each place."""
    edits: dict[int, Edit] = {}
    for one in found:
        if one.span is not None:
            for edit in _repairs_of(text, one.code, one.span):
                edits.setdefault(edit.start, edit)
    return [edits[start] for start in sorted(edits)]


def _repairs_of(text: str, code: Code, span: Span) -> Iterator[Edit]:
    marked = text[span.start : span.end]
    if code in _REMOVABLE_CODES:
        yield Edit(span.start, span.end, "")
    elif code is Code.RAW_CONTROL and marked in _ESCAPED:
        yield Edit(span.start, span.end, _ESCAPED[marked])
    elif code is Code.BAD_ESCAPE and marked.startswith("\\"):
        yield Edit(span.start, span.start, "\\")


def describe_edits(text: str, edits: Sequence[Edit]) -> str:
    """Return what the edits do in words; edits of the same kind are counted."""
    counts = Counter(_phrases(text, edits))
    phrases = [phrase if n == 1 else f"{phrase} ({n} times)" for phrase, n in counts.items()]
    if len(phrases) > _MAX_PHRASES:
        phrases = [*phrases[: _MAX_PHRASES - 1], f"{len(phrases) - _MAX_PHRASES + 1} more edits"]
    return ", ".join(phrases)


def _phrases(text: str, edits: Sequence[Edit]) -> Iterator[str]:
    """Yield a phrase for each edit; a removal and an insertion of the same words are one move."""
    inserted = {edit.text.strip() for edit in edits if edit.start == edit.end}
    removed = {text[edit.start : edit.end].strip() for edit in edits if not edit.text}
    moved = {words for words in inserted & removed if len(words) > 2}
    for edit in edits:
        words = (edit.text or text[edit.start : edit.end]).strip()
        if words not in moved or (edit.text and edit.start < edit.end):
            yield _phrase(text, edit)
        elif edit.text:
            yield f"move {_quoted(words)}"


def _phrase(text: str, edit: Edit) -> str:
    old, new = text[edit.start : edit.end], edit.text
    if not new:
        if old.strip() == ",":
            return "remove the comma"
        return f"remove {_quoted(old)}"
    if new == "\\":
        around = text[max(0, edit.start - 1) : edit.start + 1]
        return "double the backslash" if "\\" in around else f"escape {around[-1:]}"
    if not old:
        return f"insert {_quoted(new)}"
    if len(old) == len(new) == 1 and old in _QUOTES:
        return f"write {new} for {old}"
    if (old, new) in _LITERALS:
        return f"write {new} for {old}"
    if old in "\n\r\t" and new.startswith("\\"):
        return f"escape the {'tab' if old == chr(9) else 'newline'}"
    return f"replace {_quoted(old)} with {_quoted(new)}"


def _quoted(text: str) -> str:
    words = text.strip() or text
    return f"`{visible_row(shortened(words, _MAX_SHOWN))}`"
