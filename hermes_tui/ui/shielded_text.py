"""Foreign text in an editor: harmful or hidden characters are replaced by stand-ins, reversibly.

An editor would split lines at some of these characters, count others as having no width, and draw
them all. So each character that `visible` shows as something else, except tab and newline, is
replaced by a private-use character that is one cell wide. A private-use character of the text
itself is preceded by `_ESCAPE`:

    U+0000 … U+FFFF      U+F0000 + code               controls, overrides, surrogates, zero width
    U+1F000 … U+1FFFF    U+100000 + code - U+1F000    skin tones
    U+E0000 … U+E0FFF    U+101000 + code - U+E0000    tags, variants

The time an editor takes for a key grows with the length of the line, and models write a megabyte of
JSON on one line. So long lines are broken after a `SOFT_BREAK`; `unshield` removes both.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from hermes_tui.model.visible import visible

_ESCAPE: Final = "\U0010fffd"
SOFT_BREAK: Final = "\U0010fffc"
_BLOCKS: Final = (
    (0x0, 0x10000, 0xF0000),
    (0x1F000, 0x20000, 0x100000),
    (0xE0000, 0xE1000, 0x101000),
)
STAND_IN: Final = re.compile("[\U000f0000-\U0010ffff]")
_SHIELDED: Final = re.compile(f"{_ESCAPE}(.)|{SOFT_BREAK}\n?|({STAND_IN.pattern})", re.DOTALL)
_LONG_LENGTH, _PIECE_LENGTH = 4_000, 1_000
_LONG_LINE: Final = re.compile(f"[^\n]{{{_LONG_LENGTH},}}")
_PIECES: Final = re.compile(f"(?:{_ESCAPE}.|[^\n]){{1,{_PIECE_LENGTH}}}")
_KEPT: Final = "\t\n"
_NO_WIDTH: Final = "\u034f"


def shield(text: str, *, newlines: bool = False) -> str:
    """Return `text` as an editor can hold it; `unshield` restores exactly `text`.

    With `newlines`, newlines have a stand-in too, for editors of a single line.
    """
    if STAND_IN.search(text):
        text = STAND_IN.sub(lambda found: _ESCAPE + found[0], text)
    held = hold(text, newlines=newlines)
    return held if newlines else _LONG_LINE.sub(_in_pieces, held)


def _in_pieces(found: re.Match[str]) -> str:
    return f"{SOFT_BREAK}\n".join(_PIECES.findall(found[0]))


def hold(text: str, *, newlines: bool = False) -> str:
    """Return typed or pasted text with stand-ins; those that are already in it are kept."""
    kept = "\t" if newlines else _KEPT
    table = {ord(char): new for char in set(text) if char not in kept and (new := _stand_in(char))}
    return text.translate(table) if table else text


def unshield(text: str) -> str:
    """Return the original of a text that `shield` returned and that may have been edited since."""
    return _SHIELDED.sub(_original, text)


def _original(found: re.Match[str]) -> str:
    if found[1]:
        return found[1]
    return _restored(found[2]) if found[2] else ""


def pictured(text: str) -> str:
    """Return an editor's text as it is drawn, character by character."""
    return STAND_IN.sub(lambda found: _picture(found[0]), text)


def name_of(char: str) -> str:
    """Return the name of a stand-in's character (`U+202E right-to-left override`), else ""."""
    real = _restored(char)
    if real == char:
        return ""
    known = unicodedata.name(real, "").lower() or _CATEGORIES.get(unicodedata.category(real), "")
    return f"U+{ord(real):04X} {known}".rstrip()


_CATEGORIES: Final = {"Cc": "control character", "Cs": "lone surrogate", "Cf": "format character"}


def _stand_in(char: str) -> str:
    code = ord(char)
    if char != "\n" and visible(char) == char:
        return ""
    return next((chr(code - low + first) for low, high, first in _BLOCKS if low <= code < high), "")


def _restored(char: str) -> str:
    """Return the character that `char` stands in for, or `char` if it is no stand-in."""
    code = ord(char)
    for low, high, first in _BLOCKS:
        if first <= code < first + high - low:
            original = chr(code - first + low)
            return original if _stand_in(original) == char else char
    return char


def _picture(char: str) -> str:
    if char == SOFT_BREAK:
        return "↩"
    original = _restored(char)
    if original == char:
        return char
    shown = "⏎" if original == "\n" else visible(original)
    return "·" if shown == _NO_WIDTH else shown[0]
