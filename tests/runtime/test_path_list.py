"""A list of paths returns those added to it, and takes little more memory than their names."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.runtime.path_list import PathList

NAMES = st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=4)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(lambda parts: Path(*parts))


@settings(max_examples=100, deadline=None)
@given(st.lists(PATHS, max_size=12))
def test_paths_are_those_that_were_added(paths: list[Path]) -> None:
    found = PathList.of(paths)
    assert list(found) == paths
    assert [found.text(place) for place in range(len(paths))] == list(map(str, paths))
    assert found[1:7:2] == paths[1:7:2]
    assert [found[-place] for place in range(1, len(paths) + 1)] == paths[::-1]


@settings(max_examples=100, deadline=None)
@given(st.lists(PATHS, max_size=5), st.lists(PATHS, max_size=5))
def test_lists_are_equal_if_their_paths_are(one: list[Path], other: list[Path]) -> None:
    assert (PathList.of(one) == PathList.of(other)) is (one == other)


def test_an_index_beyond_the_end_raises_index_error() -> None:
    with pytest.raises(IndexError):
        PathList.of([Path("a")])[1]


def test_a_path_takes_a_few_bytes_in_addition_to_its_name() -> None:
    found = PathList("/data/")
    for number in range(20_000):
        found.add(f"/data/task-{number // 100:03}/", f"{number:06}.json")
    parts = (found._names.data, found._names.ends, found._folders.data, found._first_files)
    assert sum(map(sys.getsizeof, parts)) < 24 * len(found)
    assert str(found[-1]) == "/data/task-199/019999.json"
