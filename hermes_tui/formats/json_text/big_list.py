"""Read a big JSON object as records, one for each element of the long list in it.

Such an object is mostly one long list with a few members around it. The list is found without
reading all of it. The members around it (`BigList.around`) are put around each element again before
a format reads it, so that no format needs to know of this. Whether that is right for a format is
tried: the first elements, read one by one, must give the same events as read together.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from hermes_tui.formats.framing import Unit
from hermes_tui.formats.json_text.json_slice import pointer_of
from hermes_tui.formats.json_text.json_values import BOM, MAX_EXCERPT, load
from hermes_tui.formats.json_text.json_walk import JsonWalk, Outcome
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.traits import ReadElement, traits_of
from hermes_tui.model.events import Event, RunEnded, RunStarted, copy_event
from hermes_tui.model.messages import ToolSpec
from hermes_tui.model.spans import ByteRange, SourceRef

if TYPE_CHECKING:
    from hermes_tui.formats.base import Format, Source

LOOKED_AT = 2 << 20
"""Bytes: a list that is longer is the long one."""
MAX_SCAN_FACTOR = 4
"""Times `LOOKED_AT`: nothing beyond that is scanned, not even to the end of a long text."""
SAMPLED = 50
SAMPLED_BYTES = 128 << 10
"""Elements that begin within this many bytes of the list are sampled, and at least two of them."""
TAIL = 64 << 10
MAX_TRIES = 200


class BigList(NamedTuple):
    """The long list of a document: its position and what is around it."""

    path: tuple[str, ...]
    """The keys that lead to it."""
    start: int
    """The byte after its bracket."""
    around: dict[str, Any]
    """The document without the elements; of the members after them, those that could be read."""
    first: tuple[Any, ...]
    """Its first elements."""
    alone: bool = False
    """Whether only the first element is read with the members around the list."""
    read_further: ReadElement | None = None
    """Reads the other elements, if that is possible without a document around them."""
    tools: tuple[ToolSpec, ...] = ()
    """The tools that the document declares."""

    def document(self, elements: Sequence[Any], *, bare: bool = False) -> dict[str, Any]:
        """Return the document with only these elements; if `bare`, without any other member."""
        outer: dict[str, Any] = {} if bare else dict(self.around)
        inner = outer
        for key in self.path[:-1]:
            # A duplicate key may hold something else the second time.
            member = inner.get(key)
            inner[key] = dict(member) if isinstance(member, dict) else {}
            inner = inner[key]
        inner[self.path[-1]] = list(elements)
        return outer


class _Beginning:
    """A source of which only the beginning is read."""

    def __init__(self, source: Source, most: int) -> None:
        self._source = source
        self._most = most
        self.size = source.size
        self.complete = source.complete

    def read(self, start: int, length: int) -> bytes:
        return self._source.read(start, min(length, max(0, self._most - start)))


def find_big_list(source: Source) -> BigList | None:
    """Return the long list of an object, or None if its beginning shows none."""
    start = len(BOM) if source.read(0, len(BOM)) == BOM else 0
    walk = JsonWalk(_Beginning(source, MAX_SCAN_FACTOR * LOOKED_AT), start)
    if walk.peek() != "{":
        return None
    walk.step()
    around: dict[str, Any] = {}
    inner, path = [around], list[str]()
    while char := walk.peek():
        if char == "}" and path:
            walk.step()
            inner.pop()
            path.pop()
            continue
        if walk.at > LOOKED_AT or char != '"' or walk.value() is not Outcome.WHOLE:
            return None
        key, holder = walk.taken(), inner[-1]
        char = walk.peek()
        if walk.value() is Outcome.WHOLE:
            holder[key] = walk.taken()
        elif char == "{":
            walk.step()
            path.append(key)
            holder[key] = {}
            inner.append(holder[key])
        elif char == "[":
            walk.step()
            began = walk.at
            holder[key], first = _elements(walk, source)
            if first is not None:
                found = BigList((*path, key), began, around, first)
                return found._replace(around=_with_tail(found, source))
        else:
            return None
    return None


def _elements(walk: JsonWalk, source: Source) -> tuple[list[Any], tuple[Any, ...] | None]:
    """Return the elements from here and None if the list ends within `LOOKED_AT` bytes.

    Otherwise return no elements, and the first few as a sample.
    """
    elements: list[Any] = []
    sampled = 0
    sample_end, limit = walk.at + SAMPLED_BYTES, walk.at + LOOKED_AT
    while walk.at < limit and (char := walk.peek()):
        if char == "]":
            walk.step()
            return elements, None
        began = walk.at
        if walk.value() is Outcome.WHOLE:
            elements.append(walk.taken())
        elif walk.skip() is Outcome.WHOLE and walk.at < limit + LOOKED_AT:
            elements.extend(load(source.read(began, walk.at - began)).values)
        else:
            break
        if sampled < 2 or (began < sample_end and sampled < SAMPLED):
            sampled += 1
    return [], tuple(elements[:sampled])


def _with_tail(found: BigList, source: Source) -> dict[str, Any]:
    """Return the members around the list, including those after it at the end of the source.

    Each closing bracket in the tail is tried as the list's; the farthest from the end that leaves a
    valid rest of the document counts.
    """
    tail = source.read(max(found.start, source.size - TAIL), TAIL)
    rest: dict[str, Any] = {}
    place = tail.rfind(b"]")
    for _ in range(MAX_TRIES):
        if place < 0:
            break
        # The farther from the end the bracket is, the more members follow it.
        rest = _rest_of_document(tail[place:], found) or rest
        place = tail.rfind(b"]", 0, place)
    return _merged(found.around, rest)


def _rest_of_document(tail: bytes, big: BigList) -> dict[str, Any] | None:
    """Return the document from the closing bracket at which `tail` begins; None if it is broken."""
    # Not orjson, which refuses half of a surrogate pair.
    head = "".join(f"{{{json.dumps(key)}:" for key in big.path).encode() + b"["
    try:
        value = orjson.loads(head + tail.lstrip(b" \t\r\n"))
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _merged(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    merged = {**first, **second}
    for key, value in first.items():
        if isinstance(value, dict) and isinstance(merged[key], dict):
            merged[key] = _merged(value, merged[key])
    return merged


class Fit(NamedTuple):
    """How the elements of a list can be read one by one."""

    big: BigList
    are_runs: bool


def fits(big: BigList, reads: Format) -> Fit | None:
    """Return how a format can read the elements one by one.

    None if it cannot: they make sense only together, or there are too few to decide.
    """
    together = _events(big.document(big.first), reads)
    if len(big.first) < 2 or not together:
        return None
    runs = sum(isinstance(event, RunStarted) for event in together)
    for bare in (False, True):
        first, *others = big.first
        one_by_one = _events(big.document((first,)), reads)
        for item in others:
            one_by_one += _events(big.document((item,), bare=bare), reads)
        if runs == 1 and _inner_events(one_by_one) == _inner_events(together):
            return Fit(
                _with_quick_reader(big._replace(alone=bare), reads, together), are_runs=False
            )
        if (
            not bare
            and runs == len(big.first)
            and _inner_events(one_by_one) == _inner_events(together)
        ):
            return Fit(big, are_runs=True)
    return None


def _with_quick_reader(big: BigList, reads: Format, together: Sequence[Event]) -> BigList:
    """Return the list with its format's quicker way to read an element.

    Return it unchanged if the format has none, or if the first elements give other events that way.
    """
    read_further = traits_of(reads).read_element
    if read_further is None:
        return big
    tools = next(event.tools for event in together if isinstance(event, RunStarted))
    quick = big._replace(read_further=read_further, tools=tools)
    build = RunBuilder(ByteRange(0, 1), unit=Unit.PARTS, source_format=reads.name)
    for value in big.first:
        read_element(value, quick, reads, build)
        build.is_first = False
    return quick if _inner_events(build.events) == _inner_events(together) else big


def read_element(value: Any, big: BigList, reads: Format, build: RunBuilder) -> None:
    """Read one element as the format reads the document with only that element."""
    if big.read_further is not None and not build.is_first:
        build.tools = big.tools
        big.read_further(value, build)
        return
    bare = big.alone and not build.is_first
    for event in _events(big.document((value,), bare=bare), reads, build.sidecars):
        if build.unit is Unit.RUNS:
            build.events.append(copy_event(event, at=_place(event, big, build)))
        elif not isinstance(event, RunEnded) and (
            build.is_first or not isinstance(event, RunStarted)
        ):
            build.take(copy_event(event, at=_place(event, big, build)))


def read_end(data: bytes, big: BigList, reads: Format, build: RunBuilder) -> None:
    """Read the members after the list, which may hold the end of the document's only run."""
    if len(data) > TAIL or _rest_of_document(data, big) is None:
        text = data[:MAX_EXCERPT].decode("utf-8", "replace")
        build.defect(f"{len(data):,} bytes after the list are not read", text)
    if build.unit is Unit.RUNS:
        return
    for event in _events(big.document(()), reads, build.sidecars):
        if isinstance(event, RunEnded):
            build.take(copy_event(event, at=build.at()))


def _place(event: Event, big: BigList, build: RunBuilder) -> SourceRef:
    """Return the place of an event in its element, or the whole element if it is elsewhere."""
    prefix = pointer_of((*big.path, 0))
    pointer = event.at.pointer if event.at is not None else ""
    return build.at(pointer.removeprefix(prefix) if pointer.startswith(prefix) else "")


def _events(
    document: dict[str, Any], reads: Format, sidecars: Mapping[str, Any] = MappingProxyType({})
) -> list[Event]:
    build = RunBuilder(ByteRange(0, 1), source_format=reads.name, sidecars=sidecars)
    reads.read(document, build)
    return build.events


def _inner_events(events: Sequence[Event]) -> list[Event]:
    """Return the events inside runs, without their places."""
    inside = (event for event in events if not isinstance(event, (RunStarted, RunEnded)))
    return [copy_event(event, seq=0, at=None) for event in inside]
