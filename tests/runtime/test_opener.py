"""Files are opened and their runs found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hermes_tui.model.errors import SourceError, UsageError
from hermes_tui.model.events import MessageAppended
from hermes_tui.runtime.opener import (
    FoundDefect,
    FoundRun,
    check_format,
    load_run,
    open_file,
    read_events,
    survey,
)

CHAT = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]


def write_lines(path: Path, *values: object) -> Path:
    path.write_text("".join(json.dumps(value) + "\n" for value in values))
    return path


def test_every_run_of_a_file_is_found_with_its_place(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "runs.jsonl", {"messages": CHAT, "id": "a"}, {"messages": CHAT})
    file = open_file(path)
    runs = [step for step in survey(file) if isinstance(step, FoundRun)]
    assert [(run.ref.number, run.ref.record, run.final) for run in runs] == [
        (0, 0, True),
        (1, 1, True),
    ]
    assert runs[0].state.run_id == "a"
    assert [event.seq for event in read_events(runs[1].ref)] == [0, 1, 2]
    assert load_run(runs[1].ref).complete
    file.close()


def test_a_long_run_is_found_while_it_is_read_and_once_complete(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "run.jsonl", *CHAT * 100)
    file = open_file(path)
    runs = [step for step in survey(file) if isinstance(step, FoundRun)]
    assert [run.final for run in runs] == [False] * 3 + [True]
    assert runs[-1].state.messages == 200
    file.close()


def test_a_torn_record_between_runs_is_a_defect_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    run = json.dumps({"messages": CHAT})
    path.write_text(f"{run}\n{{torn\n{run}\n")
    file = open_file(path)
    steps = list(survey(file))
    assert sum(isinstance(step, FoundRun) for step in steps) == 2
    defects = [step.defect.message for step in steps if isinstance(step, FoundDefect)]
    assert f"byte {len(run) + 2} of the file" in defects[0]
    file.close()


def test_a_recording_of_a_newer_version_is_refused_with_advice_to_update(tmp_path: Path) -> None:
    path = tmp_path / "new.jsonl"
    path.write_text('{"schema":99,"kind":"RunStarted","seq":0}\n')
    with pytest.raises(SourceError, match=r"schema 99.*update hermes-tui"):
        open_file(path)


def test_an_unknown_format_is_refused_with_the_nearest_name() -> None:
    check_format("openai-messages")
    with pytest.raises(UsageError, match="did you mean openai-messages"):
        check_format("openai-message")


def test_a_forced_format_is_used(tmp_path: Path) -> None:
    file = open_file(write_lines(tmp_path / "run.jsonl", *CHAT), wanted_format="generic")
    assert file.reader.name == "generic"
    assert any(
        isinstance(event, MessageAppended)
        for step in survey(file)
        if isinstance(step, FoundRun)
        for event in read_events(step.ref)
    )
    file.close()
