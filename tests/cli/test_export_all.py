"""`export --all` and `--filter` write many runs as lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.program import hermes_tui, within
from tests.cli.scan_files import called, chat, lines


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return lines(
        tmp_path / "runs.jsonl",
        called("a", "ls", reward=1.0),
        chat("b", "one\u2028line", reward=0.0),
        called("c", "ls", reward=1.0),
    )


@pytest.mark.parametrize("to", ["openai", "sharegpt"])
def test_every_run_is_a_line_that_reads_back(path: Path, to: str) -> None:
    out = path.with_name("out.jsonl")
    done = within("export", path, "--to", to, "--all", "-o", out)
    assert done.code == 0 and "hermes-tui: 3 of 3 runs written" in done.err
    assert len(out.read_text("utf-8").splitlines()) == 3
    summaries = [
        [(row["id"], row["messages"], row["tool_calls"], row["reward"]) for row in rows]
        for rows in (
            map(json.loads, within("scan", each, "--runs", "--json").text.splitlines())
            for each in (path, out)
        )
    ]
    assert summaries[0] == summaries[1] and len(summaries[0]) == 3


@pytest.mark.parametrize("to", ["openai", "sharegpt"])
def test_rollouts_of_one_record_keep_their_group(tmp_path: Path, to: str) -> None:
    messages = [
        [{"role": "user", "content": "go"}, {"role": "assistant", "content": f"done {n}"}]
        for n in range(3)
    ]
    group = {"tokens": [[1, 2]] * 3, "masks": [[1, 2]] * 3, "scores": [0, 1, 0.5]}
    named = {**group, "messages": messages, "group_id": "mine"}
    path = lines(tmp_path / "groups.jsonl", {**group, "messages": messages}, named, named | group)
    out = tmp_path / "out.jsonl"
    assert within("export", path, "--to", to, "--filter", "reward > 0", "-o", out).code == 0
    rows = [json.loads(row) for row in within("scan", out, "--runs", "--json").text.splitlines()]
    assert [row["group"] for row in rows] == ["g1", "g1", "mine", "mine", "mine", "mine"]
    twin = lines(tmp_path / "twin.jsonl", {**group, "messages": messages}, named)
    assert within("export", path, twin, "--to", to, "-o", out, "--force").code == 0
    rows = [json.loads(row) for row in within("scan", out, "--runs", "--json").text.splitlines()]
    assert {row["group"] for row in rows} == {f"g1 · {path}", f"g1 · {twin}", "mine"}


def test_only_runs_that_pass_the_filter_are_written(path: Path) -> None:
    done = within("export", path, "--to", "sharegpt", "--filter", "reward == 1 and calls > 0")
    assert [json.loads(line)["id"] for line in done.text.splitlines()] == ["a", "c"]
    assert "hermes-tui: 2 of 3 runs written" in done.err


def test_runs_of_standard_input_are_taken_as_well(path: Path) -> None:
    done = hermes_tui("export", "-", "--to", "openai", "--all", stdin=path.read_bytes())
    assert done.code == 0 and len(done.text.splitlines()) == 3


def test_malformed_places_outside_of_any_run_are_reported(path: Path) -> None:
    lines(path, chat("a"), "{broken", chat("b"))
    done = within("export", path, "--to", "openai", "--all")
    assert "2 of 2 runs written" in done.err
    assert "1 malformed place outside of any run left out" in done.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--to", "html", "--all"], "--all: html holds only one run per file (--run chooses one"),
        (["--to", "openai", "--all", "--run", "2"], "--run cannot be combined with --all"),
        (["--to", "openai", "--filter", "rewrd > 1"], "unknown name 'rewrd'"),
        (["--to", "openai", "--filter", "run > 1"], "run is not a field of a single run"),
    ],
    ids=lambda value: " ".join(value[2:]) if isinstance(value, list) else "",
)
def test_invalid_options_are_one_line_and_2(path: Path, options: list[str], message: str) -> None:
    done = within("export", path, *options)
    assert (done.code, done.out) == (2, b"")
    assert message in done.one_line


def test_an_existing_file_is_kept(path: Path) -> None:
    out = lines(path.with_name("out.jsonl"), "kept")
    assert within("export", path, "--to", "openai", "--all", "-o", out).code == 2
    assert out.read_text() == "kept\n"
    assert within("export", path, "--to", "openai", "--all", "-o", out, "--force").code == 0
    assert len(out.read_text("utf-8").splitlines()) == 3
    assert sorted(each.name for each in path.parent.iterdir()) == ["out.jsonl", "runs.jsonl"]


def test_nothing_is_written_if_no_run_passes_the_filter(path: Path) -> None:
    out = lines(path.with_name("out.jsonl"), "kept")
    options = ("--to", "openai", "--filter", "reward > 5", "-o", out, "--force")
    done = within("export", path, *options)
    assert done.code == 1
    assert "0 of 3 runs written" in done.err
    assert out.read_text() == "kept\n"
    assert within("export", path, *options[:4]).out == b""


def test_runs_of_several_files_are_lines_of_one(path: Path, tmp_path: Path) -> None:
    other = lines(tmp_path / "more.jsonl", chat("d", reward=1.0), chat("e", reward=0.0))
    for paths in ((path, other), (tmp_path,)):
        done = within("export", *paths, "--to", "openai", "--filter", "reward == 1")
        ids = [json.loads(line)["metadata"]["run_id"] for line in done.text.splitlines()]
        assert sorted(ids) == ["a", "c", "d"]


def test_a_target_folder_gets_one_file_per_run(path: Path, tmp_path: Path) -> None:
    lines(tmp_path / "alone.json", chat("alone", reward=1.0))
    (tmp_path / "sub").mkdir()
    lines(tmp_path / "sub" / "alone.json", chat("other", reward=1.0))
    out = tmp_path / "out"
    done = within("export", tmp_path, "--to", "atif", "--filter", "reward == 1", "-o", f"{out}/")
    assert done.code == 0 and "4 of 5 runs written" in done.err
    names = sorted(each.name for each in out.iterdir())
    assert names == ["alone-2.json", "alone.json", "runs-1.json", "runs-3.json"]
    assert all("steps" in json.loads((out / name).read_text()) for name in names)
    again = within("export", tmp_path / "alone.json", path, "--to", "atif", "-o", out)
    assert again.code == 2 and "exists (add --force" in again.err
