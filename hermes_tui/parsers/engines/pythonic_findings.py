"""Findings, with hints, about a text that was meant to be a list of Python calls."""

from __future__ import annotations

import re

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.spans import Span
from hermes_tui.parsers.engines.base import Trace
from hermes_tui.parsers.engines.cleaned import Cleaned
from hermes_tui.parsers.engines.other_parsers import hint_if_called
from hermes_tui.parsers.engines.pythonic_shape import CallLists
from hermes_tui.parsers.engines.pythonic_syntax import BadPython

_LIST_HEAD = re.compile(r"\[\s*+[A-Za-z_][\w.-]*+\s*+\(")
_CALL_HEAD = re.compile(r"\s*+[A-Za-z_][\w.-]*+\([A-Za-z_]\w*+=")
_PLAIN_NAME = re.compile(r"[a-zA-Z]\w*+(?!\()")
_SLOW_ARGUMENTS = 16
_STRING = re.compile(r"unterminated (?:triple-quoted )?(?:f-)?string")


def flag_no_list(trace: Trace, cleaned: Cleaned, shape: CallLists) -> None:
    """Flag why the shape of a list of calls is not found, if the text seems to mean one."""
    text = cleaned.text
    head = _LIST_HEAD.search(text)
    if text.strip() == "[]":
        trace.flag(Code.EMPTY_BLOCK, Severity.WARNING, trace.whole, "an empty list of calls")
    if head is None:
        if found := _CALL_HEAD.match(text):
            message = "a call outside of a list"
            hint = "this parser expects [f(…)], with the brackets"
            _flag(trace, cleaned, Code.WRONG_FORMAT, Span(*found.span()), message, hint)
        return
    if before := text[: head.start()].strip():
        code = Code.MARKER_IN_FENCE if before.startswith("```") else Code.EXTRA_TEXT
        what = "a code fence" if code is Code.MARKER_IN_FENCE else "text"
        message = f"{what} before the list of calls: vLLM accepts nothing else in the answer"
        if trace.info.engine == "vllm":
            hint = "SGLang's pythonic finds the list anywhere"
            hint = hint_if_called(trace, "sglang/pythonic", trace.whole, hint)
            _flag(trace, cleaned, code, Span(0, head.start()), message, hint)
    if shape.closes_at < 0:
        _flag_open(trace, cleaned, head.start())
    elif not before or trace.info.engine != "vllm":
        _flag_head(trace, cleaned, shape, head.start())


def _flag_head(trace: Trace, cleaned: Cleaned, shape: CallLists, start: int) -> None:
    """Flag the character at which the list that opens at `start` stops being a list of calls."""
    shape.begins(start)
    text, at = cleaned.text, shape.head_end
    message = "the list begins like one of calls but continues differently"
    if (name := _PLAIN_NAME.match(text, at)) and name.end() < len(text):
        at = name.end()
        message = f"the name of a call stops at {text[at]!r}: letters, digits and _ make a name"
    hint = "plain names, keyword arguments only, f(a=1); ), and )] end a call"
    _flag(trace, cleaned, Code.EXPR_NOT_LITERAL, Span(at, at + 1), message, hint)


def _flag_open(trace: Trace, cleaned: Cleaned, start: int) -> None:
    text = cleaned.text
    end = len(text.rstrip())
    message = "the list of calls is never closed by )]"
    hint = "raise max_tokens, or look for the stop string that cut it"
    _flag(trace, cleaned, Code.TRUNCATED, Span(max(start, end - 40), end), message, hint)


def flag_bad_python(trace: Trace, cleaned: Cleaned, error: BadPython, list_end: int) -> None:
    """Flag where Python's grammar rejects the text."""
    text, at = cleaned.text, error.position
    rest = text[list_end:].strip() if list_end >= 0 else ""
    if at >= list_end >= 0 and rest:
        message = f"text after the list of calls: {rest[:40]!r}"
        hint = "vLLM accepts nothing else in the answer"
        _flag(trace, cleaned, Code.EXTRA_TEXT, Span(list_end, len(text)), message, hint)
        return
    code, hint = Code.EXPR_NOT_LITERAL, "literals only, as Python writes them"
    if error.message.startswith("leading zeros"):
        code, hint = Code.LEADING_ZERO, "write the number without them"
    elif _STRING.match(error.message):
        last = "\n" not in text[at:].rstrip()
        code = Code.INNER_QUOTE if last else Code.RAW_CONTROL
        hint = "a quote inside needs a backslash" if last else "write \\n, or triple quotes"
    elif "was never closed" in error.message or "does not match" in error.message:
        code, hint = Code.BRACES_MISSING, "count the brackets"
    elif "comma" in error.message or "part of the string" in error.message:
        code, hint = Code.INNER_QUOTE, "a quote inside a string needs a backslash"
    _flag(trace, cleaned, code, Span(at, at + 1), f"Python's grammar: {error.message}", hint)


def flag_other_value(trace: Trace, cleaned: Cleaned) -> None:
    """Flag a text that is Python but not a list of calls only."""
    message = "this is valid Python, but not one list of calls"
    hint = "one list for all calls: [f(…), g(…)]"
    _flag(trace, cleaned, Code.MULTI_PAYLOAD, Span(0, len(cleaned.text)), message, hint)


def flag_not_literal(trace: Trace, place: Span, why: str) -> None:
    """Flag a value that is not a literal for this engine."""
    message = f"{why}, where a literal is expected"
    hint = "engines evaluate nothing: the model must write the value itself"
    trace.flag(Code.EXPR_NOT_LITERAL, Severity.ERROR, place, message, hint)


def flag_positions(trace: Trace, places: list[Span], index: int) -> None:
    """Flag positional arguments, which are left out of call `index`; the first 20 of them."""
    for place in places[:20]:
        message = "an argument without a name is left out of the call"
        hint = "write name=value"
        trace.flag(Code.EXPR_NOT_LITERAL, Severity.ERROR, place, message, hint, index)


def flag_slow(trace: Trace, place: Span, arguments: int) -> None:
    """Flag a number of arguments on which the real engine hangs."""
    if arguments < _SLOW_ARGUMENTS:
        return
    message = f"SGLang's expression backtracks: {arguments} arguments, the time doubles with each"
    hint = "16 arguments cost 0.1 s, 20 cost 2 s, 26 two minutes, without a time limit"
    severity = Severity.WARNING if arguments < 26 else Severity.ERROR
    trace.flag(Code.PARSER_TIMEOUT, severity, place, message, hint)


def _flag(trace: Trace, cleaned: Cleaned, code: Code, span: Span, message: str, hint: str) -> None:
    trace.flag(code, Severity.ERROR, cleaned.place(span), message, hint)
