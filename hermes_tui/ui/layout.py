"""Which panes of the run screen are shown, and how they stand, for the room that there is."""

from __future__ import annotations

from typing import NamedTuple

PANES = ("timeline", "message", "calls", "reasoning", "errors", "raw", "tokens", "metadata")
LATER = frozenset({"tokens", "metadata"})
"""Panes that are made only when somebody asks for them."""
LAYOUTS = ("single", "narrow", "medium", "wide")
WIDE, MEDIUM, TALL, LOW = 150, 100, 30, 14
"""Cells from which on there is room: for three columns, for two, for two panes in one column; and
the height below which one pane, without a border, is all that fits."""


class Arrangement(NamedTuple):
    """A layout, the panes that it shows, and whether they go without borders."""

    layout: str
    shown: frozenset[str]
    bare: bool = False


def arrange(width: int, height: int, *, active: str, main: str, zoomed: bool) -> Arrangement:
    """Return how the panes stand.

    `active` is the detail pane to show where there is room for one, `main` the pane that has the
    keys and takes the whole screen when `zoomed`.
    """
    if zoomed or height < LOW:
        return Arrangement("single", frozenset({main}), bare=height < LOW)
    if width < MEDIUM:
        return Arrangement("narrow", frozenset({"timeline", active}))
    if width >= WIDE and height >= TALL:
        last = active if active in ("errors", "raw", "tokens", "metadata") else "errors"
        return Arrangement("wide", frozenset({"timeline", "message", "calls", "reasoning", last}))
    if height >= TALL and active in ("message", "calls"):
        return Arrangement("medium", frozenset({"timeline", "message", "calls"}))
    return Arrangement("medium", frozenset({"timeline", active}))
