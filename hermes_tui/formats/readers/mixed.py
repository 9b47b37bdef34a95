"""Values of several formats in one file, none of which accounts for most of them."""

from __future__ import annotations

from typing import Any

from hermes_tui.formats.base import Format, Match, Sample
from hermes_tui.formats.framing import Layout, Unit
from hermes_tui.formats.lookalikes import reader_of
from hermes_tui.formats.mixed_lines import read_as
from hermes_tui.formats.registry import formats
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.traits import Traits

SCORE = 0.1
"""Higher than the last resort's score, lower than any other format's."""


class MixedFormats:
    """Reads each value by the format that recognises it, else by the last resort."""

    name = "mixed"
    summary = "values of several formats, a line each (or in a list): each is read as its own"
    traits = Traits(delegates=True)

    def sniff(self, sample: Sample) -> Match | None:
        if sample.layout not in (Layout.LINES, Layout.ARRAY) or len(sample.values) < 2:
            return None
        unknown = _last_resort().sniff(sample)
        if unknown is None or unknown.unit is not Unit.RUNS:
            return None
        is_any_known = any(reader_of(value, self.name) is not None for value in sample.values)
        return Match(SCORE, Unit.RUNS) if is_any_known else None

    def read(self, value: Any, build: RunBuilder) -> None:
        known = reader_of(value, self.name) if build.unit is Unit.RUNS else None
        read_as(value, known or _last_resort(), build)


def _last_resort() -> Format:
    return formats()[-1]


FORMAT = MixedFormats()
