"""Each sample run has the findings that it was made to show, and no others."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from hermes_tui.debugger.session import Session
from hermes_tui.log.codec import decode, encode
from hermes_tui.log.summary import fold_run
from hermes_tui.model.events import MessageAppended, RunEnded, ToolReturned
from hermes_tui.runtime.opener import FoundRun, open_file, read_events, survey
from tests.cli.program import hermes_tui, within

SHOWN: dict[str, tuple[str, int, dict[str, int]]] = {
    "arguments-as-object.json": ("openai-messages", 1, {"ARGS_OBJECT": 1}),
    "arguments-double-encoded.json": ("openai-messages", 1, {"ARGS_DOUBLE": 1}),
    "arguments-not-an-object.json": (
        "openai-messages",
        1,
        {"ARGS_NOT_OBJECT": 3, "SCHEMA_VIOLATION": 1, "TOOL_ERROR": 3},
    ),
    "arguments-not-json.json": ("openai-messages", 1, {"ARGS_INVALID": 2, "TOOL_ERROR": 2}),
    "atropos-group.jsonl": ("atropos-group", 4, {"BRACES_MISSING": 1, "CALL_UNANSWERED": 1}),
    "batch_1.jsonl": ("hermes-batch", 1, {"NAME_UNKNOWN": 1, "TOOL_ERROR": 1, "TRUNCATED": 1}),
    "call-as-python-literal.json": (
        "openai-messages",
        1,
        {"BAD_QUOTES": 1, "CALL_IN_CONTENT": 1, "PY_LITERAL": 1, "SCHEMA_VIOLATION": 1},
    ),
    "call-left-in-content.jsonl": ("hermes-eval", 1, {"CALL_IN_CONTENT": 1, "TRAILING_COMMA": 1}),
    "call-tag-never-closed.json": ("openai-messages", 1, {"CALL_IN_CONTENT": 1, "UNCLOSED": 1}),
    "call-without-result.json": (
        "openai-messages",
        1,
        {"CALL_UNANSWERED": 1, "RESULT_ORPHAN": 1},
    ),
    "clean-run.json": ("openai-messages", 1, {}),
    "clean-run.native.jsonl": ("native", 1, {}),
    "cut-by-length.json": (
        "openai-messages",
        1,
        {"CALL_IN_CONTENT": 1, "TRUNCATED": 1, "UNCLOSED": 1},
    ),
    "hostile.json": ("openai-messages", 1, {}),
    "ids.json": ("openai-messages", 1, {"ID_DUPLICATE": 2, "ID_MISSING": 2}),
    "llama-server.log": (
        "engine-log",
        2,
        {
            "ARGS_KEY": 2,
            "CALL_IN_CONTENT": 1,
            "PARSER_RAISED": 1,
            "REQUEST_ERROR": 1,
            "SOURCE_DEFECT": 1,
        },
    ),
    "name-missing.json": ("openai-messages", 1, {"NAME_MISSING": 2, "TOOL_ERROR": 2}),
    "reasoning.json": ("openai-messages", 1, {}),
    "request-failed.jsonl": ("llm-call-log", 1, {"REQUEST_ERROR": 1}),
    "tool-calls-empty.json": ("openai-messages", 1, {"CALLED_EMPTY": 1, "TOOL_CALLS_EMPTY": 2}),
    "tool-errors.json": ("openai-messages", 1, {"TOOL_ERROR": 5}),
    "torn.jsonl": ("openai-messages", 1, {"SOURCE_DEFECT": 2}),
    "trajectory_samples.jsonl": (
        "hermes-sharegpt",
        3,
        {"ARGS_INVALID": 1, "SCHEMA_VIOLATION": 1, "TOOL_ERROR": 2},
    ),
    "unheard-of-format.json": ("generic", 1, {"SOURCE_DEFECT": 1}),
    "unknown-role.json": ("openai-messages", 1, {"UNKNOWN_ROLE": 2}),
    "unknown-tool.json": ("openai-messages", 1, {"NAME_UNKNOWN": 2, "TOOL_ERROR": 2}),
    "vllm-server.log": (
        "engine-log",
        1,
        {"CALL_IN_CONTENT": 1, "PARSER_RAISED": 1, "TRAILING_COMMA": 1},
    ),
}
MESSAGE_CODES = {
    "CALL_IN_CONTENT", "TOOL_CALLS_EMPTY", "CALLED_EMPTY", "ID_MISSING", "ID_DUPLICATE",
    "CALL_UNANSWERED", "RESULT_ORPHAN", "NAME_UNKNOWN", "NAME_MISSING", "ARGS_INVALID",
    "ARGS_DOUBLE", "ARGS_NOT_OBJECT", "ARGS_OBJECT", "TRUNCATED", "TOOL_ERROR", "REQUEST_ERROR",
    "UNKNOWN_ROLE", "SOURCE_DEFECT",
}  # fmt: skip


def events_of(path: Path, number: int = 0) -> list[Any]:
    file = open_file(path)
    runs = [step.ref for step in survey(file) if isinstance(step, FoundRun) and step.final]
    events = read_events(runs[number])
    file.close()
    return events


def test_every_sample_is_listed_here_and_in_the_readme(transcripts: Path) -> None:
    names = {path.name for path in transcripts.iterdir()} - {"README.md", "recorded"}
    assert names == set(SHOWN)
    readme = (transcripts / "README.md").read_text("utf-8")
    for name, (format_name, _, codes) in SHOWN.items():
        (row,) = [line for line in readme.splitlines() if line.startswith(f"| `{name}` ")]
        assert f"| {format_name} |" in row
        assert [code for code in codes if f"`{code}`" not in row] == []


def test_every_code_about_messages_is_shown_by_a_sample() -> None:
    assert {code for _, _, codes in SHOWN.values() for code in codes} >= MESSAGE_CODES


@pytest.mark.parametrize("name", sorted(SHOWN))
def test_a_sample_shows_exactly_these_codes(name: str, transcripts: Path) -> None:
    done = within("scan", "--runs", "--json", transcripts / name)
    rows = [json.loads(line) for line in done.text.splitlines()]
    codes: Counter[str] = Counter()
    for row in rows:
        codes.update(row["diagnostics"])
        assert Counter(finding["code"] for finding in row["findings"]) == row["diagnostics"]
    assert (rows[0]["format"], len(rows), codes) == SHOWN[name]
    assert done.err == ""


@pytest.mark.parametrize("name", sorted(name for name in SHOWN if ".json" in name))
def test_a_json_sample_states_its_purpose(name: str, transcripts: Path) -> None:
    assert '"made to show ' in (transcripts / name).read_text("utf-8").replace('\\"', '"')


def test_reasoning_is_found_in_every_field_and_named_once(transcripts: Path) -> None:
    found = [
        (piece.field, piece.kind, piece.also_in)
        for event in events_of(transcripts / "reasoning.json")
        if isinstance(event, MessageAppended)
        for piece in event.message.reasoning
    ]
    assert found == [
        ("reasoning_content", "text", ()),
        ("reasoning_content", "text", ("reasoning",)),
        ("reasoning", "text", ("reasoning_details[0]",)),
        ("reasoning_details[1]", "summary", ()),
        ("reasoning_details[2]", "encrypted", ()),
        ("content <think>", "text", ()),
        ("content <think>", "text", ()),
        ("content thinking[0]", "text", ()),
    ]


def test_flagged_and_guessed_tool_errors_are_distinguished(transcripts: Path) -> None:
    marks = [
        event.result.error
        for event in events_of(transcripts / "tool-errors.json")
        if isinstance(event, ToolReturned)
    ]
    assert [mark and mark.kind for mark in marks] == [
        "flag",
        "heuristic",
        "heuristic",
        "heuristic",
        "flag",
    ]


def test_the_nearest_tools_are_offered_for_an_unknown_one(transcripts: Path) -> None:
    done = within("scan", "--runs", "--json", transcripts / "unknown-tool.json")
    hints = [f["hint"] for f in json.loads(done.text)["findings"] if f["code"] == "NAME_UNKNOWN"]
    assert hints == [
        "nearest: read_file, write_file",
        "declared: terminal, read_file, write_file, web_search",
    ]


def test_scores_and_outcomes_are_those_of_the_files(transcripts: Path) -> None:
    path = transcripts / "atropos-group.jsonl"
    rewards = [
        event.reward
        for number in range(4)
        for event in events_of(path, number)
        if isinstance(event, RunEnded)
    ]
    assert rewards == [1.0, -1.0, 0.25, -1.0]
    samples = transcripts / "trajectory_samples.jsonl"
    assert [events_of(samples, number)[-1].status for number in range(3)] == ["ok", "ok", "failed"]


RECORDINGS = {
    "demo.jsonl": "ok",
    "demo-faithful.jsonl": "ok",
    "steered.jsonl": "",
    "steered.fork-1.jsonl": "ok",
    "stopped.jsonl": "",
    "local-model.jsonl": "ok",
    "managed.jsonl": "ok",
}


def test_every_recording_is_listed_here_and_in_the_readme(transcripts: Path) -> None:
    assert {path.name for path in (transcripts / "recorded").iterdir()} == set(RECORDINGS)
    readme = (transcripts / "README.md").read_text("utf-8")
    assert [name for name in RECORDINGS if f"| `{name}` |" not in readme] == []


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_recording_reads_as_it_was_written(transcripts: Path, name: str) -> None:
    path = transcripts / "recorded" / name
    written = path.read_bytes()
    assert b"".join(encode(decode(line)) for line in written.splitlines()) == written
    assert fold_run(events_of(path))[0].status == RECORDINGS[name]


def test_the_recorded_demo_can_be_replayed(transcripts: Path) -> None:
    replayed = hermes_tui("live", "--headless", "--replay", transcripts / "recorded/demo.jsonl")
    assert replayed.code == 0, replayed.err


def test_the_stopped_recording_is_resumed_at_its_stop(transcripts: Path) -> None:
    events = events_of(transcripts / "recorded" / "stopped.jsonl")
    state = Session.from_events(events).state
    assert state.stop.breakpoints == ("b1",)
    assert state.call is not None
    assert state.call.name == "write_file"
