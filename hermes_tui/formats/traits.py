"""What the program must know about a format beyond how it reads a value; for most, nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from hermes_tui.formats.base import Format
    from hermes_tui.formats.run_builder import RunBuilder

ReplyOfLine = Callable[[bytes], "str | None"]
"""Returns the name of the reply that a line belongs to, "" if the line ends the previous reply, or
None if it does neither."""
ReadElement = Callable[[Any, "RunBuilder"], None]
"""Appends the events of one element of a list after those of the previous elements."""


class Traits(NamedTuple):
    """How the files of a format differ from those of most formats."""

    sidecars: tuple[str, ...] = ()
    """The paths, relative to the file, of JSON files that hold further details."""
    reply_of_line: ReplyOfLine | None = None
    """The rule by which its big files are cut (`turns.py`)."""
    holds_exchanges: bool = False
    """Whether a file holds requests with complete replies, so that nothing in it is in progress."""
    joins_values: bool = False
    """Whether JSON values one after the other in a document form one list."""
    read_element: ReadElement | None = None
    """Reads an element of a document's long list as part of that list; the first element is
    excepted. Without it, an element is read as a document of just that element (`big_list.py`)."""
    delegates: bool = False
    """Whether the format determines itself which other format reads a value."""


_DEFAULTS = Traits()


def traits_of(found: Format) -> Traits:
    """Return the `traits` of a format, or the defaults if it has none."""
    traits: Traits = getattr(found, "traits", _DEFAULTS)
    return traits


def is_of_bytes(found: Format) -> bool:
    """Return whether the files of a format are not JSON, by its `of_bytes`.

    Such a format sniffs at the head of a sample without values, and reads the bytes of a record.
    This is not a trait, since it must be known before the module of a format is loaded.
    """
    return bool(getattr(found, "of_bytes", False))
