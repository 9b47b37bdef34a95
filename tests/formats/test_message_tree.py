from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.formats.message_tree import MAX_BEFORE, paths_of, sound_parents

ANY_PARENTS = st.lists(st.none() | st.integers(-2, 30), max_size=30)


def test_the_longest_path_comes_first_and_others_show_only_new_messages() -> None:
    parents = [None, 0, 1, 0, 3, 4, None]
    paths = paths_of(parents, lambda index: False)
    assert [(path.messages, path.repeated, path.leaf) for path in paths] == [
        ([0, 3, 4, 5], 0, 5),
        ([1, 2], 0, 2),
        ([6], 0, 6),
    ]


def test_a_path_that_continues_with_answers_repeats_the_calls_they_answer() -> None:
    parents = [None, 0, 1, 2, 3, 2]
    paths = paths_of(parents, lambda index: index in (2, 5))
    assert [(path.messages, path.repeated) for path in paths] == [
        ([0, 1, 2, 3, 4], 0),
        ([1, 2, 5], 2),
    ]


def test_many_answers_are_repeated_up_to_a_limit() -> None:
    parents = sound_parents([None, *range(200), 150])
    assert paths_of(parents, lambda index: index > 0)[1].repeated == MAX_BEFORE


@settings(max_examples=100, deadline=None)
@given(ANY_PARENTS, st.integers(1, 4))
def test_every_message_is_new_in_exactly_one_path(named: list[int | None], every: int) -> None:
    parents = sound_parents(named)
    paths = paths_of(parents, lambda index: index % every == 0)
    new = [index for path in paths for index in path.messages[path.repeated :]]
    assert sorted(new) == list(range(len(parents)))
    for path in paths:
        assert path.messages[-1] == path.leaf
        steps = zip(path.messages, path.messages[1:], strict=False)
        assert all(parents[later] == earlier for earlier, later in steps)
