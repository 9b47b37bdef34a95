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
def cache_for_small_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def read_and_keep(path: Path, parser: str = "") -> RunFeed:
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


def is_cached(path: Path, parser: str = "") -> bool:
    """Return whether the run of a file is in the cache."""
    return takes_cached(RunFeed.of_file(opened(path, parser)))


def takes_cached(feed: RunFeed) -> bool:
    """Return whether a feed takes its run from the cache, which it does without reading on."""
    feed.poll()
    kept = feed._cache_lookup
    return kept is not None and kept.is_done(30.0) and feed._take_cached(kept)


def contents_of_rows(feed: RunFeed) -> list[object]:
    """Return the content of each row of a run."""
    lines = feed.model.timeline
    return [
        (lines.event(row), lines.finding(row), lines.kind(row), lines.turn(row), lines._links[row])
        for row in range(len(lines))
    ]


def array_of(text: str) -> str:
    return "[" + ",\n".join(text.splitlines()) + "]"


@pytest.mark.parametrize("write", [str, array_of], ids=["lines", "array"])
def test_a_file_opened_again_shows_the_same_without_being_read(tmp_path: Path, write: type) -> None:
    path = tmp_path / "run.json"
    path.write_text(write(turns(700)))
    first = read_and_keep(path)
    again = RunFeed.of_file(opened(path))
    assert takes_cached(again)
    assert again.model.timeline.finished and again.progress() is None
    assert not again.step(1.0)
    assert contents_of_rows(again) == contents_of_rows(first)
    assert again.model.timeline.state == first.model.timeline.state


@pytest.mark.parametrize("change", ["grown", "shrunk", "rewritten", "touched"])
def test_a_changed_file_is_read_again(tmp_path: Path, change: str) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text(turns(5))
    read_and_keep(path)
    if change == "touched":
        os.utime(path, (1, 1))
    else:
        text = {"grown": turns(6), "shrunk": turns(4), "rewritten": turns(5).replace("go", "no")}
        path.write_text(text[change])
    feed = RunFeed.of_file(opened(path))
    assert not takes_cached(feed)
    while feed.step(1.0):
        pass
    assert feed.model.timeline.state.turn == {"grown": 6, "shrunk": 4}.get(change, 5)


class _Intruder:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("intruded",)


def pickle_with_imported_name(module: str, name: str) -> bytes:
    """Return a pickle that calls a name that one of our modules has imported."""
    return f"\x80\x04c{module}\n{name}\n(Vintruded\ntR.".encode()


DAMAGED = {
    "foreign": pickle.dumps((1, 2)),
    "intruder": pickle.dumps(_Intruder()),
    "borrowed": pickle_with_imported_name("hermes_tui.log.codec", "msgspec.os.mkdir"),
    "imported": pickle_with_imported_name("hermes_tui.log.open_calls", "lru_cache"),
}


@pytest.mark.parametrize("damage", ["torn", "empty", *DAMAGED])
def test_a_damaged_cache_entry_is_ignored(
    tmp_path: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "run.jsonl"
    path.write_text(turns(5))
    first = read_and_keep(path)
    (kept,) = indexes_dir().iterdir()
    data = kept.read_bytes()
    other = DAMAGED.get(damage, b"")
    sound = data[:8] + zlib.crc32(other).to_bytes(4, "big") + other
    kept.write_bytes({"torn": data[:-9], "empty": b""}.get(damage, sound))
    feed = read_and_keep(path)
    assert contents_of_rows(feed) == contents_of_rows(first)
    assert not (tmp_path / "intruded").exists()


@pytest.mark.parametrize("name", ["counted", "Tally", "hermes_tui.log.tally"])
def test_a_cache_entry_with_names_of_another_version_is_ignored(name: str, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text(turns(5))
    first = read_and_keep(path)
    (kept,) = indexes_dir().iterdir()
    data = kept.read_bytes()
    other = data[12:].replace(name.encode(), name[:-1].encode() + b"0")
    assert other != data[12:]
    kept.write_bytes(data[:8] + zlib.crc32(other).to_bytes(4, "big") + other)
    assert not is_cached(path)
    assert contents_of_rows(read_and_keep(path)) == contents_of_rows(first)


def test_a_run_is_shown_even_if_the_cache_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("no folder")
    path = tmp_path / "run.jsonl"
    path.write_text(turns(5))
    assert read_and_keep(path).model.timeline.finished


def test_runs_read_with_and_without_a_guessed_parser_are_kept_apart(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text(turns(5))
    read_and_keep(path, parser="guess")
    assert not is_cached(path)
    assert is_cached(path, parser="guess")


def test_a_cache_entry_that_is_being_written_is_not_pruned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text(turns(5))

    def write_while_another_prunes(fd: int, data: bytes, start: int) -> int:
        cache.prune()
        return write_at(fd, data, start)

    monkeypatch.setattr(kept_runs, "write_at", write_while_another_prunes)
    read_and_keep(path)
    assert is_cached(path)
    assert len(list(indexes_dir().iterdir())) == 1


def test_a_run_is_kept_only_if_the_file_asks_for_it(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text(turns(5))
    feed = RunFeed.of_file(open_file(path))
    while feed.step(1.0):
        pass
    feed.poll()
    assert not (tmp_path / "cache").exists()


def test_every_recorded_run_is_the_same_from_the_cache(transcripts: Path) -> None:
    for path in sorted(transcripts.glob("*.jsonl")):
        first = read_and_keep(path)
        if not first.file.is_one_run:
            continue
        again = RunFeed.of_file(opened(path))
        assert takes_cached(again), path.name
        assert contents_of_rows(again) == contents_of_rows(first)
        assert again.model.timeline.state == first.model.timeline.state


def test_keeping_a_run_does_not_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text(turns(5))
    may_write = threading.Event()

    def write_later(fd: int, data: bytes, start: int) -> int:
        may_write.wait(30.0)
        return write_at(fd, data, start)

    monkeypatch.setattr(kept_runs, "write_at", write_later)
    feed = RunFeed.of_file(opened(path))
    while feed.step(1.0):
        pass
    log, timeline = feed.model.log, feed.model.timeline
    assert isinstance(log, RecordLog)
    keeping = kept_runs.keep_run(feed.file, log, timeline)
    assert keeping is not None and not keeping.is_done()
    assert not is_cached(path)
    may_write.set()
    assert keeping.is_done(30.0)
    assert is_cached(path)


def test_a_long_run_is_written_to_the_cache_in_small_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text(turns(3_000))
    lengths = []

    def record_length(fd: int, data: bytes, start: int) -> int:
        lengths.append(len(data))
        return write_at(fd, data, start)

    monkeypatch.setattr(kept_runs, "write_at", record_length)
    read_and_keep(path)
    assert len(lengths) > 5
    assert max(lengths) < 1 << 17
