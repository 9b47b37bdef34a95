"""The reward, the scores and the group of a rollout are read in every format."""

from __future__ import annotations

from typing import Any

import pytest

from hermes_tui.formats.registry import formats
from hermes_tui.model.events import RunEnded
from tests.formats.foreign import format_of, lines, only, read_bytes, runs

MESSAGES = [{"role": "user", "content": "why?"}, {"role": "assistant", "content": "because"}]
TURNS = [{"from": "human", "value": "why?"}, {"from": "gpt", "value": "because"}]
TURNS_WITH_REASONING = [TURNS[0], {"from": "gpt", "value": "<think>hm</think>because"}]
USE = {"type": "tool_use", "id": "t", "name": "ls", "input": {}}
OUTCOME = {"reward": 0.5, "scores": {"format": 1.0}, "group_id": 7}


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("openai-messages", {"messages": MESSAGES}),
        ("openai-messages", {"prompt": "why?", "text": "because"}),
        (
            "anthropic-messages",
            {"messages": [MESSAGES[0], {"role": "assistant", "content": [USE]}]},
        ),
        ("sharegpt", {"conversations": TURNS}),
        ("hermes-sharegpt", {"conversations": TURNS_WITH_REASONING}),
        ("hermes-sharegpt", {"conversations": TURNS, "completed": True, "timestamp": "2026"}),
        ("hermes-batch", {"conversations": TURNS, "tool_stats": {}}),
        ("hermes-eval", {"messages": MESSAGES, "passed": True, "task_name": "t"}),
        ("hermes-eval", {"messages": MESSAGES, "finished_naturally": True, "tool_errors": []}),
        ("llm-call-log", {"messages": MESSAGES[:1], "response": "because"}),
        ("generic", {"dialogue": [{"from": "me", "text": "a"}, {"from": "you", "text": "b"}]}),
    ],
)
def test_a_row_gives_its_reward_scores_and_group(name: str, row: dict[str, Any]) -> None:
    data = lines({**row, **OUTCOME})
    assert format_of(data) == name
    events = read_bytes(next(known for known in formats() if known.name == name), data)
    [run], [end] = runs(events), only(events, RunEnded)
    assert (run.group_id, end.reward, end.scores["format"]) == ("7", 0.5, 1.0)


@pytest.mark.parametrize("name", ["sharegpt", "hermes-sharegpt"])
def test_a_score_is_the_reward_if_there_is_no_other(name: str) -> None:
    turns = TURNS if name == "sharegpt" else TURNS_WITH_REASONING
    data = lines({"conversations": turns, "score": 0.25})
    assert format_of(data) == name
    events = read_bytes(next(known for known in formats() if known.name == name), data)
    assert [end.reward for end in only(events, RunEnded)] == [0.25]


def test_the_score_of_a_pair_belongs_to_neither_side() -> None:
    pair = {"conversations": TURNS[:1], "chosen": TURNS[1], "rejected": TURNS[1], "score": 1}
    data = lines(pair)
    [sharegpt] = [known for known in formats() if known.name == "sharegpt"]
    events = read_bytes(sharegpt, data)
    assert len(runs(events)) == 2 and only(events, RunEnded) == []
