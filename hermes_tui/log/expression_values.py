"""The operators and functions of expressions, on plain JSON values.

An absent field is MISSING: falsy, and every comparison with it is false. null behaves in the same
way in an order comparison or as the object of a member access, since optional fields are often
null.
"""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from hermes_tui.log.linear_regex import compile_regex
from hermes_tui.model.errors import UsageError


class ExpressionError(UsageError):
    """An expression is wrong (`column` is 1-based), or cannot be applied to a value (None)."""

    def __init__(self, message: str, column: int | None = None, hint: str = "") -> None:
        super().__init__(message if column is None else f"{message} at column {column}", hint)
        self.column = column

    @property
    def on_screen(self) -> str:
        """The error as the line below a prompt shows it."""
        return str(self)


class Missing:
    """The type of MISSING, the value of an absent field."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False

    def __eq__(self, other: object) -> bool:
        return False

    __ne__ = __eq__
    __lt__ = __le__ = __gt__ = __ge__ = __eq__
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return "missing"


MISSING: Final = Missing()


def member(value: Any, key: Any) -> Any:
    """Return `value[key]` for an object and a name, or for a list or text and a position.

    Return MISSING if there is no such member.
    """
    if isinstance(key, str):
        return value.get(key, MISSING) if isinstance(value, Mapping) else MISSING
    if type(key) is int and isinstance(value, list | tuple | str):
        return value[key] if -len(value) <= key < len(value) else MISSING
    return MISSING


def equal(left: Any, right: Any) -> bool:
    return bool(left == right)


def unequal(left: Any, right: Any) -> bool:
    return bool(left != right)


def less(left: Any, right: Any) -> bool:
    try:
        return bool(left < right)
    except TypeError:
        return _no_order(left, right, "<")


def less_or_equal(left: Any, right: Any) -> bool:
    try:
        return bool(left <= right)
    except TypeError:
        return _no_order(left, right, "<=")


def greater(left: Any, right: Any) -> bool:
    try:
        return bool(left > right)
    except TypeError:
        return _no_order(left, right, ">")


def greater_or_equal(left: Any, right: Any) -> bool:
    try:
        return bool(left >= right)
    except TypeError:
        return _no_order(left, right, ">=")


def _no_order(left: Any, right: Any, operator: str) -> bool:
    if left is None or right is None:
        return False
    raise ExpressionError(f"cannot compare {kind_of(left)} {operator} {kind_of(right)}")


def within(item: Any, container: Any) -> bool:
    """Return whether a text contains a text, a list a value, or an object a name."""
    if item is MISSING:
        return False
    if isinstance(container, list | tuple):
        return item in container
    if isinstance(container, str | Mapping):
        return isinstance(item, str) and item in container
    return False


def not_within(item: Any, container: Any) -> bool:
    if item is MISSING or container is MISSING:
        return False
    return not within(item, container)


def is_null(value: Any, _: Any = None) -> bool:
    return value is None


def is_not_null(value: Any, _: Any = None) -> bool:
    return value is not None and value is not MISSING


def chain(comparisons: tuple[Callable[[Any, Any], bool], ...], *values: Any) -> bool:
    """Return whether each comparison holds between adjacent values: `1 < turn <= 5`."""
    pairs = zip(comparisons, values[:-1], values[1:], strict=True)
    return all(comparison(left, right) for comparison, left, right in pairs)


def plus(left: Any, right: Any) -> Any:
    if not _numbers(left, right, "+"):
        return MISSING
    try:
        return left + right
    except OverflowError:
        raise ExpressionError("a number is too large for +") from None


def minus(left: Any, right: Any) -> Any:
    if not _numbers(left, right, "-"):
        return MISSING
    try:
        return left - right
    except OverflowError:
        raise ExpressionError("a number is too large for -") from None


def negative(value: Any) -> Any:
    return -value if _numbers(value, 0, "-") else MISSING


def _numbers(left: Any, right: Any, operator: str) -> bool:
    for value in (left, right):
        if value is MISSING or value is None:
            return False
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ExpressionError(f"{operator} is for numbers, not for {kind_of(value)}")
    return True


def kind_of(value: Any) -> str:
    """Return the name of a value's kind, for messages."""
    match value:
        case None:
            return "null"
        case bool():
            return "true/false"
        case int() | float():
            return "number"
        case str():
            return "text"
        case list() | tuple():
            return "list"
    return "object"


def length(value: Any) -> Any:
    return len(value) if isinstance(value, str | list | tuple | Mapping) else MISSING


def lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else MISSING


def upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else MISSING


def starts_with(value: Any, start: Any) -> bool:
    return isinstance(value, str) and isinstance(start, str) and value.startswith(start)


def ends_with(value: Any, end: Any) -> bool:
    return isinstance(value, str) and isinstance(end, str) and value.endswith(end)


def contains(container: Any, item: Any) -> bool:
    return within(item, container)


def has(value: Any, key: Any) -> bool:
    """Return whether the field or position exists, even if it is null."""
    return member(value, key) is not MISSING


def as_text(value: Any) -> Any:
    """Return a text unchanged and any other value as JSON."""
    if isinstance(value, str) or value is MISSING:
        return value
    return json.dumps(value, ensure_ascii=False)


def found(test: Callable[[str], Any], value: Any) -> bool:
    """Return whether the test of a pattern is true for `value`; False for anything but a text."""
    return isinstance(value, str) and bool(test(value))


class Function(NamedTuple):
    """A function of the language. `pattern` compiles the last argument, which must be a literal."""

    call: Callable[..., Any]
    parameters: int
    pattern: Callable[[str], Callable[[str], Any]] | None = None


def _compile_glob(pattern: str) -> Callable[[str], Any]:
    # In the regular expressions of fnmatch every * takes the first place that fits and never tries
    # another one: the cost is that of one search for each part.
    return re.compile(fnmatch.translate(pattern)).match


FUNCTIONS: Final[Mapping[str, Function]] = {
    "len": Function(length, 1),
    "lower": Function(lower, 1),
    "upper": Function(upper, 1),
    "str": Function(as_text, 1),
    "startswith": Function(starts_with, 2),
    "endswith": Function(ends_with, 2),
    "contains": Function(contains, 2),
    "has": Function(has, 2),
    "glob": Function(found, 2, _compile_glob),
    "match": Function(found, 2, compile_regex),
}
