"""Checks of the arguments of an `AgentLoop`: what is wrong is refused before the run."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from typing import Any

from hermes_tui.model.errors import UsageError


def check_choice(name: str, value: str, known: tuple[str, ...]) -> None:
    """Raise UsageError if `value` is not among `known`."""
    if value not in known:
        raise UsageError(f"unknown {name} {value!r}", " or ".join(known))


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
