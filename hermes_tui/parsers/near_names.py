"""Names of tools that are close to one that no tool has."""

from __future__ import annotations

from difflib import get_close_matches
from functools import lru_cache

_MOST = 3


@lru_cache(maxsize=256)
def close_names(name: str, names: tuple[str, ...], cutoff: float) -> tuple[str, ...]:
    """Return the closest few of `names`, best first; a text repeats its mistakes."""
    return tuple(get_close_matches(name, names, _MOST, cutoff))
