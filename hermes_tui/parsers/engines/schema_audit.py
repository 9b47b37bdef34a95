"""Arguments of calls that violate the tool's schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.messages import ToolSpec
from hermes_tui.model.spans import Span
from hermes_tui.model.wording import shortened
from hermes_tui.parsers.coercion import required_names
from hermes_tui.parsers.engines.members import members_in

if TYPE_CHECKING:
    from hermes_tui.parsers.engines.base import Trace

_MAX_LISTED = 8
_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list, tuple),
    "null": (type(None),),
}


class _Violation(NamedTuple):
    """A violation of the schema; `key` is the argument concerned, empty for all of them."""

    key: str
    message: str


def audit_schema(trace: Trace, index: int, value: dict[str, Any], tool: ToolSpec) -> None:
    """Flag violations of the schema of `tool` in call `index`, at the top level only."""
    schema = tool.parameters if isinstance(tool.parameters, dict) else {}
    known = schema.get("properties")
    known = known if isinstance(known, dict) else {}
    found = list(_violations(value, schema, known))
    places = places_of(trace, index) if found else {}
    for key, message in found:
        span = places.get(key) or _fallback_place(trace, index, places)
        hint = f"{tool.name} declares {', '.join(list(known)[:_MAX_LISTED]) or 'nothing'}"
        trace.flag(Code.SCHEMA_VIOLATION, Severity.WARNING, span, message, hint, index)


def places_of(trace: Trace, index: int) -> Mapping[str, Span]:
    """Return the spans of the values of call `index`, by key; empty if they are not known."""
    if trace.places[index]:
        return trace.places[index]
    span = trace.calls[index].arguments_span
    return members_in(trace.text, span) if span else {}


def _fallback_place(trace: Trace, index: int, places: Mapping[str, Span]) -> Span:
    """Return the span of a call's arguments, else of its name, else of the whole call."""
    call = trace.calls[index]
    if call.arguments_span is None and places:
        spans = places.values()
        return Span(min(one.start for one in spans), max(one.end for one in spans))
    return call.arguments_span or call.name_span or call.span


def _violations(
    value: dict[str, Any], schema: dict[str, Any], known: dict[str, Any]
) -> Iterator[_Violation]:
    missing = [key for key in required_names(schema) if key not in value]
    if missing:
        yield _Violation("", f"arguments missing: {', '.join(map(_shown, missing[:_MAX_LISTED]))}")
    extra = [key for key in value if known and key not in known]
    if extra:
        listed = ", ".join(map(_shown, extra[:_MAX_LISTED]))
        yield _Violation(extra[0], f"arguments unknown to the schema: {listed}")
    for key, inner in list(value.items())[: 8 * _MAX_LISTED]:
        if (declared := known.get(key)) and isinstance(declared, dict):
            yield from _mismatch(key, inner, declared)


def _mismatch(key: str, value: Any, declared: dict[str, Any]) -> Iterator[_Violation]:
    kinds = declared.get("type")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if all(isinstance(kind, str) and kind in _KINDS for kind in kinds) and not any(
        _is_a(value, kind) for kind in kinds
    ):
        declares = " or ".join(kinds)
        yield _Violation(key, f"{_shown(key)} is {type(value).__name__}, declared {declares}")
        return
    options = declared.get("enum")
    if isinstance(options, list) and options and value not in options:
        listed = ", ".join(map(_shown, options[:_MAX_LISTED]))
        yield _Violation(key, f"{_shown(key)} is not one of {listed}")


def _is_a(value: Any, kind: str) -> bool:
    if isinstance(value, bool) and kind in ("integer", "number"):
        return False
    return isinstance(value, _KINDS[kind])


def _shown(value: Any) -> str:
    return shortened(repr(value), 60)
