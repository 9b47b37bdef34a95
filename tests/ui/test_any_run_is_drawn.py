"""Every run that a reader yields can be drawn, searched, compared, indexed and exported."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.formats.detect import detect
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.reader import split_runs
from hermes_tui.formats.registry import formats
from hermes_tui.formats.writers.registry import WRITERS
from hermes_tui.log.event_log import MemoryLog
from hermes_tui.log.query import RowFields, row_texts
from hermes_tui.log.run_blocks import BlockFacts, StoredRun, encode_block
from hermes_tui.log.run_diff import run_diff
from hermes_tui.log.summary import fold_run, summarise
from hermes_tui.log.timeline import Timeline
from hermes_tui.model.events import Event
from hermes_tui.ui.render.calls import calls_page
from hermes_tui.ui.render.message import message_page
from hermes_tui.ui.render.reasoning import reasoning_page
from hermes_tui.ui.render.rows import plain, timeline_row
from hermes_tui.ui.view_model import ViewState
from tests.bytes_source import BytesSource
from tests.fuzz.mutations import ODD, mutated
from tests.fuzz.reader_laws import read_lawfully
from tests.fuzz.seeds import all_seeds, written

MODES = ("plain", "markdown", "json")
WIDTH = 100
CONTROL_CHARACTERS = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def changed_run(rnd: Any) -> list[Event]:
    """Return the first run of a real file after a random change."""
    seeds = [seed for each in all_seeds().values() for seed in each]
    seed = seeds[rnd.randrange(len(seeds))]
    data = written(mutated(seed.value, rnd.randrange, ODD), seed.is_lines)
    reader = detect(BytesSource(data), formats()).reader
    if reader is None:
        return []
    events = read_lawfully(reader, data)
    if reader.unit is Unit.PARTS:
        return events
    _, runs = split_runs(tuple(events))
    return list(runs[0]) if runs else []


def draw(run: list[Event]) -> None:
    timeline = Timeline(MemoryLog(tuple(run), complete=True))
    timeline.advance()
    for row in range(min(len(timeline), 30)):
        assert not CONTROL_CHARACTERS.search(plain(timeline_row(timeline, row, WIDTH), WIDTH))
        dict(RowFields(timeline, row))
        assert all(isinstance(text, str) for text in row_texts(timeline, row))
        view = ViewState(timeline, row, mode=MODES[row % len(MODES)])
        message_page(view)
        calls_page(view, WIDTH)
        reasoning_page(view)


@settings(max_examples=150, deadline=None)
@given(st.randoms(use_true_random=True))
def test_any_run_is_drawn_compared_indexed_and_exported(rnd: Any) -> None:
    run, other = changed_run(rnd), changed_run(rnd)
    draw(run)
    run_diff(run, other)
    state, findings = fold_run(run)
    facts = BlockFacts(1, 0, 0, b"", b"", ())
    assert encode_block(facts, [StoredRun(summarise(state), 0, 0, 0)])
    for write in WRITERS.values():
        write(run, findings=findings).encode()
