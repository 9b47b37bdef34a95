"""The programs that a person chose by a variable: an editor, a pager."""

from __future__ import annotations

import os
import shlex

from hermes_tui.model.errors import SourceError


def chosen_program(*variables: str, default: str) -> list[str]:
    """Return the command line in the first of the variables that names a program.

    Raises SourceError where that cannot be split into words: a quote in it is never closed.
    """
    for name in variables:
        try:
            words = shlex.split(os.environ.get(name, ""))
        except ValueError as error:
            raise SourceError(f"${name}", str(error), f"set ${name} to a command line") from error
        if words and words[0].strip():
            return words
    return [default]
