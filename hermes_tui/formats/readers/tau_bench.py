"""`tau-bench`: results of tau-bench, a run a trial of a task, and its few-shot examples.

    run      = {"task_id", "traj": [message, …], "reward", "trial", "info": {task, reward_info, …}}
    few-shot = {"messages_display": text}

Trials of one task share a group. A run that raised has `error` and `traceback` in its `info`, and
often no messages. The reward is 1 if the database and the outputs are as expected.
"""

from __future__ import annotations

from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.failures import run_error
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.formats.outcomes import run_status
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.wording import title

_DISPLAY = "messages_display"
_OWN_KEYS = frozenset({"traj", "info", _DISPLAY})


class TauBench:
    """Reads trials of tau-bench tasks."""

    name = "tau-bench"
    summary = "tau-bench results: one run per trial, with reward, gold actions and simulator cost"

    def sniff(self, sample: Sample) -> Match | None:
        return Match(0.95, Unit.RUNS) if fields.mostly(sample.values, _is_run) else None

    def read(self, value: Any, build: RunBuilder) -> None:
        if not isinstance(value, dict) or not _OWN_KEYS & value.keys():
            build.defect("not a trial of a task", value)
        elif _DISPLAY not in value:
            _read_trial(value, build)
        else:
            _read_few_shot(value, build)


def _is_run(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    if isinstance(value.get("traj"), list) and "task_id" in value:
        return True
    return isinstance(value.get(_DISPLAY), str) and len(value) == 1


def _read_trial(value: dict[str, Any], build: RunBuilder) -> None:
    info = _object(value, "info")
    task = _object(info, "task")
    # A trial that is cut off may have no messages yet.
    messages = decode_if_json(value.get("traj", []))
    listed = messages if isinstance(messages, list) else []
    names = (fields.label(value, "task_id"), fields.label(value, "trial"))
    build.start(
        run_id="-".join(filter(None, names)),
        task=fields.label(task, "instruction") or fields.title_of(listed),
        model=fields.model_of(value),
        group_id=names[0],
        details={**fields.details_of(value, without=("traj", "info", "reward")), **_details(info)},
        diagnostics=run_error(info.get("error")),
    )
    if listed is not messages:
        build.defect("`traj` is not a list", messages, pointer="/traj")
    build.messages(listed, "/traj")
    _end(value, info, build)


def _details(info: dict[str, Any]) -> dict[str, Any]:
    """Return the details of a trial's task and its check, including the expected outcome."""
    task = _object(info, "task")
    expected = {"gold_actions": task.get("actions"), "gold_outputs": task.get("outputs")}
    return {
        **fields.details_of(info, without=("task", "reward_info", "error")),
        **fields.details_of(task, without=("actions", "outputs")),
        **{key: fields.small(gold) for key, gold in expected.items() if gold},
    }


def _end(value: dict[str, Any], info: dict[str, Any], build: RunBuilder) -> None:
    reward = fields.number(value.get("reward"))
    checked = _object(_object(info, "reward_info"), "info")
    status = run_status(None if reward is None else reward == 1)
    build.end(
        status="error" if info.get("error") else status,
        reward=reward,
        scores=fields.numbers(checked),
    )


def _read_few_shot(value: dict[str, Any], build: RunBuilder) -> None:
    note = Diagnostic(
        Code.SOURCE_DEFECT,
        Severity.NOTE,
        "a few-shot example: one text without its calls, shown whole",
    )
    text = value[_DISPLAY]
    task = title(text).removeprefix("user: ") if isinstance(text, str) else ""
    build.start(task=task, diagnostics=(note,))
    build.message({"role": "user", "content": text}, pointer=f"/{_DISPLAY}")


def _object(value: dict[str, Any], key: str) -> dict[str, Any]:
    found = decode_if_json(value.get(key))
    return found if isinstance(found, dict) else {}


FORMAT = TauBench()
