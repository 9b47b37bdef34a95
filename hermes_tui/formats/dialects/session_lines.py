"""The lines of a session that refer to each other, and are read once all of them are known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from hermes_tui.formats import fields
from hermes_tui.formats.chat_messages import SourceValue, source_defect
from hermes_tui.formats.run_builder import RunBuilder


@dataclass(frozen=True, slots=True)
class SessionLine:
    """A line of a known type. `number` counts from 0; `flags` are those of its message."""

    row: dict[str, Any]
    number: int
    pointer: str
    flags: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        return fields.label(self.row, "type")


AnyLine = TypeVar("AnyLine", bound=SessionLine)


def split_lines(
    value: Any, build: RunBuilder, line_of: type[AnyLine]
) -> tuple[list[AnyLine], list[SourceValue]]:
    """Return the lines of a session, and the values among them that are not such lines."""
    lines: list[AnyLine] = []
    odd: list[SourceValue] = []
    for number, (pointer, _, row) in enumerate(build.placed(value)):
        if isinstance(row, dict) and fields.label(row, "type"):
            lines.append(line_of(row, number, pointer))
        else:
            odd.append(SourceValue(row, pointer, number))
    return lines, odd


def report_odd(odd: Iterable[SourceValue], build: RunBuilder) -> None:
    """Append a defect for each value that is not a line."""
    for source in odd:
        source_defect(build, "not a line of a session", source)
