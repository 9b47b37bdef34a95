"""`scan` reports files that it cannot read to the end, and a scan that is interrupted."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import pytest

from hermes_tui.cli.scan_documents import JsonDocument, JUnit, Sarif
from hermes_tui.cli.scan_outputs import JsonLines, Output, Table, Write
from hermes_tui.cli.scan_summary import Ending
from hermes_tui.runtime.scan.rates import Rates
from tests.cli.program import PROJECT, hermes_tui, within
from tests.cli.scan_files import CHAT, called, chat, lines, many_runs

AFTER = "interrupted after 1.0 of 9.0 MB"


@pytest.fixture
def truncated(tmp_path: Path) -> Path:
    """Return a packed file whose end is missing; the readable part ends with a whole line."""
    packed = gzip.compress(b"".join(json.dumps(chat(name)).encode() + b"\n" for name in "ab"))
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(packed[:-4])
    return path


def test_a_truncated_file_is_reported_with_a_hint(truncated: Path) -> None:
    done = within("scan", truncated)
    assert done.code == 3
    assert done.text.splitlines()[0].endswith("  (not read to its end)")
    assert done.one_line.startswith(f"hermes-tui: {truncated}: Compressed file ended before")
    assert done.one_line.endswith("; what could be read is counted; fetch the file again")
    assert within("scan", truncated, "--runs").text.splitlines()[2] == (
        f"{truncated}  2 runs  (not read to its end)"
    )


def test_the_row_of_a_truncated_file_has_the_failure(truncated: Path) -> None:
    row = json.loads(within("scan", truncated, "--json").text)
    assert (row["runs"], row["complete"]) == (2, False)
    assert "ended before" in row["failure"]
    assert json.loads(within("scan", truncated, "--to", "json").text)["files"] == [row]


def test_junit_has_an_error_for_a_truncated_file(truncated: Path) -> None:
    [suite] = ElementTree.fromstring(within("scan", truncated, "--to", "junit").text)
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "0", "1")
    assert [case.get("name") for case in suite if case.find("error") is not None] == [
        "reading to its end"
    ]


def test_sarif_reports_no_success_with_a_truncated_or_missing_file(
    truncated: Path, tmp_path: Path
) -> None:
    whole = lines(tmp_path / "run.json", CHAT)
    for path, why in ((truncated, "ended before"), (tmp_path / "none.json", "no such file")):
        done = within("scan", path, whole, "--to", "sarif")
        [invocation] = json.loads(done.text)["runs"][0]["invocations"]
        assert invocation["executionSuccessful"] is False
        [note] = invocation["toolExecutionNotifications"]
        assert note["level"] == "error"
        assert why in note["message"]["text"]


def test_a_truncated_file_in_a_folder_counts_like_a_named_one(
    truncated: Path, tmp_path: Path
) -> None:
    lines(tmp_path / "run.json", CHAT)
    done = within("scan", tmp_path, "--to", "junit")
    assert (done.code, ElementTree.fromstring(done.text).get("errors")) == (3, "1")
    assert f"{truncated}: Compressed file ended before" in done.one_line
    rows = json.loads(within("scan", tmp_path, "--to", "json").text)["files"]
    assert [row.get("complete", True) for row in rows] == [False, True]


@pytest.mark.parametrize("options", [(), ("--ordered", "--jobs", "2")])
@pytest.mark.parametrize("runs", [(), ("--runs",)])
def test_json_lines_have_a_row_for_a_file_that_cannot_be_read(
    tmp_path: Path, options: tuple[str, ...], runs: tuple[str, ...]
) -> None:
    whole, binary = lines(tmp_path / "run.json", CHAT), tmp_path / "binary.json"
    binary.write_bytes(b"\0\1")
    missing = tmp_path / "none.json"
    state = tmp_path / "scan.state"
    for _ in range(2):
        done = within("scan", missing, whole, binary, "--json", "--state", state, *runs, *options)
        rows = [json.loads(line) for line in done.text.splitlines()]
        assert done.code == 3
        assert rows[0] == {
            "path": str(missing),
            "error": f"{missing}: no such file (check the path)",
        }
        assert rows[1]["messages"] == 2
        assert list(rows[2]) == ["path", "error"]
        assert rows[2]["error"].endswith("binary data (a transcript is JSON or JSON lines)")


def test_json_lines_of_runs_have_a_row_for_a_truncated_file(truncated: Path) -> None:
    rows = [
        json.loads(line) for line in within("scan", truncated, "--json", "--runs").text.splitlines()
    ]
    assert [row.get("id") for row in rows] == ["a", "b", None]
    assert rows[2]["error"].endswith("; what could be read is counted; fetch the file again")


def test_json_lines_with_files_that_cannot_be_read_can_be_a_baseline(
    truncated: Path, tmp_path: Path
) -> None:
    path, old = lines(tmp_path / "run.json", called("a", "sl")), tmp_path / "old.json"
    old.write_bytes(within("scan", tmp_path / "none.json", truncated, path, "--runs", "--json").out)
    assert old.read_text().count('"error":') == 2
    done = within("scan", path, "--baseline", old)
    assert (done.code, done.one_line) == (0, "hermes-tui: 0 new, 1 as in the baseline"), done.err


def output_of(make: Callable[..., Output], **options: object) -> str:
    """Return the output of a scan that was interrupted before anything was found."""
    texts: list[str] = []
    write: Write = texts.append
    output = make(write, **options)
    output.begin()
    output.end(Ending(Rates(), str, files=1, interrupted=AFTER))
    return "".join(texts)


def test_every_output_of_an_interrupted_scan_mentions_the_interruption() -> None:
    assert output_of(Table, by_run=False).endswith(
        f"{AFTER}: there is more than what is counted here\n"
    )
    for by_run in (False, True):
        assert json.loads(output_of(JsonLines, by_run=by_run, found=False)) == {"complete": False}
        assert json.loads(output_of(JsonDocument, by_run=by_run))["complete"] is False
    [invocation] = json.loads(output_of(Sarif))["runs"][0]["invocations"]
    assert invocation["executionSuccessful"] is False
    assert invocation["toolExecutionNotifications"] == [
        {"message": {"text": AFTER}, "level": "error"}
    ]
    [suite] = ElementTree.fromstring(output_of(JUnit, fails=bool, fail_if=""))
    assert suite.get("errors") == "1"
    error = suite[0].find("error")
    assert error is not None and error.get("message") == AFTER


@pytest.mark.parametrize("make", [JsonDocument, partial(JsonLines, found=False)])
def test_the_output_of_an_interrupted_scan_cannot_be_a_baseline(
    tmp_path: Path, make: Callable[..., Output]
) -> None:
    path, old = lines(tmp_path / "run.json", called("a", "sl")), tmp_path / "old.json"
    old.write_text(output_of(make, by_run=True))
    done = within("scan", path, "--baseline", old)
    assert (done.code, done.out) == (2, b"")
    assert done.one_line == (
        f"hermes-tui: --baseline {old}: from a scan that was interrupted (write it again)"
    )


def test_the_scan_of_a_truncated_file_can_be_a_baseline(truncated: Path, tmp_path: Path) -> None:
    old = tmp_path / "old.json"
    old.write_bytes(within("scan", truncated, "--to", "json").out)
    assert "0 new, 0 as in the baseline" in within("scan", truncated, "--baseline", old).err


def test_ctrl_c_on_standard_input_does_not_suggest_resuming(tmp_path: Path) -> None:
    path = many_runs(tmp_path / "runs.jsonl", 3_000)
    with (
        path.open("rb") as piped,
        subprocess.Popen(
            [sys.executable, "-m", "hermes_tui", "scan", "-", "--runs", "--json"],
            stdin=piped, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=PROJECT, bufsize=0,
        ) as scan,
    ):  # fmt: skip
        assert scan.stdout is not None
        # As long as its output is not read, it waits halfway through.
        scan.stdout.read(4_000)
        scan.send_signal(signal.SIGINT)
        rest, err = scan.communicate(timeout=120)
    assert scan.returncode == 130
    assert rest.endswith(b'\n{"complete":false}\n')
    [line] = err.decode().splitlines()
    before, _, after = line.partition(" bytes of standard input ")
    assert int(before.removeprefix("hermes-tui: interrupted after ").replace(",", "")) > 0
    assert after == "(standard input cannot be resumed; save it to a file for that)"


def test_a_state_for_standard_input_alone_is_refused(tmp_path: Path) -> None:
    state = tmp_path / "scan.state"
    done = within("scan", "-", "--state", state)
    assert (done.code, done.out, state.exists()) == (2, b"", False)
    assert done.one_line == (
        "hermes-tui: --state: standard input cannot be resumed (save it to a file)"
    )


def test_a_state_for_files_and_standard_input_leaves_out_the_latter(tmp_path: Path) -> None:
    path, state = lines(tmp_path / "run.json", CHAT), tmp_path / "scan.state"
    for _ in range(2):
        done = hermes_tui("scan", "-", path, "--state", state, stdin=path.read_bytes())
        assert (done.code, done.text.count("1 run:")) == (0, 2)
        assert done.one_line == (
            "hermes-tui: --state: standard input is skipped, since it cannot be resumed"
        )
    assert state.read_text().count('"unit"') == 1
