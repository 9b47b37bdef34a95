"""What else the program must know of a format than how it reads a value; mostly nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from hermes_tui.formats.base import Format
    from hermes_tui.formats.run_builder import RunBuilder

ReplyOfLine = Callable[[bytes], "str | None"]
"""Returns the name of the reply that a line is a part of; empty where a line ends the reply before
it, None where it does neither."""
ReadElement = Callable[[Any, "RunBuilder"], None]
"""Appends the events of an element of a list to those of the elements before it."""


class Traits(NamedTuple):
    """How the files of a format differ from those of most formats."""

    sidecars: tuple[str, ...] = ()
    """The names of JSON files that lie beside its own and say more."""
    reply_of_line: ReplyOfLine | None = None
    """By which its big files are cut (`turns.py`)."""
    holds_exchanges: bool = False
    """A file holds requests with their replies, each whole: nothing is under way in it."""
    writes_nan: bool = False
    """NaN in its values is by design."""
    joins_values: bool = False
    """JSON values one behind the other in a document are one list."""
    read_element: ReadElement | None = None
    """Reads an element of the long list of a document as it is read in the list, the first
    excepted; without it, it is read as a document of just that element (`big_list.py`)."""
    asks_others: bool = False
    """It finds out itself which other format reads a value."""


_NONE = Traits()


def traits_of(found: Format) -> Traits:
    """Return the `traits` of a format; one without is like most."""
    traits: Traits = getattr(found, "traits", _NONE)
    return traits


def is_of_bytes(found: Format) -> bool:
    """Tell whether the files of a format are no JSON, by its `of_bytes`.

    Such a one sniffs at the head of a sample without values, and reads the bytes of a record. It is
    no trait, since it must be known before the module of a format is loaded.
    """
    return bool(getattr(found, "of_bytes", False))
