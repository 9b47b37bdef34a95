"""What a command of the registry is."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from hermes_tui.ui.view_model import Situation


class Command(NamedTuple):
    """One thing a person can do.

    `keys` are Textual key names; `shown` the key as a person reads it;
    `scopes` are the screens on which it works; `bar` its rank in the key bar (the lowest stands
    first), 0 to leave it out.
    """

    id: str
    label: str
    keys: tuple[str, ...]
    shown: str
    scopes: frozenset[str]
    help: str
    group: str
    bar: int = 0
    enabled: Callable[[Situation], bool] = lambda situation: True
