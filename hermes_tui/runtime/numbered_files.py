"""Runs that are kept as a folder of numbered files, each a message or an event.

folder              a file in it             kept by
ID/events/          event-00012-UUID.json    OpenHands' SDK
agent_ID/messages/  message_12.json          Strands Agents
"""

from __future__ import annotations

import os
import re
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
_BESIDE: Final = MappingProxyType({"events": "base_state.json", "messages": "agent.json"})
"""What is written beside that folder as the run goes on."""


class Numbered(NamedTuple):
    """A file of a run."""

    number: int
    name: str


def split_numbered(folder: str, names: list[str]) -> tuple[list[Numbered], list[str]]:
    """Return those of the names in a folder that are files of one run, by number, and the others.

    `folder` is its own name, of which most say at once that there are none.
    """
    pattern = _NAMES.get(folder)
    found = (
        [_numbered(match) for match in map(pattern.fullmatch, names) if match] if pattern else []
    )
    if not found:
        return found, names
    known = {file.name for file in found}
    return sorted(found), [name for name in names if name not in known]


def _numbered(match: re.Match[str]) -> Numbered:
    return Numbered(int(match[1]), match[0])


def numbered_files(folder: Path) -> list[Numbered]:
    """Return the files in a folder that are those of one run, by number; raises OSError."""
    return split_numbered(folder.name, os.listdir(folder))[0]  # noqa: PTH208


def holds_one_run(path: Path) -> bool:
    """Tell whether a path is a folder of the files of one run."""
    pattern = _NAMES.get(path.name)
    if pattern is None:
        return False
    try:
        with os.scandir(path) as entries:
            return any(pattern.fullmatch(entry.name) for entry in entries)
    except OSError:
        return False


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
