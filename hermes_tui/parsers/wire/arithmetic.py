"""Numbers as Python writes them, and small sums of them; nothing else is evaluated.

sum    := term (("+" | "-") term)*
term   := factor (("*" | "/") factor)*
factor := ("+" | "-")* (NUMBER | "(" sum ")")
"""

from __future__ import annotations

import re
from typing import Any

_TOKEN = re.compile(r"\s*+(0[xX][0-9a-fA-F]+|\d[\d_]*(?:\.\d*)?(?:[eE][-+]?\d+)?|\.\d+|[-+*/()])")
_INTEGER = re.compile(r"[-+]?\d[\d_]*")
_LIMIT = 10**15
_MAX_TOKENS = 60


class _Unreadable(Exception):
    """The text is not a sum."""


def calculated(text: str) -> tuple[Any, str]:
    """Return the number in `text` and how it is written.

    That is `plain`, `leading zero`, `sum` or, with None as the number, `unreadable`.
    """
    word = text.strip()
    if _INTEGER.fullmatch(word) and len(word) < 400:
        digits = word.lstrip("+-").replace("_", "")
        how = "leading zero" if len(digits) > 1 and digits[0] == "0" else "plain"
        return int(word.replace("_", "")), how
    try:
        return float(word.replace("_", "")), "plain"
    except ValueError:
        pass
    try:
        return _Sum(word).value(), "sum"
    except (_Unreadable, ZeroDivisionError, OverflowError, ValueError):
        return None, "unreadable"


class _Sum:
    def __init__(self, text: str) -> None:
        self._tokens: list[str] = []
        position = 0
        text = text.strip()
        while position < len(text):
            found = _TOKEN.match(text, position)
            if not found or len(self._tokens) >= _MAX_TOKENS:
                raise _Unreadable
            self._tokens.append(found[1])
            position = found.end()
        self._at = 0

    def value(self) -> int | float:
        found = self._sum()
        if self._at < len(self._tokens):
            raise _Unreadable
        return found

    def _next(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _sum(self) -> int | float:
        total = self._term()
        while (sign := self._next()) in ("+", "-"):
            self._at += 1
            term = self._term()
            total = total + term if sign == "+" else total - term
        return total

    def _term(self) -> int | float:
        product = self._factor()
        while (sign := self._next()) in ("*", "/") and sign:
            self._at += 1
            factor = self._factor()
            product = product * factor if sign == "*" else product / factor
            if abs(product) > _LIMIT:
                raise _Unreadable
        return product

    def _factor(self) -> int | float:
        token = self._next()
        self._at += 1
        if token in ("+", "-"):
            return -self._factor() if token == "-" else self._factor()
        if token == "(":
            inner = self._sum()
            if self._next() != ")":
                raise _Unreadable
            self._at += 1
            return inner
        if not token or token in "*/)":
            raise _Unreadable
        if token[:2] in ("0x", "0X"):
            return int(token, 16)
        bare = token.replace("_", "")
        return int(bare) if bare.isdigit() else float(bare)
