"""What a person may have meant by an expression that cannot be compiled."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Mapping
from typing import Final

from hermes_tui.log.expression_values import FUNCTIONS
from hermes_tui.model.errors import near_names

_JSON_WORDS: Final = frozenset({"true", "false", "null"})


def bare_text(node: ast.Compare, is_field: Callable[[str], bool]) -> ast.Name | None:
    """Return a word that is compared with a field and is not a field itself: an unquoted text.

    It is often the shell that removed the quotes: `--filter status == "failed"`. None if there is
    no such word.
    """
    if not all(isinstance(op, (ast.Eq, ast.NotEq, ast.In, ast.NotIn)) for op in node.ops):
        return None
    operands = [node.left, *node.comparators]
    names = [_field_of(operand) for operand in operands]
    if not any(name is not None and is_field(name) for name in names):
        return None
    lists = (operand.elts for operand in operands if isinstance(operand, (ast.List, ast.Tuple)))
    for operand in (*operands, *(element for elements in lists for element in elements)):
        if isinstance(operand, ast.Name) and not is_field(operand.id):
            return (
                operand if operand.id not in _JSON_WORDS and operand.id not in FUNCTIONS else None
            )
    return None


def _field_of(operand: ast.expr) -> str | None:
    """Return the name that an operand begins with, as in `args.path`."""
    while isinstance(operand, (ast.Attribute, ast.Subscript)):
        operand = operand.value
    return operand.id if isinstance(operand, ast.Name) else None


def near_fields(name: str, known: Collection[str]) -> str:
    """Return a question that names the fields that may have been meant; empty if none is near.

    `known` may map the fields to their meanings.
    """
    near = near_names(name, sorted(known))
    if not near and isinstance(known, Mapping):
        # A person may know a field by a word of its description, such as tool for name.
        meanings = (
            (field, meaning) for field, meaning in known.items() if isinstance(meaning, str)
        )
        words = {field: re.findall(r"\w+", meaning) for field, meaning in meanings}
        near = [field for field in words if name in words[field]]
        near = sorted(near, key=lambda field: words[field].index(name))[:2]
    return f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
