"""Delivery or loss of a call, given the name and value that an SGLang 0.5.23 detector has read."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.spans import Span
from hermes_tui.parsers.engines.base import Refused, Trace
from hermes_tui.parsers.engines.json_text import dumps
from hermes_tui.parsers.engines.name_flaws import flag_name
from hermes_tui.parsers.engines.other_parsers import calls_by
from hermes_tui.parsers.engines.sglang_arguments import Read


def deliver_known(
    trace: Trace,
    whole: Span,
    name_span: Span,
    value: Any,
    arguments_span: Span | None,
    places: Mapping[str, Span] = MappingProxyType({}),
) -> None:
    """Deliver a call if its name is that of a declared tool; empty arguments become {}.

    Raises Refused if the arguments contain a value that JSON cannot hold.
    """
    name = trace.text[name_span.start : name_span.end]
    if name not in trace.tools:
        drop_unknown(trace, name, whole, name_span)
        return
    try:
        arguments = dumps(value or {})
    except (TypeError, ValueError, RecursionError) as error:
        raise Refused(f"arguments that JSON cannot hold: {error}") from None
    trace.call(
        name,
        arguments,
        whole,
        name_span=name_span,
        arguments_span=arguments_span,
        value=value or {},
        places=places,
    )


def drop_unknown(trace: Trace, name: str, whole: Span, name_span: Span) -> None:
    """Drop a call whose name matches no tool; its text is lost."""
    if name.strip():
        flag_name(trace, name, name_span)
    else:
        message = "the call has no name"
        trace.flag(Code.NAME_MISSING, Severity.ERROR, name_span, message, "it is dropped")
    drop(trace, whole, "no declared tool has this name", "SGLANG_FORWARD_UNKNOWN_TOOLS=1 helps")


LOGGED = "the reason is in its log only"


def drop(trace: Trace, whole: Span, why: str, hint: str = LOGGED) -> None:
    """Drop a call together with its text."""
    message = f"SGLang drops this call and its text: {why}"
    trace.flag(Code.SILENT_DROP, Severity.ERROR, whole, message, hint)
    trace.step("call", whole, "dropped", why)


def remove_drop_findings(trace: Trace) -> None:
    """Remove the findings about dropped calls because the whole text is kept after all."""
    trace.diagnostics[:] = [one for one in trace.diagnostics if one.code is not Code.SILENT_DROP]


def flag_values(
    trace: Trace, values: dict[str, Read], places: Mapping[str, Span], index: int
) -> None:
    """Flag the values of call `index` that could not be converted, or had no schema."""
    for key, read in values.items():
        place = places[key]
        if read.failed:
            code, message = Code.COERCE_FAILED, f"{key[:60]}: the text is not {read.failed}"
            hint = "SGLang passes on what its fallback reads; validate before running it"
        elif read.pythonic:
            code, message = Code.PY_LITERAL, f"{key[:60]}: not JSON, read as a Python literal"
            hint = "vLLM passes it on as text" if _is_text_in_vllm(trace, key, place) else ""
        elif read.guessed:
            code, message = Code.TYPE_GUESSED, f"{key[:60]}: no schema, so its text was converted"
            hint = "a text that looks like a number, true, false or null does not stay text"
        else:
            continue
        trace.flag(code, Severity.WARNING, place, message, hint, index)


def _is_text_in_vllm(trace: Trace, key: str, place: Span) -> bool:
    """Return whether vLLM's parser of this name delivers the value at `place` as a string."""
    values = [call.value for call in calls_by(trace, f"vllm/{trace.info.parser}", place)]
    return any(isinstance(value, dict) and isinstance(value.get(key), str) for value in values)


def extend_over_markers(trace: Trace, opener: str, closer: str) -> None:
    """Extend the first and last call over the markers around them if only blanks are between."""
    if not trace.calls:
        return
    first = trace.calls[0]
    start = trace.text.rfind(opener, 0, first.span.start)
    if start >= 0 and not trace.text[start + len(opener) : first.span.start].strip():
        trace.calls[0] = first._replace(span=Span(start, first.span.end))
        flag_doubled_opener(trace, opener, start)
    last = trace.calls[-1]
    end = trace.text.find(closer, last.span.end)
    if end >= 0 and not trace.text[last.span.end : end].strip():
        trace.calls[-1] = last._replace(span=Span(last.span.start, end + len(closer)))


def flag_doubled_opener(trace: Trace, opener: str, start: int) -> None:
    """Flag the marker around all calls, which is at `start`, if it occurs twice there."""
    if trace.text.endswith(opener, 0, start):
        message = f"{opener} appears twice, which the engine accepts"
        hint = "open the section once"
        begin = start - len(opener)
        trace.flag(Code.NESTED_OPEN, Severity.WARNING, Span(begin, start), message, hint, 0)
