"""Runs with the credentials in them masked, so that they can be shared."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Final

from hermes_tui.formats.text_secrets import (
    is_distinctive_secret,
    mask_text_secrets,
    secret_positions,
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
        credentials = {
            text[first:last]
            for line in lines
            for literal in _STRING.findall(line)
            for text in (_decoded(literal),)
            for first, last in secret_positions(text)
        }
        self.hidden |= credentials
        known = sorted(filter(is_distinctive_secret, credentials), key=len, reverse=True)
        pieces = Masking(known)
        return [decode(pieces.hidden(_masked(line, known).encode())) for line in lines]


def _masked(line: str, known: Sequence[str]) -> str:
    def replace(match: re.Match[str]) -> str:
        text = _decoded(match[1])
        masked = mask_text_secrets(text, known)
        return match[0] if masked == text else json.dumps(masked)

    return _STRING.sub(replace, line)


def _decoded(literal: str) -> str:
    return str(json.loads(f'"{literal}"')) if "\\" in literal else literal
