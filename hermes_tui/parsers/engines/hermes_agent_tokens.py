"""hermes-agent's client-side parsers of calls between special tokens: DeepSeek and Kimi.

    deepseek_v3  := CALLS_BEGIN (CALL_BEGIN TYPE SEP NAME fence ARGUMENTS fence-end CALL_END)*
    deepseek_v31 := CALLS_BEGIN (CALL_BEGIN NAME SEP ARGUMENTS CALL_END)*
    kimi_k2      := SECTION_BEGIN (CALL_BEGIN ID ARGUMENT_BEGIN ARGUMENTS CALL_END)*
    ID           := any text without "<", then ":" and digits; the name follows its last dot

The arguments are emitted verbatim, JSON or not. A call that is not closed is not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.spans import Span
from hermes_tui.parsers.engines.base import Refused, Trace
from hermes_tui.parsers.engines.costs import flag_repeats
from hermes_tui.parsers.engines.emulated import emulated
from hermes_tui.parsers.engines.members import stripped

CALLS_BEGIN, CALL_BEGIN = "<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>"
SEP, CALL_END = "<｜tool▁sep｜>", "<｜tool▁call▁end｜>"
CALLS_END = "<｜tool▁calls▁end｜>"
FENCE, FENCE_END = "\n```json\n", "\n```" + CALL_END

SECTIONS = ("<|tool_calls_section_begin|>", "<|tool_call_section_begin|>")
SECTION_END = "<|tool_calls_section_end|>"
KIMI_BEGIN, KIMI_ARGUMENTS = "<|tool_call_begin|>", "<|tool_call_argument_begin|>"
KIMI_END = "<|tool_call_end|>"

_REPEAT_LIMITS = (("deepseek_v3", 80, "n^4"), ("deepseek_v31", 600, "n^3"))
"""By format: the number of unclosed openers that take the real parser a second, and the growth."""

_INDEX = re.compile(r":\d++\Z")


class _Match(NamedTuple):
    """The spans of a call, of its name and of its arguments."""

    span: Span
    name: Span
    arguments: Span


def _deliver_all(trace: Trace, found: list[_Match], first: int) -> None:
    for one in found:
        name, arguments = one.name, stripped(trace.text, one.arguments)
        trace.call(
            trace.text[name.start : name.end],
            trace.text[arguments.start : arguments.end],
            one.span,
            name_span=name,
            arguments_span=arguments,
        )
    last = found[-1].span.end if found else first
    _flag_unread(trace, last)
    if not found:
        raise Refused("no call is complete")
    trace.keep_before(first)


def _flag_unread(trace: Trace, start: int) -> None:
    """Flag an opener after the last call that could be read."""
    opener = trace.info.markers[1]
    at = trace.text.find(opener, start)
    if at >= 0:
        message = "this call does not follow the format, or is not closed: it is ignored"
        hint = f"{trace.info.name} needs exactly {trace.info.flag}'s markers; raise max_tokens"
        trace.step("call", Span(at, len(trace.text)), "not matched")
        for name, most, growth in _REPEAT_LIMITS:
            if trace.info.format == name:
                flag_repeats(trace, opener, most, f"every opener pairs with every mark, {growth}")
        trace.flag(Code.UNCLOSED, Severity.ERROR, Span(at, len(trace.text)), message, hint)


def _read_v3(trace: Trace) -> None:
    found = list(_marked_calls(trace.text, SEP, FENCE, FENCE_END))
    _deliver_all(trace, found, _section(trace, (CALLS_BEGIN,)))


def _read_v31(trace: Trace) -> None:
    found = list(_marked_calls(trace.text, CALL_BEGIN, SEP, CALL_END))
    _deliver_all(trace, found, _section(trace, (CALLS_BEGIN,)))


def _section(trace: Trace, markers: tuple[str, ...]) -> int:
    """Return where the section of calls begins; raises Refused if there is none."""
    places = [at for marker in markers if (at := trace.text.find(marker)) >= 0]
    if not places:
        at = trace.text.find(trace.info.markers[1])
        if at >= 0:
            message = f"a call outside of {markers[0]}: the parser does not look there"
            hint = "the chat template must open the section"
            trace.flag(Code.ORPHAN_CLOSE, Severity.ERROR, Span(at, len(trace.text)), message, hint)
        raise Refused(f"no {markers[0]} in the text")
    return min(places)


def _marked_calls(text: str, lead: str, mark: str, closer: str) -> Iterator[_Match]:
    """Yield the calls with a name from `lead` to `mark`, and arguments from there to `closer`."""
    position = 0
    while (start := text.find(CALL_BEGIN, position)) >= 0:
        lead_at = text.find(lead, start)
        name = lead_at + len(lead)
        mark_at = text.find(mark, name) if lead_at >= 0 else -1
        body = mark_at + len(mark)
        end = text.find(closer, body) if mark_at >= 0 else -1
        if end < 0:
            return
        position = end + len(closer)
        yield _Match(Span(start, position), stripped(text, Span(name, mark_at)), Span(body, end))


def _read_kimi(trace: Trace) -> None:
    first = _section(trace, SECTIONS)
    _deliver_all(trace, list(_kimi_calls(trace)), first)


def _kimi_calls(trace: Trace) -> Iterator[_Match]:
    """Yield the calls; a call that contains another opener or has a malformed id is skipped."""
    text, position, end = trace.text, 0, -1
    while (start := text.find(KIMI_BEGIN, position)) >= 0:
        inner = start + len(KIMI_BEGIN)
        position = inner
        if end < inner and (end := text.find(KIMI_END, inner)) < 0:
            return
        stop = text.find("<", inner)
        name = _kimi_name(text, Span(inner, stop))
        if name is None or not text.startswith(KIMI_ARGUMENTS, stop):
            _flag_id(trace, Span(inner, max(inner, stop)))
            continue
        body = stop + len(KIMI_ARGUMENTS)
        if end < body or text.find(KIMI_BEGIN, body, end) >= 0:
            continue
        position = end + len(KIMI_END)
        yield _Match(Span(start, position), name, Span(body, end))


def _kimi_name(text: str, span: Span) -> Span | None:
    """Return the span of the name in an id, or None if the id is malformed.

    The name is the text before the first colon, after the last dot in it.
    """
    at = stripped(text, span)
    raw = text[span.start : at.end]
    index = _INDEX.search(raw)
    if index is None or not index.start():
        return None
    start = min(at.start, span.start + index.start() - 1)
    colon = text.find(":", start, at.end)
    dot = text.rfind(".", start, colon)
    return Span(dot + 1 if dot >= 0 else start, colon)


def _flag_id(trace: Trace, span: Span) -> None:
    message = "the id is not name:N: the call is ignored"
    hint = "the model must write functions.name:0"
    start = span.start - len(KIMI_BEGIN)
    trace.step("id", Span(start, span.end), "not matched")
    trace.flag(Code.NAME_DECORATED, Severity.ERROR, span, message, hint)


_DEEPSEEK = (CALLS_BEGIN, CALL_BEGIN, CALL_END, CALLS_END, SEP)
_KIMI = (SECTIONS[0], KIMI_BEGIN, KIMI_END, SECTION_END, KIMI_ARGUMENTS)

PARSERS = (
    emulated(
        "hermes-agent/deepseek_v3", "deepseek_v3", "DeepSeek V3, R1", "regex", _DEEPSEEK, _read_v3
    ),
    emulated(
        "hermes-agent/deepseek_v31", "deepseek_v31", "DeepSeek V3.1", "regex", _DEEPSEEK, _read_v31
    ),
    emulated(
        "hermes-agent/deepseek_v3_1", "deepseek_v31", "DeepSeek V3.1", "regex", _DEEPSEEK, _read_v31
    ),
    emulated("hermes-agent/kimi_k2", "kimi_k2", "Kimi K2", "regex", _KIMI, _read_kimi),
)
