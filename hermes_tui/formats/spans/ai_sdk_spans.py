"""Spans of the AI SDK's telemetry, under the names of the GenAI conventions.

ai.operationId          ai.generateText, ai.streamText, ai.generateObject, ai.streamObject: an agent
                        … with .doGenerate or .doStream: a request; ai.toolCall: a tool
ai.prompt.messages, ai.prompt.tools, ai.prompt               the request; the agent's own input
ai.response.text, .reasoning, .toolCalls, .object, .finishReason              the reply
ai.toolCall.name, .id, .args, .result                        the tool
ai.usage.*, ai.telemetry.functionId, ai.telemetry.metadata.*
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.json_text.json_values import decode_if_json

OPERATION: Final = "ai.operationId"
_TOOL: Final = "ai.toolCall"
_REQUEST_ENDS: Final = (".doGenerate", ".doStream")
_METADATA: Final = "ai.telemetry.metadata."
_NAMES: Final = {
    "gen_ai.agent.name": ("ai.telemetry.functionId",),
    "gen_ai.request.model": ("ai.model.id",),
    "gen_ai.response.model": ("ai.response.model",),
    "gen_ai.system": ("ai.model.provider",),
    "gen_ai.tool.definitions": ("ai.prompt.tools",),
    "gen_ai.tool.name": ("ai.toolCall.name",),
    "gen_ai.tool.call.id": ("ai.toolCall.id",),
    "gen_ai.tool.call.arguments": ("ai.toolCall.args",),
    "gen_ai.tool.call.result": ("ai.toolCall.result",),
    "gen_ai.input.messages": ("ai.prompt.messages", "ai.prompt"),
    "gen_ai.usage.input_tokens": ("ai.usage.inputTokens", "ai.usage.promptTokens"),
    "gen_ai.usage.output_tokens": ("ai.usage.outputTokens", "ai.usage.completionTokens"),
    "gen_ai.usage.cache_read.input_tokens": (
        "ai.usage.cachedInputTokens",
        "ai.usage.inputTokenDetails.cacheReadTokens",
    ),
    "gen_ai.usage.reasoning_tokens": (
        "ai.usage.reasoningTokens",
        "ai.usage.outputTokenDetails.reasoningTokens",
    ),
    "session.id": (f"{_METADATA}sessionId", f"{_METADATA}session_id"),
    "user.id": (f"{_METADATA}userId", f"{_METADATA}user_id"),
}
"""The names of the conventions, each with the AI SDK's own."""


def is_of_ai_sdk(flat: Mapping[str, Any]) -> bool:
    """Return whether the flat attributes of a span are the AI SDK's."""
    return fields.label(flat, OPERATION).startswith("ai.")


def conventional_attributes(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of the AI SDK's span with those of the conventions added."""
    operation = fields.label(flat, OPERATION)
    found = dict(flat)
    for name, own_names in _NAMES.items():
        values = (flat[own] for own in own_names if not fields.is_empty(flat.get(own)))
        if (value := next(values, None)) is not None:
            found.setdefault(name, value)
    if operation == _TOOL:
        found["gen_ai.operation.name"] = "execute_tool"
        found.pop("gen_ai.agent.name", None)
    elif operation.endswith(_REQUEST_ENDS):
        found["gen_ai.operation.name"] = "chat"
        found.pop("gen_ai.agent.name", None)
        found["gen_ai.output.messages"] = _reply(flat)
    else:
        found["gen_ai.operation.name"] = "invoke_agent"
        found["gen_ai.output.messages"] = _reply(flat)
    return found


def conventional_places(places: Mapping[str, str]) -> dict[str, str]:
    """Return the pointers of attributes by name, with those of the conventions' names added."""
    found = dict(places)
    for name, own_names in _NAMES.items():
        for own in own_names:
            if own in places:
                found.setdefault(name, places[own])
    return found


def _reply(flat: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the reply in a span as a list of one message, or of none if nothing was received."""
    content = [
        {"type": kind, "text": flat[key]}
        for kind, key in (
            ("reasoning", "ai.response.reasoning"),
            ("text", "ai.response.text"),
            ("text", "ai.response.object"),
        )
        if isinstance(flat.get(key), str) and flat[key]
    ]
    calls = [
        {"type": "tool-call", **call}
        for call in fields.as_list(decode_if_json(flat.get("ai.response.toolCalls")))
        if isinstance(call, dict)
    ]
    if not content and not calls and not flat.get("ai.response.finishReason"):
        return []
    return [{"role": "assistant", "content": [*content, *calls] or None}]
