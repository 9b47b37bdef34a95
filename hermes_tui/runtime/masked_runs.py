"""Runs without the credentials that stand in them, to be handed on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Final

from hermes_tui.formats.said_secrets import (
    is_worth_seeking,
    places_of_secrets,
    without_said_secrets,
)
from hermes_tui.log.codec import decode, encode
from hermes_tui.model.events import Event
from hermes_tui.runtime.masking import Masking

_STRING: Final = re.compile(r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"')


class Masks:
    """Hides credentials in runs; what stands in one place is hidden wherever it stands again."""

    def __init__(self) -> None:
        self.hidden: set[str] = set()
        """The credentials that were found so far."""

    def applied(self, events: Iterable[Event]) -> list[Event]:
        """Return the events of a run, credentials in their texts replaced by stars.

        One that stands in the pieces of a stream is masked there in another length.
        """
        lines = [encode(event).decode() for event in events]
        own = {
            text[first:last]
            for line in lines
            for said in _STRING.findall(line)
            for text in (_text(said),)
            for first, last in places_of_secrets(text)
        }
        self.hidden |= own
        known = sorted(filter(is_worth_seeking, own), key=len, reverse=True)
        pieces = Masking(known)
        return [decode(pieces.hidden(_masked(line, known).encode())) for line in lines]


def _masked(line: str, known: Sequence[str]) -> str:
    def without(found: re.Match[str]) -> str:
        text = _text(found[1])
        masked = without_said_secrets(text, known)
        return found[0] if masked == text else json.dumps(masked)

    return _STRING.sub(without, line)


def _text(said: str) -> str:
    return str(json.loads(f'"{said}"')) if "\\" in said else said
