"""Which columns the list of runs has in a given width, and how wide each is. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from hermes_tui.ui.runs.facts import LONGEST

GAP = 1
APART = 1
"""Extra cells between the last number, which is right-aligned, and the left-aligned text after."""
MARKS = {False: "▲", True: "▼"}

ONLY_SORTED = 1 << 30
"""Wider than any terminal: such a column is only shown while the list is sorted by it."""


class Column(NamedTuple):
    """One column; its cells follow `gap` blank ones. `name` is that of the field to sort by."""

    name: str
    heading: str
    width: int
    is_number: bool = False
    gap: int = GAP


class _Kind(NamedTuple):
    heading: str
    min_width: int
    max_width: int
    min_list_width: int = 0
    """In cells: a narrower list omits the column."""
    is_number: bool = False
    needs_text: bool = True
    """The column is omitted if it is empty for every run."""


_KINDS: Final = MappingProxyType({
    "run": _Kind("run", 5, 5, is_number=True, needs_text=False),
    "turns": _Kind("turns", 5, 5, is_number=True, needs_text=False),
    "calls": _Kind("calls", 5, 5, is_number=True, needs_text=False),
    "tool_errors": _Kind("tool err", 8, 8, 100, is_number=True),
    "errors": _Kind("err", 5, 5, is_number=True, needs_text=False),
    "warnings": _Kind("warn", 5, 5, 90, is_number=True, needs_text=False),
    "reward": _Kind("reward", 7, 7, is_number=True),
    "size": _Kind("size", 5, 5, 130, is_number=True, needs_text=False),
    "tokens_in": _Kind("tok in", 6, 6, ONLY_SORTED, is_number=True, needs_text=False),
    "tokens_out": _Kind("tok out", 7, 7, ONLY_SORTED, is_number=True, needs_text=False),
    "duration": _Kind("seconds", 7, 7, ONLY_SORTED, is_number=True, needs_text=False),
    "cost": _Kind("cost $", 7, 7, ONLY_SORTED, is_number=True, needs_text=False),
    "began": _Kind("began", 16, 16, ONLY_SORTED),
    "latest": _Kind("latest", 16, 16, 150),
    "status": _Kind("status", 8, 10, 100),
    "stop_reason": _Kind("stop reason", 12, 24, ONLY_SORTED),
    "file": _Kind("file", 11, 44),
    "id": _Kind("id", 14, 32, 110),
    "task": _Kind("task", 17, 400, needs_text=False),
    "model": _Kind("model", 10, 24, 110),
    "codes": _Kind("diagnostics", 14, 50, 100),
})  # fmt: skip
_DROP_ORDER: Final = (
    "latest", "size", "status", "model", "tool_errors", "codes", "warnings", "id", "reward", "file",
    "tokens_in", "tokens_out", "duration", "cost", "began", "stop_reason", "calls", "turns",
)  # fmt: skip
_DROP_ORDER_BY_STATUS: Final = tuple(
    {"reward": "status", "status": "reward"}.get(name, name) for name in _DROP_ORDER
)
"""The same if no run has a reward: then only the status shows the outcome."""
_RESTORE_ORDER: Final = (
    "turns", "calls", "codes", *(name for name in reversed(_DROP_ORDER[:-2]) if name != "codes"),
)  # fmt: skip
"""Columns that a narrow list shows as well if its tasks leave room."""
_GROWING: Final = ("task", "id", "file", "model", "codes", "status", "stop_reason")


_DETAIL_FIELDS: Final = (
    "codes", "model", "status", "stop_reason", "warnings", "tool_errors", "reward", "id", "size",
    "tokens_in", "tokens_out", "duration", "cost", "latest", "file",
)  # fmt: skip
"""Fields of the chosen run that the status line shows if they have no column."""


def heading_of(name: str) -> str:
    """Return the displayed name of a column; a field without a column has its own name."""
    return _KINDS[name].heading if name in _KINDS else name


def fields_without_column(columns: Iterable[Column], longest: Mapping[str, int]) -> list[str]:
    """Return the names of the columns that have a value but no room."""
    shown = {column.name for column in columns}
    return [name for name in _DETAIL_FIELDS if name not in shown and not _is_blank(name, longest)]


def columns_for(
    width: int,
    longest: Mapping[str, int],
    runs: int,
    *,
    sorted_by: str = "",
    by_id: bool = False,
) -> tuple[Column, ...]:
    """Return the columns for `width` cells; `longest` is as in `RunsFacts`.

    The column that the list is sorted by is omitted last. `by_id`: tasks do not identify the runs.
    """
    widths = _min_widths(width, longest, sorted_by, by_id=by_id or "group" in longest)
    width -= APART
    widths["run"] = max(widths["run"], len(str(runs)))
    drop_order = _DROP_ORDER if "reward" in longest else _DROP_ORDER_BY_STATUS
    for name in sorted(drop_order, key=sorted_by.__eq__):
        if sum(widths.values()) + GAP * len(widths) <= width:
            break
        widths.pop(name, None)
    if 0 < longest.get("task", 0) < LONGEST:
        _restore(width, widths, longest)
    rest = width - sum(widths.values()) - GAP * len(widths)
    _distribute(max(0, rest), widths, longest)
    widths["task"] = max(1, widths["task"] + min(0, rest))
    first_text = next(
        name for name, kind in _KINDS.items() if name in widths and not kind.is_number
    )
    return tuple(
        Column(name, kind.heading, widths[name], kind.is_number, GAP + APART * (name == first_text))
        for name, kind in _KINDS.items()
        if name in widths
    )


def _restore(width: int, widths: dict[str, int], longest: Mapping[str, int]) -> None:
    """Add omitted columns if the others need fewer than all cells."""
    needed = (max(cells, _needed_width(name, longest)) for name, cells in widths.items())
    rest = width - sum(needed) - GAP * len(widths)
    for name in _RESTORE_ORDER:
        if name in widths or _KINDS[name].min_list_width == ONLY_SORTED or _is_blank(name, longest):
            continue
        rest -= _min_width(name, longest) + GAP
        if rest < 0:
            break
        widths[name] = _min_width(name, longest)


def _needed_width(name: str, longest: Mapping[str, int]) -> int:
    """Return how many cells show a whole text, or 0 for a column that does not grow."""
    return min(_KINDS[name].max_width, longest.get(name, 0)) if name in _GROWING else 0


def _distribute(rest: int, widths: dict[str, int], longest: Mapping[str, int]) -> None:
    """Widen the text columns by `rest` cells, evenly up to their need; the task takes the rest.

    Each round gives a cell to every truncated text, and two to the task.
    """

    def is_cut(name: str) -> bool:
        return widths[name] < _needed_width(name, longest)

    cut_names = [name for name in _GROWING if name in widths and is_cut(name)]
    while rest and cut_names:
        for name in cut_names:
            grown = min(rest, 2 if name == "task" else 1)
            widths[name] += grown
            rest -= grown
        cut_names = [name for name in cut_names if is_cut(name)]
    widths["task"] += rest


def _min_widths(
    width: int, longest: Mapping[str, int], sorted_by: str, *, by_id: bool
) -> dict[str, int]:
    widths = {}
    for name, kind in _KINDS.items():
        # Only the group distinguishes a rollout from those of other groups, and only a reward or a
        # status distinguishes success from failure.
        is_identifying = (name == "id" and by_id) or (name == "status" and "reward" not in longest)
        min_list_width = 0 if is_identifying or name == sorted_by else kind.min_list_width
        if width >= min_list_width and not _is_blank(name, longest):
            widths[name] = _min_width(name, longest)
    if sorted_by in widths:
        # The mark of the order precedes the heading, apart from the column before.
        widths[sorted_by] = max(widths[sorted_by], len(_KINDS[sorted_by].heading) + 1)
    return widths


def _is_blank(name: str, longest: Mapping[str, int]) -> bool:
    """Return whether a column is omitted because it is empty for every run."""
    return _KINDS[name].needs_text and name not in longest


def _min_width(name: str, longest: Mapping[str, int]) -> int:
    kind = _KINDS[name]
    if not kind.needs_text or kind.is_number or kind.min_width == kind.max_width:
        return kind.min_width
    return min(kind.min_width, max(longest[name], len(kind.heading) + GAP))


def column_at(columns: tuple[Column, ...], x: int) -> Column | None:
    """Return the column at a cell of the row, or None after the last."""
    end = 0
    for column in columns:
        end += column.gap + column.width
        if x < end:
            return column
    return None
