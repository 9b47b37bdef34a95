"""Compares two versions of a text: the edits between them, as a person would make them.

Texts are compared token by token, and words are kept whole. Long texts are compared in windows that
move along both, so that the time grows with the length and the differences, not with their product.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from hermes_tui.parsers.edits import Edit

_TOKEN = re.compile(r"[^\W_]+|_+|\n|[^\S\n]+|[^\w\s]")
_MAX_TOKENS = 2_500
"""Most tokens compared at once; longer texts are compared in windows."""
_WINDOW = 64
_MAX_WINDOWS = 2_000
_MIN_SURE_RUN = 8
"""This many equal tokens in a row are not a coincidence."""
_MAX_SLIDE = 200

_Change = tuple[int, int, int, int]
"""`i, j, k, m`: tokens i to j of the old text became tokens k to m of the new one."""


def edits_between(old: str, new: str) -> list[Edit]:
    """Return edits that turn `old` into `new`, in order: short ones at sensible places."""
    start, end, stop = _differing_range(old, new)
    before, after = _TOKEN.findall(old[start:end]), _TOKEN.findall(new[start:stop])
    places = [start]
    for token in before:
        places.append(places[-1] + len(token))
    edits: list[Edit] = []
    for i, j, k, m in _changes(before, after):
        edit = _trimmed(old, Edit(places[i], places[j], "".join(after[k:m])))
        edits.append(_moved_to_boundary(old, edit, edits[-1].end if edits else 0))
    return edits


def _changes(old: Sequence[str], new: Sequence[str]) -> Iterator[_Change]:
    if len(old) + len(new) <= _MAX_TOKENS:
        yield from _differences(old, new)
        return
    i = k = windows = 0
    while i < len(old) and k < len(new) and windows < _MAX_WINDOWS:
        if old[i] == new[k]:
            i, k = i + 1, k + 1
            continue
        windows += 1
        found = list(_window(old, new, i, k))
        if not found:
            break
        *changes, (_, i, _, k) = found
        yield from changes
    rest = len(old) - i + len(new) - k
    if rest <= _MAX_TOKENS:
        yield from _shifted(_differences(old[i:], new[k:]), i, k)
    elif rest:
        yield i, len(old), k, len(new)


def _window(old: Sequence[str], new: Sequence[str], i: int, k: int) -> Iterator[_Change]:
    """Yield the changes up to where both texts surely agree again, then that matching stretch.

    Yield nothing if they do not agree again within `_MAX_TOKENS`.
    """
    size = _WINDOW
    while size <= _MAX_TOKENS:
        left, right = old[i : i + size], new[k : k + size]
        matcher = SequenceMatcher(None, left, right, autojunk=False)
        alike = matcher.get_matching_blocks()[:-1]
        sure = [block for block in alike if block.size >= _MIN_SURE_RUN]
        if 2 * sum(block.size for block in alike) > size:
            sure = alike
        if sure:
            last = sure[-1]
            yield from _shifted(_differences(left[: last.a], right[: last.b]), i, k)
            yield i, i + last.a + last.size, k, k + last.b + last.size
            return
        size *= 4


def _shifted(changes: Iterator[_Change], i: int, k: int) -> Iterator[_Change]:
    for start, end, first, stop in changes:
        yield i + start, i + end, k + first, k + stop


def _differences(old: Sequence[str], new: Sequence[str]) -> Iterator[_Change]:
    for kind, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            yield i, j, k, m


def common_start(old: str, new: str) -> int:
    size = min(len(old), len(new))
    if old[:size] == new[:size]:
        return size
    low = 0
    while size - low > 1:
        middle = (low + size) // 2
        if old[low:middle] == new[low:middle]:
            low = middle
        else:
            size = middle
    return low


def _common_end(old: str, new: str, start: int) -> int:
    size = min(len(old), len(new)) - start
    return common_start(old[len(old) - size :][::-1], new[len(new) - size :][::-1])


def _differing_range(old: str, new: str) -> tuple[int, int, int]:
    """Return where the texts begin to differ, and where that ends in each; words are kept whole."""
    start = common_start(old, new)
    tail = _common_end(old, new, start)
    end, stop = len(old) - tail, len(new) - tail
    while _word_at(old, start - 1) and (_word_at(old, start) or _word_at(new, start)):
        start -= 1
    while _word_at(old, end) and (_word_at(old, end - 1) or _word_at(new, stop - 1)):
        end, stop = end + 1, stop + 1
    return start, end, stop


def _word_at(text: str, position: int) -> bool:
    return 0 <= position < len(text) and text[position].isalnum()


def _trimmed(text: str, edit: Edit) -> Edit:
    """Remove from a replacement what both sides share at their ends."""
    old, new = text[edit.start : edit.end], edit.text
    if not old or not new or (old.isalnum() and new.isalnum()):
        return edit
    head = common_start(old, new)
    tail = _common_end(old, new, head)
    return Edit(edit.start + head, edit.end - tail, new[head : len(new) - tail])


def _moved_to_boundary(text: str, edit: Edit, floor: int) -> Edit:
    """Move an insertion or a removal to where a person would make it; the result is the same."""
    start, end, new = edit
    if (start < end) == bool(new) or edit.cost > _MAX_SLIDE:
        return edit
    best = edit
    for _ in range(_MAX_SLIDE):
        piece = new or text[start:end]
        if start <= floor or text[start - 1] != piece[-1]:
            break
        start, end = start - 1, end - 1
        new = new and piece[-1] + piece[:-1]
        moved = Edit(start, end, new)
        if _rating(text, moved) > _rating(text, best):
            best = moved
    return best


def _rating(text: str, edit: Edit) -> int:
    """Rate an edit: whole tags, brackets or words are best, then text that begins with one."""
    piece = edit.text or text[edit.start : edit.end]
    words = piece.strip()
    opens = words[:1] in ("<", "[", "{", "`")
    whole = words.isalnum() or (opens and words[-1:] in (">", "]", "}", "`"))
    return 3 * whole + 2 * opens + (piece[:1] == "\n")
