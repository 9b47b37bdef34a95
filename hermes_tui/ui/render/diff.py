"""The difference of two texts, line by line: lines removed and added, with some context."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Final

from hermes_tui.ui.render.document import Line, StyledSpan, styled_line
from hermes_tui.ui.render.json_lines import unfolded_text

CONTEXT: Final = 3
_MAX_MATCHED_LINES: Final = 600
"""Most differing lines that are matched; more are shown as replaced, as matching is quadratic."""
_MAX_SLICE: Final = 1 << 20
"""Most characters, or lines, that are compared at a time, because slices are copies."""
_UNCHANGED, _REMOVED, _ADDED = "  ", "- ", "+ "

Block = tuple[Sequence[str], Sequence[str] | None]
"""The lines before, and the lines after, or None if they are unchanged."""


def diff_lines(before: str, after: str, *, context: int = CONTEXT) -> list[Line]:
    """Return removed (`-`) and added (`+`) lines with `context` unchanged lines around them.

    The two versions of a changed line are next to each other, with the differing part marked.
    """
    if before == after:
        return [styled_line("no difference", "dim")]
    lines: list[Line] = []
    blocks = list(_blocks(before.split("\n"), after.split("\n")))
    for number, (old, new) in enumerate(blocks):
        if new is not None:
            lines += _changed_lines(old, new)
            continue
        head = 0 if number == 0 else context
        tail = 0 if number == len(blocks) - 1 else context
        lines += _unchanged_lines(old, head, tail)
    return lines


def unfolded_diff(before: str, after: str) -> list[Line]:
    """Return the difference of two texts; if they are JSON, the texts in them are unfolded."""
    shown = unfolded_text(before), unfolded_text(after)
    return diff_lines(*(shown if shown[0] != shown[1] else (before, after)))


def _blocks(old: list[str], new: list[str]) -> Iterator[Block]:
    """Yield unchanged and changed blocks, in order."""
    head = common_length(old, new)
    tail = common_length(old[head:][::-1], new[head:][::-1])
    if head:
        yield old[:head], None
    yield from _matched_blocks(old[head : len(old) - tail], new[head : len(new) - tail])
    if tail:
        yield old[-tail:], None


def _matched_blocks(old: list[str], new: list[str]) -> Iterator[Block]:
    if max(len(old), len(new)) > _MAX_MATCHED_LINES:
        yield old, new
        return
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for tag, left, left_end, right, right_end in matcher.get_opcodes():
        yield old[left:left_end], None if tag == "equal" else new[right:right_end]


def common_length(old: Sequence[str], new: Sequence[str]) -> int:
    """Return the length of the common prefix, in characters or lines."""
    count, step = 0, 64
    most = min(len(old), len(new))
    # Comparing slices is much faster than comparing items: take longer ones as long as they are
    # equal, then shorter ones.
    while step and count < most:
        end = min(count + step, most)
        if old[count:end] == new[count:end]:
            count, step = end, min(2 * step, _MAX_SLICE)
        else:
            step = (end - count) // 2
            most = end - 1
    return count


def _unchanged_lines(texts: Sequence[str], head: int, tail: int) -> list[Line]:
    if len(texts) <= head + tail + 1:
        return [Line(_UNCHANGED + text) for text in texts]
    hidden = f"  ⋮ {len(texts) - head - tail} lines unchanged"
    return [
        *(Line(_UNCHANGED + text) for text in texts[:head]),
        styled_line(hidden, "dim"),
        *(Line(_UNCHANGED + text) for text in texts[len(texts) - tail :]),
    ]


def _changed_lines(old: Sequence[str], new: Sequence[str]) -> list[Line]:
    if len(old) != len(new):
        return [
            *(_line(_REMOVED, text, "removed", 0, len(text)) for text in old),
            *(_line(_ADDED, text, "added", 0, len(text)) for text in new),
        ]
    lines = []
    for before, after in zip(old, new, strict=True):
        start = common_length(before, after)
        room = min(len(before), len(after)) - start
        # The common suffix must not overlap the common prefix.
        end = min(room, common_length(before[::-1], after[::-1]))
        lines.append(_line(_REMOVED, before, "removed", start, len(before) - end))
        lines.append(_line(_ADDED, after, "added", start, len(after) - end))
    return lines


def _line(sign: str, text: str, style: str, start: int, end: int) -> Line:
    """Return a line with its sign; the differing part, `text[start:end]`, is marked."""
    spans = [StyledSpan(0, 1, "badge" if style == "added" else "badge.bad")]
    if end > start:
        spans.append(StyledSpan(len(sign) + start, len(sign) + end, style))
    return Line(sign + text, tuple(spans))
