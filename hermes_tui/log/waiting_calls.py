"""The calls that wait for their results, and which of them a result answers."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Any, Final, Protocol

from hermes_tui.log.open_calls import OpenCall

_FEW: Final = 8
"""Up to so many calls are searched one by one, which is faster than by an index."""
_ANY: Final = ("any",)
_IN_TEXT: Final = ("in text",)
_WITHOUT_ID: Final = ("without id",)

Key = tuple[str | int, ...]
"""A property that calls have in common, such as `("name", "ls")`."""


class Pairable(Protocol):
    """The fields of a result that name the call it answers."""

    @property
    def call_id(self) -> str | None: ...

    @property
    def name(self) -> str | None: ...


class WaitingCalls:
    """The calls that wait for their results, in order.

    Adding, pairing or removing a call takes amortised constant time, in whatever order calls are
    answered: if there are more than a few, they are found by an index.
    """

    __slots__ = ("_calls", "_count", "_queues")

    def __init__(self, calls: Iterable[OpenCall] = ()) -> None:
        self._calls: list[OpenCall | None] = list(calls)
        """Each call in its place; None replaces those that no longer wait."""
        self._count = len(self._calls)
        self._queues: dict[Key, _Queue] | None = None
        """The places of the calls by their properties, once there have been more than a few."""

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[OpenCall]:
        return filter(None, self._calls)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, WaitingCalls):
            return NotImplemented
        return self._count == other._count and list(self) == list(other)

    def __repr__(self) -> str:
        return f"WaitingCalls({list(self)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return WaitingCalls, (list(self),)

    def copy(self) -> WaitingCalls:
        """Return an independent object with the same calls."""
        return WaitingCalls(self)

    def add(self, call: OpenCall) -> None:
        """Add a call after all others."""
        if self._queues is not None:
            _enqueue(self._queues, call, len(self._calls))
        self._calls.append(call)
        self._count += 1

    def extend(self, calls: Iterable[OpenCall]) -> None:
        """Add several calls, in order."""
        for call in calls:
            self.add(call)

    def clear(self) -> None:
        """Remove all calls."""
        self._calls.clear()
        self._count, self._queues = 0, None

    def take(self, result: Pairable) -> OpenCall | None:
        """Remove and return the call that `result` answers, or return None if there is none.

        Calls and results are paired by id within the turn, then by order among calls without an id,
        those of the tool that the result names first. A result without an id answers the first call
        of that tool, or else the first of all.
        """
        taken = self.take_all((result,))
        return taken[0] if taken else None

    def take_all(self, results: Iterable[Pairable]) -> list[OpenCall] | None:
        """Remove and return the calls that `results` answer, each as in `take`.

        If one of them answers no call, return None, with nothing changed.
        """
        taken: dict[int, OpenCall] = {}
        for result in results:
            place = self._place(result)
            call = self._calls[place] if place is not None else None
            if place is None or call is None:
                self._put_back(taken)
                return None
            taken[place] = call
            self._calls[place] = None
        self._lower_count(len(taken))
        return list(taken.values())

    def take_in_text(self) -> tuple[OpenCall, ...]:
        """Remove and return the calls that were read from text."""
        return self._take_each(_IN_TEXT) if self._count else ()

    def has_index(self, call_index: int) -> bool:
        """Return whether a call with this index in its reply waits."""
        queue = self._index().get(("index", call_index))
        return queue is not None and queue.first(self._calls) is not None

    def drop(self, call_index: int) -> None:
        """Remove the calls with this index in their reply, if any."""
        self._take_each(("index", call_index))

    def drop_last(self) -> None:
        """Remove the last call, if there is one."""
        for place in reversed(range(len(self._calls))):
            if self._calls[place] is not None:
                self._calls[place] = None
                self._lower_count(1)
                return

    def _place(self, result: Pairable) -> int | None:
        """Return the place of the call that `result` answers, or None if there is none."""
        if self._queues is None and len(self._calls) <= _FEW:
            return _place_among_few(self._calls, result)
        queues = self._index()
        for key in _keys_of_result(result):
            queue = queues.get(key)
            place = queue.first(self._calls) if queue is not None else None
            if place is not None:
                return place
        return None

    def _index(self) -> dict[Key, _Queue]:
        if self._queues is None:
            self._queues = {}
            for place, call in enumerate(self._calls):
                if call is not None:
                    _enqueue(self._queues, call, place)
        return self._queues

    def _put_back(self, taken: dict[int, OpenCall]) -> None:
        for place, call in taken.items():
            self._calls[place] = call
            if self._queues is not None:
                for key in _keys_of_call(call):
                    self._queues[key].include(place)

    def _take_each(self, key: Key) -> tuple[OpenCall, ...]:
        taken = []
        queue = self._index().get(key)
        while queue is not None and (place := queue.first(self._calls)) is not None:
            taken.append(self._calls[place])
            self._calls[place] = None
        self._lower_count(len(taken))
        return tuple(filter(None, taken))

    def _lower_count(self, number: int) -> None:
        self._count -= number
        if not self._count:
            self.clear()


class _Queue:
    """Ascending places of calls with a property. Those before `head` no longer wait."""

    __slots__ = ("head", "places")

    def __init__(self) -> None:
        self.head = 0
        self.places: list[int] = []

    def first(self, calls: list[OpenCall | None]) -> int | None:
        """Return the first place whose call waits, or None if there is none."""
        while self.head < len(self.places):
            place = self.places[self.head]
            if calls[place] is not None:
                return place
            self.head += 1
        return None

    def include(self, place: int) -> None:
        """Let the queue begin no later than at a place of it."""
        self.head = min(self.head, bisect_left(self.places, place))


def _enqueue(queues: dict[Key, _Queue], call: OpenCall, place: int) -> None:
    for key in _keys_of_call(call):
        queue = queues.get(key)
        if queue is None:
            queue = queues[key] = _Queue()
        queue.places.append(place)


def _keys_of_call(call: OpenCall) -> Iterator[Key]:
    """Yield the properties by which a call is found."""
    yield _ANY
    yield "index", call.index
    if call.in_text:
        yield _IN_TEXT
    if call.name:
        yield "name", call.name
    if call.id:
        yield "id", call.id
        return
    yield _WITHOUT_ID
    if call.name:
        yield "name without id", call.name


def _keys_of_result(result: Pairable) -> Iterator[Key]:
    """Yield the properties that the call of a result may have, the decisive ones first."""
    if result.call_id:
        yield "id", result.call_id
        if result.name:
            yield "name without id", result.name
        yield _WITHOUT_ID
        return
    if result.name:
        yield "name", result.name
    yield _ANY


def _place_among_few(calls: list[OpenCall | None], result: Pairable) -> int | None:
    call_id, name = result.call_id, result.name
    if call_id:
        for place, call in enumerate(calls):
            if call is not None and call.id == call_id:
                return place
    first = None
    for place, call in enumerate(calls):
        if call is None or (call_id and call.id):
            continue
        if not name or call.name == name:
            return place
        if first is None:
            first = place
    return first
