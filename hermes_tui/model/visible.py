"""Foreign text made harmless and visible, one character for one character.

No text from a model, a tool or a file may act on the terminal, hide from the reader, or take up
more or fewer cells than we assume. Offsets survive: every character is replaced by exactly one,
except the tab, which becomes `TAB_CELLS` spaces. Safe to apply twice. This module does not import
Textual, so that commands which print plain lines can use it too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from unicodedata import category, east_asian_width

TAB_CELLS: Final = 4
ELLIPSIS: Final = "…"
NEWLINE_MARK: Final = "⏎"
NEWLINE_PICTURE: Final = "\u240a"

# Replaces something invisible or misleading.
REPLACEMENT: Final = "\ufffd"
# Terminals disagree on the width of an emoji followed by one of these (skin tone 2 or 4 cells,
# U+FE0F 2 or 1): a zero-width, invisible mark replaces them, which leaves the plain emoji.
_UNSTABLE: Final = (0xFE0E, 0xFE0F, *range(0x1F3FB, 0x1F400))
_INVISIBLE_MARK: Final = "\u034f"
# Joiners are part of words and emoji in many languages: shown as a dot rather than as U+FFFD.
_JOINERS: Final = (0x200C, 0x200D)
_JOINER_MARK: Final = "·"

BIDI_CONTROLS: Final = (
    0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A),
)  # fmt: skip
LINE_SEPARATORS: Final = (0x2028, 0x2029)
_ZERO_WIDTH: Final = (
    0x180E, 0x200B, *range(0x2060, 0x2066), *range(0x206A, 0x2070), 0x3164, 0xFEFF, 0xFFA0,
    *range(0xFFF9, 0xFFFC), *range(0xFE00, 0xFE0E), *range(0xE0000, 0xE0080),
    *range(0xE0100, 0xE01F0),
)  # fmt: skip
_SOFT_HYPHEN: Final = 0xAD


def _pictures() -> dict[int, str]:
    hidden = (*range(0x80, 0xA0), *BIDI_CONTROLS, *LINE_SEPARATORS, *_ZERO_WIDTH)
    table = dict.fromkeys((*hidden, *range(0xD800, 0xE000)), REPLACEMENT)
    table |= {code: chr(0x2400 + code) for code in range(0x20)}
    table |= dict.fromkeys(_UNSTABLE, _INVISIBLE_MARK) | dict.fromkeys(_JOINERS, _JOINER_MARK)
    table |= {0x7F: "\u2421", _SOFT_HYPHEN: "-", ord("\t"): " " * TAB_CELLS}
    del table[ord("\n")]
    return table


_PICTURES: Final = _pictures()


def _ranges(codes: Iterable[int]) -> str:
    """Return the body of a regex character class for sorted code points, runs as ranges."""
    runs: list[list[int]] = []
    for code in codes:
        if runs and code == runs[-1][1] + 1:
            runs[-1][1] = code
        else:
            runs.append([code, code])
    return "".join(rf"{re.escape(chr(first))}-{re.escape(chr(last))}" for first, last in runs)


_SUSPECT: Final = re.compile(f"[{_ranges(sorted(_PICTURES))}]")


def visible(text: str) -> str:
    """Return `text` with every control, override and invisible character shown; newlines stay.

    C0 becomes its control picture (U+2400 + n), DEL U+2421; C1, bidi controls, line separators,
    zero-width characters and lone surrogates become U+FFFD.
    """
    if text.isascii():
        return text if text.isprintable() else text.translate(_PICTURES)
    return text.translate(_PICTURES) if _SUSPECT.search(text) else text


def without_surrogates(text: str) -> str:
    """Return `text` without surrogates, fit to be encoded.

    Lone surrogates become U+FFFD, pairs the character that they encode.
    """
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def visible_row(text: str) -> str:
    """Return `text` as one row on screen: like `visible`, and newlines become U+240A."""
    return visible(text).replace("\n", NEWLINE_PICTURE)


def visible_line(text: str, limit: int) -> str:
    """Return the beginning of `text` on one line of at most `limit` characters.

    Newlines become ⏎; the last character is … if something was left out. Costs O(limit),
    regardless of the length of `text`.
    """
    shown = visible(text[: limit + 1]).replace("\n", NEWLINE_MARK)
    if len(shown) <= limit:
        return shown
    return shown[: max(0, limit - 1)] + ELLIPSIS[: max(0, limit)]


def cells(text: str) -> int:
    """Return how many terminal cells `text` takes, which must have been made visible."""
    return len(text) if text.isascii() else sum(map(_cell, text))


def _cell(character: str) -> int:
    if east_asian_width(character) in "WF":
        return 2
    is_joined = category(character) in ("Mn", "Me") or 0x1160 <= ord(character) <= 0x11FF
    return 0 if is_joined else 1
