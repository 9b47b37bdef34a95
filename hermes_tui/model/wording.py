"""Words that every floor says alike."""

from __future__ import annotations


def decoder_words(message: str) -> str:
    """Return what Python's JSON decoder says, without the words that lead to its own place."""
    return message.removesuffix(" at").rstrip(": ")


def counted(number: int, noun: str) -> str:
    """Return such as "1 call", "1,024 calls" or "2 matches"."""
    if number == 1:
        return f"1 {noun}"
    return f"{number:,} {noun}{'es' if noun.endswith('ch') else 's'}"
