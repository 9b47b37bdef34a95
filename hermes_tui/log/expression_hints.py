"""What a person may have meant by an expression that cannot be read."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Final

from hermes_tui.log.expression_values import FUNCTIONS

_WORDS: Final = frozenset({"true", "false", "null"})


def bare_text(node: ast.Compare, is_field: Callable[[str], bool]) -> ast.Name | None:
    """Return a word that is compared with a field and is none: a text without its quotes.

    It is the shell that takes them away: `--filter status == "failed"`.
    """
    if not all(isinstance(op, (ast.Eq, ast.NotEq, ast.In, ast.NotIn)) for op in node.ops):
        return None
    operands = [node.left, *node.comparators]
    known = [_field_of(operand) for operand in operands]
    if not any(name is not None and is_field(name) for name in known):
        return None
    lists = (each.elts for each in operands if isinstance(each, (ast.List, ast.Tuple)))
    for each in (*operands, *(element for elements in lists for element in elements)):
        if isinstance(each, ast.Name) and not is_field(each.id):
            return each if each.id not in _WORDS and each.id not in FUNCTIONS else None
    return None


def _field_of(operand: ast.expr) -> str | None:
    """Return the name that an operand begins with, as in `args.path`."""
    while isinstance(operand, (ast.Attribute, ast.Subscript)):
        operand = operand.value
    return operand.id if isinstance(operand, ast.Name) else None
