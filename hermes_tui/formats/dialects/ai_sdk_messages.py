"""Messages of the AI SDK as chat messages.

    model message = {"role", "content": text | [content, …]}
    content = {"type": "text" | "reasoning", "text"} | {"type": "file" | "image", …}
            | {"type": "tool-call", "toolCallId", "toolName", "input" | "args"}
            | {"type": "tool-result", "toolCallId", "toolName", "output" | "result", "isError"?}
            | {"type": "tool-approval-request" | "tool-approval-response", …}
    UI message    = {"id", "role", "parts": [part, …], "metadata"?, "createdAt"?}
                  | {"id", "role", "content": text, "toolInvocations"?: [invocation, …]}  version 4
                  | {"id", "role", "content": {"parts": [part, …], "metadata"?, …}, …}    Mastra
    part    = {"type": "text" | "reasoning", "text"} | {"type": "step-start"}
            | {"type": "tool-NAME" | "dynamic-tool", "toolName"?, "toolCallId", "state",
               "input"?, "rawInput"?, "output"?, "errorText"?, "approval"?}
            | {"type": "tool-invocation", "toolInvocation": invocation}                   version 4
            | {"type": "file" | "source-url" | "source-document" | "data-NAME", …}
            | {"type": "error", "error"}                                                   Mastra
    invocation = {"state", "toolCallId", "toolName", "args", "result"? | "errorText"?, "step"?}

A UI message of the assistant holds all replies until the next question, with their results.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.chat_messages import ChatMessage, SourceValue, values_under
from hermes_tui.formats.dialects.ai_sdk_refusals import (
    DENIED_STATE,
    normaliser_of,
    written_arguments,
)
from hermes_tui.model.chat_api import function_call

TOOL_PARTS: Final = frozenset({"tool-call", "tool-result", "tool-error"})
_ROLES: Final = frozenset({"system", "user", "assistant", "tool"})
_KINDS: Final = frozenset({"step-start", "dynamic-tool", "tool-invocation"})
_PREFIXES: Final = ("tool-", "source-", "data-")
_TEXT_KINDS: Final = frozenset({"text", "reasoning"})
_FAILED_STATE: Final = "output-error"
_DONE_STATES: Final = frozenset({"output-available", _FAILED_STATE, DENIED_STATE, "result"})
_USAGE_KEYS: Final = ("usage", "totalUsage")


def is_model_message(value: Any) -> bool:
    """Return whether `value` is a model message with a call or a result, as only the AI SDK
    writes them."""
    content = value.get("content") if isinstance(value, dict) else None
    if not isinstance(content, list) or fields.label(value, "role") not in _ROLES:
        return False
    return any(
        isinstance(part, dict) and fields.label(part, "type") in TOOL_PARTS and "toolCallId" in part
        for part in content
    )


def is_ui_message(value: Any) -> bool:
    """Return whether `value` is a message as `useChat` keeps it."""
    if not isinstance(value, dict) or fields.label(value, "role") not in _ROLES:
        return False
    value = _unwrapped(value)
    parts, invocations = value.get("parts"), value.get("toolInvocations")
    if isinstance(parts, list) and parts:
        return any(map(_is_part, parts[:20]))
    return isinstance(invocations, list) and all(map(_is_invocation, invocations[:20]))


def _unwrapped(value: dict[str, Any]) -> dict[str, Any]:
    """Return a message without the object in which Mastra keeps its parts."""
    content = value.get("content")
    if isinstance(content, dict) and isinstance(content.get("parts"), list):
        return {**value, **content}
    return value


def metadata_of(value: Any) -> dict[str, Any]:
    """Return what the application keeps about a UI message next to its parts."""
    return fields.as_dict(_unwrapped(value).get("metadata")) if isinstance(value, dict) else {}


def _is_part(part: Any) -> bool:
    if not isinstance(part, dict):
        return False
    kind = fields.label(part, "type")
    if kind in _TEXT_KINDS:
        return isinstance(part.get("text", part.get("reasoning")), str)
    if kind == "file":
        return "url" in part and "mediaType" in part
    return kind in _KINDS or (kind.startswith(_PREFIXES) and kind not in TOOL_PARTS)


def _is_invocation(value: Any) -> bool:
    return isinstance(value, dict) and "toolCallId" in value and "toolName" in value


def errors_by_call(messages: Iterable[Any]) -> dict[str, str]:
    """Return the errors in the results of model messages, by the ids of their calls."""
    found = {}
    for message in messages:
        for part in fields.as_list(fields.as_dict(message).get("content")):
            output = fields.as_dict(fields.as_dict(part).get("output"))
            if output.get("type") == "error-text" and isinstance(output.get("value"), str):
                found[fields.label(part, "toolCallId")] = output["value"]
    return found


def model_message(
    value: dict[str, Any], pointer: str = "", *, line: int = 0, errors: Mapping[str, str]
) -> ChatMessage:
    """Return a model message; `errors` are those of the calls that failed, by their ids.

    Arguments that are no JSON are kept only in the error, which quotes them.
    """
    sources = values_under(value.get("content"), f"{pointer}/content", line)
    kinds = [fields.label(fields.as_dict(source.value), "type") for source in sources]
    raw = dict(value)
    if raw.get("role") == "tool" and kinds and TOOL_PARTS.isdisjoint(kinds):
        # It only holds the person's decisions whether calls may run.
        return ChatMessage({**raw, "role": "user"}, pointer, flags=("approval",), line=line)
    calls = tuple(s for s, kind in zip(sources, kinds, strict=True) if kind == "tool-call")

    def error_of(part: Any) -> str:
        return errors.get(fields.label(part, "toolCallId"), "")

    if calls:
        raw["content"] = [_as_written(source.value, error_of) for source in sources]
    return ChatMessage(raw, pointer, calls, line=line, normalise=normaliser_of(calls, error_of))


def _as_written(part: Any, error_of: Any) -> Any:
    """Return a call with the arguments that the model wrote, if an error quotes them."""
    if fields.label(fields.as_dict(part), "type") != "tool-call":
        return part
    text = written_arguments(error_of(part))
    return part if text is None or part.get("input") != {} else {**part, "input": text}


def ui_messages(value: dict[str, Any], pointer: str = "", *, line: int = 0) -> list[ChatMessage]:
    """Return the chat messages of a UI message: of the assistant a reply for each step, each with
    the results of its calls."""
    inner = _unwrapped(value)
    sources = _sources(inner, pointer if inner is value else f"{pointer}/content", line)
    value = inner
    raw = {"role": value.get("role"), "timestamp": value.get("createdAt")}
    sources = [source for source in sources if not _is_error(source.value)]
    if value.get("role") != "assistant":
        content = [_content(source.value) for source in sources]
        raw["content"] = content or value.get("content")
        return [ChatMessage(raw, pointer, line=line)]
    found: list[ChatMessage] = []
    steps = list(_steps(sources))
    for number, step in enumerate(steps):
        ending = _ending(value) if number == len(steps) - 1 else {}
        found += _step_messages(step, {**raw, **ending}, pointer, line)
    return found or [ChatMessage({**raw, **_ending(value), "content": None}, pointer, line=line)]


def failures_of(value: Any, pointer: str) -> list[tuple[str, Any]]:
    """Return the errors that ended requests of the UI message at `pointer`, with their places."""
    inner = _unwrapped(value) if is_ui_message(value) else {}
    place = pointer if inner is value else f"{pointer}/content"
    return [
        (source.pointer, source.value.get("error"))
        for source in _sources(inner, place, 0)
        if _is_error(source.value)
    ]


def _is_error(part: Any) -> bool:
    return fields.label(fields.as_dict(part), "type") == "error" and "error" in part


def _sources(value: dict[str, Any], pointer: str, line: int) -> list[SourceValue]:
    """Return the parts of a UI message; in version 4 its calls may be outside of them."""
    parts = values_under(value.get("parts"), f"{pointer}/parts", line)
    if parts:
        return parts
    parts = values_under(value.get("toolInvocations"), f"{pointer}/toolInvocations", line)
    if isinstance(value.get("content"), str) and value["content"]:
        text = {"type": "text", "text": value["content"]}
        parts.append(SourceValue(text, f"{pointer}/content", line))
    return parts


def _steps(sources: Iterable[SourceValue]) -> Iterator[list[SourceValue]]:
    """Yield the parts of each reply: up to the next mark, or to what follows an answered call."""
    step: list[SourceValue] = []
    is_answered, number = False, None
    for source in sources:
        part = fields.as_dict(source.value)
        tool = tool_of(part)
        is_other = tool is not None and tool.get("step", number) != number and number is not None
        if part.get("type") == "step-start" or (is_answered and tool is None) or is_other:
            if step:
                yield step
            step, is_answered, number = [], False, None
        if tool is not None:
            number = tool.get("step", number)
            is_answered = is_answered or fields.label(tool, "state") in _DONE_STATES
        if part.get("type") != "step-start":
            step.append(source)
    if step:
        yield step


def tool_of(part: dict[str, Any]) -> dict[str, Any] | None:
    """Return the call in a part, under the names of version 5 and later, or None if it has none."""
    invocation = part.get("toolInvocation", part)
    kind = fields.label(part, "type")
    if isinstance(invocation, dict) and kind in ("", "tool-invocation"):
        if not _is_invocation(invocation):
            return None
        tool = {key: invocation[key] for key in invocation if key not in ("args", "result")}
        for key, own in (("input", "args"), ("output", "result")):
            if own in invocation:
                tool[key] = invocation[own]
        return tool
    if kind == "dynamic-tool":
        return part
    if kind.startswith("tool-") and kind not in TOOL_PARTS and "toolCallId" in part:
        return {**part, "toolName": part.get("toolName") or kind.removeprefix("tool-")}
    return None


def _step_messages(
    step: list[SourceValue], raw: dict[str, Any], pointer: str, line: int
) -> Iterator[ChatMessage]:
    found = [(source, tool_of(fields.as_dict(source.value))) for source in step]
    tools = [(source, tool) for source, tool in found if tool is not None]
    content = [_content(source.value) for source, tool in found if tool is None]
    raw = {**raw, "content": content or None}
    if tools:
        raw["tool_calls"] = [_call(tool) for _, tool in tools]
    calls = tuple(source for source, _ in tools)
    yield ChatMessage(raw, pointer, calls, line=line, normalise=normaliser_of(calls, _error_of))
    for source, tool in tools:
        if fields.label(tool, "state") in _DONE_STATES:
            yield ChatMessage(_answer(tool), source.pointer, (source,), line=line)


def _content(part: Any) -> Any:
    """Return a part as content; version 4 keeps each reasoning twice."""
    known = fields.as_dict(part)
    if known.get("type") == "reasoning":
        return {"type": "reasoning", "text": known.get("text", known.get("reasoning"))}
    return part


def _call(tool: dict[str, Any]) -> dict[str, Any]:
    key = "input" if tool.get("input") is not None or "rawInput" not in tool else "rawInput"
    given, named = tool.get(key), {"id": tool.get("toolCallId"), "name": tool.get("toolName")}
    if isinstance(given, str):
        return function_call(named["id"], named["name"], given)
    return {**named, "input": given} if key in tool else named


def _error_of(part: Any) -> str:
    return fields.label(fields.as_dict(part), "errorText")


def _answer(tool: dict[str, Any]) -> dict[str, Any]:
    state = fields.label(tool, "state")
    content = tool.get("output")
    if state == _FAILED_STATE:
        content = tool.get("errorText")
    elif state == DENIED_STATE:
        content = fields.as_dict(tool.get("approval")).get("reason") or "execution denied"
    return answer(tool, content, failed=state in (_FAILED_STATE, DENIED_STATE))


def answer(call: Mapping[str, Any], content: Any, *, failed: bool) -> dict[str, Any]:
    """Return the message of a tool that answers `call` with any JSON value."""
    raw = {
        "role": "tool",
        "tool_call_id": call.get("toolCallId"),
        "name": call.get("toolName"),
        "content": content if content is None else fields.json_text(content),
    }
    return {**raw, "error": True} if failed else raw


def _ending(value: dict[str, Any]) -> dict[str, Any]:
    """Return what the application keeps of the replies next to them: their token counts."""
    metadata = metadata_of(value)
    used = next((metadata[key] for key in _USAGE_KEYS if metadata.get(key)), None)
    return {"usage": used} if isinstance(used, dict) else {}
