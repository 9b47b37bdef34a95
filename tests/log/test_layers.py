"""Overlapping ranges become disjoint ones."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hermes_tui.model.layers import Layer, topmost

LENGTH = 12
NUMBERS = st.integers(0, LENGTH)
LAYERS = st.lists(st.tuples(NUMBERS, NUMBERS, st.integers(0, 3)), max_size=8)


@given(LAYERS)
def test_each_character_gets_the_highest_rank_that_covers_it(layers: list[Layer]) -> None:
    painted: list[int | None] = [None] * LENGTH
    for start, end, rank in sorted(layers, key=lambda layer: layer[2]):
        for at in range(start, end):
            painted[at] = rank
    found = list(topmost(layers))
    shown: list[int | None] = [None] * LENGTH
    for start, end, rank in found:
        assert shown[start:end] == [None] * (end - start)
        shown[start:end] = [rank] * (end - start)
    assert shown == painted


def test_layers_of_one_rank_that_touch_are_one() -> None:
    assert list(topmost([(2, 4, 1), (0, 2, 1), (4, 5, 2), (3, 5, 1)])) == [(0, 4, 1), (4, 5, 2)]
