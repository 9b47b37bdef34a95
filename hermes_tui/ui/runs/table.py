"""The rows of the runs screen, however many there are: those of big files stay in their store.

A row keeps its place. Runs that are read here one by one are objects. Those that come in blocks, or
are packed into blocks later, become rows only when they are accessed, and provide whole columns
without becoming rows at all.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Container, Iterable, Iterator, MutableSequence, Sequence, Set
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, Protocol, overload

from hermes_tui.log.run_blocks import (
    COLUMNS,
    ROWS,
    BlockFacts,
    DamagedBlock,
    StoredRun,
    encode_block,
)
from hermes_tui.log.summary import RunSummary
from hermes_tui.runtime.opener import OpenFile, RunRef

if TYPE_CHECKING:
    from hermes_tui.runtime.index.store import RunStore

MAX_SHARED: Final = 1 << 14
"""How many distinct values of a column are shared, so that each is in memory once."""
LONG_TEXT: Final = 32
_SUMMARY_FIELDS: Final = len(RunSummary._fields)
_LOST_SUMMARY: Final = RunSummary("", "", "", "", 0, 0, 0, 0, 0, 0, 0, 0, 0, (), "unknown", None, 0)
"""Replaces a run whose block cannot be read any more."""


@dataclass(slots=True)
class RunRow:
    """One row of the runs screen."""

    ref: RunRef
    summary: RunSummary
    file_label: str
    file_number: int = 0
    """The index of its file among the targets; runs are listed in the order of the files."""
    file_name: str = ""
    """The part of its path that distinguishes it from the other files."""
    group: int = 0
    """The number, in its file, of the record that holds it with other runs; 0 if it is alone."""


@dataclass(slots=True)
class StoredFile:
    """A file whose runs are in a store, and the data that all of its rows share."""

    file: OpenFile
    store: RunStore
    label: str
    number: int
    name: str


class LooseRows:
    """Rows that are objects."""

    __slots__ = ("rows",)

    def __init__(self) -> None:
        self.rows: list[RunRow] = []

    def __len__(self) -> int:
        return len(self.rows)

    def row(self, index: int) -> RunRow:
        return self.rows[index]

    def values(self, attribute: str, first: int, end: int) -> list[Any]:
        return list(map(attrgetter(attribute), self.rows[first:end]))


class _Block:
    """Rows that are one block of a store."""

    __slots__ = ("_block", "_length", "_store")

    def __init__(self, store: RunStore, block: int) -> None:
        self._store = store
        self._block = block
        self._length = store.rows[block]

    def __len__(self) -> int:
        return self._length

    def _run(self, index: int) -> StoredRun:
        try:
            values = [values[index] for values in self._store.columns(self._block)]
        except DamagedBlock:
            values = [*_LOST_SUMMARY, *[0] * (len(COLUMNS) - _SUMMARY_FIELDS)]
        return StoredRun(RunSummary(*values[:_SUMMARY_FIELDS]), *values[_SUMMARY_FIELDS:])

    def _column(self, name: str, first: int, end: int) -> list[Any]:
        try:
            return self._store.column(self._block, COLUMNS.index(name))[first:end]
        except DamagedBlock:
            lost = 0 if name == _GROUP else getattr(_LOST_SUMMARY, name)
            return [lost] * (min(end, self._length) - first)


class StoredRows(_Block):
    """Rows of one big file. `first` is the number of their first run in its file."""

    __slots__ = ("first", "owner")

    def __init__(self, owner: StoredFile, block: int, first: int) -> None:
        super().__init__(owner.store, block)
        self.owner = owner
        self.first = first

    def facts(self) -> BlockFacts:
        return self._store.facts(self._block)

    def row(self, index: int) -> RunRow:
        owner, run = self.owner, self._run(index)
        ref = RunRef(owner.file, self.first + index, run.record, run.nth)
        return RunRow(ref, run.summary, owner.label, owner.number, owner.name, run.group)

    def values(self, attribute: str, first: int, end: int) -> list[Any]:
        where, _, name = attribute.rpartition(".")
        if where or name == _GROUP:
            return self._column(name, first, end)
        return [getattr(self.owner, _OWNER_FIELDS[attribute])] * (min(end, self._length) - first)


class Files(Protocol):
    """The files of the rows, by their numbers."""

    def file_of(self, number: int) -> OpenFile: ...

    def label_of(self, number: int) -> str: ...

    def name_of(self, number: int) -> str:
        """Return the part of the path of a file that distinguishes it from the other files."""
        ...


class PackedRows(_Block):
    """Rows of many small files, packed after reading: as an object, each takes a kilobyte."""

    __slots__ = ("_file_numbers", "_files", "_numbers")

    def __init__(self, rows: Sequence[RunRow], store: RunStore, files: Files) -> None:
        runs = [StoredRun(row.summary, row.ref.record, row.ref.nth, row.group) for row in rows]
        store.append(encode_block(BlockFacts(len(runs), 0, 0, b"", b""), runs))
        super().__init__(store, len(store) - 1)
        self._files = files
        self._file_numbers = array("I", (row.file_number for row in rows))
        # Only this tells that a file is one run.
        self._numbers = array("I", (row.ref.number for row in rows))

    def row(self, index: int) -> RunRow:
        files, number, run = self._files, self._file_numbers[index], self._run(index)
        ref = RunRef(files.file_of(number), self._numbers[index], run.record, run.nth)
        name = files.name_of(number)
        return RunRow(ref, run.summary, ref.file.label, number, name, run.group)

    def values(self, attribute: str, first: int, end: int) -> list[Any]:
        where, _, name = attribute.rpartition(".")
        if where or name == _GROUP:
            return self._column(name, first, end)
        numbers = self._file_numbers[first:end]
        if name == "file_number":
            return numbers.tolist()
        of = self._files.label_of if name == "file_label" else self._files.name_of
        return list(map(of, numbers))


_COUNT_ATTRIBUTES: Final = frozenset(
    f"summary.{name}" for name, kind in RunSummary.__annotations__.items() if kind in (int, "int")
)
_GROUP: Final = "group"
"""The only attribute of a row, besides its summary, that a block holds."""
_OWNER_FIELDS: Final = {"file_label": "label", "file_name": "name", "file_number": "number"}
Part = LooseRows | StoredRows | PackedRows


class RunTable(Sequence[RunRow]):
    """All rows, in the order of arrival."""

    def __init__(self) -> None:
        self._parts: list[Part] = []
        self._starts: list[int] = []
        self._length = 0
        self._store: RunStore | None = None
        self.gone: set[int] = set()
        """The places of rows whose run no longer exists, since their file was read again."""

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, place: int) -> RunRow: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[RunRow]: ...
    def __getitem__(self, place: int | slice) -> RunRow | Sequence[RunRow]:
        if isinstance(place, slice):
            return RunView(self, range(self._length)[place])
        if place < 0:
            place += self._length
        if not 0 <= place < self._length:
            raise IndexError(place)
        number = bisect_right(self._starts, place) - 1
        return self._parts[number].row(place - self._starts[number])

    def __iter__(self) -> Iterator[RunRow]:
        for part in self._parts:
            yield from map(part.row, range(len(part)))

    def append(self, row: RunRow) -> None:
        if not self._parts or not isinstance(self._parts[-1], LooseRows):
            self._parts.append(LooseRows())
            self._starts.append(self._length)
        part = self._parts[-1]
        assert isinstance(part, LooseRows), "made so above"
        part.rows.append(row)
        self._length += 1

    def replace(self, place: int, row: RunRow) -> None:
        """Replace a row that was appended."""
        number = bisect_right(self._starts, place) - 1
        part = self._parts[number]
        assert isinstance(part, LooseRows), "only these can be replaced"
        part.rows[place - self._starts[number]] = row
        self.gone.discard(place)

    def drop(self, file_number: int) -> set[int]:
        """Mark the rows of a file as gone; return their places."""
        numbers = self.values("file_number")
        places = {place for place, number in enumerate(numbers) if number == file_number}
        self.gone |= places
        return places

    def pack(self, still_read: Container[int], files: Files) -> None:
        """Pack the oldest loose rows, unless one is from a file that is in `still_read`, by number.

        Packed rows are never replaced.
        """
        part = self._parts[-1] if self._parts else None
        if not isinstance(part, LooseRows) or len(part) < 2 * ROWS:
            return
        rows = part.rows[:ROWS]
        if any(row.file_number in still_read for row in rows):
            return
        if self._store is None:
            from hermes_tui.runtime.index.store import RunStore

            self._store = RunStore()
        self._parts.insert(-1, PackedRows(rows, self._store, files))
        del part.rows[:ROWS]
        self._starts.append(self._starts[-1] + ROWS)

    def close(self) -> None:
        """Close the store that rows are packed into."""
        if self._store is not None:
            self._store.close()

    def append_block(self, owner: StoredFile, block: int, first: int) -> None:
        """Append the rows of a block; `first` is the number of its first run in its file."""
        part = StoredRows(owner, block, first)
        if len(part):
            self._parts.append(part)
            self._starts.append(self._length)
            self._length += len(part)

    def append_store(self, owner: StoredFile) -> None:
        """Append all rows that a store holds."""
        first = 0
        for block, rows in enumerate(owner.store.rows):
            self.append_block(owner, block, first)
            first += rows

    def parts(self, start: int) -> Iterator[tuple[int, Part]]:
        """Yield the parts from the one at `start` on, each with the place of its first row."""
        number = max(0, bisect_right(self._starts, start) - 1)
        yield from zip(self._starts[number:], self._parts[number:], strict=True)

    def values(
        self,
        attribute: str,
        first: int = 0,
        end: int | None = None,
        *,
        short: bool = False,
        shared: dict[Any, Any] | None = None,
    ) -> MutableSequence[Any]:
        """Return an attribute of the rows `[first, end)`: of the row, or `summary.` of it.

        With `short`, long texts are cut so that they still differ. Equal values share one object,
        across several calls if these are given the same `shared`.
        """
        end = self._length if end is None else end
        if attribute in _COUNT_ATTRIBUTES:
            # As objects, the numbers of a million runs would take tens of megabytes.
            return array("q", chain.from_iterable(self._slices(attribute, first, end)))
        found: list[Any] = []
        shared = {} if shared is None else shared
        for values in self._slices(attribute, first, end):
            if short:
                values = map(_shortened, values)
            canonical = shared.setdefault if len(shared) < MAX_SHARED else shared.get
            found.extend(canonical(value, value) for value in values)
        return found

    def _slices(self, attribute: str, first: int, end: int) -> Iterator[Iterable[Any]]:
        for start, part in self.parts(first):
            if start >= end:
                break
            yield part.values(attribute, max(0, first - start), end - start)


def _shortened(text: str) -> str:
    if len(text) <= LONG_TEXT:
        return text
    return f"{text[:LONG_TEXT]}{hash(text):x}"


def gone_places(rows: Sequence[RunRow]) -> Set[int]:
    """Return the live set of the places of rows whose run no longer exists."""
    return rows.gone if isinstance(rows, RunTable) else frozenset()


class RunView(Sequence[RunRow]):
    """Consecutive rows of a table: a slice of it that copies nothing."""

    def __init__(self, table: RunTable, places: range) -> None:
        self._table = table
        self._places = places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, place: int) -> RunRow: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[RunRow]: ...
    def __getitem__(self, place: int | slice) -> RunRow | Sequence[RunRow]:
        if isinstance(place, slice):
            return RunView(self._table, self._places[place])
        return self._table[self._places[place]]

    def values(
        self, attribute: str, *, short: bool = False, shared: dict[Any, Any] | None = None
    ) -> MutableSequence[Any]:
        """Return an attribute of each row, as the table does."""
        places = self._places
        if places.step != 1:
            return list(map(attrgetter(attribute), self))
        return self._table.values(attribute, places.start, places.stop, short=short, shared=shared)
