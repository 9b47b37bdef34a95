"""Expressions as terms to pick and drop one by one: `status == "ok" and 2 <= turns < 5`."""

from __future__ import annotations

import ast
import json


def quoted(text: str) -> str:
    """Return a text as a string literal of an expression."""
    return json.dumps(text, ensure_ascii=False).encode("utf-8", "backslashreplace").decode("utf-8")


def terms_of(expression: str) -> frozenset[str]:
    """Return the terms of an expression, alternatives separately: those that `toggled` can drop."""
    parts = [_alternatives(part) for part in _parts(expression, ast.And)]
    return frozenset(term for alternatives in parts for term in alternatives)


def toggled(expression: str, term: str, *, name: str, is_alternative: bool) -> str:
    """Return `expression` (a valid one, or empty) narrowed by `term`, or without it if it is there.

    With `is_alternative`, the term is joined by `or` to the other terms about the field `name`: a
    run has only one value there, and would never match two of them.
    """
    parts = [_alternatives(part) for part in _parts(expression, ast.And)]
    for alternatives in parts:
        if term in alternatives:
            alternatives.remove(term)
            return _joined(parts)
    if is_alternative:
        for alternatives in parts:
            if all(_is_about(other, name) for other in alternatives):
                alternatives.append(term)
                return _joined(parts)
    return _joined([*parts, [term]])


def _joined(parts: list[list[str]]) -> str:
    kept = [alternatives for alternatives in parts if alternatives]
    if len(kept) == 1:
        return " or ".join(kept[0])
    return " and ".join(
        f"({' or '.join(alternatives)})" if len(alternatives) > 1 else alternatives[0]
        for alternatives in kept
    )


def _alternatives(part: str) -> list[str]:
    return _parts(part, ast.Or)


def _parts(expression: str, operator: type[ast.boolop]) -> list[str]:
    """Return the operands of the outermost `and` or `or`, each as it is spelled."""
    text = expression.strip()
    if not text:
        return []
    tree = ast.parse(text, mode="eval").body
    if not (isinstance(tree, ast.BoolOp) and isinstance(tree.op, operator)):
        return [_spelled(text, tree)]
    return [_spelled(text, value) for value in tree.values]


def _spelled(text: str, value: ast.expr) -> str:
    spelled = ast.get_source_segment(text, value) or ""
    is_loose = isinstance(value, ast.IfExp) or (
        isinstance(value, ast.BoolOp) and isinstance(value.op, ast.Or)
    )
    return f"({spelled})" if is_loose else spelled


def _is_about(term: str, name: str) -> bool:
    """Return whether a term compares only the field or score `name`, or its beginning or end.

    A list of fields counts as its first field.
    """
    tree = ast.parse(term, mode="eval").body
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Attribute):
        field, is_plain = tree.func.value, all(isinstance(each, ast.Constant) for each in tree.args)
        return isinstance(field, ast.Name) and field.id == name and is_plain
    if not isinstance(tree, ast.Compare):
        return False
    if isinstance(tree.left, ast.List) and tree.left.elts:
        # A field and the one that distinguishes its values: the term is about the first.
        first = tree.left.elts[0]
        return isinstance(first, ast.Name) and first.id == name
    values = [tree.left, *tree.comparators]
    score = ast.unparse(ast.parse(name, mode="eval"))
    return sum(ast.unparse(value) == score for value in values) == 1 and all(
        isinstance(value, (ast.Name, ast.Attribute, ast.Subscript, ast.Constant, ast.UnaryOp))
        for value in values
    )
