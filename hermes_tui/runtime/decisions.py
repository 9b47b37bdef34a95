"""Checks of what `decide` of a `Debugger` returns, before it reaches the run and its recording."""

from __future__ import annotations

from dataclasses import fields
from enum import Enum
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from hermes_tui.debugger import inputs as given
from hermes_tui.model.errors import UsageError
from hermes_tui.model.events import Stopped

_DECISIONS = 'Resume(), SkipCall("…"), EditArguments(0, "{…}"), Terminate() or another input'


def checked_decision(decision: Any, stop: Stopped) -> given.Input:
    """Return `decision`; raises UsageError if it is no input, or a field has another type.

    A field of another type could be run, but not be read back from the recording.
    """
    if not isinstance(decision, given.Input):
        what = f"the debugger's decide returned {decision!r:.80} at {stop.stop_point}"
        raise UsageError(what, f"return {_DECISIONS}: from hermes_tui import Resume")
    hints = get_type_hints(type(decision))
    for field in fields(decision):
        value, hint = getattr(decision, field.name), hints[field.name]
        if not _fits(value, hint):
            name = f"{type(decision).__name__}.{field.name}"
            what = f"{name} is {value!r:.80} at {stop.stop_point}, not {_in_words(hint)}"
            raise UsageError(what, _advice(value, hint))
    return decision


def _alternatives(hint: Any) -> list[Any]:
    several = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    return [get_origin(one) or one for one in several]


def _fits(value: Any, hint: Any) -> bool:
    """Return whether a value is of the annotated type; a text may name a member of an enum."""
    for kind in _alternatives(hint):
        if kind is Any or isinstance(value, kind):
            return True
        if issubclass(kind, Enum) and value in [member.value for member in kind]:
            return True
    return False


def _in_words(hint: Any) -> str:
    kinds = _alternatives(hint)
    return " or ".join("None" if kind is NoneType else kind.__name__ for kind in kinds)


def _advice(value: Any, hint: Any) -> str:
    kinds = _alternatives(hint)
    if str in kinds:
        return "json.dumps makes a text of it" if isinstance(value, (dict, list)) else "give a text"
    for kind in kinds:
        if issubclass(kind, Enum):
            return " or ".join(f"{kind.__name__}.{member.name}" for member in kind)
    return ""
