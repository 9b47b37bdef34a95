"""Mends of a text by what is found wrong with it, flaw by flaw, without writing its calls anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hermes_tui.model.diagnostics import Code, Diagnostic
from hermes_tui.model.spans import Span
from hermes_tui.parsers.edits import Edit

_REMOVED = frozenset({Code.TRAILING_COMMA, Code.BRACES_EXTRA, Code.COMMENT})
"""Flaws that are mended by leaving out what is marked."""
_ESCAPED = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def mends(text: str, found: Iterable[Diagnostic]) -> list[Edit]:
    """Return the edits that mend what is marked, in order, each place once."""
    edits: dict[int, Edit] = {}
    for one in found:
        if one.span is not None:
            for edit in _mend(text, one.code, one.span):
                edits.setdefault(edit.start, edit)
    return [edits[start] for start in sorted(edits)]


def _mend(text: str, code: Code, span: Span) -> Iterator[Edit]:
    marked = text[span.start : span.end]
    if code in _REMOVED:
        yield Edit(span.start, span.end, "")
    elif code is Code.RAW_CONTROL and marked in _ESCAPED:
        yield Edit(span.start, span.end, _ESCAPED[marked])
    elif code is Code.BAD_ESCAPE and marked.startswith("\\"):
        yield Edit(span.start, span.start, "\\")
