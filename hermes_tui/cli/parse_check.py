"""`parse --batch` as a regression test: what lines expect, and where the verdict differs.

A line's `"expected"` holds any of the fields below, spelled as in the rows of `parse --json`;
fields that it omits may have any value. Arguments are equal if they are the same JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from hermes_tui.model.errors import UsageError
from hermes_tui.model.same_json import text_key
from hermes_tui.model.visible import ELLIPSIS, visible_line
from hermes_tui.parsers.compare import common_start

FIELDS: Final = ("outcome", "tool_calls", "content", "reasoning")
_MAX_SHOWN: Final = 160
_MISSING: Final = object()


class Difference(NamedTuple):
    """A place of a row, such as `tool_calls[0].name`, that is not as expected. JSON values.

    Of long values that begin alike, the text shows what is around the first difference.
    """

    at: str
    expected: Any
    read: Any

    def __str__(self) -> str:
        expected, read = (json.dumps(value, ensure_ascii=False) for value in self[1:])
        common = common_start(expected, read)
        start = common - _MAX_SHOWN // 4 if common > _MAX_SHOWN // 2 else 0
        return f"{self.at}: expected {_shown(expected, start)}, read {_shown(read, start)}"


def expected_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the line of a row should expect, if the row is right."""
    calls = [{key: call[key] for key in ("name", "arguments")} for call in row["tool_calls"]]
    return {field: row[field] for field in FIELDS} | {"tool_calls": calls}


def expectation(request: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what a line expects, or None for nothing; raise UsageError if it is malformed."""
    expected = request.get("expected")
    if expected is None:
        return None
    if not isinstance(expected, dict):
        raise UsageError('"expected" is not an object', f"its keys: {', '.join(FIELDS)}")
    unknown = [name for name in expected if name not in FIELDS]
    if unknown:
        message = f'unknown key {visible_line(unknown[0], _MAX_SHOWN)!r} in "expected"'
        raise UsageError(message, f"known: {', '.join(FIELDS)}")
    calls = expected.get("tool_calls", [])
    if not (isinstance(calls, list) and all(isinstance(call, dict) for call in calls)):
        raise UsageError(
            "the expected calls are not a list", '"tool_calls" of {"name", "arguments"}'
        )
    return expected


def differences(expected: Mapping[str, Any], row: Mapping[str, Any]) -> list[Difference]:
    """Return the places in which a row is not as expected."""
    found: list[Difference] = []
    for field, value in expected.items():
        if field == "tool_calls":
            found += _call_differences(value, row[field])
        elif value != row[field]:
            found.append(Difference(field, value, row[field]))
    return found


def _call_differences(
    expected: Sequence[Mapping[str, Any]], read: Sequence[Any]
) -> Iterator[Difference]:
    if len(expected) != len(read):
        yield Difference("tool_calls", _names(expected), _names(read))
        return
    for number, (expected_call, call) in enumerate(zip(expected, read, strict=True)):
        function = expected_call.get("function")
        expected_call = function if isinstance(function, dict) else expected_call
        at = f"tool_calls[{number}]"
        if "name" in expected_call and expected_call["name"] != call["name"]:
            yield Difference(f"{at}.name", expected_call["name"], call["name"])
        arguments = expected_call.get("arguments", _MISSING)
        if arguments is not _MISSING and not _is_same(arguments, call["arguments"]):
            yield Difference(f"{at}.arguments", arguments, call["arguments"])


def _names(calls: Sequence[Mapping[str, Any]]) -> list[Any]:
    return [call.get("name", (call.get("function") or {}).get("name")) for call in calls]


def _is_same(expected: Any, read: str) -> bool:
    text = expected if isinstance(expected, str) else json.dumps(expected)
    return text == read or text_key(text) == text_key(read)


def _shown(text: str, start: int) -> str:
    """Return the text from `start` on one line, shortened."""
    return ELLIPSIS * bool(start) + visible_line(text[start : start + _MAX_SHOWN + 1], _MAX_SHOWN)
