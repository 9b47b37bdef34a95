r"""SGLang 0.5.23's kimi_k2, non-streaming.

    call := "<|tool_call_begin|>" ID "<|tool_call_argument_begin|>" "{" any "}" "<|tool_call_end|>"
    ID   := ["functions."] NAME ":" DIGITS | DIGITS          blanks around ID and arguments are fine

The arguments are emitted verbatim, from the opening brace to the first closing brace before an end
marker. An id that is a bare number selects the declared tool whose parameters fit the arguments
best. A call with any other id is dropped. Content is the text before <|tool_calls_section_begin|>,
without which nothing is read.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import NamedTuple

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.spans import Span
from hermes_tui.parsers.engines.base import Refused, Trace
from hermes_tui.parsers.engines.emulated import emulated
from hermes_tui.parsers.engines.json_text import BadJson, loads, value_of
from hermes_tui.parsers.engines.name_flaws import flag_id
from hermes_tui.parsers.engines.sglang_schema import properties_of
from hermes_tui.parsers.engines.sglang_tools import drop, extend_over_markers
from hermes_tui.parsers.engines.sglang_values import need_tools

SECTION, CALL = "<|tool_calls_section_begin|>", "<|tool_call_begin|>"
_SECTION_END = "<|tool_calls_section_end|>"
_ARGUMENTS, _END = "<|tool_call_argument_begin|>", "<|tool_call_end|>"
_HEAD = re.compile(
    rf"{re.escape(CALL)}\s*+(?P<id>[^\s<|]++)\s*+{re.escape(_ARGUMENTS)}\s*+(?P<open>\{{)"
)
_CLOSE = re.compile(rf"\}}\s*+{re.escape(_END)}")
_ID = re.compile(r"(?:functions\.)?([\w.\-]+):(\d+)")
_COUNTER = re.compile(r"\d+")
_LONGEST_INT = 4300
_MAX_FLAGS = 100


class _Match(NamedTuple):
    """The spans of a call that matches, of its id and of its arguments."""

    whole: Span
    id: Span
    arguments: Span


def _read(trace: Trace) -> None:
    need_tools(trace)
    first = trace.first(SECTION)
    found = _calls(trace.text)
    _flag_missed(trace, found)
    for one in found:
        if len(_digits(trace.text[one.id.start : one.id.end])) > _LONGEST_INT:
            raise Refused("ValueError: the index of a call has too many digits")
    for one in found:
        _deliver(trace, one)
    trace.keep(Span(0, first))
    extend_over_markers(trace, SECTION, _SECTION_END)


def _calls(text: str) -> list[_Match]:
    """Return all calls that match, from left to right."""
    closes = [match.span() for match in _CLOSE.finditer(text)]
    found: list[_Match] = []
    position = 0
    while head := _HEAD.search(text, position):
        opened = head.start("open")
        index = bisect_left(closes, (opened + 1, 0))
        if index >= len(closes):
            break
        brace, end = closes[index]
        where = Span(opened, brace + 1)
        found.append(_Match(Span(head.start(), end), Span(*head.span("id")), where))
        position = end
    return found


def _digits(identifier: str) -> str:
    match = _ID.fullmatch(identifier)
    return match[2] if match else identifier if _COUNTER.fullmatch(identifier) else ""


def _deliver(trace: Trace, one: _Match) -> None:
    text = trace.text
    identifier = text[one.id.start : one.id.end]
    arguments = text[one.arguments.start : one.arguments.end]
    named = _ID.fullmatch(identifier)
    name = named[1] if named else None
    if named is None and _COUNTER.fullmatch(identifier):
        name = _best_tool(trace, arguments)
        _flag_guess(trace, one, name)
    elif named is None:
        flag_id(trace, identifier, one.id)
    if name is None:
        drop(trace, one.whole, "its id names no tool")
        return
    start = one.id.start + (named.start(1) if named else 0)
    trace.call(
        name,
        arguments,
        one.whole,
        name_span=Span(start, start + len(name) if named else one.id.end),
        arguments_span=one.arguments,
        value=value_of(arguments),
    )


def _best_tool(trace: Trace, arguments: str) -> str | None:
    """Return the tool whose parameters fit the arguments best; a single tool need not fit.

    None if the arguments are not JSON or no tool declares parameters.
    """
    if len(trace.tools) == 1:
        return next(iter(trace.tools))
    try:
        keys = set(loads(arguments))
    except BadJson as error:
        if error.deep:
            raise Refused("nested too deeply") from None
        return None
    best, best_score = None, -1
    for tool in trace.tools.values():
        known = set(properties_of(tool.parameters))
        score = len(keys & known) - len(keys - known)
        if known and score > best_score:
            best, best_score = tool.name, score
    return best


def _flag_guess(trace: Trace, one: _Match, name: str | None) -> None:
    message = f"the id is a bare number: SGLang guesses the tool from the arguments: {name!r}"
    hint = "the guess is wrong if two tools have the same parameters"
    severity = Severity.WARNING if name else Severity.ERROR
    trace.flag(Code.TYPE_GUESSED, severity, one.id, message, hint)


def _flag_missed(trace: Trace, found: list[_Match]) -> None:
    """Flag openers that begin no call."""
    starts = {one.whole.start for one in found}
    ahead, current = iter(found), None
    position = shown = 0
    while shown < _MAX_FLAGS and (position := trace.text.find(CALL, position)) >= 0:
        end = position + len(CALL)
        while current is None or current.whole.end <= position:
            current = next(ahead, None)
            if current is None:
                break
        if position not in starts:
            shown += 1
            _flag_opener(trace, position, end, inside=bool(current and current.whole.start < end))
        position = end


def _flag_opener(trace: Trace, start: int, end: int, *, inside: bool) -> None:
    stop = trace.text.find(_END, end)
    if inside:
        code, message = Code.NESTED_OPEN, "an opening marker inside the call before it: ignored"
    elif stop < 0:
        code, message = Code.TRUNCATED, f"no {_END} after this opener: the call is lost"
    else:
        code, message = Code.ARGS_NOT_OBJECT, "no call here: id, marker and {…} are expected"
    hint = "raise max_tokens" if code is Code.TRUNCATED else f"write NAME:N {_ARGUMENTS} {{…}}"
    trace.flag(code, Severity.ERROR, Span(start, end if stop < 0 else stop), message, hint)
    trace.step("match a call", Span(start, end), "no match", message)


PARSERS = (
    emulated("sglang/kimi_k2", "kimi_k2", "Kimi K2, Kimi K2.5", "regex", (SECTION, CALL), _read),
)
