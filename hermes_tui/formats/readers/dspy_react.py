"""`dspy`: trajectories of DSPy's ReAct, alone or in the predictions that they led to.

    file       = (prediction | trajectory)*         a run each
    prediction = {"trajectory": trajectory, …}      with the fields of the question and the answer
    trajectory = {"thought_N", "tool_name_N", "tool_args_N", "observation_N", …}      N from 0 on

A trajectory that grew too long has lost its first steps. The exception of a tool is its
observation. Calls have no ids; here their ids are made from their steps.
"""

from __future__ import annotations

import re
from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.chat_messages import ChatMessage, SourceValue, append_message
from hermes_tui.formats.json_text.json_slice import pointer_of
from hermes_tui.formats.outcomes import outcome_of
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.chat_api import function_call

_KEY: Final = re.compile(r"(thought|tool_name|tool_args|observation)_(\d{1,6})")
_ERROR_PREFIX: Final = "Execution error in "
_TRAJECTORY_KEY: Final = "trajectory"
_QUESTION_KEYS: Final = ("question", "query", "task", "user_request", "request", "input")
"""Names that signatures usually give to the field of the question."""


class Dspy:
    """Reads each trajectory as a run."""

    name = "dspy"
    summary = "DSPy: trajectories of ReAct, alone and in predictions"

    def sniff(self, sample: Sample) -> Match | None:
        return sample.match_of_runs(0.9, lambda value: _trajectory_of(value) is not None)

    def read(self, value: Any, build: RunBuilder) -> None:
        found = _trajectory_of(value)
        if found is None:
            build.defect("not a trajectory", value)
            return
        trajectory, pointer = found
        others = (
            {key: item for key, item in value.items() if key != _TRAJECTORY_KEY} if pointer else {}
        )
        questions = {
            key: others.pop(key) for key in _QUESTION_KEYS if isinstance(others.get(key), str)
        }
        build.start(
            run_id=fields.run_id_of(others),
            task=fields.title_of([{"role": "user", "content": next(iter(questions.values()), "")}]),
            group_id=fields.group_of(others),
        )
        for key, text in questions.items():
            build.message({"role": "user", "content": text}, pointer=f"/{key}")
        for number in sorted({int(key[2]) for key in map(_KEY.fullmatch, trajectory) if key}):
            _append_step(trajectory, number, pointer, build)
        _append_other(trajectory, pointer, build)
        _append_answer(others, build)
        build.end_with(outcome_of(others))


def _trajectory_of(value: Any) -> tuple[dict[str, Any], str] | None:
    """Return a trajectory and its pointer, or None if there is none."""
    for below in ("", f"/{_TRAJECTORY_KEY}"):
        trajectory = fields.as_dict(fields.as_dict(value).get(_TRAJECTORY_KEY) if below else value)
        keys = [key for key in map(_KEY.fullmatch, trajectory) if key]
        if any(key[1] == "tool_name" for key in keys) and 2 * len(keys) > len(trajectory):
            return trajectory, below
    return None


def _append_step(trajectory: dict[str, Any], number: int, place: str, build: RunBuilder) -> None:
    call_id = f"step-{number}"
    name, thought = (trajectory.get(f"{key}_{number}") for key in ("tool_name", "thought"))
    raw: dict[str, Any] = {"role": "assistant", "content": thought}
    carried: tuple[SourceValue, ...] = ()
    if f"tool_name_{number}" in trajectory:
        arguments = trajectory.get(f"tool_args_{number}")
        raw["tool_calls"] = [function_call(call_id, name, fields.json_text(arguments))]
        carried = (SourceValue(arguments, f"{place}/tool_args_{number}"),)
    append_message(build, ChatMessage(raw, f"{place}/thought_{number}", carried))
    key = f"observation_{number}"
    if key in trajectory:
        observation = trajectory[key]
        text = fields.json_text(observation)
        answer = {"role": "tool", "tool_call_id": call_id, "name": name, "content": text}
        answer["is_error"] = text.startswith(_ERROR_PREFIX)
        append_message(
            build,
            ChatMessage(answer, f"{place}/{key}", (SourceValue(observation, f"{place}/{key}"),)),
        )


def _append_other(trajectory: dict[str, Any], place: str, build: RunBuilder) -> None:
    for key, item in trajectory.items():
        if _KEY.fullmatch(key) is None:
            raw = {"role": "environment", "name": key, "content": fields.json_text(item)}
            build.message(raw, pointer=f"{place}{pointer_of((key,))}")


def _append_answer(answer_fields: dict[str, Any], build: RunBuilder) -> None:
    """Append the answer drawn from the trajectory: its fields, and the reasoning."""
    if not answer_fields:
        return
    rest = {key: item for key, item in answer_fields.items() if key != "reasoning"}
    alone = next(iter(rest.values())) if len(rest) == 1 else rest
    text = fields.json_text(alone) if rest else ""
    raw = {
        "role": "assistant",
        "content": text,
        "reasoning_content": answer_fields.get("reasoning"),
    }
    build.message(raw)


FORMAT = Dspy()
