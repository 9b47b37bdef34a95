"""The append-only log of one run. Everything on screen is read from one, opened or live."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from hermes_tui.model.events import Event


class EventLog(Protocol):
    """A growing sequence of events, `log[i].seq == i`."""

    @property
    def complete(self) -> bool:
        """Whether no more events can come."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, seq: int) -> Event:
        """Return event `seq` (0-based). Raises IndexError beyond the head."""
        ...


class MemoryLog:
    """A log in memory: of a live run, or of a run small enough to be decoded whole."""

    def __init__(self, events: Iterable[Event] = (), *, complete: bool = False) -> None:
        self._events: list[Event] = list(events)
        self._listeners: list[Callable[[int], None]] = []
        self.complete = complete

    def __len__(self) -> int:
        return len(self._events)

    def __getitem__(self, seq: int) -> Event:
        if seq < 0:
            raise IndexError(seq)
        return self._events[seq]

    def __iter__(self) -> Iterator[Event]:
        return iter(self._events)

    def append(self, event: Event) -> None:
        """Append one event. Raises ValueError unless its `seq` is the length so far."""
        if event.seq != len(self._events):
            raise ValueError(f"event {event.seq} cannot follow {len(self._events) - 1}")
        self._events.append(event)
        for listener in self._listeners:
            listener(len(self._events))

    def on_append(self, listener: Callable[[int], None]) -> None:
        """Call `listener(length)` after every append."""
        self._listeners.append(listener)
