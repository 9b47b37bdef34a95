"""`export --to sharegpt`: the export reads back with the run's calls, results and errors."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from hermes_tui.formats.readers.hermes_sharegpt import HermesSharegpt
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.writers import sharegpt
from hermes_tui.log.summary import fold_run
from hermes_tui.model.chat_api import custom_call
from hermes_tui.model.diagnostics import Code
from hermes_tui.model.events import Event, ToolCallProposed, ToolReturned
from hermes_tui.model.messages import ErrorMark
from hermes_tui.model.spans import ByteRange
from hermes_tui.parsers.normalise import normalise_message
from tests.formats.test_atif_writer import proposed, real_runs, returned
from tests.formats.test_writers import blocks, numbered, opened, said


def read_back(text: str) -> list[Event]:
    build = RunBuilder(ByteRange(0, 1))
    HermesSharegpt().read(json.loads(text), build)
    return list(build.events)


def results_of(*events: Event) -> list[Any]:
    """Return the results of a conversation as they are written."""
    turns = opened(sharegpt.write(numbered(*events)))["conversations"]
    said_by_tools = (turn["value"] for turn in turns if turn["from"] == "tool")
    return [block for value in said_by_tools for block in blocks(value, "tool_response")]


def test_a_result_without_an_id_takes_the_name_of_the_next_call_in_order() -> None:
    assert results_of(
        said("assistant", "", calls=1),
        proposed(None),
        returned(None),
        said("tool", "ok", results=1),
        returned(None, "of no call"),
        said("tool", "of no call", results=1),
    ) == [{"name": "ls", "content": "ok"}, {"content": "of no call"}]


def test_error_flags_and_exit_codes_outside_the_content_read_back() -> None:
    log = numbered(
        said("assistant", "", calls=3),
        *(proposed(f"c{index}", index=index) for index in range(3)),
        returned("c0", "gone", error=ErrorMark("flag", "is_error: gone")),
        said("tool", "gone", results=1),
        returned("c1", "a", exit_code=2, error=ErrorMark("heuristic", "exit code 2")),
        said("tool", "a", results=1),
        returned("c2", '{"exit_code": 1}', exit_code=1),
        said("tool", '{"exit_code": 1}', results=1),
    )
    ids = [{"tool_call_id": f"c{index}", "name": "ls"} for index in range(3)]
    assert results_of(*log) == [
        ids[0] | {"content": "gone", "is_error": True},
        ids[1] | {"content": "a", "exit_code": 2},
        ids[2] | {"content": {"exit_code": 1}},
    ]
    read = [event.result for event in read_back(sharegpt.write(log)) if type(event) is ToolReturned]
    assert [result.error.kind for result in read if result.error] == [
        "flag",
        "heuristic",
        "heuristic",
    ]
    assert [result.exit_code for result in read] == [None, 2, 1]


@pytest.mark.parametrize("given", ["*** Begin Patch", '{"a": 1}', "</tool_call>", ""])
def test_the_input_of_a_custom_tool_is_written_as_a_valid_argument(given: str) -> None:
    raw = {"role": "assistant", "content": None, "tool_calls": [custom_call("c1", "patch", given)]}
    ((call, _),) = normalise_message(raw).calls
    log = numbered(said("assistant", "", calls=1), ToolCallProposed(seq=0, call=call))
    (found,) = (e for e in read_back(sharegpt.write(log)) if type(e) is ToolCallProposed)
    assert (found.call.name, found.call.arguments) == ("patch", {"input": given})
    assert not found.diagnostics


def counts(events: Sequence[Event]) -> tuple[object, ...]:
    state, findings = fold_run(events)
    errors = Counter(found.severity for found in findings if found.code is Code.TOOL_ERROR)
    return state.calls, state.results, state.tool_errors, errors


@pytest.mark.shared
def test_every_real_run_reads_back_with_its_calls_results_and_errors(trajectories: Path) -> None:
    runs = 0
    for label, events in real_runs(trajectories, 3):
        assert counts(read_back(sharegpt.write(events))) == counts(events), label
        runs += 1
    assert runs > 100
