"""Why a parser reads no call from a text, if the parser itself reports no reason."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.spans import Span
from hermes_tui.parsers.engines.audit import SHORTEST_MARKER
from hermes_tui.parsers.engines.markers import FormatMarker, near_marker, seen_formats
from hermes_tui.parsers.engines.name_flaws import shown
from hermes_tui.parsers.engines.other_parsers import cure, flag_that_reads

if TYPE_CHECKING:
    from hermes_tui.parsers.engines.base import Trace

_OPEN_BRACKET = re.compile(r"[\[{]")
NO_CALL_HINT = "finish_reason is `stop` or `length`: nothing tells the client that a call was meant"
"""The consequence of `tools_called` without a call: servers check the calls, not that flag."""


def audit_no_calls(trace: Trace, *, called: bool) -> None:
    """Flag why there is no call, unless a finding explains it already."""
    length = len(trace.text)
    if called:
        message = "the parser reports a call, but has none"
        trace.flag(Code.CALLED_EMPTY, Severity.ERROR, Span(0, length), message, NO_CALL_HINT)
    if not trace.text:
        return
    if any(_explains(found) for found in trace.diagnostics):
        _flag_read_elsewhere(trace)
        return
    if _flag_own_markers(trace):
        return
    others = [seen for seen in seen_formats(trace.text) if not _is_own_format(trace, seen.format)]
    if others:
        first = others[0]
        rest = Span(first.span.start, length)
        _flag_other_format(trace, first, cure(trace, first.format, first.flag, rest))
        return
    if near := near_marker(trace.text):
        message = f"almost a marker: {shown(trace.text[near.start : near.end])}"
        hint = f"{trace.info.name} looks for {_markers(trace)}"
        trace.flag(Code.MARKER_VARIANT, Severity.ERROR, near, message, hint)
        return
    message = "no marker of this format: the text is a plain answer"
    hint = f"{trace.info.name} looks for {_markers(trace)}"
    trace.flag(Code.NO_MARKER, Severity.NOTE, Span(0, length), message, hint)


def _flag_read_elsewhere(trace: Trace) -> None:
    """Flag a text of another format if its parser delivers the call.

    Without a marker of this parser in the text, the flaws that it found are only consequences.
    """
    if not trace.info.markers or any(marker in trace.text for marker in trace.info.markers):
        return
    if any(one.code is Code.WRONG_FORMAT for one in trace.diagnostics):
        return
    seen = next(iter(seen_formats(trace.text)), None)
    if seen is None or _is_own_format(trace, seen.format):
        return
    if _OPEN_BRACKET.search(trace.text, 0, seen.span.start):
        return  # the marker may be in a value of a call
    rest = Span(seen.span.start, len(trace.text))
    if flag := flag_that_reads(trace, seen.format, seen.flag, rest):
        _flag_other_format(trace, seen, f"{flag} reads it")


def _flag_other_format(trace: Trace, seen: FormatMarker, hint: str) -> None:
    message = f"this is written as {seen.format}, which {trace.info.name} does not read"
    trace.flag(Code.WRONG_FORMAT, Severity.ERROR, seen.span, message, hint)


def _explains(finding: Diagnostic) -> bool:
    """Return whether a finding can be the reason why there is no call."""
    return finding.severity is not Severity.NOTE and finding.code is not Code.STRAY_SPECIAL


def _flag_own_markers(trace: Trace) -> bool:
    """Flag markers of the parser's own format without a call; return whether there are any."""
    markers = [marker for marker in trace.info.markers if len(marker) >= SHORTEST_MARKER]
    first = trace.text.find(markers[0]) if markers else -1
    if first >= 0:
        end = first + len(markers[0])
        message = "a marker of this format, but no call after it"
        hint = f"{trace.info.name} expects a call right after {shown(markers[0])}"
        trace.flag(Code.WRONG_FORMAT, Severity.ERROR, Span(first, end), message, hint)
        return True
    for marker in markers[1:]:
        at = trace.text.find(marker)
        if at >= 0:
            message = f"{shown(marker)} without {shown(markers[0])} before it"
            hint = "the opening marker is missing: in the prompt, or dropped as a special token?"
            trace.flag(Code.ORPHAN_CLOSE, Severity.ERROR, Span(at, at + len(marker)), message, hint)
            return True
    return False


def _is_own_format(trace: Trace, format_name: str) -> bool:
    return format_name == trace.info.format or format_name in trace.info.format.split("+")


def _markers(trace: Trace) -> str:
    return " or ".join(shown(marker) for marker in trace.info.markers) or trace.info.format
