"""Where the arguments of a call are not what the tool's schema declares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.messages import ToolSpec
from hermes_tui.parsers.base import ParsedCall
from hermes_tui.parsers.coercion import required_names

if TYPE_CHECKING:
    from hermes_tui.parsers.engines.base import Trace

_MOST = 8
_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list, tuple),
    "null": (type(None),),
}


def audit_schema(
    trace: Trace, call: ParsedCall, index: int, value: dict[str, Any], tool: ToolSpec
) -> None:
    """Flag what the schema of `tool` does not allow; the top level only."""
    schema = tool.parameters if isinstance(tool.parameters, dict) else {}
    span = call.arguments_span or call.span
    known = schema.get("properties")
    known = known if isinstance(known, dict) else {}
    for message in _violations(value, schema, known):
        hint = f"{tool.name} declares {', '.join(list(known)[:_MOST]) or 'nothing'}"
        trace.flag(
            Code.SCHEMA_VIOLATION, Severity.WARNING, span.start, span.end, message, hint, index
        )


def _violations(
    value: dict[str, Any], schema: dict[str, Any], known: dict[str, Any]
) -> Iterator[str]:
    missing = [key for key in required_names(schema) if key not in value]
    extra = [key for key in value if known and key not in known]
    for keys, what in ((missing, "missing"), (extra, "unknown to the schema")):
        if keys:
            yield f"arguments {what}: {', '.join(map(_shown, keys[:_MOST]))}"
    for key, inner in list(value.items())[: 8 * _MOST]:
        if (declared := known.get(key)) and isinstance(declared, dict):
            yield from _mismatch(key, inner, declared)


def _mismatch(key: str, value: Any, declared: dict[str, Any]) -> Iterator[str]:
    kinds = declared.get("type")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if all(isinstance(kind, str) and kind in _KINDS for kind in kinds) and not any(
        _is_a(value, kind) for kind in kinds
    ):
        yield f"{_shown(key)} is {type(value).__name__}, declared {' or '.join(kinds)}"
        return
    options = declared.get("enum")
    if isinstance(options, list) and options and value not in options:
        yield f"{_shown(key)} is none of {', '.join(map(_shown, options[:_MOST]))}"


def _is_a(value: Any, kind: str) -> bool:
    if isinstance(value, bool) and kind in ("integer", "number"):
        return False
    return isinstance(value, _KINDS[kind])


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
