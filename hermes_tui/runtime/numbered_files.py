"""Runs that are kept as a folder of numbered files, each a message or an event.

folder                a file in it             kept by
ID/events/            event-00012-UUID.json    OpenHands' SDK
sessions/ID/events/   12.json                  OpenHands V0, also in conversations/
agent_ID/messages/    message_12.json          Strands Agents
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

_FILE_NAMES: Final = MappingProxyType({
    "events": re.compile(r"event-(\d{1,18})-.+\.json"),
    "messages": re.compile(r"message_(\d{1,18})\.json"),
})  # fmt: skip
"""The names of the files, by the name of their folder."""
RUN_FOLDERS: Final = frozenset(_FILE_NAMES)
"""The names of folders that hold the files of one run; other folders may have them, too."""
_BARE_NUMBER: Final = re.compile(r"(\d{1,18})\.json")
_BARE_NUMBER_FOLDERS: Final = ("sessions", "conversations")
"""A bare number counts only two folders below one of these: many other files have such names."""
_COMPANION_FILES: Final = MappingProxyType({"events": "base_state.json", "messages": "agent.json"})
"""The file next to each folder that is also written during the run."""


class Numbered(NamedTuple):
    """A file of a run."""

    number: int
    name: str


def split_numbered(folder: str, names: list[str]) -> tuple[list[Numbered], list[str]]:
    """Return the names in a folder that are files of one run, by number, and the other names.

    For most folders, their own name already rules out such files.
    """
    match_in = _name_matcher(folder)
    if match_in is _match_nothing:
        return [], names
    found = [_numbered(match) for match in map(match_in, names) if match]
    if not found:
        return found, names
    numbered_names = {file.name for file in found}
    return sorted(found), [name for name in names if name not in numbered_names]


def _name_matcher(folder: str) -> Callable[[str], re.Match[str] | None]:
    """Return the function that matches the names of a run's files in a folder."""
    folder_name = os.path.basename(folder.rstrip(os.sep))  # noqa: PTH119
    if folder_name not in _FILE_NAMES:
        return _match_nothing
    match_name = _FILE_NAMES[folder_name].fullmatch
    if (
        folder_name != "events"
        or Path(folder).absolute().parent.parent.name not in _BARE_NUMBER_FOLDERS
    ):
        return match_name
    return lambda name: match_name(name) or _BARE_NUMBER.fullmatch(name)


def _match_nothing(_: str) -> None:
    return None


def _numbered(match: re.Match[str]) -> Numbered:
    return Numbered(int(match[1]), match[0])


def numbered_files(folder: Path) -> list[Numbered]:
    """Return the files of one run in a folder, sorted by number; raises OSError."""
    return split_numbered(str(folder), os.listdir(folder))[0]  # noqa: PTH208


def holds_one_run(path: Path) -> bool:
    """Return whether a path is a folder of the files of one run."""
    match_in = _name_matcher(str(path))
    if match_in is _match_nothing:
        return False
    try:
        with os.scandir(path) as entries:
            return any(match_in(entry.name) for entry in entries)
    except OSError:
        return False


def with_run_folders(paths: Sequence[str]) -> list[str]:
    """Return paths with the files of a run replaced by their folder if there are several.

    A shell expands `events/*.json` to them; a single file stays as it is.
    """
    inside: dict[str, list[str]] = {}
    for path in paths:
        folder, _, name = path.rpartition(os.sep)
        inside.setdefault(folder, []).append(name)
    files: dict[str, str] = {}
    for folder, names in inside.items():
        if len(names) < 2:
            continue
        # The current folder has to be named in full.
        run_folder = folder if folder and folder != os.curdir else os.path.abspath(folder)  # noqa: PTH100
        before = f"{folder}{os.sep}" if folder else ""
        files |= {
            f"{before}{file.name}": run_folder for file in split_numbered(run_folder, names)[0]
        }
    count = Counter(files.values())
    return list(dict.fromkeys(files[p] if count[files.get(p, "")] > 1 else p for p in paths))


def latest_change(folder: Path, changed_ns: int) -> tuple[int, int]:
    """Return the number of files of a run and the time of the last change; raises OSError.

    `changed_ns` is when the folder changed, which is when a file was last added or replaced. The
    last file, and the one next to the folder, may still be written to.
    """
    number, last = _last_file(folder, changed_ns)
    companion = folder.parent / _COMPANION_FILES.get(folder.name, "")
    times = [(folder / last).stat().st_mtime_ns] if last else []
    with suppress(OSError):
        times += [companion.stat().st_mtime_ns] if last else []
    return number, max(changed_ns, *times, 0)


@lru_cache(maxsize=64)
def _last_file(folder: Path, _: int) -> tuple[int, str]:
    files = numbered_files(folder)
    return len(files), files[-1].name if files else ""
