"""Figures with their floors and budgets, and the table that reports them."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple


class Figure(NamedTuple):
    """One line of the table. `value` and `floor` are in `unit`; `budget` limits value or ratio."""

    name: str
    value: float
    unit: str
    budget: float = math.inf
    floor: float | None = None

    @property
    def measured(self) -> float:
        return self.value / self.floor if self.floor is not None else self.value


def command_line(module: str, about: str | None) -> argparse.ArgumentParser:
    """Return the parser of a benchmark's arguments; `about` is its module's docstring."""
    return argparse.ArgumentParser(
        prog=f"python -m tests.benchmarks.{module}",
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def choose(parser: argparse.ArgumentParser, name: str, known: Sequence[str]) -> list[str]:
    """Return those of `known` that the command line names, or all of them if it names none."""
    named = ", ".join(known)
    parser.add_argument(name, nargs="*", metavar=name.upper(), help=f"one of: {named}")
    names: list[str] = getattr(parser.parse_args(), name)
    for each in names:
        if each not in known:
            parser.error(f"no {name} is called {each!r} (one of: {named})")
    return names or list(known)


def compile_into(folder: Path) -> None:
    """Let programs keep their compiled modules in `folder`, as an installation does."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(folder)


def report(figures: Sequence[Figure]) -> int:
    """Print a line per figure; return 1 if a budget is exceeded."""
    print(f"{'figure':<52} {'value':>9} {'floor':>9} {'measured':>9} {'budget':>7}")
    for item in figures:
        floor = f"{item.floor:.0f} {item.unit}" if item.floor is not None else ""
        value = f"{item.value:.{0 if item.value > 99 else 1}f} {item.unit}"
        line = f"{item.name:<52} {value:>9} {floor:>9} {item.measured:>9.2f}"
        if item.budget < math.inf:
            line += f" {item.budget:>7g} {'ok' if item.measured <= item.budget else 'OVER'}"
        print(line)
    return int(any(item.measured > item.budget for item in figures))
