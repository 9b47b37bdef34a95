"""`mini-swe-agent`: trajectories of its three generations, a run a file.

    file    = {"info", "messages", "trajectory_format": "mini-swe-agent-…"}    since 1.0
            | [message, …]                                                     before
    message = chat message + "extra": {"actions", "response", "cost", "timestamp"}      a reply
            | chat message + "extra": {"raw_output", "returncode", "exception_info"}    a result
            | {"role": "exit", "extra": {"exit_status", "submission", "traceback"}}

The command in a reply is a tool call, or the only block fenced as `bash` or `mswea_bash_command`. A
reply with none or several is answered by an error and, since 2.0, not kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise, takewhile
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.message_parts import flagged, with_findings
from hermes_tui.formats.outcomes import outcome_of
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.texts.text_actions import as_result, text_action, with_calls
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.events import MessageAppended, RequestFailed, ToolCallProposed
from hermes_tui.model.messages import ToolCall, Usage, changed
from hermes_tui.model.spans import Span
from hermes_tui.model.wording import title
from hermes_tui.parsers.measures import total_usage
from hermes_tui.parsers.normalise import Normalised, TextCalls, normalise_message

_PREFIX = "mini-swe-agent"
_OBSERVATION_STARTS = ("<returncode>", "<exception>", "The last command <command>")
"""The beginnings of observations in the templates that come with the agent."""
_FENCE = re.compile(r"```(?:mswea_bash_command|bash)[ \t\r]*\n")
_CLIENTS = ("litellm", "openai", "anthropic", "httpx")
"""Packages whose exceptions mean that a request failed, rather than a command."""
_TOOL = "bash"
_SUBMITTED = "Submitted"
_SUBMIT_MARK = re.compile("COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT|MINI_SWE_AGENT_FINAL_OUTPUT")
"""What a command that submits the result prints first."""
_END_KEYS = ("exception_str", "submission", "traceback")


class MiniSweAgent:
    """A `.traj.json` file."""

    name = "mini-swe-agent"
    summary = "mini-swe-agent trajectories (.traj.json), all generations"

    def sniff(self, sample: Sample) -> Match | None:
        if str(sample.first_object().get("trajectory_format", "")).startswith(_PREFIX):
            return Match(0.97, Unit.RUNS)
        values, layout = sample.elements()
        if fields.mostly(values, fields.is_message) and _runs_blocks(values):
            return Match(0.9, Unit.PARTS, layout)
        return None

    def read(self, value: Any, build: RunBuilder) -> None:
        if build.unit is Unit.PARTS:
            messages = value if isinstance(value, list) else [value]
            if build.is_opening:
                build.start(task=fields.title_of(messages))
            for index, raw in enumerate(messages):
                _message(raw, build, f"/{index}" if isinstance(value, list) else "")
        elif isinstance(value, dict) and isinstance(value.get("messages"), list):
            _run(value, build)
        else:
            build.defect("no list of messages in this trajectory", value)


def _runs_blocks(values: tuple[Any, ...]) -> bool:
    """Return whether a reply with a fenced command is followed by what the command returned."""
    texts = [fields.text_of(value.get("content")) for value in values if isinstance(value, dict)]
    return any(
        following.startswith(_OBSERVATION_STARTS) and _FENCE.search(text) is not None
        for text, following in pairwise(texts)
    )


def _run(value: dict[str, Any], build: RunBuilder) -> None:
    info = fields.as_dict(value.get("info"))
    config = fields.as_dict(info.get("config"))
    messages = value["messages"]
    build.start(
        run_id=fields.run_id_of(value),
        task=fields.task_of(value, messages),
        model=fields.model_of(fields.as_dict(config.get("model"))),
        details={
            **fields.details_of(value, without=("info", "messages")),
            **fields.details_of(info, without=("config", "model_stats", "exit_status", *_END_KEYS)),
            **fields.details_of({key: _without_templates(part) for key, part in config.items()}),
        },
    )
    for index, raw in enumerate(messages):
        _message(raw, build, f"/messages/{index}")
    _end(info, build)


def _without_templates(part: Any) -> Any:
    if not isinstance(part, dict):
        return part
    return {key: value for key, value in part.items() if not str(key).endswith("_template")}


def _message(raw: Any, build: RunBuilder, pointer: str) -> None:
    if not isinstance(raw, dict):
        build.defect("a message that is not an object", raw, pointer=pointer)
        return
    extra = fields.as_dict(raw.get("extra"))
    is_exit = raw.get("role") == "exit"
    parts = normalise_message(
        _with_extra(raw, extra), text_calls=TextCalls.IGNORE if is_exit else TextCalls.SUSPECT
    )
    if is_exit:
        _request_failure(raw, extra, build, pointer)
        submitting = _submitting_call(extra, build)
        if submitting is not None:
            parts = as_result(parts, {**raw, "tool_call_id": submitting.id})
    elif parts.message.role == "assistant":
        parts = _with_commands(parts, extra)
    elif extra.get("interrupt_type"):
        refused = _append_refused(extra, build, pointer)
        if refused is not None:
            own = {key: item for key, item in raw.items() if key != "extra"}
            parts = normalise_message(own, text_calls=TextCalls.IGNORE)
            if refused.calls:
                result = {"tool_call_id": refused.calls[0][0].id, "is_error": True}
                parts = as_result(parts, {**own, **result})
        parts = _with_interruption(parts, str(extra["interrupt_type"]), is_kept=refused is not None)
    elif parts.message.role == "user" and ("raw_output" in extra or _is_observation(parts)):
        parts = as_result(parts, _with_extra(raw, extra))
    build.append(parts, pointer)


def _is_observation(parts: Normalised) -> bool:
    return parts.message.text.startswith(_OBSERVATION_STARTS)


def _with_extra(raw: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    """Return a message with the details in `extra` under the names of chat messages.

    Messages of the Responses API are kept as received: replies as `output`, results as items.
    """
    message = dict(raw)
    response = fields.as_dict(extra.get("response"))
    if raw.get("object") == "response" and "role" not in raw:
        from hermes_tui.formats.replies import reply_of

        response = raw
        replies = reply_of({k: v for k, v in raw.items() if k != "extra"}, "").messages
        message = dict(replies[0][1]) if replies else {"role": "assistant", "content": None}
    elif raw.get("type") == "function_call_output":
        message = {**raw, "role": "tool", "content": raw.get("output")}
    choice = fields.first_object(response.get("choices"))
    for key in ("reasoning_content", "reasoning"):
        if not message.get(key) and (reasoning := fields.as_dict(choice.get("message")).get(key)):
            message[key] = reasoning
    found = {
        "usage": response.get("usage"),
        "finish_reason": choice.get("finish_reason"),
        "cost": extra.get("cost"),
        "timestamp": extra.get("timestamp"),
        "error": extra.get("exception_info"),
        "extra": raw.get("extra"),
    }
    return message | {key: value for key, value in found.items() if value is not None}


def _with_commands(parts: Normalised, extra: dict[str, Any]) -> Normalised:
    """Read the commands of a reply from its text, unless it makes native calls."""
    if parts.calls:
        return parts
    text = parts.message.text
    blocks = list(_blocks(text))
    actions = fields.as_list(extra.get("actions"))
    if actions:
        places = {command.strip(): span for command, span in blocks}
        given = [_command_of(action) for action in actions]
        commands = [(command, places.get(command.strip())) for command in given]
    else:
        commands = [(command, span) for command, span in blocks]
    calls = [
        text_action(index, _TOOL, {"command": command}, raw=command, span=span)
        for index, (command, span) in enumerate(commands)
    ]
    findings = [] if actions else _findings(text, blocks)
    return with_calls(parts, calls, *findings) if calls or findings else parts


def _command_of(action: Any) -> str:
    command = action.get("command") if isinstance(action, dict) else action
    return fields.json_text(command)


def _blocks(text: str) -> Iterator[tuple[str, Span]]:
    """Yield the command and the span of each closed block."""
    position = 0
    while opening := _FENCE.search(text, position):
        start = opening.end()
        close = text.find("\n```", start - 1)
        if close < 0:
            return
        position = close + 4
        yield text[start:close], Span(opening.start(), position)


def _findings(text: str, blocks: list[tuple[str, Span]]) -> list[Diagnostic]:
    if len(blocks) > 1:
        what = f"{len(blocks)} blocks in one reply: the agent runs none of them"
        hint = "it needs exactly one; join commands with && or ;"
        return [Diagnostic(Code.MULTI_PAYLOAD, Severity.ERROR, what, blocks[1][1], hint)]
    opening = None if blocks else _FENCE.search(text)
    if opening is None:
        return []
    what = "the block is never closed: the agent finds no command in this reply"
    span = Span(opening.start(), len(text))
    return [Diagnostic(Code.UNCLOSED, Severity.ERROR, what, span)]


def _append_refused(extra: dict[str, Any], build: RunBuilder, pointer: str) -> Normalised | None:
    """Append and return the reply in which the agent found no command, or return None if it is
    lost.

    Since 2.4, such a reply is kept next to the message that replaces it.
    """
    choice = fields.first_object(fields.as_dict(extra.get("response")).get("choices"))
    raw = choice.get("message")
    if not isinstance(raw, dict):
        return None
    parts = normalise_message(_with_extra(raw, extra), text_calls=TextCalls.SUSPECT)
    if not parts.calls:
        text = parts.message.text
        parts = with_findings(parts, *_findings(text, list(_blocks(text))))
    parts = flagged(parts, "refused")
    build.append(parts, f"{pointer}/extra/response/choices/0/message")
    return parts


def _with_interruption(parts: Normalised, kind: str, *, is_kept: bool) -> Normalised:
    """Mark a message that the agent itself inserted."""
    parts = flagged(parts, "injected", kind)
    if kind != "FormatError":
        return parts
    found = Diagnostic(
        Code.REPLY_SHAPE,
        Severity.ERROR,
        "the agent found no valid command in the reply before this message",
        hint="the model did not see that reply again"
        if is_kept
        else "it does not keep such replies, only what they cost",
    )
    return with_findings(parts, found)


def _submitting_call(extra: dict[str, Any], build: RunBuilder) -> ToolCall | None:
    """Return the call whose result is the `exit` message: its output is the submission."""
    if fields.label(extra, "exit_status") != _SUBMITTED:
        return None
    latest = takewhile(lambda event: isinstance(event, ToolCallProposed), reversed(build.events))
    calls = (event.call for event in latest if isinstance(event, ToolCallProposed))
    # Calls read from text are answered by whatever message follows.
    waiting = [call for call in calls if call.id]
    marked = (call for call in waiting if _SUBMIT_MARK.search(call.arguments_text))
    return next(marked, waiting[0] if waiting else None)


def _request_failure(
    raw: dict[str, Any], extra: dict[str, Any], build: RunBuilder, pointer: str
) -> None:
    """Record a failed request if a client's exception ended the run."""
    traceback = fields.label(extra, "traceback")
    message = fields.label(extra, "exception_str") or fields.text_of(raw.get("content"))
    if (
        not any(name in f"{traceback[-4000:]} {message[:400]}" for name in _CLIENTS)
        or not traceback
    ):
        return
    turns = sum(
        isinstance(event, MessageAppended) and event.message.role == "assistant"
        for event in build.events
    )
    build.add(
        RequestFailed,
        pointer=pointer,
        turn=turns + 1,
        message=title(message),
        body=traceback,
        chain=(fields.label(extra, "exit_status"),),
    )


def _end(info: dict[str, Any], build: RunBuilder) -> None:
    stop = fields.label(info, "exit_status")
    stats = fields.as_dict(info.get("model_stats"))
    outcome = outcome_of({"exit_status": stop or None}) or {}
    status = "truncated" if stop.endswith("LimitsExceeded") else outcome.get("status", "unknown")
    if status == "unknown" and (info.get("traceback") or info.get("exception_str")):
        status = "error"
    details = {key: info[key] for key in _END_KEYS if info.get(key)}
    api_calls = fields.number(stats.get("api_calls"))
    if api_calls is not None:
        details["api_calls"] = int(api_calls)
    build.end(
        status=status,
        stop_reason=stop,
        usage=_total(build, fields.number(stats.get("instance_cost"))),
        details={key: fields.detail(key, value) for key, value in details.items()},
    )


def _total(build: RunBuilder, cost: float | None) -> Usage | None:
    """Return the total usage of the replies; the file itself sums only the cost."""
    used = total_usage(e.message.usage for e in build.events if isinstance(e, MessageAppended))
    return used if cost is None else changed(used or Usage(), cost_usd=cost)


FORMAT = MiniSweAgent()
