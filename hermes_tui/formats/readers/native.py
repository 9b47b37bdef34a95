"""`native`: a recording of hermes-tui itself, one event per line (`log/codec.py`)."""

from __future__ import annotations

from typing import Any

from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.log.codec import DamagedText, MalformedEvent, from_value
from hermes_tui.model.errors import SchemaTooNew
from hermes_tui.model.events import copy_event


class Native:
    """One run a file; its events are taken over unchanged."""

    name = "native"
    summary = "recording made by hermes-tui: one event per line"

    def sniff(self, sample: Sample) -> Match | None:
        first = sample.first_object()
        if first.get("kind") == "RunStarted" and isinstance(first.get("schema"), int):
            return Match(1.0, Unit.PARTS)
        return None

    def read(self, value: Any, build: RunBuilder) -> None:
        try:
            event = from_value(value)
        except DamagedText as error:
            build.defect(str(error), str(value))
            event = error.event
        except (MalformedEvent, SchemaTooNew) as error:
            build.defect(str(error), str(value))
            return
        # A place in the file that was once recorded does not exist in this one.
        build.take(copy_event(event, at=build.at()))


FORMAT = Native()
