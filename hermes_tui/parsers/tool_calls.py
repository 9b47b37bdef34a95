"""Tool calls in a message's own field, in any form in which they arrive.

entry := {"id", "type", "function": {"name", "arguments"}}        dict
       | {"id", "type": "custom", "custom": {"name", "input"}}    dict, verdict `custom`
       | {"name", "arguments"|"args"|"input"|"parameters", …}     flat dict
       | {"name", "input": {"__unparsedToolInput": {"raw"}}}      flat dict of Claude Code
       | JSON text of one of these                                as it decodes
       | an SDK object with the same attributes                   object, custom-object
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.messages import ArgumentsState, IdState, Origin, ToolCall
from hermes_tui.model.wording import first_line
from hermes_tui.parsers.call_arguments import Arguments, read_arguments
from hermes_tui.parsers.plain_values import decode, json_text, members

Found = tuple[ToolCall, tuple[Diagnostic, ...]]

_ABSENT = object()
_CALL_FIELDS = frozenset({"tool_calls", "toolCalls", "invalid_tool_calls", "function_call"})
_ARGUMENT_KEYS = ("arguments", "args", "input", "parameters", "params")
_NAME_KEYS = ("name", "tool_name", "toolName", "function")
_ID_KEYS = ("id", "call_id", "tool_call_id", "toolCallId", "tool_use_id", "toolUseId")
_RESPONSES_ID_KEYS = ("call_id", *_ID_KEYS)
_UNPARSED_KEY = "__unparsedToolInput"
_WRAPPERS = ("functionCall", "function_call", "tool_call", "toolUse", "value")
_WRAPPERS_WITHOUT_IDS = frozenset({"functionCall", "function_call", "value"})
"""Wrappers in formats whose calls have no ids."""


class _Shape(NamedTuple):
    """The raw parts of a call. `has_ids`: calls of this form carry an id."""

    origin: Origin
    name: Any
    arguments: Any
    id: Any = _ABSENT
    has_ids: bool = True
    custom: bool = False
    arguments_key: str = "arguments"


def read_calls(
    raw: Mapping[str, Any], blocks: list[dict[str, Any]], *, may_call: bool = True
) -> tuple[list[Found], list[Diagnostic]]:
    """Return the calls of a message, in order, and the findings about the field as a whole.

    `blocks` are the call parts of its content. An empty list is reported only if `may_call`.
    """
    if not blocks and _CALL_FIELDS.isdisjoint(raw):
        return [], []
    entries: list[Any] = []
    findings: list[Diagnostic] = []
    for key in ("tool_calls", "toolCalls"):
        if key in raw and (value := raw[key]) is not None:
            entries += _entries(key, value, findings, may_call)
    if isinstance(invalid := raw.get("invalid_tool_calls"), list):
        entries += invalid
    calls = [read_call(entry, index) for index, entry in enumerate((*entries, *blocks))]
    if legacy := raw.get("function_call"):
        entry = {"function_call": members(legacy) or legacy}
        calls.append(read_call(entry, len(calls), raw=legacy))
    return calls, findings


def _entries(key: str, value: Any, findings: list[Diagnostic], may_call: bool) -> list[Any]:
    if isinstance(value, str):
        if not value.strip():
            return []
        decoded = decode(value)
        if decoded is None and value.strip() == "null":
            return []
        _not_a_list(key, "text" if decoded is None else "JSON text", findings)
        value = value if decoded is None else decoded
    if isinstance(value, tuple):
        value = list(value)
    if isinstance(value, list):
        if not value and may_call:
            findings.append(
                Diagnostic(
                    Code.TOOL_CALLS_EMPTY,
                    Severity.NOTE,
                    f"{key} is an empty list",
                    hint="some clients expect a call then; leave the field out or null",
                )
            )
        return value
    if value in ({}, False):
        return []
    if not findings:
        _not_a_list(key, f"of type {type(value).__name__}", findings)
    return [value]


def _not_a_list(key: str, what: str, findings: list[Diagnostic]) -> None:
    findings.append(
        Diagnostic(Code.SOURCE_DEFECT, Severity.WARNING, f"{key} is not a list but {what}")
    )


def read_call(entry: Any, index: int, *, raw: Any = _ABSENT) -> Found:
    """Return the call in `entry`, as the call number `index` of its message.

    `raw` is the value to keep with the call, `entry` if it is not given.
    """
    shape = _shape_of(entry)
    findings: list[Diagnostic] = []
    arguments = _read_arguments(shape, index, findings)
    name = shape.name if isinstance(shape.name, str) and shape.name.strip() else None
    if name is None:
        findings.append(_name_missing(shape.name, index))
    call_id, id_state = _read_id(shape.id)
    if id_state is not IdState.GIVEN and shape.has_ids:
        findings.append(_id_missing(id_state, name, index))
    raw_value = entry if raw is _ABSENT else raw
    if shape.origin in (Origin.OBJECT, Origin.CUSTOM_OBJECT):
        raw_value = members(raw_value)
    elif not isinstance(raw_value, (str, int, float, list, dict, type(None))):
        raw_value = members(raw_value) or str(raw_value)
    call = ToolCall(
        index=index,
        name=name,
        arguments_text=arguments.text,
        arguments_state=arguments.state,
        arguments=arguments.value,
        id=call_id,
        id_state=id_state,
        origin=shape.origin,
        raw=raw_value,
        verdict="custom" if shape.custom else "",
    )
    return call, tuple(findings)


def _read_arguments(shape: _Shape, index: int, findings: list[Diagnostic]) -> Arguments:
    if shape.custom:
        return _raw_input(shape.arguments)
    if shape.arguments is _ABSENT:
        if shape.origin in (Origin.DICT, Origin.OBJECT):
            findings.append(
                Diagnostic(
                    Code.ARGS_NOT_OBJECT,
                    Severity.WARNING,
                    "the call has no arguments field",
                    hint='a call without arguments needs "{}"',
                    call_index=index,
                )
            )
        return Arguments("", ArgumentsState.MISSING)
    found = read_arguments(shape.arguments, index)
    as_sent = shape.arguments_key == "arguments" or found.state is not ArgumentsState.OBJECT
    findings.extend(found.diagnostics if as_sent else ())
    return found


def _raw_input(value: Any) -> Arguments:
    """Read the input of a custom tool: any text, which may happen to be JSON."""
    if not isinstance(value, str):
        if value is None or value is _ABSENT:
            return Arguments("", ArgumentsState.MISSING)
        return read_arguments(value)
    if not value.strip():
        return Arguments(value, ArgumentsState.EMPTY)
    inner = decode(value) if value.lstrip()[:1] == "{" else None
    if isinstance(inner, dict):
        return Arguments(value, ArgumentsState.JSON_STRING, inner)
    return Arguments(value, ArgumentsState.NOT_JSON)


def _shape_of(entry: Any) -> _Shape:
    if type(entry) is dict:
        function = entry.get("function")
        if type(function) is dict:
            return _openai_shape(entry, function, Origin.DICT)
        return _shape_of_dict(entry)
    if isinstance(entry, str):
        return _shape_of_text(entry)
    if isinstance(entry, dict):
        return _shape_of_dict(entry)
    fields = members(entry)
    if fields is None:
        return _Shape(Origin.UNKNOWN, None, _ABSENT if entry is None else entry, has_ids=False)
    if isinstance(function := fields.get("function"), dict):
        return _openai_shape(fields, function, Origin.OBJECT)
    shape = _shape_of_dict(fields)
    origin = Origin.CUSTOM_OBJECT if shape.custom else Origin.UNKNOWN
    return shape._replace(origin=origin)


def _openai_shape(entry: dict[str, Any], function: dict[str, Any], origin: Origin) -> _Shape:
    return _Shape(
        origin,
        function.get("name"),
        function.get("arguments", _ABSENT),
        entry["id"] if "id" in entry else _first(entry, _ID_KEYS),
    )


def _shape_of_text(entry: str) -> _Shape:
    value = decode(entry)
    if isinstance(value, str):
        value = decode(value)
    if isinstance(value, dict):
        return _shape_of(value)
    return _Shape(Origin.UNKNOWN, None, entry, has_ids=False)


def _shape_of_dict(entry: dict[str, Any], levels: int = 3) -> _Shape:
    if isinstance(function := entry.get("function"), dict):
        return _openai_shape(entry, function, Origin.DICT)
    if isinstance(custom := entry.get("custom"), dict):
        return _custom_shape(Origin.DICT, custom, entry)
    if entry.get("type") in ("custom", "custom_tool_call") and "input" in entry:
        return _custom_shape(Origin.DICT, entry, entry)
    for key in _WRAPPERS if levels else ():
        inner = entry.get(key)
        if isinstance(inner, str) and inner[:1] in ("{", "["):
            inner = decode(inner)
        if isinstance(inner, dict) and "name" not in entry:
            shape = _shape_of_dict(inner, levels - 1)
            own = _first(entry, _ID_KEYS)
            return shape._replace(
                id=own if shape.id is _ABSENT else shape.id,
                has_ids=shape.has_ids and key not in _WRAPPERS_WITHOUT_IDS,
            )
    return _flat_shape(entry)


def _custom_shape(origin: Origin, custom: dict[str, Any], entry: dict[str, Any]) -> _Shape:
    call_id = _first(entry, _RESPONSES_ID_KEYS if custom is entry else _ID_KEYS)
    given = custom.get("input", _ABSENT)
    return _Shape(origin, custom.get("name"), given, call_id, custom=True)


def _flat_shape(entry: dict[str, Any]) -> _Shape:
    key = next((key for key in _ARGUMENT_KEYS if key in entry), "")
    name = _first(entry, _NAME_KEYS)
    if not key and name is _ABSENT:
        return _Shape(Origin.UNKNOWN, None, _ABSENT, _first(entry, _ID_KEYS), has_ids=False)
    ids = _RESPONSES_ID_KEYS if entry.get("type") == "function_call" else _ID_KEYS
    return _Shape(
        Origin.FLAT_DICT,
        None if name is _ABSENT else name,
        _as_written(entry[key]) if key else _ABSENT,
        _first(entry, ids),
        arguments_key=key,
    )


def _as_written(arguments: Any) -> Any:
    """Return the text that Claude Code could not parse, without the object that it wraps it in."""
    if isinstance(arguments, dict) and len(arguments) == 1:
        wrapper = arguments.get(_UNPARSED_KEY)
        if isinstance(wrapper, dict) and isinstance(text := wrapper.get("raw"), str):
            return text
    return arguments


def _first(entry: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    """Return the first value under `keys`; null only if there is no other."""
    found: Any = _ABSENT
    for key in keys:
        if key in entry:
            if entry[key] is not None:
                return entry[key]
            found = None
    return found


def _read_id(value: Any) -> tuple[str | None, IdState]:
    if isinstance(value, str):
        return value, IdState.GIVEN if value.strip() else IdState.EMPTY
    if value is _ABSENT:
        return None, IdState.MISSING
    if value is None:
        return None, IdState.NULL
    return json_text(value), IdState.GIVEN


def _id_missing(state: IdState, name: str | None, index: int) -> Diagnostic:
    how = {IdState.MISSING: "has no id", IdState.NULL: "has the id null"}.get(state)
    return Diagnostic(
        Code.ID_MISSING,
        Severity.WARNING,
        f"the call of {name or 'an unnamed tool'} {how or 'has an empty id'}",
        hint="its result can only be matched by order",
        call_index=index,
    )


def _name_missing(name: Any, index: int) -> Diagnostic:
    if name is None:
        what = "missing or null"
    elif isinstance(name, str):
        what = "empty"
    else:
        what = first_line(json.dumps(name, default=str), 60) if _is_scalar(name) else "no text"
    return Diagnostic(
        Code.NAME_MISSING, Severity.ERROR, f"the call names no tool: {what}", call_index=index
    )


def _is_scalar(value: Any) -> bool:
    return isinstance(value, (int, float))
