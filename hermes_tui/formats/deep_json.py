"""JSON that is nested deeper than it can be decoded, made shallow without moving a byte."""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_DEPTH = 500
"""Levels that are kept: half of what Python's decoder can do, which counts its callers too."""
PLACEHOLDER = b'"(nested too deeply to read)"'
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?+|(?P<open>[{\[]++)|(?P<close>[}\]]++)', re.DOTALL)


class Shallow(NamedTuple):
    """JSON of which nothing is nested deeper than `MAX_DEPTH`, and where something was."""

    data: bytes
    places: tuple[int, ...]


def without_depths(data: bytes) -> Shallow:
    """Put a text of the same length in the place of each value that is nested too deeply.

    One that does not end is blanked: what is torn stays torn.
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
