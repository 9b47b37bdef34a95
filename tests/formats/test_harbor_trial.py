"""Trials of Harbor: the reward, or the error, is in a file next to the trajectory."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.readers.atif.reader import FORMAT
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.events import Event
from hermes_tui.model.spans import ByteRange
from hermes_tui.runtime.opener import FoundRun, open_file, read_events, survey
from hermes_tui.runtime.targets import expand_paths
from tests.formats.foreign import any_json, ended, found_codes, runs, started
from tests.formats.test_atif import ASK, trajectory

FOLDER = Path(__file__).parents[1] / "fixtures" / "harbor"
"""Trials that Harbor ran (README.md there)."""
AGENT = Path("agent") / "trajectory.json"


def read(path: Path) -> list[Event]:
    file = open_file(path)
    try:
        return [
            event
            for step in survey(file)
            if isinstance(step, FoundRun)
            for event in read_events(step.ref)
        ]
    finally:
        file.close()


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER / "good", tmp_path / "good"))


def change(trial: Path, **fields: Any) -> None:
    path = trial / "result.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def test_a_run_has_the_reward_and_task_of_its_trial() -> None:
    events = read(FOLDER / "good" / AGENT)
    run, end = started(events), ended(events)
    assert (run.task, run.group_id, run.details["trial_name"]) == (
        "hbgood",
        "hbgood",
        "hbgood__pRDofTD",
    )
    assert (end.status, end.reward, end.scores) == ("unknown", 1.0, {})
    assert end.duration_s == pytest.approx(1.163, abs=0.001)
    assert end.usage is not None
    assert end.usage.prompt_tokens == 3935


def test_a_failed_trial_has_its_cause() -> None:
    events = read(FOLDER / "fails" / AGENT)
    assert ended(events).status == "error"
    assert ended(events).reward is None
    assert ended(events).stop_reason.startswith("InternalServerError: litellm.")
    assert found_codes(events) == ["RUN_ERROR:error"]


def test_a_trial_that_timed_out_is_truncated_and_keeps_its_reward(good: Path) -> None:
    late = {"exception_type": "AgentTimeoutError", "exception_message": "after 90 s"}
    change(good, exception_info=late)
    events = read(good / AGENT)
    end = ended(events)
    assert (end.status, end.stop_reason) == ("truncated", "AgentTimeoutError: after 90 s")
    assert end.reward == 1.0
    assert not found_codes(events)


@pytest.mark.parametrize(
    ("rewards", "reward", "scores"),
    [
        ({"reward": 0.5, "style": 1}, 0.5, {"style": 1.0}),
        ({"accuracy": 0.5}, 0.5, {"accuracy": 0.5}),
        ({"accuracy": 0.5, "style": 1}, None, {"accuracy": 0.5, "style": 1.0}),
    ],
)
def test_named_rewards_are_scores(
    good: Path, rewards: dict[str, float], reward: float | None, scores: dict[str, float]
) -> None:
    change(good, verifier_result={"rewards": rewards})
    end = ended(read(good / AGENT))
    assert (end.reward, end.scores) == (reward, scores)


def test_each_step_of_a_trial_has_its_own_reward(tmp_path: Path) -> None:
    trial = Path(shutil.copytree(FOLDER / "steps", tmp_path / "steps"))
    steps = json.loads((trial / "result.json").read_text())["step_results"]
    steps[1]["verifier_result"]["rewards"]["reward"] = 0.0
    change(trial, step_results=steps)
    events = [read(trial / "steps" / name / AGENT) for name in ("one", "two")]
    assert [started(each).details["step_name"] for each in events] == ["one", "two"]
    assert [ended(each).reward for each in events] == [1.0, 0.0]


def test_subagents_and_continued_parts_have_no_reward(good: Path) -> None:
    path = good / AGENT
    value = json.loads(path.read_text())
    for changed in (
        {"agent": {**value["agent"], "name": "terminus-2-summarization-summary"}},
        {"continued_trajectory_ref": "trajectory.cont-1.json"},
    ):
        path.write_text(json.dumps({**value, **changed}))
        assert ended(read(path)).reward is None


def test_a_running_trial_has_no_end(good: Path) -> None:
    change(good, verifier_result=None)
    value = json.loads((good / AGENT).read_text())
    del value["final_metrics"]
    (good / AGENT).write_text(json.dumps(value))
    assert not [event for event in read(good / AGENT) if type(event).__name__ == "RunEnded"]


def test_a_folder_of_trials_does_not_list_their_results(good: Path) -> None:
    found = [target.path for target in expand_paths([str(good.parent)])]
    assert found == [good / AGENT]
    (good / AGENT).unlink()
    assert [target.path for target in expand_paths([str(good)])] == [good / "result.json"]


JSON = any_json("rewards", "started_at", "finished_at", "step_name", "name", "exception_type")


@given(JSON, JSON)
@settings(max_examples=100, deadline=None)
def test_the_trajectory_is_read_with_any_result(first: Any, second: Any) -> None:
    result = {"trial_name": "t", "agent_info": second, "verifier_result": first}
    part = {"agent_execution": second, "exception_info": first, "verifier_result": second}
    for sidecar in (first, {**result, **part}, {**result, "step_results": [part, first]}):
        for name in FORMAT.traits.sidecars:
            build = RunBuilder(ByteRange(0, 1), source_format="atif", sidecars={name: sidecar})
            FORMAT.read(trajectory(ASK), build)
            assert len(runs(build.events)) == 1
