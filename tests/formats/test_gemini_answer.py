"""The output of Gemini CLI with `--output-format json` is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings

from hermes_tui.formats.framing import Unit
from hermes_tui.formats.readers.gemini_answer import FORMAT
from hermes_tui.log.summary import fold_run
from hermes_tui.model.events import RequestFailed
from tests.formats.foreign import (
    any_json,
    dialog,
    document,
    ended,
    format_of,
    lines,
    only,
    read_bytes,
    read_value,
    runs,
)

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "gemini_cli"
FULL = json.loads((FIXTURES / "answer_full.json").read_text())
FAIL = json.loads((FIXTURES / "answer_fail.json").read_text())


def test_an_answer_is_a_run_with_its_counts() -> None:
    assert format_of(document(FULL)) == "gemini-json"
    events = read_bytes(FORMAT, document(FULL))
    assert dialog(events) == [("assistant", "The note says hello.")]
    [run] = runs(events)
    assert (run.run_id, run.model) == (FULL["session_id"], "scripted")
    assert run.details["tools"]["totalFail"] == 1
    used = ended(events).usage
    # The server counted 100, 101 and 102 tokens read, 10, 11 and 12 written, 3 thought each time.
    assert (used.prompt_tokens, used.completion_tokens) == (303, 33 + 9)
    assert (used.cached_tokens, used.reasoning_tokens) == (21, 9)
    assert fold_run(events)[1] == []


def test_a_request_that_failed_is_an_error_of_the_run() -> None:
    assert format_of(document(FAIL)) == "gemini-json"
    events = read_bytes(FORMAT, document(FAIL))
    [failure] = only(events, RequestFailed)
    assert (failure.status, "scripted failure" in failure.message) == (400, True)
    assert (ended(events).status, dialog(events)) == ("error", [])


def test_answers_on_lines_are_separate_runs() -> None:
    assert len(runs(read_bytes(FORMAT, lines(FULL, FAIL, FULL)))) == 3


def test_another_file_with_a_session_id_is_none() -> None:
    assert format_of(document({"session_id": "s", "response": "Hi", "stats": 3})) != "gemini-json"
    assert format_of(document({**FULL, "messages": []})) != "gemini-json"


@given(any_json("session_id", "response", "stats", "error", "models", "tokens", "code"))
@settings(max_examples=80)
def test_no_value_raises(value: Any) -> None:
    for answer in (value, {**FULL, "stats": {"models": {"m": value}}}, {**FAIL, "error": value}):
        read_value(FORMAT, answer, Unit.RUNS)
