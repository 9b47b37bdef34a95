"""Attributes of a span by name, in any of the spellings that writers use.

    flat    {"llm.input_messages.0.message.role": "user"}     OpenInference, OpenLLMetry
    nested  {"llm": {"input_messages": [{"message": {"role": "user"}}]}}
    mixed   {"llm.input_messages": [{"message.role": "user"}]}

`Attributes` holds all of them as one flat object, in which lists contain nested objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.model.whole_numbers import whole_number
from hermes_tui.parsers.measures import whole

MAX_LEVELS = 24
"""The most components of a dotted name that are split; deeper ones stay together."""
_INDEX_DIGITS = 9


class Attributes:
    """The attributes of one span."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.flat: dict[str, Any] = {}
        self._flatten(raw, "", 0)

    def _flatten(self, raw: Mapping[str, Any], prefix: str, level: int) -> None:
        for key, value in raw.items():
            name = f"{prefix}{key}"
            if isinstance(value, dict) and value and level < MAX_LEVELS:
                self._flatten(value, f"{name}.", level + 1)
                if name in _OBJECTS:
                    self.flat[name] = value
            else:
                self.flat[name] = value

    def first(self, *names: str) -> Any:
        """Return the first of these attributes that is not empty, or None if there is none."""
        for name in names:
            value = self.flat.get(name)
            if not fields.is_empty(value):
                return value
        return None

    def label(self, *names: str) -> str:
        return fields.label(self.flat, *names)

    def number(self, *names: str) -> float | None:
        found = (fields.number(self.flat.get(name)) for name in names)
        return next((value for value in found if value is not None), None)

    def count(self, *names: str) -> int | None:
        found = self.number(*names)
        return whole(found) if found is not None and found >= 0 else None

    def listed(self, name: str) -> list[Any]:
        """Return the list of this name: a single value, or spread over `name.0…`, `name.1…`."""
        whole = decode_if_json(self.flat.get(name))
        if isinstance(whole, list):
            return [nested(item) for item in whole]
        spread: dict[int, dict[str, Any]] = {}
        for key, value in self.flat.items():
            if not key.startswith(f"{name}."):
                continue
            index, _, rest = key[len(name) + 1 :].partition(".")
            if (number := whole_number(index, max_digits=_INDEX_DIGITS)) is not None:
                spread.setdefault(number, {})[rest] = value
        return [_element(spread[index]) for index in sorted(spread)]


_OBJECTS = frozenset(
    {
        "gen_ai.tool.call.arguments",
        "gen_ai.tool.call.result",
        "tool_arguments",
        "tool_response",
        "input.value",
        "output.value",
        "metadata",
        "tool.json_schema",
        "llm.invocation_parameters",
    }
)
"""Attributes that form one value even if they are objects."""


def nested(value: Any, level: int = 0) -> Any:
    """Return a value whose objects have nested objects in place of names with dots."""
    if isinstance(value, list) and level < MAX_LEVELS:
        return [nested(item, level + 1) for item in value]
    if not isinstance(value, dict) or level >= MAX_LEVELS:
        return value
    return _element({str(key): nested(item, level + 1) for key, item in value.items()})


def _element(spread: Mapping[str, Any]) -> Any:
    """Return the object for members with dots in their names."""
    if spread.keys() == {""}:
        return spread[""]
    found: dict[str, Any] = {}
    for name, value in spread.items():
        *path, last = name.split(".", MAX_LEVELS)
        inner = found
        for step in path:
            following = inner.get(step)
            if not isinstance(following, dict):
                following = inner[step] = {}
            inner = following
        earlier = inner.get(last)
        inner[last] = (
            {**earlier, **value} if isinstance(earlier, dict) and isinstance(value, dict) else value
        )
    return _with_lists(found)


def _with_lists(value: Any, level: int = 0) -> Any:
    """Return a value in which objects with numeric names are lists."""
    if not isinstance(value, dict) or level > MAX_LEVELS:
        return value
    found = {key: _with_lists(item, level + 1) for key, item in value.items()}
    if found and all(whole_number(key, max_digits=_INDEX_DIGITS) is not None for key in found):
        return [found[key] for key in sorted(found, key=int)]
    return found


def any_value(value: Any, level: int = 0) -> Any:
    """Return the value of an attribute in OTLP JSON: `{"stringValue": …}` and the like."""
    if not isinstance(value, dict) or level > MAX_LEVELS:
        return value
    for key, item in value.items():
        # Phoenix lists every type that a value could have.
        match key.replace("_value", "Value") if item is not None else "":
            case "intValue":
                return int(item) if isinstance(item, str) and _is_int(item) else item
            case "stringValue" | "doubleValue" | "boolValue" | "bytesValue":
                return item
            case "arrayValue":
                items = fields.as_list(fields.as_dict(item).get("values"))
                return [any_value(one, level + 1) for one in items]
            case "kvlistValue":
                return key_values(fields.as_dict(item).get("values"), level + 1)
    return None


def key_values(listed: Any, level: int = 0) -> dict[str, Any]:
    """Return the object for a list of `{"key", "value"}`."""
    return {
        fields.label(pair, "key"): any_value(pair.get("value"), level)
        for pair in fields.as_list(listed)
        if isinstance(pair, dict)
    }


def _is_int(text: str) -> bool:
    return len(text) < 20 and text.removeprefix("-").isdecimal()


def exception_in(events: Iterable[tuple[str, Mapping[str, Any]]]) -> str:
    """Return the message of the exception among the events of a span, or "" if there is none."""
    for name, attributes in events:
        if name == "exception":
            return fields.labels(attributes, "exception.type", "exception.message")
    return ""
