"""Overlapping ranges of characters, as disjoint ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from itertools import pairwise

Layer = tuple[int, int, int]
"""Start, end and rank of a half-open range of characters; a higher rank covers a lower one."""


def topmost(layers: Iterable[Layer]) -> Iterator[Layer]:
    """Yield what no other layer covers, as disjoint layers in order; O(n log n).

    Layers of one rank that touch are one. Empty layers are ignored.
    """
    ordered = sorted(layer for layer in layers if layer[0] < layer[1])
    edges = sorted({edge for start, end, _ in ordered for edge in (start, end)})
    active: list[tuple[int, int]] = []
    next_index = 0
    open_layer: Layer | None = None
    for left, right in pairwise(edges):
        while next_index < len(ordered) and ordered[next_index][0] <= left:
            _, end, rank = ordered[next_index]
            heappush(active, (-rank, end))
            next_index += 1
        while active and active[0][1] <= left:
            heappop(active)
        topmost_rank = -active[0][0] if active else None
        if open_layer is not None and open_layer[1:] == (left, topmost_rank):
            open_layer = (open_layer[0], right, open_layer[2])
            continue
        if open_layer is not None:
            yield open_layer
        open_layer = None if topmost_rank is None else (left, right, topmost_rank)
    if open_layer is not None:
        yield open_layer
