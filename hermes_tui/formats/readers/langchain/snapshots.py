"""States of a LangGraph stream (`stream_mode="values"`): each repeats the previous state and adds
to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from hermes_tui.formats.dialects.langchain_messages import id_of, is_same


class Snapshot(NamedTuple):
    """The messages of one state, the pointer to them, and the whole state."""

    messages: list[Any]
    pointer: str
    line: int
    state: dict[str, Any]


class New(NamedTuple):
    """A message that no earlier state held like this; `is_changed` if one with its id existed."""

    message: Any
    pointer: str
    line: int
    is_changed: bool = False


def grows(before: Sequence[Any], after: Sequence[Any]) -> bool:
    """Return whether a state continues another, that is, begins with the same messages."""
    pairs = list(zip(before, after, strict=False))
    return bool(pairs) and len(after) >= len(before) and all(is_same(*pair) for pair in pairs)


def are_one_run(states: Sequence[Sequence[Any]]) -> bool:
    """Return whether states come from streams in which each state grows."""
    nonempty = [state for state in states if state]
    steps = [grows(before, after) for before, after in pairwise(nonempty)]
    longest = max(map(len, nonempty), default=0)
    return bool(steps) and 2 * sum(steps) > len(steps) and longest > len(nonempty[0])


def runs_in(snapshots: Iterable[Snapshot]) -> Iterator[tuple[list[New], dict[str, Any]]]:
    """Yield the new messages in the states of each stream, and its last state.

    A state that shares nothing with those before it begins another stream.
    """
    known: dict[str, Any] = {}
    found: list[New] = []
    state: dict[str, Any] = {}
    for snapshot in snapshots:
        named = [(_name(message, at), message) for at, message in enumerate(snapshot.messages)]
        if found and named and not any(_is_shared(known, *one) for one in named):
            yield found, state
            known, found = {}, []
        state = snapshot.state
        for at, (name, message) in enumerate(named):
            if not _is_known(known, name, message):
                place = f"{snapshot.pointer}/{at}"
                found.append(New(message, place, snapshot.line, name in known))
                known[name] = message
    if found:
        yield found, state


def _is_shared(known: dict[str, Any], name: str, message: Any) -> bool:
    """Return whether a message was there before; one with an id may have changed since."""
    return name in known if id_of(message) else _is_known(known, name, message)


def _is_known(known: dict[str, Any], name: str, message: Any) -> bool:
    return name in known and known[name] == message


def _name(message: Any, at: int) -> str:
    """Return the key of a message: its id, or else its position."""
    return id_of(message) or f"#{at}"
