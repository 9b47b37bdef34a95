from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.readers.toolbench import ANSWER, FORMAT, MAX_PATHS
from hermes_tui.log.summary import fold_run
from hermes_tui.model.events import SourceDefect
from tests.formats.foreign import (
    any_json,
    calls,
    counts,
    counts_with_errors,
    dialog,
    document,
    ended,
    format_of,
    only,
    read_bytes,
    read_value,
    results,
    runs,
    sample,
    started,
)


def node(kind: str, description: str, *children: Any, **more: Any) -> dict[str, Any]:
    return {"node_type": kind, "description": description, "children": list(children), **more}


def step(name: str, *after: Any, observation: str = "{}", **more: Any) -> dict[str, Any]:
    """Return an action with its input and the nodes that follow it."""
    return node("Action", name, node("Action Input", "{}", *after, observation=observation, **more))


def call(name: str) -> dict[str, Any]:
    function = {"name": name, "arguments": "{}"}
    return {"role": "assistant", "content": None, "function_call": function}


PROMPT = [{"role": "system", "content": "Use tools."}, {"role": "user", "content": "Weather?"}]
CONVERSATION = [
    *PROMPT,
    call("weather"),
    {"role": "function", "name": "weather", "content": '{"error": "", "response": "sunny"}'},
    call("Finish"),
]
WALK = step("weather", step("Finish", observation="given"))
DEAD_END = node("Thought", "Maybe news.", step("news", observation="nothing", pruned=True))


def answer(*paths: Any, **more: Any) -> dict[str, Any]:
    generated = {
        "query": "What is the weather?",
        "function": [{"name": "weather", "parameters": {}}, {"name": "Finish"}],
        "train_messages": [CONVERSATION[:3], CONVERSATION],
        "finish_type": "give_answer",
        "total_tokens": 70,
        **more,
    }
    tree = {"size": 5, "tree": node("Action Input", "", *paths)}
    return {"win": True, "tree": tree, "answer_generation": generated}


def test_an_answer_is_recognised_and_its_final_messages_are_the_run() -> None:
    data = document(answer(WALK))
    assert format_of(data) == "toolbench"
    events = read_bytes(FORMAT, data)
    assert counts(events) == (1, 5, 2)
    assert started(events).task == "What is the weather?"
    assert started(events).details["total_tokens"] == 70
    assert (ended(events).status, ended(events).stop_reason) == ("ok", "give_answer")


def test_an_empty_error_is_ignored_and_the_tree_answers_the_last_call() -> None:
    events = read_value(FORMAT, answer(WALK))
    assert [result.error for result in results(events)] == [None, None]
    assert results(events)[1].content == "given"
    assert not fold_run(events)[0].codes


def test_an_abandoned_path_is_a_child_run_of_the_answer() -> None:
    events = read_value(FORMAT, answer(DEAD_END, WALK))
    first, second = runs(events)
    assert (first.run_id, second.parent_run_id) == (ANSWER, ANSWER)
    below = events[events.index(second) :]
    assert dialog(below) == [("assistant", "Maybe news."), ("tool", "nothing")]
    assert [found.name for found in calls(below)] == ["news"]
    assert (ended(below).status, ended(below).stop_reason) == ("failed", "pruned")


@pytest.mark.parametrize(("code", "kind"), [(0, ""), (4, ""), (1, "flag"), (12, "flag")])
def test_an_observation_whose_code_is_an_error_is_flagged_as_one(code: int, kind: str) -> None:
    left = step("news", observation="no such thing", observation_code=code)
    (result,) = results(read_value(FORMAT, answer(left)))[-1:]
    assert result.content == "no such thing"
    assert (result.error.kind if result.error else "") == kind


def test_excess_paths_are_left_out_with_a_note() -> None:
    events = read_value(FORMAT, answer(*[step(f"t{i}") for i in range(MAX_PATHS + 3)], WALK))
    assert len(runs(events)) == MAX_PATHS + 1
    assert "4 others are not" in started(events).diagnostics[0].message


def test_an_answer_that_was_given_up_failed() -> None:
    events = read_value(FORMAT, answer(finish_type="give_up_and_restart"))
    assert ended(events).status == "failed"


def test_a_non_message_is_a_defect_at_its_location() -> None:
    (defect,) = only(read_value(FORMAT, answer(train_messages=[[7]])), SourceDefect)
    assert defect.at.pointer == "/answer_generation/train_messages/0/0"
    (defect,) = only(read_value(FORMAT, answer(train_messages=["oops"])), SourceDefect)
    assert (defect.at.pointer, defect.excerpt) == ("/answer_generation/train_messages/0", "oops")
    assert only(read_value(FORMAT, [1]), SourceDefect)


@settings(max_examples=100, deadline=None)
@given(any_json("train_messages", "function", "children", "node_type", "description", "role"))
def test_reading_and_sniffing_never_raise(value: Any) -> None:
    for item in (
        value,
        {"answer_generation": value},
        answer(value, node("Action Input", "x", value, observation=value)),
        answer(WALK, train_messages=[[value]], function=value, query=value, finish_type=value),
        {**answer(), "tree": value},
        {**answer(), "tree": {"tree": {"children": value, "node_type": value}}},
    ):
        FORMAT.sniff(sample(item))
        read_value(FORMAT, item)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "expected"),
    [("toolbench-G1-10.json", (1, 7, 3, 0)), ("toolbench-G3-21.json", (1, 9, 4, 1))],
)
def test_real_files_match_their_manifest(
    name: str, expected: tuple[int, ...], trajectories: Path
) -> None:
    data = (trajectories / "21-datasets" / name).read_bytes()
    assert format_of(data) == "toolbench"
    events = read_bytes(FORMAT, data)
    assert counts_with_errors(events) == expected
