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

_NAMES: Final = MappingProxyType({
    "events": re.compile(r"event-(\d{1,18})-.+\.json"),
    "messages": re.compile(r"message_(\d{1,18})\.json"),
})  # fmt: skip
"""How the files are called, by the name of their folder."""
RUN_FOLDERS: Final = frozenset(_NAMES)
"""What folders of the files of one run are called; others may be called so, too."""
_BARE: Final = re.compile(r"(\d{1,18})\.json")
_BARE_IN: Final = ("sessions", "conversations")
"""Only two folders below one of these a bare number is enough: so many files are called."""
_BESIDE: Final = MappingProxyType({"events": "base_state.json", "messages": "agent.json"})
"""What is written beside that folder as the run goes on."""


class Numbered(NamedTuple):
    """A file of a run."""

    number: int
    name: str


def split_numbered(folder: str, names: list[str]) -> tuple[list[Numbered], list[str]]:
    """Return those of the names in a folder that are files of one run, by number, and the others.

    Of most folders their own name says at once that there are none.
    """
    match_in = _match_in(folder)
    if match_in is _nothing:
        return [], names
    found = [_numbered(match) for match in map(match_in, names) if match]
    if not found:
        return found, names
    known = {file.name for file in found}
    return sorted(found), [name for name in names if name not in known]


def _match_in(folder: str) -> Callable[[str], re.Match[str] | None]:
    """Return what finds the number in the name of a file of a run in a folder."""
    own = os.path.basename(folder.rstrip(os.sep))  # noqa: PTH119
    if own not in _NAMES:
        return _nothing
    named = _NAMES[own].fullmatch
    if own != "events" or Path(folder).absolute().parent.parent.name not in _BARE_IN:
        return named
    return lambda name: named(name) or _BARE.fullmatch(name)


def _nothing(_: str) -> None:
    return None


def _numbered(match: re.Match[str]) -> Numbered:
    return Numbered(int(match[1]), match[0])


def numbered_files(folder: Path) -> list[Numbered]:
    """Return the files in a folder that are those of one run, by number; raises OSError."""
    return split_numbered(str(folder), os.listdir(folder))[0]  # noqa: PTH208


def holds_one_run(path: Path) -> bool:
    """Tell whether a path is a folder of the files of one run."""
    match_in = _match_in(str(path))
    if match_in is _nothing:
        return False
    try:
        with os.scandir(path) as entries:
            return any(match_in(entry.name) for entry in entries)
    except OSError:
        return False


def with_whole_runs(paths: Sequence[str]) -> list[str]:
    """Return paths with the folder of a run in the place of its files, where several were given.

    So a shell hands on `events/*.json`; one file alone stays what it is.
    """
    inside: dict[str, list[str]] = {}
    for path in paths:
        folder, _, name = path.rpartition(os.sep)
        inside.setdefault(folder, []).append(name)
    files: dict[str, str] = {}
    for folder, names in inside.items():
        if len(names) < 2:
            continue
        # From within, it has another name.
        whole = folder if folder and folder != os.curdir else os.path.abspath(folder)  # noqa: PTH100
        before = f"{folder}{os.sep}" if folder else ""
        files |= {f"{before}{file.name}": whole for file in split_numbered(whole, names)[0]}
    count = Counter(files.values())
    return list(dict.fromkeys(files[p] if count[files.get(p, "")] > 1 else p for p in paths))


def latest_change(folder: Path, changed_ns: int) -> tuple[int, int]:
    """Return how many files of a run there are, and when something last changed; raises OSError.

    `changed_ns`, when the folder did: so it does where a file is added or replaced. The last one
    may still be written to.
    """
    number, last = _last_file(folder, changed_ns)
    beside = folder.parent / _BESIDE.get(folder.name, "")
    times = [(folder / last).stat().st_mtime_ns] if last else []
    with suppress(OSError):
        times += [beside.stat().st_mtime_ns] if last else []
    return number, max(changed_ns, *times, 0)


@lru_cache(maxsize=64)
def _last_file(folder: Path, _: int) -> tuple[int, str]:
    files = numbered_files(folder)
    return len(files), files[-1].name if files else ""
