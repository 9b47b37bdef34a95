"""Model outputs, damaged in the ways in which models and networks damage them."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

PIECES = (
    '"', "'", "\\", "{", "}", "[", "]", "(", ")", ",", ":", "=", "/", "&", "<", ">", " ", "\t",
    "\n", "\r\n", "\x00", "\u2028", "é", "😀", "\\n", "\\u00e9", "\\ud83d", "&quot;", '""', "{}",
    "[]", "null", "None", "true", "True", "NaN", "-0", "0x1", ".5", "1.0", "1e999", "1" + "0" * 22,
    '"name"', '"arguments"', '"parameters"', ' "x": 1,', "<|", "|>", "<tool_call>", "</tool_call>",
    "<think>", "</think>", "</", "```",
)  # fmt: skip
"""What is inserted."""


def damaged(text: str, others: Sequence[str], random: Random) -> str:
    """Return `text` with one to three faults; parts of `others` may follow it."""
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        start = random.randrange(len(text) + 1)
        end = min(len(text), start + random.choice((1, 1, 2, 5, 20)))
        before, part, behind = text[:start], text[start:end], text[end:]
        other = random.choice(others)
        text = random.choice((
            before + behind,
            before + random.choice(PIECES) + part + behind,
            before + random.choice(PIECES) + behind,
            before,
            before + part + part + behind,
            before + other[random.randrange(len(other) + 1) :],
            text + random.choice(("\n", " and ", "")) + other,
            before + part.swapcase() + behind,
        ))  # fmt: skip
    return text
