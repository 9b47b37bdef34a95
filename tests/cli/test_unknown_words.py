"""Typical mistakes of new users are answered with helpful messages."""

from __future__ import annotations

from pathlib import Path

import pytest

from hermes_tui.cli.main import main
from tests.cli.scan_files import CHAT, lines


def outcome_of(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Return the exit code and the text on standard error."""
    code = main(arguments)
    return code, capsys.readouterr().err


def test_the_text_of_several_files_fails_if_one_cannot_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(lines(tmp_path / "run.json", CHAT))
    missing = str(tmp_path / "missing.json")
    code, errors = outcome_of(["open", run, missing], capsys)
    assert code == 3
    assert "no such file" in errors
    assert outcome_of(["open", run, run], capsys)[0] == 0


def test_the_text_of_a_folder_does_not_fail_if_a_file_is_not_a_transcript(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines(tmp_path / "run.json", CHAT)
    (tmp_path / "notes.txt").write_text("notes")
    assert outcome_of(["open", str(tmp_path)], capsys)[0] == 0


def test_a_saved_run_that_is_parsed_as_a_reply_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(lines(tmp_path / "a run.json", CHAT))
    _, errors = outcome_of(["parse", run, "--parser", "vllm/hermes"], capsys)
    assert "looks like a transcript" in errors
    assert f"`hermes-tui open '{run}'`" in errors


def test_a_bare_call_is_not_a_transcript(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = tmp_path / "call.json"
    call.write_text('[{"name": "terminal", "arguments": {"command": "ls"}}]')
    assert "transcript" not in outcome_of(["parse", str(call)], capsys)[1]


def test_a_reply_in_utf_16_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reply = tmp_path / "reply.txt"
    text = 'ok\r\n<tool_call>{"name": "f", "arguments": {}}</tool_call>'
    reply.write_bytes(text.encode("utf-16"))
    assert main(["parse", str(reply), "--parser", "vllm/hermes"]) == 0
    captured = capsys.readouterr()
    assert "is UTF-16 and is read as such" in captured.err
    assert "call 1: f {}" in captured.out


def test_binary_data_is_not_parsed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "a.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xfe")
    assert main(["parse", str(picture)]) == 2
    captured = capsys.readouterr()
    assert "a.png is not text" in captured.err
    assert not captured.out


def test_the_demo_is_recorded_elsewhere_if_the_usual_place_is_not_writable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    no_folder = tmp_path / "file"
    no_folder.write_text("")
    monkeypatch.setenv("HOME", str(no_folder))
    monkeypatch.setenv("XDG_STATE_HOME", str(no_folder))
    code, errors = outcome_of(["demo"], capsys)
    assert code == 4
    assert f"{no_folder}/hermes-tui/runs cannot be written: the demo is recorded in /" in errors


def test_a_run_that_cannot_be_recorded_is_refused_with_alternatives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    no_folder = tmp_path / "file"
    no_folder.write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(no_folder))
    code, errors = outcome_of(["live", "--api", "demo", "--headless"], capsys)
    assert code == 3
    assert "(name a file with --record FILE, or --no-record)" in errors


def test_a_run_without_a_working_folder_is_refused_with_the_option(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    code, errors = outcome_of(["live", "--api", "demo", "--headless", "--no-record"], capsys)
    assert code == 3
    assert errors == (
        "hermes-tui: a new working folder: No such file or directory"
        " (name one with --workdir, or set TMPDIR)\n"
    )


def test_a_server_that_lists_no_models_is_reported_with_a_hint_at_the_url(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from tests.servers.local_server import Answer, LocalServer

    with LocalServer(Answer([b"{}"]), Answer([b"{}"])) as server:
        code, errors = outcome_of(
            ["live", "--server", server.url, "--task", "x", "--headless"], capsys
        )
    assert code == 3
    assert "the base URL of most servers ends in /v1; or name the model with --model" in errors
