"""Errors of our own environment. What goes wrong in the observed system never raises one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

LONGEST_NAME = 200
"""How many characters of a name are compared, as comparing long names takes long."""
LEAST_PART = 3
"""Characters. A shorter name is part of too many others to single one out."""
MAX_NEAR = 3
"""How many near names are suggested."""
LEAST_LIKE = 0.6


def os_error_reason(error: OSError) -> str:
    """Return why the system refuses a file, in our own words for the usual reasons."""
    match error:
        case FileNotFoundError():
            return "no such file"
        case IsADirectoryError():
            return "is a folder"
    return error.strerror or str(error)


class HermesError(Exception):
    """A failure that a person can act on: a message of one line, and a hint on what to do next."""

    exit_code = 3

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class UsageError(HermesError):
    """The command line or a setting is wrong; exit code 2."""

    exit_code = 2


class _FileError(HermesError):
    def __init__(self, path: str, message: str, hint: str = "") -> None:
        super().__init__(f"{path}: {message}", hint)
        self.path = path

    @classmethod
    def of(cls, path: object, error: OSError, hint: str = "check the path") -> Self:
        """Return the error for a file that the system refuses."""
        return cls(str(path), os_error_reason(error), hint)


class SourceError(_FileError):
    """A source cannot be read."""

    @classmethod
    def of_lines(cls, lines: list[str]) -> Self:
        """Return one error for several sources, none of which can be read."""
        first = lines[0] if lines else "nothing to read"
        more = f"and {len(lines) - 1} more" if len(lines) > 1 else ""
        path, _, rest = first.partition(": ")
        return cls(path, rest or "cannot be read", more)


class NoTranscript(SourceError):
    """A source can be read, but it does not contain a transcript."""


class StoreError(_FileError):
    """A file cannot be written."""


class SchemaTooNew(HermesError):
    """A recording comes from a newer version of hermes-tui."""

    def __init__(self, found: int, known: int) -> None:
        super().__init__(
            f"recording has schema {found}, this version reads up to {known}", "update hermes-tui"
        )


class IllegalCommand(HermesError):
    """The present phase does not allow this command. The log did not change."""

    def __init__(self, command: str, phase: str, allowed: tuple[str, ...]) -> None:
        super().__init__(
            f"{command} is not possible while {phase}", "allowed: " + (", ".join(allowed) or "none")
        )
        self.allowed = allowed


def near_hint(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """Return a hint at the `known` names that may have been meant, `otherwise` if none is near."""
    near = near_names(name, known)
    return f"did you mean {', '.join(near)}?" if near else otherwise


def near_names(
    name: str, known: Iterable[str], *, most: int = MAX_NEAR, likeness: float = LEAST_LIKE
) -> list[str]:
    """Return at most `most` of the `known` names: those that contain `name`, else similar ones.

    Names that begin with it come first. Case is ignored. `likeness` is the least similarity
    required, from 0 to 1, as difflib measures it.
    """
    from difflib import get_close_matches

    query = name.casefold()[:LONGEST_NAME]
    by_folded_name = {candidate.casefold(): candidate for candidate in known}
    containing = [
        candidate for candidate in by_folded_name if len(query) >= LEAST_PART and query in candidate
    ]
    containing.sort(key=lambda candidate: not candidate.startswith(query))
    near = containing or get_close_matches(query, by_folded_name, n=most, cutoff=likeness)
    return [by_folded_name[candidate] for candidate in near[:most]]
