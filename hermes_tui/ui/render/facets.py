"""Rows with a count and a bar: facets and histograms of the runs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from rich.cells import cell_len

from hermes_tui.model.visible import visible_line
from hermes_tui.ui.render.fit_apart import fit_apart
from hermes_tui.ui.render.rows import FOLDED, OPEN, Segments, short_number
from hermes_tui.ui.render.wrap import fit_end
from hermes_tui.ui.runs.counts import Bar
from hermes_tui.ui.runs.facets import SHOWN, Facet

PICKED = "●"
LEAST_BAR, LEAST_LABEL = 4, 8
LABEL_SHARE = 0.62
LONGEST_LABEL = 60
_EIGHTHS = " ▏▎▍▌▋▊▉█"
# No term begins with these characters, so that these keys differ from those of bars.
_HEADING, _REST = "\0", "\1"


class FacetLine(NamedTuple):
    """One line: a heading, a bar, or how many bars are left out. `key` identifies it.

    `largest` is the total of the facet's longest bar.
    """

    key: str
    name: str
    text: str = ""
    bar: Bar | None = None
    largest: int = 1

    @property
    def is_heading(self) -> bool:
        return self.key.startswith(_HEADING)


def facet_lines(facets: Sequence[Facet], folded: Collection[str]) -> list[FacetLine]:
    """Return headings and bars, and a line below the bars if there are more or can be fewer."""
    lines: list[FacetLine] = []
    for facet in facets:
        name = facet.name
        mark = FOLDED if name in folded else OPEN
        lines.append(FacetLine(_HEADING + name, name, f"{mark} {facet.heading} · {facet.values:,}"))
        if name in folded:
            continue
        lines += bar_lines(facet.bars, largest=facet.bars[0].total)
        if rest := facet.values - len(facet.bars):
            lines.append(FacetLine(_REST + name, name, f"  … {rest:,} more"))
        elif facet.values > SHOWN:
            lines.append(FacetLine(_REST + name, name, "  fewer"))
    return lines


def bar_lines(bars: Sequence[Bar], *, largest: int) -> list[FacetLine]:
    """Return a line for each bar."""
    return [FacetLine(bar.term, bar.name, bar=bar, largest=max(1, largest)) for bar in bars]


class BarColumns(NamedTuple):
    """The widths of label, bar, count and mean reward in cells; what has width 0 is left out.

    `labels` maps (field, label) of each bar to the label as it is drawn.
    """

    label: int
    bar: int
    number: int
    labels: Mapping[tuple[str, str], str]
    reward: int = 0


def bar_columns(lines: Sequence[FacetLine], width: int, *, is_narrowed: bool) -> BarColumns:
    """Divide `width` cells among the columns of these lines."""
    bars = [line.bar for line in lines if line.bar is not None]
    count = max((len(count_text(bar, is_narrowed=is_narrowed)) for bar in bars), default=1)
    longest = max((cell_len(visible_line(bar.label, LONGEST_LABEL)) for bar in bars), default=1)
    rewards = (len(reward_text(bar, is_narrowed=is_narrowed)) for bar in bars)
    reward = max(rewards, default=0)
    room = max(LEAST_LABEL, width - count - 3 - (reward and reward + 2))
    label = min(longest, max(LEAST_LABEL, int(room * LABEL_SHARE)))
    bar = room - label - 1
    if bar < LEAST_BAR:
        label, bar = room, 0
    return BarColumns(label, bar, count, _labels(bars, label), reward)


def _labels(bars: Iterable[Bar], width: int) -> dict[tuple[str, str], str]:
    """Return the labels of bars, cut so that those of a field can be told apart."""
    labels: dict[tuple[str, str], str] = {}
    for name, group in groupby(bars, key=lambda bar: bar.name):
        texts = [bar.label for bar in group]
        # Paths differ at their ends.
        shown = {t: fit_end(t, width) for t in texts} if name == "file" else fit_apart(texts, width)
        labels |= {(name, text): label for text, label in shown.items()}
    return labels


def count_text(bar: Bar, *, is_narrowed: bool) -> str:
    """Return the number of runs; with a filter, also how many of them it matches."""
    return f"{bar.chosen:,}/{bar.total:,}" if is_narrowed else f"{bar.total:,}"


def reward_text(bar: Bar, *, is_narrowed: bool) -> str:
    """Return the mean reward of the runs that are counted; empty if it is unknown."""
    reward = bar.rewards[is_narrowed]
    return "" if reward is None else short_number(reward)


def line_row(
    line: FacetLine, columns: BarColumns, *, is_narrowed: bool, is_picked: bool
) -> Segments:
    """Return one line as drawn."""
    bar = line.bar
    if bar is None:
        return [(line.text, "heading" if line.is_heading else "hint")]
    chosen = bar.chosen if is_narrowed else bar.total
    style = "mark" if is_picked else "" if chosen else "dim"
    label = columns.labels[bar.name, bar.label]
    solid = blocks(chosen, line.largest, columns.bar)
    whole = blocks(bar.total, line.largest, columns.bar)
    reward = reward_text(bar, is_narrowed=is_narrowed)
    return [
        (f"{PICKED if is_picked else ' '} {label} ", style),
        (solid, "call"),
        ("░" * (len(whole) - len(solid)), "dim"),
        (" " * (columns.bar - max(len(whole), len(solid)) + 1), ""),
        (f"{count_text(bar, is_narrowed=is_narrowed):>{columns.number}}", style),
        (f"  {reward:>{columns.reward}}" if columns.reward else "", "hint"),
    ]


def blocks(count: int, largest: int, width: int) -> str:
    """Return a bar of length `count` / `largest` of `width` cells, at least ▏; empty for 0."""
    if not count or not width:
        return ""
    eighths = max(1, round(8 * width * count / max(count, largest)))
    return _EIGHTHS[-1] * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")
