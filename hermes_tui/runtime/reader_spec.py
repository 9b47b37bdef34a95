"""How a file is read, as plain values that another process or a cache can hold."""

from __future__ import annotations

from typing import NamedTuple

from hermes_tui.formats.framing import Layout, Unit
from hermes_tui.formats.reader import Reader
from hermes_tui.formats.registry import formats


class ReaderSpec(NamedTuple):
    """The format of a file, and how it cuts the file into records and runs."""

    format: str
    layout: str
    unit: str
    forced: str = ""
    """Not empty: a person named the format."""

    def __str__(self) -> str:
        return " ".join(self).rstrip()

    @classmethod
    def of(cls, reader: Reader) -> ReaderSpec:
        """Return what `reader` is made from again; its sidecars and its review are not in it."""
        forced = "forced" if reader.is_forced else ""
        return cls(reader.name, str(reader.layout), str(reader.unit), forced)

    def reader(self) -> Reader:
        """Return a reader that reads as the one that this was made of."""
        known = next(one for one in formats() if one.name == self.format)
        is_forced = bool(self.forced)
        return Reader(known, Layout(self.layout), Unit(self.unit), is_forced=is_forced)
