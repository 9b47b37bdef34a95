"""A text streamed to a real engine in deltas, and what a client has received by each. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from hermes_tui.model.wording import counted
from hermes_tui.runtime.engines.verdicts import EngineVerdict, Received, received_after
from hermes_tui.ui.lab.verdicts import Verdict, differences

MAX_SPLITS: Final = 400
"""Most borders that a sweep tries; the whole text is parsed again for each."""
_MARKUP = re.compile(r"[<>\[\]{}|\"':,\n]")


class Split(NamedTuple):
    """A way to cut the text into deltas: after `border` characters, or every `size` characters."""

    border: int = 0
    size: int = 0

    @property
    def sizes(self) -> tuple[int, ...]:
        return (self.size,) if self.size else (self.border, 1 << 30)

    @property
    def words(self) -> str:
        return f"deltas of {self.size}" if self.size else f"cut after character {self.border}"


class SplitResult(NamedTuple):
    """A split, and how its result differs from that of the text streamed in one delta."""

    split: Split
    other: tuple[str, ...]


@dataclass(slots=True)
class StreamModel:
    """A replay: its engine and parser, its deltas, and the delta that is shown."""

    engine: str
    parser: str
    size: int = 1
    by_characters: bool = False
    split: Split | None = None
    """How the text is cut if a split of a sweep is shown, instead of into deltas of `size`."""
    whole: Verdict | None = None
    streamed: Verdict | None = None
    reading: EngineVerdict | None = None
    at: int = 0
    """How many deltas are sent by the moment shown."""
    in_one_delta: Verdict | None = None
    """The verdict that those of a sweep's splits are compared with."""
    swept: list[SplitResult] = field(default_factory=list)
    tried: int = 0
    splits: int = 0
    """How many splits the sweep tries; 0 if no sweep was requested."""

    @property
    def delta_size(self) -> str:
        """Return the size of a delta, in words."""
        if self.split is not None:
            return counted(self.split.size, "character") if self.split.size else self.split.words
        return counted(self.size, "character" if self.by_characters else "pseudo-token")

    @property
    def cuts_once(self) -> bool:
        """Whether the text is cut at one place, instead of into deltas of one size."""
        return self.split is not None and not self.split.size

    @property
    def deltas(self) -> int:
        return len(self.reading.deltas) if self.reading is not None else 0

    @property
    def read_to(self) -> int:
        """How many characters the engine has been given by the moment shown."""
        if self.reading is None or not self.at:
            return 0
        return self.reading.deltas[self.at - 1].end

    def begin(self, split: Split | None = None) -> None:
        """Wait for another reading, to be shown from its beginning."""
        self.split, self.reading, self.at = split, None, 0

    def go(self, at: int) -> bool:
        """Go to the moment after `at` deltas; return whether the moment changed."""
        before, self.at = self.at, max(0, min(at, self.deltas))
        return before != self.at

    def sent(self) -> Received:
        """Return what the client has received by the moment shown."""
        deltas = self.reading.deltas if self.reading is not None else ()
        return received_after(deltas, self.at)

    def differences(self) -> list[str]:
        """Return where the stream's verdict differs from that on the whole text."""
        if self.whole is None or self.streamed is None:
            return []
        return differences(self.whole, self.streamed)

    def next_delta_with_calls(self) -> int | None:
        """Return the next moment at which a part of a call is sent, or None."""
        if self.reading is None:
            return None
        deltas = self.reading.deltas
        return next((n + 1 for n in range(self.at, len(deltas)) if deltas[n].calls), None)


def splits_of(text: str) -> list[Split]:
    """Return the splits to try: uniform deltas, then borders; in a long text those at markup."""
    uniform = [Split(size=size) for size in (1, 2, 3, 4, 5, 8, 16)]
    borders = _borders(text)
    return [*uniform, *(Split(border=border) for border in borders)]


def _borders(text: str) -> Iterable[int]:
    if len(text) <= MAX_SPLITS:
        return range(1, len(text))
    borders: dict[int, None] = {}
    for edge in _MARKUP.finditer(text):
        borders.update(dict.fromkeys((edge.start(), edge.end())))
        if len(borders) >= MAX_SPLITS:
            break
    return sorted(border for border in borders if 0 < border < len(text))[:MAX_SPLITS]
