"""Runs with the credentials in them masked, so that they can be shared."""

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
    """Masks credentials in runs; one that is found in one place is masked in every other."""

    def __init__(self) -> None:
        self.hidden: set[str] = set()
        """The credentials found so far."""

    def applied(self, events: Iterable[Event]) -> list[Event]:
        """Return the events of a run with stars in place of the credentials in their texts.

        A credential that is split over the pieces of a stream is masked with a different length.
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
