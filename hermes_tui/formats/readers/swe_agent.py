"""`swe-agent`: .traj files of SWE-agent, version 0 and 1, a run a file.

    file    = {"trajectory": [step, …], "history": [message, …], "info", "environment",
               "replay_config"?}
    step    = {"action", "observation", "response", "thought", "state", "execution_time"?}
    message = chat message + {"agent", "thought"?, "action"?, "is_demo"?, "tool_call_ids"?}

The messages are those of `history`; each reply in it is a step of `trajectory`, which adds the
duration of its command. The parts of the prompt that a step repeats (`messages`, `query`) are not
shown.
"""

from __future__ import annotations

from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.formats.message_parts import flagged
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.texts.text_actions import as_result, command_call, issue_title, with_calls
from hermes_tui.model.events import ToolReturned
from hermes_tui.model.messages import Usage, changed
from hermes_tui.parsers.measures import number, usage
from hermes_tui.parsers.normalise import Normalised, normalise_message
from hermes_tui.parsers.tool_results import whole_result

_OWN_KEYS = ("trajectory", "history", "info", "replay_config")
_INFO_AT_END = ("exit_status", "submission", "model_stats")
_MAX_SKIPPED = 20
"""The most consecutive steps that the history may leave out."""
_SUBMIT = "submit"
_CUT_STATUSES = ("exit_cost", "exit_context", "exit_total_cost")


class SweAgent:
    """Reads `.traj` files."""

    name = "swe-agent"
    summary = "SWE-agent trajectories (.traj), versions 0 and 1"

    def sniff(self, sample: Sample) -> Match | None:
        row = sample.first_object()
        lists = all(isinstance(row.get(key), list) for key in ("trajectory", "history"))
        if lists and isinstance(row.get("info"), dict):
            return Match(0.97, Unit.RUNS)
        return None

    def read(self, value: Any, build: RunBuilder) -> None:
        history = value.get("history") if isinstance(value, dict) else None
        if not isinstance(history, list):
            build.defect("no history in this trajectory", value)
            return
        config = fields.as_dict(decode_if_json(value.get("replay_config")))
        _start(value, config, history, build)
        reading = _HistoryReader(build, value.get("trajectory"))
        reading.all(history)
        _end(fields.as_dict(value.get("info")), reading.unmatched, build)


def _start(
    value: dict[str, Any], config: dict[str, Any], history: list[Any], build: RunBuilder
) -> None:
    agent, env = fields.as_dict(config.get("agent")), fields.as_dict(config.get("env"))
    model = fields.as_dict(agent.get("model"))
    problem = fields.as_dict(config.get("problem_statement"))
    about = {
        "agent": agent.get("name"),
        "model": model or None,
        "deployment": env.get("deployment"),
        "repository": env.get("repo"),
    }
    run_id = fields.run_id_of(value) or fields.run_id_of(problem)
    build.start(
        run_id=run_id,
        task=fields.task_of(value, ()) or run_id or _title(history),
        model=fields.label(model, "name", "model_name"),
        details={
            **fields.details_of(value, without=_OWN_KEYS),
            **fields.details_of(fields.as_dict(value.get("info")), without=_INFO_AT_END),
            **fields.details_of(fields.without_falsy(about)),
        },
    )


def _title(history: list[Any]) -> str:
    """Return the title of the issue, or of the user's first message."""
    own = [raw for raw in history if isinstance(raw, dict) and not raw.get("is_demo")]
    user_message = next((raw for raw in own if raw.get("role") == "user"), {})
    return issue_title(fields.text_of(user_message.get("content"))) or fields.title_of(own)


class _HistoryReader:
    """Reads the history in order; each reply outside demonstrations is the next step."""

    def __init__(self, build: RunBuilder, steps: Any) -> None:
        self._build = build
        self._steps = steps if isinstance(steps, list) else []
        self._next = 0
        self.unmatched: list[str] = []
        """Pointers of the steps that match no message of the history."""
        self._pending_step: dict[str, Any] | None = None
        """The step whose command waits for its observation."""

    def all(self, history: list[Any]) -> None:
        for index, raw in enumerate(history):
            pointer = f"/history/{index}"
            if isinstance(raw, dict):
                self._message(raw, pointer)
            else:
                self._build.defect("not a message", raw, pointer=pointer)
        self._append_rest()

    def _message(self, raw: dict[str, Any], pointer: str) -> None:
        parts = _normalised(raw)
        if raw.get("is_demo"):
            self._build.append(flagged(parts, "demonstration"), pointer)
            return
        if parts.message.role == "assistant":
            parts = self._reply(parts, raw)
        elif self._pending_step is not None:
            parts = _timed(as_result(parts, raw), raw, self._pending_step)
            self._pending_step = None
        self._build.append(parts, pointer)

    def _reply(self, parts: Normalised, raw: dict[str, Any]) -> Normalised:
        action = raw.get("action")
        if not parts.calls and isinstance(action, str) and action.strip():
            parts = with_calls(parts, [command_call(action, parts.message.text)])
        if parts.calls:
            self._pending_step = self._step_of(action)
        return parts

    def _step_of(self, action: Any) -> dict[str, Any]:
        """Return the next step with `action`; steps in between are not in the history."""
        for at in range(self._next, min(self._next + _MAX_SKIPPED, len(self._steps))):
            step = self._steps[at]
            if isinstance(step, dict) and step.get("action") == action:
                self.unmatched += [f"/trajectory/{skipped}" for skipped in range(self._next, at)]
                self._next = at + 1
                return step
        return {}

    def _append_rest(self) -> None:
        """Append the last command's observation, which version 0 leaves out of the history."""
        self.unmatched += [f"/trajectory/{at}" for at in range(self._next, len(self._steps))]
        step = self._pending_step
        observation = step.get("observation") if step else None
        if step is None or not isinstance(observation, str):
            return
        if not observation.strip() and not _submits(step):
            return
        result, found = whole_result({"content": observation}, observation)
        self._build.add(
            ToolReturned,
            pointer=f"/trajectory/{self._next - 1}/observation",
            result=changed(result, duration_s=number(step.get("execution_time"))),
            diagnostics=found,
        )


def _submits(step: dict[str, Any]) -> bool:
    """Return whether a step submits the result; its observation is one even if it is empty."""
    return fields.label(step, "action").split()[:1] == [_SUBMIT]


def _normalised(raw: dict[str, Any]) -> Normalised:
    ids = raw.get("tool_call_ids")
    extra: dict[str, Any] = {}
    if isinstance(ids, list) and ids and raw.get("role") == "tool":
        extra["tool_call_id"] = ids[0]
    blocks = raw.get("thinking_blocks")
    if isinstance(blocks, list) and blocks and not raw.get("reasoning"):
        thoughts = [
            fields.label(fields.as_dict(block), "thinking", "text", "data") for block in blocks
        ]
        extra["reasoning"] = "\n".join(filter(None, thoughts)) or None
    return normalise_message(raw | extra)


def _timed(parts: Normalised, raw: dict[str, Any], step: dict[str, Any]) -> Normalised:
    """Set the duration of the step on its result, and add a result for each further id."""
    took = number(step.get("execution_time"))
    results = [
        (changed(result, duration_s=took, raw=raw), found) for result, found in parts.results
    ]
    ids = raw.get("tool_call_ids")
    for call_id in ids[1:] if isinstance(ids, list) and len(results) == 1 else ():
        if isinstance(call_id, str):
            results.append((changed(results[0][0], call_id=call_id), ()))
    message = changed(parts.message, results=len(results))
    return parts._replace(message=message, results=tuple(results))


def _end(info: dict[str, Any], unmatched: list[str], build: RunBuilder) -> None:
    """Close the run; `submitted (exit_cost)` means a patch taken when the run was cut off."""
    stop = fields.label(info, "exit_status")
    stats = fields.as_dict(info.get("model_stats"))
    status = "unknown"
    if stop == "submitted":
        status = "ok"
    elif any(word in stop for word in _CUT_STATUSES):
        status = "truncated"
    elif stop:
        status = "failed" if stop in ("skipped", "early_exit") else "error"
    details = {
        "submission": info.get("submission"),
        "api_calls": stats.get("api_calls"),
        "steps_not_in_history": unmatched or None,
    }
    build.end(
        status=status,
        stop_reason=stop,
        usage=_usage(stats),
        details={
            key: fields.detail(key, item) for key, item in details.items() if item is not None
        },
    )


def _usage(stats: dict[str, Any]) -> Usage | None:
    cost = number(stats.get("instance_cost", stats.get("total_cost")))
    counted = {
        "prompt_tokens": stats.get("tokens_sent"),
        "completion_tokens": stats.get("tokens_received"),
    }
    # Replays of recorded actions make no requests; their counters stay at 0 and are ignored.
    known = {key: item for key, item in counted.items() if number(item)}
    return usage(known, cost or None)


FORMAT = SweAgent()
