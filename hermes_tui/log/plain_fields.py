"""Fields that are a number or a text: what a path into one of them was meant to be.

Such a path is missing in every run and row, so that a filter by it would match nothing in silence.
"""

from __future__ import annotations

import ast
from collections.abc import Collection
from types import MappingProxyType
from typing import Final

from hermes_tui.log.expression_values import ExpressionError

_KINDS: Final = MappingProxyType({
    "a number": (
        "run", "turns", "messages", "calls", "results", "tool_errors", "errors", "warnings",
        "reward", "size", "tokens_in", "tokens_out", "cost", "duration", "latency", "turn", "row",
        "reasoning", "seconds",
    ),
    "a text": (
        "id", "task", "task_digest", "model", "status", "stop_reason", "format", "file", "group",
        "parser", "parent", "began", "latest", "kind", "role", "name", "text", "origin", "state",
        "code", "finish", "event",
    ),
    "true or false": ("error", "found"),
})  # fmt: skip
PLAIN: Final = MappingProxyType({name: kind for kind, names in _KINDS.items() for name in names})
"""What fields of runs and of rows are that have no members."""
_BY_NAME: Final = MappingProxyType({
    "tool_errors": "failed_tools", "calls": "tools", "results": "tools", "errors": "codes",
    "warnings": "codes", "code": "codes", "reward": "scores", "text": "args", "name": "args",
})  # fmt: skip
"""Fields with members that may be meant instead, where the same expression can read them."""


def check_members(text: str, known: Collection[str]) -> None:
    """Refuse paths into plain fields in an expression that compiles on the `known` names.

    Raises ExpressionError.
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
            near = _BY_NAME.get(name, "")
            hint = f"did you mean {near}{path}?" if near in known else ""
            raise ExpressionError(f"{name} is {PLAIN[name]} and has no {path}", hint=hint)
