"""The runs that a run came from and those that it began, as a person is told of them."""

from __future__ import annotations

from typing import NamedTuple


class Relative(NamedTuple):
    """Another run of the list. `kind` is parent or child, `place` where its row is."""

    kind: str
    place: int
    text: str
