"""Tool names that are close to an unknown one."""

from __future__ import annotations

from functools import lru_cache

from hermes_tui.model.errors import near_names


@lru_cache(maxsize=256)
def close_names(name: str, names: tuple[str, ...], cutoff: float) -> tuple[str, ...]:
    """Return what `near_names` does, cached: a text often repeats its mistakes."""
    return tuple(near_names(name, names, likeness=cutoff))
