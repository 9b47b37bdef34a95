"""The readable beginning of a JSON text that ends prematurely or breaks."""

from __future__ import annotations

import re
from typing import NamedTuple

_TOKEN = re.compile(
    r'"(?:[^"\\]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+(?P<quote>"?+)'
    r"|[{}\[\],:]|[^\s\"{}\[\],:]++"
)
_TORN_ESCAPE = re.compile(r"(?:\\(?:u[0-9a-fA-F]{0,3})?)?\Z")
_HIGH_SURROGATE = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\Z")
_WORDS = frozenset({"true", "false", "null"})


class Beginning(NamedTuple):
    """The readable part of a text, closed so that it is JSON."""

    text: str
    is_truncated: bool
    """Whether the text simply ends, rather than continuing with something that is not JSON."""


def close_torn(text: str, start: int, stop: int) -> Beginning | None:
    """Return the object or list at `start` up to the error that a decoder met at `stop`, closed.

    A torn string is kept as far as it goes. A torn number or word, a key without a value, and
    containers opened but still empty are dropped. Return None if nothing is left.
    """
    if text[start : start + 1] not in ("{", "["):
        return None
    closers: list[str] = []
    before = ""
    end, depth, quote = start, 0, ""
    is_truncated = True
    for token in _TOKEN.finditer(text, start):
        first, token_end = text[token.start()], token.end()
        is_value = before == ":" or (before in ("[", ",") and closers[-1] == "]")
        if first == '"' and not token["quote"] and token.start() <= stop:
            is_truncated = _TORN_ESCAPE.match(text, token_end) is not None
            if is_value:
                end, depth, quote = _end_of_torn(text, token_end, is_truncated), len(closers), '"'
            break
        if token.start() >= stop or (token_end > stop and first not in '"{}[],:'):
            is_truncated = token_end == len(text)
            break
        if first in "{[":
            closers.append("}" if first == "{" else "]")
        elif first in "}]":
            closers.pop()
            end, depth = token_end, len(closers)
        elif is_value and (first == '"' or token_end < len(text) or token.group() in _WORDS):
            end, depth = token_end, len(closers)
        before = first
    if end == start:
        return None
    # Nothing was closed since `end`: the first `depth` brackets are still the ones open there.
    return Beginning(text[start:end] + quote + "".join(reversed(closers[:depth])), is_truncated)


def _end_of_torn(text: str, end: int, is_truncated: bool) -> int:
    """Return the end of a torn string, without the first half of a torn surrogate pair."""
    half = _HIGH_SURROGATE.search(text, max(0, end - 6), end) if is_truncated else None
    if half is None:
        return end
    escapes = end - 6 - len(text[: half.start()].rstrip("\\"))
    return half.start() if escapes % 2 == 0 else end
