"""The seeds of every fuzz target keep its laws, and so do simple variations of them."""

from __future__ import annotations

from importlib import import_module

import pytest

from tests.fuzz.__main__ import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds_of_a_target_keep_its_laws(name: str) -> None:
    target = import_module(f"tests.fuzz.{name}")
    for seed in (*target.SEEDS, *target.DICTIONARY, b""):
        target.try_one(seed)
        target.try_one(seed[: len(seed) // 2])
        target.try_one(seed + seed)
