"""Samples of the LM Evaluation Harness. The fixtures' README explains how they were made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.readers.lm_eval import FORMAT
from hermes_tui.model.events import RunEnded, SourceDefect
from tests.formats.foreign import (
    any_json,
    calls,
    codes,
    dialog,
    format_of,
    lines,
    messages,
    only,
    read_bytes,
    read_value,
    runs,
)

FOLDER = Path(__file__).parents[1] / "fixtures" / "lm_eval"
CHAT = (FOLDER / "samples_chat.jsonl").read_bytes()
REPEATS = (FOLDER / "samples_repeats.jsonl").read_bytes()
ROW = json.loads(CHAT.splitlines()[0])


def test_each_sample_is_a_run_with_its_reply_and_its_metric() -> None:
    assert format_of(CHAT) == "lm-eval"
    events = read_bytes(FORMAT, CHAT)
    assert [run.run_id for run in runs(events)] == [f"doc {number}" for number in range(5)]
    assert dialog(events)[:2] == [("user", "[[good]] What is 2+3?"), ("assistant", "I look it up.")]
    assert [end.reward for end in only(events, RunEnded)] == [0.0, 0.0, 0.0, 0.0, 1.0]
    assert only(events, RunEnded)[0].scores == {"exact_match": 0.0}
    assert runs(events)[0].details["target"] == "The answer is 42."


def test_calls_and_reasoning_in_a_reply_are_parsed() -> None:
    events = read_bytes(FORMAT, CHAT)
    assert [call.name for call in calls(events)] == ["add"]
    assert "TRAILING_COMMA" in codes(events)
    assert [bool(message.reasoning) for message in messages(events)[4:6]] == [False, True]


def test_repeats_of_a_document_form_a_group() -> None:
    first, second, *_ = runs(read_bytes(FORMAT, REPEATS))
    assert first.group_id == second.group_id == "doc 0"
    assert [first.run_id, second.run_id] == ["doc 0 · sample 1", "doc 0 · sample 2"]


def test_a_metric_belongs_to_the_repeat_that_the_filter_selected() -> None:
    row = {**ROW, "resps": [["one", "two"]], "filtered_resps": ["one"], "exact_match": 1.0}
    events = read_value(FORMAT, row)
    assert (len(runs(events)), [end.reward for end in only(events, RunEnded)]) == (2, [1.0])


def test_no_single_metric_of_several_is_the_reward() -> None:
    row = {**ROW, "metrics": ["acc", "f1"], "acc": 1.0, "f1": 0.5}
    end = only(read_value(FORMAT, row), RunEnded)[0]
    assert (end.reward, end.scores) == (None, {"acc": 1.0, "f1": 0.5})


@pytest.mark.parametrize("prompt", ["2+3?", ["2+3?"], ['[{"role": "user", "content": "2+3?"}]']])
def test_prompts_of_older_versions_are_read(prompt: Any) -> None:
    for arguments in ([[prompt, {"until": []}]], {"gen_args_0": {"arg_0": prompt}}):
        events = read_value(FORMAT, {**ROW, "arguments": arguments})
        assert dialog(events)[0] == ("user", "2+3?")


def test_loglikelihood_choices_are_not_claimed() -> None:
    row = {**ROW, "resps": [[[-1.5, False]], [[-0.5, True]]]}
    assert format_of(lines(row, row)) != "lm-eval"
    assert len(only(read_value(FORMAT, row), SourceDefect)) == 1


JSON = any_json("gen_args_0", "arg_0", "role", "content", "resps", "metrics")


@given(JSON, JSON)
@settings(max_examples=100, deadline=None)
def test_any_value_is_read_without_an_exception(first: Any, second: Any) -> None:
    for value in (
        first,
        {**ROW, "arguments": first, "metrics": second, "doc_id": first},
        {**ROW, "resps": [[first, "a", second]], "filtered_resps": second},
        {**ROW, "arguments": {"gen_args_0": {"arg_0": [first]}}, "metrics": ["doc", second]},
    ):
        read_value(FORMAT, value)
