"""Rollouts as reinforcement learning trainers log them to disk."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.formats.reader import split_runs
from hermes_tui.formats.readers.rollouts import reader as rollouts
from hermes_tui.log.summary import fold_run
from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.events import Event, RunEnded, SourceDefect, ToolReturned
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
    results,
    runs,
)

FILES = Path(__file__).parents[1] / "fixtures" / "rollouts"
NAMES = sorted(path.name for path in FILES.glob("*.json*") if not path.name.startswith("whole"))
NAMES_EXCEPT_SWIFT = [name for name in NAMES if not name.startswith("swift")]
ASK = "Is it raining in Paris?"
HI = (("user", "Hi"), ("assistant", "Ho."))
VERL = {"input": "user\nHi\nassistant\n", "output": "Ho.", "gts": "72", "score": 0.5, "step": 3}
TRL = {"step": 5, "prompt": "Hi", "completion": "Ho.", "length": 2.0, "advantage": 0.1}


def events_of(name: str) -> list[Event]:
    return read_bytes(rollouts.FORMAT, (FILES / name).read_bytes())


def values_of(name: str) -> list[Any]:
    return [json.loads(line) for line in (FILES / name).read_text().splitlines()]


def runs_of(name: str) -> list[list[Event]]:
    return [[*run] for run in split_runs(tuple(events_of(name)))[1]]


def end_of(row: dict[str, Any]) -> RunEnded:
    [end] = only(read_value(rollouts.FORMAT, row), RunEnded)
    assert isinstance(end, RunEnded)
    return end


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_rollouts_is_recognised(name: str) -> None:
    """tests/fixtures/rollouts/README.md names the code that writes each shape."""
    data = (FILES / name).read_bytes()
    assert format_of(data) == "rl-rollouts"
    events = read_bytes(rollouts.FORMAT, data)
    first, second = only(events, RunEnded)[:2]
    assert first.reward > second.reward
    starts = runs(events)
    assert {run.task for run in starts} == {ASK}
    assert len({run.group_id for run in starts[:2]}) == 1 and starts[0].group_id


@pytest.mark.parametrize("name", NAMES_EXCEPT_SWIFT)
def test_turns_calls_results_and_reasoning_of_a_rollout_are_separated(name: str) -> None:
    good, lost = runs_of(name)
    roles = [role for role, _ in dialog(good)]
    assert roles[-4:] == ["user", "assistant", "tool", "assistant"]
    assert roles[:-4] in ([], ["system"])
    [call], [answer] = calls(good), only(good, ToolReturned)
    assert (call.name, call.arguments) == ("get_weather", {"city": "Paris"})
    assert answer.result.content == '{"rain": true}'
    assert [len(message.reasoning) for message in messages(good)][-3:] == [1, 0, 0]
    assert dialog(good)[-1] == ("assistant", "Yes, it rains in Paris.")
    assert found_codes(good) == []
    assert any(code.startswith("TRAILING_COMMA") for code in found_codes(lost))


@pytest.mark.parametrize("name", [name for name in NAMES_EXCEPT_SWIFT if name != "trl.jsonl"])
def test_a_call_that_the_trainers_parser_dropped_is_unanswered(name: str) -> None:
    _, lost = runs_of(name)
    assert Code.CALL_UNANSWERED in {found.code for found in fold_run(lost)[1]}
    assert [tool.name for tool in runs(lost)[0].tools] == ["get_weather"]


def test_a_call_that_trl_left_in_the_content_is_reported() -> None:
    _, lost = runs_of("trl.jsonl")
    assert any(code.startswith("CALL_IN_CONTENT") for code in found_codes(lost))


def test_the_step_is_recorded_and_separates_the_groups() -> None:
    """ms-swift writes the last step a second time when the training ends."""
    events = events_of("swift_completions.jsonl")
    assert [end.scores["step"] for end in only(events, RunEnded)] == [1, 1, 2, 2, 2, 2]
    groups = [run.group_id for run in runs(events)]
    assert groups[0] == groups[1] != groups[2] == groups[5]
    assert groups[2].startswith("step 2 · ")


def test_agent_lightning_rollouts_have_their_ids_and_no_end_token() -> None:
    events = events_of("agentlightning.jsonl")
    assert [run.run_id for run in runs(events)] == ["ro-0", "ro-1"]
    assert not any("<|im_end|>" in text for _, text in dialog(events))


def test_text_that_both_ends_the_prompt_and_begins_the_reply_appears_once() -> None:
    """ms-swift ends the prompt with the empty thinking block that its completions begin with."""
    events = events_of("swift_completions.jsonl")
    assert dialog(events)[2][1].count("<think>") == 1
    assert [message.role for message in messages(events)[:3]] == ["system", "user", "assistant"]


def test_a_multi_turn_rollout_is_grouped_by_its_first_prompt() -> None:
    """ms-swift renders all turns but the last as the prompt."""
    events = events_of("swift_turns.jsonl")
    several, one = runs(events)
    assert several.group_id == one.group_id and several.group_id.startswith("step 2 · ")
    roles = [role for role, _ in dialog(events)]
    assert roles[:5] == ["system", "user", "assistant", "tool", "assistant"]
    assert [call.name for call in calls(events)] == ["get_weather"] * 2
    assert [answer.result.content for answer in only(events, ToolReturned)] == ['{"rain": true}']


def test_verl_keys_name_the_group_and_the_run() -> None:
    events = events_of("verl_uid.jsonl")
    assert {run.group_id for run in runs(events)} == {"step 3 · 17"}
    assert [run.run_id for run in runs(events)] == ["17_0_0", "17_1_0"]
    assert [run.run_id for run in runs(events_of("verl.jsonl"))] == ["6f0c", "b1e2"]


def test_an_areal_rollout_is_a_sample_of_its_task_with_its_tokens() -> None:
    events = events_of("areal.jsonl")
    assert [run.run_id for run in runs(events)] == ["7 · sample 0", "7 · sample 1"]
    assert {run.group_id for run in runs(events)} == {"task 7"}
    usage = only(events, RunEnded)[0].usage
    assert (usage.prompt_tokens, usage.completion_tokens) == (625, 102)


def test_a_prompt_that_ends_inside_a_turn_loses_nothing_of_the_rollout() -> None:
    """AReaL counts tool results as part of the prompt, so the border may be anywhere."""
    row = values_of("areal.jsonl")[0]
    whole = read_value(rollouts.FORMAT, row)
    text = row["prompt"] + row["completion"]
    inside = {at for one in re.finditer(r"<\|im_\w+\|>", text) for at in range(*one.span())[1:]}
    first, last = text.index("<think>"), text.rindex("<|im_start|>")
    for border in range(first, last):
        if border not in inside:
            split_row = {**row, "prompt": text[:border], "completion": text[border:]}
            events = read_value(rollouts.FORMAT, split_row)
            assert dialog(events) == dialog(whole)
            assert found_codes(events) == [] and len(only(events, ToolReturned)) == 1


def test_an_open_user_turn_before_the_reply_stays_the_users() -> None:
    row = {**TRL, "prompt": "<|im_start|>user\nHi", "completion": "Ho.<|im_end|>\n"}
    events = read_value(rollouts.FORMAT, row)
    assert dialog(events) == [("user", "Hi"), ("assistant", "Ho.")]


def test_token_rewards_add_up_and_a_cut_reply_truncates_the_rollout() -> None:
    """SkyRL's `score` is one number or one per token; its stop reasons are those of servers."""
    ends = only(events_of("skyrl.jsonl"), RunEnded)
    assert [(end.reward, end.status, end.stop_reason) for end in ends] == [
        (1.0, "unknown", "stop"),
        (0.0, "truncated", "length"),
    ]


def test_extra_values_of_a_verl_reward_function_are_scores_unless_text() -> None:
    end = end_of({**VERL, "acc": True, "reward": 0.25, "pred": "72"})
    assert end.reward == 0.25
    assert end.scores == {"score": 0.5, "acc": 1.0, "step": 3.0}
    [run] = runs(read_value(rollouts.FORMAT, VERL))
    assert run.details == {"gts": "72"}


def test_trl_rewards_are_one_function_or_the_noted_sum_of_several() -> None:
    assert end_of(TRL).reward == 2.0
    several = {"step": 5, "prompt": "Hi", "completion": "Ho.", "a": 1.0, "b": 0.5, "advantage": 0.0}
    assert end_of(several).reward == 1.5
    [run] = runs(read_value(rollouts.FORMAT, several))
    assert run.details["reward_is"] == "the sum of a, b: the file gives no weights"


def test_nan_for_an_unrated_value_is_a_note_and_not_a_defect() -> None:
    """wandb 0.31.0 tables and verl 0.9.1 lines have NaN if a reward function gave None."""
    table = {"columns": [*TRL], "data": [[*{**TRL, "length": float("nan")}.values()]]}
    for data in (json.dumps(table), json.dumps({**VERL, "score": float("nan")})):
        events = read_bytes(rollouts.FORMAT, data.encode())
        assert only(events, SourceDefect) == [] and only(events, RunEnded)[0].reward is None
        [note] = runs(events)[0].diagnostics
        assert note.severity is Severity.NOTE and "NaN is not JSON" in note.message


def test_rewards_whose_sum_overflows_are_none() -> None:
    row = {"input_prompt": "Hi", "output_response": "Ho.", "score": [1e308, 1e308]}
    assert end_of(row).reward is None
    several = {"step": 5, "prompt": "Hi", "completion": "Ho.", "a": 1e308, "b": 1e308}
    assert end_of({**several, "advantage": 0.0}).reward is None


def test_a_number_not_from_a_reward_function_is_not_a_reward() -> None:
    assert end_of({"step": 5, "prompt": "Hi", "completion": "Ho.", "loss": 1.0}).reward is None
    assert end_of({**TRL, "num_turns": 4}).reward == 2.0


def test_a_sample_rated_by_openrlhf_is_a_rollout_with_its_reward() -> None:
    """OpenRLHF at 0551ff6 (`openrlhf/cli/batch_inference.py`: `batch_rm_inference`)."""
    asked = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    row = {"input": asked, "output": "Ho.<|im_end|>", "reward": -0.5}
    assert format_of(lines(row, row)) == "rl-rollouts"
    events = read_value(rollouts.FORMAT, row)
    assert dialog(events) == [("user", "Hi"), ("assistant", "Ho.")] and found_codes(events) == []
    assert end_of(row).reward == -0.5


def test_texts_with_special_tokens_are_split_at_them() -> None:
    turns = [("user", "Hi"), ("assistant", "Ho?"), ("user", "Hi!"), ("assistant", "Ho.")]
    text = "".join(f"<|im_start|>{role}\n{dialog}<|im_end|>\n" for role, dialog in turns)
    asked, reply = text.split("Ho?")
    events = read_value(rollouts.FORMAT, {**VERL, "input": asked, "output": "Ho?" + reply})
    assert dialog(events) == turns


@pytest.mark.parametrize(
    ("prompt", "reply", "roles"),
    [
        (
            (
                "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nIs it?<|eot_id|>"
                "<|start_header_id|>assistant<|end_header_id|>\n\n"
            ),
            (
                '{"name": "look", "parameters": {"at": "sky"}}<|eot_id|><|start_header_id|>ipython'
                '<|end_header_id|>\n\n"rain"<|eot_id|><|start_header_id|>assistant<|end_header_id|>'
                "\n\nYes.<|eot_id|>"
            ),
            ["user"],
        ),
        (
            "[gMASK]<sop><|system|>\nS<|user|>\nIs it?<|assistant|>",
            (
                "\n<tool_call>look\n<arg_key>at</arg_key>\n<arg_value>sky</arg_value>\n</tool_call>"
                "<|observation|>\n<tool_response>\nrain\n</tool_response><|assistant|>\nYes."
            ),
            ["system", "user"],
        ),
        (
            "<bos><|turn>user\nIs it?<turn|>\n<|turn>model\n",
            (
                '<|tool_call>call:look{at:<|"|>sky<|"|>}<tool_call|><turn|>\n<|turn>tool\nrain<turn|>'
                "\n<|turn>model\nYes.<turn|>\n"
            ),
            ["user"],
        ),
        (
            "<|im_start|>user\nIs it?<|im_end|>\n<|im_start|>assistant\n",
            (
                "<|tool_call_start|>[look(at='sky')]<|tool_call_end|><|im_end|>\n<|im_start|>tool\n"
                "rain<|im_end|>\n<|im_start|>assistant\nYes.<|im_end|>\n"
            ),
            ["user"],
        ),
    ],
    ids=["llama", "glm", "gemma", "lfm"],
)
def test_text_that_a_tool_answered_is_a_call_in_any_format(
    prompt: str, reply: str, roles: list[str]
) -> None:
    """The templates are those shipped with TRL 1.16.0, without their declarations of tools."""
    events = read_value(rollouts.FORMAT, {**TRL, "prompt": prompt, "completion": reply})
    assert [role for role, _ in dialog(events)] == [*roles, "assistant", "tool", "assistant"]
    assert [(call.name, call.arguments) for call in calls(events)] == [("look", {"at": "sky"})]
    assert dialog(events)[-1] == ("assistant", "Yes.") and fold_run(events)[1] == []


def test_an_unanswered_call_in_another_format_is_reported() -> None:
    reply = "<|tool_call_start|>[look(at='sky')]<|tool_call_end|>"
    events = read_value(rollouts.FORMAT, {**TRL, "completion": reply})
    assert Code.CALL_IN_CONTENT in {one.code for one in fold_run(events)[1]}


@pytest.mark.parametrize(
    ("prompt", "reply", "asked"),
    [
        (
            "<｜begin▁of▁sentence｜>S<｜User｜>Hi<｜Assistant｜><think>\n",
            "hm</think>Ho.<｜end▁of▁sentence｜>",
            [("system", "S"), ("user", "Hi")],
        ),
        (
            "<bos><start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\n",
            "Ho.<end_of_turn>\n",
            [("user", "Hi")],
        ),
    ],
    ids=["deepseek", "gemma"],
)
def test_templates_of_other_families_are_split_too(
    prompt: str, reply: str, asked: list[tuple[str, str]]
) -> None:
    events = read_value(rollouts.FORMAT, {**TRL, "prompt": prompt, "completion": reply})
    assert dialog(events)[:-1] == asked
    assert dialog(events)[-1][1].endswith("Ho.") and fold_run(events)[1] == []


def test_names_are_one_line_of_any_length() -> None:
    row = {**VERL, "request_id": "a\nb" + "c" * 9_000, "step": "1\n2"}
    [run] = runs(read_value(rollouts.FORMAT, row))
    assert len(run.run_id) < 1_000 and "\n" not in run.run_id + run.group_id


def test_a_line_by_the_model_that_names_a_role_is_not_a_turn() -> None:
    events = read_value(rollouts.FORMAT, {**VERL, "output": "Groups:\nuser\nadmin"})
    assert dialog(events)[1:] == [("assistant", "Groups:\nuser\nadmin")]


def test_a_prompt_without_a_template_is_a_user_message() -> None:
    events = read_value(rollouts.FORMAT, {**VERL, "input": "2+2="})
    assert dialog(events) == [("user", "2+2="), ("assistant", "Ho.")]


@pytest.mark.parametrize("text", ['{"name": "look", "parameters": {}}', "[1, 2]", "[]", '"Ho"'])
def test_text_that_is_json_is_kept_as_message_text(text: str) -> None:
    events = read_value(rollouts.FORMAT, {**VERL, "input": text, "output": text})
    assert dialog(events) == [("user", text), ("assistant", text)] and found_codes(events) == []


def test_a_table_in_pandas_split_layout_is_read() -> None:
    rows = values_of("trl.jsonl")
    table = {"columns": [*rows[0]], "index": [0, 1], "data": [[*row.values()] for row in rows]}
    assert format_of(document(table)) == "rl-rollouts"
    events = read_bytes(rollouts.FORMAT, document(table))
    assert dialog(events) == dialog(events_of("trl.jsonl"))
    assert messages(events)[0] and runs(events)[1].at.pointer == "/data/1"


@pytest.mark.parametrize("name", ["whole_openrlhf.table.json", "whole_skyrl.table.json"])
def test_prompt_and_reply_in_one_text_of_a_table_are_separated(name: str) -> None:
    """Rollout samples as OpenRLHF 0.11.2 and SkyRL 0.3.0 log them to W&B."""
    assert format_of((FILES / name).read_bytes()) == "rl-rollouts"
    good, lost = runs_of(name)
    assert [role for role, _ in dialog(good)] == [
        "system",
        "user",
        "assistant",
        "tool",
        "assistant",
    ]
    assert dialog(good)[1][1] == ASK and dialog(good)[3][1].endswith("</tool_response>")
    assert [(call.name, call.arguments) for call in calls(good)] == [
        ("get_weather", {"city": "Paris"})
    ]
    assert only(good, ToolReturned)[0].result.content == '{"rain": true}'
    assert dialog(good)[-1] == ("assistant", "Yes, it rains in Paris.") and found_codes(good) == []
    assert any(code.startswith("TRAILING_COMMA") for code in found_codes(lost))
    assert [end.reward for run in (good, lost) for end in only(run, RunEnded)] == [1.0, 0.0]
    assert all(one.group_id.startswith("step ") for one in runs(good))
    pointers = {event.at.pointer for event in good if event.at and event.at.pointer}
    assert all(pointer.startswith("/data/0") for pointer in pointers)


@pytest.mark.parametrize(
    ("text", "turns"),
    [
        ("user\nHi\nassistant\n\nHo.", [("user", "Hi"), ("assistant", "\nHo.")]),
        ("user\n\nHiassistant\n\nHo.", [("user", "Hi"), ("assistant", "Ho.")]),
        ("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHo.", [*HI]),
        ("Is it? The assistant\nsays so.", [("assistant", "Is it? The assistant\nsays so.")]),
        ("<|im_start|>user\nHi<|im_end|>", [("user", "Hi")]),
    ],
)
def test_a_whole_text_is_split_at_the_first_turn_of_the_model(
    text: str, turns: list[tuple[str, str]]
) -> None:
    table = {"columns": ["global_step", "text", "reward"], "data": [[1, text, 0.5]]}
    assert [one for one in dialog(read_value(rollouts.FORMAT, table)) if one[1]] == turns


CALL = '<tool_call>\n{"name": "ls", "arguments": {}}\n</tool_call>'
SLIME: dict[str, Any] = {
    "group_index": 3,
    "index": 24,
    "prompt": "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n",
    "tokens": [1, 2, 3, 4],
    "response": f"{CALL}<|im_end|>\n<|im_start|>user\n<tool_response>\na b\n</tool_response>"
    "<|im_end|>\n<|im_start|>assistant\nHo.<|im_end|>",
    "response_length": 2,
    "label": "a.txt",
    "reward": 0.25,
    "loss_mask": [1, 1],
    "rollout_log_probs": [-0.1, -0.2],
    "status": "completed",
}


def test_all_turns_of_a_response_of_slime_are_messages() -> None:
    """The fields of `Sample` in slime (`slime/utils/types.py`)."""
    assert format_of(lines(SLIME, SLIME)) == "rl-rollouts"
    events = read_value(rollouts.FORMAT, SLIME)
    answer = "<tool_response>\na b\n</tool_response>"
    assert dialog(events) == [("user", "Hi"), ("assistant", CALL), ("tool", answer), HI[1]]
    assert [result.content for result in results(events)] == ["a b"]
    assert [call.name for call in calls(events)] == ["ls"]
    assert found_codes(events) == []
    assert (runs(events)[0].group_id, end_of(SLIME).reward) == ("3", 0.25)
    assert end_of(SLIME).scores == {"response_length": 2.0}


@pytest.mark.parametrize(
    ("status", "expected"), [("completed", "unknown"), ("truncated", "truncated")]
)
def test_a_complete_response_of_slime_is_no_success(status: str, expected: str) -> None:
    assert end_of({**SLIME, "status": status}).status == expected


def test_a_reward_of_slime_may_be_several_by_name() -> None:
    end = end_of({**SLIME, "reward": {"score": -0.5, "acc": True, "pred": "b"}})
    assert (end.reward, end.scores) == (-0.5, {"response_length": 2.0, "acc": 1.0})
    assert end_of({**SLIME, "reward": {"acc": 1}}).reward is None


def test_a_prompt_of_slime_may_be_messages() -> None:
    said = {**SLIME, "prompt": [{"role": "user", "content": "Hi"}], "response": "Ho."}
    assert tuple(dialog(read_value(rollouts.FORMAT, said))) == HI


SEARCHING = {
    **VERL,
    "input": "user\nCall <search> query </search>, it answers in <information>. Who?\nassistant\n",
    "output": "<think>hm</think>\n<search> who </search>\n\n<information>Doc 1(Title: W) Ann"
    "</information>\n\n<think>so</think>\n<answer> Ann </answer>",
}


def test_searches_in_tags_are_calls_and_their_findings_the_results() -> None:
    """Search-R1 at 54f5bb8 (`search_r1/llm_agent/generation.py`: `execute_predictions`)."""
    events = read_value(rollouts.FORMAT, SEARCHING)
    assert [role for role, _ in dialog(events)] == ["user", "assistant", "tool", "assistant"]
    [call], [answer] = calls(events), only(events, ToolReturned)
    assert (call.name, call.arguments) == ("search", {"query": "who"})
    assert messages(events)[1].text[call.span.start : call.span.end] == "<search> who </search>"
    assert "Ann" in answer.result.content and fold_run(events)[1] == []
    assert dialog(events)[-1][1].endswith("<answer> Ann </answer>")


def test_unanswered_and_invalid_searches_are_reported() -> None:
    notice = (
        "\nMy previous action is invalid. If I want to search, I should put the query between "
        "<search> and </search>. If I want to give the final answer, I should put the answer "
        "between <answer> and </answer>. Let me try again.\n"
    )
    row = {**SEARCHING, "output": f"I ask Ann.{notice}<search>who</search>"}
    events = read_value(rollouts.FORMAT, row)
    assert [role for role, _ in dialog(events)] == ["user", "assistant", "user", "assistant"]
    assert dialog(events)[2][1] == notice.strip()
    assert {one.code for one in fold_run(events)[1]} == {Code.CALL_UNANSWERED}


def test_skyrl_searches_are_answered_in_user_turns() -> None:
    """skyrl-gym 0.4.0, `envs/search/env.py` and `envs/sql/env.py`."""
    for tag, block in (("search", "information"), ("sql", "observation")):
        reply = (
            f"<{tag}>who</{tag}><|im_end|>\n<|im_start|>user\n\n<{block}>Ann</{block}>\n"
            "<|im_end|>\n<|im_start|>assistant\n<answer>Ann</answer><|im_end|>"
        )
        prompt = f"<|im_start|>user\n<{tag}> <{block}><|im_end|>\n<|im_start|>assistant\n"
        row = {"input_prompt": prompt, "output_response": reply, "score": [0.0, 1.0]}
        events = read_value(rollouts.FORMAT, {**row, "stop_reason": "length"})
        assert [role for role, _ in dialog(events)] == ["user", "assistant", "tool", "assistant"]
        assert [call.name for call in calls(events)] == [tag]
        assert [one.finish_reason for one in messages(events)] == ["", "", "", "length"]


def test_tags_neither_explained_nor_answered_are_text() -> None:
    events = read_value(rollouts.FORMAT, {**VERL, "output": "use <search>x</search> in XML"})
    assert calls(events) == [] and len(dialog(events)) == 2


def test_a_search_after_the_answer_is_not_a_call() -> None:
    events = read_value(
        rollouts.FORMAT, {**SEARCHING, "output": "<answer>Ann</answer><search>who</search>"}
    )
    assert calls(events) == []


@pytest.mark.parametrize(
    "other",
    [
        {"input": "Hi", "output": "Ho."},
        {"input": {"a": 1}, "output": "Ho.", "score": 1.0, "step": 1},
        {"prompt": "Hi", "completion": "Ho.", "reward": 1.0},
        {"prompt": "Hi", "completion": "Ho.", "example_id": 0, "advantage": 1.0},
        {"columns": ["a", "b"], "data": [[1, 2]]},
        {"columns": [], "data": []},
    ],
)
def test_rows_without_the_marks_of_a_trainer_are_not_claimed(other: dict[str, Any]) -> None:
    assert format_of(lines(other, other)) != "rl-rollouts"


def test_table_rows_and_columns_that_are_not_rollouts_are_reported() -> None:
    columns = {"step": [1, 2], "prompt": ["Hi", "Hi"], "completion": ["Ho.", 7]}
    table = {"columns": [*TRL], "data": [[*TRL.values()], 7, ["Hi"]]}
    for value, places in ((columns, ["/completion/1"]), (table, ["/data/1", "/data/2"])):
        events = read_value(rollouts.FORMAT, value)
        assert dialog(events) == [("user", "Hi"), ("assistant", "Ho.")]
        assert [event.at.pointer for event in only(events, SourceDefect)] == places


def test_a_non_message_among_the_messages_is_reported() -> None:
    events = read_value(rollouts.FORMAT, {**TRL, "completion": [{"role": "assistant"}, 3]})
    assert [event.message for event in only(events, SourceDefect)] == ["not a message"]


@settings(max_examples=60, deadline=None)
@given(any_json("input", "output", "prompt", "completion", "step", "score", "columns", "data"))
def test_any_value_is_read_without_an_exception(value: Any) -> None:
    read_value(rollouts.FORMAT, value)
    read_value(rollouts.FORMAT, {**VERL, "output": value, "score": value, "step": value})
    read_value(rollouts.FORMAT, {"step": [1], "prompt": [value], "completion": [value]})
    names = ["step", "reward", "num_turns", "trajectory", "global_step", "text"]
    read_value(rollouts.FORMAT, {"columns": names, "data": [[1, value, 2, value, 3, value]]})
    read_value(rollouts.FORMAT, {"columns": ["text", "score"], "data": [[value, value]]})


PIECES = ["<search>", "</search>", "<information>", "</information>", "\n", "x", "<answer>"]


@given(st.lists(st.sampled_from([*PIECES, "</answer>"]), max_size=12).map("".join))
def test_splitting_a_text_at_its_tags_loses_only_line_breaks(text: str) -> None:
    events = read_value(rollouts.FORMAT, {**SEARCHING, "output": text})
    shown = "".join(part for _, part in dialog(events)[1:])
    assert shown.replace("\n", "") == text.replace("\n", "")
