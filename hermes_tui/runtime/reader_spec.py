"""How a file is read, as plain values for another process or a cache."""

from __future__ import annotations

from typing import NamedTuple

from hermes_tui.formats.framing import Layout, Unit
from hermes_tui.formats.reader import Reader
from hermes_tui.formats.registry import formats


class ReaderSpec(NamedTuple):
    """The format of a file, and how the file is divided into records and runs."""

    format: str
    layout: str
    unit: str
    forced: str = ""
    """Not empty if a person named the format."""

    def __str__(self) -> str:
        return " ".join(self).rstrip()

    @classmethod
    def of(cls, reader: Reader) -> ReaderSpec:
        """Return the spec of `reader`, which does not include its sidecars and its review."""
        forced = "forced" if reader.is_forced else ""
        return cls(reader.name, str(reader.layout), str(reader.unit), forced)

    def reader(self) -> Reader:
        """Return a reader that reads as the original one does."""
        known = next(one for one in formats() if one.name == self.format)
        is_forced = bool(self.forced)
        return Reader(known, Layout(self.layout), Unit(self.unit), is_forced=is_forced)
