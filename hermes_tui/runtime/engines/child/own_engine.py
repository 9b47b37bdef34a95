"""A parser that needs no engine: a function `parse` in a file of the person's own.

    def parse(text, tools):
        ...

`text` is all that the model said, `tools` a list of `{"type": "function", "function": {"name",
"description", "parameters"}}`. It returns a list of calls, or `(content, calls)`, or None where
there is no call. A call is `{"name", "arguments"}` or `{"type", "function": {"name", "arguments"}}`
or an object with these fields; `arguments` are a string of JSON or the value itself. Without
`content` that is the whole text where there is no call, and none where there is one. `tools` may
be left out of the signature. A class with such a method, made without arguments, will do too.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from typing import Any

from .base import Job, Reading, Stream, UnknownParser
from .own_file import chosen, is_of, load_file

_CONTRACT = "a list of calls, (content, calls) or None"
_FUNCTION = "parse"


class OwnEngine:
    """Calls the function; there is no engine, and so nothing but what the file holds."""

    def __init__(self, source: str, version: str = "") -> None:
        self.version = version
        self._parsers: dict[str, Any] = {}

    def take_file(self, path: str, wanted: str) -> str:
        """Load the file and return the name of the parser `wanted`, by default the only one."""
        module = load_file(path)
        own = {
            name: value
            for name, value in vars(module).items()
            if callable(value) and is_of(module, value)
        }
        if hasattr(module, _FUNCTION):
            default = {_FUNCTION: getattr(module, _FUNCTION)}
        else:
            default = {name: kind for name, kind in own.items() if hasattr(kind, _FUNCTION)}
        if not default and not wanted:
            raise UnknownParser("holds no function parse(text, tools), nor a parser of an engine")
        self._parsers = {**own, **default}
        return chosen(wanted, default, own)

    def names(self) -> list[str]:
        """Return what can be called in the file."""
        return sorted(self._parsers)

    def load(self, name: str) -> None:
        """Make the parser."""
        self._function(name)

    def whole(self, job: Job) -> Reading:
        """Have the text read."""
        if job.reasoning_parser:
            raise UnknownParser("a function is asked without a reasoning parser")
        function = self._function(job.parser)
        return _reading(_called(function, job.text, job.tools), job.text)

    def stream(self, job: Job, stream: Stream) -> None:
        """Say that there is no such path."""
        raise UnknownParser("a function reads whole texts only")

    def _function(self, name: str) -> Callable[..., Any]:
        found = self._parsers[name]
        parser = found() if isinstance(found, type) else found
        function: Callable[..., Any] = getattr(parser, _FUNCTION, parser)
        return function


def _called(function: Callable[..., Any], text: str, tools: list[Any]) -> Any:
    try:
        inspect.signature(function).bind(text, tools)
    except TypeError:
        return function(text)
    except ValueError:  # of some functions that are not written in Python
        pass
    return function(text, tools)


def _reading(given: Any, text: str) -> Reading:
    """Return what a function gave; raises TypeError for what the contract does not allow."""
    if given is None:
        return Reading([], text)
    if _is_pair(given):
        content, calls = given
        return Reading([_call(call) for call in calls or ()], content)
    if not isinstance(given, (list, tuple)):
        raise TypeError(f"returned {type(given).__name__}: it returns {_CONTRACT}")
    return Reading([_call(call) for call in given], None if given else text)


def _is_pair(given: Any) -> bool:
    if not isinstance(given, (list, tuple)) or len(given) != 2:
        return False
    content, calls = given
    return isinstance(content, (str, type(None))) and isinstance(calls, (list, tuple, type(None)))


def _call(call: Any) -> dict[str, Any]:
    function = _field(call, "function", call)
    name, arguments = _field(function, "name", None), _field(function, "arguments", None)
    if not isinstance(name, str) or arguments is None:
        raise TypeError(f"returned a call without name and arguments: {call!r:.200}")
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments, ensure_ascii=False)
    return {"name": name, "arguments": arguments}


def _field(value: Any, name: str, otherwise: Any) -> Any:
    if isinstance(value, dict):
        return value.get(name, otherwise)
    return getattr(value, name, otherwise)
