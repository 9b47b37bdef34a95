"""Filters whose paths lead into fields without members, such as a number or a text, are refused.

Such a path is missing in every run and row, so that a filter by it would silently match nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Collection
from types import MappingProxyType
from typing import Final, get_type_hints

from hermes_tui.log.expression_values import ExpressionError
from hermes_tui.log.expressions import Expression, compile_expression
from hermes_tui.log.query import FIELDS as ROW_FIELDS
from hermes_tui.log.run_fields import AS_JSON, ATTRIBUTES, FILE_FIELDS
from hermes_tui.log.summary import RunSummary

_NUMBER_TYPES: Final = (int, float, int | None, float | None)
_WITH_MEMBERS: Final = frozenset({"codes", "tools", "failed_tools", "scores", "args", "arguments"})
_NUMBERS: Final = frozenset({"run", "turn", "row", "size", "reasoning", "seconds"})
_FLAGS: Final = frozenset({"error", "found"})
"""The true or false ones among the fields that are not attributes of a run. Those that are neither
here nor in `_NUMBERS` are texts."""


def _kinds() -> dict[str, str]:
    types = get_type_hints(RunSummary)
    counted = {name for name, attribute in ATTRIBUTES.items() if types[attribute] in _NUMBER_TYPES}
    numbers = _NUMBERS | counted - AS_JSON.keys()
    plain = {*FILE_FIELDS, *ROW_FIELDS, *_NUMBERS, *_FLAGS} - _WITH_MEMBERS
    kind = {**dict.fromkeys(numbers, "a number"), **dict.fromkeys(_FLAGS, "true or false")}
    return {name: kind.get(name, "a text") for name in plain}


PLAIN: Final = MappingProxyType(_kinds())
"""The fields of runs and rows that have no members, and what each of them is."""
_LIKELY_FIELDS: Final = MappingProxyType({
    "tool_errors": "failed_tools", "calls": "tools", "results": "tools", "errors": "codes",
    "warnings": "codes", "code": "codes", "reward": "scores", "text": "args", "name": "args",
})  # fmt: skip
"""Fields with members that may be meant instead, if the same expression can read them."""


def compile_filter(
    text: str, names: Collection[str], *, cheap_names: Collection[str] = ()
) -> Expression | None:
    """Return `text` compiled as a filter, or None if it is empty. Raises ExpressionError.

    Like `compile_expression`, but also refuses paths into plain fields.
    """
    if not text.strip():
        return None
    expression = compile_expression(text, names, cheap_names=cheap_names)
    check_members(text, names)
    return expression


def check_members(text: str, known: Collection[str]) -> None:
    """Raise ExpressionError if a path of an expression leads into a plain field.

    `text` must compile on the `known` names.
    """
    source = text.strip()
    tree = ast.parse(source, mode="eval")
    functions = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(ast.Name(name), member) if id(node) not in functions:
                path = f".{member}"
            case ast.Subscript(ast.Name(name), ast.Constant(str(member))):
                path = f"[{member!r}]"
            case _:
                continue
        if name in PLAIN:
            near = _LIKELY_FIELDS.get(name, "")
            hint = f"did you mean {near}{path}?" if near in known else ""
            raise ExpressionError(f"{name} is {PLAIN[name]} and has no {path}", hint=hint)
