"""Functions of a Python file as tools; `tool_child` runs them in a separate process.

A tool is a public function that the file defines (if there is `__all__`, one that it names), with
type hints or a docstring. A cancellation cancels an async function, and kills the processes that a
plain one waits for; the call ends when the function does.
"""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
import sys
import threading
import traceback
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from hermes_tui.model.errors import SourceError, UsageError
from hermes_tui.runtime.exception_text import exception_text
from hermes_tui.runtime.tools.base import Answer, CallContext, ToolFailure, specs_of
from hermes_tui.runtime.tools.function_schemas import convert, hints_of, schema_of_function
from hermes_tui.runtime.tools.plain_values import plain
from hermes_tui.runtime.tools.processes import children_of, kill_children
from hermes_tui.runtime.tools.threads import as_exception, run_to_completion, tool_pool

_MODULE = "hermes_tui_tools"
"""The module name of the file; its process loads no other tool file."""


class PythonFunctions:
    """The tools of one file."""

    manual: frozenset[str] = frozenset()

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self._functions = _tools_of(module)
        self.schemas = tuple(schema_of_function(*item) for item in self._functions.items())
        self.specs = specs_of(self.schemas)

    @classmethod
    def load(cls, path: Path) -> PythonFunctions:
        """Import the file; raises SourceError, and UsageError if it fails or defines no tool."""
        hint = "python: takes the path of a .py file"
        try:
            is_there = path.is_file()
        except OSError as error:
            raise SourceError.of(path, error, hint) from error
        if not is_there:
            raise SourceError(str(path), "no such file", hint)
        box = cls(_import(path))
        if not box.schemas:
            hint = "a tool is a public function with type hints or a docstring"
            raise UsageError(f"{path} defines no tool", hint)
        return box

    async def call(self, name: str, arguments: Any, context: CallContext) -> Answer:
        """Call a function. Its exceptions propagate, as a ToolFailure if they would end the run."""
        function = self._functions.get(name)
        if function is None:
            raise ToolFailure(f"LookupError: {self._module.__file__} has no function {name!r}")
        given = {} if arguments is None else arguments
        if not isinstance(given, dict):
            kind = type(given).__name__
            raise TypeError(f"{name}() takes named arguments in an object, not {kind}")
        bound = _bind(name, function, given)
        if inspect.iscoroutinefunction(function):
            return Answer(plain(await _run_on_loop(function, bound)))
        return Answer(await _run_in_thread(function, bound))

    async def close(self) -> None:
        """End idle threads."""
        tool_pool().end_idle()


def _import(path: Path) -> ModuleType:
    location = path.resolve()
    spec = importlib.util.spec_from_file_location(_MODULE, location)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} is not a Python file", "its name must end in .py")
    if type(spec.loader) is SourceFileLoader:
        spec.loader = _DocstringLoader(spec.name, str(location))
    module = importlib.util.module_from_spec(spec)
    sys.modules[_MODULE] = module
    # Last, so that the file's neighbours can be imported but hide nothing.
    if str(location.parent) not in sys.path:
        sys.path.append(str(location.parent))
    try:
        spec.loader.exec_module(module)
    except BaseException as error:  # whatever a tool's file raises is its own
        place = f"{path}:{_line_of(error, str(location))}"
        raise UsageError(f"{place}: {exception_text(error)}", "fix the file") from error
    return module


class _DocstringLoader(SourceFileLoader):
    """Keeps docstrings, which describe the tools to the model, under PYTHONOPTIMIZE=2 and -OO."""

    def get_code(self, fullname: str) -> CodeType:
        return compile(
            self.get_data(self.path),
            self.path,
            "exec",
            dont_inherit=True,
            optimize=min(sys.flags.optimize, 1),
        )


def _line_of(error: BaseException, location: str) -> int:
    """Return the line of the file where importing it failed."""
    if isinstance(error, SyntaxError) and error.filename == location:
        return error.lineno or 1
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno or 1 for frame in reversed(frames) if frame.filename == location), 1)


def _tools_of(module: ModuleType) -> dict[str, Callable[..., Any]]:
    named = getattr(module, "__all__", None)
    return {
        name: item
        for name, item in vars(module).items()
        if inspect.isfunction(item)
        and (name in named if named is not None else not name.startswith("_"))
        and item.__module__ == module.__name__
        and (item.__doc__ or item.__annotations__)
    }


def _bind(name: str, function: Callable[..., Any], given: dict[str, Any]) -> inspect.BoundArguments:
    """Bind the arguments to the function's parameters; raises TypeError if they do not fit."""
    signature, hints = inspect.signature(function), hints_of(function)
    converted = {key: convert(value, hints.get(key, Any)) for key, value in given.items()}
    positional = []
    for parameter in signature.parameters.values():
        if parameter.kind is not parameter.POSITIONAL_ONLY or parameter.name not in converted:
            break
        positional.append(converted.pop(parameter.name))
    try:
        return signature.bind(*positional, **converted)
    except TypeError as error:
        raise TypeError(f"{name}(): {error}") from error


async def _run_in_thread(function: Callable[..., Any], bound: inspect.BoundArguments) -> Any:
    threads: list[int] = []
    earlier: set[int] = set()

    def work() -> Any:
        thread = threading.get_native_id()
        # Processes that earlier calls started in this thread may serve later ones.
        earlier.update(children_of(thread))
        threads.append(thread)
        return plain(function(*bound.args, **bound.kwargs))

    def interrupt() -> None:
        # A thread cannot be killed, but the processes that it waits for can; then it ends.
        for thread in threads:
            kill_children(thread, spared=earlier)

    return await run_to_completion(work, interrupt)


async def _run_on_loop(function: Callable[..., Any], bound: inspect.BoundArguments) -> Any:
    async def guarded() -> Any:
        try:
            return await function(*bound.args, **bound.kwargs)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            # An event loop ends at once if a task raises anything but an Exception.
            raise as_exception(error) from error

    running = asyncio.create_task(guarded())
    try:
        await asyncio.wait({running})
    except asyncio.CancelledError:
        running.cancel()
        await asyncio.wait({running})
        raise
    if running.cancelled():
        raise ToolFailure("CancelledError: the function was cancelled from inside")
    return running.result()
