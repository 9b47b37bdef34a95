"""Which panes of the run screen are shown, and in what layout, for a terminal's size."""

from __future__ import annotations

from typing import NamedTuple

PANES = ("timeline", "message", "calls", "reasoning", "errors", "raw", "tokens", "metadata")
LAZY_PANES = frozenset({"tokens", "metadata"})
"""Panes that are created only when they are first shown."""
LAYOUTS = ("single", "narrow", "medium", "wide")
WIDE, MEDIUM, TALL, LOW = 150, 100, 30, 14
"""Cells needed for three columns, for two columns, and for two panes in one column; and the height
below which only one pane fits, without a border."""


class Arrangement(NamedTuple):
    """A layout, the panes that it shows, and whether they have no borders."""

    layout: str
    shown: frozenset[str]
    bare: bool = False


def arrange(width: int, height: int, *, active: str, main: str, zoomed: bool) -> Arrangement:
    """Return the arrangement of the panes on a screen of `width` × `height` cells.

    `active` is the detail pane to show if there is room for only one. `main` is the focused pane,
    which takes the whole screen when `zoomed`.
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
