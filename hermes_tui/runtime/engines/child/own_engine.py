"""A parser that needs no engine: a function `parse` in a file of the user's own.

    def parse(text, tools):
        ...

`text` is the model's whole reply, `tools` a list of `{"type": "function", "function": {"name",
"description", "parameters"}}`. The function returns a list of calls, or `(content, calls)`, or None
if there is no call. A call is `{"name", "arguments"}` or `{"type", "function": {"name",
"arguments"}}` or an object with these fields; `arguments` is a string of JSON or the value itself.
If no `content` is returned, it is the whole text without a call and None with one. `tools` may be
omitted from the signature. A class with such a method, created without arguments, works as well.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from typing import Any

from .base import Job, Reading, Stream, UnknownParser, WrongRequest
from .own_file import chosen, is_of, load_file

_CONTRACT = "a list of calls, (content, calls) or None"
_FUNCTION = "parse"


class OwnEngine:
    """Calls the function; there is no engine, so its only parsers are those in the file."""

    def __init__(self, source: str, version: str = "") -> None:
        self.version = version
        self._parsers: dict[str, Any] = {}

    def take_file(self, path: str, parser_name: str) -> str:
        """Load the file, select a parser in it and return its name."""
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
        if not default and not parser_name:
            raise UnknownParser(
                "contains neither a function parse(text, tools) nor a parser of an engine"
            )
        self._parsers = {**own, **default}
        return chosen(parser_name, default, own)

    def names(self) -> list[str]:
        """Return the names of the callables in the file, sorted."""
        return sorted(self._parsers)

    def load(self, name: str) -> None:
        """Create the parser."""
        self._function(name)

    def whole(self, job: Job) -> Reading:
        """Call the function with the text."""
        if job.reasoning_parser:
            raise WrongRequest("a function takes no reasoning parser")
        function = self._function(job.parser)
        return _reading(_call_function(function, job.text, job.tools), job.text)

    def stream(self, job: Job, stream: Stream) -> None:
        """Raise WrongRequest: a function has no streaming path."""
        raise WrongRequest("a function reads only whole texts")

    def _function(self, name: str) -> Callable[..., Any]:
        found = self._parsers[name]
        parser = found() if isinstance(found, type) else found
        function: Callable[..., Any] = getattr(parser, _FUNCTION, parser)
        return function


def _call_function(function: Callable[..., Any], text: str, tools: list[Any]) -> Any:
    return function(text, tools) if _takes(function, text, tools) else function(text)


def _takes(function: Callable[..., Any], text: str, tools: list[Any]) -> bool:
    """Return whether to pass the tools: always, unless the function takes nothing but the text."""
    try:
        signature = inspect.signature(function)
    except ValueError:  # some functions that are not written in Python have no signature
        return True
    return _fits(signature, text, tools) or not _fits(signature, text)


def _fits(signature: inspect.Signature, *arguments: Any) -> bool:
    try:
        signature.bind(*arguments)
    except TypeError:
        return False
    return True


def _reading(result: Any, text: str) -> Reading:
    """Return the result of a function as a reading; raises TypeError if it breaks the contract."""
    if result is None:
        return Reading([], text)
    if _is_pair(result):
        content, calls = result
        return Reading([_call(call) for call in calls or ()], content)
    if inspect.iscoroutine(result):
        result.close()
        raise TypeError("is async: parse must be a plain function")
    if not isinstance(result, (list, tuple)):
        raise TypeError(f"returned {type(result).__name__}: it must return {_CONTRACT}")
    return Reading([_call(call) for call in result], None if result else text)


def _is_pair(value: Any) -> bool:
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        return False
    content, calls = value
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
