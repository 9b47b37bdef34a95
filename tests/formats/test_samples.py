"""Several samples of one prompt in one row or reply are a run each and form a group."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.reader import split_runs
from hermes_tui.formats.readers import llm_call_log, openai_messages
from hermes_tui.formats.samples import samples_key
from hermes_tui.log.summary import fold_run
from hermes_tui.model.events import Event, ResponseReceived, RunEnded, SourceDefect
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

SOUND = '<tool_call>\n{"name": "ls", "arguments": {"path": "."}}\n</tool_call>'
TOOLS = '<tools>[{"name": "ls", "parameters": {"type": "object"}}]</tools>'
PROMPT = (
    f"<|im_start|>system\nYou may call {TOOLS}<|im_end|>\n"
    "<|im_start|>user\nlist<|im_end|>\n<|im_start|>assistant\n"
)
ASK = [{"role": "user", "content": "list"}]
CALL = {"id": "c1", "type": "function", "function": {"name": "ls", "arguments": "{}"}}
CALLING = {"role": "assistant", "content": None, "tool_calls": [CALL]}
NO = {"role": "assistant", "content": "no"}
# As verl's generation writes them, with scores that users add.
VERL = {
    "data_source": "lists",
    "prompt": ASK,
    "ability": "code",
    "reward_model": {"style": "rule", "ground_truth": "a.txt"},
    "extra_info": {"index": 3, "split": "test"},
    "responses": [SOUND, "no"],
    "scores": [1.0, 0.0],
}
# RequestOutput and CompletionOutput of vLLM.
VLLM = {
    "request_id": "0",
    "prompt": PROMPT,
    "prompt_token_ids": [1, 2],
    "outputs": [
        {
            "index": index,
            "text": text,
            "token_ids": [5, 6, 7],
            "cumulative_logprob": -0.5,
            "logprobs": None,
            "finish_reason": reason,
            "stop_reason": None,
        }
        for index, (text, reason) in enumerate([(SOUND, "stop"), ("I", "length")])
    ],
    "finished": True,
}


def group_of(events: list[Event]) -> str:
    """Return the one group that all runs belong to."""
    [name] = {run.group_id for run in runs(events)}
    return name


def rewards(events: list[Event]) -> list[float | None]:
    return [event.reward for event in only(events, RunEnded)]


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": PROMPT, "completions": [SOUND, "no"]},
        {"prompt": ASK, "responses": [SOUND, "no"]},
        {"prompt": "list", "samples": [{"response": SOUND, "generator": "m"}, {"response": "no"}]},
        {"prompt": ASK, "outputs": [{"text": SOUND}, {"text": "no"}]},
        {"prompt": ASK, "completions": [[CALLING], [NO]]},
        {"prompt": ASK, "completions": [CALLING, NO]},
        {"prompt": ASK, "choices": [{"index": 0, "message": CALLING}, {"message": NO}]},
        {"messages": ASK, "choices": [{"index": 0, "message": CALLING}, {"message": NO}]},
        {"messages": ASK, "responses": [SOUND, "no"]},
        {"messages": ASK, "generations": [SOUND, "no"]},
        {"prompt": "list", "candidates": [SOUND, "no"]},
        VERL,
        VLLM,
    ],
)
def test_each_sample_of_a_prompt_is_a_run_of_one_group(row: dict[str, Any]) -> None:
    for data in (lines(row, row), document([row])):
        assert format_of(data) == "openai-messages"
    events = read_bytes(openai_messages.FORMAT, lines(row))
    assert [run.run_id for run in runs(events)] == ["sample 1", "sample 2"]
    assert group_of(events).startswith("prompt ") and {run.task for run in runs(events)} == {"list"}
    assert [call.name for call in calls(events)] == ["ls"]
    assert [m.role for m in messages(events)].count("user") == 2
    assert len(only(events, ResponseReceived)) == 2


def test_samples_of_different_prompts_are_in_different_groups() -> None:
    rows = [{"prompt": text, "completions": ["a", "b"]} for text in ("one", "two", "one")]
    named = [{**row, "task_id": f"HumanEval/{n}"} for n, row in enumerate(rows)]
    one, _, two, _, again, _ = (
        run.group_id for run in runs(read_bytes(openai_messages.FORMAT, lines(*rows)))
    )
    assert one == again != two
    events = read_bytes(openai_messages.FORMAT, lines(*named))
    assert [(run.group_id, run.run_id) for run in runs(events)][1:3] == [
        ("HumanEval/0", "HumanEval/0 · sample 2"),
        ("HumanEval/1", "HumanEval/1 · sample 1"),
    ]


def test_lists_parallel_to_the_samples_are_distributed_to_them() -> None:
    row = {
        "prompt": "list",
        "completions": ["a", "b", "c"],
        "rewards": [1, 0.5, None],
        "correct": [True, False, None],
        "advantages": [0.7, -0.7, 0.0],
        "tags": ["x", "y", "z"],
        "finish_reasons": ["stop", "length", "stop"],
    }
    events = read_value(openai_messages.FORMAT, row)
    ends = only(events, RunEnded)
    assert [(end.reward, end.status) for end in ends] == [(1.0, "ok"), (0.5, "failed")]
    first = runs(events)[0].details
    assert first["advantages"] == 0.7 and first["tags"] == ["x", "y", "z"]
    assert [reply.finish_reason for reply in only(events, ResponseReceived)][1] == "length"
    assert "rewards" not in first and "completions" not in first


def test_a_sample_may_have_several_scores_and_contain_them() -> None:
    parallel = {"prompt": "q", "responses": ["a", "b"], "scores": [{"form": 1}, {"form": 0}]}
    inside = {"prompt": "q", "samples": [{"text": "a", "reward": 1}, {"text": "b", "reward": 0}]}
    ends = only(read_value(openai_messages.FORMAT, parallel), RunEnded)
    assert [end.scores for end in ends] == [{"form": 1.0}, {"form": 0.0}]
    assert rewards(read_value(openai_messages.FORMAT, inside)) == [1.0, 0.0]


def test_vllm_output_fields_describe_the_run() -> None:
    events = read_value(openai_messages.FORMAT, VLLM)
    assert [run.details["cumulative_logprob"] for run in runs(events)] == [-0.5, -0.5]
    assert [end.status for end in only(events, RunEnded)] == ["truncated"]
    assert [run.tools[0].name for run in runs(events)] == ["ls", "ls"]
    assert calls(events)[0].origin == "text"


def test_a_reply_begun_in_the_prompt_belongs_to_each_sample() -> None:
    rest = SOUND.removeprefix("<tool_call>\n")
    row = {"prompt": PROMPT + "<tool_call>\n", "completions": [rest, rest]}
    events = read_value(openai_messages.FORMAT, row)
    assert [text for role, text in dialog(events) if role == "assistant"] == [SOUND, SOUND]


def test_a_failed_sample_is_reported_at_its_location() -> None:
    row = {"prompt": "q", "responses": ["a", None, "b", "c", "d"]}
    events = read_value(openai_messages.FORMAT, row)
    [defect] = only(events, SourceDefect)
    assert len(runs(events)) == 5 and defect.at.pointer == "/responses/1"


def test_one_sample_is_a_run_without_a_group() -> None:
    row = {"id": "t1", "prompt": "q", "responses": ["a"], "rewards": [0.25]}
    events = read_value(openai_messages.FORMAT, row)
    assert [(run.run_id, run.group_id) for run in runs(events)] == [("t1", "")]
    assert rewards(events) == [0.25]


def test_choices_of_a_saved_reply_are_a_group_with_tokens_counted_once() -> None:
    choices = [{"index": n, "finish_reason": "stop", "message": NO} for n in range(2)]
    texts = [{"index": n, "finish_reason": "stop", "text": "no"} for n in range(2)]
    for listed in (choices, texts):
        reply = {"id": "c-1", "choices": listed, "usage": {"completion_tokens": 4}}
        events = read_value(openai_messages.FORMAT, reply)
        assert [run.run_id for run in runs(events)] == ["c-1", "c-1 · choice 2"]
        assert group_of(events) == "c-1"
        used = [event.usage is not None for event in only(events, ResponseReceived)]
        assert used == [True, False]


def test_choices_with_their_request_are_a_group_and_keep_their_scores() -> None:
    reply = {
        "id": "c-1",
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": NO},
            {"index": 1, "finish_reason": "length", "message": NO},
        ],
    }
    log = {"request": {"messages": ASK, "n": 2}, "response": reply, "rewards": [1, 0.5]}
    assert format_of(lines(log, log)) == "llm-call-log"
    events = read_value(llm_call_log.FORMAT, [log])
    assert group_of(events) == "c-1"
    ends = only(events, RunEnded)
    assert [(end.reward, end.status) for end in ends] == [(1.0, "unknown"), (0.5, "truncated")]
    assert rewards(read_value(llm_call_log.FORMAT, [{**log, "session_id": "s"}])) == [1.0, 0.5]


def test_the_runs_of_many_choices_share_the_text_of_their_reply() -> None:
    choices = [{"index": n, "finish_reason": "stop", "message": NO} for n in range(50)]
    log = {"request": {"messages": ASK}, "response": {"id": "c-1", "choices": choices}}
    events = read_value(llm_call_log.FORMAT, [log])
    first, *others = (event.raw for event in only(events, ResponseReceived))
    assert len(others) == 49 and all(raw is first for raw in others)


@pytest.mark.parametrize(
    "row",
    [
        VERL,
        VLLM,
        {"prompt": PROMPT, "text": SOUND},
        {"prompt": ASK, "completions": [[CALLING], [NO]]},
        {"choices": [{"index": 0, "finish_reason": "tool_calls", "message": CALLING}]},
        {"choices": [{"index": 0, "finish_reason": "stop", "text": SOUND}]},
    ],
)
def test_calls_of_a_lone_reply_need_no_results(row: dict[str, Any]) -> None:
    events = tuple(read_value(openai_messages.FORMAT, row))
    assert calls(list(events))
    first = split_runs(events)[1][0]
    assert "CALL_UNANSWERED" not in fold_run(first)[0].codes


def test_calls_in_a_multi_turn_sample_need_results() -> None:
    go_on = {"role": "user", "content": "go on"}
    row = {"prompt": "q", "samples": [[NO, go_on, CALLING], [NO]]}
    first, second = split_runs(tuple(read_value(openai_messages.FORMAT, row)))[1]
    assert [fold_run(run)[0].codes["CALL_UNANSWERED"] for run in (first, second)] == [1, 0]


def test_a_best_text_alongside_its_samples_stays_the_reply() -> None:
    row = {"prompt": "q", "response": "best", "responses": ["a", "b"]}
    assert [text for _, text in dialog(read_value(openai_messages.FORMAT, row))] == ["q", "best"]


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "q", "responses": []},
        {"prompt": "q", "responses": [None, None]},
        {"prompt": "q", "outputs": [1, 2]},
        {"prompt": "q", "outputs": {"text": "a"}},
        {"prompt": ["q", "r"], "completions": ["a", "b"]},
        {"messages": [*ASK, NO], "choices": [{"message": NO}]},
        {"outputs": ["a", "b"]},
    ],
)
def test_rows_without_a_list_of_samples_are_not_claimed(row: dict[str, Any]) -> None:
    assert not samples_key(row)


JSON = any_json(
    "prompt", "messages", "completions", "outputs", "choices", "message", "text", "scores"
)


@given(JSON, JSON, JSON)
@settings(max_examples=60)
def test_any_samples_are_read_without_an_exception(one: Any, two: Any, three: Any) -> None:
    row = {"prompt": "q\ud800", "responses": [one, "a", two], "scores": [three, one, 1]}
    events = read_value(openai_messages.FORMAT, row)
    assert len(runs(events)) in (0, 3)
    read_value(openai_messages.FORMAT, {"prompt": one, "completions": two, "rewards": three})
    found_codes(read_value(llm_call_log.FORMAT, [{"messages": ASK, "response": {"choices": one}}]))
