"""Foreign text made fit to be seen: what would act on a terminal is shown instead.

Replacement is one character for one, so spans of the text stay right.
"""

from __future__ import annotations

import re

_NAMED = {code: chr(0x2400 + code) for code in range(0x20)}
_NAMED[0x0A] = "\n"
_NAMED[0x09] = "\t"
_NAMED[0x7F] = "\u2421"
_REPLACED = "\ufffd"

ACTING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069"
    "\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
"""What must not reach a terminal: C0 (but newline and tab), DEL, C1, bidi controls, line and
paragraph separators, byte order marks, interlinear marks, lone surrogates, tags."""


def visible(text: str) -> str:
    """Return `text` with every acting character replaced by a visible one; newline and tab stay."""
    if text.isprintable() or not ACTING.search(text):
        return text
    return ACTING.sub(lambda found: _NAMED.get(ord(found.group()), _REPLACED), text)


def visible_line(text: str, limit: int = 200) -> str:
    """Return the beginning of `text` as one line of at most `limit` characters.

    Newlines show as ⏎; a cut shows as …. Only as much of the text is looked at as is shown.
    """
    head = text[: limit + 1].lstrip()
    cut = len(text) > limit or len(head) > limit
    line = visible(head[:limit]).replace("\n", "⏎").replace("\t", " ")
    return line[: limit - 1] + "…" if cut else line
