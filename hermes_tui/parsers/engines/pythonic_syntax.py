"""Python call syntax as a tree, with positions in characters. Nothing is ever evaluated."""

from __future__ import annotations

import ast
import re
import warnings

from hermes_tui.model.spans import Span

_LINE_END = re.compile(r"\r\n|\r|\n")


class BadPython(Exception):
    """The source is not Python. `position` counts characters of the source."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


class Source:
    """A source text and its first statement's value; raises BadPython if it is not Python."""

    def __init__(self, text: str) -> None:
        self._ascii = text.isascii()
        self._text = text
        self._starts = [0, *(found.end() for found in _LINE_END.finditer(text))]
        self._offset_cache = (-1, b"", 0, 0)
        self.value = self._first_value()

    def span(self, node: ast.AST) -> Span:
        """Return the span of a node."""
        start = self._offset(getattr(node, "lineno", 1), getattr(node, "col_offset", 0))
        end = self._offset(
            getattr(node, "end_lineno", None) or 1, getattr(node, "end_col_offset", None) or 0
        )
        return Span(start, max(start, end))

    def _first_value(self) -> ast.AST | None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                module = ast.parse(self._text)
        except SyntaxError as error:
            line = min(max(error.lineno or 1, 1), len(self._starts))
            position = self._starts[line - 1] + max((error.offset or 1) - 1, 0)
            raise BadPython(error.msg, min(position, len(self._text))) from None
        except RecursionError:
            raise BadPython("nested too deeply", 0) from None
        except (ValueError, MemoryError) as error:
            raise BadPython(str(error) or "too complex", 0) from None
        if not module.body:
            raise BadPython("no statement", 0)
        return getattr(module.body[0], "value", None)

    def _offset(self, line: int, column: int) -> int:
        """Return the character offset of a 1-based line and a column in UTF-8 bytes."""
        start = self._starts[min(line, len(self._starts)) - 1]
        if self._ascii:
            return start + column
        known_line, data, byte, character = self._offset_cache
        if known_line != line:
            end = self._starts[line] if line < len(self._starts) else len(self._text)
            data, byte, character = self._text[start:end].encode("utf-8", "surrogatepass"), 0, 0
        if column < byte:
            byte = character = 0
        character += len(data[byte:column].decode("utf-8", "replace"))
        self._offset_cache = (line, data, column, character)
        return start + character


def calls_in(value: ast.AST | None) -> list[ast.Call] | None:
    """Return the calls if `value` is a list of calls only, else None."""
    if not isinstance(value, ast.List):
        return None
    calls = [item for item in value.elts if isinstance(item, ast.Call)]
    return calls if len(calls) == len(value.elts) else None


def dotted_name(node: ast.expr) -> str | None:
    """Return the dotted name of a chain of attributes, or None if its root is not a name."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return ".".join(reversed([*parts, node.id]))
