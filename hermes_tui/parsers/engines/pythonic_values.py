"""Values of argument syntax trees: what vLLM 0.33 and SGLang 0.5.23 accept as literals.

both    := string | number | True | False | None | "[" … "]" | "{" key ":" value … "}"
vLLM    := both | "(" … ")" | set | -number | +number | null | true | false | f"no fields"
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

_JSON_NAMES = {"null": None, "true": True, "false": False}

ToValue = Callable[[ast.expr], Any]


class NotLiteral(Exception):
    """The value `node` is not a literal for this engine; `why` says what it is instead."""

    def __init__(self, node: ast.AST, why: str) -> None:
        super().__init__(why)
        self.node = node
        self.why = why


class Broken(NotLiteral):
    """The engine crashes on the value, and so loses the whole list of calls."""


def vllm_value(node: ast.expr) -> Any:
    """Return the value that vLLM reads; raises NotLiteral."""
    match node:
        case ast.Constant():
            return _constant(node)
        case ast.Dict():
            if not all(isinstance(key, ast.Constant) for key in node.keys):
                raise NotLiteral(node, "a dict with keys that are not literals")
            keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
            return dict(zip(keys, map(vllm_value, node.values), strict=True))
        case ast.List() | ast.Tuple() | ast.Set():
            return [vllm_value(item) for item in node.elts]
        case ast.JoinedStr() if all(isinstance(part, ast.Constant) for part in node.values):
            parts = (part.value for part in node.values if isinstance(part, ast.Constant))
            return "".join(str(part) for part in parts)
        case ast.Name() if node.id in _JSON_NAMES:
            return _JSON_NAMES[node.id]
        case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
            return _signed(node)
    raise NotLiteral(node, _kind(node))


def sglang_value(node: ast.expr) -> Any:
    """Return the value that SGLang reads; raises NotLiteral."""
    match node:
        case ast.Constant():
            return _constant(node)
        case ast.Dict():
            keys = [_any_key(node, key) for key in node.keys]
            return dict(zip(keys, map(sglang_value, node.values), strict=True))
        case ast.List():
            return [sglang_value(item) for item in node.elts]
    raise NotLiteral(node, _kind(node))


def _constant(node: ast.Constant) -> Any:
    if node.value is None or isinstance(node.value, str | int | float):
        return node.value
    raise NotLiteral(node, f"a {type(node.value).__name__}, which JSON cannot hold")


def _signed(node: ast.UnaryOp) -> Any:
    operand: ast.expr = node
    sign = 1
    while isinstance(operand, ast.UnaryOp) and isinstance(operand.op, ast.USub | ast.UAdd):
        sign = -sign if isinstance(operand.op, ast.USub) else sign
        operand = operand.operand
    value = vllm_value(operand)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotLiteral(node, "a sign before something that is not a number")
    return -value if sign < 0 else value


def _any_key(node: ast.Dict, key: ast.expr | None) -> Any:
    if key is None or not hasattr(key, "value"):
        raise Broken(node, "a dict with keys that are not literals")
    return key.value


_KINDS: dict[type[ast.AST], str] = {
    ast.Name: "a variable",
    ast.Call: "a call",
    ast.BinOp: "an expression",
    ast.UnaryOp: "a signed value",
    ast.Compare: "a comparison",
    ast.BoolOp: "an expression",
    ast.JoinedStr: "an f-string",
    ast.Tuple: "a tuple",
    ast.Set: "a set",
    ast.Attribute: "an attribute",
    ast.Lambda: "a function",
    ast.ListComp: "a comprehension",
}


def _kind(node: ast.AST) -> str:
    return _KINDS.get(type(node), f"a {type(node).__name__}")
