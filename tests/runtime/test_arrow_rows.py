"""Rows of Arrow files and streams, as Hugging Face's datasets saves them, open as runs."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hermes_tui.runtime.opener import FoundRun, open_file, survey
from hermes_tui.runtime.packed.arrow_rows import arrow_lines
from hermes_tui.runtime.packed.parquet_rows import MAX_BATCH_ROWS
from hermes_tui.runtime.targets import expand_paths
from tests.cli.program import within

pa = pytest.importorskip("pyarrow")
ipc = pytest.importorskip("pyarrow.ipc")

CHAT = [
    {"role": "user", "content": "List.", "tool_calls": None},
    {"role": "assistant", "content": "Done.", "tool_calls": None},
]


def write(path: Path, rows: list[dict[str, Any]], *, stream: bool = True) -> Path:
    table = pa.Table.from_pylist(rows)
    opened = ipc.new_stream if stream else ipc.new_file
    with opened(str(path), table.schema) as writer:
        writer.write_table(table, max_chunksize=MAX_BATCH_ROWS + 3)
    return path


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "file"])
def test_a_row_of_messages_is_a_run(stream: bool, tmp_path: Path) -> None:
    path = write(tmp_path / "a.arrow", [{"id": n, "messages": CHAT} for n in "12"], stream=stream)
    file = open_file(path, whole=True)
    try:
        found = [step for step in survey(file) if isinstance(step, FoundRun)]
    finally:
        file.close()
    assert file.reader.name == "openai-messages"
    assert [run.state.run_id for run in found] == ["1", "2"]


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "file"])
def test_rows_keep_their_order_across_batches(stream: bool, tmp_path: Path) -> None:
    rows = [{"n": number} for number in range(5 * MAX_BATCH_ROWS)]
    path = write(tmp_path / "a.arrow", rows, stream=stream)
    with path.open("rb") as file:
        assert [*map(json.loads, arrow_lines("a", file, path.stat().st_size))] == rows


def test_an_arrow_file_on_standard_input_opens(tmp_path: Path) -> None:
    path = write(tmp_path / "a.arrow", [{"messages": CHAT}])
    command = [sys.executable, "-m", "hermes_tui", "scan", "--json", "-"]
    with path.open("rb") as piped:
        done = subprocess.run(command, stdin=piped, capture_output=True, timeout=240, check=False)
    assert json.loads(done.stdout)["format"] == "openai-messages"


def test_arrow_files_are_found_in_folders(tmp_path: Path) -> None:
    path = write(tmp_path / "data-00000-of-00001.arrow", [{"messages": CHAT}])
    assert [target.path for target in expand_paths([str(tmp_path)])] == [path]


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "file"])
@pytest.mark.parametrize("cut", [9, 40, 500])
def test_a_damaged_arrow_file_is_refused_in_one_line(
    cut: int, stream: bool, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.arrow", [{"messages": CHAT}], stream=stream)
    path.write_bytes(path.read_bytes()[:cut])
    done = within("scan", path)
    assert done.code == 3
    assert done.err.count("\n") == 1
    assert "damaged Arrow data" in done.err


def test_a_file_without_its_footer_keeps_its_rows(tmp_path: Path) -> None:
    path = write(tmp_path / "a.arrow", [{"messages": CHAT}], stream=False)
    path.write_bytes(path.read_bytes()[:-30])
    assert within("scan", path).code == 0


@pytest.mark.parametrize("length", [-2, 2**31 - 1])
def test_a_false_length_is_refused_in_one_line(length: int, tmp_path: Path) -> None:
    path = tmp_path / "a.arrow"
    path.write_bytes(b"\xff\xff\xff\xff" + struct.pack("<i", length) + b"x" * 100)
    done = within("scan", path)
    assert done.code == 3
    assert done.err.count("\n") == 1
    assert "damaged Arrow data" in done.err


def test_a_byte_changed_anywhere_leads_to_rows_or_a_refusal(tmp_path: Path) -> None:
    path = write(tmp_path / "a.arrow", [{"id": "r", "messages": CHAT}] * 3)
    whole = path.read_bytes()
    for place in range(8, len(whole), 13):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        with path.open("rb") as file:
            try:
                list(arrow_lines("a", file, len(whole)))
            except ValueError as error:
                assert "damaged Arrow data" in str(error)
