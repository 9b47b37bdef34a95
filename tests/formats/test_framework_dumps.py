"""Files by the frameworks' own writers are recognised (`tests/fixtures/frameworks`)."""

from __future__ import annotations

import json
import pickle
import shutil
import sqlite3
from pathlib import Path

import pytest

from hermes_tui.formats.detect import detect
from hermes_tui.formats.reader import split_runs
from hermes_tui.formats.registry import formats
from hermes_tui.log.summary import fold_run
from hermes_tui.model.events import Event, SourceDefect
from hermes_tui.runtime.databases.export import export_lines
from hermes_tui.runtime.sources import open_source
from tests.formats.foreign import counts, dialog, ended, only, read_by, results, runs

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "frameworks"
LANGCHAIN = [
    ("system", "Be brief."),
    ("user", "Add one and one."),
    ("assistant", "Adding."),
    ("tool", "2"),
    ("tool", "it is no JSON"),
    ("assistant", "Two."),
]


def opened(name: str, format_name: str) -> list[Event]:
    source = open_source(FIXTURES / name)
    while not source.complete:
        source.refresh()
    detection = detect(source, formats())
    assert detection.reader is not None
    assert (detection.reader.name, detection.rivals) == (format_name, ())
    events = read_by(detection.reader, source)
    source.close()
    assert only(events, SourceDefect) == []
    return events


def codes(events: list[Event]) -> set[str]:
    return {str(code) for run in split_runs(tuple(events))[1] for code in fold_run(run)[0].codes}


@pytest.mark.parametrize("spelling", ["model_dump", "messages_to_dict", "dumpd"])
def test_every_spelling_of_langchain_messages_reads_the_same(spelling: str) -> None:
    events = opened(f"langchain_{spelling}.json", "langchain-messages")
    assert dialog(events) == LANGCHAIN
    assert counts(events) == (1, 6, 2)
    assert codes(events) == {"ARGS_INVALID", "TOOL_ERROR"}


def test_updates_of_a_graph_are_one_run() -> None:
    events = opened("langgraph_updates.jsonl", "langchain-messages")
    assert counts(events) == (1, 6, 3)
    assert dialog(events)[-1] == ("assistant", "Three, seven, nine.")


def test_threads_of_a_graph_are_groups_of_their_last_states() -> None:
    events = opened("langgraph_checkpoints.db", "langchain-messages")
    run_events = split_runs(tuple(events))[1]
    assert [(run[0].group_id, dialog(list(run))) for run in run_events] == [  # type: ignore[union-attr]
        ("done", [("user", "What is one and two?"), ("assistant", "Three.")]),
        ("done", [("user", "What is one and two?"), ("user", "In words, please.")]),
        ("failed", [("user", "What is one and two?")]),
    ]
    assert ended(events).status == "error"
    assert "StopIteration" in ended(events).stop_reason


def test_a_pickled_checkpoint_is_not_loaded(tmp_path: Path) -> None:
    path = shutil.copy(FIXTURES / "langgraph_checkpoints.db", tmp_path / "c.db")
    connection = sqlite3.connect(path)
    harm = pickle.dumps(Harm(str(tmp_path / "harm")))
    connection.execute("UPDATE checkpoints SET type = 'pickle', checkpoint = ?", (harm,))
    connection.execute("UPDATE writes SET value = x'c1'")
    connection.commit()
    connection.close()
    lines = [json.loads(line) for line in export_lines(Path(path))]
    assert len(lines) == 3
    assert "not read" in lines[0]["values"]["state"]
    assert not (tmp_path / "harm").exists()
    assert "not readable" in lines[2]["pending_writes"]["__error__"]


class Harm:
    """Writes a file when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (self.path, "w")


def test_an_agent_called_by_a_tool_is_a_child_run_of_its_caller() -> None:
    events = opened("langsmith_runs.jsonl", "langsmith")
    boss, helper = split_runs(tuple(events))[1]
    assert counts(list(boss)) == (1, 8, 3)
    assert dialog(list(boss))[:2] == [
        ("system", "Be brief."),
        ("user", "Add, then ask for the time."),
    ]
    assert dialog(list(helper)) == [("user", "What is the time?"), ("assistant", "It is nine.")]
    first, second = runs(events)
    assert second.parent_run_id == first.run_id
    assert second.details["called_by_tool"] == "helper"
    assert all(result.duration_s is not None for result in results(list(boss)))
    assert codes(events) == set()


def test_retries_of_pydantic_ai_are_errors_of_the_tools_that_were_tried() -> None:
    events = opened("pydantic_ai.json", "pydantic-ai")
    assert counts(events) == (1, 12, 5)
    assert [result.content for result in results(events) if result.error] == [
        "city: Input should be a valid string",
        "Bonn is unknown",
        "Unknown tool name: 'nothing'. Available tools: 'clock', 'weather'",
    ]
    assert codes(events) == {"ARGS_INVALID", "TOOL_ERROR"}


def test_a_run_of_the_agents_sdk_waits_for_approval_and_continues() -> None:
    pending = opened("agents_pending.json", "agents-runstate")
    assert (counts(pending), codes(pending)) == ((1, 3, 2), {"CALL_UNANSWERED"})
    done = opened("agents_done.json", "agents-runstate")
    assert (counts(done), codes(done)) == ((1, 5, 2), set())
    assert dialog(done)[-1] == ("assistant", "Rain; paid.")


def test_the_session_of_the_agents_sdk_has_the_messages_of_its_run() -> None:
    events = opened("agents_sessions.db", "responses-items")
    assert dialog(events) == dialog(opened("agents_done.json", "agents-runstate"))
    assert codes(events) == set()
