"""Every rollout of a scored group is a run, in every shape in which groups are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.formats.readers.atropos_group import FORMAT
from hermes_tui.formats.texts.chat_template import split_template
from hermes_tui.model.events import RunEnded, SourceDefect
from tests.formats.foreign import (
    any_json,
    calls,
    counts,
    dialog,
    lines,
    only,
    read_bytes,
    read_value,
    runs,
    sniffed,
)

CALL = '<tool_call>\n{"name": "move", "arguments": {"to": "U"}}\n</tool_call>'
SAID = [
    {"role": "system", "content": "solve it"},
    {"role": "environment", "content": "the cube"},
    {"role": "agent", "content": f"<think>up</think>{CALL}", "reward": 0.25},
]
LLAMA = (
    "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nwhy?<|eot_id|>"
    "<|start_header_id|>assistant<|end_header_id|>\n\nbecause<|eot_id|>"
)
CHATML = "<|im_start|>user\nwhy?<|im_end|>\n<|im_start|>assistant\nbecause<|im_end|>\n"
MARKDOWN = "## USER\nwhy?\n\n## ASSISTANT\nbecause\n"
BOLD = "**user**: why?\n**assistant**: because"
TURNS = [("user", "why?"), ("assistant", "because")]


def group(**members: Any) -> dict[str, Any]:
    return {
        "tokens": [[10, 11, 12], [20, 21]],
        "masks": [[-100, -100, 12], [-100, -100]],
        "scores": [1.0, -0.5],
        "messages": [SAID, SAID],
        **members,
    }


def test_each_rollout_is_a_run_with_its_score_and_calls() -> None:
    events = read_bytes(FORMAT, lines(group(group_id="cube", env_id=1)))
    assert counts(events) == (2, 6, 2)
    assert [run.run_id for run in runs(events)] == ["rollout 0", "rollout 1"]
    assert {run.group_id for run in runs(events)} == {"cube"}
    assert runs(events)[0].details["env_id"] == 1
    assert [end.reward for end in only(events, RunEnded)] == [1.0, -0.5]
    assert {call.name for call in calls(events)} == {"move"}
    assert [event.seq for event in events[: len(events) // 2]] == list(range(len(events) // 2))


def test_the_tools_in_the_system_prompt_are_those_that_may_be_called() -> None:
    tools = '<tools>\n[{"name": "turn", "parameters": {"type": "object"}}]\n</tools>'
    said = [{"role": "system", "content": f"solve it {tools}"}, *SAID[1:]]
    events = read_value(FORMAT, group(messages=[said, SAID]))
    assert [[tool.name for tool in run.tools] for run in runs(events)] == [["turn"], []]
    assert [run.tools_declared for run in runs(events)] == [True, False]


def test_an_environment_id_is_not_a_group_id() -> None:
    assert {run.group_id for run in runs(read_value(FORMAT, group(env_id=1)))} == {""}


@pytest.mark.parametrize("text", [LLAMA, CHATML, MARKDOWN, BOLD])
def test_a_rendered_template_is_split_into_turns(text: str) -> None:
    events = read_value(FORMAT, group(messages=[text, text]))
    assert dialog(events) == TURNS * 2
    assert runs(events)[0].task == "why?"


def test_a_rendered_sequence_inside_one_user_message_is_split() -> None:
    events = read_value(FORMAT, group(messages=[[{"role": "user", "content": CHATML}]] * 2))
    assert dialog(events) == TURNS * 2
    assert "split into its messages" in runs(events)[0].diagnostics[0].message


def test_a_text_without_roles_is_one_user_message_and_a_note() -> None:
    events = read_value(FORMAT, group(messages=["just words", "more"]))
    assert dialog(events) == [("user", "just words"), ("user", "more")]
    assert [note.severity for note in runs(events)[0].diagnostics] == ["note"]


def test_a_group_without_messages_shows_its_counts_and_a_note() -> None:
    value = group(inference_logprobs=[[-0.1] * 3, [-0.2] * 2], advantages=[0.5, [0.1, 0.2]])
    del value["messages"]
    events = read_value(FORMAT, value)
    assert counts(events) == (2, 0, 0)
    first, second = runs(events)
    assert "no messages were saved" in first.diagnostics[0].message
    assert (first.details["tokens"], first.details["trained_tokens"]) == (3, 1)
    assert second.details["trained_tokens"] == 0
    assert (first.details["inference_logprobs"], first.details["advantages"]) == ("3", 0.5)


@pytest.mark.parametrize(
    ("advantage", "scores"),
    [
        (0.5, {"advantage": 0.5}),
        ([0.0, 0.0, -1.5], {"advantage": -1.5}),
        ([0, 0], {"advantage": 0.0}),
        ([0.5, 0.25], {}),
        ([None, 0.5], {}),
        ([], {}),
        ("high", {}),
    ],
)
def test_an_advantage_that_all_trained_tokens_share_is_a_score(
    advantage: Any, scores: dict[str, float]
) -> None:
    events = read_value(FORMAT, group(advantages=[advantage, None]))
    assert [end.scores for end in only(events, RunEnded)] == [scores, {}]


def test_masks_are_read_by_whether_any_token_is_marked_untrained() -> None:
    def mask(masks: list[list[int]]) -> dict[str, Any]:
        return runs(read_value(FORMAT, group(masks=masks)))[0].details

    assert mask([[-100, 11, 12], [0, 0]])["trained_tokens"] == 2
    assert mask([[0, 1, 1], [0, 0]])["trained_tokens"] == 2
    assert "trained_tokens" not in mask([[10, 11, 12], [0, 0]])


@pytest.mark.parametrize(
    ("tokens", "masks"),
    [([7, 8, 9], [-100, 8, 9]), (list(range(128)), [-100] * 128)],
    ids=["only the first token masked", "tokens that only count"],
)
def test_placeholder_tokens_are_reported(tokens: list[int], masks: list[int]) -> None:
    run = runs(read_value(FORMAT, group(tokens=[tokens] * 2, masks=[masks] * 2)))[0]
    assert run.details["tokens_are"].startswith("placeholders")
    assert run.diagnostics[0].severity == "note"


def test_masks_of_another_length_are_reported() -> None:
    run = runs(read_value(FORMAT, group(masks=[[-100], [1, 2]])))[0]
    assert "3 tokens but 1 mask" in run.diagnostics[0].message


def test_a_rollout_without_trained_tokens_is_reported() -> None:
    for masks in ([[-100, -100, 12], [-100, -100]], [[0, 1, 1], [0, 0]]):
        first, second = runs(read_value(FORMAT, group(masks=masks)))
        assert first.diagnostics == ()
        assert [found.severity for found in second.diagnostics] == ["note"]
        assert "nothing of this rollout is trained" in second.diagnostics[0].message


@pytest.mark.parametrize("key", ["scores", "tokens", "masks"])
def test_rollouts_missing_from_a_list_of_their_group_are_reported(key: str) -> None:
    value = group(tokens=[[5, 6]] * 2, masks=[[-100, 9]] * 2)
    value[key] = value[key][:1]
    first, second = runs(read_value(FORMAT, value))
    assert first.diagnostics == ()
    assert [found.severity for found in second.diagnostics] == ["warning"]
    assert f"no {key} of this rollout: the group has 1 for 2" in second.diagnostics[0].message


@pytest.mark.parametrize("score", [None, "good"])
def test_a_score_that_is_not_a_number_is_kept_unchanged(score: Any) -> None:
    ended = only(read_value(FORMAT, group(scores=[score, 1])), RunEnded)
    assert ended[0].reward is None and ended[0].details == {"score": score}
    assert ended[1].reward == 1.0


def test_extra_fields_go_to_their_rollout() -> None:
    value = group(parsed_actions=["U", None], seed=7, token_scores=[[0.1] * 3, [0.2] * 2])
    first, second = runs(read_value(FORMAT, value))
    assert (first.details["parsed_actions"], second.details["parsed_actions"]) == ("U", None)
    assert first.details["seed"] == 7
    assert first.details["token_scores"] == [0.1] * 3


def test_one_rollout_whose_lists_are_not_wrapped_is_one_run() -> None:
    value = {"tokens": [1, 2], "masks": [-100, 2], "scores": 0.5, "messages": SAID}
    events = read_value(FORMAT, value)
    assert counts(events) == (1, 3, 1)
    assert only(events, RunEnded)[0].reward == 0.5


def test_a_preference_pair_is_two_runs_that_share_their_prompt() -> None:
    value = {
        "prompt": ["why?"],
        "chosen": ["because"],
        "rejected": [[{"role": "assistant", "content": "dunno"}]],
        "chosen_tokens": [[1, 2]],
        "chosen_masks": [[-100, 2]],
    }
    events = read_bytes(FORMAT, lines(value))
    assert dialog(events) == [*TURNS, ("user", "why?"), ("assistant", "dunno")]
    assert [run.details["preference"] for run in runs(events)] == ["chosen", "rejected"]
    assert runs(events)[0].details["tokens"] == 2


@pytest.mark.parametrize(
    "foreign",
    [
        {"messages": SAID, "score": 1.0},
        {"messages": [SAID], "scores": {"a": 1}},
        {"prompt": SAID, "completion": SAID, "reward": 1.0},
        {"chosen": SAID, "rejected": SAID},
        {"role": "user", "content": "hi"},
    ],
)
def test_files_of_other_formats_are_not_claimed(foreign: dict[str, Any]) -> None:
    assert sniffed(FORMAT, foreign) == ""


def test_a_line_that_is_not_a_group_is_a_defect() -> None:
    events = read_bytes(FORMAT, lines(*[group()] * 4, {"tokens": []}, {"tokens": [], "masks": []}))
    assert [defect.message for defect in only(events, SourceDefect)] == [
        "not a scored group",
        "a group without rollouts",
    ]


@given(
    any_json("tokens", "masks", "scores", "messages", "role", "content", "chosen", "rejected"),
    any_json("role", "content"),
)
@settings(max_examples=150, deadline=None)
def test_any_value_is_read_without_an_exception(value: Any, inner: Any) -> None:
    assert read_value(FORMAT, value)
    for key in ("tokens", "masks", "scores", "messages", "advantages"):
        assert read_value(FORMAT, {**group(), key: inner}) or key == "tokens"


PIECES = ("<|im_start|>", "<|im_end|>", "user", "\n", "<|start_header_id|>", "<|end_header_id|>")


@given(st.lists(st.sampled_from((*PIECES, "## USER", "**user**:", "x", "<|user|>"))).map("".join))
@settings(max_examples=200, deadline=None)
def test_turns_of_a_template_are_at_their_spans(text: str) -> None:
    end = 0
    for turn in split_template(text):
        assert text[turn.span.start : turn.span.end] == turn.text
        assert turn.span.start >= end
        end = turn.span.end


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rubiks_process_results_32.jsonl", (24, 132, 36)),
        ("cybersec-objreward.jsonl", (16, 48, 0)),
        ("humor_3.jsonl", (4, 8, 0)),
        ("doctor_22.jsonl", (8, 138, 0)),
    ],
)
def test_real_groups_match_their_manifest(
    trajectories: Path, name: str, expected: tuple[int, int, int]
) -> None:
    events = read_bytes(FORMAT, (trajectories / "03-atropos-groups" / name).read_bytes())
    assert counts(events) == expected
    assert not only(events, SourceDefect)
