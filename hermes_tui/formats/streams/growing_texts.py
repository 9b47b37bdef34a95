"""An object of which some texts arrive in pieces; the pieces are joined once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class GrowingTexts:
    """The members of an object so far; a text among them can be extended."""

    def __init__(self, members: Mapping[str, Any]) -> None:
        self._members = dict(members)
        self._pieces: dict[str, list[str]] = {}

    def __getitem__(self, key: str) -> Any:
        """Return a member that is not a growing text, or None if there is none."""
        return self._members.get(key)

    def __setitem__(self, key: str, value: Any) -> None:
        """Set a member, regardless of its earlier value."""
        self._pieces.pop(key, None)
        self._members[key] = value

    def holds_text(self, key: str) -> bool:
        """Return whether a member is a text."""
        return isinstance(self._members.get(key), str)

    def add(self, key: str, piece: str) -> None:
        """Extend the text of a member, or begin one if the member is not a text."""
        if key not in self._pieces:
            before = self._members.get(key)
            self._pieces[key] = [before] if isinstance(before, str) else []
            self._members[key] = ""
        self._pieces[key].append(piece)

    def whole(self) -> dict[str, Any]:
        """Return the object so far."""
        return {**self._members, **{key: "".join(texts) for key, texts in self._pieces.items()}}
