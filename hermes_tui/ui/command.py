"""What a command of the registry is, and what decides whether it makes sense now."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Situation(NamedTuple):
    """What decides which commands make sense now."""

    rows: int = 0
    calls: int = 0
    problems: int = 0
    runs: int = 1
    linked: bool = False
    searching: bool = False
    filtered: bool = False
    loading: bool = False
    families: bool = False
    """Whether runs have children."""
    folds: bool = False
    """Whether there is anything to fold in the list."""
    gold: bool = False
    """Whether people said where the run went wrong."""
    legal: frozenset[str] = frozenset()
    """What can be put into a live run now."""
    flawed: bool = False
    """Whether a live run stands at a reply for what is wrong with it."""
    stops_first: bool = False
    """Whether a live run stops at every call before it comes to its breakpoints."""
    live: bool = False
    """Whether there is a live run by now."""
    branches: int = 0
    enter: str = ""
    """What Enter does here, where that is not to open."""


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


def can_put(*kinds: str) -> Callable[[Situation], bool]:
    """Return the test whether any of these is what can be put in now (`Situation.legal`)."""
    return lambda situation: not situation.legal.isdisjoint(kinds)


def has_problems(situation: Situation) -> bool:
    return situation.problems > 0
