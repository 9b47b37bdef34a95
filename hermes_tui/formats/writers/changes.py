"""The parts of a run that a format cannot hold unchanged, and what its writer does, counted."""

from __future__ import annotations

from collections import Counter
from typing import Final, NamedTuple

from hermes_tui.formats import fields
from hermes_tui.formats.writers.exchange import Exchange
from hermes_tui.formats.writers.media import is_media
from hermes_tui.formats.writers.transcript import Entry
from hermes_tui.model.messages import ContentPart, Message, Origin
from hermes_tui.model.wording import counted
from hermes_tui.parsers.content_parts import read_content


class Change(NamedTuple):
    """What is changed, and how it is written instead."""

    noun: str
    done: str


ID_MADE_UP: Final = Change("id", "made up")
TEXT_CALL: Final = Change("call", "removed from the text")
DISCARDED: Final = Change("message", "of discarded replies left out")
ROLE_AS_USER: Final = Change("role", "written as user")
ENCRYPTED: Final = Change("encrypted reasoning block", "left out")


class Changes(Counter[Change]):
    """Counts how often each change was made."""

    def add(self, change: Change, times: int = 1) -> None:
        """Count a change; `times` 0 counts nothing."""
        if times:
            self[change] += times

    def summary(self) -> str:
        """Return text such as "2 ids made up, 1 image left out", or "" if nothing was changed."""
        return ", ".join(
            f"{counted(times, change.noun)} {change.done}" for change, times in self.items()
        )

    def of_calls(self, entry: Entry, exchange: Exchange) -> None:
        """Count the changes to the calls of `entry` that give each an id and its own field."""
        for call_id, call in exchange.calls(entry):
            self.add(ID_MADE_UP, call_id != call.id)
            self.add(TEXT_CALL, call.origin is Origin.TEXT and call.span is not None)

    def of_reasoning(self, message: Message) -> None:
        """Count the encrypted reasoning, which is left out."""
        self.add(ENCRYPTED, sum(piece.kind == "encrypted" for piece in message.reasoning))

    def of_parts(self, message: Message, done: str) -> None:
        """Count the parts of a message that are not text."""
        for part in message.parts:
            self.of_part(part, done)

    def of_part(self, part: ContentPart, done: str) -> None:
        """Count a part of a message unless it is text."""
        noun = "JSON part" if part.kind == "json" else part.kind
        self.add(Change(noun, done), part.kind != "text")

    def of_results(self, entry: Entry) -> None:
        """Count the images and other media in results, which are written as placeholders."""
        for event in entry.results:
            content = fields.as_dict(event.result.raw).get("content")
            for part in read_content(content).parts if isinstance(content, list) else ():
                self.add(Change(part.kind, "of a result written as text"), is_media(part))
