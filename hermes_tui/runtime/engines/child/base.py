"""The input and output of every engine adapter."""

from __future__ import annotations

import contextlib
import difflib
import importlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

_MAX_CHARS = 2000


class UnknownParser(Exception):
    """The engine has no parser of this name, or the parser cannot be loaded or run here."""


class WrongRequest(UnknownParser):
    """The request is wrong: the engine has no parser of this name, or none of this kind."""


def check_name(what: str, name: str, names: Collection[str]) -> None:
    """Raise WrongRequest, with similar names, if a `name` of `what` is not among `names`."""
    if name not in names:
        near = difflib.get_close_matches(name, names, 3)
        hint = f"; near: {', '.join(near)}" if near else ""
        raise WrongRequest(f"no {what} is called {name!r}{hint}")


@contextlib.contextmanager
def as_unknown_parser() -> Iterator[None]:
    """Turn an error that occurs before any text is read into UnknownParser.

    Such an error is not a verdict: with it, a server would not even start.
    """
    try:
        yield
    except (ImportError, MemoryError, UnknownParser):
        raise
    except Exception as error:
        raise UnknownParser(cannot_run_message(error)) from error


def cannot_run_message(error: BaseException) -> str:
    """Return one line on why a parser gives no verdict here, though it may work on a server."""
    why = " ".join(str(error).split())
    return f"cannot be run here: {type(error).__name__}: {why}"[:_MAX_CHARS]


@dataclass
class Job:
    """A text to be read. `sizes` are those of the deltas; empty to read the whole text at once."""

    parser: str
    text: str
    tools: list[Any]
    reasoning_parser: str = ""
    sizes: Sequence[int] = ()
    by_tokens: bool = True


@dataclass
class Reading:
    """The output of the engine. `calls` are `{"name", "arguments"}`.

    `reported_calls` is the engine's own flag for whether there are calls; None if it has none.
    """

    calls: list[dict[str, Any]] = field(default_factory=list)
    content: str | None = None
    reasoning: str | None = None
    reported_calls: bool | None = None


@dataclass
class Stream:
    """The output sent after each delta: `[end of the delta, content, reasoning, calls]`.

    `calls` are pieces `[index, name, arguments]`; each row holds only what is new.
    """

    rows: list[list[Any]] = field(default_factory=list)
    end: int = 0

    def sent(
        self,
        length: int,
        content: str | None,
        reasoning: str | None = None,
        calls: Sequence[tuple[int, str | None, str | None]] = (),
    ) -> None:
        """Record what the engine sent for a delta of `length` characters."""
        self.end += length
        pieces = [[index, name or "", arguments or ""] for index, name, arguments in calls]
        self.rows.append([self.end, content or "", reasoning or "", pieces])

    def reading(self) -> Reading:
        """Return all rows joined, as a client would join them."""
        calls: dict[int, dict[str, list[str]]] = {}
        for _, _, _, pieces in self.rows:
            for index, name, arguments in pieces:
                call = calls.setdefault(index, {"name": [], "arguments": []})
                call["name"].append(name)
                call["arguments"].append(arguments)
        return Reading(
            [{key: "".join(calls[index][key]) for key in calls[index]} for index in sorted(calls)],
            "".join(row[1] for row in self.rows) or None,
            "".join(row[2] for row in self.rows) or None,
        )


class Adapter(Protocol):
    """Calls the parsers of one engine."""

    version: str

    def take_file(self, path: str, parser_name: str) -> str:
        """Load a file of the user's own, select a parser in it and return its name.

        An empty `parser_name` selects the only one. Raises UnknownParser if the file has none,
        WrongRequest if it does not have that one, and any exception that the file raises.
        """
        ...

    def names(self) -> list[str]:
        """Return the names of the parsers, sorted."""
        ...

    def load(self, name: str) -> None:
        """Import a parser; raises any exception that its modules raise."""
        ...

    def whole(self, job: Job) -> Reading:
        """Read the whole text at once."""
        ...

    def stream(self, job: Job, stream: Stream) -> None:
        """Feed the text delta by delta."""
        ...


def in_sizes(pieces: Sequence[Any], sizes: Sequence[int]) -> Iterator[Sequence[Any]]:
    """Yield slices of `pieces` of the given `sizes`; the last size is repeated until the end."""
    begin = at = 0
    while begin < len(pieces):
        size = max(1, sizes[min(at, len(sizes) - 1)])
        yield pieces[begin : begin + size]
        begin += size
        at += 1


def first_of(places: Sequence[str]) -> Any:
    """Import and return the first module of `places` that this version of the engine has."""
    for place in places[:-1]:
        try:
            return importlib.import_module(place)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{place}.".startswith(f"{error.name}."):
                raise  # the module exists, but one that it imports does not
    return importlib.import_module(places[-1])
