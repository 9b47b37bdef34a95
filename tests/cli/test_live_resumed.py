"""`hermes-tui live --headless --resume`: what needs no person continues, the rest says who does."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_live import events, kinds, live


@pytest.fixture
def recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the recording of a finished run of the demo."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    path = tmp_path / "run.jsonl"
    assert live("--api", "demo", "--record", str(path)).returncode == 0
    yield path


def cut_after(path: Path, kind: str, number: int) -> None:
    """Cut a recording after the `number`th event of `kind`, as a kill would."""
    lines = path.read_bytes().splitlines(keepends=True)
    places = [place for place, name in enumerate(kinds(path.read_text())) if name == kind]
    path.write_bytes(b"".join(lines[: places[number - 1] + 1]))


@pytest.mark.parametrize("kind", ["RequestSent", "ResponseReceived"])
def test_a_request_whose_reply_was_lost_is_sent_again(recording: Path, kind: str) -> None:
    cut_after(recording, kind, 2)
    again = live("--resume", str(recording))
    assert again.returncode == 0, again.stderr
    assert "the reply to the last request was lost: sending it again" in again.stderr
    sent = [event for event in events(recording.read_text()) if event["kind"] == "RequestSent"]
    assert [(event["turn"], event.get("attempt", 1)) for event in sent[1:3]] == [(2, 1), (2, 2)]
    resumed = [event for event in events(recording.read_text()) if event["kind"] == "Resumed"]
    assert [(event["command"], event["by"]) for event in resumed] == [("retry", "program")]


def test_a_run_whose_folder_is_gone_is_not_resumed_in_another(recording: Path) -> None:
    workdir = Path(events(recording.read_text())[0]["details"]["live"]["workdir"])
    cut_after(recording, "RequestSent", 2)
    shutil.rmtree(workdir)
    refused = live("--resume", str(recording))
    assert refused.returncode == 3
    assert refused.stderr == (
        f"hermes-tui: {workdir}: the folder that the run worked in is gone"
        " (make it again, or name another with --workdir)\n"
    )
    assert live("--resume", str(recording), "--workdir", str(recording.parent)).returncode == 0


def test_a_request_lost_twice_is_sent_again(recording: Path) -> None:
    cut_after(recording, "RequestSent", 2)
    live("--resume", str(recording))
    cut_after(recording, "Stopped", 1)
    again = live("--resume", str(recording))
    assert (again.returncode, kinds(recording.read_text())[-1]) == (0, "RunEnded")


def test_a_tool_that_may_have_run_is_not_run_again_without_a_person(recording: Path) -> None:
    cut_after(recording, "ToolDispatched", 1)
    again = live("--resume", str(recording))
    assert again.returncode == 4
    assert kinds(recording.read_text())[-1] == "Stopped"
    (name,) = [e["name"] for e in events(recording.read_text()) if e["kind"] == "ToolDispatched"]
    expected = f"stopped at recovery: {name} may already have run, and its result is lost"
    assert f"{expected}: a person is needed; continue with" in again.stderr
