"""The feed of a run screen: reading a file in steps, also while it changes."""

from __future__ import annotations

import json
import os
from itertools import pairwise
from pathlib import Path

from hermes_tui.model.events import SourceDefect
from hermes_tui.runtime.opener import open_file
from hermes_tui.ui.run_feed import RunFeed
from hermes_tui.ui.view_model import RECORDS_AT_ONCE, RunModel

MESSAGE = json.dumps({"role": "user", "content": "hello"}) + "\n"


def feed_of(path: Path, text: str, *, follow: bool = False) -> RunFeed:
    path.write_text(text)
    return RunFeed.of_file(open_file(path, follow=follow), follow=follow)


def read(feed: RunFeed) -> RunModel:
    while feed.step(1.0):
        pass
    return feed.model


def test_blank_lines_are_read_in_steps(tmp_path: Path) -> None:
    blank = 3 * RECORDS_AT_ONCE
    feed = feed_of(tmp_path / "run.jsonl", MESSAGE + "\n" * blank + MESSAGE)
    for _ in feed.file.scan():
        pass
    known = [0]
    while feed.model.advance(16):
        known.append(feed.model.log.records_known)  # type: ignore[attr-defined]
    assert max(b - a for a, b in pairwise(known)) == RECORDS_AT_ONCE
    assert feed.model.timeline.finished
    assert len(feed.model.timeline) == 3


def test_a_file_cut_while_it_is_read_ends_with_a_defect(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    feed = feed_of(path, MESSAGE * 40)
    assert feed.step(1.0, enough_rows=4)
    os.truncate(path, 20 * len(MESSAGE) + 5)
    log = read(feed).log
    assert isinstance(log[len(log) - 1], SourceDefect)
    assert "became shorter" in feed.failure


def test_a_file_replaced_while_it_is_read_keeps_its_old_content(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    feed = feed_of(path, MESSAGE * 40)
    assert feed.step(1.0, enough_rows=4)
    other = tmp_path / "other"
    other.write_text("something else\n")
    other.replace(path)
    assert read(feed).timeline.state.messages == 40


def test_lines_appended_to_a_followed_file_become_rows(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    feed = feed_of(path, MESSAGE * 3 + MESSAGE[:10], follow=True)
    assert read(feed).timeline.state.messages == 3
    assert feed.partial == MESSAGE[:10]
    with path.open("a") as stream:
        stream.write(MESSAGE[10:] + MESSAGE)
    assert feed.poll()
    assert read(feed).timeline.state.messages == 5


def test_moving_to_the_end_reaches_the_end_once_all_is_read(tmp_path: Path) -> None:
    feed = feed_of(tmp_path / "run.jsonl", MESSAGE * 400)
    assert feed.step(1.0, enough_rows=4)
    model = feed.model
    feed.go_to_end()
    assert model.row == len(model.timeline) - 1 < 300
    assert feed.step(1.0, enough_rows=len(model.timeline) + 4)
    assert model.follow and model.row == len(model.timeline) - 1 < 300
    read(feed)
    assert not model.follow and model.row == len(model.timeline) - 1 >= 400


def test_stopping_the_reading_ends_the_move_to_the_end(tmp_path: Path) -> None:
    feed = feed_of(tmp_path / "run.jsonl", MESSAGE * 400)
    assert feed.step(1.0, enough_rows=4)
    feed.go_to_end()
    feed.cancelled = True
    assert not read(feed).follow


def test_a_followed_file_with_a_long_incomplete_last_line_is_read(tmp_path: Path) -> None:
    torn = json.dumps({"role": "user", "content": "x" * 1000})[:900]
    feed = feed_of(tmp_path / "run.jsonl", MESSAGE * 3 + torn, follow=True)
    assert read(feed).timeline.state.messages == 3
    assert feed.progress() is None
    assert feed.partial.startswith('{"role"')
