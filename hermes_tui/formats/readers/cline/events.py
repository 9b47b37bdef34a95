"""The events that `cline --json` prints.

    line  = {"ts", "type": "agent_event", "event": event} | {"ts", "type": "hook_event", …}
          | {"ts", "type": "run_result", "finishReason", "usage", "durationMs", "model"}
    event = {"type": "iteration_start" | "iteration_end" | "done" | …}
          | {"type": "content_start" | "content_end", "contentType": "text" | "reasoning", …}
          | {"type": "content_start", "contentType": "tool", "toolName", "toolCallId", "input"}
          | {"type": "content_end", "contentType": "tool", "toolCallId", "output", "durationMs"}
          | {"type": "usage", "inputTokens", …} | {"type": "error", "error", "recoverable"}

Events do not name their agent: an iteration that begins inside another is a subagent's, which is
a separate run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.chat_messages import SourceValue, source_values
from hermes_tui.formats.readers.cline.results import text_of_answers
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.steps import Steps
from hermes_tui.model.diagnostics import Severity
from hermes_tui.model.messages import Usage
from hermes_tui.model.wording import title
from hermes_tui.parsers.measures import counted_usage, number, timestamp

_TYPES: Final = frozenset({"agent_event", "hook_event", "run_result"})
_MAX_SUBAGENTS: Final = 500
"""The most subagents of one run that are listed."""
_STATUS: Final = {"completed": "ok", "error": "error", "failed": "error"}


def is_event(value: Any) -> bool:
    if not isinstance(value, dict) or "ts" not in value:
        return False
    kind = fields.label(value, "type")
    return kind in _TYPES and (
        kind != "agent_event" or "type" in fields.as_dict(value.get("event"))
    )


def used(counts: Any) -> Usage | None:
    """Return token counts, or None if nothing was counted."""
    members = fields.as_dict(counts)
    return counted_usage(
        members,
        prompt=("inputTokens",),
        completion="outputTokens",
        cached="cacheReadTokens",
        cost=number(members.get("totalCost", members.get("cost"))) or None,
    )


@dataclass(slots=True)
class _Agent:
    """The main agent, or a subagent that a call of some agent began, with its lines."""

    name: str = ""
    called_by: str = ""
    lines: list[tuple[SourceValue, dict[str, Any]]] = field(default_factory=list)
    is_busy: bool = False
    calls: dict[str, None] = field(default_factory=dict)
    """The ids of calls without a result so far, in order."""


def read_events(value: Any, build: RunBuilder) -> None:
    lines = [(source, fields.as_dict(source.value)) for source in source_values(value, build)]
    agents = _agents(lines)
    model = _model(agents[0])
    for agent in agents:
        _start(agent, agents, model, build)
        steps = Steps(build)
        for source, row in agent.lines:
            build.locate(source.line)
            match fields.label(row, "type"):
                case "agent_event":
                    place = SourceValue(source.value, f"{source.pointer}/event", source.line)
                    _read_event(
                        fields.as_dict(row.get("event")), place, steps, timestamp(row.get("ts"))
                    )
                case "run_result":
                    steps.end()
                    build.locate(source.line)
                    _end(row, build)
                case "":
                    build.defect("not an event", source.value, pointer=source.pointer)
        steps.end()


def _agents(lines: list[tuple[SourceValue, dict[str, Any]]]) -> list[_Agent]:
    """Return the agents with their lines, the main agent first."""
    main = _Agent()
    agents, active = [main], [main]
    for source, row in lines:
        event = fields.as_dict(row.get("event"))
        kind = fields.label(event, "type")
        if row.get("type") == "hook_event":
            parent = row.get("parentAgentId")
            if parent is None:
                main.name = main.name or fields.label(row, "agentId")
            elif len(active) > 1:
                active[-1].name = active[-1].name or fields.label(row, "agentId")
        if row.get("type") != "agent_event":
            main.lines.append((source, row))
            continue
        if kind == "iteration_start" and active[-1].is_busy:
            called_by = next(reversed(active[-1].calls), "")
            active.append(_Agent(called_by=called_by))
            agents.append(active[-1])
        active[-1].lines.append((source, row))
        _follow(active[-1], kind, event)
        if kind == "done" and len(active) > 1:
            active.pop()
    return agents


def _follow(agent: _Agent, kind: str, event: dict[str, Any]) -> None:
    """Update the state of an agent from one of its events."""
    if kind in ("iteration_start", "iteration_end"):
        agent.is_busy = kind == "iteration_start"
    call = fields.label(event, "toolCallId")
    if kind == "content_start" and call:
        agent.calls[call] = None
    elif kind == "content_end":
        agent.calls.pop(call, None)


def _model(main: _Agent) -> dict[str, Any]:
    """Return the model in the result of the run, or an empty object."""
    rows = (row for _, row in main.lines if row.get("type") == "run_result")
    return fields.as_dict(next(rows, {}).get("model"))


def _start(agent: _Agent, agents: list[_Agent], model: dict[str, Any], build: RunBuilder) -> None:
    is_main = agent is agents[0]
    details = {
        "provider": model.get("provider"),
        "called_by": title(agent.called_by),
        "subagents": {
            title(one.called_by): title(one.name or one.called_by)
            for one in (agents[1:_MAX_SUBAGENTS] if is_main else ())
            if one.called_by
        },
    }
    build.locate(agent.lines[0][0].line if agent.lines else 0)
    build.start(
        run_id=agent.name or agent.called_by,
        model=fields.label(model, "id"),
        parent_run_id="" if is_main else agents[0].name,
        details=fields.details_of(fields.without_falsy(details)),
        ts=timestamp(agent.lines[0][1].get("ts")) if agent.lines else None,
    )


def _read_event(event: dict[str, Any], source: SourceValue, steps: Steps, ts: float | None) -> None:
    match fields.label(event, "type"):
        case "iteration_start":
            steps.begin()
        case "iteration_end":
            steps.end("stop" if event.get("hadToolCalls") is False else "tool_use")
        case "usage":
            steps.used(used(event))
        case "error":
            _fail(event, source, steps, ts)
        case "content_start" if event.get("contentType") == "tool":
            call = {"id": event.get("toolCallId"), "name": event.get("toolName")}
            steps.call({**call, "arguments": event.get("input")}, source, ts)
        case "content_end":
            _content(event, source, steps, ts)


def _content(event: dict[str, Any], source: SourceValue, steps: Steps, ts: float | None) -> None:
    match event.get("contentType"):
        case "text":
            steps.part({"type": "text", "text": event.get("text")}, source, ts)
        case "reasoning":
            steps.part({"type": "thinking", "thinking": event.get("reasoning")}, source, ts)
        case "tool":
            output = event.get("output")
            text, why = text_of_answers(output)
            result = {
                "tool_call_id": event.get("toolCallId"),
                "name": event.get("toolName"),
                "content": output if text is None else text,
                "error": why or None,
                "duration_ms": event.get("durationMs"),
            }
            steps.result(result, source, ts)


def _fail(event: dict[str, Any], source: SourceValue, steps: Steps, ts: float | None) -> None:
    """Append an error that ended the run; others are in the results of calls."""
    if event.get("recoverable") is not False:
        return
    steps.end("error")
    steps.build.locate(source.line)
    error = fields.as_dict(event.get("error"))
    message = fields.text_of(error.get("message")) or fields.excerpt(event.get("error"))
    steps.build.request_failed(message, severity=Severity.ERROR, pointer=source.pointer, ts=ts)


def _end(row: dict[str, Any], build: RunBuilder) -> None:
    reason = fields.label(row, "finishReason")
    build.end(
        status=_STATUS.get(reason, "unknown"),
        stop_reason=reason,
        usage=used(row.get("usage")),
        duration_s=fields.seconds(row.get("durationMs")),
        ts=timestamp(row.get("ts")),
    )
