"""Python literals as ast.literal_eval reads them; nothing is evaluated."""

from __future__ import annotations

import ast
import warnings
from typing import Any

LONGEST = 100_000
"""Characters. Longer texts cost the engines seconds; here they count as no literal."""


class NotLiteral(Exception):
    """The text is no literal. `caught` False: of a kind that engines do not reckon with.

    `unhashable`: a set or dict of what cannot be in one, which some engines do not reckon with.
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
