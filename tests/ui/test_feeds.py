"""Reading many files for the list: complaints, names and progress."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hermes_tui.runtime import sources
from hermes_tui.runtime.path_list import PathList
from hermes_tui.runtime.subagent_files import with_subagents
from hermes_tui.runtime.targets import Target, Targets, expand_paths
from hermes_tui.ui.run_feed import RunFeed
from hermes_tui.ui.runs import feed as feeds
from hermes_tui.ui.runs import feed_progress
from hermes_tui.ui.runs.feed import NO_MORE, RunsFeed
from tests.ui.opened import write_run, write_runs


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return [write_run(tmp_path / f"{number}.json") for number in range(9)]


def feed_of(paths: list[Path]) -> Iterator[RunsFeed]:
    """Yield a feed before each of its steps and at its end."""
    feed = RunsFeed(Targets([[Target(path) for path in paths]]))
    while not feed.finished:
        yield feed
        feed.step(0.0)
    yield feed
    feed.close()


def test_a_file_overwritten_after_reading_is_reported_in_list_and_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "CHECK_INTERVAL_S", 0.0)
    path = write_runs(tmp_path / "runs.jsonl", 9)
    feed = RunsFeed(Targets([[Target(path), Target(write_run(tmp_path / "other.json"))]]))
    while feed.step(1.0):
        pass
    assert not feed.poll()
    path.write_bytes(b"x" * path.stat().st_size + b"\n")
    run = RunFeed(feed.rows[3].ref)
    complaint = f"{path}: changed since it was read; open it again"
    assert run.poll() and run.failure == complaint
    assert feed.poll() and feed.complaints == [complaint]
    assert not feed.poll()
    feed.close()


def test_the_sizes_of_very_many_files_are_looked_up_gradually(
    files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_progress, "SIZED_AT_ONCE", 1)
    seen = [progress for feed in feed_of(files) if (progress := feed.progress()) is not None]
    done = [share for share, _ in seen]
    # The size of the first file is used as an estimate for all.
    assert {total for _, total in seen} == {sum(path.stat().st_size for path in files)}
    assert done == sorted(done)
    assert done[-1] > done[0] == 0


def test_complaints_about_very_many_files_are_capped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "MAX_COMPLAINTS", 3)
    *_, feed = feed_of([tmp_path / f"{number}.json" for number in range(9)])
    assert ["no such file" in complaint for complaint in feed.complaints] == [True] * 3 + [False]
    assert feed.complaints[-1] == NO_MORE


@pytest.mark.parametrize("many", [0, 10_000])
@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["a.json"], ["a.json"]),
        (["runs/a.json", "runs/b.json"], ["a.json", "b.json"]),
        (["runs/x/a.json", "runs/y/a.json"], ["x/a.json", "y/a.json"]),
        (["a.json", "runs/a.json"], ["a.json", "runs/a.json"]),
    ],
)
def test_files_are_named_by_their_distinguishing_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, paths: list[str], names: list[str], many: int
) -> None:
    monkeypatch.setattr("hermes_tui.runtime.targets.MANY_FILES", many)
    for path in paths:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        write_run(tmp_path / path)
    for folder in (Path(), tmp_path):
        monkeypatch.chdir(tmp_path)
        *_, feed = feed_of([folder / path for path in paths])
        assert [row.file_name for row in feed.rows] == names


def test_only_the_files_of_the_first_screen_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(300):
        write_run(tmp_path / f"{number}.json")
    made: list[Path] = []
    make = PathList.__getitem__

    def counted(self: PathList, number: int) -> Path:
        made.append(make(self, number))
        return made[-1]

    monkeypatch.setattr(PathList, "__getitem__", counted)
    feed = RunsFeed(with_subagents(expand_paths([str(tmp_path)])))
    feed.open_first()
    while len(feed.rows) < 5:
        feed.step(1.0, stop_at_runs=5)
    assert not feed.targets.reads_stdin and not feed.may_find_more
    assert len(set(made)) < 20
    feed.close()
