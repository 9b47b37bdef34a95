"""The paths of very many files in little memory."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, overload


@dataclass(slots=True)
class _Texts:
    """Texts, one after the other; names of files need not be valid Unicode."""

    data: bytearray = field(default_factory=bytearray)
    ends: array[int] = field(default_factory=lambda: array("Q"))

    def add(self, text: str) -> None:
        self.data += text.encode("utf-8", "surrogatepass")
        self.ends.append(len(self.data))

    def __getitem__(self, number: int) -> str:
        start = self.ends[number - 1] if number else 0
        return self.data[start : self.ends[number]].decode("utf-8", "surrogatepass")


@dataclass(slots=True)
class PathList(Sequence[Path]):
    """Paths that begin with `top`, built on access; each takes a few bytes in addition to its name.

    A folder is stored once for all of its files that follow one another.
    """

    top: str = ""
    """Ends with a separator, if it is not empty."""
    links: list[str] = field(default_factory=list, compare=False)
    """Those of the paths that are links to files, if the folder was walked."""
    _names: _Texts = field(default_factory=_Texts)
    _folders: _Texts = field(default_factory=_Texts)
    _first_files: array[int] = field(default_factory=lambda: array("Q"))
    """The number of the first file of each of these folders."""
    _latest: str | None = None

    @classmethod
    def of(cls, paths: Iterable[Path]) -> Self:
        """Return a list of arbitrary paths."""
        found = cls()
        for path in paths:
            folder, separator, name = str(path).rpartition("/")
            found.add(folder + separator, name)
        return found

    def add(self, folder: str, name: str) -> None:
        """Append the path made of `folder`, which begins with `top`, and `name`."""
        if folder != self._latest:
            self._latest = folder
            self._folders.add(folder.removeprefix(self.top))
            self._first_files.append(len(self))
        self._names.add(name)

    def __len__(self) -> int:
        return len(self._names.ends)

    @overload
    def __getitem__(self, number: int) -> Path: ...
    @overload
    def __getitem__(self, number: slice) -> list[Path]: ...
    def __getitem__(self, number: int | slice) -> Path | list[Path]:
        if isinstance(number, slice):
            return [self[each] for each in range(len(self))[number]]
        return Path(self.text(range(len(self))[number]))

    def text(self, number: int) -> str:
        """Return a path as text, which is faster to build; `number` is not negative."""
        folder = self._folders[bisect_right(self._first_files, number) - 1]
        return f"{self.top}{folder}{self._names[number]}"
