"""Training data that NeMo RL logs. The fixture's README names the code that writes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings

from hermes_tui.formats.reader import split_runs
from hermes_tui.formats.readers.nemo_rl import FORMAT
from hermes_tui.log.summary import fold_run
from hermes_tui.model.diagnostics import Code
from hermes_tui.model.events import RunEnded
from tests.formats.foreign import (
    any_json,
    calls,
    dialog,
    format_of,
    found_codes,
    lines,
    messages,
    only,
    read_bytes,
    read_value,
    runs,
)

FILE = Path(__file__).parents[1] / "fixtures" / "nemo_rl" / "train_data_step1.jsonl"
DATA = FILE.read_bytes()
ROW = json.loads(DATA.splitlines()[0])


def row_of(*texts: str) -> dict[str, Any]:
    return {**ROW, "content": [[*texts]]}


def test_the_texts_of_a_rollout_are_its_turns() -> None:
    assert format_of(DATA) == "nemo-rl"
    good, lost = split_runs(tuple(read_bytes(FORMAT, DATA)))[1]
    assert [role for role, _ in dialog([*good])] == [
        *("system", "user", "assistant", "tool", "assistant")
    ]
    assert [(call.name, call.arguments) for call in calls([*good])] == [
        ("get_weather", {"city": "Paris"})
    ]
    assert messages([*good])[2].reasoning and found_codes([*good]) == []
    found = {one.code for one in fold_run(lost)[1]}
    assert {Code.TRAILING_COMMA, Code.CALL_UNANSWERED} <= found


def test_rollouts_of_a_prompt_form_a_group_with_their_rewards() -> None:
    events = read_bytes(FORMAT, DATA)
    first, second = runs(events)
    assert first.group_id == second.group_id and first.group_id.startswith("prompt ")
    assert (first.run_id, first.task) == ("0", "Is it raining in Paris?")
    assert [tool.name for tool in first.tools] == ["get_weather"]
    assert [end.reward for end in only(events, RunEnded)] == [1.0, 0.0]


def test_a_prompt_may_be_text_or_messages_and_begin_the_reply() -> None:
    row = row_of(
        "<|im_start|>system\nS<|im_end|>\n",
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n<think>\n",
        "hm</think>\nHo?",
        "environment says: go on",
        "Ho.",
    )
    assert dialog(read_value(FORMAT, row)) == [
        ("system", "S"),
        ("user", "Hi"),
        ("assistant", "<think>\nhm</think>\nHo?"),
        ("user", "environment says: go on"),
        ("assistant", "Ho."),
    ]


def test_a_prompt_without_a_template_is_the_first_text() -> None:
    assert dialog(read_value(FORMAT, row_of("2+2=", "4"))) == [("user", "2+2="), ("assistant", "4")]


def test_a_reply_begun_in_the_prompt_is_shown_even_if_not_continued() -> None:
    begun = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHo"
    for texts in ([begun], [begun, ".", begun]):
        assert dialog(read_value(FORMAT, row_of(*texts)))[-2:] == [
            ("user", "Hi"),
            ("assistant", "Ho"),
        ]


def test_training_data_without_texts_is_not_claimed() -> None:
    tokens = {"idx": 0, "input_lengths": [3], "token_ids": [[1, 2, 3]], "rewards": [1.0]}
    assert format_of(lines(tokens, tokens)) == ""
    other = {**ROW, "content": "text"}
    assert format_of(lines(other, other)) != "nemo-rl"


@given(any_json("content", "rewards", "input_lengths"))
@settings(max_examples=60, deadline=None)
def test_any_value_is_read_without_an_exception(value: Any) -> None:
    read_value(FORMAT, value)
    for key in ROW:
        read_value(FORMAT, {**ROW, key: value})
    read_value(FORMAT, {**ROW, "content": [value if isinstance(value, list) else [str(value)]]})
