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
from hermes_tui.debugger.left_calls import with_left
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
_PREVIEW = 80
_KEPT = 200
_KEPT_RESULT = 500

_Found = tuple[ToolCall, tuple[Diagnostic, ...]]


class Faithful:
    """The rules of HermesAgentLoop at the commit that treats dict calls and object calls alike."""

    def read(self, replied: given.ModelReplied, state: SessionState, new_id: str) -> list[ev.Event]:
        message = replies.heard(replied, TextCalls.IGNORE).message
        return [replies.received(replied, message, state), *_read(replied, state, new_id)]

    def reread(self, text: str, reply: Reply, state: SessionState, new_id: str) -> list[ev.Event]:
        said = _said(reply)
        own = [call for call in reply.running if call.call.origin is not Origin.TEXT]
        message = {
            "content": text,
            "tool_calls": [_entry(call, said) for call in own],
            "reasoning_content": said.get("reasoning_content"),
        }
        replied = given.ModelReplied("", message, finish_reason=reply.finish_reason)
        return _read(replied, state, new_id, [call.call for call in own], (replies.EDITED,))

    def messages(self, reply: Reply) -> list[str]:
        calls = reply.running
        told = [call.message for call in calls if call.message]
        if all(not call.touched for call in reply.calls):
            return [reply.said, *told]
        said = {key: value for key, value in _said(reply).items() if key != "tool_calls"}
        if calls:
            said["tool_calls"] = [_entry(call, _said(reply)) for call in calls]
        return [json_text(said), *told]

    def decide(self, call: CallState, reply: Reply, names: frozenset[str] | None) -> Decision:
        name, raw = _asked(call, reply)
        try:
            is_among = name in (names or frozenset())
            unknown = names is not None and not is_among
            if unknown:
                raw[:_KEPT]
        except (TypeError, KeyError) as error:
            return Escaped(_worded(error))
        if unknown:
            told = f"Unknown tool '{name}'"
            known = f". Available tools: {sorted(names or ())}"
            return Refusal(StopPoint.UNKNOWN_TOOL, told, told + known)
        text = raw
        try:
            value = json.loads(raw)
        except json.JSONDecodeError:
            value, text = {}, "{}"
        except (TypeError, ValueError, RecursionError) as error:
            return Escaped(_worded(error))
        failure = _before_the_tool(name, value)
        return Raised(failure) if failure else Dispatch(str(name), text)

    def tool_message(self, call: CallState, reply: Reply) -> str:
        message = {
            "role": "tool",
            "tool_call_id": _result_id(call, reply),
            "content": plain(call.value),
        }
        return json_text(message)

    def error_of(self, call: CallState, reply: Reply, turn: int) -> ToolError | Escaped | None:
        name, raw = _asked(call, reply)
        if call.exception:
            content = call.result.content if call.result else ""
            return ToolError(turn, str(name), _kept(raw), call.exception, content)
        try:
            answer = json.loads(call.value)
        except (json.JSONDecodeError, TypeError):
            return None
        except (ValueError, RecursionError) as error:
            return Escaped(_worded(error))
        told = _negative(answer)
        if not told:
            return None
        return ToolError(turn, str(name), _kept(raw), told, call.value[:_KEPT_RESULT])


def _worded(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _kept(raw: Any) -> str:
    """Return the arguments as a recorded error keeps them: cut, a list to its first items."""
    cut = raw[:_KEPT] if isinstance(raw, (str, list)) else raw
    return cut if isinstance(cut, str) else json_text(cut)


def _negative(answer: Any) -> str:
    """Return the error of an answer with a negative exit code, else ""."""
    if not isinstance(answer, dict):
        return ""
    error, code = answer.get("error"), answer.get("exit_code")
    try:
        return str(error) if error and code and code < 0 else ""
    except TypeError:
        return ""


def _before_the_tool(name: Any, value: Any) -> str:
    """Return the exception raised before the tool runs, else "".

    It comes from the preview of a command, or from reading fields of the arguments.
    """
    try:
        if name == "terminal":
            value.get("command", "")[:_PREVIEW]
        elif name == "todo":
            _ = value.get
    except (AttributeError, TypeError, KeyError) as error:
        return _worded(error)
    return ""


# Received replies


class _History(NamedTuple):
    """The assistant message for the conversation. `taken`: its calls were read from the text."""

    said: dict[str, Any]
    calls: Sequence[Any]
    taken: bool


def _read(
    replied: given.ModelReplied,
    state: SessionState,
    new_id: str,
    before: Sequence[ToolCall] = (),
    flags: tuple[str, ...] = (),
) -> list[ev.Event]:
    try:
        history = _history(replied.message, _gives_tools(state), new_id)
    except (AttributeError, TypeError, LookupError) as error:
        return _lost(replied, state, _worded(error))
    if history.taken:
        found = replies.heard(replied, TextCalls.TRANSPORT)
        found = found._replace(diagnostics=_without_missed(found.diagnostics))
        found = found if flags else with_left(found, state)
    else:
        found = replies.heard(replied, TextCalls.SUSPECT, state)
    calls = _calls(history, found.calls, before)
    content = history.said["content"]
    text = content if isinstance(content, str) else json_text(plain(content))
    said = changed(found.message, calls=len(calls))
    parsed = ev.ResponseParsed(
        seq=0,
        turn=state.turn,
        parser="hermes" if history.taken else "",
        calls=len(calls),
        content=text,
    )
    appended = ev.MessageAppended(
        seq=0,
        message=with_flags(said, *flags) if flags else said,
        raw=json_text(plain(history.said)),
        diagnostics=found.diagnostics,
    )
    proposed = [ev.ToolCallProposed(seq=0, call=call, diagnostics=own) for call, own in calls]
    return [*_thought(said, state), parsed, appended, *proposed]


def _lost(replied: given.ModelReplied, state: SessionState, exception: str) -> list[ev.Event]:
    found = replies.heard(replied, TextCalls.SUSPECT)
    own = (diagnostic for _, several in found.calls for diagnostic in several)
    escaped = ev.LoopEscaped(
        seq=0, exception=exception, turn=state.turn, diagnostics=(*found.diagnostics, *own)
    )
    return [*_thought(found.message, state), escaped]


def _thought(message: Message, state: SessionState) -> list[ev.Event]:
    if not message.reasoning:
        return []
    return [ev.ReasoningExtracted(seq=0, turn=state.turn, reasoning=message.reasoning)]


def _without_missed(found: tuple[Diagnostic, ...]) -> tuple[Diagnostic, ...]:
    return tuple(one for one in found if one.code is not Code.CALL_IN_CONTENT)


def _gives_tools(state: SessionState) -> bool:
    if state.tools:
        return True
    parameters = decode(state.parameters)
    return isinstance(parameters, dict) and bool(parameters.get("tools"))


def _history(message: Any, tools: bool, new_id: str) -> _History:
    """Return the message for the conversation. Raises what HermesAgentLoop raises."""
    reasoning = _reasoning(message)
    calls, content = _held(message, "tool_calls"), _held(message, "content")
    taken: list[Any] = []
    if not calls and content and tools and _OPEN in content:
        before, taken = _from_text(content, new_id) if isinstance(content, str) else ("", [])
        content = before or content if taken else content
    said: dict[str, Any] = {"role": "assistant", "content": content or ""}
    if taken:
        said["tool_calls"] = taken
    elif calls:
        said["tool_calls"] = [_of_call(one, n, new_id) for n, one in enumerate(calls)]
    if reasoning:
        said["reasoning_content"] = reasoning
    return _History(said, taken or list(calls or ()), bool(taken))


def _held(message: Any, name: str) -> Any:
    """Return a field of an SDK object, or of a mapping as if the SDK had built an object of it."""
    return message.get(name) if isinstance(message, dict) else getattr(message, name)


def _reasoning(message: Any) -> Any:
    """Return the first reasoning of two fields, else of the first detail with a text, or None."""
    for name in ("reasoning_content", "reasoning"):
        if found := _optional(message, name):
            return found
    for detail in _optional(message, "reasoning_details") or ():
        if found := _optional(detail, "text"):
            return found
    return None


def _optional(message: Any, name: str) -> Any:
    return message.get(name) if isinstance(message, dict) else getattr(message, name, None)


def _made_id(new_id: str, index: int) -> str:
    return f"call_{sha256(f'{new_id} {index}'.encode()).hexdigest()[:8]}"


def _of_call(one: Any, index: int, new_id: str) -> dict[str, Any]:
    """Return a call as an entry of the conversation."""
    if isinstance(one, dict):
        key = one.get("id", _made_id(new_id, index))
        function = one.get("function", {})
        name = function.get("name", one.get("name", ""))
        arguments = function.get("arguments", one.get("arguments", "{}"))
    else:
        key, name, arguments = one.id, one.function.name, one.function.arguments
    return function_call(key, name, arguments)


def _from_text(text: str, new_id: str) -> tuple[str, list[dict[str, Any]]]:
    """Return the text before the first call, and the calls; no calls if one of them is broken."""
    found: list[dict[str, Any]] = []
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
        found.append(function_call(_made_id(new_id, len(found)), value["name"], arguments))
    return text.partition(_OPEN)[0].strip(), found


def _blocks(text: str) -> Iterator[str]:
    """Yield the content of each block; an unclosed one extends to the end."""
    _, opened, rest = text.partition(_OPEN)
    while opened:
        payload, closed, rest = rest.partition(_CLOSE)
        yield payload.strip() if closed else payload.lstrip()
        _, opened, rest = rest.partition(_OPEN)


def _calls(history: _History, read: Sequence[_Found], before: Sequence[ToolCall]) -> list[_Found]:
    in_text = [one for one in read if one[0].origin is Origin.TEXT]
    if history.taken:
        return [_text_call(one, n, in_text) for n, one in enumerate(history.calls)]
    if not history.calls:
        return [(changed(call, index=n), own) for n, (call, own) in enumerate(in_text)]
    entries = history.said["tool_calls"]
    found = [_proposed(read_call(one, n), entries[n], one) for n, one in enumerate(history.calls)]
    return [
        (replies.kept(call, before[n]) if n < len(before) else call, own)
        for n, (call, own) in enumerate(found)
    ]


def _text_call(entry: dict[str, Any], index: int, read: Sequence[_Found]) -> _Found:
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


def _proposed(found: _Found, entry: dict[str, Any], one: Any) -> _Found:
    """Return a call with the id that it has in the conversation."""
    call, own = loggable_call(found[0]), found[1]
    key = entry["id"]
    if isinstance(one, dict) and "id" not in one:
        call = changed(call, id=key, id_state=IdState.SYNTHETIC)
    return call, own


# Outgoing messages


def _said(reply: Reply) -> dict[str, Any]:
    said = reply.said_value
    return said if isinstance(said, dict) else {"role": "assistant", "content": ""}


def _entry(call: CallState, said: dict[str, Any]) -> dict[str, Any]:
    """Return a call as it is now in the conversation, edits included."""
    listed = said.get("tool_calls") or []
    index = call.call.index
    if index < len(listed) and not call.edited:
        entry: dict[str, Any] = listed[index]
        return entry
    key = listed[index]["id"] if index < len(listed) else call.call.id
    return function_call(key, call.name or "", call.arguments.text)


def _asked(call: CallState, reply: Reply) -> tuple[Any, Any]:
    """Return the name and the arguments of a call in the types in which they arrived."""
    function = _entry(call, _said(reply))["function"]
    return function["name"], function["arguments"]


def _result_id(call: CallState, reply: Reply) -> Any:
    """Return the id for the answer: empty if the call arrived without one."""
    made_up = call.call.id_state is IdState.SYNTHETIC and call.call.origin is not Origin.TEXT
    if made_up and isinstance(call.call.raw, dict) and "id" not in call.call.raw:
        return ""
    return _entry(call, _said(reply))["id"]
