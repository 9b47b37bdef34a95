"""A call as it arrived next to its normalised form, field by field."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice, zip_longest
from typing import Any

from rich.cells import cell_len, chop_cells

from hermes_tui.model.messages import Origin, ToolCall
from hermes_tui.model.visible import visible
from hermes_tui.ui.key_names import KeyNames
from hermes_tui.ui.render.document import Line, StyledSpan, styled_line
from hermes_tui.ui.render.json_lines import indented

SAME, DECODED, DIFFERENT = "=", "≈", "≠"
"""Marks between the columns: the same value, the same after decoding JSON, another value."""
_LEGEND = f"{SAME} same   {DECODED} same once decoded   {DIFFERENT} different"
_FIELD_NAMES = {
    "name": ("name", "function"),
    "id": ("id", "call_id"),
    "arguments": ("arguments", "args", "input", "parameters"),
}
_ABSENT = object()
MAX_ROWS = 1_000
"""Most rows of a value in the two columns."""


def raw_beside_normalised(call: ToolCall, width: int, keys: KeyNames) -> list[Line]:
    """Return id, name and arguments in two columns of `width` cells together, then the other
    members of the raw call."""
    column = max(12, (width - 18) // 2)
    title = f"{'':<10} {'raw':<{column}}   normalised"
    lines = [
        styled_line(_LEGEND, "dim", 4),
        styled_line(title, "key", 4),
    ]
    rest = _members(call.raw)
    for field, value in (("id", call.id), ("name", call.name), ("arguments", call.arguments)):
        raw = _pop_first(rest, _FIELD_NAMES[field])
        if raw is _ABSENT and call.origin is Origin.TEXT and field == "arguments":
            raw = call.arguments_text
        lines.extend(_field_lines(field, raw, value, column, keys))
    others = {name: value for name, value in rest.items() if value not in ({}, None)}
    if others:
        lines.extend(Line(part, (), 4) for part in f"others   {indented(others)}".split("\n"))
    return lines


def _members(raw: Any) -> dict[str, Any]:
    """Return the members of a raw call, including those of its `function` or `custom` part."""
    if isinstance(raw, str):
        try:
            raw = json.loads(raw)
        except (ValueError, RecursionError):
            return {}
    if not isinstance(raw, dict):
        return {}
    members = dict(raw)
    for inner in ("function", "custom", "function_call"):
        if isinstance(members.get(inner), dict):
            members |= members.pop(inner)
    return members


def _pop_first(members: dict[str, Any], names: tuple[str, ...]) -> Any:
    for name in names:
        if name in members:
            return members.pop(name)
    return _ABSENT


def _field_lines(name: str, raw: Any, value: Any, column: int, keys: KeyNames) -> list[Line]:
    mark = _comparison_mark(raw, value)
    left = "(missing)" if raw is _ABSENT else raw if isinstance(raw, str) else indented(raw)
    right = value if isinstance(value, str) else indented(value)
    rows = zip_longest(_chopped(left, column), _chopped(right, column), fillvalue="")
    lines = []
    for number, (one, two) in enumerate(islice(rows, MAX_ROWS)):
        label = name if number == 0 else ""
        padded = one + " " * (column - cell_len(one))
        text = f"{label:<10} {padded} {mark if number == 0 else ' '} {two}"
        spans = [StyledSpan(0, len(label), "key")]
        if mark == DIFFERENT:
            spans.append(StyledSpan(11, 11 + len(one), "removed"))
            spans.append(StyledSpan(len(text) - len(two), len(text), "added"))
        lines.append(Line(text, tuple(span for span in spans if span.end > span.start), 4))
    if next(rows, None) is not None:
        hint = keys.format("… more rows: {raw-beside} shows the whole value, {pane-6} the record")
        lines.append(styled_line(hint, "dim", 4))
    return lines


def _comparison_mark(raw: Any, value: Any) -> str:
    if raw is not _ABSENT and raw == value and type(raw) is type(value):
        return SAME
    if isinstance(raw, str) and not isinstance(value, str):
        try:
            return DECODED if json.loads(raw, strict=False) == value else DIFFERENT
        except (ValueError, RecursionError):
            return DIFFERENT
    return DIFFERENT


def _chopped(text: str, column: int) -> Iterator[str]:
    """Yield the rows of a text, each of at most `column` cells."""
    # A row shows at most as many characters as it has cells, except for combining marks.
    most = MAX_ROWS * column * 2
    for line in text.split("\n"):
        yield from chop_cells(visible(line[:most]), column) or [""]
