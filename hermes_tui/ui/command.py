"""The type of a registered command, and the situation that decides whether it is enabled."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Situation(NamedTuple):
    """The state of a screen that decides which commands are enabled."""

    rows: int = 0
    calls: int = 0
    problems: int = 0
    runs: int = 1
    linked: bool = False
    searching: bool = False
    filtered: bool = False
    loading: bool = False
    families: bool = False
    """Whether any run has child runs."""
    folds: bool = False
    """Whether there is anything to fold in the list."""
    gold: bool = False
    """Whether reviewers marked where the run went wrong."""
    legal: frozenset[str] = frozenset()
    """The inputs that a live run accepts now, and what a screen can do besides."""
    flawed: bool = False
    """Whether a live run is stopped at a reply because of an error in it."""
    failed: bool = False
    """Whether a live run is stopped at a failed request, so that continuing ends it."""
    stops_first: bool = False
    """Whether a live run stops at every call before it reaches its breakpoints."""
    live: bool = False
    """Whether there is a live run and it has begun."""
    past: bool = False
    """Whether a person looks at an earlier place of a live run."""
    branches: int = 0
    enter: str = ""
    """The label of Enter if it does something else than open."""


Enabled = Callable[[Situation], bool]
"""Whether a command can do something in a situation."""


class Command(NamedTuple):
    """One entry of the command registry.

    `keys` are Textual key names; `shown` is the key as a person reads it; `scopes` are the screens
    on which the command works; `bar` is its rank in the key bar, lowest first, 0 to leave it out.
    """

    id: str
    label: str
    keys: tuple[str, ...]
    shown: str
    scopes: frozenset[str]
    help: str
    group: str
    bar: int = 0
    enabled: Enabled = lambda situation: True


def allows_any(*kinds: str) -> Enabled:
    """Return a predicate that holds if any of `kinds` is in `Situation.legal`."""
    return lambda situation: not situation.legal.isdisjoint(kinds)


def has_problems(situation: Situation) -> bool:
    return situation.problems > 0
