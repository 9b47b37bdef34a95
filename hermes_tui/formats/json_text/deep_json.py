"""Replace the values in JSON that are nested too deeply to be decoded, without moving a byte."""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_DEPTH = 500
"""Levels that are kept: half of what Python's decoder can do, whose limit includes its callers."""
PLACEHOLDER = b'"(nested too deeply to read)"'
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?+|(?P<open>[{\[]++)|(?P<close>[}\]]++)', re.DOTALL)


class Shallow(NamedTuple):
    """JSON nested at most `MAX_DEPTH` deep, and the byte offsets where deeper values were."""

    data: bytes
    places: tuple[int, ...]


def without_deep_values(data: bytes) -> Shallow:
    """Replace each value that is nested too deeply by a text of the same length.

    An unclosed value is blanked, so that torn JSON stays torn.
    """
    pieces: list[bytes] = []
    places: list[int] = []
    depth = begins = end = 0
    for token in _TOKEN.finditer(data):
        count = token.end() - token.start()
        if token["open"]:
            if depth <= MAX_DEPTH < depth + count:
                begins = token.start() + MAX_DEPTH - depth
                pieces.append(data[end:begins])
                places.append(begins)
            depth += count
        elif token["close"]:
            if depth > MAX_DEPTH >= depth - count:
                end = token.start() + depth - MAX_DEPTH
                pieces.append(_instead(end - begins))
            depth = max(0, depth - count)
    pieces.append(data[end:] if depth <= MAX_DEPTH else b" " * (len(data) - begins))
    return Shallow(b"".join(pieces), tuple(places))


def _instead(length: int) -> bytes:
    return (PLACEHOLDER if length >= len(PLACEHOLDER) else b'""').ljust(length)
