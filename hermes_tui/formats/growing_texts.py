"""An object some of whose texts arrive in pieces, which are joined once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class GrowingTexts:
    """The members of an object so far; a text of theirs can go on."""

    def __init__(self, members: Mapping[str, Any]) -> None:
        self._members = dict(members)
        self._pieces: dict[str, list[str]] = {}

    def __getitem__(self, key: str) -> Any:
        """Return a member that is no growing text, None where there is none."""
        return self._members.get(key)

    def __setitem__(self, key: str, value: Any) -> None:
        """Say a member anew, whatever it was."""
        self._pieces.pop(key, None)
        self._members[key] = value

    def holds_text(self, key: str) -> bool:
        """Say whether a member is a text."""
        return isinstance(self._members.get(key), str)

    def add(self, key: str, piece: str) -> None:
        """Let a member go on, or begin where it is no text yet."""
        if key not in self._pieces:
            before = self._members.get(key)
            self._pieces[key] = [before] if isinstance(before, str) else []
            self._members[key] = ""
        self._pieces[key].append(piece)

    def whole(self) -> dict[str, Any]:
        """Return the object so far."""
        return {**self._members, **{key: "".join(texts) for key, texts in self._pieces.items()}}
