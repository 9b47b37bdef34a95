"""Checks of the arguments of an `AgentLoop`: what is wrong is refused before the run."""

from __future__ import annotations

import math
import operator
from collections.abc import Collection, Mapping
from typing import Any

from hermes_tui.model.errors import UsageError
from hermes_tui.runtime.tools.handler import check_takes_calls


def check_tools(schemas: Any, names: Any, handler: Any) -> None:
    """Raise UsageError if calls could not be offered to the model, allowed or answered as meant."""
    if schemas is not None and not _is_list_of_objects(schemas):
        what = f"tool_schemas is {schemas!r:.80}, not a list of schemas"
        raise UsageError(what, '[{"type": "function", "function": {"name": …}}]')
    if isinstance(names, str) or not isinstance(names, Collection):
        raise UsageError(f"valid_tool_names is {names!r:.80}, not a set of names", '{"terminal"}')
    if handler is not None:
        check_takes_calls(handler)


def _is_list_of_objects(schemas: Any) -> bool:
    is_list = isinstance(schemas, Collection) and not isinstance(schemas, (str, bytes, Mapping))
    return is_list and all(isinstance(schema, Mapping) for schema in schemas)


def check_messages(messages: Any) -> None:
    """Raise UsageError if a conversation cannot grow in `messages`."""
    if not isinstance(messages, list):
        kind = type(messages).__name__
        raise UsageError(f"messages is a {kind}, not a list", '[{"role": "user", "content": "…"}]')


def check_type(name: str, value: Any, kind: type, example: str) -> None:
    """Raise UsageError unless `value` is None or of the type `kind`."""
    if value is not None and not isinstance(value, kind):
        article = "an" if kind.__name__[0] in "AEIOU" else "a"
        what = f"{name} is {value!r:.80}, not {article} {kind.__name__}"
        raise UsageError(what, example)


def check_server(server: Any, model: str) -> None:
    """Raise UsageError if `server` can answer no request."""
    if callable(getattr(server, "chat_completion", None)):
        return
    if not _is_client(server):
        what = (
            f"a server needs an async chat_completion(**kwargs), {type(server).__name__} has none"
        )
        raise UsageError(what, 'or give a client: AgentLoop(AsyncOpenAI(…), …, model="…")')
    if any(kind.__name__ == "OpenAI" for kind in type(server).__mro__):
        raise UsageError(f"{type(server).__name__} is not async", "give AsyncOpenAI(…)")
    if not model:
        raise UsageError(f"no model given for {type(server).__name__}", 'model="…"')


def _is_client(server: Any) -> bool:
    completions = getattr(getattr(server, "chat", None), "completions", None)
    return callable(getattr(completions, "create", None))


def integer(name: str, value: Any) -> int:
    """Return `value` as an int; raises UsageError if it is not a whole number."""
    try:
        return operator.index(value)
    except TypeError:
        raise UsageError(f"{name} is {value!r}, not a whole number", f"{name}=30") from None


def finite(name: str, value: Any) -> float:
    """Return `value` as a float; raises UsageError if it is not a finite number.

    JSON has neither NaN nor infinities: written as null, they would be lost.
    """
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise UsageError(
            f"{name} is {value!r:.80}, not a finite number", "give 0.0, or leave it out"
        )
    return number


def finite_scores(scores: Any) -> dict[str, float]:
    """Return `scores` with text keys; raises UsageError unless they map names to finite numbers."""
    if not isinstance(scores, Mapping):
        what = f"scores is a {type(scores).__name__}, not a dict"
        raise UsageError(what, 'scores={"correct": 1.0}')
    return {str(name): finite(f"scores[{name!r}]", value) for name, value in scores.items()}
