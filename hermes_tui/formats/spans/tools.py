"""Tool spans, and their calls in a conversation."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.chat_messages import ChatMessage, SourceValue
from hermes_tui.formats.dialects.langchain_messages import is_message, message_of
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.formats.spans.tree import Span
from hermes_tui.formats.texts.python_repr import NotRepr, read_repr
from hermes_tui.model.chat_api import function_call
from hermes_tui.model.diagnostics import Code, Diagnostic
from hermes_tui.model.messages import ErrorMark, ToolCall, ToolResult, changed
from hermes_tui.model.wording import title
from hermes_tui.parsers.plain_values import json_text
from hermes_tui.parsers.tool_results import error_findings

FROM_SPAN = "from its span"
_WRAPPERS = ("input", "args", "arguments", "kwargs", "parameters")

Result = tuple[ToolResult, tuple[Diagnostic, ...]]


class ToolSpans:
    """The tool spans of an agent; each is assigned once, to the most likely call."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self._spans = list(spans)
        self._used: set[int] = set()
        self._by_key: dict[tuple[str, str], deque[Span]] = {}
        for span in self._spans:
            for key in _keys(span):
                self._by_key.setdefault(key, deque()).append(span)

    def take(self, call_id: str | None, name: str | None, arguments: Any = None) -> Span | None:
        """Return the span of a call: by its id, by name and arguments, or by name, in this
        order."""
        keys = [("id", call_id or ""), (name or "", _canonical(arguments)), ("name", name or "")]
        for kind, key in keys:
            waiting = self._by_key.get((kind, key)) if kind and key else None
            while waiting:
                span = waiting.popleft()
                if id(span) not in self._used and _may_be(span, call_id):
                    self._used.add(id(span))
                    return span
        return None

    def left(self) -> Iterator[Span]:
        """Yield the spans that belong to no call of the conversation."""
        yield from (span for span in self._spans if id(span) not in self._used)


def _keys(span: Span) -> Iterator[tuple[str, str]]:
    name, call_id = span.tool_name or span.name, _call_id(span)
    if call_id:
        yield "id", call_id
    yield name, _canonical(_arguments(span.input))
    yield "name", name


def _call_id(span: Span) -> str:
    """Return the id of the call; LangChain's tools return it with their answer."""
    return span.call_id or fields.label(fields.as_dict(_unwrapped(span.output)), "tool_call_id")


def _may_be(span: Span, call_id: str | None) -> bool:
    own = _call_id(span)
    return not own or not call_id or own == call_id


def _arguments(given: Any, levels: int = 2) -> Any:
    """Return the arguments of a tool call, without tracers' wrappers."""
    given = decode_if_json(given)
    if isinstance(given, str) and given[:1] == "{":
        try:
            given = read_repr(given)
        except NotRepr:
            return given
    if isinstance(given, dict) and given.keys() == {"args", "kwargs"} and not given["args"]:
        given = {"kwargs": given["kwargs"]}
    if levels and isinstance(given, dict) and len(given) == 1:
        (key,) = given
        inner = _arguments(given[key], levels - 1) if key in _WRAPPERS else None
        return inner if isinstance(inner, dict) else given
    return given


def _unwrapped(output: Any) -> Any:
    """Return the answer of a tool, without tracers' wrappers."""
    output = decode_if_json(output)
    if isinstance(output, dict) and output.keys() <= {"output", "usage_metadata"}:
        return decode_if_json(output.get("output"))
    return output


def _canonical(value: Any) -> str:
    """Return the same text for equal arguments, regardless of the order of their names."""
    if isinstance(value, dict):
        value = dict(sorted((str(key), item) for key, item in value.items()))
    return json_text(value)


class OpenCalls:
    """Calls without an answer so far, in order."""

    def __init__(self) -> None:
        self._calls: dict[int, ToolCall] = {}
        self._by_id: dict[str, int] = {}
        self._by_name: dict[str, deque[int]] = {}
        self._made = 0

    def add(self, call: ToolCall) -> None:
        self._made += 1
        self._calls[self._made] = call
        if call.id:
            self._by_id[call.id] = self._made
        self._by_name.setdefault(call.name or "", deque()).append(self._made)

    def answered(self, result: ToolResult) -> ToolCall | None:
        """Remove and return the call that `result` answers: by its id, or else by its name."""
        if result.call_id:
            return self._calls.pop(self._by_id.get(result.call_id, 0), None)
        waiting = self._by_name.get(result.name or "")
        while waiting:
            call = self._calls.pop(waiting.popleft(), None)
            if call is not None:
                return call
        return None

    def take_all(self) -> list[ToolCall]:
        calls = list(self._calls.values())
        self._calls.clear()
        return calls


def timed(result: Result, span: Span | None) -> Result:
    """Return a result with the duration of its span, and the error that the span ended with."""
    if span is None:
        return result
    answer, found = result
    if answer.duration_s is None and span.duration_s is not None:
        answer = changed(answer, duration_s=span.duration_s)
    if span.error and (answer.error is None or answer.error.kind != "flag"):
        mark = ErrorMark("flag", f"its span failed: {title(span.error)}")
        answer = changed(answer, error=mark)
        others = (one for one in found if one.code is not Code.TOOL_ERROR)
        found = (*others, *error_findings(mark))
    return answer, found


def answer_of(span: Span, call: ToolCall) -> ChatMessage:
    """Return the answer to `call` recorded in its span."""
    output = _unwrapped(span.output)
    pointer = span.output_at
    if is_message(output):
        raw = dict(message_of(output).raw)
    else:
        content = output.get("content") if isinstance(output, dict) and len(output) <= 2 else None
        raw = {"content": content if isinstance(content, (str, list)) else _content_of(output)}
    if output is None and span.error:
        raw = {"content": span.error, "is_error": True}
    raw |= {"role": "tool", "tool_call_id": call.id, "name": call.name}
    line = span.line if span.output_line is None else span.output_line
    return ChatMessage(raw, pointer, (SourceValue(span.output, pointer, line),), (FROM_SPAN,), line)


def _content_of(output: Any) -> Any:
    return output if output is None or isinstance(output, (str, dict)) else fields.json_text(output)


def call_of(span: Span) -> ChatMessage:
    """Return the call of a tool span, for use if no reply of the model contains it."""
    call_id, name = span.call_id or span.id, span.tool_name or span.name
    given = _arguments(span.input)
    call = {"name": name, "id": call_id, "args": given}
    if isinstance(given, str):
        call = function_call(call_id, name, given)
    raw = {"role": "assistant", "content": None, "tool_calls": [call]}
    pointer = span.input_at
    source = SourceValue(span.input, pointer, span.line)
    return ChatMessage(raw, pointer, (source,), (FROM_SPAN,), span.line)


def has_unparsed_call(raw: dict[str, Any]) -> bool:
    """Return whether a reply has a call whose arguments are a text that is no JSON."""
    calls = [fields.as_dict(call) for call in fields.as_list(raw.get("tool_calls"))]
    given = [fields.as_dict(call.get("function")).get("arguments") for call in calls]
    parts = [fields.as_dict(part) for part in fields.as_list(raw.get("content"))]
    given += [part.get("input") for part in parts if part.get("type") == "tool-call"]
    return any(isinstance(one, str) and one and decode_if_json(one) == one for one in given)
