"""Real files, made small, as seeds."""

from __future__ import annotations

import json
from collections import defaultdict
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from hermes_tui.formats.detect import detect
from hermes_tui.formats.framing import Layout
from hermes_tui.formats.registry import formats
from tests.bytes_source import BytesSource
from tests.conftest import PROJECT, SHARED
from tests.fuzz.mutations import lists_in, pruned

FOLDERS = (PROJECT / "transcripts", PROJECT / "tests" / "fixtures", SHARED / "corpus")
MAX_BYTES = 400_000


class Seed(NamedTuple):
    """The values of a real file, made small."""

    value: Any
    is_lines: bool

    def repeated(self, nth: int, times: int) -> bytes:
        """Return the file with its list number `nth` made `times` as long."""
        value = deepcopy(self.value)
        longer = lists_in(value)[nth]
        longer[:] = [deepcopy(item) for _ in range(times) for item in longer]
        return written(value, self.is_lines)


def written(value: Any, is_lines: bool) -> bytes:
    if is_lines and isinstance(value, list):
        return b"".join(json.dumps(item).encode() + b"\n" for item in value)
    return json.dumps(value).encode()


@cache
def all_seeds() -> dict[str, list[Seed]]:
    """Return the available real files by format."""
    found: dict[str, list[Seed]] = defaultdict(list)
    for folder in FOLDERS:
        for path in sorted(folder.rglob("*.json*")):
            if path.stat().st_size <= MAX_BYTES and (seed := seed_of(path)):
                found[seed[0]].append(seed[1])
    return found


def seed_of(path: Path) -> tuple[str, Seed] | None:
    data = path.read_bytes()
    reader = detect(BytesSource(data), formats()).reader
    if reader is None:
        return None
    is_lines = reader.layout in (Layout.LINES, Layout.WHOLE_LINES)
    try:
        value = (
            [json.loads(line) for line in data.splitlines()[:20]] if is_lines else json.loads(data)
        )
    except ValueError:
        return None
    return reader.name, Seed(pruned(value, 5), is_lines)
