"""What all kinds of archives have in common, and the errors that they share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from hermes_tui.model.errors import SourceError
from hermes_tui.model.visible import visible_row
from hermes_tui.runtime.sources import MEMBER_MARK


class Archive(Protocol):
    """An open archive."""

    @property
    def label(self) -> str:
        """The name of the archive in messages."""
        ...

    @property
    def kind(self) -> str:
        """What messages call it, as in `a {kind} archive`."""
        ...

    @property
    def members(self) -> Mapping[str, object]:
        """The members by name. Of two with the same name the later one counts."""
        ...

    def unpacked(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of a member in pieces.

        Raises SourceError if it is damaged or too large, and KeyError if there is none.
        """
        ...


def damaged(kind: str, label: str, why: str) -> SourceError:
    reason = visible_row(why)
    return SourceError(label, f"a damaged {kind} archive: {reason}", "was it cut short?")


def member_label(label: str, name: str) -> str:
    """Return the name of a member for messages; empty if the archive's label already has it."""
    return "" if label.endswith(f"{MEMBER_MARK}{name}") else visible_row(name)
