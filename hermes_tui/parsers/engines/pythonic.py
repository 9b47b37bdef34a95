"""Lists of Python calls, `[f(a=1), g()]`, as vLLM 0.33 and SGLang 0.5.23 read them, non-streaming.

The shape (`pythonic_shape`) decides whether there are calls at all: in vLLM the list must begin the
text, in SGLang it may be anywhere. The list is then parsed as Python. If a value is not a literal,
vLLM keeps the whole text; SGLang drops that call, or all calls, and the text of the list.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from typing import Any

from hermes_tui.model.spans import Span
from hermes_tui.parsers.engines.base import Refused, Trace
from hermes_tui.parsers.engines.cleaned import Cleaned, without
from hermes_tui.parsers.engines.emulated import emulated
from hermes_tui.parsers.engines.json_text import dumps, value_of
from hermes_tui.parsers.engines.pythonic_findings import (
    flag_bad_python,
    flag_no_list,
    flag_not_literal,
    flag_other_value,
    flag_positions,
    flag_slow,
)
from hermes_tui.parsers.engines.pythonic_shape import CallLists
from hermes_tui.parsers.engines.pythonic_syntax import (
    BadPython,
    Source,
    calls_in,
    dotted_name,
)
from hermes_tui.parsers.engines.pythonic_values import (
    Broken,
    NotLiteral,
    ToValue,
    sglang_value,
    vllm_value,
)
from hermes_tui.parsers.engines.sglang_tools import drop, drop_unknown
from hermes_tui.parsers.engines.sglang_values import need_tools

_START, _END = "<|python_start|>", "<|python_end|>"


def _vllm(trace: Trace) -> None:
    _read_whole(trace, Cleaned(trace.text, [trace.whole]))


def _vllm_llama4(trace: Trace) -> None:
    """Read like pythonic, after removing a leading <|python_start|> and all <|python_end|>."""
    text = trace.text
    if not text.startswith(_START):
        _vllm(trace)
        return
    trace.step("remove the markers", Span(0, len(_START)), "removed", f"{_START} and {_END}")
    _read_whole(trace, without(text, Span(len(_START), len(text)), (_END,)))


def _read_whole(trace: Trace, cleaned: Cleaned) -> None:
    try:
        _deliver_whole(trace, cleaned)
    except Refused as refusal:
        trace.keep_all(str(refusal))
        trace.say(cleaned.text)


def _deliver_whole(trace: Trace, cleaned: Cleaned) -> None:
    shape = CallLists(cleaned.text)
    if not shape.begins(0):
        trace.step("match the shape", trace.whole, "no match")
        flag_no_list(trace, cleaned, shape)
        raise Refused("the text is not, from its first character on, a list of calls")
    whole = cleaned.place(Span(0, shape.closes_at))
    trace.step("match the shape", whole, "match")
    try:
        reader = _Reader(trace, cleaned, Span(0, len(cleaned.text)))
    except BadPython as error:
        flag_bad_python(trace, cleaned, error, shape.closes_at)
        raise Refused(f"Python's grammar refuses it: {error.message}") from None
    if reader.calls is None:
        flag_other_value(trace, cleaned)
        raise Refused("the value is not a list of calls only")
    for call in reader.calls:
        try:
            reader.deliver(call, vllm_value, dumps)
        except NotLiteral as error:
            flag_not_literal(trace, reader.place(error.node), error.why)
            raise Refused(f"an argument is {error.why}") from None


class _Reader:
    """The syntax tree of a list of calls, and the places of its nodes in the original text."""

    def __init__(self, trace: Trace, cleaned: Cleaned, part: Span) -> None:
        self._trace = trace
        self.cleaned = cleaned
        self._shift = part.start
        self._source = Source(cleaned.text[part.start : part.end])
        self.calls = calls_in(self._source.value)

    def place(self, node: ast.AST) -> Span:
        span = self._source.span(node)
        return self.cleaned.place(Span(span.start + self._shift, span.end + self._shift))

    def deliver(self, call: ast.Call, to_value: ToValue, write: Callable[[Any], str]) -> None:
        """Deliver a call; raises NotLiteral, or Broken if the engine gives up on the whole list."""
        whole, name = self.place(call), dotted_name(call.func)
        if name is None:
            raise NotLiteral(call.func, "a call of something that is not a name")
        try:
            values = {one.arg: to_value(one.value) for one in call.keywords}
            arguments = write(values)
        except (TypeError, ValueError) as error:
            raise NotLiteral(call, f"what JSON cannot hold ({error})") from None
        except RecursionError:
            raise Broken(call, "nested too deeply") from None
        positions = [self.place(item) for item in call.args]
        flag_positions(self._trace, positions, len(self._trace.calls))
        self._trace.call(
            name,
            arguments,
            whole,
            name_span=self.place(call.func),
            value=value_of(arguments),
            verdict="python-literal",
            places={one.arg: self.place(one.value) for one in call.keywords if one.arg},
        )


def _sglang(trace: Trace) -> None:
    """Read the first list anywhere in the text; the text around it is content."""
    need_tools(trace)
    text = trace.text
    start, end = len(text) - len(text.lstrip()), len(text.rstrip())
    cleaned = without(text, Span(start, max(start, end)), (_START, _END))
    shape = CallLists(cleaned.text)
    found = shape.search()
    if found is None:
        flag_no_list(trace, cleaned, shape)
        raise Refused("no list of calls anywhere in the text")
    whole = cleaned.place(found)
    trace.step("search the shape", whole, "match")
    flag_slow(trace, whole, shape.arguments(found))
    after = Span(found.end, len(cleaned.text))
    for part in cleaned.parts(Span(0, found.start)) + cleaned.parts(after):
        trace.keep(part)
    trace.say(cleaned.text[: found.start] + cleaned.text[found.end :] or None)
    try:
        reader = _Reader(trace, cleaned, found)
    except BadPython as error:
        error.position += found.start
        flag_bad_python(trace, cleaned, error, found.end)
        trace.step("parse as Python", whole, "lost", error.message)
        return
    _deliver_known(trace, reader)


def _deliver_known(trace: Trace, reader: _Reader) -> None:
    if reader.calls is None:
        flag_other_value(trace, reader.cleaned)
    for call in reader.calls or ():
        whole = reader.place(call)
        if not isinstance(call.func, ast.Name):
            drop(trace, whole, "its name is not a plain name")
        elif call.func.id not in trace.tools:
            drop_unknown(trace, call.func.id, whole, reader.place(call.func))
        else:
            try:
                reader.deliver(call, sglang_value, _strict_json)
            except Broken as error:
                flag_not_literal(trace, reader.place(error.node), error.why)
                trace.void_calls(f"lost together with a call that SGLang cannot read: {error.why}")
                return
            except NotLiteral as error:
                flag_not_literal(trace, reader.place(error.node), error.why)
                drop(trace, whole, f"an argument is {error.why}")


def _strict_json(value: Any) -> str:
    """Return the value as JSON; raises ValueError for NaN and infinity."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


_KIND = "ast"
_TAGGED = ("[", _START)

PARSERS = (
    emulated("vllm/pythonic", "pythonic", "Llama 3.2, Llama 4, ToolACE", _KIND, ("[",), _vllm),
    emulated("vllm/llama4_pythonic", "llama4_pythonic", "Llama 4", _KIND, _TAGGED, _vllm_llama4),
    emulated("sglang/pythonic", "pythonic", "Llama 4", _KIND, _TAGGED, _sglang),
)
