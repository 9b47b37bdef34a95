"""Validation of the arguments of a call against the JSON Schema of its tool.

A schema may come from a foreign file: references are never fetched, and no check takes long.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache, partial
from itertools import islice
from typing import Any, Final, NamedTuple

from hermes_tui.log.quick_schema import spelled, spelled_value, surely_fits
from hermes_tui.model.wording import first_line

MAX_PROBLEMS: Final = 20
LONGEST_VALUE: Final = 80
"""Characters of a value in a message; the rest of the message is about what is wrong with it."""
MAX_REFERENCES: Final = 10_000
"""References followed in one check: a few that refer to one another can take forever."""


class SchemaProblem(NamedTuple):
    """A violation of a schema. `path` leads to the wrong value, as in `files[0].name`; empty: the
    whole value."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


def schema_problems(arguments: Any, schema: Any) -> tuple[SchemaProblem, ...]:
    """Return how `arguments` violate `schema`, at most `MAX_PROBLEMS` problems.

    A schema that is broken, or has a reference that it does not resolve itself, is one problem;
    nothing is fetched. Without a schema (None) there are no problems.
    """
    if schema is None:
        return ()
    errors, why = _errors(arguments, schema)
    return (_broken(why),) if why else tuple(sorted(map(_problem, errors)))


def misfits(
    arguments: dict[str, Any], schema: Any, *, as_text: bool = False
) -> tuple[SchemaProblem, ...]:
    """Return what `schema_problems` does, but nothing if the schema is broken; fast if all is well.

    `as_text`: the arguments were written in tags, as texts. A text that spells a value which fits
    is not a problem.
    """
    if schema is None or surely_fits(arguments, schema):
        return ()
    if as_text and surely_fits(spelled(arguments, schema, trimmed=True), schema):
        return ()
    errors, why = _errors(arguments, schema)
    if errors and as_text:
        values = {
            key: spelled_value(arguments[key]) for key in _wrong_keys(errors) if key in arguments
        }
        errors, why = _errors({**arguments, **values}, schema)
    return () if why else tuple(sorted(map(_problem, errors)))


def _problem(error: Any) -> SchemaProblem:
    value = repr(error.instance)
    shown = "null" if error.instance is None else first_line(value, LONGEST_VALUE)
    message = error.message.replace(value, shown, 1)
    return SchemaProblem(_path(error.absolute_path), first_line(message))


def _broken(why: str) -> SchemaProblem:
    return SchemaProblem("", f"the schema of the tool is broken: {first_line(why)}")


def _wrong_keys(errors: Iterable[Any]) -> set[Any]:
    return {error.absolute_path[0] for error in errors if error.absolute_path}


def _errors(arguments: Any, schema: Any) -> tuple[list[Any], str]:
    """Return the errors of the arguments, and what is wrong with the schema if it is broken."""
    from jsonschema.exceptions import SchemaError, UnknownType
    from referencing.exceptions import Unresolvable

    try:
        check, why = _check(json.dumps(schema, default=str))
        errors = check.iter_errors(arguments) if check is not None else ()
        return list(islice(errors, MAX_PROBLEMS)), why
    except RecursionError:
        return [], "it refers to itself without end"
    except (SchemaError, UnknownType, Unresolvable) as error:
        return [], str(error)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # Flaws of a schema that its check lets through and that validators raise on later.
        return [], f"{type(error).__name__}: {error}"


class _Check:
    """Checks values by one schema."""

    def __init__(self, schema: Any) -> None:
        """Raise SchemaError if `schema` is not a valid schema."""
        from jsonschema.validators import Draft202012Validator, extend, validator_for
        from referencing.jsonschema import EMPTY_REGISTRY

        draft = validator_for(schema, default=Draft202012Validator)
        draft.check_schema(schema)
        self._reference_count = 0
        default_rules = draft.VALIDATORS
        rules = {
            "pattern": _pattern,
            "patternProperties": _pattern_properties,
            "additionalProperties": partial(
                _additional_properties, default_rules["additionalProperties"]
            ),
            "unevaluatedProperties": _ignored,
            **{
                key: partial(_unless_nullable, default_rules[key])
                for key in _NULLABLE_KEYWORDS & default_rules.keys()
            },
        }
        counted = {
            key: partial(self._counted, default_rules[key])
            for key in _REFERENCE_KEYWORDS & default_rules.keys()
        }
        rules = {key: rule for key, rule in rules.items() if key in default_rules} | counted
        checker = extend(draft, rules)  # type: ignore[no-untyped-call]
        self._validator = checker(schema, registry=EMPTY_REGISTRY)

    def iter_errors(self, value: Any) -> Iterator[Any]:
        self._reference_count = 0
        yield from self._validator.iter_errors(value)

    def _counted(self, rule: Any, *arguments: Any) -> Iterator[Any]:
        self._reference_count += 1
        if self._reference_count > MAX_REFERENCES:
            raise RecursionError
        yield from rule(*arguments) or ()


_NULLABLE_KEYWORDS: Final = frozenset({"type", "enum"})
"""Keywords that also allow null if `nullable` is set next to them, as in OpenAPI and Gemini."""
_REFERENCE_KEYWORDS: Final = frozenset({"$ref", "$dynamicRef", "$recursiveRef"})


@lru_cache(maxsize=256)
def _check(schema_text: str) -> tuple[_Check | None, str]:
    """Return a checker for the schema, or None and why it is not a valid schema."""
    from jsonschema.exceptions import SchemaError

    try:
        return _Check(json.loads(schema_text, object_hook=_without_nulls)), ""
    except SchemaError as error:
        return None, str(error)


def _without_nulls(members: dict[str, Any]) -> dict[str, Any]:
    """Return the members of an object without the nulls that tabular formats fill in."""
    return {key: value for key, value in members.items() if value is not None or key == "const"}


@lru_cache(maxsize=256)
def _regex(pattern: str) -> Callable[[str], bool]:
    from hermes_tui.log.linear_regex import compile_regex

    return compile_regex(pattern)


def _unless_nullable(
    rule: Any, validator: Any, value: Any, instance: Any, schema: Any
) -> Iterator[Any]:
    if instance is not None or schema.get("nullable") is not True:
        yield from rule(validator, value, instance, schema) or ()


def _pattern(_: Any, pattern: str, value: Any, __: Any) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError

    if isinstance(value, str) and not _regex(pattern)(value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


def _pattern_properties(
    validator: Any, patterns: Mapping[str, Any], value: Any, _: Any
) -> Iterator[Any]:
    for pattern, schema in patterns.items() if isinstance(value, dict) else ():
        for key in filter(_regex(pattern), value):
            yield from validator.descend(value[key], schema, path=key, schema_path=pattern)


def _additional_properties(
    rule: Any, validator: Any, additional: Any, instance: Any, schema: Any
) -> Iterator[Any]:
    """Check the members whose names match no pattern of `patternProperties`."""
    patterns = [_regex(pattern) for pattern in schema.get("patternProperties", ())]
    if patterns and isinstance(instance, dict):
        instance = {
            key: instance[key] for key in instance if not any(matches(key) for matches in patterns)
        }
    plain = {key: value for key, value in schema.items() if key != "patternProperties"}
    yield from rule(validator, additional, instance, plain) or ()


def _ignored(*_: Any) -> Iterator[Any]:
    return iter(())


def _path(keys: Iterable[Any]) -> str:
    path = ""
    for key in keys:
        if isinstance(key, int):
            path += f"[{key}]"
        else:
            path += f".{key}" if path else str(key)
    return path
