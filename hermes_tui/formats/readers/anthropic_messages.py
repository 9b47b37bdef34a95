"""Anthropic messages: conversations, request bodies, replies and results of batches.

    file    = message*            one run: an array of messages, or a message a line
            | run*                an array or lines of runs, or one document
    run     = [message, …] | request | reply | {"custom_id", "result": outcome}
    request = {"messages": [message, …], "system", "tools", "model", …}
    reply   = {"type": "message", "role": "assistant", "content", "stop_reason", "usage", …}
    outcome = {"type": "succeeded", "message": reply} | {"type": "errored", "error"} | {"type"}

They are distinguished from OpenAI's chat messages by the blocks in their content.
"""

from __future__ import annotations

from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.declared_tools import tool_specs
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.outcomes import OUTCOME_KEYS, outcome_of
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.events import RequestFailed, ResponseReceived
from hermes_tui.model.wording import title
from hermes_tui.parsers.measures import time_of, usage

_BLOCK_TYPES = frozenset(
    {
        "tool_use",
        "tool_result",
        "server_tool_use",
        "web_search_tool_result",
    }
)
_FOREIGN_KEYS = frozenset({"parentUuid", "sessionId", "response", "request", "trajectory_format"})
_FOREIGN_MESSAGE_KEYS = frozenset({"tool_calls", "parentUuid", "uuid", "extra", "payload"})
_ROLES = frozenset({"user", "assistant", "system"})
_OUTCOME_TYPES = frozenset({"succeeded", "errored", "canceled", "expired"})
_OWN_KEYS = ("messages", "system", "tools", "model", *OUTCOME_KEYS)


class AnthropicMessages:
    """Reads messages whose content is blocks, and the objects around them."""

    name = "anthropic-messages"
    summary = "Anthropic messages: conversations, request bodies, replies, results of batches"

    def sniff(self, sample: Sample) -> Match | None:
        values, layout = sample.elements()
        if fields.mostly(values, _is_run):
            return Match(0.7, Unit.RUNS, layout)
        if _is_conversation(values):
            return Match(0.7, Unit.PARTS, layout)
        return None

    def read(self, value: Any, build: RunBuilder) -> None:
        if build.unit is Unit.PARTS:
            build.part(value)
        elif isinstance(value, list):
            build.start(task=fields.title_of(value))
            build.messages(value, "")
        elif not isinstance(value, dict):
            build.defect("no message in this record", value)
        elif isinstance(value.get("messages"), list):
            _read_request(value, build)
        elif isinstance(value.get("result"), dict):
            _read_outcome(value, value["result"], build)
        elif "role" in value:
            _read_reply(value, build, "", run_id=fields.run_id_of(value))
        else:
            build.defect("no message in this record", value)


def _read_request(value: dict[str, Any], build: RunBuilder) -> None:
    messages = value["messages"]
    build.start(
        run_id=fields.run_id_of(value),
        task=fields.task_of(value, messages),
        model=fields.model_of(value),
        tools=tool_specs(value["tools"]) if value.get("tools") else None,
        group_id=fields.group_of(value),
        details=fields.details_of(value, without=_OWN_KEYS),
        ts=time_of(value),
    )
    if value.get("system"):
        build.message({"role": "system", "content": value["system"]}, pointer="/system")
    build.messages(messages, "/messages")
    build.end_with(outcome_of(value))


def _read_reply(value: dict[str, Any], build: RunBuilder, pointer: str, *, run_id: str) -> None:
    """Read a bare reply: a run of one message."""
    without = ("role", "type", "content", "stop_reason", "usage", "model")
    build.start(
        run_id=run_id,
        model=fields.model_of(value),
        details=fields.details_of(value, without=without),
        pointer=pointer,
        ts=time_of(value),
    )
    build.add(
        ResponseReceived,
        pointer=pointer,
        turn=1,
        finish_reason=fields.label(value, "stop_reason"),
        usage=usage(value.get("usage")),
    )
    build.message(value, pointer=pointer)


def _read_outcome(row: dict[str, Any], outcome: dict[str, Any], build: RunBuilder) -> None:
    """Read the result of one request of a batch."""
    run_id, reply = fields.label(row, "custom_id"), outcome.get("message")
    if isinstance(reply, dict):
        _read_reply(reply, build, "/result/message", run_id=run_id)
        return
    kind = fields.label(outcome, "type")
    error = outcome.get("error")
    build.start(run_id=run_id, details=fields.details_of(row, without=("custom_id",)))
    message = title(fields.json_text(error)) if error else kind
    build.add(RequestFailed, pointer="/result", turn=1, message=message)
    build.end(status="error", stop_reason=kind)


def _is_block(part: Any) -> bool:
    return isinstance(part, dict) and fields.label(part, "type") in _BLOCK_TYPES


def _has_blocks(message: Any) -> bool:
    content = message.get("content") if isinstance(message, dict) else None
    return isinstance(content, list) and any(map(_is_block, content))


def _is_foreign(message: Any) -> bool:
    """Return whether a message is one that Anthropic's API does not accept."""
    if not isinstance(message, dict):
        return False
    return fields.label(message, "role") not in _ROLES or not _FOREIGN_MESSAGE_KEYS.isdisjoint(
        message
    )


def _is_conversation(values: Any) -> bool:
    """Return whether `values` are messages, at least one with a block that only Anthropic has."""
    if not isinstance(values, (list, tuple)):
        return False
    head = values[:50]
    if not fields.mostly(head, fields.is_message) or any(map(_is_foreign, head)):
        return False
    return any(map(_has_blocks, head))


def _is_reply(value: dict[str, Any]) -> bool:
    return (
        value.get("type") == "message"
        and value.get("role") == "assistant"
        and isinstance(value.get("content"), list)
        and "stop_reason" in value
    )


def _is_run(value: Any) -> bool:
    if not isinstance(value, dict):
        return _is_conversation(value)
    if _FOREIGN_KEYS & value.keys():
        return False
    outcome = value.get("result")
    if "custom_id" in value and isinstance(outcome, dict):
        return fields.label(outcome, "type") in _OUTCOME_TYPES
    messages = value.get("messages")
    if not isinstance(messages, list):
        return _is_reply(value)
    return _is_conversation(messages) or (
        fields.is_message_list(messages) and _declares_tools(value.get("tools"))
    )


def _declares_tools(tools: Any) -> bool:
    return isinstance(tools, list) and any(
        isinstance(tool, dict) and "input_schema" in tool for tool in tools
    )


FORMAT = AnthropicMessages()
