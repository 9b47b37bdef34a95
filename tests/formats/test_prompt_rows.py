"""Dataset rows with a prompt and its answers: single replies, and preferences between two.

The shapes are those of TRL 1.16.0 (`trl/data_utils.py`: `apply_chat_template`, `extract_prompt`).
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.readers import openai_messages
from hermes_tui.model.events import ResponseReceived, RunEnded
from tests.formats.foreign import (
    any_json,
    calls,
    dialog,
    document,
    format_of,
    found_codes,
    lines,
    messages,
    only,
    read_bytes,
    read_value,
    runs,
)

ASK = [{"role": "user", "content": "list"}]
CALL = {"id": "c1", "type": "function", "function": {"name": "ls", "arguments": "{}"}}
DONE = [
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": "a.txt"},
    {"role": "assistant", "content": "a.txt"},
]
NO = [{"role": "assistant", "content": "no"}]
TOOLS = [{"type": "function", "function": {"name": "ls", "parameters": {"type": "object"}}}]
ROLES = ["user", "assistant", "tool", "assistant"]


@pytest.mark.parametrize("more", [{}, {"label": True}, {"tools": TOOLS}])
def test_a_completion_of_messages_follows_its_prompt(more: dict[str, Any]) -> None:
    row = {"prompt": ASK, "completion": DONE, **more}
    for data in (lines(row, row), document([row])):
        assert format_of(data) == "openai-messages"
    events = read_bytes(openai_messages.FORMAT, lines(row))
    assert [role for role, _ in dialog(events)] == ROLES and found_codes(events) == []
    [run] = runs(events)
    assert run.task == "list" and [call.name for call in calls(events)] == ["ls"]
    assert [tool.name for tool in run.tools] == (["ls"] if "tools" in more else [])
    assert run.details == ({"label": True} if "label" in more else {})


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": ASK, "chosen": DONE, "rejected": NO},
        {"chosen": ASK + DONE, "rejected": ASK + NO},
        {"prompt": "list", "chosen": ASK + DONE, "rejected": ASK + NO, "score_chosen": 8.0},
        {"chosen": json.dumps(ASK + DONE), "rejected": json.dumps(ASK + NO)},
    ],
)
def test_a_preference_is_two_runs_of_one_group_with_the_prompt_in_each(
    row: dict[str, Any],
) -> None:
    assert format_of(lines(row, row)) == "openai-messages"
    events = read_bytes(openai_messages.FORMAT, lines(row))
    chosen, rejected = runs(events)
    assert (chosen.run_id, rejected.run_id) == ("chosen", "rejected")
    assert chosen.group_id == rejected.group_id and chosen.group_id.startswith("prompt ")
    assert [role for role, _ in dialog(events)] == [*ROLES, "user", "assistant"]
    assert {chosen.task, rejected.task} == {"list"} and found_codes(events) == []


def test_preference_replies_that_begin_alike_keep_their_prompt() -> None:
    row = {"prompt": ASK, "chosen": DONE, "rejected": [*DONE[:2], *NO]}
    events = read_bytes(openai_messages.FORMAT, lines(row))
    assert [role for role, _ in dialog(events)] == ROLES * 2 and found_codes(events) == []
    assert [run.task for run in runs(events)] == ["list", "list"]


def test_the_texts_of_a_preference_are_read_as_model_output() -> None:
    call = '<tool_call>\n{"name": "ls", "arguments": {}}\n</tool_call>'
    row = {"id": "p1", "prompt": "list", "chosen": call, "rejected": "no"}
    assert format_of(lines(row, row)) == "openai-messages"
    events = read_value(openai_messages.FORMAT, row)
    assert [run.run_id for run in runs(events)] == ["p1 · chosen", "p1 · rejected"]
    assert [call.name for call in calls(events)] == ["ls"] and found_codes(events) == []
    assert [message.text for message in messages(events)] == ["list", call, "list", "no"]


@pytest.mark.parametrize("text", ['{"name": "ls", "arguments": {}}', "[1, 2]", '"no"'])
def test_text_that_is_json_is_kept_as_message_text(text: str) -> None:
    for row in (
        {"prompt": text, "completion": text},
        {"prompt": text, "chosen": text, "rejected": "no"},
    ):
        assert format_of(lines(row, row)) == "openai-messages"
        events = read_value(openai_messages.FORMAT, row)
        assert dialog(events)[:2] == [("user", text), ("assistant", text)]


def test_an_unanswered_prompt_is_a_run_of_the_prompt() -> None:
    """verl 0.9.1 trains on such rows (`verl/utils/dataset/rl_dataset.py`); TRL: "prompt-only"."""
    row = {
        "data_source": "openai/gsm8k",
        "prompt": [{"role": "system", "content": "S"}, *ASK],
        "ability": "math",
        "reward_model": {"style": "rule", "ground_truth": "72"},
        "extra_info": {"split": "train", "index": 0},
    }
    assert format_of(lines(row, row)) == "openai-messages"
    events = read_bytes(openai_messages.FORMAT, lines(row))
    assert [role for role, _ in dialog(events)] == ["system", "user"] and found_codes(events) == []
    [run] = runs(events)
    assert run.task == "list" and run.details["reward_model"]["ground_truth"] == "72"


@pytest.mark.parametrize("key", ["completion", "output", "generated_text"])
@pytest.mark.parametrize("reply", ["no", NO[0], DONE, json.dumps(NO)])
def test_a_reply_next_to_the_messages_that_it_answers_is_read(key: str, reply: Any) -> None:
    row = {"messages": ASK, key: reply, "reward": 0.5}
    for data in (lines(row, row), document([row])):
        assert format_of(data) == "openai-messages"
    events = read_bytes(openai_messages.FORMAT, lines(row))
    assert [role for role, _ in dialog(events)] == (
        ROLES if reply is DONE else ["user", "assistant"]
    )
    assert [end.reward for end in only(events, RunEnded)] == [0.5] and found_codes(events) == []


def test_what_follows_complete_messages_is_shown_as_a_detail() -> None:
    row = {"messages": [*ASK, *NO], "output": "a path", "text": "user: list"}
    events = read_bytes(openai_messages.FORMAT, lines(row))
    assert dialog(events) == [("user", "list"), ("assistant", "no")]
    assert runs(events)[0].details == {"output": "a path", "text": "user: list"}


@pytest.mark.parametrize("asked", ["question", "query", "instruction", "input", "problem"])
@pytest.mark.parametrize("key", ["completion", "response", "output", "generated_text"])
def test_a_question_with_the_models_answer_is_a_run(asked: str, key: str) -> None:
    call = '<tool_call>\n{"name": "ls", "arguments": {},}\n</tool_call>'
    row = {"id": 7, asked: "list", key: call, "answer": "a.txt", "score": 0.0}
    assert format_of(lines(row, row)) == "openai-messages"
    events = read_bytes(openai_messages.FORMAT, lines(row))
    assert dialog(events) == [("user", "list"), ("assistant", call)]
    [run] = runs(events)
    assert (run.task, run.details) == ("list", {"id": 7, "answer": "a.txt"})
    assert found_codes(events) == ["TRAILING_COMMA:error"]


@pytest.mark.parametrize(
    "row",
    [
        {"question": "list", "answer": "a.txt"},
        {"query": "list", "text": "a page that was found"},
        {"input": {"a": 1}, "output": "no"},
        {"prompt": [1, 2], "input": "list", "output": "no"},
    ],
)
def test_a_row_without_a_models_answer_to_a_text_is_no_run(row: dict[str, Any]) -> None:
    assert format_of(lines(row, row)) == ""


def test_a_conversation_goes_before_the_question_and_output_that_sum_it_up() -> None:
    row = {"question": "list", "log": [*ASK, *DONE], "output": "a.txt"}
    assert format_of(lines(row, row)) == "generic"


def test_a_prompt_and_its_reply_as_a_message_are_one_run() -> None:
    row = {"prompt": "list", "response": {**DONE[0], "finish_reason": "tool_calls"}}
    assert format_of(lines(row, row)) == "openai-messages"
    events = read_bytes(openai_messages.FORMAT, lines(row))
    assert [role for role, _ in dialog(events)] == ["user", "assistant"]
    assert [call.name for call in calls(events)] == ["ls"]
    [received] = only(events, ResponseReceived)
    assert received.finish_reason == "tool_calls"


def test_preferences_with_nothing_in_common_are_not_claimed() -> None:
    row = {"chosen": DONE, "rejected": NO}
    assert format_of(lines(row, row)) != "openai-messages"
    texts = {"chosen": "yes", "rejected": "no"}
    assert format_of(lines(texts, texts)) == ""


def test_a_response_that_repeats_the_last_message_appears_once() -> None:
    """ms-swift 4.6.0 writes such rows when it runs inference (`swift/pipelines/infer/infer.py`)."""
    row = {"response": "no", "labels": "a.txt", "logprobs": None, "messages": [*ASK, *NO]}
    assert format_of(lines(row, row)) == "openai-messages"
    events = read_bytes(openai_messages.FORMAT, lines(row))
    assert dialog(events) == [("user", "list"), ("assistant", "no")]
    assert runs(events)[0].details["labels"] == "a.txt"
    asked = {**row, "messages": ASK}
    assert format_of(lines(asked, asked)) == "llm-call-log"


@given(any_json("role", "content", "prompt", "chosen", "rejected", "completion"))
@settings(max_examples=60, deadline=None)
def test_any_value_is_read_without_an_exception(value: Any) -> None:
    for row in (
        {"prompt": ASK, "completion": value},
        {"prompt": value, "completion": DONE},
        {"prompt": ASK, "chosen": value, "rejected": DONE},
        {"chosen": [*ASK, value], "rejected": ASK},
        {"messages": ASK, "output": value},
        {"messages": [*ASK, value], "completion": value},
    ):
        read_value(openai_messages.FORMAT, row)
