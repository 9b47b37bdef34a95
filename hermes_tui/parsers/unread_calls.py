"""Finds calls in a text from which no call was read: the one rule for live and for saved runs.

    surely:  the text contains markers of another format, or is bare call JSON as a whole
    by name: it calls a declared tool in a way that can be read as a call, and the call is set apart
             from the words around it

These calls are reported and not made, because no engine took the text for calls.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Final

from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.messages import ToolSpec, changed
from hermes_tui.parsers.base import Outcome, ParsedCall, Parser, ParseResult
from hermes_tui.parsers.embedded import bare_call_json
from hermes_tui.parsers.literals import FAILED
from hermes_tui.parsers.reasoning_tags import has_reasoning_tag, without_thoughts
from hermes_tui.parsers.recognise import foreign_format
from hermes_tui.parsers.text_calls import (
    NO_SERVER_PARSER,
    TextReading,
    bare_in_content,
    calls_in_content,
    foreign_in_content,
    form_of,
    may_be_unread,
    may_hold_call,
    reader_hint,
    with_findings,
)

if TYPE_CHECKING:
    from hermes_tui.parsers.normalise import Normalised


_NOTHING: Final = TextReading([], [])
_MAX_NAMED: Final = 4
_MAX_TRIED: Final = 20_000
"""Longest text, in characters, that is given to other parsers to find those that read it."""
_USUAL_FORMAT: Final = "llama3_json"
"""The format that bare JSON usually is."""
_SAMPLES: Final = {
    "xlam": '[{"name": "f", "%s": {"a": "b"}}]',
    _USUAL_FORMAT: '{"name": "f", "%s": {"a": "b"}}',
    "pythonic": '[f(a="b")]',
}
_OTHER_CHANNELS: Final = re.compile(
    r"\s*+(?:(?:analysis|commentary).{0,20000}assistant)?\s*+", re.DOTALL
)
"""Harmony's text before a call, as it looks without the special tokens."""
_MENTION_CODES: Final = (Code.MARKER_IN_PROSE, Code.MARKER_IN_FENCE)
_AROUND: Final = 80
_SET_APART_BEFORE: Final = re.compile(r"(?:\A|\n|[.!?:…。！？：])[ \t]*+\Z")
_SET_APART_AFTER: Final = re.compile(r"[ \t]*+(?:\Z|[\r\n<;]|\[/?[A-Z_]+\])")


def with_unread(found: Normalised, tools: Sequence[ToolSpec]) -> Normalised:
    """Return a message with the unread calls found once the run's declared tools are known."""
    text = found.message.text
    if not found.unread or not tools:
        return found
    if not may_be_unread(text, [tool.name for tool in tools]) and not found.diagnostics:
        return found
    calls, findings, _ = unread_calls(text, tools)
    if not findings:
        return found
    stale = {Code.CALL_IN_CONTENT, *([Code.CALLED_EMPTY] if calls else ())}
    kept = [one for one in found.diagnostics if one.code not in stale and one not in findings]
    message = changed(found.message, calls=len(calls))
    return found._replace(message=message, calls=tuple(calls), diagnostics=(*findings, *kept))


def unread_calls(text: str, tools: Sequence[ToolSpec]) -> TextReading:
    """Return the calls in a model's `text` from which none was read, and the findings about them.

    Calls of a format with markers are only returned if `tools` are given: without a schema a value
    between tags has no type.
    """
    if not (may_hold_call(text) or "(" in text):
        return _NOTHING
    marker = foreign_format(text)
    words = without_thoughts(text) if has_reasoning_tag(text) else text
    if bare := bare_call_json(words):
        reading = with_findings(bare, ())
        finding = bare_in_content(bare)
        rule = "xlam" if words[: bare[0].span.start].rstrip().endswith("[") else _USUAL_FORMAT
        hint = f"{_readers(words, tools, bare, rule)}; {finding.hint}"
        return TextReading(reading.calls, [changed(finding, hint=hint)])
    if marker and foreign_format(words):
        return _calls_of_markers(text, tools, marker)
    found = _calls_of_declared(text, words, tools)
    return _calls_in_reasoning(text, tools) if marker and not found.diagnostics else found


def _calls_in_reasoning(text: str, tools: Sequence[ToolSpec]) -> TextReading:
    """Return the findings about a text with markers only in its reasoning."""
    from hermes_tui.parsers.auto import Auto

    findings = Auto().parse(text, tools).diagnostics
    return TextReading([], [one for one in findings if one.code is Code.MARKER_IN_REASONING])


def _calls_of_markers(text: str, tools: Sequence[ToolSpec], marker: str) -> TextReading:
    """Return the calls and findings of a text with the markers of a format."""
    from hermes_tui.parsers.auto import Auto
    from hermes_tui.parsers.recognise import flag_for, formats_in

    result = Auto().parse(text, tools)
    mentions = [one for one in result.diagnostics if one.code in _MENTION_CODES]
    if mentions and not result.calls:
        return TextReading([], mentions)
    seen, rule = formats_in(text), form_of(result)
    flag = flag_for(rule) or (flag_for(seen[0].format) if seen else "")
    if not result.calls:
        return TextReading([], [foreign_in_content(marker, flag)])
    found = _reported(result, reader_hint(flag), f" as {rule or marker}")
    return found if tools else found._replace(calls=[])


def _calls_of_declared(text: str, words: str, tools: Sequence[ToolSpec]) -> TextReading:
    """Return the calls and findings of a text without markers, by the tools that it names."""
    if not may_be_unread(words, [tool.name for tool in tools]):
        return _NOTHING
    from hermes_tui.parsers.auto import Auto
    from hermes_tui.parsers.lost_tokens import token_hint

    result = Auto().parse(text, tools)
    rule = form_of(result)
    if not result.calls or not _are_calls(words, result, rule, tools):
        return _NOTHING
    lost = next((one for one in result.diagnostics if one.code is Code.NO_MARKER), None)
    if lost is not None and "special tokens" in lost.message:
        hint = f"{lost.message}: {token_hint(rule)}; {NO_SERVER_PARSER}"
    else:
        hint = f"{_readers(words, tools, result.calls, rule)}; {NO_SERVER_PARSER}"
    return _reported(result, hint)


def _reported(result: ParseResult, hint: str, form: str = "") -> TextReading:
    """Return the calls of a reading with a finding that names the first error, then the `hint`."""
    wrong = _call_errors(result)
    if wrong:
        hint = f"{wrong[0].code.value}: {wrong[0].message}; {hint}"
    calls = with_findings(result.calls, wrong).calls
    return TextReading(calls, [calls_in_content(result.calls, hint, form)])


def _are_calls(words: str, result: ParseResult, rule: str, tools: Sequence[ToolSpec]) -> bool:
    """Return whether these are calls, not prose, code or data that looks alike and names a tool."""
    from hermes_tui.parsers.lost_tokens import TOKENLESS_FORMATS

    known = {tool.name: tool for tool in tools}
    called = [(call, name) for call in result.calls if (name := _plain(call)) in known]
    is_lost = rule in TOKENLESS_FORMATS
    if not called or (not is_lost and any(call.verdict == FAILED for call, _ in called)):
        return False
    if any(_lacks_all(call, known[name]) for call, name in called):
        return False
    if is_lost or _OTHER_CHANNELS.fullmatch(result.content or ""):
        return True
    first, last = result.calls[0].span, result.calls[-1].span
    if rule == "pythonic" and (words[first.start : first.start + 1] != "[" or "```" in words):
        return False
    before = words[max(0, first.start - _AROUND) : first.start]
    return bool(_SET_APART_BEFORE.search(before)) and bool(_SET_APART_AFTER.match(words, last.end))


def _plain(call: ParsedCall) -> str:
    """Return the name of a call without the package that it may be prefixed with."""
    return (call.name or "").rpartition(".")[2]


def _lacks_all(call: ParsedCall, tool: ToolSpec) -> bool:
    """Return whether a call has no arguments although its tool requires some."""
    schema = tool.parameters if isinstance(tool.parameters, dict) else {}
    return call.value == {} and bool(schema.get("required"))


def _call_errors(result: ParseResult) -> tuple[Diagnostic, ...]:
    """Return the errors of the calls, except missing markers and unknown names."""
    ignored = (Code.NO_MARKER, Code.NAME_UNKNOWN)
    return tuple(
        one
        for one in result.diagnostics
        if one.call_index is not None and one.code not in ignored and one.severity is Severity.ERROR
    )


def _readers(text: str, tools: Sequence[ToolSpec], meant: Sequence[ParsedCall], rule: str) -> str:
    """Return a hint that names the engines' parsers that read these calls in `text`.

    Each of them has parsed the text, unless it is too long for that.
    """
    from hermes_tui.parsers.misread_calls import called_tools
    from hermes_tui.parsers.probe import is_same
    from hermes_tui.parsers.recognise import flag_for

    flag = flag_for(rule)
    if len(text) > _MAX_TRIED:
        return f"{flag or flag_for(_USUAL_FORMAT)} is made for such texts"
    known = tools or called_tools(ParseResult(Outcome.CALLS, tuple(meant)))
    found: list[str] = []
    for parser in _candidates(rule):
        if is_same(parser.parse(text.strip(), known).calls, meant):
            found.append(parser.name)
        if len(found) == _MAX_NAMED:
            break
    if found:
        return f"read unchanged by {', '.join(found)}"
    lacking = "no parser reads it unchanged"
    return f"{lacking}; {flag} reads it once the missing markers are there" if flag else lacking


@cache
def _candidates(rule: str) -> tuple[Parser, ...]:
    """Return the engines' parsers that may read calls of the format `rule`, or all of them."""
    from hermes_tui.parsers.choice import AUTO, parsers

    candidates = [parser for parser in parsers() if parser.name != AUTO]
    candidates.sort(key=lambda parser: not parser.name.startswith(("vllm/", "sglang/")))
    sample = _SAMPLES.get(rule, "")
    if not sample:
        return tuple(candidates)
    texts = {sample % key if "%" in sample else sample for key in ("arguments", "parameters")}
    tools = (ToolSpec("f", parameters={"type": "object"}),)
    return tuple(
        parser for parser in candidates if any(parser.parse(text, tools).calls for text in texts)
    )
