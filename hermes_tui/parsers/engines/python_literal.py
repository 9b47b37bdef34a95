"""Python literals as ast.literal_eval reads them; nothing is evaluated."""

from __future__ import annotations

import ast
import warnings
from typing import Any

LONGEST = 100_000
"""In characters. Longer texts cost the engines seconds; here they are not read as literals."""


class NotLiteral(Exception):
    """The text is not a literal. `caught` is False if engines do not catch the error.

    `unhashable`: a set or dict with an unhashable member, which some engines do not catch.
    """

    def __init__(self, message: str, *, caught: bool = True, unhashable: bool = False) -> None:
        super().__init__(message)
        self.caught = caught
        self.unhashable = unhashable


def literal_eval(text: str) -> Any:
    """Return the value of a Python literal; raises NotLiteral."""
    if len(text) > LONGEST:
        raise NotLiteral("too long to be read as a Python literal")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.literal_eval(text)
        except (ValueError, SyntaxError, TypeError) as error:
            unhashable = isinstance(error, TypeError)
            raise NotLiteral(str(error)[:200], unhashable=unhashable) from None
        except (RecursionError, MemoryError):
            raise NotLiteral("nested too deeply", caught=False) from None
