"""Calls in a message's text: either the format carries them there, or a parser missed them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import cache
from types import ModuleType
from typing import NamedTuple

from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.messages import ArgumentsState, IdState, Origin, ToolCall
from hermes_tui.model.spans import Span, gaps
from hermes_tui.model.wording import first_few, first_line
from hermes_tui.parsers.base import ParsedCall, ParseResult
from hermes_tui.parsers.call_arguments import read_arguments
from hermes_tui.parsers.reasoning_tags import Thought

Found = tuple[ToolCall, tuple[Diagnostic, ...]]

NO_SERVER_PARSER = "was the server's --tool-call-parser set, and does it match the model?"
_FLAWLESS_FORMAT = "hermes"
"""The format of calls that are read without any finding."""
_FUNCTION_FORMAT = "qwen3_coder"
_MAX_NAMED = 5


class TextCalls(StrEnum):
    """What call markup in a message's text means for the format of the source."""

    TRANSPORT = "transport"
    """The format carries its calls in the text: reading them there is right."""
    SUSPECT = "suspect"
    """Calls have their own field: markup in the text is a call that a parser missed."""
    IGNORE = "ignore"
    """Text is never read for calls."""


class TextReading(NamedTuple):
    """The calls of a text, each with its diagnostics, and those about the text as a whole."""

    calls: list[Found]
    diagnostics: list[Diagnostic]
    unread: bool = False
    """Whether no call was read, so that it should be read again once the tools are known."""


def read_text_calls(
    text: str, mode: TextCalls, native: int, thoughts: tuple[Thought, ...]
) -> TextReading:
    """Read the calls in a model's text.

    `thoughts` is its reasoning; `native` is the number of calls in the message's own field.
    """
    if mode is TextCalls.IGNORE:
        return TextReading([], [])
    if not may_hold_call(text):
        return TextReading([], [], unread=not native and "(" in text)
    embedded = _embedded()
    calls: tuple[ParsedCall, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    form = _FLAWLESS_FORMAT
    if "<tool_call>" in text:
        calls = embedded.sound_calls(text, thoughts)
    if not calls and embedded.has_mark(text) and (parsed := embedded.read_embedded(text)):
        calls, diagnostics, form = parsed.calls, parsed.diagnostics, form_of(parsed)
    if calls:
        if native:
            return TextReading([], [_repeated_in_text(calls, native)])
        reading = with_findings(calls, diagnostics)
        if mode is TextCalls.SUSPECT:
            reading.diagnostics.insert(0, _call_in_content(calls, diagnostics, form))
        return reading
    if native or any(one.severity is Severity.ERROR for one in diagnostics):
        return TextReading([], [*diagnostics])
    if mode is not TextCalls.SUSPECT and not embedded.foreign_format(text):
        return TextReading([], [*diagnostics], unread=True)
    from hermes_tui.parsers.unread_calls import unread_calls

    found = unread_calls(text, ())
    return TextReading([*found.calls], [*found.diagnostics, *diagnostics], unread=True)


def read_call_text(text: str) -> TextReading:
    """Read a text that is labelled as a call as a whole (`from: function_call`)."""
    embedded = _embedded()
    parsed = embedded.read_embedded(text)
    if parsed is not None and parsed.calls:
        return with_findings(parsed.calls, parsed.diagnostics)
    if bare := embedded.read_bare(text):
        return with_findings(bare.calls, bare.flaws)
    call = ParsedCall(None, text, Span(0, len(text)), verdict="failed")
    broken = Diagnostic(
        Code.JSON_INVALID,
        Severity.ERROR,
        "the text is marked as a call, but it is not the JSON of a call",
        Span(0, len(text)),
        '{"name": …, "arguments": {…}} is expected',
        0,
    )
    return with_findings((call,), (broken,))


@cache
def _embedded() -> ModuleType:
    """Import the readers only when a text may hold a call; most files have none."""
    from hermes_tui.parsers import embedded

    return embedded


def may_hold_call(text: str) -> bool:
    """Return whether `text` holds anything that could open a call or a tag; a cheap check."""
    return "<" in text or "[" in text or "{" in text or "&lt;tool" in text


def may_be_unread(text: str, names: Iterable[str]) -> bool:
    """Return whether `text` may hold an unread call of one of the tools `names`; a cheap check."""
    return ("(" in text or "{" in text) and any(name in text for name in names)


def with_findings(
    parsed: tuple[ParsedCall, ...], diagnostics: tuple[Diagnostic, ...]
) -> TextReading:
    """Return the calls, each with the diagnostics about it, and the other diagnostics."""
    if not diagnostics:
        return TextReading([(_tool_call(call, i), ()) for i, call in enumerate(parsed)], [])
    own: list[list[Diagnostic]] = [[] for _ in parsed]
    others: list[Diagnostic] = []
    for found in diagnostics:
        index = found.call_index
        if index is None or not 0 <= index < len(parsed):
            others.append(found)
        else:
            own[index].append(found)
    calls = [(_tool_call(call, i), tuple(own[i])) for i, call in enumerate(parsed)]
    return TextReading(calls, others)


def _tool_call(call: ParsedCall, index: int) -> ToolCall:
    return ToolCall(
        index,
        call.name,
        call.arguments,
        _state(call),
        call.value,
        None,
        IdState.MISSING,
        Origin.TEXT,
        span=call.span,
        verdict=call.verdict,
    )


def _state(call: ParsedCall) -> ArgumentsState:
    if type(call.value) is dict and call.verdict == "json" and call.arguments:
        return ArgumentsState.JSON_STRING
    if not call.arguments.strip():
        return ArgumentsState.MISSING if call.verdict == "failed" else ArgumentsState.EMPTY
    return read_arguments(call.arguments).state


def form_of(parsed: ParseResult) -> str:
    """Return the format of the first calls of a text, empty if it has none."""
    parts = (step for step in parsed.steps if step.depth)
    return next((part.rule for part in parts if part.outcome in ("calls", "failed")), "")


def reader_hint(flag: str) -> str:
    """Return a hint for calls left in a text.

    `flag` is the server flag with which they are read, empty if there is none.
    """
    return f"this markup is read by {flag}; {NO_SERVER_PARSER}" if flag else NO_SERVER_PARSER


def listed(called: Iterable[str | None]) -> str:
    """Return the names of calls as one text, at most the first few."""
    names = [first_line(name, 60) if name else "an unreadable one" for name in called]
    return first_few(names, _MAX_NAMED)


def _calls_left(count: int) -> str:
    return "a call is left" if count == 1 else f"{count} calls are left"


def _call_in_content(
    calls: tuple[ParsedCall, ...], diagnostics: tuple[Diagnostic, ...], form: str
) -> Diagnostic:
    from hermes_tui.parsers.recognise import flag_for

    cause = next((d for d in diagnostics if d.severity is Severity.ERROR), None)
    hint = reader_hint(flag_for(form))
    if cause is not None:
        hint = f"{cause.code.value}: {cause.message}"
        if cause.hint:
            hint += f"; {cause.hint}"
    return calls_in_content(calls, hint)


def calls_in_content(calls: Sequence[ParsedCall], hint: str, form: str = "") -> Diagnostic:
    """Return the finding for calls in a text; `hint` and `form` are as in `call_in_content`."""
    from hermes_tui.parsers.probe import is_readable

    readable = sum(map(is_readable, calls))
    return call_in_content([call.name for call in calls], calls[0].span, readable, hint, form)


def call_in_content(
    called: Sequence[str | None], span: Span, readable: int, hint: str, form: str = ""
) -> Diagnostic:
    """Return the finding for calls of the tools `called` in a text, the first at `span`.

    `readable` is how many of them can be read, `form` how they are written (such as " as hermes").
    """
    return Diagnostic(
        Code.CALL_IN_CONTENT,
        Severity.ERROR,
        f"{_calls_left(len(called))} in the text{form}, none in tool_calls ({listed(called)}); "
        f"{readable} of {len(called)} can be read",
        span,
        hint,
    )


@cache
def sound_hint(*, are_functions: bool) -> str:
    """Return the hint for calls without flaws that were left in a text."""
    from hermes_tui.parsers.recognise import flag_for

    return reader_hint(flag_for(_FUNCTION_FORMAT if are_functions else _FLAWLESS_FORMAT))


def bare_in_content(calls: tuple[ParsedCall, ...]) -> Diagnostic:
    """Return the finding for a text that consists of calls as bare JSON."""
    names = listed(call.name for call in calls)
    return Diagnostic(
        Code.CALL_IN_CONTENT,
        Severity.ERROR,
        f"{_calls_left(len(calls))} in the text as bare JSON, none in tool_calls ({names})",
        calls[0].span,
        f"the model left out the markup, or a template or parser removed it; {NO_SERVER_PARSER}",
    )


def _repeated_in_text(calls: tuple[ParsedCall, ...], native: int) -> Diagnostic:
    names = listed(call.name for call in calls)
    return Diagnostic(
        Code.CALL_IN_CONTENT,
        Severity.NOTE,
        f"{_calls_left(len(calls))} in the text next to {native} in tool_calls ({names})",
        calls[0].span,
        "those in tool_calls count: the text repeats them, or the server's parser read only some",
    )


def foreign_in_content(name: str, flag: str) -> Diagnostic:
    """Return the finding for a text without calls, but with the markers of the format `name`.

    `flag` is the server flag for the format, empty if there is none.
    """
    return Diagnostic(
        Code.CALL_IN_CONTENT,
        Severity.ERROR,
        f"the text contains call markup of another format: {name}",
        hint=f"no call was read from it; {reader_hint(flag)}",
    )


def content_without_calls(text: str, calls: Iterable[ToolCall]) -> str:
    """Return `text` without the markup of the calls that were read from it.

    With the markup left in, the next prompt would hold each call twice.
    """
    spans = [c.span for c in calls if c.origin is Origin.TEXT and c.span is not None]
    if not spans:
        return text
    return "".join(text[left.start : left.end] for left in gaps(spans, len(text))).strip()
