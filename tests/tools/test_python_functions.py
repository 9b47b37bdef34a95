"""Functions of a Python file as tools."""

from __future__ import annotations

import asyncio
import dataclasses
import re
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from hermes_tui.model.errors import HermesError, UsageError
from hermes_tui.runtime.tools.base import ToolFailure
from hermes_tui.runtime.tools.prints import Prints
from hermes_tui.runtime.tools.tool_process import ToolProcess
from tests.tools.helpers import CONTEXT, open_python_tools, value_of

SOURCE = '''
import asyncio, enum, sys
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

class Colour(enum.Enum):
    RED = "red"

@dataclass
class Point:
    x: int
    y: int = 0

seen = []

def add(a: int, b: int = 2) -> int:
    """Add two numbers."""
    return a + b

def colour(c: Colour) -> str:
    return f"{c!r}"

def far(point: Point, folder: Path) -> list:
    return [type(point).__name__, point.x, type(folder).__name__.endswith("Path")]

def first(a: int, /, *, b: int) -> list:
    return [a, b]

async def later(text: str) -> str:
    await asyncio.sleep(0)
    print("later prints")
    return text.upper()

async def never() -> None:
    """Wait for ever."""
    try:
        await asyncio.Event().wait()
    finally:
        seen.append("ended")

def what_was_seen() -> list:
    return seen

async def cancels() -> None:
    """Cancel itself."""
    raise asyncio.CancelledError

async def exits() -> None:
    """Exit."""
    sys.exit(4)

def fails(kind: str) -> None:
    if kind == "exit":
        sys.exit(3)
    raise ValueError("no " + kind)

def shouts() -> str:
    """Print."""
    print("to stdout")
    print("to stderr", file=sys.stderr)
    print("to the first stdout", file=sys.__stdout__, flush=True)
    print("to the first stderr", file=sys.__stderr__, flush=True)
    sys.stdout.buffer.write(b"raw")
    return "quiet"

def odd(kind: str):
    return {
        "none": None, "tuple": (1, 2), "object": object, "point": Point(1), "bytes": b"a\\xff",
        "dict": {1: {Colour.RED}}, "float": 1.5,
    }[kind]

def helper(x):
    return x

def _private(a: int) -> int:
    """Not a tool."""
    return a
'''


async def test_public_functions_with_type_hints_or_a_docstring_are_tools(box: ToolProcess) -> None:
    names = [spec.name for spec in box.specs]
    assert names[:3] == ["add", "colour", "far"]
    assert not {"helper", "_private", "dedent", "dataclass", "Point"} & set(names)


async def test_docstrings_are_read_even_if_python_strips_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONOPTIMIZE", "2")
    path = tmp_path / "tools.py"
    path.write_text('def say(text):\n    """Say it."""\n    return text\n')
    box = await open_python_tools(path)
    await box.close()
    (schema,) = box.schemas
    assert schema["function"]["description"] == "Say it."


async def test_functions_are_called_with_named_arguments(box: ToolProcess) -> None:
    assert await value_of(box, "add", a=1) == 3
    assert await value_of(box, "later", text="abc") == "ABC"
    assert await value_of(box, "first", a=1, b=2) == [1, 2]


async def test_arguments_are_converted_to_the_hinted_types(box: ToolProcess) -> None:
    assert await value_of(box, "colour", c="red") == "<Colour.RED: 'red'>"
    assert await value_of(box, "far", point={"x": 3}, folder="/tmp") == ["Point", 3, True]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("none", None),
        ("tuple", [1, 2]),
        ("object", "<class 'object'>"),
        ("point", {"x": 1, "y": 0}),
        ("bytes", "a\\xff"),
        ("dict", {"1": ["red"]}),
        ("float", 1.5),
    ],
)
async def test_any_value_is_returned_as_plain_json(box: ToolProcess, kind: str, value: Any) -> None:
    assert await value_of(box, "odd", kind=kind) == value


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        ("add", {"x": 1}, r"TypeError: add\(\): missing a required argument: 'a'"),
        ("add", {"a": 1, "c": 1}, r"TypeError: add\(\): got an unexpected keyword argument 'c'"),
        ("add", [1], "TypeError: .* not list"),
        ("add", {"a": "x"}, "TypeError: .*concatenate"),
        ("colour", {"c": "blue"}, "ValueError: 'blue' is not a valid Colour"),
        ("fails", {"kind": "luck"}, "ValueError: no luck"),
        ("fails", {"kind": "exit"}, "SystemExit: 3"),
        ("exits", {}, "SystemExit: 4"),
        ("cancels", None, "CancelledError"),
        ("nothing", {}, "has no function 'nothing'"),
    ],
)
async def test_an_error_is_a_failure_of_the_call(
    box: ToolProcess, name: str, arguments: Any, text: str
) -> None:
    with pytest.raises(ToolFailure, match=text):
        await box.call(name, arguments, CONTEXT)


async def test_a_failure_names_the_frames_of_the_tool(box: ToolProcess) -> None:
    with pytest.raises(ToolFailure) as failure:
        await box.call("fails", {"kind": "luck"}, CONTEXT)
    (frame,) = failure.value.frames
    assert re.fullmatch(r".*/my_tools\.py:\d+ in fails", frame)


async def test_a_cancelled_async_function_can_clean_up(box: ToolProcess) -> None:
    call = asyncio.create_task(box.call("never", {}, CONTEXT))
    await asyncio.wait({call}, timeout=0.05)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await value_of(box, "what_was_seen") == ["ended"]


async def test_what_a_tool_prints_is_kept_and_reaches_no_terminal(
    box: ToolProcess, capfd: pytest.CaptureFixture[str]
) -> None:
    context = dataclasses.replace(CONTEXT, prints=Prints())
    answer = await box.call("shouts", {}, context)
    assert answer.value == "quiet"
    assert "".join(context.prints).splitlines() == [
        *("to stdout", "to stderr", "to the first stdout", "to the first stderr", "raw"),
    ]
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("x = 1\n\nraise ValueError('oh')", r"tools\.py:3: ValueError: oh"),
        ("x = 1\ndef f(:\n  pass", r"tools\.py:2: SyntaxError"),
        ("import sys\nsys.exit('bye')", r"tools\.py:2: SystemExit: bye"),
        ("import json\njson.loads('{')", r"tools\.py:2: JSONDecodeError"),
        ("import not_there_at_all", r"tools\.py:1: ModuleNotFoundError"),
        ("x = 1", "defines no tool"),
        (
            "import os\nprint('no disk')\nos._exit(9)",
            r"tools\.py: importing it .* code 9: no disk",
        ),
    ],
)
async def test_a_file_that_cannot_be_imported_is_a_usage_error(
    tmp_path: Path, source: str, error: str
) -> None:
    (tmp_path / "tools.py").write_text(source)
    with pytest.raises(UsageError, match=error):
        await open_python_tools(tmp_path / "tools.py")


async def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(HermesError, match=r"none\.py: no such file"):
        await open_python_tools(tmp_path / "none.py")


async def test_all_of_a_module_selects_the_tools_and_neighbours_can_be_imported(
    tmp_path: Path,
) -> None:
    (tmp_path / "neighbour_of_tools.py").write_text("WORD = 'hi'\n")
    source = """
        from neighbour_of_tools import WORD
        __all__ = ["_greet"]
        def _greet() -> str: return WORD
        def other() -> str: return ""
    """
    (tmp_path / "t.py").write_text(dedent(source))
    box = await open_python_tools(tmp_path / "t.py")
    assert [spec.name for spec in box.specs] == ["_greet"]
    assert await value_of(box, "_greet") == "hi"
    await box.close()
