"""What Harbor records of a trial in `result.json`, in a folder above its trajectory.

    result = {"trial_name", "task_name", "source"?, "agent_info": {"name", …}, part…,
              "step_results"?: [{"step_name", part…}, …]}
    part   = "verifier_result": {"rewards": {name: number, …}} | null,
             "exception_info": {"exception_type", "exception_message", …} | null,
             "agent_execution": {"started_at", "finished_at"} | null

A trial of several steps keeps a trajectory of each in a separate folder, which does not name its
step: the step is found by its time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.failures import run_error
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.parsers.measures import time_of, timestamp

SIDECARS: Final = ("../result.json", "../../../result.json")
"""For a trial of one step, and for one of several: `steps/NAME/agent/trajectory.json`."""
_DETAIL_KEYS: Final = ("trial_name", "task_name", "source", "step_name")
_PART_KEYS: Final = ("verifier_result", "exception_info", "agent_execution")
_TIMEOUT_SUFFIX: Final = "TimeoutError"


def trial_of(trajectory: Mapping[str, Any], build: RunBuilder) -> dict[str, Any]:
    """Return what is recorded of the trial, or its step, of `trajectory`; empty if nothing is.

    Files of subagents are next to that of the agent, and their names begin with the agent's: they
    have no trial. If another trajectory continues this one, the outcome belongs to that one.
    """
    whole, of_steps = (fields.as_dict(build.sidecars.get(name)) for name in SIDECARS)
    result = whole if "trial_name" in whole else of_steps
    agent = fields.label(fields.as_dict(result.get("agent_info")), "name")
    own_name = fields.label(fields.as_dict(trajectory.get("agent")), "name")
    if "trial_name" not in result or own_name.startswith(f"{agent}-"):
        return {}
    steps = fields.as_list(result.get("step_results"))
    if not steps and result is of_steps:
        return {}
    part = _step_at(_first_time(trajectory), steps) if steps else result
    is_continued = bool(trajectory.get("continued_trajectory_ref"))
    part_values = {key: None if is_continued else part.get(key) for key in _PART_KEYS}
    return {**result, "step_name": part.get("step_name"), **part_values}


def begin_of(trial: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of `RunBuilder.start` that a trial holds."""
    failed = fields.as_dict(trial.get("exception_info"))
    is_error = bool(failed) and _status(failed) == "error"
    return {
        "task": fields.label(trial, "task_name"),
        "group_id": fields.label(trial, "task_name"),
        "details": fields.details_of({key: trial[key] for key in _DETAIL_KEYS if trial.get(key)}),
        "diagnostics": run_error(_reason(failed)) if is_error else (),
    }


def end_of(trial: Mapping[str, Any]) -> dict[str, Any]:
    """Return the outcome of a trial as arguments of `RunBuilder.end`; empty if still unknown."""
    scores = fields.measured(
        fields.as_dict(fields.as_dict(trial.get("verifier_result")).get("rewards"))
    )
    failed = fields.as_dict(trial.get("exception_info"))
    if not scores and not failed:
        return {}
    only = next(iter(scores.values())) if len(scores) == 1 else None
    reward = scores.pop("reward", only)
    return {
        "status": _status(failed) if failed else "unknown",
        "stop_reason": _reason(failed),
        "reward": reward,
        "scores": scores,
        "duration_s": _duration_s(fields.as_dict(trial.get("agent_execution"))),
    }


def _reason(failed: Mapping[str, Any]) -> str:
    return fields.labels(failed, "exception_type", "exception_message")


def _status(failed: Mapping[str, Any]) -> str:
    kind = fields.label(failed, "exception_type")
    return "truncated" if kind.endswith(_TIMEOUT_SUFFIX) else "error"


def _first_time(trajectory: Mapping[str, Any]) -> float | None:
    times = map(time_of, map(fields.as_dict, fields.as_list(trajectory.get("steps"))))
    return next((time for time in times if time is not None), None)


def _step_at(time: float | None, steps: list[Any]) -> dict[str, Any]:
    """Return the step whose agent was running at `time`; empty if none was."""
    if time is None:
        return {}
    for step in map(fields.as_dict, steps):
        start, end = _span(fields.as_dict(step.get("agent_execution")))
        if start is not None and end is not None and start <= time <= end:
            return step
    return {}


def _span(timing: Mapping[str, Any]) -> tuple[float | None, float | None]:
    return timestamp(timing.get("started_at")), timestamp(timing.get("finished_at"))


def _duration_s(timing: Mapping[str, Any]) -> float | None:
    start, end = _span(timing)
    return None if start is None or end is None else end - start
