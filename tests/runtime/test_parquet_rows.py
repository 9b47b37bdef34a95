"""Rows of Parquet files open as runs."""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from hermes_tui.runtime.opener import FoundRun, open_file, read_events, survey
from hermes_tui.runtime.packed import limits, parquet_rows
from hermes_tui.runtime.packed.parquet_rows import MAX_BATCH_ROWS, parquet_lines
from hermes_tui.runtime.targets import expand_paths
from tests.cli.program import within
from tests.formats.foreign import calls, messages

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


def call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"id": "c1", "type": "function", "function": {"name": name, "arguments": arguments}}


CHAT = [
    {"role": "user", "content": "List.", "tool_calls": None},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [call("ls", path="."), call("cat", file="a")],
    },
]


def write(path: Path, rows: list[dict[str, Any]], **options: Any) -> Path:
    parquet.write_table(pa.Table.from_pylist(rows), path, **options)
    return path


def rows_of(path: Path) -> Iterator[Any]:
    with path.open("rb") as file:
        yield from map(json.loads, parquet_lines(path.name, file, path.stat().st_size))


def format_and_runs(path: Path) -> tuple[str, list[FoundRun]]:
    file = open_file(path, whole=True)
    try:
        return file.reader.name, [step for step in survey(file) if isinstance(step, FoundRun)]
    finally:
        file.close()


def test_a_row_of_messages_is_a_run(tmp_path: Path) -> None:
    name, runs = format_and_runs(
        write(tmp_path / "a.parquet", [{"id": f"r{n}", "messages": CHAT} for n in "12"])
    )
    assert name == "openai-messages"
    assert [run.state.run_id for run in runs] == ["r1", "r2"]


def test_arguments_do_not_have_the_keys_of_other_calls(tmp_path: Path) -> None:
    file = open_file(write(tmp_path / "a.parquet", [{"messages": CHAT}]), whole=True)
    run = next(step for step in survey(file) if isinstance(step, FoundRun))
    events = read_events(run.ref)
    file.close()
    assert [item.arguments for item in calls(events)] == [{"path": "."}, {"file": "a"}]
    assert [message.text for message in messages(events)] == ["List.", ""]


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ({"messages": json.dumps(CHAT)}, "openai-messages"),
        ({"conversations": [{"from": "human", "value": "q"}]}, "sharegpt"),
        ({"trajectory": [{"role": "ai", "text": "Done."}], "target": True}, "swe-agent-rows"),
    ],
    ids=["messages as text", "sharegpt", "swe-agent rows"],
)
def test_rows_are_recognised_like_lines(row: dict[str, Any], name: str, tmp_path: Path) -> None:
    assert format_and_runs(write(tmp_path / "a.parquet", [row, row]))[0] == name


def test_rows_keep_their_order_across_batches_and_row_groups(tmp_path: Path) -> None:
    rows = [{"n": number} for number in range(5 * MAX_BATCH_ROWS + 3)]
    path = write(tmp_path / "a.parquet", rows, row_group_size=2 * MAX_BATCH_ROWS + 1)
    assert list(rows_of(path)) == rows


def test_values_without_a_json_form_become_texts(tmp_path: Path) -> None:
    row = {
        "when": datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC),
        "cost": Decimal("0.25"),
        "text": b"hi",
        "image": b"\xff\xfe",
        "took": datetime.timedelta(seconds=2),
    }
    table = pa.Table.from_pylist([row]).append_column(
        "counts", pa.array([[(1, "a")]], pa.map_(pa.int64(), pa.string()))
    )
    parquet.write_table(table, tmp_path / "a.parquet")
    (found_row,) = rows_of(tmp_path / "a.parquet")
    assert found_row == {
        "when": "2026-01-02T00:00:00+00:00",
        "cost": "0.25",
        "text": "hi",
        "image": "//4=",
        "took": "0:00:02",
        "counts": {"1": "a"},
    }


def test_a_parquet_file_on_standard_input_opens(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", [{"messages": CHAT}])
    command = [sys.executable, "-m", "hermes_tui", "scan", "--json", "-"]
    with path.open("rb") as piped:
        done = subprocess.run(command, stdin=piped, capture_output=True, timeout=240, check=False)
    assert json.loads(done.stdout)["format"] == "openai-messages"


def test_parquet_files_are_found_in_folders(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", [{"messages": CHAT}])
    assert [target.path for target in expand_paths([str(tmp_path)])] == [path]


@pytest.mark.parametrize("cut", [4, 40, -9])
def test_a_damaged_parquet_file_is_refused_in_one_line(cut: int, tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", [{"messages": CHAT}])
    path.write_bytes(path.read_bytes()[:cut])
    done = within("scan", path)
    assert done.code == 3
    assert done.err.count("\n") == 1
    assert "damaged Parquet data" in done.err


def test_rows_above_the_compression_ratio_limit_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "FREE_BYTES", 1 << 20)
    monkeypatch.setattr(limits, "MAX_RATIO", 10)
    path = write(tmp_path / "a.parquet", [{"text": "x" * 100_000}] * 100)
    done = within("scan", path)
    assert done.err.count("\n") == 1
    assert "its rows take more than 1 MB" in done.err


def test_a_missing_package_is_reported_with_the_extra_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.parquet", [{"messages": CHAT}])
    monkeypatch.setattr(parquet_rows, "find_spec", lambda name: None)
    done = within("scan", path)
    assert done.code == 3
    assert done.err.count("\n") == 1
    assert "pip install 'hermes-tui[parquet]'" in done.err


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # The manifest takes the tree for one run; three nodes are branches of their own.
        ("metr-malt.parquet", (4, 13, 0, 0)),
        ("swe_gym_openhands-synthetic.parquet", (2, 21, 10, 0)),
    ],
)
def test_real_files_match_their_manifest(
    name: str, expected: tuple[int, ...], trajectories: Path
) -> None:
    _, runs = format_and_runs(trajectories / "21-datasets" / name)
    states = [run.state for run in runs]
    assert (
        len(runs),
        sum(state.messages for state in states),
        sum(state.calls for state in states),
        sum(state.tool_errors for state in states),
    ) == expected
