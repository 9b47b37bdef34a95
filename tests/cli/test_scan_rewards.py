"""The summary of a scan says what errors cost in reward, and of which runs an outcome is known."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.program import within
from tests.cli.scan_files import called, chat, lines


def test_the_summary_says_what_errors_cost_in_reward(tmp_path: Path) -> None:
    path = lines(
        tmp_path / "runs.jsonl",
        *(chat("a", reward=1.0), chat("b", reward=0.0), chat("c", reward=0.5)),
        *(called("d", "sl", reward=0.0), called("e", "sl", reward=0.25)),
    )
    text = within("scan", path).text
    assert "  with errors     mean reward 0.125 (2 runs, 1 of the 2 at 0 or below: 50.0%)\n" in text
    assert "  without errors  mean reward 0.5 (3 runs, 1 of the 2 at 0 or below: 50.0%)\n" in text
    assert "how many of each; mean reward of these runs\n" in text
    assert "NAME_UNKNOWN  2 of 5   40.0%    0.125  2 errors" in text
    summary = json.loads(within("scan", path, "--to", "json").text)["summary"]
    assert summary["by_code"]["NAME_UNKNOWN"]["mean_reward"] == 0.125
    assert summary["outcome"]["with_errors"] == {
        "rewarded": 2, "mean_reward": 0.125, "reward_0": 1,
    }  # fmt: skip


def test_an_outcome_that_few_runs_have_is_said_to_be_of_these(tmp_path: Path) -> None:
    path = lines(tmp_path / "runs.jsonl", chat("a", resolved=False), chat("b"))
    text = within("scan", path).text
    assert "outcome: 1 of 1 run with a known outcome failed (100.0%)\n" in text


def test_a_code_that_is_a_note_in_some_runs_is_counted_in_the_others(tmp_path: Path) -> None:
    call_text = '<tool_call>\n{"name": "ls", "arguments": {}}\n</tool_call>'
    call = {"role": "assistant", "content": call_text}
    ask, result = {"role": "user", "content": "list"}, {"role": "tool", "content": "a b"}
    done = {"role": "assistant", "content": "done"}
    read, lost = [ask, call, result, done], [ask, call, ask, done]
    answered = lines(tmp_path / "read.jsonl", {"messages": read}, {"messages": read})
    both = lines(tmp_path / "both.jsonl", {"messages": read}, {"messages": lost})
    assert "CALL_IN_CONTENT  1 of 2   50.0%  1 error, 1 note  " in within("scan", both).text
    assert "both.jsonl --at 2:2\n" in within("scan", both).text
    assert "CALL_IN_CONTENT  2 of 2  100.0%  2 notes  " in within("scan", answered).text
