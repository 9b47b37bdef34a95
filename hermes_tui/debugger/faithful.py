"""The agent loop exactly as in HermesAgentLoop, mistakes included, on the values as received.

If an exception would escape its `run` and lose the run, a `LoopEscaped` records that. Names and
arguments keep the type in which they arrived: they are read back from the assistant message in the
log, which is written as that program writes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from hermes_tui.debugger import inputs as given
from hermes_tui.debugger import replies
from hermes_tui.debugger.call_rules import Refusal
from hermes_tui.debugger.left_calls import with_left_calls
from hermes_tui.debugger.loop_rules import Decision, Dispatch, Escaped, Raised
from hermes_tui.debugger.prefix import loggable_call
from hermes_tui.debugger.stepping import StopPoint
from hermes_tui.model import events as ev
from hermes_tui.model.chat_api import function_call
from hermes_tui.model.diagnostics import Code, Diagnostic
from hermes_tui.model.messages import (
    IdState,
    Message,
    Origin,
    ToolCall,
    ToolError,
    changed,
    with_flags,
)
from hermes_tui.parsers.call_arguments import read_arguments
from hermes_tui.parsers.normalise import TextCalls
from hermes_tui.parsers.plain_values import decode, json_text, plain
from hermes_tui.parsers.tool_calls import read_call

if TYPE_CHECKING:
    from hermes_tui.debugger.state import SessionState
    from hermes_tui.debugger.turn import CallState, Reply

_OPEN, _CLOSE = "<tool_call>", "</tool_call>"
_PREVIEW_LENGTH = 80
_ARGUMENTS_LENGTH = 200
_RESULT_LENGTH = 500

_ReadCall = tuple[ToolCall, tuple[Diagnostic, ...]]


class Faithful:
    """The rules of HermesAgentLoop at the commit that treats dict calls and object calls alike."""

    def read(self, replied: given.ModelReplied, state: SessionState, new_id: str) -> list[ev.Event]:
        message = replies.normalised_reply(replied, TextCalls.IGNORE).message
        return [replies.received(replied, message, state), *_read(replied, state, new_id)]

    def failed(self, failure: given.RequestFailed, state: SessionState) -> list[ev.Event]:
        failed = replies.failed(failure, state)
        if not failure.escapes:
            return [failed]
        return [failed, ev.LoopEscaped(seq=0, exception=failure.escapes, turn=state.turn)]

    def reread(self, text: str, reply: Reply, state: SessionState, new_id: str) -> list[ev.Event]:
        before = _message(reply)
        own = [call for call in reply.running if call.call.origin is not Origin.TEXT]
        message = {
            "content": text,
            "tool_calls": [_entry_now(call, before) for call in own],
            "reasoning_content": before.get("reasoning_content"),
        }
        replied = given.ModelReplied("", message, finish_reason=reply.finish_reason)
        return _read(replied, state, new_id, [call.call for call in own], (replies.EDITED,))

    def messages(self, reply: Reply) -> list[str]:
        calls = reply.running
        tool_messages = [call.message for call in calls if call.message]
        if all(not call.touched for call in reply.calls):
            return [reply.raw, *tool_messages]
        assistant = {key: value for key, value in _message(reply).items() if key != "tool_calls"}
        if reply.content_replaced:
            assistant["content"] = reply.content
        if calls:
            assistant["tool_calls"] = [_entry_now(call, _message(reply)) for call in calls]
        return [json_text(assistant), *tool_messages]

    def decide(self, call: CallState, reply: Reply, names: frozenset[str] | None) -> Decision:
        name, raw = _name_and_arguments(call, reply)
        try:
            is_among = name in (names or frozenset())
            unknown = names is not None and not is_among
            if unknown:
                raw[:_ARGUMENTS_LENGTH]
        except (TypeError, KeyError) as error:
            return Escaped(_exception_text(error))
        if unknown:
            message = f"Unknown tool '{name}'"
            available = f". Available tools: {sorted(names or ())}"
            return Refusal(StopPoint.UNKNOWN_TOOL, message, message + available)
        text = raw
        try:
            value = json.loads(raw)
        except json.JSONDecodeError:
            value, text = {}, "{}"
        except (TypeError, ValueError, RecursionError) as error:
            return Escaped(_exception_text(error))
        failure = _error_before_tool(name, value)
        return Raised(failure) if failure else Dispatch(str(name), text)

    def tool_message(self, call: CallState, reply: Reply) -> str:
        message = {
            "role": "tool",
            "tool_call_id": _result_id(call, reply),
            "content": plain(call.value),
        }
        return json_text(message)

    def error_of(self, call: CallState, reply: Reply, turn: int) -> ToolError | Escaped | None:
        name, raw = _name_and_arguments(call, reply)
        if call.exception:
            content = call.result.content if call.result else ""
            return ToolError(turn, str(name), _cut_arguments(raw), call.exception, content)
        try:
            answer = json.loads(call.value)
        except (json.JSONDecodeError, TypeError):
            return None
        except (ValueError, RecursionError) as error:
            return Escaped(_exception_text(error))
        message = _recorded_error(answer)
        if not message:
            return None
        result = call.value[:_RESULT_LENGTH]
        return ToolError(turn, str(name), _cut_arguments(raw), message, result)


def _exception_text(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _cut_arguments(raw: Any) -> str:
    """Return the arguments as a recorded error keeps them: cut, a list to its first items."""
    cut = raw[:_ARGUMENTS_LENGTH] if isinstance(raw, (str, list)) else raw
    return cut if isinstance(cut, str) else json_text(cut)


def _recorded_error(answer: Any) -> str:
    """Return the error of an answer with a negative exit code, else ""."""
    if not isinstance(answer, dict):
        return ""
    error, code = answer.get("error"), answer.get("exit_code")
    try:
        return str(error) if error and code and code < 0 else ""
    except TypeError:
        return ""


def _error_before_tool(name: Any, value: Any) -> str:
    """Return the exception raised before the tool runs, else "".

    It comes from the preview of a command, or from reading fields of the arguments.
    """
    try:
        if name == "terminal":
            value.get("command", "")[:_PREVIEW_LENGTH]
        elif name == "todo":
            _ = value.get
    except (AttributeError, TypeError, KeyError) as error:
        return _exception_text(error)
    return ""


# Received replies


class _AssistantMessage(NamedTuple):
    """The assistant message for the conversation. `from_text`: the calls are from its text."""

    message: dict[str, Any]
    calls: Sequence[Any]
    from_text: bool


def _read(
    replied: given.ModelReplied,
    state: SessionState,
    new_id: str,
    before: Sequence[ToolCall] = (),
    flags: tuple[str, ...] = (),
) -> list[ev.Event]:
    try:
        assistant = _assistant_message(replied.message, _offers_tools(state), new_id)
    except (AttributeError, TypeError, LookupError) as error:
        return _escape(replied, state, _exception_text(error))
    if assistant.from_text:
        found = replies.normalised_reply(replied, TextCalls.TRANSPORT)
        left = tuple(one for one in found.diagnostics if one.code is not Code.CALL_IN_CONTENT)
        found = found._replace(diagnostics=left)
        found = found if flags else with_left_calls(found, state)
    else:
        found = replies.normalised_reply(replied, TextCalls.SUSPECT, state)
    calls = _calls(assistant, found.calls, before)
    content = assistant.message["content"]
    text = content if isinstance(content, str) else json_text(plain(content))
    message = changed(found.message, calls=len(calls))
    parsed = ev.ResponseParsed(
        seq=0,
        turn=state.turn,
        parser="hermes" if assistant.from_text else "",
        calls=len(calls),
        content=text,
    )
    appended = ev.MessageAppended(
        seq=0,
        message=with_flags(message, *flags) if flags else message,
        raw=json_text(plain(assistant.message)),
        diagnostics=found.diagnostics,
    )
    proposed = [ev.ToolCallProposed(seq=0, call=call, diagnostics=own) for call, own in calls]
    return [*_reasoning_events(message, state), parsed, appended, *proposed]


def _escape(replied: given.ModelReplied, state: SessionState, exception: str) -> list[ev.Event]:
    found = replies.normalised_reply(replied, TextCalls.SUSPECT)
    own = (diagnostic for _, several in found.calls for diagnostic in several)
    escaped = ev.LoopEscaped(
        seq=0, exception=exception, turn=state.turn, diagnostics=(*found.diagnostics, *own)
    )
    return [*_reasoning_events(found.message, state), escaped]


def _reasoning_events(message: Message, state: SessionState) -> list[ev.Event]:
    if not message.reasoning:
        return []
    return [ev.ReasoningExtracted(seq=0, turn=state.turn, reasoning=message.reasoning)]


def _offers_tools(state: SessionState) -> bool:
    if state.tools:
        return True
    parameters = decode(state.parameters)
    return isinstance(parameters, dict) and bool(parameters.get("tools"))


def _assistant_message(message: Any, tools: bool, new_id: str) -> _AssistantMessage:
    """Return the message for the conversation. Raises what HermesAgentLoop raises."""
    reasoning = _reasoning(message)
    calls, content = _field(message, "tool_calls"), _field(message, "content")
    text_calls: list[Any] = []
    if not calls and content and tools and _OPEN in content:
        before, text_calls = (
            _calls_from_text(content, new_id) if isinstance(content, str) else ("", [])
        )
        content = before or content if text_calls else content
    entry: dict[str, Any] = {"role": "assistant", "content": content or ""}
    if text_calls:
        entry["tool_calls"] = text_calls
    elif calls:
        entry["tool_calls"] = [_call_entry(one, n, new_id) for n, one in enumerate(calls)]
    if reasoning:
        entry["reasoning_content"] = reasoning
    return _AssistantMessage(entry, text_calls or list(calls or ()), bool(text_calls))


def _field(message: Any, name: str) -> Any:
    """Return a field of an SDK object, or of a mapping as if the SDK had built an object of it."""
    return message.get(name) if isinstance(message, dict) else getattr(message, name)


def _reasoning(message: Any) -> Any:
    """Return the first reasoning of two fields, else of the first detail with a text, or None."""
    for name in ("reasoning_content", "reasoning"):
        if found := _optional_field(message, name):
            return found
    for detail in _optional_field(message, "reasoning_details") or ():
        if found := _optional_field(detail, "text"):
            return found
    return None


def _optional_field(message: Any, name: str) -> Any:
    return message.get(name) if isinstance(message, dict) else getattr(message, name, None)


def _synthetic_id(new_id: str, index: int) -> str:
    return f"call_{sha256(f'{new_id} {index}'.encode()).hexdigest()[:8]}"


def _call_entry(call: Any, index: int, new_id: str) -> dict[str, Any]:
    """Return a call as an entry of the conversation."""
    if isinstance(call, dict):
        key = call.get("id", _synthetic_id(new_id, index))
        function = call.get("function", {})
        name = function.get("name", call.get("name", ""))
        arguments = function.get("arguments", call.get("arguments", "{}"))
    else:
        key, name, arguments = call.id, call.function.name, call.function.arguments
    return function_call(key, name, arguments)


def _calls_from_text(text: str, new_id: str) -> tuple[str, list[dict[str, Any]]]:
    """Return the text before the first call, and the calls; neither if a call is broken."""
    calls: list[dict[str, Any]] = []
    for payload in _blocks(text):
        if not payload.strip():
            continue
        try:
            value = json.loads(payload)
        except (ValueError, RecursionError):
            return "", []
        if not isinstance(value, dict) or not isinstance(value.get("name"), str):
            return "", []
        arguments = json.dumps(value.get("arguments", {}), ensure_ascii=False)
        calls.append(function_call(_synthetic_id(new_id, len(calls)), value["name"], arguments))
    return text.partition(_OPEN)[0].strip(), calls


def _blocks(text: str) -> Iterator[str]:
    """Yield the content of each block; an unclosed one extends to the end."""
    _, opened, rest = text.partition(_OPEN)
    while opened:
        payload, closed, rest = rest.partition(_CLOSE)
        yield payload.strip() if closed else payload.lstrip()
        _, opened, rest = rest.partition(_OPEN)


def _calls(
    assistant: _AssistantMessage, read: Sequence[_ReadCall], before: Sequence[ToolCall]
) -> list[_ReadCall]:
    in_text = [reading for reading in read if reading[0].origin is Origin.TEXT]
    if assistant.from_text:
        return [_text_call(entry, n, in_text) for n, entry in enumerate(assistant.calls)]
    if not assistant.calls:
        return [(changed(call, index=n), own) for n, (call, own) in enumerate(in_text)]
    entries = assistant.message["tool_calls"]
    calls = [_proposed(read_call(raw, n), entries[n], raw) for n, raw in enumerate(assistant.calls)]
    return [
        (replies.kept(call, before[n]) if n < len(before) else call, own)
        for n, (call, own) in enumerate(calls)
    ]


def _text_call(entry: dict[str, Any], index: int, read: Sequence[_ReadCall]) -> _ReadCall:
    arguments = read_arguments(entry["function"]["arguments"], index)
    span = read[index][0].span if index < len(read) else None
    call = ToolCall(
        index,
        entry["function"]["name"],
        arguments.text,
        arguments.state,
        arguments=arguments.value,
        id=entry["id"],
        id_state=IdState.SYNTHETIC,
        origin=Origin.TEXT,
        span=span,
        verdict="json",
    )
    return call, arguments.diagnostics


def _proposed(reading: _ReadCall, entry: dict[str, Any], raw_call: Any) -> _ReadCall:
    """Return a call with the id that it has in the conversation."""
    call, own = loggable_call(reading[0]), reading[1]
    key = entry["id"]
    if isinstance(raw_call, dict) and "id" not in raw_call:
        call = changed(call, id=key, id_state=IdState.SYNTHETIC)
    return call, own


# Outgoing messages


def _message(reply: Reply) -> dict[str, Any]:
    value = reply.message_value
    return value if isinstance(value, dict) else {"role": "assistant", "content": ""}


def _entry_now(call: CallState, message: dict[str, Any]) -> dict[str, Any]:
    """Return a call as it is now in the conversation, edits included."""
    listed = message.get("tool_calls") or []
    index = call.call.index
    if index < len(listed) and not call.edited:
        entry: dict[str, Any] = listed[index]
        return entry
    key = listed[index]["id"] if index < len(listed) else call.call.id
    return function_call(key, call.name or "", call.arguments.text)


def _name_and_arguments(call: CallState, reply: Reply) -> tuple[Any, Any]:
    """Return the name and the arguments of a call in the types in which they arrived."""
    function = _entry_now(call, _message(reply))["function"]
    return function["name"], function["arguments"]


def _result_id(call: CallState, reply: Reply) -> Any:
    """Return the id for the answer: empty if the call arrived without one."""
    made_up = call.call.id_state is IdState.SYNTHETIC and call.call.origin is not Origin.TEXT
    if made_up and isinstance(call.call.raw, dict) and "id" not in call.call.raw:
        return ""
    return _entry_now(call, _message(reply))["id"]
