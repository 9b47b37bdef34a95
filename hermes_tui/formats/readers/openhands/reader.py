"""`openhands`: event streams of OpenHands V0 and of its SDK, and evaluation output around them.

    file   = event*              one run: an array of events, or an event a line, or a file each
           | output*             {"instance_id", "history": [event | [event, event], …], "metrics"}
    event  = {"source", "action", "args", "tool_call_metadata"?}                    V0, an action
           | {"source", "observation", "content", "extras", "cause"}        V0, an observation
           | {"source", "kind": "…Event"}                                                      SDK

Every event of V0 is a message; one that only moves the state machine is flagged hidden. State
updates of the SDK are kept as events other than messages. Each call of a reply is a separate
action; actions with the same `llm_response_id` form one message.
"""

from __future__ import annotations

import re
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.chat_messages import ChatMessage, SourceValue, append_message, source_values
from hermes_tui.formats.declared_tools import tool_specs
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.message_parts import flagged, with_findings
from hermes_tui.formats.readers.openhands import state as openhands_state
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.traits import Traits
from hermes_tui.model.chat_api import function_call
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.events import UnknownEvent
from hermes_tui.model.wording import title
from hermes_tui.parsers.measures import number, usage
from hermes_tui.parsers.normalise import Normalised, TextCalls, normalise_message
from hermes_tui.parsers.plain_values import json_text

_SOURCES = ("user", "agent", "environment")
_ACTION = "ActionEvent"
_MALFORMED = "_openhands_malformed_tool_call"
_REPLY_ID = re.compile(rb'"llm_response_id"\s*:\s*"([^"]{1,200})"')
_STATE_ACTIONS = frozenset({"null", "agent_state_changed", "change_agent_state"})
_NO_CALL_ACTIONS = frozenset({"message", "finish", "reject", "system", "recall", *_STATE_ACTIONS})
"""Actions that call no tool. `finish` ends the run and is never answered."""
_END_KEYS = ("history", "metrics", "error", "instance", "instruction", "test_result")


def _reply_of_line(line: bytes) -> str | None:
    found = _REPLY_ID.search(line) if _ACTION.encode() in line else None
    return found[1].decode("utf-8", "replace") if found else None


class OpenHands:
    """Reads conversations of OpenHands."""

    name = "openhands"
    summary = "OpenHands event streams (V0, SDK and its folders of events), evaluation output.jsonl"
    traits = Traits(sidecars=(openhands_state.SIDECAR,), reply_of_line=_reply_of_line)

    def sniff(self, sample: Sample) -> Match | None:
        values, layout = sample.elements()
        if fields.mostly(values, _is_event):
            if any(map(_is_of_sdk, values)):
                return Match(0.9, Unit.RUNS, sample.layout.together())
            return Match(0.9, Unit.PARTS, layout)
        if fields.mostly(values, _is_output):
            return Match(0.95, Unit.RUNS, layout)
        return None

    def read(self, value: Any, build: RunBuilder) -> None:
        if build.unit is Unit.RUNS and isinstance(value, dict) and "history" in value:
            _read_output(value, build)
            return
        events = value if isinstance(value, list) else [value]
        state = openhands_state.state_of(build)
        if build.is_opening or (build.unit is Unit.RUNS and not build.is_used):
            first = fields.as_dict(events[0] if events else None)
            # Newer ones hold the titles and classes of tools, not their names.
            tools = tool_specs(first.get("tools")) or None
            build.start(task=_task(events), tools=tools, **openhands_state.begin_of(state))
        sources = source_values(value, build)
        replies = _replies(sources)
        for one in sources:
            name = _reply_id(one.value)
            build.locate(one.line)
            if name and (together := replies.pop(name, None)):
                _append_sdk_reply(together, build)
            elif not name:
                _read_event(one.value, build, one.pointer)
        if state and build.is_last:
            openhands_state.end_by(state, build)


def _is_event(value: Any) -> bool:
    if not isinstance(value, dict) or fields.label(value, "source") not in _SOURCES:
        return False
    kind = value.get("kind")
    if isinstance(kind, str) and kind.endswith(("Event", "Condensation", "Observation")):
        return True
    acts = isinstance(value.get("action"), str) and isinstance(value.get("args"), dict)
    return acts or (isinstance(value.get("observation"), str) and "content" in value)


def _is_of_sdk(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("kind"), str)


def _reply_id(event: Any) -> str:
    """Return the reply that an action of the SDK belongs to, or "" for any other event."""
    is_action = isinstance(event, dict) and event.get("kind") == _ACTION
    return fields.label(event, "llm_response_id") if is_action else ""


def _replies(events: list[SourceValue]) -> dict[str, list[SourceValue]]:
    """Return the SDK's actions, grouped by reply."""
    found: dict[str, list[SourceValue]] = {}
    for one in events:
        if name := _reply_id(one.value):
            found.setdefault(name, []).append(one)
    return found


def _is_output(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(history := value.get("history"), list):
        return False
    flat = [
        item for entry in history[:10] for item in (entry if isinstance(entry, list) else [entry])
    ]
    return fields.mostly(flat, _is_old_event)


def _is_old_event(value: Any) -> bool:
    """Return whether `value` is an event; in the oldest output, events name no source."""
    if _is_event(value):
        return True
    return isinstance(value, dict) and (
        ("action" in value and "args" in value) or ("observation" in value and "extras" in value)
    )


def _read_output(value: dict[str, Any], build: RunBuilder) -> None:
    history = value.get("history")
    entries = history if isinstance(history, list) else []
    metadata = fields.as_dict(value.get("metadata"))
    build.start(
        run_id=fields.run_id_of(value),
        task=fields.task_of(value, ()) or _task(entries),
        model=fields.model_of(fields.as_dict(metadata.get("llm_config"))),
        details=fields.details_of(value, without=_END_KEYS),
    )
    for index, entry in enumerate(entries):
        pair = entry if isinstance(entry, list) else [entry]
        for place, event in enumerate(pair):
            inner = f"/{place}" if isinstance(entry, list) else ""
            _read_event(event, build, f"/history/{index}{inner}")
    _end(value, build)


def _end(value: dict[str, Any], build: RunBuilder) -> None:
    metrics, tested = fields.as_dict(value.get("metrics")), fields.as_dict(value.get("test_result"))
    error = value.get("error")
    report = fields.as_dict(value.get("report")) or fields.as_dict(tested.get("report"))
    resolved = report.get("resolved")
    status = "unknown"
    if isinstance(resolved, bool):
        status = "ok" if resolved else "failed"
    elif error:
        status = "truncated" if "maximum iteration" in fields.json_text(error) else "error"
    cost = number(metrics.get("accumulated_cost"))
    build.end(
        status=status,
        stop_reason=fields.json_text(error) if error else "",
        usage=usage(metrics.get("accumulated_token_usage"), cost or None),
        details=fields.details_of({**tested, **({"error": error} if error else {})}),
    )


def _task(events: list[Any]) -> str:
    for event in events:
        event = fields.as_dict(event[0] if isinstance(event, list) and event else event)
        if event.get("source") == "user":
            content = fields.as_dict(event.get("args")).get("content") or fields.as_dict(
                event.get("llm_message")
            ).get("content")
            if task := title(fields.text_of(content)):
                return task
    return ""


def _read_event(event: Any, build: RunBuilder, pointer: str) -> None:
    if not isinstance(event, dict):
        build.defect("an event that is not an object", event, pointer=pointer)
        return
    if isinstance(kind := event.get("kind"), str) and not isinstance(event.get("args"), dict):
        _read_sdk_event(kind, event, build, pointer)
    elif isinstance(event.get("action"), str):
        _read_action(event, build, pointer)
    elif isinstance(event.get("observation"), str):
        _read_observation(event, build, pointer)
    else:
        build.defect("neither action nor observation", event, pointer=pointer)


def _append(
    raw: dict[str, Any],
    event: dict[str, Any],
    build: RunBuilder,
    pointer: str,
    *flags: str,
    found: tuple[Diagnostic, ...] = (),
) -> None:
    mode = TextCalls.IGNORE if "hidden" in flags else TextCalls.SUSPECT
    raw = {**raw, "timestamp": event.get("timestamp")}
    parts = with_findings(normalise_message(raw, text_calls=mode), *found)
    build.append(flagged(parts, *flags), pointer)


def _read_action(event: dict[str, Any], build: RunBuilder, pointer: str) -> None:
    action, args = event["action"], fields.as_dict(event.get("args"))
    by_agent = event.get("source", "agent") == "agent"
    if action in _NO_CALL_ACTIONS or not by_agent:
        content = args.get("content") or args.get("final_thought") or args.get("thought")
        role = "assistant" if by_agent else str(event.get("source"))
        if action == "system":
            role = "system"
        flags = [] if action in ("message", "system") else [action]
        if action in _STATE_ACTIONS or action == "recall":
            flags.append("hidden")
        raw = {"role": role, "content": content or event.get("message") or ""}
        _append(raw | (_reply_fields(event) if by_agent else {}), event, build, pointer, *flags)
        return
    raw = {"role": "assistant", "content": args.get("thought") or ""}
    _append(raw | _reply_fields(event) | {"tool_calls": [_call(event)]}, event, build, pointer)


def _reply(event: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the model's reply that an action comes from, and its message."""
    response = fields.as_dict(fields.as_dict(event.get("tool_call_metadata")).get("model_response"))
    choice = fields.first_object(response.get("choices"))
    return response, fields.as_dict(choice.get("message"))


def _reply_fields(event: dict[str, Any]) -> dict[str, Any]:
    response, message = _reply(event)
    return {
        "usage": response.get("usage"),
        "reasoning_content": message.get("reasoning_content"),
    }


def _call(event: dict[str, Any]) -> dict[str, Any]:
    """Return the call as the model wrote it if that is kept, else as OpenHands interpreted it."""
    metadata = fields.as_dict(event.get("tool_call_metadata"))
    call_id = metadata.get("tool_call_id")
    for call in fields.as_list(_reply(event)[1].get("tool_calls")):
        if isinstance(call, dict) and call_id is not None and call.get("id") == call_id:
            return call
    args = {
        key: item for key, item in fields.as_dict(event.get("args")).items() if key != "thought"
    }
    name = metadata.get("function_name") or event["action"]
    return function_call(call_id or _id_of(event.get("id")), name, json_text(args))


def _id_of(number_of_event: Any) -> str | None:
    return None if number_of_event is None else f"event-{number_of_event}"


def _read_observation(event: dict[str, Any], build: RunBuilder, pointer: str) -> None:
    what, extras = event["observation"], fields.as_dict(event.get("extras"))
    metadata = fields.as_dict(event.get("tool_call_metadata"))
    is_error = what == "error"
    answers = bool(metadata) or event.get("cause") is not None or "source" not in event
    if what in _STATE_ACTIONS or what == "recall" or not answers:
        content = event.get("content") or event.get("message") or fields.json_text(extras)
        found: tuple[Diagnostic, ...] = ()
        if is_error:
            text = title(fields.text_of(content)) or "an error"
            found = (Diagnostic(Code.REPLY_SHAPE, Severity.ERROR, text),)
        flags = [what] if is_error or what == "recall" else [what, "hidden"]
        raw = {"role": "environment", "content": content}
        _append(raw, event, build, pointer, *flags, found=found)
        return
    exit_code = _exit_code(extras)
    raw = {
        "role": "tool",
        "tool_call_id": metadata.get("tool_call_id") or _id_of(event.get("cause")),
        "name": metadata.get("function_name"),
        "content": event.get("content"),
        "exit_code": exit_code,
        "is_error": is_error,
    }
    _append(raw, event, build, pointer)


def _exit_code(seen: dict[str, Any]) -> Any:
    """Return a command's exit code, or None for -1: a command still running, or none at all."""
    code = fields.as_dict(seen.get("metadata")).get("exit_code", seen.get("exit_code"))
    return None if code == -1 else code


def _read_sdk_event(kind: str, event: dict[str, Any], build: RunBuilder, pointer: str) -> None:
    match kind:
        case "SystemPromptEvent":
            _append(
                {"role": "system", "content": event.get("system_prompt")}, event, build, pointer
            )
        case "MessageEvent":
            message = fields.as_dict(event.get("llm_message"))
            role = "assistant" if event.get("source") == "agent" else "user"
            _append({"role": role, **message}, event, build, pointer)
        case "ActionEvent":
            _append(_sdk_action(event), event, build, pointer)
        case "ObservationEvent" | "AgentErrorEvent" | "UserRejectObservation":
            _append(_sdk_result(event), event, build, pointer)
        case "Condensation" | "CondensationEvent" | "CondensationSummaryEvent":
            raw = {"role": "environment", "content": event.get("summary") or kind}
            _append(raw, event, build, pointer, "compaction")
        case _:
            build.add(UnknownEvent, pointer=pointer, unknown_kind=kind, raw=event)


def _append_sdk_reply(actions: list[SourceValue], build: RunBuilder) -> None:
    """Append the actions of one reply as one message; each call keeps the place of its action."""
    first = actions[0]
    raws = [_sdk_action(action.value) for action in actions]
    raw = {
        **raws[0],
        "content": [part for each in raws for part in fields.as_list(each["content"])],
        "tool_calls": [call for each in raws for call in each["tool_calls"]],
        "timestamp": first.value.get("timestamp"),
    }
    message = ChatMessage(raw, first.pointer, tuple(actions), line=first.line, normalise=_normalise)
    append_message(build, message)


def _normalise(raw: dict[str, Any]) -> Normalised:
    """Normalise a reply; for arguments that were not JSON, OpenHands keeps the error, not the
    text."""
    parts = normalise_message(raw)
    calls = []
    for call, found in parts.calls:
        if isinstance(call.arguments, dict) and call.arguments.get(_MALFORMED) is True:
            error = title(fields.label(call.arguments, "error")) or "the arguments are not JSON"
            hint = "what the model wrote is not kept in the events"
            broken = Diagnostic(
                Code.ARGS_INVALID, Severity.ERROR, error, hint=hint, call_index=call.index
            )
            found = (*found, broken)
        calls.append((call, found))
    return parts._replace(calls=tuple(calls))


def _sdk_action(event: dict[str, Any]) -> dict[str, Any]:
    call = event.get("tool_call")
    if not isinstance(call, dict):
        arguments = json_text(fields.as_dict(event.get("action")))
        call = {"id": event.get("tool_call_id"), "name": event.get("tool_name")}
        call = {**call, "arguments": arguments}
    return {
        "role": "assistant",
        "content": event.get("thought"),
        "reasoning_content": event.get("reasoning_content"),
        "tool_calls": [call],
    }


def _sdk_result(event: dict[str, Any]) -> dict[str, Any]:
    seen = fields.as_dict(event.get("observation"))
    failure = event.get("error") or event.get("rejection_reason")
    return {
        "role": "tool",
        "tool_call_id": event.get("tool_call_id"),
        "name": event.get("tool_name"),
        "content": seen.get("content") if seen else failure,
        "is_error": seen.get("is_error") is True or bool(failure),
        "exit_code": _exit_code(seen),
    }


FORMAT = OpenHands()
