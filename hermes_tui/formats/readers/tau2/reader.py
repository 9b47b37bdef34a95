"""`tau2`: results of tau2-bench, a run a simulation, in one file or split over a folder.

    results    = {"info", "tasks": [task, …], "simulations": [simulation, …]}
               | {"info", "tasks", "simulation_index": [entry, …]}   with simulations/<id>.json
    simulation = {"id", "task_id", "trial", "termination_reason", "reward_info", "messages", …}
               | {…, "ticks": [tick, …]}                             voice: both may speak at once
    message    = {"role", "content", "tool_calls"?: [call, …], "usage"?, "cost"?, "raw_data"?, …}
               | {"role": "tool", "id", "content", "error", "requestor"}
               | {"role": "tool", "tool_messages": [message, …]}
    call       = {"id", "name", "arguments": object, "requestor": "assistant" | "user"}

The simulated user has its own tools. A call is stored decoded; the text that the model sent is in
`raw_data`.
"""

from __future__ import annotations

from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.declared_tools import tool_specs
from hermes_tui.formats.fields import as_dict, as_list
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.message_parts import flagged, with_findings, with_flat_entries
from hermes_tui.formats.outcomes import run_status
from hermes_tui.formats.readers.tau2.ticks import messages_of_ticks
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.traits import Traits
from hermes_tui.model.chat_api import function_call
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.messages import Usage, changed
from hermes_tui.model.wording import title
from hermes_tui.parsers.measures import timestamp, total_usage, usage
from hermes_tui.parsers.normalise import normalise_message
from hermes_tui.parsers.plain_values import json_text

USERS_TOOL = "user's tool"
"""The flag of messages in which the simulated user calls a tool or receives its answer."""

_SHOWN_ELSEWHERE = (
    *("messages", "ticks", "id", "task_id", "start_time", "end_time", "termination_reason"),
    *("reward_info", "agent_cost", "effect_timeline"),
)
_CHECKS_SHOWN_ELSEWHERE = ("reward", "reward_breakdown", "info")
_SEPARATE_KEYS = ("tool_calls", "raw_data")
_USAGE_KEYS = ("usage", "cost")
"""For messages of the simulated user these are not part of the agent's usage."""
_CUT_REASONS = frozenset({"max_steps", "timeout", "context_window_exceeded"})
_REGULAR_REASONS = frozenset({"user_stop", "agent_stop"})


class Tau2:
    """Reads simulations, with their tasks if the file has them."""

    name = "tau2"
    summary = "tau2-bench results: one run per simulation, the user's tool calls too; voice ticks"
    traits = Traits(sidecars=("../results.json",))

    def sniff(self, sample: Sample) -> Match | None:
        row = sample.first_object()
        if _is_results(row):
            return Match(0.96, Unit.RUNS)
        return Match(0.95, Unit.RUNS) if fields.mostly(sample.values, _is_simulation) else None

    def read(self, value: Any, build: RunBuilder) -> None:
        if not isinstance(value, dict):
            build.defect("not a simulation", value)
        elif _is_results(value):
            _read_results(value, build)
        else:
            results = build.sidecars.get("../results.json")
            _SimulationReader(as_dict(results), build).read(value, "")


def _is_results(value: dict[str, Any]) -> bool:
    lists = (value.get("simulations"), value.get("simulation_index"))
    return isinstance(value.get("info"), dict) and any(isinstance(item, list) for item in lists)


def _is_simulation(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and {"task_id", "termination_reason"} <= value.keys()
        and any(isinstance(value.get(key), list) for key in ("messages", "ticks"))
    )


def _read_results(value: dict[str, Any], build: RunBuilder) -> None:
    reading = _SimulationReader(value, build)
    for index, raw in enumerate(as_list(value.get("simulations"))):
        reading.read(raw, f"/simulations/{index}")
    if not value.get("simulations"):
        for index, raw in enumerate(as_list(value.get("simulation_index"))):
            reading.append_without_messages(raw, f"/simulation_index/{index}")
    if not build.is_used:
        build.defect("no simulation in these results")


class _SimulationReader:
    """Reads simulations of one set of results."""

    def __init__(self, results: dict[str, Any], build: RunBuilder) -> None:
        self._build = build
        self._info = as_dict(results.get("info"))
        tasks = fields.objects_in(results.get("tasks"))
        self._tasks = {fields.label(task, "id"): task for task in tasks}

    def read(self, raw: Any, pointer: str) -> None:
        if not isinstance(raw, dict):
            self._build.defect("not a simulation", raw, pointer=pointer)
            return
        key = "messages" if raw.get("messages") is not None else "ticks"
        messages = raw.get(key)
        listed = as_list(messages)
        placed = (
            [(f"/messages/{index}", item) for index, item in enumerate(listed)]
            if key == "messages"
            else messages_of_ticks(listed)
        )
        self._start(raw, [item for _, item in placed], pointer)
        if messages is not None and listed is not messages:
            self._build.defect(f"`{key}` is not a list", messages, pointer=pointer)
        for place, item in placed:
            _append(item, pointer + place, self._build)
        _end(raw, [item for _, item in placed], self._build)

    def append_without_messages(self, raw: Any, pointer: str) -> None:
        """Append a run without messages for a simulation that is stored in a separate file."""
        if not isinstance(raw, dict):
            self._build.defect("not a simulation", raw, pointer=pointer)
            return
        place = f"its messages are in simulations/{fields.label(raw, 'id')}.json"
        note = Diagnostic(Code.SOURCE_DEFECT, Severity.NOTE, title(place))
        self._start(raw, [], pointer, note)
        _end({**raw, "reward_info": {"reward": raw.get("reward")}}, [], self._build)

    def _start(
        self, raw: dict[str, Any], messages: list[Any], pointer: str, *found: Diagnostic
    ) -> None:
        task_id = fields.label(raw, "task_id")
        task = self._tasks.get(task_id, {})
        environment = as_dict(self._info.get("environment_info"))
        self._build.start(
            run_id=fields.label(raw, "id"),
            task=_title(task) or fields.title_of(messages),
            model=fields.label(as_dict(self._info.get("agent_info")), "llm"),
            tools=tool_specs(environment.get("tool_defs")),
            group_id=task_id,
            details={**self._about(environment), **_expected(task), **_details(raw)},
            pointer=pointer,
            ts=timestamp(raw.get("start_time")),
            diagnostics=found,
        )

    def _about(self, environment: dict[str, Any]) -> dict[str, Any]:
        user = as_dict(self._info.get("user_info"))
        about = {"domain": environment.get("domain_name"), "user_model": user.get("llm")}
        return fields.details_of(fields.without_falsy(about))


def _title(task: dict[str, Any]) -> str:
    scenario = as_dict(task.get("user_scenario")).get("instructions")
    task_text = fields.label(as_dict(scenario), "reason_for_call", "task_instructions")
    task_text = task_text or (scenario if isinstance(scenario, str) else "")
    return title(task_text or fields.label(as_dict(task.get("description")), "purpose"))


def _expected(task: dict[str, Any]) -> dict[str, Any]:
    """Return the outcome that the task expects."""
    criteria = as_dict(task.get("evaluation_criteria"))
    gold = {f"gold_{key}": item for key, item in criteria.items() if item}
    return fields.details_of(gold)


def _details(raw: dict[str, Any]) -> dict[str, Any]:
    checks = fields.details_of(as_dict(raw.get("reward_info")), without=_CHECKS_SHOWN_ELSEWHERE)
    return fields.without_empty(fields.details_of(raw, without=_SHOWN_ELSEWHERE) | checks)


def _append(raw: Any, pointer: str, build: RunBuilder) -> None:
    several = raw.get("tool_messages") if isinstance(raw, dict) else None
    if isinstance(several, list):
        for index, one in enumerate(several):
            place = f"{pointer}/tool_messages/{index}"
            if isinstance(one, dict) and "tool_messages" not in one:
                _append(one, place, build)
            else:
                build.defect("not a message", one, pointer=place)
    elif not isinstance(raw, dict):
        build.defect("not a message", raw, pointer=pointer)
    else:
        _append_message(raw, pointer, build)


def _append_message(raw: dict[str, Any], pointer: str, build: RunBuilder) -> None:
    sent = as_dict(raw.get("raw_data"))
    entries = as_list(raw.get("tool_calls"))
    is_users = raw.get("role") == "user"
    left_out = (*_SEPARATE_KEYS, *_USAGE_KEYS) if is_users else _SEPARATE_KEYS
    message = {
        **{key: item for key, item in raw.items() if key not in left_out},
        "finish_reason": sent.get("finish_reason"),
        "duration_s": raw.get("generation_time_seconds"),
    }
    if raw.get("is_audio") is True and isinstance(raw.get("content"), str):
        message["content"] = [{"type": "input_audio", "input_audio": {"data": raw["content"]}}]
    texts = _sent_arguments(sent)
    if entries:
        message["tool_calls"] = [_entry(entry, texts) for entry in entries]
    parts = with_flat_entries(normalise_message(message), entries)
    parts = with_findings(parts, *_errors(raw))
    if raw.get("requestor") == "user" or (entries and is_users):
        parts = flagged(parts, USERS_TOOL)
    build.append(parts, pointer)


def _sent_arguments(sent: dict[str, Any]) -> dict[str, str]:
    """Return the exact arguments that the model sent, by call id."""
    texts = {}
    for entry in as_list(as_dict(sent.get("message")).get("tool_calls")):
        function = as_dict(as_dict(entry).get("function"))
        if isinstance(function.get("arguments"), str):
            texts[fields.label(entry, "id")] = function["arguments"]
    return texts


def _entry(entry: Any, texts: dict[str, str]) -> Any:
    """Return a call in the form of chat messages, with the arguments as they were sent."""
    if not isinstance(entry, dict):
        return entry
    arguments = entry.get("arguments")
    if isinstance(arguments, dict):
        arguments = texts.get(fields.label(entry, "id")) or json_text(arguments)
    return function_call(entry.get("id"), entry.get("name"), arguments)


def _errors(raw: dict[str, Any]) -> list[Diagnostic]:
    """Return the errors that the harness recorded for a message.

    The reason follows the last `Error:`; the text before it is a wrapper.
    """
    texts = (fields.json_text(error).strip() for error in as_list(raw.get("errors")))
    return [
        Diagnostic(Code.REPLY_SHAPE, Severity.ERROR, reason, hint=text if text != reason else "")
        for text in texts
        if (reason := title(text.rpartition("Error:")[2]) or title(text))
    ]


def _usage_of(role: str, messages: list[Any]) -> Usage | None:
    """Return the usage of one side of the conversation: the simulated user makes requests, too."""
    own = (raw for raw in map(as_dict, messages) if raw.get("role") == role)
    return total_usage(usage(raw.get("usage"), raw.get("cost")) for raw in own)


def _end(raw: dict[str, Any], messages: list[Any], build: RunBuilder) -> None:
    checked = as_dict(raw.get("reward_info"))
    reward = fields.number(checked.get("reward"))
    reason = fields.label(raw, "termination_reason")
    checks = {"db": as_dict(checked.get("db_check")).get("db_reward")}
    scores = {**as_dict(checked.get("reward_breakdown")), **checks}
    cost = fields.number(raw.get("agent_cost"))
    used, users = _usage_of("assistant", messages), _usage_of("user", messages) or Usage()
    if cost is not None:
        used = changed(used or Usage(), cost_usd=cost)
    details = {
        "user_prompt_tokens": users.prompt_tokens,
        "user_completion_tokens": users.completion_tokens,
    }
    build.end(
        status=_status(reason, reward),
        stop_reason=reason,
        reward=reward,
        scores=fields.numbers(scores),
        usage=used,
        details=fields.without_empty(details),
        ts=timestamp(raw.get("end_time")),
    )


def _status(reason: str, reward: float | None) -> str:
    if reason in _CUT_REASONS:
        return "truncated"
    if reason and reason not in _REGULAR_REASONS:
        return "error"
    return run_status(None if reward is None else reward == 1)


FORMAT = Tau2()
