"""Expands the paths on the command line to the files that they stand for."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cache
from itertools import chain, pairwise
from pathlib import Path
from typing import NamedTuple, overload

from hermes_tui.model.errors import SourceError, UsageError
from hermes_tui.runtime.folder_walk import (
    WALKED_SUFFIXES,
    Tell,
    false_on_oserror,
    files_in,
    members,
)
from hermes_tui.runtime.numbered_files import holds_one_run, with_run_folders
from hermes_tui.runtime.path_list import PathList
from hermes_tui.runtime.remote import Place, find_remote, is_url, local_path
from hermes_tui.runtime.remote_run_folders import with_remote_run_folders
from hermes_tui.runtime.sidecars import without_sidecars
from hermes_tui.runtime.transcript_names import (
    ARCHIVE_SUFFIXES,
    PACKED_SUFFIXES,
    SUFFIXES,
    is_archive_name,
    may_be_transcript,
    natural_key,
)

_REMOTE_SUFFIXES = (".parquet", ".arrow", *ARCHIVE_SUFFIXES)
MANY_FILES = 10_000
"""If there are more, only the first and the last are compared to find the common folder."""


class Target(NamedTuple):
    """A file to open. If `named` is False, a folder or glob led to it: it may be no transcript."""

    path: Place | None
    named: bool = True

    @property
    def label(self) -> str:
        """The path as text; `-` for standard input."""
        return str(self.path) if self.path is not None else "-"


Part = list[Target] | PathList
"""Targets, or the paths of those found in a folder or by a glob."""


class Targets(Sequence[Target]):
    """The files to open. Those found in folders take little memory, and are built on access.

    There may be millions, so do not iterate over all of them before the first is shown.
    """

    def __init__(self, parts: Iterable[Part] = ()) -> None:
        self.parts: list[Part] = []
        self._starts: list[int] = []
        self._length = 0
        for part in parts:
            if not isinstance(part, PathList):
                self.extend(part)
            elif part:
                self._add(part)

    def _add(self, part: Part) -> None:
        self.parts.append(part)
        self._starts.append(self._length)
        self._length += len(part)

    def extend(self, targets: Sequence[Target]) -> None:
        """Append more targets."""
        last = self.parts[-1] if self.parts else None
        if isinstance(last, list):
            last.extend(targets)
            self._length += len(targets)
        elif targets:
            self._add([*targets])

    def __len__(self) -> int:
        return self._length

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Targets) and self.parts == other.parts

    @overload
    def __getitem__(self, number: int) -> Target: ...
    @overload
    def __getitem__(self, number: slice) -> list[Target]: ...
    def __getitem__(self, number: int | slice) -> Target | list[Target]:
        if isinstance(number, slice):
            return [self[each] for each in range(self._length)[number]]
        number = range(self._length)[number]
        part = bisect_right(self._starts, number) - 1
        found = self.parts[part][number - self._starts[part]]
        return found if isinstance(found, Target) else Target(found, named=False)

    def label(self, number: int) -> str:
        """Return the label of a file; `number` is not negative."""
        place = bisect_right(self._starts, number) - 1
        part, inside = self.parts[place], number - self._starts[place]
        if isinstance(part, PathList):
            return part.text(inside)
        return part[inside].label

    @property
    def named(self) -> Iterator[Target]:
        """The targets that were named; folders are not searched for them."""
        for part in self.parts:
            if isinstance(part, list):
                yield from (target for target in part if target.named)

    @property
    def reads_stdin(self) -> bool:
        """Whether standard input is among the targets."""
        return any(target.path is None for target in self.named)

    def common_folder(self) -> str:
        """Return the common folder of all files, with a trailing separator; empty if none."""
        paths = chain.from_iterable(map(_first_and_last, self.parts))
        parents = {str(path).rpartition("/")[0] for path in paths if path is not None}
        try:
            common = os.path.commonpath(parents)
        except ValueError:  # absolute and relative paths side by side
            return ""
        return f"{common.rstrip('/')}/" if common else ""


def _first_and_last(part: Part) -> list[Place | None]:
    """Return the first and the last path, or all paths if they are only a few targets.

    In the order of a walk, any folder that the first and the last share is common to all.
    """
    if isinstance(part, PathList):
        return [part[0], part[-1]]
    return [target.path for target in (part if len(part) <= MANY_FILES else (part[0], part[-1]))]


def expand_paths(
    patterns: Iterable[str], *, tell: Tell = lambda found: None, waits: bool = False
) -> Targets:
    """Return the files that paths, folders, globs, URLs and `-` (path None) stand for, in order.

    Folders are walked for files that may be transcripts; `tell` is called now and then with the
    number found so far in the current one. Raises SourceError if nothing is found, unless the
    caller `waits` for files that appear in a folder or come to match a glob.
    """
    parts = [_expand(pattern, tell, waits=waits) for pattern in with_run_folders([*patterns])]
    if not parts:
        raise UsageError("no path given", "try `hermes-tui open transcripts/`")
    if len(parts) > 1:
        whole = parts if _are_disjoint(parts) else [[*Targets(parts)]]
        parts = [*_without_duplicates(whole)]
    return Targets(_without_repeated_links(parts))


def _without_repeated_links(parts: Sequence[Part]) -> Sequence[Part]:
    """Leave out each link to a file that is among `parts`, or that an earlier link leads to."""
    reals = {link: os.path.realpath(link) for part in parts for link in _links_in(part)}
    if not reals:
        return parts
    wanted, real_folder = {*reals.values()}, cache(os.path.realpath)
    found: set[str] = set()
    links: list[str] = []
    for text in chain.from_iterable(map(_texts, parts)):
        folder, name = os.path.split(text)
        if text in reals:
            links.append(text)
        elif (real := f"{real_folder(folder).rstrip('/')}/{name}") in wanted:
            found.add(real)
    repeated: set[str] = set()
    for link in links:
        if reals[link] in found:
            repeated.add(link)
        found.add(reals[link])
    return [_without(part, repeated) for part in parts] if repeated else parts


def _links_in(part: Part) -> list[str]:
    if isinstance(part, PathList):
        return part.links
    return _file_links(target.path for target in part if isinstance(target.path, Path))


def _file_links(paths: Iterable[Path]) -> list[str]:
    links = (path for path in paths if false_on_oserror(path.is_symlink))
    return [str(link) for link in links if false_on_oserror(link.is_file)]


def _texts(part: Part) -> Iterator[str]:
    if isinstance(part, PathList):
        return map(part.text, range(len(part)))
    return (target.label for target in part if isinstance(target.path, Path))


def _without(part: Part, left_out: Collection[str]) -> Part:
    """Return a part without some of its paths."""
    if not isinstance(part, PathList):
        return [target for target in part if target.label not in left_out]
    kept = PathList(part.top)
    for text in _texts(part):
        if text not in left_out:
            folder, separator, name = text.rpartition("/")
            kept.add(folder + separator, name)
    return kept


def _without_duplicates(parts: Iterable[Part]) -> Iterator[Part]:
    seen: set[Place | None] = set()
    for part in parts:
        if isinstance(part, PathList):
            yield part
            continue
        found: dict[Place | None, Target] = {}
        for target in part:
            if target.path not in seen:
                found.setdefault(target.path, target)
        seen.update(found)
        yield [*found.values()]


def _are_disjoint(parts: Sequence[Part]) -> bool:
    """Return whether no file of a folder can also be in another part."""
    tops = {part.top for part in parts if isinstance(part, PathList)}
    if not tops:
        return True
    paths = [part.top for part in parts if isinstance(part, PathList)]
    paths += [str(target.path) for part in parts if isinstance(part, list) for target in part]
    # In sorted order, the texts that begin with a given one directly follow it.
    neighbours = pairwise(sorted(paths))
    return not any(first in tops and second.startswith(first) for first, second in neighbours)


def _looked_for(folder: Path) -> str:
    """Return the hint for a folder without transcripts: the usual suffixes, and folders to name."""
    suffixes = " ".join((*SUFFIXES, *WALKED_SUFFIXES))
    hint = f"looked for {suffixes}, also packed: {' '.join(PACKED_SUFFIXES)}"
    hidden = sorted(each.name for each in folder.glob(".*") if false_on_oserror(each.is_dir))
    if not hidden:
        return hint
    return f"hidden folders are only read if named: {' '.join(hidden[:8])}; {hint}"


def _expand(pattern: str, tell: Tell, *, waits: bool) -> Part:
    if pattern == "-":
        return [Target(None)]
    if is_url(pattern):
        found, is_named = find_remote(
            pattern, lambda name: may_be_transcript(name, _REMOTE_SUFFIXES)
        )
        paths = found if is_named else with_remote_run_folders(found)
        return [Target(item, named=is_named) for item in without_sidecars(paths)]
    path = local_path(pattern)
    if not path.name and holds_one_run(path.absolute()):
        path = path.absolute()
    if false_on_oserror(path.is_dir):
        inside = files_in(path, tell)
        if not inside and not waits:
            raise SourceError(pattern, "no transcripts in this folder", _looked_for(path))
        return inside
    if false_on_oserror(path.exists):
        # An archive of several transcripts may hold other files too, like a folder.
        return [Target(item, named=item == path) for item in members(path, tell)]
    import glob

    if not glob.has_magic(pattern):
        return [Target(path)]
    found_paths = map(Path, glob.glob(str(path), recursive=True))  # noqa: PTH207
    matches = sorted(found_paths, key=lambda path: natural_key(str(path)))
    files = without_sidecars([match for match in matches if false_on_oserror(match.is_file)])
    files = [Path(name) for name in with_run_folders([*map(str, files)])]
    if not files and not waits:
        raise SourceError(pattern, "no file matches", "quote the pattern or check it")
    # A pattern may match very many files: those with other names are not looked into.
    matched = PathList.of(
        member
        for file in files
        for member in (members(file, tell) if is_archive_name(file.name) else (file,))
    )
    matched.links = _file_links(files)
    return matched
