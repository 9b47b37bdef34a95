"""A long run opens at once the second time, from the cache, unless its file has changed."""

from __future__ import annotations

import json
import os
import pickle
import threading
import zlib
from pathlib import Path

import pytest

from hermes_tui.formats.reader import RecordLog
from hermes_tui.runtime.index import cache, kept_runs
from hermes_tui.runtime.index.cache import indexes_dir
from hermes_tui.runtime.index.store import write_at
from hermes_tui.runtime.opener import OpenFile, open_file
from hermes_tui.ui.run_feed import RunFeed


@pytest.fixture(autouse=True)
def small_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(kept_runs, "SMALLEST", 0)


def turns(count: int) -> str:
    lines = [json.dumps({"role": "user", "content": "go"})]
    for number in range(count):
        function = {"name": "ls", "arguments": '{"path": "a",}'}
        call = {"id": f"c{number}", "type": "function", "function": function}
        lines.append(json.dumps({"role": "assistant", "content": "", "tool_calls": [call]}))
        lines.append(json.dumps({"role": "tool", "tool_call_id": f"c{number}", "content": "b"}))
    return "\n".join(lines) + "\n"


def opened(path: Path, parser: str = "") -> OpenFile:
    file = open_file(path, parser=parser)
    file.keeps = True
    return file


def read_and_kept(path: Path, parser: str = "") -> RunFeed:
    """Read a file to its end and wait until its run is in the cache."""
    feed = RunFeed.of_file(opened(path, parser))
    feed.poll()
    while feed.step(1.0):
        pass
    before = {thread for thread in threading.enumerate() if thread is not threading.main_thread()}
    feed.poll()
    for thread in {*threading.enumerate()} - before - {threading.main_thread()}:
        thread.join()
    return feed


def is_known(path: Path, parser: str = "") -> bool:
    """Return whether the run of a file is in the cache."""
    return found(RunFeed.of_file(opened(path, parser)))


def found(feed: RunFeed) -> bool:
    """Return whether a feed takes its run from the cache, which it does without reading on."""
    feed.poll()
    kept = feed._cache_lookup
    return kept is not None and kept.is_done(30.0) and feed._take_cached(kept)


def shown(feed: RunFeed) -> list[object]:
    """Return the content of each row of a run."""
    lines = feed.model.timeline
    return [
        (lines.event(row), lines.finding(row), lines.kind(row), lines.turn(row), lines._links[row])
        for row in range(len(lines))
    ]


def array_of(text: str) -> str:
    return "[" + ",\n".join(text.splitlines()) + "]"


@pytest.mark.parametrize("write", [str, array_of], ids=["lines", "array"])
def test_the_second_opening_shows_the_same_without_reading(tmp_path: Path, write: type) -> None:
    path = tmp_path / "run.json"
    path.write_text(write(turns(700)))
    first = read_and_kept(path)
    again = RunFeed.of_file(opened(path))
    assert found(again)
    assert again.model.timeline.finished and again.progress() is None
    assert not again.step(1.0)
    assert shown(again) == shown(first)
    assert again.model.timeline.state == first.model.timeline.state


@pytest.mark.parametrize("change", ["grown", "shrunk", "rewritten", "touched"])
def test_a_file_that_changed_is_read_anew(tmp_path: Path, change: str) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text(turns(5))
    read_and_kept(path)
    if change == "touched":
        os.utime(path, (1, 1))
    else:
        text = {"grown": turns(6), "shrunk": turns(4), "rewritten": turns(5).replace("go", "no")}
        path.write_text(text[change])
    feed = RunFeed.of_file(opened(path))
    assert not found(feed)
    while feed.step(1.0):
        pass
    assert feed.model.timeline.state.turn == {"grown": 6, "shrunk": 4}.get(change, 5)


class _Intruder:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("intruded",)


def borrowed(module: str, name: str) -> bytes:
    """Return a pickle that calls a name that one of our modules has imported."""
    return f"\x80\x04c{module}\n{name}\n(Vintruded\ntR.".encode()


DAMAGED = {
    "foreign": pickle.dumps((1, 2)),
    "intruder": pickle.dumps(_Intruder()),
    "borrowed": borrowed("hermes_tui.log.codec", "msgspec.os.mkdir"),
    "imported": borrowed("hermes_tui.log.open_calls", "lru_cache"),
}


@pytest.mark.parametrize("damage", ["torn", "empty", *DAMAGED])
def test_a_damaged_cache_is_as_good_as_none(
    tmp_path: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "run.jsonl"
    path.write_text(turns(5))
    first = read_and_kept(path)
    (kept,) = indexes_dir().iterdir()
    data = kept.read_bytes()
    other = DAMAGED.get(damage, b"")
    sound = data[:8] + zlib.crc32(other).to_bytes(4, "big") + other
    kept.write_bytes({"torn": data[:-9], "empty": b""}.get(damage, sound))
    feed = read_and_kept(path)
    assert shown(feed) == shown(first)
    assert not (tmp_path / "intruded").exists()


@pytest.mark.parametrize("name", ["counted", "Tally", "hermes_tui.log.tally"])
def test_an_entry_with_names_of_another_version_is_not_taken(name: str, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text(turns(5))
    first = read_and_kept(path)
    (kept,) = indexes_dir().iterdir()
    data = kept.read_bytes()
    other = data[12:].replace(name.encode(), name[:-1].encode() + b"0")
    assert other != data[12:]
    kept.write_bytes(data[:8] + zlib.crc32(other).to_bytes(4, "big") + other)
    assert not is_known(path)
    assert shown(read_and_kept(path)) == shown(first)


def test_a_cache_that_cannot_be_written_takes_nothing_from_the_run(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("no folder")
    path = tmp_path / "run.jsonl"
    path.write_text(turns(5))
    assert read_and_kept(path).model.timeline.finished


def test_a_run_read_by_a_guessed_parser_is_not_taken_for_one_read_without(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text(turns(5))
    read_and_kept(path, parser="guess")
    assert not is_known(path)
    assert is_known(path, parser="guess")


def test_a_run_that_is_being_kept_is_not_taken_for_one_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text(turns(5))

    def written_while_another_tidies_up(fd: int, data: bytes, start: int) -> int:
        cache.prune()
        return write_at(fd, data, start)

    monkeypatch.setattr(kept_runs, "write_at", written_while_another_tidies_up)
    read_and_kept(path)
    assert is_known(path)
    assert len(list(indexes_dir().iterdir())) == 1


def test_nothing_is_kept_where_it_is_not_wanted(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text(turns(5))
    feed = RunFeed.of_file(open_file(path))
    while feed.step(1.0):
        pass
    feed.poll()
    assert not (tmp_path / "cache").exists()


def test_every_recorded_run_comes_back_as_it_was_read(transcripts: Path) -> None:
    for path in sorted(transcripts.glob("*.jsonl")):
        first = read_and_kept(path)
        if not first.file.is_one_run:
            continue
        again = RunFeed.of_file(opened(path))
        assert found(again), path.name
        assert shown(again) == shown(first)
        assert again.model.timeline.state == first.model.timeline.state


def test_nobody_waits_for_a_run_to_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text(turns(5))
    may_write = threading.Event()

    def written_later(fd: int, data: bytes, start: int) -> int:
        may_write.wait(30.0)
        return write_at(fd, data, start)

    monkeypatch.setattr(kept_runs, "write_at", written_later)
    feed = RunFeed.of_file(opened(path))
    while feed.step(1.0):
        pass
    log, timeline = feed.model.log, feed.model.timeline
    assert isinstance(log, RecordLog)
    keeping = kept_runs.keep_run(feed.file, log, timeline)
    assert keeping is not None and not keeping.is_done()
    assert not is_known(path)
    may_write.set()
    assert keeping.is_done(30.0) and not keeping.failure
    assert is_known(path)


def test_a_long_run_is_kept_in_pieces_between_which_keys_are_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text(turns(3_000))
    lengths = []

    def noted(fd: int, data: bytes, start: int) -> int:
        lengths.append(len(data))
        return write_at(fd, data, start)

    monkeypatch.setattr(kept_runs, "write_at", noted)
    read_and_kept(path)
    assert len(lengths) > 5
    assert max(lengths) < 1 << 17
