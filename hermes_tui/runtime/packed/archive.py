"""What all kinds of archives have in common, and the errors that they share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from hermes_tui.model.errors import SourceError
from hermes_tui.model.visible import visible_row
from hermes_tui.runtime.sources import MEMBER_MARK
from hermes_tui.runtime.transcript_names import may_be_transcript

MAX_LISTED = 8
"""How many names a message lists."""


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
        """The members by name, at least those that may be transcripts.

        Of two with the same name the later one counts.
        """
        ...

    @property
    def some_names(self) -> Sequence[str]:
        """A few names, also of other members, for messages."""
        ...

    @property
    def damage(self) -> SourceError | None:
        """Why there may be more members that cannot be read, or None."""
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


def is_transcript_member(name: str) -> bool:
    """Return whether a member of this name may be a transcript."""
    folder, _, file = name.rpartition("/")
    return may_be_transcript(file) and not folder.startswith("__MACOSX")
