"""The tables of rollouts that environments of Atropos log to W&B, in `files/media/table/`."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_tui.formats.readers.rollouts.reader import FORMAT
from hermes_tui.log.summary import fold_run
from hermes_tui.model.events import Event, RunEnded
from tests.formats.foreign import (
    calls,
    dialog,
    document,
    format_of,
    only,
    read_value,
    results,
    runs,
    sniffed,
)

CALL = '<tool_call>\n{"name": "ls", "arguments": {"path": "/"}}\n</tool_call>'
LLAMA = "<|begin_of_text|>" + "".join(
    f"<|start_header_id|>{role}<|end_header_id|>\n\n{text}<|eot_id|>"
    for role, text in [("user", "What is there?"), ("assistant", CALL), ("tool", "a b")]
)
SHOWN = (
    "[SYSTEM]\nBe brief.\n\n[USER]\nWhat is there?\n\n[ASSISTANT thinking]\nI look.\n\n"
    '[ASSISTANT]\nLet me see.\n\nOne moment.\n\n[TOOL CALL] ls({"path": "/"})\n\n'
    "[TOOL CALL] ls({})\n\n[TOOL RESULT] a b\n\n[TOOL RESULT] c\n\n[ASSISTANT]\na, b and c"
)


def table(*rows: list[Any], columns: tuple[str, ...] = ("text", "score")) -> dict[str, Any]:
    return {"columns": [*columns], "data": [*rows], "ncols": len(columns), "nrows": len(rows)}


def codes(events: list[Event]) -> list[str]:
    return [str(finding.code) for finding in fold_run(events)[1]]


@pytest.mark.parametrize("columns", [("text", "score"), ("full_text", "score", "expected_answer")])
def test_each_decoded_sequence_is_a_run_with_its_score(columns: tuple[str, ...]) -> None:
    rows = [[LLAMA, 1.0, "a b"][: len(columns)], [LLAMA, -0.5, "a b"][: len(columns)]]
    value = table(*rows, columns=columns)
    assert format_of(document(value)) == "rl-rollouts"
    events = read_value(FORMAT, value)
    assert [end.reward for end in only(events, RunEnded)] == [1.0, -0.5]
    assert dialog(events)[:2] == [("user", "What is there?"), ("assistant", CALL)]
    assert [call.name for call in calls(events)] == ["ls", "ls"]
    assert len({run.group_id for run in runs(events)}) == 1
    assert runs(events)[0].details.get("expected_answer") == ([*rows[0], None][2])


def test_what_hermes_agent_shows_is_read_as_its_messages() -> None:
    events = read_value(FORMAT, table([SHOWN, 0.5]))
    assert dialog(events) == [
        ("system", "Be brief."),
        ("user", "What is there?"),
        ("assistant", "Let me see.\n\nOne moment."),
        ("tool", "a b"),
        ("tool", "c"),
        ("assistant", "a, b and c"),
    ]
    assert [call.arguments for call in calls(events)] == [{"path": "/"}, {}]
    assert [result.content for result in results(events)] == ["a b", "c"]
    assert codes(events) == []


def test_arguments_that_were_cut_for_display_are_no_error() -> None:
    arguments = json.dumps({"command": "x" * 300})[:200] + "..."
    text = f"[USER]\nGo.\n\n[TOOL CALL] terminal({arguments})\n\n[TOOL RESULT] ok"
    events = read_value(FORMAT, table([text + "\n\n[ASSISTANT]\nDone.", 1.0]))
    assert [call.arguments for call in calls(events)] == [{"(cut off)": arguments}]
    assert codes(events) == []


@pytest.mark.parametrize("text", ["I like it.", "", "[USER] of the year", "<|im_start|>user\nHi"])
def test_other_texts_with_a_score_are_no_rollouts(text: str) -> None:
    assert sniffed(FORMAT, table([text, 0.5])) == ""


@given(st.lists(st.sampled_from(["[TOOL CALL] ", "[ASSISTANT]\n", "f(", ")", "\n\n", "..."])))
def test_any_pieces_are_read_without_an_exception(pieces: list[str]) -> None:
    read_value(FORMAT, table(["[USER]\nGo.\n\n" + "".join(pieces), 1.0]))
