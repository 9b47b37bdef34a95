"""`scan` prints counts and findings in several forms, with the matching exit code."""

from __future__ import annotations

import gzip
import json
import os
import socket
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hermes_tui.cli.main import main
from tests.cli.program import hermes_tui, within

FILE_KEYS = [
    "path", "format", "runs", "messages", "tool_calls", "tool_results", "tool_errors", "reasoning",
    "diagnostics", "defects",
]  # fmt: skip
RUN_KEYS = [
    "run", "id", "group", "task", "model", "status", "stop_reason", "reward", "scores",
    "task_digest", "turns", "errors", "warnings", "size", "tools", "failed_tools", "tokens_in",
    "tokens_out", "cost", "duration", "latency", "began", "latest", "parser", "parent",
    "findings", "fingerprint", "content", "offset",
]  # fmt: skip
FINDING_KEYS = ["code", "severity", "turn", "message", "span", "hint", "tool", "at"]
CHAT = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]


def scan(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, list[Any]]:
    code = main(["scan", "--json", *map(str, arguments)])
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def write(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value))
    return path


def test_the_json_object_of_a_file_has_exactly_these_keys(
    transcripts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, rows = scan(capsys, transcripts / "clean-run.json", transcripts / "ids.json")
    assert [list(row) for row in rows] == [FILE_KEYS, FILE_KEYS]
    assert rows[0] == {
        "path": str(transcripts / "clean-run.json"),
        "format": "openai-messages",
        "runs": 1,
        "messages": 12,
        "tool_calls": 5,
        "tool_results": 5,
        "tool_errors": 0,
        "reasoning": 1,
        "diagnostics": {},
        "defects": 0,
    }
    assert rows[1]["diagnostics"] == {"ID_DUPLICATE": 2, "ID_MISSING": 2}
    assert code == 1


def test_the_json_object_of_a_run_also_has_its_number_id_and_findings(
    transcripts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, rows = scan(capsys, "--runs", transcripts / "trajectory_samples.jsonl")
    assert [list(row) for row in rows] == [[*FILE_KEYS, *RUN_KEYS]] * 3
    assert [row["run"] for row in rows] == [1, 2, 3]
    assert [row["runs"] for row in rows] == [1, 1, 1]
    findings = [finding for row in rows for finding in row["findings"]]
    assert all(list(finding) == FINDING_KEYS for finding in findings)
    assert {"TOOL_ERROR", "ARGS_INVALID"} <= {finding["code"] for finding in findings}


def test_a_finding_in_text_has_its_span_and_any_other_has_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = 'ok <tool_call>\n{"name": "ls", "arguments": {},}\n</tool_call>'
    path = write(tmp_path / "run.json", [*CHAT[:1], {"role": "assistant", "content": text}])
    _, rows = scan(capsys, "--runs", path)
    spans = {finding["code"]: finding["span"] for finding in rows[0]["findings"]}
    start, end = spans["TRAILING_COMMA"]
    assert text[start:end].startswith(",")
    _, rows = scan(capsys, "--runs", write(path, [{"role": "critic", "content": "no"}]))
    assert [finding["span"] for finding in rows[0]["findings"]] == [None]


def test_clean_runs_notes_and_warnings_are_0(
    transcripts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert scan(capsys, transcripts / "clean-run.json")[0] == 0
    assert scan(capsys, transcripts / "arguments-as-object.json")[0] == 0
    assert scan(capsys, transcripts / "unknown-role.json")[0] == 0


def test_one_error_in_many_files_is_1_and_one_unreadable_file_is_3(
    transcripts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clean, wrong = transcripts / "clean-run.json", transcripts / "unknown-tool.json"
    assert scan(capsys, clean, wrong, clean.parent / "ids.json")[0] == 1
    code, rows = scan(capsys, clean, tmp_path / "missing.json", wrong)
    assert (code, ["error" in row for row in rows]) == (3, [False, True, False])


def test_a_record_without_a_message_is_reported_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    first = json.dumps({"messages": [{"role": "user", "content": "x"}]}) + "\n"
    path.write_text(first + '{"note": 1}\n')
    for command in ("scan", "open"):
        errors = within(command, path).err
        assert f"byte {len(first)} of the file: " in errors and errors.count("byte ") == 1


def test_plain_lines_count_one_message_and_thousands_of_them(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    run = json.dumps({"messages": [{"role": "user", "content": "x"}]}) + "\n"
    path.write_text(run)
    assert ": 1 message, 0 calls  clean" in within("scan", path).text
    path.write_text(run * 1200)
    assert "  1,200 runs: 1,200 messages, 0 calls  clean" in within("scan", path).text


def test_plain_lines_have_counts_and_codes_or_the_word_clean(transcripts: Path) -> None:
    done = within("scan", transcripts / "clean-run.json", transcripts / "ids.json")
    first, second = done.text.splitlines()[:2]
    assert first.endswith(
        "clean-run.json  openai-messages  1 run: 12 messages, 5 calls, 5 results, "
        "1 reasoning block  clean"
    )
    assert second.endswith("ID_DUPLICATE×2 ID_MISSING×2")
    assert done.err == ""


def test_a_finding_about_the_whole_file_is_not_a_malformed_place(transcripts: Path) -> None:
    [line] = within("scan", transcripts / "unheard-of-format.json").text.splitlines()[:1]
    assert line.endswith(" 4 messages, 0 calls  SOURCE_DEFECT×1")


def test_plain_runs_list_errors_and_warnings_with_hints(transcripts: Path) -> None:
    done = within("scan", "--runs", transcripts / "unknown-tool.json")
    assert "  error   NAME_UNKNOWN turn 1: no declared tool is called 'readfile'" in done.text
    assert "nearest: read_file" in done.text
    notes = within("scan", "--runs", transcripts / "arguments-as-object.json")
    assert len(notes.text.splitlines()) == 1


def test_a_whole_folder_is_scanned_and_skipped_files_are_reported(
    tmp_path: Path,
) -> None:
    write(tmp_path / "a.json", CHAT)
    write(tmp_path / "b.json", {"loss": 1})
    (tmp_path / "c.log").write_text("[12:00] started\n")
    (tmp_path / "d.jsonl").touch()
    (tmp_path / "README.md").write_text("# Runs\n")
    done = within("scan", "--json", tmp_path)
    assert done.code == 0
    assert [json.loads(line)["path"] for line in done.text.splitlines()] == [
        str(tmp_path / "a.json")
    ]
    assert [line.split(str(tmp_path))[0] for line in done.err.splitlines()] == [
        "hermes-tui: skipped "
    ] * 3
    assert within("scan", tmp_path / "*").code == 0


def test_special_files_in_a_folder_are_skipped_and_reported() -> None:
    # The path of a socket must be short.
    short = tempfile.TemporaryDirectory(dir="/tmp")
    with short as name, socket.socket(socket.AF_UNIX) as listening:
        folder = Path(name)
        write(folder / "a.json", CHAT)
        os.mkfifo(folder / "b.json")
        (folder / "c.json").symlink_to("/dev/zero")
        listening.bind(str(folder / "d.json"))
        done = within("scan", "--json", folder)
        assert done.code == 0
        assert [line.partition(" (")[0] for line in done.err.splitlines()] == [
            f"hermes-tui: skipped {folder / named}: not a regular file"
            for named in ("b.json", "c.json", "d.json")
        ]
        assert within("scan", folder / "d.json").code == 3


def with_torn_gzip(folder: Path) -> Path:
    path = folder / "torn.json.gz"
    path.write_bytes(gzip.compress(json.dumps(CHAT).encode())[:20])
    return path


def with_content(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def with_dangling_link(folder: Path) -> Path:
    path = folder / "annexed.json"
    path.symlink_to(folder / "nowhere")
    return path


@pytest.mark.parametrize(
    "damaged",
    [
        with_torn_gzip,
        with_dangling_link,
        partial(with_content, name="b.json", content=bytes(range(256)) * 8),
        partial(
            with_content, name="b.jsonl", content=b"version https://git-lfs.github.com/spec/v1"
        ),
        partial(with_content, name="b.jsonl", content=b'{"messages": [{"role":'),
        partial(with_content, name="b.zip", content=b"PK\x03\x04torn"),
    ],
)
def test_a_damaged_transcript_in_a_folder_is_3_and_in_the_report(
    tmp_path: Path, damaged: Callable[[Path], Path]
) -> None:
    write(tmp_path / "a.json", CHAT)
    path = damaged(tmp_path)
    done = within("scan", "--to", "json", tmp_path)
    assert done.code == 3
    assert done.one_line.startswith(f"hermes-tui: {path}: ")
    assert [row["path"] for row in json.loads(done.text)["files"] if "error" in row] == [str(path)]


def test_a_dangling_link_is_named_with_its_target_and_the_rest_is_summed_up(
    tmp_path: Path,
) -> None:
    write(tmp_path / "a.json", CHAT)
    path = with_dangling_link(tmp_path)
    done = within("scan", tmp_path)
    assert done.code == 3
    why = f"{path}: a link to {tmp_path / 'nowhere'}, and there is no such file"
    next_step = "fetch the file, as with `git annex get`, or remove the link"
    assert done.one_line == f"hermes-tui: {why} ({next_step})"
    assert "\n1 run in 1 file, 0 with errors; 1 file could not be read\n" in done.text


def test_a_folder_without_a_readable_file_is_3(tmp_path: Path) -> None:
    write(tmp_path / "b.json", {"loss": 1})
    assert within("scan", tmp_path).code == 3


def test_a_glob_is_also_expanded_by_the_program(tmp_path: Path) -> None:
    write(tmp_path / "a.json", CHAT)
    write(tmp_path / "b.json", CHAT)
    done = hermes_tui("scan", "--json", "*.json", cwd=tmp_path)
    assert [json.loads(line)["path"] for line in done.text.splitlines()] == ["a.json", "b.json"]


def test_a_file_named_twice_is_scanned_once(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", CHAT)
    assert len(within("scan", path, path, tmp_path).text.splitlines()) == 1


def test_a_format_can_be_forced(transcripts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = transcripts / "clean-run.json"
    _, rows = scan(capsys, "--format", "generic", path)
    assert rows[0]["format"] == "generic"
    assert rows[0]["messages"] == 12


def test_counts_do_not_depend_on_the_container(
    tmp_path: Path, transcripts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads((transcripts / "ids.json").read_text())
    messages = document["messages"]
    lines = "".join(json.dumps(message) + "\n" for message in messages)
    (tmp_path / "lines.jsonl").write_text(lines)
    (tmp_path / "crlf.jsonl").write_bytes(b"\xef\xbb\xbf" + lines.replace("\n", "\r\n").encode())
    write(tmp_path / "array.json", messages)
    write(tmp_path / "line.jsonl", document)
    (tmp_path / "wrapped.json").write_text(json.dumps({"messages": messages}, indent=3))
    _, rows = scan(capsys, tmp_path)
    assert len(rows) == 5
    expected = {**rows[0], "path": ""}
    assert expected["diagnostics"] == {"ID_DUPLICATE": 2, "ID_MISSING": 2}
    assert [{**row, "path": ""} for row in rows] == [expected] * 5


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_name_that_begins_with_a_tilde_is_not_expanded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobs: str
) -> None:
    write(tmp_path / "~backup.json", CHAT)
    monkeypatch.chdir(tmp_path)
    for given in (".", "~backup.json"):
        (line,) = within("scan", given, "--jobs", jobs).text.splitlines()
        assert line.startswith("~backup.json")
    assert within("scan", "~nobody-has-this-name/x.json").code == 3


def test_a_file_of_several_formats_is_mixed_and_each_run_has_its_format(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shared = {"conversations": [{"from": "human", "value": "x"}, {"from": "gpt", "value": "y"}]}
    values = [{"messages": CHAT}, {"messages": CHAT}, shared, shared]
    path = tmp_path / "runs.jsonl"
    path.write_text("".join(json.dumps(value) + "\n" for value in values))
    code, (row,) = scan(capsys, path)
    assert (code, row["format"], row["diagnostics"]) == (0, "mixed", {})
    assert row["formats"] == {"openai-messages": 2, "sharegpt": 2}
    _, rows = scan(capsys, "--runs", path)
    assert [row["format"] for row in rows] == ["openai-messages"] * 2 + ["sharegpt"] * 2
    assert "  mixed: 2 openai-messages, 2 sharegpt  4 runs: " in within("scan", path).text
