"""Functions of a Python file as tools."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from hermes_tui.model.errors import SourceError, UsageError
from hermes_tui.runtime.tools.base import ToolFailure
from hermes_tui.runtime.tools.python_functions import PythonFunctions
from tests.tools.helpers import CONTEXT, value_of

SOURCE = '''
import asyncio, enum, sys, threading, time
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

class Colour(enum.Enum):
    RED = "red"

@dataclass
class Point:
    x: int
    y: int = 0

gate = threading.Event()
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

async def stubborn() -> None:
    """Ignore every cancel."""
    while not gate.is_set():
        try:
            await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            pass

async def cancels() -> None:
    """Cancel itself."""
    raise asyncio.CancelledError

async def exits() -> None:
    """Exit."""
    sys.exit(4)

def hangs() -> None:
    """Hang."""
    gate.wait(30)

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


@pytest.fixture
async def box(tmp_path: Path) -> Any:
    path = tmp_path / "my_tools.py"
    path.write_text(SOURCE)
    opened = await PythonFunctions.open(path)
    yield opened
    opened._module.gate.set()
    await opened.close()


async def test_public_functions_with_hints_or_docstring_are_tools(box: PythonFunctions) -> None:
    names = [spec.name for spec in box.specs]
    assert names[:3] == ["add", "colour", "far"]
    assert not {"helper", "_private", "dedent", "dataclass", "Point"} & set(names)


async def test_functions_are_called_with_named_arguments(box: PythonFunctions) -> None:
    assert await value_of(box, "add", a=1) == 3
    assert await value_of(box, "later", text="abc") == "ABC"
    assert await value_of(box, "first", a=1, b=2) == [1, 2]


async def test_values_become_the_types_that_the_hints_name(box: PythonFunctions) -> None:
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
async def test_any_value_comes_back_in_plain_terms(
    box: PythonFunctions, kind: str, value: Any
) -> None:
    assert await value_of(box, "odd", kind=kind) == value


@pytest.mark.parametrize(
    ("name", "arguments", "error", "text"),
    [
        ("add", {"x": 1}, TypeError, r"add\(\): missing a required argument: 'a'"),
        ("add", {"a": 1, "c": 1}, TypeError, r"add\(\): got an unexpected keyword argument 'c'"),
        ("add", [1], TypeError, "not list"),
        ("add", {"a": "x"}, TypeError, "concatenate"),
        ("colour", {"c": "blue"}, ValueError, "'blue' is not a valid Colour"),
        ("fails", {"kind": "luck"}, ValueError, "no luck"),
        ("fails", {"kind": "exit"}, ToolFailure, "SystemExit: 3"),
        ("exits", {}, ToolFailure, "SystemExit: 4"),
        ("cancels", None, ToolFailure, "CancelledError"),
        ("nothing", {}, ToolFailure, "has no function 'nothing'"),
    ],
)
async def test_what_goes_wrong_is_raised(
    box: PythonFunctions, name: str, arguments: Any, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        await box.call(name, arguments, CONTEXT)


@pytest.mark.parametrize("name", ["hangs", "never", "stubborn"])
async def test_cancelling_returns_at_once(box: PythonFunctions, name: str) -> None:
    call = asyncio.create_task(box.call(name, {}, CONTEXT))
    await asyncio.wait({call}, timeout=0.05)
    started = time.monotonic()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert time.monotonic() - started < 20
    assert box._module.seen == (["ended"] if name == "never" else [])
    box._module.gate.set()
    await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()}, timeout=2) if (
        name == "stubborn"
    ) else None


async def test_nothing_that_a_tool_prints_reaches_the_terminal(
    box: PythonFunctions, capfd: pytest.CaptureFixture[str]
) -> None:
    stdout = sys.stdout
    shouting, _ = await asyncio.gather(value_of(box, "shouts"), value_of(box, "later", text="x"))
    print("ours")
    assert shouting == "quiet"
    assert sys.stdout is stdout
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("ours\n", "")


async def test_others_may_print_while_a_tool_runs(
    box: PythonFunctions, capfd: pytest.CaptureFixture[str]
) -> None:
    call = asyncio.create_task(box.call("hangs", {}, CONTEXT))
    await asyncio.wait({call}, timeout=0.05)
    print("ours")
    box._module.gate.set()
    await call
    assert capfd.readouterr().out == "ours\n"


async def test_closing_leaves_no_idle_thread(box: PythonFunctions) -> None:
    before = {thread.ident for thread in threading.enumerate() if thread.name == "tool"}
    await asyncio.gather(*(value_of(box, "add", a=1) for _ in range(5)))
    await box.close()
    deadline = time.monotonic() + 30
    while any(t.name == "tool" and t.ident not in before for t in threading.enumerate()):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("x = 1\n\nraise ValueError('oh')", r"tools\.py:3: ValueError: oh"),
        ("x = 1\ndef f(:\n  pass", r"tools\.py:2: SyntaxError"),
        ("import sys\nsys.exit('bye')", r"tools\.py:2: SystemExit: bye"),
        ("import json\njson.loads('{')", r"tools\.py:2: JSONDecodeError"),
        ("import not_there_at_all", r"tools\.py:1: ModuleNotFoundError"),
        ("x = 1", "defines no tool"),
    ],
)
async def test_a_file_that_cannot_be_imported_is_a_wrong_flag(
    tmp_path: Path, source: str, error: str
) -> None:
    (tmp_path / "tools.py").write_text(source)
    with pytest.raises(UsageError, match=error):
        await PythonFunctions.open(tmp_path / "tools.py")
    assert not [name for name in sys.modules if name.startswith("hermes_tui_tools_")]


async def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none\.py: no such file"):
        await PythonFunctions.open(tmp_path / "none.py")


async def test_the_list_of_a_module_decides_and_neighbours_can_be_imported(
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
    box = await PythonFunctions.open(tmp_path / "t.py")
    assert [spec.name for spec in box.specs] == ["_greet"]
    assert await value_of(box, "_greet") == "hi"
    await box.close()
    sys.modules.pop("neighbour_of_tools")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells whose child")
async def test_a_cancel_ends_the_processes_that_a_function_waits_for(tmp_path: Path) -> None:
    path = tmp_path / "waits.py"
    path.write_text(
        dedent(
            '''
            import subprocess
            started, ended = [], []

            def waits() -> None:
                """Wait for a child and its child."""
                child = subprocess.Popen(["sh", "-c", "sleep 100 & wait"])
                started.append(child)
                ended.append(child.wait())
            '''
        )
    )
    box = await PythonFunctions.open(path)
    call = asyncio.create_task(box.call("waits", {}, CONTEXT))
    module = box._module
    while not module.started:
        await asyncio.sleep(0.01)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    async with asyncio.timeout(30):
        while not module.ended:
            await asyncio.sleep(0.01)
    # A shell whose child is gone may end by itself before it is killed.
    assert module.ended in ([-9], [0])
    await box.close()
