"""The received part of a reply that is still streaming; recorded only if the reply breaks off."""

from __future__ import annotations

from hermes_tui.log.packed_texts import GrowingPack
from hermes_tui.runtime.servers.base import Piece


class Partial:
    """Collects the pieces of one reply. `pieces` counts them, so a change shows that one came."""

    def __init__(self) -> None:
        self.pieces = 0
        self._texts: dict[tuple[str, int], list[str]] = {}
        self._raw = GrowingPack()

    def add(self, piece: Piece) -> None:
        self.pieces += 1
        self._texts.setdefault((piece.kind, piece.call), []).append(piece.text)
        if piece.raw:
            self._raw.add(piece.raw)

    @property
    def raw(self) -> str:
        """The exact text of the events that contained the pieces."""
        return self._raw.whole()

    def text(self, kind: str, call: int = 0) -> str:
        """Return the text received for a part: content, reasoning, a call's name or arguments."""
        pieces = self._texts.get((kind, call), [])
        if len(pieces) > 1:
            pieces[:] = ["".join(pieces)]
        return pieces[0] if pieces else ""

    @property
    def calls(self) -> int:
        """How many calls have begun to arrive."""
        of_calls = (call for kind, call in self._texts if kind in ("call", "arguments"))
        return 1 + max(of_calls, default=-1)

    def clear(self) -> None:
        self.pieces = 0
        self._texts.clear()
        self._raw = GrowingPack()
