"""Cutting texts to one width so that those with the same beginning can still be told apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Final

from hermes_tui.model.visible import ELLIPSIS
from hermes_tui.ui.render.diff import common_length
from hermes_tui.ui.render.wrap import fit

_HEAD_SHARE: Final = 3
"""The beginning of the texts gets the width divided by this number."""


def fit_apart(texts: Collection[str], width: int) -> dict[str, str]:
    """Return each text on one line of exactly `width` cells, cut with … at the end.

    If texts would look the same, the common part after their beginnings is left out instead.
    """
    shown = {text: fit(text, width) for text in texts}
    pending = _alike(shown, shown, 0)
    while pending:
        alike, common = pending.pop()
        characters = width if alike[0].isascii() else width // 2
        head = characters // _HEAD_SHARE
        room = (characters - head - 1) // 2
        # Show what differs, with the beginning of its word as far as there is room.
        start = max(alike[0].rfind(" ", 0, common) + 1, common - room)
        for text in alike:
            shown[text] = fit(text[:head] + ELLIPSIS + text[start:], width)
        pending += _alike(alike, shown, common + 1)
    return shown


def _alike(
    texts: Collection[str], shown: dict[str, str], least: int
) -> list[tuple[list[str], int]]:
    """Return groups of texts that look the same, each with the length of its common prefix.

    Groups with a common prefix shorter than `least` are left out.
    """
    by_look: defaultdict[str, list[str]] = defaultdict(list)
    for text in texts:
        by_look[shown[text]].append(text)
    sets = (same for same in by_look.values() if len(same) > 1)
    measured = ((same, common_length(min(same), max(same))) for same in sets)
    return [(same, common) for same, common in measured if common >= least]
