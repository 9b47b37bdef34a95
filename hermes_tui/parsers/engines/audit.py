"""Findings about a finished verdict: flawed calls, and text that is lost."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.spans import Span
from hermes_tui.parsers.base import ParsedCall
from hermes_tui.parsers.engines.json_text import BadJson, loads
from hermes_tui.parsers.engines.members import stripped
from hermes_tui.parsers.engines.name_flaws import NameFlaw, name_flaw, shown
from hermes_tui.parsers.engines.other_parsers import cure, model_of_tags
from hermes_tui.parsers.engines.places import audit_places
from hermes_tui.parsers.engines.schema_audit import audit_schema
from hermes_tui.parsers.engines.undelivered_calls import undelivered_call
from hermes_tui.parsers.literals import FAILED, Literal, read_literal
from hermes_tui.parsers.marks import SPECIAL_NAMES

if TYPE_CHECKING:
    from hermes_tui.parsers.engines.base import Trace

SHORTEST_MARKER = 4
"""A shorter marker (a bracket) means nothing in prose."""

_SEPARATORS = " \t\r\n;,[]"
_TOKEN = re.compile(r"<\|[\w▁]{1,40}\|>|<｜[\w▁]{1,40}｜>|</s>|<eos>|<end_of_turn>")
_SPECIAL = re.compile(
    rf"<\|(?:{SPECIAL_NAMES}|user|observation|fim_\w{{1,20}})\|>"
    r"|<｜end▁of▁sentence｜>|</s>|<eos>|<end_of_turn>"
)
_MARKER = re.compile(r"<[^<>\n]{1,60}>|\[[^\[\]\n]{1,60}\]")
_NO_VALUE = re.compile(r"\[?\s*+[^\s\[\]{}\"'“‘`\d-]|\[?\s*+```")
_CALL_LIKE = re.compile(r"\{\s*+\"")
_NONFINITE_HINT = "Python's json accepts it, others refuse it; send null or a string"
_UNREADABLE = object()
_MAX_DETAILED = 20
"""The number of calls with non-JSON arguments whose flaws are reported in detail."""


def audit_calls(trace: Trace) -> None:
    """Flag problems that the delivered calls will cause in a client."""
    failed = 0
    name_flaws: dict[str, NameFlaw | None] = {}
    for index, call in enumerate(trace.calls):
        if trace.findings_full:
            break
        failed += call.verdict == FAILED
        name = call.name or ""
        if name not in name_flaws:
            name_flaws[name] = name_flaw(trace, name)
        if flaw := name_flaws[name]:
            flaw.flag(trace, call.name_span or call.span, index)
        value = _audit_arguments(trace, call, index, detailed=failed <= _MAX_DETAILED)
        tool = trace.tools.get(name)
        if isinstance(value, dict) and tool is not None:
            audit_schema(trace, index, value, tool)
    audit_places(trace)


def _audit_arguments(trace: Trace, call: ParsedCall, index: int, *, detailed: bool) -> Any:
    """Return the value that a client reads from the arguments, or `_UNREADABLE`."""
    span = call.arguments_span or call.span
    if call.verdict == FAILED:
        _flag_raw(trace, call, span, index, detailed=detailed)
        return _UNREADABLE
    value = call.value
    if isinstance(value, str):
        _flag_string(trace, span, value, index)
    elif not isinstance(value, dict):
        message = f"the arguments are {_kind(value)}, not an object"
        trace.flag(Code.ARGS_NOT_OBJECT, Severity.ERROR, span, message, "send {…}", index)
    if call.arguments_span is not None:
        for flaw in read_literal(trace.text, span.start, span.end).flaws:
            at = flaw.span
            message, hint = flaw.message, flaw.hint
            if flaw.code is Code.NONFINITE:
                message, hint = _nonfinite_message(trace, call, at), _NONFINITE_HINT
            trace.flag(flaw.code, Severity.WARNING, at, message, hint, index)
    return value


def _nonfinite_message(trace: Trace, call: ParsedCall, at: Span) -> str:
    """Return a message on how the engine emits the number at `at`, which JSON does not have."""
    written = trace.text[at.start : at.end]
    start = call.arguments.find(written)
    quoted = call.arguments[max(0, start - 1) : start] == '"'
    how = "as a string" if quoted else "unchanged" if start >= 0 else "in another spelling"
    who = trace.info.engine or trace.info.name
    return f"{written[:20]} is not a JSON number: {who} emits it {how}"


def _flag_raw(trace: Trace, call: ParsedCall, span: Span, index: int, *, detailed: bool) -> None:
    try:
        loads(call.arguments)
    except BadJson as error:
        message = f"the engine passes on arguments that are not JSON: {error.message}"
        hint = "the client's json.loads fails; validate before running the call"
        trace.flag(Code.RAW_ARGS, Severity.ERROR, span, message, hint, index)
    if detailed and call.arguments_span is not None:
        flag_payload(trace, span, index)


def _flag_string(trace: Trace, span: Span, value: str, index: int) -> None:
    try:
        inner = loads(value)
    except BadJson:
        inner = None
    twice = isinstance(inner, str)
    code = Code.ARGS_DOUBLE if twice else Code.ARGS_STRING
    message = f"the arguments are a JSON string{', encoded twice' if twice else ''}, not an object"
    hint = "decode once more before running it; the model should send {…}"
    trace.flag(code, Severity.ERROR, span, message, hint, index)


def audit_losses(trace: Trace, dropped: tuple[Span, ...], content: str | None) -> None:
    """Flag text that reaches neither `content` nor a call; losing only markers is no loss."""
    reported = sorted(d.span for d in trace.diagnostics if d.code is Code.SILENT_DROP and d.span)
    remaining = iter(reported)
    current = next(remaining, None)
    for span in dropped:
        while current and current.end <= span.start:
            current = next(remaining, None)
        rest = trace.text[span.start : span.end]
        for marker in trace.info.markers:
            rest = rest.replace(marker, "")
        if not rest.strip(_SEPARATORS) or (current and current.overlaps(span)):
            continue
        if not _TOKEN.sub("", rest).strip(_SEPARATORS):
            _flag_special(trace, span)
            continue
        if trace.calls and (call := undelivered_call(trace, span)):
            message = f"{trace.info.engine} loses the call ({call.name[:60]}): it is neither "
            message += "delivered nor in the content"
            hint = _hint_for(trace, call.span)
            trace.flag(Code.SILENT_DROP, Severity.ERROR, call.span, message, hint)
        elif trace.calls:
            message = f"{trace.info.engine} drops this text: it is in no call and no content"
            hint = "read the raw completion (logprobs) to see what the server hides"
            trace.flag(Code.CONTENT_LOST, Severity.WARNING, span, message, hint)
        else:
            message = f"{trace.info.engine} returns neither a call nor this text"
            effect = "sees only the rest" if content and content.strip() else "gets an empty reply"
            hint = f"the client {effect}; check the format and the tool names"
            trace.flag(Code.SILENT_DROP, Severity.ERROR, span, message, hint)


def _flag_special(trace: Trace, span: Span) -> None:
    """Flag the first special token in a part of the text."""
    found = _SPECIAL.search(trace.text, span.start, span.end)
    if found:
        message = f"a special token in the text: {found[0]}"
        hint = "look at the chat template, the stop tokens and skip_special_tokens"
        trace.flag(Code.STRAY_SPECIAL, Severity.WARNING, Span(*found.span()), message, hint)


def audit_content(trace: Trace, kept: tuple[Span, ...]) -> None:
    """Flag content that looks like another call, next to the delivered calls."""
    marker = trace.info.markers[0] if trace.info.markers else ""
    marker = marker if len(marker) >= SHORTEST_MARKER else ""
    for span in kept:
        if call := undelivered_call(trace, span):
            message = f"the call ({call.name[:60]}) is left in the content"
            hint = _hint_for(trace, call.span)
            trace.flag(Code.CALL_IN_CONTENT, Severity.ERROR, call.span, message, hint)
            return
        at = trace.text.find(marker, span.start, span.end) if marker else -1
        found = _CALL_LIKE.search(trace.text, span.start, span.end)
        if at >= 0:
            message = "a marker of this format that opens no call stays in the content"
            hint = "write it once before each call, and not in prose"
            place = Span(at, at + len(marker))
            trace.flag(Code.MARKER_IN_PROSE, Severity.WARNING, place, message, hint)
            return
        if found:
            message = "this looks like a call and is left in the content"
            hint = "see the steps for why it was not read"
            trace.flag(Code.CALL_IN_CONTENT, Severity.WARNING, Span(*found.span()), message, hint)
            return


def _hint_for(trace: Trace, call: Span) -> str:
    """Return a hint about a sound call that is not read although others are."""
    marker = next((one for one in trace.info.markers if len(one) >= SHORTEST_MARKER), "")
    if (
        marker
        and trace.text.startswith(marker, call.start)
        and trace.text.find(marker) < call.start
    ):
        return f"write {marker} once, and all calls after it"
    return "see the steps for why it was not read"


def flag_payload(trace: Trace, span: Span, index: int | None = None) -> None:
    """Flag what keeps the text in `span` from being one JSON value, and where."""
    if trace.findings_full:
        return
    span = Span(stripped(trace.text, span).start, span.end)
    if _flag_text_before(trace, span, index):
        return
    _flag_special(trace, span)
    literal = read_literal(trace.text, span.start, span.end)
    for flaw in literal.flaws:
        severity = Severity.NOTE if flaw.code is Code.DUP_KEY else Severity.ERROR
        nonfinite = flaw.code is Code.NONFINITE
        message = "not a JSON number" if nonfinite else flaw.message
        trace.flag(flaw.code, severity, flaw.span, message, flaw.hint, index)
    flagged = bool(literal.flaws)
    if literal.cut_at >= 0:
        flagged = True
        _flag_cut(trace, literal, span, index)
    elif literal.rung != FAILED and literal.span.end < span.end:
        flagged = _flag_rest(trace, Span(literal.span.end, span.end), index) or flagged
    elif literal.rung != FAILED and literal.span.end > span.end:
        flagged = True
        _flag_marker_inside(trace, span.end, index)
    if not flagged:
        at = literal.error_at if literal.error_at >= 0 else span.start
        message = f"not JSON: {literal.error or 'no single value'}"
        hint = "one JSON object is expected here"
        trace.flag(Code.JSON_INVALID, Severity.ERROR, Span(at, at + 1), message, hint, index)


def _flag_cut(trace: Trace, literal: Literal, span: Span, index: int | None) -> None:
    """Flag a payload that ends inside its value."""
    at_end = not trace.text[span.end :].strip()
    code = Code.TRUNCATED if at_end else Code.BRACES_MISSING
    where = "inside a string" if literal.cut_in_string else "before its last bracket"
    hint = "raise max_tokens" if at_end else "close what is open before the closing marker"
    start = literal.cut_at if literal.cut_in_string else max(span.start, span.end - 1)
    message = f"the payload ends {where}"
    trace.flag(code, Severity.ERROR, Span(start, span.end), message, hint, index)


def _flag_marker_inside(trace: Trace, start: int, index: int | None) -> None:
    """Flag the marker after `start`, which ends the payload inside a string of sound JSON."""
    while start < len(trace.text) - 1 and trace.text[start].isspace():
        start += 1  # the engine strips the payload
    marker = _MARKER.match(trace.text, start)
    span = Span(start, marker.end() if marker else start + 1)
    reported = (one for one in trace.diagnostics if one.code is Code.MARKER_IN_VALUE)
    if any(one.span is not None and one.span.overlaps(span) for one in reported):
        return
    message = f"{shown(trace.text[span.start : span.end])} inside a string ends the block early"
    hint = "engines do not look at quotes here: write one of its characters as \\uXXXX"
    trace.flag(Code.MARKER_IN_VALUE, Severity.ERROR, span, message, hint, index)


def _flag_text_before(trace: Trace, span: Span, index: int | None) -> bool:
    """Flag text before the first brace of the payload; return whether there is any."""
    if not _NO_VALUE.match(trace.text, span.start, span.end):
        return False
    brace = trace.text.find("{", span.start, span.end)
    code, message, hint = Code.WRONG_FORMAT, "tags where JSON is expected", ""
    if trace.text.startswith("<function", span.start):
        hint = cure(trace, "function-xml", "qwen3_coder", span)
    elif of_tags := model_of_tags(trace, span):
        model, hint = of_tags
        message = f"a call written as {model} does, where JSON is expected"
    elif brace >= 0:
        code, span = Code.EXTRA_TEXT, Span(span.start, brace)
        message, hint = "text before the value", "nothing else is allowed in the block"
    else:
        code, message = Code.JSON_INVALID, "not JSON: no value starts here"
        hint = "one JSON object is expected here"
    trace.flag(code, Severity.ERROR, span, message, hint, index)
    return True


def _flag_rest(trace: Trace, rest: Span, index: int | None) -> bool:
    """Flag text after the value inside its block; return whether there is any."""
    rest = Span(stripped(trace.text, rest).start, rest.end)
    if not len(rest):
        return False
    first = trace.text[rest.start]
    if first in "}])":
        code, rest = Code.BRACES_EXTRA, Span(rest.start, rest.start + 1)
        message, hint = "an extra closing bracket", "remove it"
    elif first in "{[":
        code = Code.MULTI_PAYLOAD
        message, hint = "several values in a one-object block", "write one block per call"
    else:
        code = Code.EXTRA_TEXT
        message, hint = "text after the value", "nothing else is allowed in the block"
    trace.flag(code, Severity.ERROR, rest, message, hint, index)
    return True


def _kind(value: Any) -> str:
    names = {type(None): "null", bool: "a boolean", list: "a list"}
    return names.get(type(value), "a number")
