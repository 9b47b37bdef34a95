"""`verifiers-v1`: traces.jsonl of verifiers 0.4 and later, an episode a line, a run a trace.

    episode = {"id", "env", "task", "group"?, "ok", "errors", "traces": [trace, …]}
    trace   = {"version", "id", "task", "agent", "tools", "nodes": [node, …], "calls": [call, …],
               "rewards": {name: {"score", "weight"}}, "metrics", "errors", "timing", …}
    call    = {"node"?: index, "model", "finish_reason", "usage", "time", "error"?}

prime-rl logs the same. The step and group that it adds are in the trace itself, in its `info` or in
the episode, depending on the version. Before 0.4 a trace names no agent, and rewards are numbers.
Nulls are left out. A line may also be a single trace. `parent` is the index of the previous node
(`message_tree`). A call that failed has an error and no node.
"""

from __future__ import annotations

from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.declared_tools import tool_specs
from hermes_tui.formats.failures import status_of
from hermes_tui.formats.fields import as_dict, as_list
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.message_tree import Path, paths_of, sound_parents
from hermes_tui.formats.readers.verifiers_v1.calls import (
    duration_of,
    failures_by_reply,
    tokens_of,
    usage_of,
    with_custom_calls,
)
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.events import RequestFailed, ResponseReceived
from hermes_tui.model.messages import changed, with_flags
from hermes_tui.model.wording import title
from hermes_tui.parsers.measures import timestamp, total_usage
from hermes_tui.parsers.normalise import normalise_message

_TRUNCATED = frozenset(
    {
        "max_turns",
        "max_input_tokens",
        "max_output_tokens",
        "max_total_tokens",
        "compaction_failed",
    }
)
_SHOWN_ELSEWHERE = (
    *("id", "nodes", "calls", "tools", "rewards", "metrics", "task", "agent", "info"),
    *("traces", "timing", "env", "group", "stop_condition"),
)
_TRAINER_KEYS = ("group_id", "policy_version", "off_policy_steps", "eval_step", "advantage")
"""Members that prime-rl adds to a trace, or to a `prime_rl` in it."""
_SPANS = ("boot", "setup", "agent", "finalize", "scoring")


class VerifiersV1:
    """Reads episodes and traces."""

    name = "verifiers-v1"
    summary = "verifiers traces.jsonl (0.4 and later): one run per trace, its branches below it"

    def sniff(self, sample: Sample) -> Match | None:
        values = sample.values
        if fields.mostly(values, _is_episode) or fields.mostly(values, _is_trace):
            return Match(0.95, Unit.RUNS)
        return None

    def read(self, value: Any, build: RunBuilder) -> None:
        if not isinstance(value, dict) or not {"traces", "nodes"} & value.keys():
            build.defect("neither an episode nor a trace", value)
        elif "traces" not in value:
            _Trace(value, {}, "", build).read()
        else:
            _read_episode(value, build)


def _is_episode(value: Any) -> bool:
    if not isinstance(value, dict) or not {"task", "env"} <= value.keys():
        return False
    traces = value.get("traces")
    return isinstance(traces, list) and all(map(_is_trace, traces[:5]))


def _is_trace(value: Any) -> bool:
    if not isinstance(value, dict) or "task" not in value:
        return False
    nodes = value.get("nodes")
    if not isinstance(nodes, list):
        return False
    return "agent" in value or {"message", "sampled"} <= fields.first_object(nodes).keys()


def _read_episode(value: dict[str, Any], build: RunBuilder) -> None:
    traces = as_list(value.get("traces"))
    for index, trace in enumerate(traces):
        pointer = f"/traces/{index}"
        if isinstance(trace, dict):
            _Trace(trace, value, pointer, build).read()
        else:
            build.defect("not a trace", trace, pointer=pointer)
    if not traces:
        # The environment failed before any agent ran.
        _Trace(value, value, "", build).read()


class _Trace:
    """Reads one trace; `episode` is the one that contains it, or {} if there is none."""

    def __init__(
        self, trace: dict[str, Any], episode: dict[str, Any], pointer: str, build: RunBuilder
    ) -> None:
        self._trace = trace
        self._episode = episode
        self._pointer = pointer
        self._build = build
        self._nodes = as_list(trace.get("nodes"))
        calls = fields.objects_in(trace.get("calls"))
        self._calls = calls
        self._call_of = {c["node"]: c for c in calls if type(c.get("node")) is int}
        self._failed = failures_by_reply(calls, len(self._nodes))
        self._replies = 0
        self._trainer = _trainer_members(trace, episode)

    def read(self) -> None:
        parents = sound_parents([as_dict(node).get("parent") for node in self._nodes])
        paths = paths_of(parents, lambda index: _role(self._nodes[index]) == "tool")
        run_id = fields.label(self._trace, "id")
        self._start(run_id, "", paths[0] if paths else None)
        if paths:
            self._append(paths[0])
        self._append_failures(-1)
        self._end()
        for path in paths[1:]:
            self._replies = 0
            self._start(f"{run_id}/{path.leaf}", run_id, path)
            self._append(path)

    def _start(self, run_id: str, parent: str, path: Path | None) -> None:
        task = as_dict(self._trace.get("task"))
        data = as_dict(task.get("data"))
        first = as_dict(self._nodes[path.messages[0]]) if path else {}
        tools = self._trace.get("tools") or first.get("tools")
        group = fields.label(as_dict(self._episode.get("group")), "id")
        group = group or fields.group_of(self._trainer)
        messages = (as_dict(as_dict(node).get("message")) for node in self._nodes)
        about = {"branch_of": parent} if parent else self._about(task)
        self._build.start(
            run_id=run_id,
            task=_title(data) or fields.title_of(messages),
            model=self._model(),
            tools=tool_specs(tools) if tools else None,
            group_id=group or fields.label(task, "key", "hash"),
            parent_run_id=parent,
            details=about,
            pointer=self._pointer,
            ts=timestamp(as_dict(self._trace.get("timing")).get("start")),
            diagnostics=() if parent else _errors(self._trace),
        )

    def _model(self) -> str:
        named = (fields.model_of(call) for call in self._calls)
        config = as_dict(as_dict(self._trace.get("agent")).get("config"))
        return next(filter(None, named), "") or fields.model_of(config)

    def _about(self, task: dict[str, Any]) -> dict[str, Any]:
        agent = as_dict(self._trace.get("agent"))
        episode = self._episode
        about = {
            "episode": fields.label(episode, "id"),
            "environment": fields.label(as_dict(episode.get("env")), "name", "id"),
            "agent": fields.label(agent, "name"),
            "agent_config": agent.get("config"),
            "task": task.get("data", task),
            "info": self._trace.get("info"),
            "seconds": _seconds(as_dict(self._trace.get("timing"))),
            "episode_errors": episode.get("errors") if self._trace is not episode else None,
        }
        return {
            **fields.details_of(self._trace, without=_SHOWN_ELSEWHERE),
            **fields.details_of(fields.without_empty(about)),
        }

    def _append(self, path: Path) -> None:
        for position, index in enumerate(path.messages):
            node = self._nodes[index]
            pointer = f"{self._pointer}/nodes/{index}"
            message = node.get("message") if isinstance(node, dict) else None
            if position >= path.repeated:
                self._append_failures(index)
            if isinstance(node, dict) and isinstance(message, dict):
                self._message(index, node, message, copied=position < path.repeated)
            else:
                self._build.defect("a node without a message", node, pointer=pointer)

    def _message(
        self, index: int, node: dict[str, Any], message: dict[str, Any], *, copied: bool
    ) -> None:
        pointer = f"{self._pointer}/nodes/{index}"
        call = self._call_of.get(index, {})
        ts = timestamp(node.get("timestamp"))
        if node.get("sampled") is True and not copied:
            self._replies += 1
            tokens = tokens_of(index, node)
            if tokens:
                turn = self._replies
                self._build.add(
                    ResponseReceived, pointer=pointer, ts=ts, turn=turn, sequences=tokens
                )
        raw = {**message, "finish_reason": call.get("finish_reason")}
        parts = normalise_message(with_custom_calls(raw))
        flags = ["copied"] if copied else []
        if message.get("role") == "assistant" and node.get("sampled") is False:
            flags.append("fabricated")
        final = changed(
            with_flags(parts.message, *flags, *_link_types(node)),
            usage=usage_of(call.get("usage")),
            duration_s=duration_of(call.get("time")),
        )
        self._build.append(parts._replace(message=final), f"{pointer}/message", ts=ts)

    def _append_failures(self, index: int) -> None:
        """Append the calls that failed before the reply `index`; -1 means those after the last
        one."""
        for position, call in self._failed.pop(index, ()):
            error = as_dict(call.get("error"))
            self._build.add(
                RequestFailed,
                pointer=f"{self._pointer}/calls/{position}",
                ts=timestamp(as_dict(call.get("time")).get("start")),
                turn=self._replies + 1,
                message=fields.labels(error, "type", "message") or "the call has no reply",
                status=status_of(error),
            )

    def _end(self) -> None:
        trace = self._trace
        rewards = as_dict(trace.get("rewards"))
        scores = {key: _score(reward) for key, reward in rewards.items()}
        scores.update(as_dict(trace.get("metrics")))
        scores.update(fields.measured(self._trainer, without=("group_id",)))
        values = [_value(reward) for reward in rewards.values()]
        known = [value for value in values if value is not None]
        self._build.end(
            status=_status(trace),
            stop_reason=fields.label(trace, "stop_condition"),
            reward=sum(known) if known else None,
            scores=fields.numbers(scores),
            usage=total_usage(usage_of(call.get("usage")) for call in self._calls),
        )


def _role(node: Any) -> Any:
    return as_dict(as_dict(node).get("message")).get("role")


def _link_types(node: Any) -> list[str]:
    """Return the types of a node's links to nodes other than its parent: `compaction`, …"""
    links = as_list(as_dict(node).get("semantic_parents"))
    types = [as_dict(link).get("type") for link in links]
    return [name.replace("_", " ")[:80] for name in types if isinstance(name, str) and name]


def _title(data: dict[str, Any]) -> str:
    return title(fields.label(data, "description", "prompt", "name"))


def _errors(trace: dict[str, Any]) -> tuple[Diagnostic, ...]:
    found = []
    for error in as_list(trace.get("errors")):
        text = fields.labels(as_dict(error), "type", "message") or fields.excerpt(error)
        found.append(Diagnostic(Code.RUN_ERROR, Severity.ERROR, title(text)))
    return tuple(found)


def _status(trace: dict[str, Any]) -> str:
    if fields.label(trace, "stop_condition") in _TRUNCATED or trace.get("is_timeout") is True:
        return "truncated"
    if trace.get("errors"):
        return "ok" if trace.get("ok") is True else "error"
    return "ok" if trace.get("ok") is True else "unknown"


def _score(reward: Any) -> Any:
    return reward.get("score") if isinstance(reward, dict) else reward


def _value(reward: Any) -> float | None:
    score = fields.number(_score(reward))
    weight = fields.number(as_dict(reward).get("weight"))
    return None if score is None else score * (1.0 if weight is None else weight)


def _trainer_members(trace: dict[str, Any], episode: dict[str, Any]) -> dict[str, Any]:
    stamps = (episode.get("prime_rl"), as_dict(trace.get("info")).get("prime_rl"), trace)
    return {
        key: stamp[key] for stamp in map(as_dict, stamps) for key in _TRAINER_KEYS if key in stamp
    }


def _seconds(timing: dict[str, Any]) -> dict[str, float]:
    spans = {name: duration_of(timing.get(name)) for name in _SPANS}
    return fields.without_falsy(spans)


FORMAT = VerifiersV1()
