"""Steps of the AI SDK's `generateText` and `streamText`, as chat messages.

    step    = {"content": [content, …], "finishReason", "usage", "request", "response", …}
            | {"text", "reasoning", "toolCalls", "toolResults", "finishReason", …}      version 4
            | {"system"?, "prompt" | "messages", "tools"?, …}       next to that, as some log it
    content = {"type": "text" | "reasoning", "text"}
            | {"type": "tool-call", …, "invalid"?, "error"?} | {"type": "tool-result", …, "output"}
            | {"type": "tool-error", …, "error"} | …
            | {"type": "tool-call" | "tool-result" | "reasoning", …, "payload"}         Mastra
    request = {"body"?: text | body}    as sent to the API of the model
    response = {"id", "modelId", "timestamp", "messages"?: [model message, …]}

An error that was thrown becomes `{}` in JSON; its text is in the messages of the response. In the
content of Mastra's steps parts are missing, and in its lists the results of failed calls.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.chat_messages import ChatMessage, SourceValue, values_under
from hermes_tui.formats.dialects.ai_sdk_messages import TOOL_PARTS, answer, errors_by_call
from hermes_tui.formats.dialects.ai_sdk_refusals import normaliser_of
from hermes_tui.formats.dialects.any_messages import ModelMessages, read_input
from hermes_tui.formats.json_text.json_values import decode_if_json

_RESULT_KINDS: Final = TOOL_PARTS - {"tool-call"}
_REQUEST_KEYS: Final = ("system", "prompt", "messages", "tools")
_LISTS_OF_VERSION_4: Final = ("reasoning", "text", "toolCalls", "toolResults")


def is_step(value: Any) -> bool:
    """Return whether `value` is a step, or a result that repeats the last one."""
    if not isinstance(value, dict) or not fields.label(value, "finishReason"):
        return False
    content = value.get("content")
    if isinstance(content, list):
        return "usage" in value and (not content or fields.mostly(content[:20], _is_typed))
    return isinstance(value.get("toolCalls"), list) and isinstance(value.get("text"), str)


def _is_typed(part: Any) -> bool:
    return isinstance(part, dict) and bool(fields.label(part, "type"))


def is_first_step(step: dict[str, Any], previous: dict[str, Any]) -> bool:
    """Return whether a run begins with `step`, which follows `previous` in its file.

    A run goes on after a step with calls. If steps are not numbered, their responses grow.
    """
    if "stepNumber" in step:
        return bool(step["stepNumber"] == 0)
    if "stepType" in step:
        return bool(step["stepType"] == "initial")
    parts = [_part(source.value) for source in _contents(previous, "", 0)]
    if not any(part.get("type") == "tool-call" for part in parts):
        return True
    known, before = _response_length(step), _response_length(previous)
    return 0 < known <= before


def _response_length(step: dict[str, Any]) -> int:
    """Return how many messages all responses so far add up to, 0 if they are not kept."""
    response = fields.as_dict(step.get("response"))
    return len(fields.as_list(response.get("messages")))


def request_of(step: dict[str, Any], pointer: str) -> ModelMessages:
    """Return the messages and the tools that the request of a step sent, if it is kept."""
    body = decode_if_json(fields.as_dict(step.get("request")).get("body"))
    found = read_input(body, f"{pointer}/request/body") if isinstance(body, dict) else None
    return found if found is not None and found.is_known else request_beside(step, pointer)


def request_beside(
    row: dict[str, Any], pointer: str, reply_roles: tuple[str, ...] = ("assistant",)
) -> ModelMessages:
    """Return the request that an application logs next to a reply or to steps.

    The last messages are left out if their roles are in `reply_roles`: they repeat the reply.
    """
    body = {key: row[key] for key in _REQUEST_KEYS if row.get(key)}
    found = read_input(body, pointer) if body else ModelMessages()
    if not found.is_known:
        return ModelMessages()
    while found.messages and found.messages[-1].role in reply_roles:
        found.messages.pop()
    return found


def model_of(step: dict[str, Any]) -> str:
    """Return the model that answered, or else the requested one."""
    response, model = fields.as_dict(step.get("response")), fields.as_dict(step.get("model"))
    return fields.label(response, "modelId") or fields.label(model, "modelId")


def step_messages(
    step: dict[str, Any], pointer: str = "", *, line: int = 0, knows_tools: bool = False
) -> Iterator[ChatMessage]:
    """Yield the reply of a step, then the results of its calls.

    `knows_tools`: the run declares its tools.
    """
    sources = _contents(step, pointer, line)
    parts = [_part(source.value) for source in sources]
    kinds = [fields.label(part, "type") for part in parts]
    content = [part for part, kind in zip(parts, kinds, strict=True) if kind not in _RESULT_KINDS]
    calls = tuple(s for s, kind in zip(sources, kinds, strict=True) if kind == "tool-call")
    results = [s for s, kind in zip(sources, kinds, strict=True) if kind in _RESULT_KINDS]
    errors = errors_by_call(fields.as_list(fields.as_dict(step.get("response")).get("messages")))
    errors |= {
        fields.label(part, "toolCallId"): part["error"]
        for part in parts
        if fields.label(part, "type") == "tool-error" and isinstance(part.get("error"), str)
    }
    yield ChatMessage(
        {"role": "assistant", "content": content or None, **_ending(step)},
        pointer,
        calls,
        line=line,
        normalise=normaliser_of(
            calls,
            lambda part: errors.get(fields.label(_part(part), "toolCallId"), ""),
            knows_tools=knows_tools,
        ),
    )
    durations = fields.as_dict(fields.as_dict(step.get("performance")).get("toolExecutionMs"))
    for source in results:
        part = _part(source.value)
        call_id = fields.label(part, "toolCallId")
        raw = _answer(part, errors.get(call_id, ""))
        if call_id in durations:
            raw["duration_ms"] = durations[call_id]
        yield ChatMessage(raw, source.pointer, (source,), line=line)
    answered = {fields.label(_part(source.value), "toolCallId") for source in results}
    open_ids = {fields.label(_part(call.value), "toolCallId") for call in calls} - answered
    for source in _results_in_response(step, pointer, line) if _is_of_mastra(step) else ():
        if fields.label(source.value, "toolCallId") in open_ids:
            raw = {"role": "tool", "content": [source.value]}
            yield ChatMessage(raw, source.pointer, (source,), line=line)


def _is_of_mastra(step: dict[str, Any]) -> bool:
    calls = fields.as_list(step.get("toolCalls"))
    return "staticToolCalls" in step and all(
        isinstance(call, dict) and "payload" in call for call in calls
    )


def _part(value: Any) -> dict[str, Any]:
    """Return an element of a step as a part, without the envelope in which Mastra keeps it."""
    part = fields.as_dict(value)
    payload = part.get("payload")
    return {**payload, "type": part.get("type")} if isinstance(payload, dict) else part


def _results_in_response(step: dict[str, Any], pointer: str, line: int) -> Iterator[SourceValue]:
    """Yield the results of calls in the messages of a step's response."""
    messages = fields.as_list(fields.as_dict(step.get("response")).get("messages"))
    for number, message in enumerate(messages):
        for index, part in enumerate(fields.as_list(fields.as_dict(message).get("content"))):
            if fields.label(fields.as_dict(part), "type") == "tool-result":
                place = f"{pointer}/response/messages/{number}/content/{index}"
                yield SourceValue(part, place, line)


def _contents(step: dict[str, Any], pointer: str, line: int) -> list[SourceValue]:
    """Return the parts of a step; version 4 and Mastra keep each kind in a list of its own."""
    if isinstance(step.get("content"), list) and not _is_of_mastra(step):
        return values_under(step["content"], f"{pointer}/content", line)
    found = list[SourceValue]()
    for key in _LISTS_OF_VERSION_4:
        place, value = f"{pointer}/{key}", step.get(key)
        if isinstance(value, str) and value:
            found.append(SourceValue({"type": key, "text": value}, place, line))
        found += values_under(value, place, line)
    return found


def _answer(part: dict[str, Any], error: str) -> dict[str, Any]:
    if part["type"] == "tool-error":
        return answer(part, error or part.get("error") or None, failed=True)
    content = part.get("output", part.get("result"))
    return answer(part, content, failed=part.get("isError") is True)


def _ending(step: dict[str, Any]) -> dict[str, Any]:
    response = fields.as_dict(step.get("response"))
    performance = fields.as_dict(step.get("performance"))
    return {
        "finish_reason": step.get("finishReason"),
        "usage": step.get("usage"),
        "timestamp": response.get("timestamp"),
        "duration_ms": performance.get("responseTimeMs"),
    }
