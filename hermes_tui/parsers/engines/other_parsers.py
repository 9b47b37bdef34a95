"""What other emulated parsers read from the same text, so that hints about them are verified."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING

from hermes_tui.model.spans import Span
from hermes_tui.parsers.base import Outcome, ParsedCall
from hermes_tui.parsers.engines.markers import parser_setting

if TYPE_CHECKING:
    from hermes_tui.parsers.engines.base import Trace

_GLM_BODY = re.compile(
    r"\s*+(?P<name>[^\W\d][\w.\-]*+)\s*+(?:(?P<hunyuan><tool_sep>)|(?P<key><arg_key>)|\Z)"
)
_SPAN_START = attrgetter("start")
_CALL_START = attrgetter("span.start")


def cure(trace: Trace, wire_format: str, vllm_name: str, place: Span) -> str:
    """Return the setting by which the engine reads the call of another format at `place`.

    `vllm_name` is vLLM's parser of the format. If no emulated parser of the format delivers the
    call, the hint says so; parsers that are not emulated are named without a check. Empty if the
    format is the parser's own.
    """
    from hermes_tui.parsers.engines.registry import parsers_of

    if wire_format in trace.info.format.split("+"):
        return ""
    if flag := flag_that_reads(trace, wire_format, vllm_name, place):
        return f"{flag} reads it"
    setting = parser_setting(trace.info.engine, vllm_name, wire_format)
    parsers = parsers_of(trace.info.engine, wire_format, setting)
    return f"{setting} is made for it, but reads no call here either" if parsers else setting


def flag_that_reads(trace: Trace, wire_format: str, vllm_name: str, place: Span) -> str:
    """Return the setting of an emulated parser of the format that delivers the call at `place`.

    Empty if none of the engine's parsers does. `vllm_name` is vLLM's parser of the format.
    """
    from hermes_tui.parsers.engines.registry import parsers_of

    setting = parser_setting(trace.info.engine, vllm_name, wire_format)
    parsers = parsers_of(trace.info.engine, wire_format, setting)
    reader = next((one for one in parsers if calls_by(trace, one.name, place)), None)
    return reader.info.flag if reader is not None else ""


def model_of_tags(trace: Trace, body: Span) -> tuple[str, str] | None:
    """Return the model that writes calls like a block's body, GLM or Hunyuan V3, and the remedy.

    None if it is no such call. A body that is only a name must be that of a declared tool: it may
    as well be prose.
    """
    found = _GLM_BODY.match(trace.text, body.start, body.end)
    if not found:
        return None
    if found["hunyuan"]:
        return "Hunyuan V3", cure(trace, "hy_v3", "hy_v3", body)
    if not found["key"] and trace.tools and found["name"] not in trace.tools:
        return None
    flag = flag_that_reads(trace, "glm", "glm45", body)
    return ("GLM", f"{flag} reads it") if flag else None


def hint_if_called(trace: Trace, parser: str, place: Span, hint: str) -> str:
    """Return `hint` if `parser` delivers a call at `place`, else an empty text."""
    return hint if calls_by(trace, parser, place) else ""


def hint_if_kept(trace: Trace, parser: str, place: Span, hint: str) -> str:
    """Return `hint` if `parser` leaves the place as content and delivers no call there."""
    result = trace.elsewhere(parser)
    if result is None or any(_calls_at(result.calls, place)):
        return ""
    return hint if _overlaps_any(result.content_spans, place) else ""


def hint_if_dropped(trace: Trace, parser: str, place: Span, hint: str) -> str:
    """Return `hint` if `parser` drops the place: it becomes neither a call nor content."""
    result = trace.elsewhere(parser)
    if result is None or result.outcome is Outcome.RAISED or any(_calls_at(result.calls, place)):
        return ""
    return hint if _overlaps_any(result.dropped, place) else ""


def calls_by(trace: Trace, parser: str, place: Span) -> list[ParsedCall]:
    """Return the calls that `parser` delivers at `place`, the last first."""
    result = trace.elsewhere(parser)
    return list(_calls_at(result.calls, place)) if result else []


def _calls_at(calls: Sequence[ParsedCall], place: Span) -> Iterator[ParsedCall]:
    """Yield the calls that overlap the place, the last first; `calls` is in text order."""
    for index in range(bisect_left(calls, place.end, key=_CALL_START) - 1, -1, -1):
        if calls[index].span.end <= place.start:
            return
        yield calls[index]


def _overlaps_any(spans: Sequence[Span], place: Span) -> bool:
    """Return whether one of the spans, which are sorted and disjoint, overlaps the place."""
    before = bisect_left(spans, place.end, key=_SPAN_START) - 1
    return before >= 0 and spans[before].overlaps(place)
