"""Calls as Qwen3-Coder, SWE-smith and OpenHands prompts write them: parameters between tags.

    text      := (reasoning | block | prose)*
    block     := "<tool_call>" blank function blank "</tool_call>" | function
    function  := "<function=" NAME ">" (blank parameter)* blank "</function>"
    parameter := "<parameter=" KEY ">" newline? VALUE newline? "</parameter>"

VALUE has no escapes: a closing tag ends it only where the syntax goes on behind it. Values are text
unless the tool's schema says otherwise (`coercion`). Read as well, each with a diagnostic: names in
quotes or in a `name` attribute, tags that are never closed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.messages import ToolSpec
from hermes_tui.model.spans import Span
from hermes_tui.parsers.base import ParsedCall, ParseResult
from hermes_tui.parsers.blocks import Block, prose, scan, wrong_format
from hermes_tui.parsers.coercion import coerce, parameter_schema
from hermes_tui.parsers.cursor import CLOSE, OPEN, Cursor
from hermes_tui.parsers.literals import FAILED, compact, read_literal

_TAG = r"(?P<mark>=|\s+name\s*=\s*)(?P<quote>[\"']?)(?P<name>[^<>\n]{0,300}?)(?P=quote)\s*>"
_FUNCTION = re.compile(rf"<function{_TAG}")
_PARAMETER = re.compile(rf"<parameter{_TAG}")
_FUNCTION_CLOSE = "</function>"
_GOES_ON = re.compile(r"\s*+(?:<parameter[=\s]|</function>|</tool_call>|<tool_call>|\Z)")
_DONE = re.compile(r"\s*+(?:</tool_call>|<tool_call>|<function[=\s]|\Z)")
_IN_VALUE = re.compile(
    r"<(?:(?P<close>/parameter[^<>\n]{0,8}>)|(?P<next>parameter[=\s])"
    r"|(?P<end>/function>|/tool_call>)|(?P<new>tool_call>\s*+<function[=\s]|function[=\s]))"
)
_BODY = re.compile(r"\s*+(?:<parameter[=\s]|</function>|</tool_call>|\Z)")
_JSON_BODY = re.compile(r"\s*+\{")
_ANY_TAG = re.compile(r"</?(?:function|parameter|tool_call)\b")


class FunctionXml:
    """Reads `<function=…>` blocks, with or without `<tool_call>` around them."""

    name = "hermes-tui/function-xml"

    def parse(self, text: str, tools: Sequence[ToolSpec] = ()) -> ParseResult:
        """Return the verdict on `text`; never raises."""
        json_block = wrong_format("JSON or another format", "choose the parser hermes-tui/hermes")
        return scan(text, tools, json_block=json_block, function_block=function_block)


def render(calls: Iterable[ParsedCall]) -> str:
    """Return calls in the form that `FunctionXml` reads without complaint.

    Values that are no text come back as such only where the tool's schema says so.
    """
    return "\n".join(f"{OPEN}\n{_render(call)}\n{CLOSE}" for call in calls)


def _render(call: ParsedCall) -> str:
    lines = [f"<function={call.name}>"]
    for key, value in (call.value or {}).items():
        text = value if isinstance(value, str) else compact(value)
        lines += [f"<parameter={key}>", text, "</parameter>"]
    return "\n".join([*lines, _FUNCTION_CLOSE])


@dataclass(slots=True)
class _Call:
    """A call while it is read."""

    index: int
    name: str
    schema: Any
    values: dict[str, Any] = field(default_factory=dict)
    cut: bool = False
    """Whether the text ended inside a value."""


def function_block(cursor: Cursor, block: Block) -> int:
    """function := "<function=" NAME ">" parameter* "</function>" — return where to go on."""
    text, since = cursor.text, cursor.mark()
    head = _FUNCTION.match(text, block.body)
    quoted = block.body > 0 and text[block.body - 1] == "`"
    if head and head["name"] and not quoted and _JSON_BODY.match(text, head.end()):
        return _json_body(cursor, block, head)
    if not head or quoted or not _BODY.match(text, head.end()):
        return _no_call(cursor, block, head)
    name = head["name"].strip()
    spec = cursor.tools.get(name)
    call = _Call(len(cursor.calls), name, spec.parameters if spec else None)
    _flag_head(cursor, call, head)
    first, last = head.end(), _parameters(cursor, call, head.end())
    end, closed = _end(cursor, call, block, last)
    arguments = Span(first, max(first, last))
    readable = bool(name)
    verdict = ("json" if closed else "unclosed") if readable else FAILED
    cursor.take_call(
        ParsedCall(
            name or None,
            compact(call.values),
            Span(block.start, end),
            Span(*head.span("name")) if name else None,
            arguments,
            call.values if readable else None,
            verdict,
        )
    )
    cursor.part("function", block.start, end, "calls" if readable else FAILED, name, since)
    return end


def _json_body(cursor: Cursor, block: Block, head: re.Match[str]) -> int:
    """Read the JSON arguments that Llama 3.1 writes between function tags."""
    text, since = cursor.text, cursor.mark()
    start = cursor.skip_blank(head.end())
    stop = min(cursor.find(_FUNCTION_CLOSE, start), cursor.find("<function=", start))
    literal = read_literal(text, start, stop)
    stop = max(stop, literal.span.end)
    if not text.startswith(_FUNCTION_CLOSE, stop) or not isinstance(literal.value, dict):
        prose(cursor, Span(*head.span()))
        return head.end()
    end, body = stop + len(_FUNCTION_CLOSE), Span(start, literal.span.end)
    message = "JSON between function tags, as Llama 3.1 writes it"
    hint = "qwen3_coder parsers find no parameters in it"
    index = len(cursor.calls)
    cursor.flag(Code.WRONG_FORMAT, Severity.ERROR, body, message, hint, index)
    arguments, name = compact(literal.value), Span(*head.span("name"))
    span = Span(block.start, end)
    call = ParsedCall(head["name"], arguments, span, name, body, literal.value, literal.rung)
    cursor.take_call(call)
    cursor.part("function", span.start, end, "calls", head["name"], since)
    return end


def _no_call(cursor: Cursor, block: Block, head: re.Match[str] | None) -> int:
    """Decide on a function tag that nothing of a call follows."""
    text = cursor.text
    tag = Span(block.body, head.end() if head else block.body + len("<function"))
    at_end = head is None and text.find(">", block.body, block.body + 300) < 0
    if at_end and len(text) - block.body < 300 and cursor.at_line_start(block.body):
        message, hint = "the text ends inside the function tag", "raise max_tokens"
        span = Span(block.body, len(text))
        cursor.flag(Code.TRUNCATED, Severity.ERROR, span, message, hint, len(cursor.calls))
        span = Span(block.start, len(text))
        cursor.part("function", span.start, span.end, FAILED, "cut in its tag", cursor.mark())
        raw = Span(block.body, len(text))
        cursor.take_call(ParsedCall(None, text[raw.start :], span, None, raw, None, FAILED))
        return len(text)
    prose(cursor, tag)
    return tag.end


def _flag_head(cursor: Cursor, call: _Call, head: re.Match[str]) -> None:
    span, index = Span(*head.span("name")), call.index
    if not call.name:
        message, hint = "the call has no name", "write <function=NAME>"
        cursor.flag(Code.NAME_MISSING, Severity.ERROR, Span(*head.span()), message, hint, index)
    elif head["quote"] or head["mark"] != "=":
        message, hint = "the name is not written as <function=NAME>", "engines misread this tag"
        cursor.flag(Code.MARKER_VARIANT, Severity.ERROR, span, message, hint, index)
    if cursor.in_fence:
        message = "a call inside a code fence"
        hint = "engines do not look at fences: it runs, even if it was meant as an example"
        cursor.flag(Code.MARKER_IN_FENCE, Severity.NOTE, Span(*head.span()), message, hint, index)


def _parameters(cursor: Cursor, call: _Call, position: int) -> int:
    """(blank parameter)* — read all parameters; return where they end."""
    text = cursor.text
    while True:
        start = cursor.skip_blank(position)
        head = _PARAMETER.match(text, start)
        if head:
            position = _parameter(cursor, call, head)
            continue
        stray = _ANY_TAG.search(text, start)
        stop = stray.start() if stray else len(text)
        if stop == start or not (stray and stray[0] == "<parameter"):
            return position
        if not _PARAMETER.match(text, stop):
            return position
        message, hint = "text between the parameters", "it reaches no tool"
        span = Span(start, start + len(text[start:stop].rstrip()))
        cursor.flag(Code.EXTRA_TEXT, Severity.WARNING, span, message, hint, call.index)
        position = stop


def _parameter(cursor: Cursor, call: _Call, head: re.Match[str]) -> int:
    """parameter := "<parameter=" KEY ">" VALUE "</parameter>" — return where it ends."""
    text = cursor.text
    value_end, end, closed = _value_end(cursor, call, head.end())
    raw = text[head.end() : value_end]
    key = head["name"].strip()
    if head["quote"] or head["mark"] != "=":
        message, hint = "the key is not written as <parameter=KEY>", "engines misread this tag"
        span = Span(*head.span("name"))
        cursor.flag(Code.MARKER_VARIANT, Severity.ERROR, span, message, hint, call.index)
    elif "=" in key and not raw.strip():
        key, _, raw = key.partition("=")
        message, hint = "the value stands inside the tag", "engines take all of it for the key"
        span = Span(*head.span("name"))
        cursor.flag(Code.PARAM_PAIRING, Severity.ERROR, span, message, hint, call.index)
    if not closed:
        _flag_open_value(cursor, call, head, value_end)
    if key in call.values:
        span = Span(*head.span("name"))
        message, hint = f"parameter {key!r} stands twice; the last one counts", "send it once"
        cursor.flag(Code.DUP_KEY, Severity.NOTE, span, message, hint, call.index)
    value = coerce(_trimmed(raw, closed=closed), parameter_schema(call.schema, key))
    if value.python:
        message = "a Python literal where the schema wants JSON's"
        span = Span(head.end(), value_end)
        hint = "engines pass it on as text; write true, false or null"
        cursor.flag(Code.PY_LITERAL, Severity.ERROR, span, message, hint, call.index)
    call.values[key] = value.value
    cursor.step("parameter", head.start(), end, key)
    return end


def _flag_open_value(cursor: Cursor, call: _Call, head: re.Match[str], value_end: int) -> None:
    if value_end == len(cursor.text):
        call.cut = True
        message = "the text ends inside a value"
        hint = "raise max_tokens; some engines run the call all the same, without this value"
        span = Span(head.start(), value_end)
        cursor.flag(Code.TRUNCATED, Severity.ERROR, span, message, hint, call.index)
        return
    message = "no </parameter> after this value"
    hint = "vLLM drops the parameter and runs the call without it"
    span = Span(*head.span())
    cursor.flag(Code.PARAM_UNCLOSED, Severity.ERROR, span, message, hint, call.index)


def _value_end(cursor: Cursor, call: _Call, start: int) -> tuple[int, int, bool]:
    """Return where a value ends, where its closing tag does, and whether there is one.

    The first tag that could end it counts unless a better one follows before the next call.
    """
    text = cursor.text
    fallback: tuple[int, int, bool] | None = None
    for mark in _IN_VALUE.finditer(text, start):
        here = (mark.start(), mark.end(), mark.lastgroup == "close")
        match mark.lastgroup:
            case "close" if _GOES_ON.match(text, mark.end()):
                _flag_inside(cursor, call, fallback, mark)
                return here
            case "close":
                fallback = fallback or here
            case "end" if mark[0] == _FUNCTION_CLOSE and _DONE.match(text, mark.end()):
                return fallback or (mark.start(), mark.start(), False)
            case "end" if fallback is None and _own_line(text, mark):
                fallback = (mark.start(), mark.start(), False)
            case "next" if fallback or _own_line(text, mark):
                return fallback or (mark.start(), mark.start(), False)
            case "new" if fallback or mark[0].startswith(OPEN):
                return fallback or (mark.start(), mark.start(), False)
    return fallback or (len(text), len(text), False)


def _own_line(text: str, mark: re.Match[str]) -> bool:
    before = text[max(0, mark.start() - 40) : mark.start()].rstrip(" \t")
    return before.endswith("\n")


def _flag_inside(
    cursor: Cursor, call: _Call, earlier: tuple[int, int, bool] | None, close: re.Match[str]
) -> None:
    span = Span(*close.span())
    if close[0] != "</parameter>":
        message, hint = f"{close[0]!r} is not '</parameter>'", "engines take it for the value"
        cursor.flag(Code.MARKER_VARIANT, Severity.ERROR, span, message, hint, call.index)
    if earlier is not None and earlier[0] < close.start():
        message = "a closing tag inside a value"
        hint = "the format has no escapes: engines cut the value there"
        span = Span(earlier[0], max(earlier[1], earlier[0] + 1))
        cursor.flag(Code.MARKER_IN_VALUE, Severity.ERROR, span, message, hint, call.index)


def _trimmed(raw: str, *, closed: bool) -> str:
    """Return a value without the newline that the format puts before and after it."""
    if not closed:
        raw = raw.rstrip("\r\n")
        return raw.removeprefix("\r\n").removeprefix("\n")
    raw = raw[2:] if raw.startswith("\r\n") else raw.removeprefix("\n")
    return raw[:-2] if raw.endswith("\r\n") else raw.removesuffix("\n")


def _end(cursor: Cursor, call: _Call, block: Block, position: int) -> tuple[int, bool]:
    """blank "</function>" (blank "</tool_call>")? — return where a call ends, and if closed."""
    text = cursor.text
    closed = False
    after = cursor.skip_blank(position)
    if text.startswith(_FUNCTION_CLOSE, after):
        closed = True
        position = after + len(_FUNCTION_CLOSE)
        after = cursor.skip_blank(position)
    if text.startswith(CLOSE, after):
        if not len(block.opener):
            message, hint = "a closing tag that nothing opened", "SGLang leaves the call as text"
            span = Span(after, after + len(CLOSE))
            cursor.flag(Code.ORPHAN_CLOSE, Severity.NOTE, span, message, hint, call.index)
        elif not closed:
            _flag_unclosed(cursor, call, block, Severity.NOTE)
        return after + len(CLOSE), True
    if after == len(text):
        position = after
    if (not closed and not call.cut) or (closed and len(block.opener)):
        _flag_unclosed(cursor, call, block, Severity.NOTE if closed else Severity.ERROR)
    return position, closed and not len(block.opener)


def _flag_unclosed(cursor: Cursor, call: _Call, block: Block, severity: Severity) -> None:
    span = Span(block.start, max(block.opener.end, block.body + len("<function")))
    message, hint = "the call is never closed", "look for the stop string that cut it"
    cursor.flag(Code.UNCLOSED, severity, span, message, hint, call.index)
