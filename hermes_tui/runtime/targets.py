"""Paths to the files that they stand for."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from hermes_tui.model.errors import SourceError, UsageError
from hermes_tui.runtime.remote import Place, find_remote, is_url, local_path
from hermes_tui.runtime.sidecars import without_sidecars
from hermes_tui.runtime.transcript_names import (
    ARCHIVE_SUFFIX,
    PACKED_SUFFIXES,
    SUFFIXES,
    may_be_transcript,
)
from hermes_tui.runtime.walking import WALKED_SUFFIXES, Tell, files_in, is_so, members

_REMOTE = (".parquet", ARCHIVE_SUFFIX)


class Target(NamedTuple):
    """A file to open. `named` False: met in a folder or by a glob, so it may be no transcript."""

    path: Place | None
    named: bool = True


def expand_paths(patterns: Iterable[str], *, tell: Tell = lambda found: None) -> list[Target]:
    """Return the files that paths, folders, globs, URLs and `-` (path None) stand for, in order.

    Folders are walked for files that may be transcripts; `tell` is called now and then with the
    number found so far in one of them. Raises SourceError where nothing is found.
    """
    each = [_expand(pattern, tell) for pattern in patterns]
    if not each:
        raise UsageError("no path given", "try `hermes-tui open transcripts/`")
    if len(each) == 1:
        return each[0]
    found: dict[Place | None, Target] = {}
    for target in itertools.chain(*each):
        found.setdefault(target.path, target)
    return list(found.values())


def _expand(pattern: str, tell: Tell) -> list[Target]:
    if pattern == "-":
        return [Target(None)]
    if is_url(pattern):
        found, is_named = find_remote(pattern, lambda name: may_be_transcript(name, _REMOTE))
        return [Target(item, named=is_named) for item in without_sidecars(found)]
    path = local_path(pattern)
    if is_so(path.is_dir):
        inside = [Target(item, named=False) for item in without_sidecars(files_in(path, tell))]
        if not inside:
            raise SourceError(
                pattern,
                "no transcripts in this folder",
                "looked for "
                + " ".join((*SUFFIXES, *WALKED_SUFFIXES))
                + ", also packed: "
                + " ".join(PACKED_SUFFIXES),
            )
        return inside
    if is_so(path.exists):
        return [Target(item) for item in members(path)]
    import glob

    if not glob.has_magic(pattern):
        return [Target(path)]
    matches = sorted(Path(name) for name in glob.glob(str(path), recursive=True))  # noqa: PTH207
    matches = [match for match in matches if is_so(match.is_file)]
    files = [Target(match, named=False) for match in without_sidecars(matches)]
    if not files:
        raise SourceError(pattern, "no file matches", "quote the pattern or check it")
    return files
