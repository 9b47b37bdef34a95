"""`fast-agent`: the history of one agent of fast-agent, from a session's folder or `save_messages`.

    file    = {"messages": [message, …]}
    message = {"role": "user" | "assistant", "content": [block, …], "is_template"?, "timestamp"?,
               "tool_calls"?: {id: {"params": {"name", "arguments"}}},
               "tool_results"?: {id: {"content": [block, …], "isError", "structuredContent"?}},
               "stop_reason"?, "channels"?: {channel: [block, …]}}
    block   = a content block of MCP
    channel = "reasoning" | "fast-agent-usage" | "fast-agent-timing" | "fast-agent-tool-timing"
            | "fast-agent-retry" | "fast-agent-error" | "fast-agent-compaction" | …

The text of a channel is JSON, except of `reasoning` and `fast-agent-error`. After a failed request,
fast-agent adds a reply that reports it. `session.json` next to the histories of a session has the
prompts of its agents.
"""

from __future__ import annotations

from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.chat_messages import ChatMessage, SourceValue, append_message
from hermes_tui.formats.failures import status_of
from hermes_tui.formats.json_text.json_slice import pointer_of
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.traits import Traits
from hermes_tui.model.chat_api import function_call
from hermes_tui.model.diagnostics import Severity
from hermes_tui.model.messages import Usage
from hermes_tui.parsers.measures import number, timestamp, total_usage, usage

_SESSION: Final = "session.json"
_FINISH_REASONS: Final = {"endTurn": "stop", "toolUse": "tool_calls", "maxTokens": "length"}


class FastAgent:
    """Reads the history of an agent as a run."""

    name = "fast-agent"
    summary = "fast-agent: histories of agents, as its sessions and `save_messages` keep them"
    traits = Traits(sidecars=(_SESSION,))

    def sniff(self, sample: Sample) -> Match | None:
        return sample.match_of_runs(0.96, _is_history)

    def read(self, value: Any, build: RunBuilder) -> None:
        messages = fields.as_list(fields.as_dict(value).get("messages"))
        reader = _History(build)
        reader.start(messages)
        for at, message in enumerate(messages):
            reader.append(message, f"/messages/{at}")
        if messages and fields.as_dict(messages[-1]).get("stop_reason") == "error":
            build.end(status="error", stop_reason="error")


def _is_history(value: Any) -> bool:
    listed = fields.as_dict(value).get("messages")
    if not isinstance(listed, list) or not fields.mostly(listed[:20], _is_message):
        return False
    return any(map(_is_own, listed[:20]))


def _is_message(value: Any) -> bool:
    known = fields.as_dict(value)
    return known.get("role") in ("user", "assistant") and isinstance(known.get("content"), list)


def _is_own(message: Any) -> bool:
    known = fields.as_dict(message)
    members = (known.get(key) for key in ("tool_calls", "tool_results", "channels"))
    return "is_template" in known or any(isinstance(one, dict) for one in members)


class _History:
    """Appends the messages of a history in their order."""

    def __init__(self, build: RunBuilder) -> None:
        self.build = build
        self._tools: dict[str, Any] = {}
        """The names of called tools, by the ids of the calls."""

    def start(self, messages: list[Any]) -> None:
        session = fields.as_dict(self.build.sidecars.get(_SESSION))
        continuation = fields.as_dict(session.get("continuation"))
        attempts = [one for message in messages for one in _attempts(fields.as_dict(message))]
        model = fields.first_label(attempts, "model")
        name, agent = _agent_of(fields.as_dict(continuation.get("agents")), model)
        title = fields.label(fields.as_dict(session.get("metadata")), "title", "label")
        details = {
            "agent": name,
            "session": fields.label(session, "session_id"),
            "titles": [title] if title else [],
            "cwd": continuation.get("cwd"),
            "provider": fields.first_label(attempts, "provider"),
            "parameters": fields.without_empty(fields.as_dict(agent.get("request_settings"))),
        }
        first = fields.first_object(messages)
        self.build.start(
            task=fields.title_of(messages),
            model=model,
            details=fields.details_of(fields.without_falsy(details)),
            ts=timestamp(first.get("timestamp")),
        )
        if prompt := fields.label(agent, "resolved_prompt"):
            self.build.message({"role": "system", "content": prompt})

    def append(self, message: Any, pointer: str) -> None:
        if not _is_message(message):
            self.build.defect("not a message", message, pointer=pointer)
            return
        ts = timestamp(message.get("timestamp"))
        channels = fields.as_dict(message.get("channels"))
        for retry in fields.objects_in(_decoded(channels, "fast-agent-retry").get("retries")):
            text = fields.labels(retry, "error_type", "error_message")
            self._fail(text, pointer, ts, Severity.WARNING)
        if message["role"] == "assistant":
            self._append_reply(message, channels, pointer, ts)
        else:
            self._append_input(message, channels, pointer, ts)

    def _append_reply(
        self, message: dict[str, Any], channels: dict[str, Any], pointer: str, ts: float | None
    ) -> None:
        stop_reason = fields.label(message, "stop_reason")
        if stop_reason == "error" and channels.get("fast-agent-error"):
            text = fields.text_of(channels["fast-agent-error"])
            status = status_of(_decoded(channels, "fast-agent-provider-error"))
            self._fail(text, pointer, ts, Severity.ERROR, status)
            stop_reason = ""  # The message is fast-agent's own.
        called = fields.as_dict(message.get("tool_calls"))
        calls = [
            SourceValue(call, pointer + pointer_of(("tool_calls", name)))
            for name, call in called.items()
        ]
        timing = _decoded(channels, "fast-agent-timing")
        raw: dict[str, Any] = {
            "role": "assistant",
            "content": message["content"],
            "reasoning_content": fields.text_of(channels.get("reasoning")) or None,
            "finish_reason": _FINISH_REASONS.get(stop_reason, stop_reason),
            "duration_ms": timing.get("duration_ms"),
        }
        if called:
            raw["tool_calls"] = [self._call(name, call) for name, call in called.items()]
        used = total_usage(map(_usage, _attempts(message)))
        reply = ChatMessage(raw, pointer, tuple(calls), flags=_flags(message, channels), used=used)
        append_message(self.build, reply, ts=ts)

    def _append_input(
        self, message: dict[str, Any], channels: dict[str, Any], pointer: str, ts: float | None
    ) -> None:
        """Append the results in a user's message, then what else it holds."""
        timings = _decoded(channels, "fast-agent-tool-timing")
        results = fields.as_dict(message.get("tool_results"))
        for name, result in results.items():
            timing = fields.as_dict(timings.get(name))
            place = pointer + pointer_of(("tool_results", name))
            answer = self._result(name, SourceValue(result, place), timing)
            append_message(self.build, answer, ts=ts)
        if message["content"] or not results:
            raw = {"role": "user", "content": message["content"]}
            flags = _flags(message, channels)
            append_message(self.build, ChatMessage(raw, pointer, flags=flags), ts=ts)

    def _call(self, call_id: str, call: Any) -> dict[str, Any]:
        params = fields.as_dict(fields.as_dict(call).get("params"))
        name, arguments = params.get("name"), params.get("arguments")
        self._tools[call_id] = name
        # A call of MCP without arguments leaves them out.
        text = fields.json_text(arguments) if arguments is not None else "{}"
        return function_call(call_id, name, text)

    def _result(self, name: str, source: SourceValue, timing: dict[str, Any]) -> ChatMessage:
        result = fields.as_dict(source.value)
        content = result.get("content")
        if not content and result.get("structuredContent") is not None:
            content = fields.json_text(result["structuredContent"])
        raw = {
            "role": "tool",
            "tool_call_id": name,
            "name": self._tools.get(name),
            "content": content if result else source.value,
            "is_error": result.get("isError") is True or None,
            "duration_ms": timing.get("timing_ms"),
        }
        return ChatMessage(raw, source.pointer, (source,))

    def _fail(
        self,
        text: str,
        pointer: str,
        ts: float | None,
        severity: Severity,
        status: int | None = None,
    ) -> None:
        self.build.request_failed(
            text,
            severity=severity,
            pointer=pointer,
            ts=ts,
            status=status,
            retryable=severity is Severity.WARNING,
        )


def _agent_of(agents: dict[str, Any], model: str) -> tuple[str, dict[str, Any]]:
    """Return the name and the state of the only agent of a session with this model.

    Neither is known if several agents have it.
    """
    found = [
        (name, state)
        for name, state in agents.items()
        if isinstance(state, dict) and model and state.get("model") == model
    ]
    return found[0] if len(found) == 1 else ("", {})


def _flags(message: dict[str, Any], channels: dict[str, Any]) -> tuple[str, ...]:
    flags = {
        "template": message.get("is_template") is True,
        "compaction": "fast-agent-compaction" in channels,
        "injected": "fast-agent-provider-error" in channels,
    }
    return tuple(name for name, is_set in flags.items() if is_set)


def _decoded(channels: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the object that the first block of a channel holds as JSON; empty if there is none."""
    block = fields.first_object(channels.get(name))
    return fields.as_dict(decode_if_json(block.get("text"), 1))


def _attempts(message: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what each request for a reply used; all but the last had no usable reply."""
    channels = fields.as_dict(message.get("channels"))
    return fields.objects_in(_decoded(channels, "fast-agent-usage").get("provider_attempts"))


def _usage(attempt: dict[str, Any]) -> Usage | None:
    prompt, completion = (fields.as_dict(attempt.get(key)) for key in ("prompt", "completion"))
    counts = {
        "prompt_tokens": prompt.get("total"),
        "completion_tokens": completion.get("total"),
        "cached_tokens": prompt.get("cache_read"),
        "reasoning_tokens": completion.get("reasoning"),
    }
    return usage(counts, number(attempt.get("cost_usd")))


FORMAT = FastAgent()
