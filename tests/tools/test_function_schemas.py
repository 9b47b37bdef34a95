"""Type hints and docstrings are turned into JSON Schema."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired, Optional, TypedDict, Union

import pytest

from hermes_tui.runtime.tools.function_schemas import (
    parse_docstring,
    schema_of_function,
    schema_of_type,
)
from tests.timing import Work, assert_linear


class Size(enum.IntEnum):
    SMALL = 1
    LARGE = 2


class Place(TypedDict):
    city: str
    street: NotRequired[str]


@dataclasses.dataclass
class Point:
    x: int
    y: float = 0.0


@dataclasses.dataclass
class Tree:
    children: list[Tree]


STRING, INTEGER = {"type": "string"}, {"type": "integer"}


@pytest.mark.parametrize(
    ("hint", "schema"),
    [
        (str, STRING),
        (int, INTEGER),
        (float, {"type": "number"}),
        (bool, {"type": "boolean"}),
        (Any, {}),
        (object, {}),
        (list, {"type": "array"}),
        (list[int], {"type": "array", "items": INTEGER}),
        (Sequence[str], {"type": "array", "items": STRING}),
        (set[str], {"type": "array", "items": STRING}),
        (tuple[int, ...], {"type": "array", "items": INTEGER}),
        (
            tuple[int, str],
            {"type": "array", "prefixItems": [INTEGER, STRING], "minItems": 2, "maxItems": 2},
        ),
        (dict, {"type": "object"}),
        (dict[str, int], {"type": "object", "additionalProperties": INTEGER}),
        (Optional[int], {"anyOf": [INTEGER, {"type": "null"}]}),  # noqa: UP045
        (Union[int, str], {"anyOf": [INTEGER, STRING]}),  # noqa: UP007
        (int | None, {"anyOf": [INTEGER, {"type": "null"}]}),
        (Literal["a", "b"], {"type": "string", "enum": ["a", "b"]}),
        (Literal["a", 1], {"enum": ["a", 1]}),
        (Size, {"enum": [1, 2], "type": "integer"}),
        (Path, STRING),
        (Annotated[int, "how many"], {"type": "integer", "description": "how many"}),
        (
            Place,
            {
                "type": "object",
                "properties": {"city": STRING, "street": STRING},
                "required": ["city"],
            },
        ),
        (
            Point,
            {
                "type": "object",
                "properties": {"x": INTEGER, "y": {"type": "number"}},
                "required": ["x"],
            },
        ),
    ],
)
def test_a_type_hint_has_its_schema(hint: Any, schema: dict[str, Any]) -> None:
    assert schema_of_type(hint) == schema


def test_the_schema_of_a_recursive_type_is_finite() -> None:
    assert schema_of_type(Tree)["required"] == ["children"]


def search(query: str, limit: int = 5, tags: list[str] | None = None, **rest: Any) -> str:
    """Search the notes,
    newest first.

    Nothing of this is told.

    Args:
        query (str): What to look for;
            words or a phrase.
        limit: How many.

    Returns:
        limit: not a parameter.
    """
    return query


def test_the_schema_of_a_function_has_the_form_used_in_requests() -> None:
    assert schema_of_function("search", search) == {
        "type": "function",
        "function": {
            "name": "search",
            "description": "Search the notes, newest first.",
            "parameters": {
                "type": "object",
                "properties": {
                    "query": {
                        "type": "string",
                        "description": "What to look for; words or a phrase.",
                    },
                    "limit": {"type": "integer", "description": "How many.", "default": 5},
                    "tags": {
                        "anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]
                    },
                },
                "required": ["query"],
                "additionalProperties": True,
            },
        },
    }


def test_parameters_in_sphinx_style_are_read() -> None:
    text = "Do it.\n:param str a: the first\n    of two\n:param b: the second\n:returns: b: nothing"
    assert parse_docstring(text) == ("Do it.", {"a": "the first of two", "b": "the second"})


@pytest.mark.parametrize("line", ["    x{}y", "    :param {}y"])
def test_spaces_in_a_docstring_take_linear_time(line: str) -> None:
    def parsing(count: int) -> Work:
        text = f"Do it.\n\nArgs:\n{line.format(' ' * count)}"
        return lambda: parse_docstring(text)

    assert_linear(parsing, 8_000)


def test_hints_that_cannot_be_resolved_allow_anything() -> None:
    def broken(a: NotDefined) -> None:  # type: ignore[name-defined]  # noqa: F821
        """Break."""

    schema = schema_of_function("broken", broken)
    assert schema["function"]["parameters"]["properties"] == {"a": {}}
