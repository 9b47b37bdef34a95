"""Whole numbers in texts of any length."""

from __future__ import annotations

MAX_DIGITS = 12


def whole_number(text: str, *, max_digits: int = MAX_DIGITS) -> int | None:
    """Return the number whose decimal digits are `text`, None for any other text.

    That includes a number of more than `max_digits` digits: `int` refuses very long ones.
    """
    return int(text) if text.isdecimal() and len(text) <= max_digits else None
