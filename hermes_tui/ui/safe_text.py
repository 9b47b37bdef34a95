"""The last barrier between foreign text and the terminal: a filter for everything drawn.

`model.visible` is the first barrier, where text enters a view. This one holds for every widget,
because nearly every Textual surface passes control sequences on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter, NoColor

from hermes_tui.model.visible import BIDI_CONTROLS, LINE_SEPARATORS, REPLACEMENT

_OVERRIDES = "".join(map(chr, (*BIDI_CONTROLS, *LINE_SEPARATORS)))
# None of these has a width in Rich, so a finished layout does not shift.
_HARMFUL = re.compile(f"[\x00-\x1f\x7f-\x9f{_OVERRIDES}\U0001f3fb-\U0001f3ff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_MARKS = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u064b-\u065f"
    "\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
)
MAX_MARKS = 8
"""Most combining marks drawn on one character: no script needs more, and a pile covers other rows.
"""
_PILED = re.compile(f"(?<=[{_MARKS}]{{{MAX_MARKS}}})[{_MARKS}]+")
_EMOJI_STYLE = re.compile("(.?)\ufe0f\u20e3?", re.DOTALL)
_SUSPECT = re.compile(
    f"{_HARMFUL.pattern}|{_SURROGATE.pattern}|\ufe0f|[{_MARKS}]{{{MAX_MARKS + 1}}}"
)


class TerminalFilter(LineFilter):
    """Remove everything that acts on a terminal from drawn lines, and keep their width.

    It is applied last, after the filters given. Links are dropped too: their target would be
    written to the terminal verbatim.
    """

    def __init__(self, *before: LineFilter) -> None:
        super().__init__()
        self._before = before

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return `segments` without control characters, overrides, piles of marks and links."""
        for earlier in self._before:
            segments = earlier.apply(segments, background)
        if not any(map(_is_suspect, segments)):
            return segments
        return [_harmless(segment) if _is_suspect(segment) else segment for segment in segments]


def terminal_filters(filters: Sequence[LineFilter], *, no_color: bool) -> list[LineFilter]:
    """Return the app's line filters: one that applies `filters`, then `NoColor`, then the barrier.

    Textual's answer to NO_COLOR is shades of grey; with `no_color`, no colour code is sent.
    """
    return [_combined_filter(tuple(filters), no_color)]


@lru_cache(maxsize=8)
def _combined_filter(filters: tuple[LineFilter, ...], no_color: bool) -> TerminalFilter:
    # One filter, and always the same one: Textual caches each line's result by filter, and makes
    # another line for every filter.
    return TerminalFilter(*filters, *([NoColor()] if no_color else []))


def _is_suspect(segment: Segment) -> bool:
    text, style, _ = segment
    if style is not None and style.link is not None:
        return True
    if text.isascii():
        return not text.isprintable()
    return _SUSPECT.search(text) is not None


def _harmless(segment: Segment) -> Segment:
    text, style, control = segment
    if style is not None and style.link is not None:
        style = style.update_link(None)
    # A surrogate cannot be encoded: writing it would end the program.
    shown = _SURROGATE.sub(REPLACEMENT, _PILED.sub("", _HARMFUL.sub("", text)))
    shown = _EMOJI_STYLE.sub(_plain_emoji, shown)
    return Segment(set_cell_size(shown, cell_len(text)), style, control)


def _plain_emoji(match: re.Match[str]) -> str:
    """Return the character without its emoji style, padded to the width that Rich counted."""
    base = match[1]
    return base + " " * (cell_len(f"{base}\ufe0f") - cell_len(base))
