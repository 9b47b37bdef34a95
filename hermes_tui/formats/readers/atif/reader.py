"""`atif`: Harbor's Agent Trajectory Interchange Format, every 1.x, a run for each trajectory.

    trajectory  = {"schema_version": "ATIF-v1.…", "session_id", "trajectory_id"?, "agent",
                   "steps": [step, …], "final_metrics"?, "continued_trajectory_ref"?,
                   "subagent_trajectories"?: [trajectory, …]}
    step        = {"source": "system" | "user" | "agent", "message", "reasoning_content"?,
                   "tool_calls"?, "observation"?: {"results": [result, …]}, "metrics"?}
    result      = {"source_call_id"?, "content"?, "subagent_trajectory_ref"?: [ref, …]}

Results are in the step of their calls and are not messages. An observation in a step without calls
(terminus-2 types into a terminal) is a message of the environment, unless its `extra` names the
role `tool`, as exports of hermes-tui do. So is a single observation for all calls of a step, which
terminus-2 reads from the text of a reply. The exports of hermes-tui also keep in a call's `extra`
the exact text of arguments that are not an object and whether the tool is a custom one, and in the
trajectory's `extra` how the run ended. The reward of a trial is in a file next to its trajectory
(`harbor_trial.py`).
"""

from __future__ import annotations

from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.declared_tools import tool_specs
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.message_parts import flagged, with_entries, with_findings
from hermes_tui.formats.own_exports import is_export, outcome_of_export
from hermes_tui.formats.readers.atif import harbor_trial
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.traits import Traits
from hermes_tui.model.chat_api import custom_call, function_call
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.events import ToolReturned
from hermes_tui.model.messages import IdState, Origin, ToolCall, changed
from hermes_tui.parsers.measures import number, time_of, usage
from hermes_tui.parsers.normalise import Normalised, TextCalls, normalise_message
from hermes_tui.parsers.plain_values import json_text
from hermes_tui.parsers.tool_results import part_result

MAX_DEPTH = 20
"""How deep subagents may be nested."""
MAX_REFS = 50
_PREFIX = "ATIF"
_ROLES = {"agent": "assistant", "user": "user", "system": "system"}
_UNPARSED = "Previous response had parsing errors"
_RESULT_KEYS = ("is_error", "isError", "error", "duration_s")
_OWN_KEYS = (
    "steps",
    "agent",
    "final_metrics",
    "subagent_trajectories",
    "trajectory_id",
)
_LAST_CALLS = {"openhands": "finish", "swe-agent": "submit"}
"""The tool that ends a run, by a part of the agent's name."""
_DONE = "mark_task_complete"
"""The call by which the agent of terminus-2 ends its task; it gets no result of its own."""
_TOTAL_KEYS = {
    "prompt_tokens": "total_prompt_tokens",
    "completion_tokens": "total_completion_tokens",
    "cached_tokens": "total_cached_tokens",
}


class Atif:
    """Reads a `trajectory.json`."""

    name = "atif"
    summary = "Harbor ATIF 1.x trajectories, with the reward of their trial; subagents are runs too"
    traits = Traits(sidecars=harbor_trial.SIDECARS)

    def sniff(self, sample: Sample) -> Match | None:
        row = sample.first_object()
        if str(row.get("schema_version", "")).startswith(_PREFIX) and "steps" in row:
            return Match(0.98, Unit.RUNS)
        return None

    def read(self, value: Any, build: RunBuilder) -> None:
        _trajectory(value, build, "", "", 0)


def _trajectory(value: Any, build: RunBuilder, pointer: str, parent: str, depth: int) -> None:
    steps = value.get("steps") if isinstance(value, dict) else None
    if not isinstance(steps, list):
        build.defect("no list of steps in this trajectory", value, pointer=pointer)
        return
    run_id = fields.label(value, "trajectory_id", "session_id")
    trial = harbor_trial.trial_of(value, build) if not depth else {}
    _start(value, steps, build, pointer=pointer, parent=parent, trial=trial)
    reader = _StepReader(build, fields.as_dict(value.get("agent")), steps)
    for index, step in enumerate(steps):
        reader.step(step, f"{pointer}/steps/{index}")
    _end(value, build, by_call=reader.ends_by_call, trial=trial)
    subagents = value.get("subagent_trajectories")
    for index, subagent in enumerate(fields.as_list(subagents)):
        place = f"{pointer}/subagent_trajectories/{index}"
        if depth < MAX_DEPTH:
            _trajectory(subagent, build, place, run_id, depth + 1)
        else:
            build.defect("subagents nested too deeply", pointer=place)


def _start(
    value: dict[str, Any],
    steps: list[Any],
    build: RunBuilder,
    *,
    pointer: str,
    parent: str,
    trial: dict[str, Any],
) -> None:
    agent = fields.as_dict(value.get("agent"))
    objects = [step for step in steps if isinstance(step, dict)]
    messages = [{"role": step.get("source"), "content": step.get("message")} for step in objects]
    model = fields.model_of(agent)
    others = {fields.model_of(step) for step in objects} - {"", model}
    refs = _subagents(objects)
    more = {"step_models": sorted(others), "subagents": refs[:MAX_REFS]}
    arguments = harbor_trial.begin_of(trial)
    build.start(
        run_id=fields.label(value, "trajectory_id", "session_id"),
        task=arguments["task"] or fields.title_of(messages),
        group_id=arguments["group_id"],
        model=model,
        tools=tool_specs(agent.get("tool_definitions")),
        parent_run_id=parent,
        details={
            **fields.details_of(value, without=_OWN_KEYS),
            **fields.details_of({"agent": _without(agent, "tool_definitions")}),
            **fields.without_falsy(more),
            **arguments["details"],
        },
        diagnostics=arguments["diagnostics"],
        pointer=pointer,
        ts=time_of(objects[0]) if objects else None,
    )


def _subagents(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the references to subagents in the steps, each with the id of its step."""
    return [
        {"step": step.get("step_id"), **fields.details_of(ref)}
        for step in steps
        for result in _results(step)
        for ref in fields.as_list(fields.as_dict(result).get("subagent_trajectory_ref"))
        if isinstance(ref, dict)
    ]


def _results(step: dict[str, Any]) -> list[Any]:
    return fields.as_list(fields.as_dict(step.get("observation")).get("results"))


def _is_tool_result(result: dict[str, Any]) -> bool:
    """Return whether a result is marked as a tool's, even if it answers no call here."""
    return fields.label(fields.as_dict(result.get("extra")), "role") == "tool"


class _StepReader:
    """Reads the steps of one trajectory in order."""

    def __init__(self, build: RunBuilder, agent: dict[str, Any], steps: list[Any]) -> None:
        self._build = build
        name = fields.label(agent, "name").lower()
        self._is_hermes = "hermes" in name
        self._last_call = next((call for key, call in _LAST_CALLS.items() if key in name), "")
        self.ends_by_call = False
        """Whether the last call so far submits the solution, which gets no result."""
        replies = [
            step for step in steps if isinstance(step, dict) and step.get("source") == "agent"
        ]
        # If there are results but no calls, the agent reads its calls from the text.
        in_text = not any(step.get("tool_calls") for step in replies) and any(
            map(_results, replies)
        )
        self._mode = TextCalls.TRANSPORT if in_text else TextCalls.SUSPECT

    def step(self, step: Any, pointer: str) -> None:
        if not isinstance(step, dict):
            self._build.defect("a step that is not an object", step, pointer=pointer)
            return
        parts = self._normalised(step)
        is_shared = self._is_shared(parts, _results(step))
        if is_shared:
            parts = parts._replace(
                calls=tuple((_typed(call), diagnostics) for call, diagnostics in parts.calls)
            )
        self._build.append(parts, pointer)
        self.ends_by_call = (
            bool(parts.calls) and parts.calls[-1][0].name == self._last_call and not _results(step)
        )
        names = {call.id: call.name for call, _ in parts.calls if call.id}
        for index, result in enumerate(_results(step)):
            place = f"{pointer}/observation/results/{index}"
            if not isinstance(result, dict):
                self._build.defect("not a result", result, pointer=place)
            elif is_shared:
                self._observation(result, place, parts.message.time_s)
            elif parts.calls or result.get("source_call_id") or _is_tool_result(result):
                self._result(result, names, place, parts.message.time_s)
            elif result.get("content") is not None:
                self._observation(result, place, parts.message.time_s)

    def _is_shared(self, parts: Normalised, results: list[Any]) -> bool:
        """Return whether the only observation of a step is the result of all its calls."""
        if len(parts.calls) < 2 or len(results) != 1:
            return False
        result = fields.as_dict(results[0])
        if result.get("content") is None or _is_tool_result(result):
            return False
        answered_id = result.get("source_call_id")
        others = {call.name for call, _ in parts.calls if call.id != answered_id}
        return not answered_id or others == {_DONE}

    def _normalised(self, step: dict[str, Any]) -> Normalised:
        source = step.get("source")
        role = _ROLES.get(source, source) if isinstance(source, str) else ""
        metrics, extra = step.get("metrics"), fields.as_dict(step.get("extra"))
        raw = {
            "role": fields.label(extra, "role") or role,
            "content": step.get("message"),
            "reasoning_content": step.get("reasoning_content"),
            "usage": metrics if isinstance(metrics, dict) else None,
            "timestamp": step.get("timestamp"),
            "finish_reason": extra.get("finish_reason"),
        }
        raw_calls = step.get("tool_calls") or []
        entries = raw_calls if isinstance(raw_calls, list) else [raw_calls]
        if entries:
            raw["tool_calls"] = [self._entry(entry) for entry in entries]
        parts = with_entries(normalise_message(raw, text_calls=self._mode), entries)
        return flagged(parts, *_flags(step))

    def _entry(self, entry: Any) -> Any:
        """Return a call in the form of chat messages, with the exact text of its arguments if
        the step has it."""
        if not isinstance(entry, dict):
            return entry
        call_id, name = entry.get("tool_call_id"), entry.get("function_name")
        arguments, extra = entry.get("arguments"), fields.as_dict(entry.get("extra"))
        text = extra.get("arguments_text")
        if extra.get("type") == "custom" and isinstance(text, str):
            return custom_call(call_id, name, text)
        if self._is_hermes and isinstance(arguments, dict) and arguments.keys() == {"raw"}:
            # The form in which Harbor's converter keeps arguments that are not JSON.
            arguments = arguments["raw"]
        elif isinstance(text, str):
            arguments = text
        elif isinstance(arguments, dict):
            arguments = json_text(arguments)
        return function_call(call_id, name, arguments)

    def _result(
        self, result: dict[str, Any], names: dict[str, str | None], place: str, ts: Any
    ) -> None:
        call_id = result.get("source_call_id")
        extra = fields.as_dict(result.get("extra"))
        members: dict[str, Any] = {key: extra[key] for key in _RESULT_KEYS if key in extra}
        name = names.get(call_id) if isinstance(call_id, str) else None
        raw = {
            **members,
            "content": result.get("content"),
            "tool_call_id": call_id if call_id is not None else extra.get("call_id"),
            "name": name or extra.get("name"),
            "extra": extra,
        }
        tool_result, diagnostics = part_result(raw)
        tool_result = changed(tool_result, raw=result)
        self._build.add(
            ToolReturned, pointer=place, ts=ts, result=tool_result, diagnostics=diagnostics
        )

    def _observation(self, result: dict[str, Any], place: str, ts: Any) -> None:
        raw = {"role": "environment", "content": result["content"]}
        parts = normalise_message(raw, text_calls=TextCalls.IGNORE)
        if parts.message.text.lstrip().startswith(_UNPARSED):
            what = "the agent could not read the reply before this message"
            finding = Diagnostic(Code.REPLY_SHAPE, Severity.ERROR, what)
            parts = with_findings(parts, finding)
        self._build.append(parts, place, ts=ts)


def _typed(call: ToolCall) -> ToolCall:
    """Return a call as one read from text, without an id: all calls of a reply are typed into one
    terminal."""
    return changed(call, id=None, id_state=IdState.MISSING, origin=Origin.TEXT, verdict="action")


def _flags(step: dict[str, Any]) -> list[str]:
    managed = fields.as_dict(fields.as_dict(step.get("extra")).get("context_management"))
    flags = ["copied"] if step.get("is_copied_context") is True else []
    if managed.get("type") == "compaction":
        flags.append("compaction")
    if any(fields.as_dict(result).get("subagent_trajectory_ref") for result in _results(step)):
        flags.append("subagent")
    call_count = number(step.get("llm_call_count"))
    if call_count is not None and call_count != 1 and step.get("source") == "agent":
        flags.append(f"{call_count:g} model calls")
    return flags


def _end(value: dict[str, Any], build: RunBuilder, *, by_call: bool, trial: dict[str, Any]) -> None:
    """End the run. The format itself records only its usage and whether it is continued."""
    metrics, extra = value.get("final_metrics"), fields.as_dict(value.get("extra"))
    continuation = fields.label(value, "continued_trajectory_ref")
    outcome = outcome_of_export(extra) or harbor_trial.end_of(trial)
    is_open = is_export(extra) or not isinstance(metrics, dict)
    if not outcome and is_open and not continuation:
        return
    totals = fields.as_dict(metrics)
    counts = {
        key: totals[name] for key, name in _TOTAL_KEYS.items() if totals.get(name) is not None
    }
    own_outcome = {
        "stop_reason": f"continued in {continuation}" if continuation else "",
        "usage": usage(counts, number(totals.get("total_cost_usd"))),
    }
    recorded = fields.without_empty(outcome)
    details = fields.details_of(totals, without=(*_TOTAL_KEYS.values(), "total_cost_usd"))
    build.end(**own_outcome | recorded, details=details, by_call=by_call)


def _without(raw: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in raw.items() if name != key}


FORMAT = Atif()
