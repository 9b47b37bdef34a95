"""What a JSON Schema says is wrong with the arguments of a call."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import islice
from typing import Any, Final, NamedTuple

from hermes_tui.model.wording import first_line
from hermes_tui.parsers.plain_values import json_text

MOST_PROBLEMS: Final = 20


class SchemaProblem(NamedTuple):
    """`path` leads to the value that is wrong, such as `files[0].name`; empty: the whole."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


def schema_problems(arguments: Any, schema: Any) -> tuple[SchemaProblem, ...]:
    """Return what is wrong with `arguments` by `schema`, at most `MOST_PROBLEMS`.

    A schema that is broken, or refers to what it does not hold, is one problem; nothing is fetched.
    `schema` None: there is none, so nothing is wrong.
    """
    if schema is None:
        return ()
    from jsonschema.exceptions import SchemaError, UnknownType
    from referencing.exceptions import Unresolvable

    try:
        errors = _validator(json_text(schema)).iter_errors(arguments)
        found = [
            SchemaProblem(_path(e.absolute_path), first_line(e.message)) for e in _some(errors)
        ]
    except RecursionError:
        return (_broken("it refers to itself without end"),)
    except (SchemaError, UnknownType) as error:
        return (_broken(str(error)),)
    except (Unresolvable, re.error) as error:
        return (_broken(str(error)),)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # What validators let through when a schema is checked, and stumble over later.
        return (_broken(f"{type(error).__name__}: {error}"),)
    return tuple(sorted(found))


def _some(errors: Iterable[Any]) -> Iterable[Any]:
    return islice(errors, MOST_PROBLEMS)


def _broken(why: str) -> SchemaProblem:
    return SchemaProblem("", f"the schema of the tool is broken: {first_line(why)}")


@lru_cache(maxsize=256)
def _validator(schema_text: str) -> Any:
    """Return what checks values by the schema; raises SchemaError where it is none."""
    from jsonschema.validators import Draft202012Validator, validator_for
    from referencing.jsonschema import EMPTY_REGISTRY

    schema = json.loads(schema_text)
    draft = validator_for(schema, default=Draft202012Validator)
    draft.check_schema(schema)
    return draft(schema, registry=EMPTY_REGISTRY)


def _path(keys: Iterable[Any]) -> str:
    found = ""
    for key in keys:
        if isinstance(key, int):
            found += f"[{key}]"
        else:
            found += f".{key}" if found else str(key)
    return found
