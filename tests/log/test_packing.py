"""Any value that a file may hold can be packed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.log.packing import packed

LARGEST = (1 << 63) - 1
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=4)
ANY_INTEGER = st.sampled_from([0, -1, LARGEST, 1 << 64, -(1 << 70), 1 << 200])
LEAVES = ANY_TEXT | ANY_INTEGER | st.none() | st.booleans() | st.binary(max_size=3)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)


def unpacked(value: Any) -> Any:
    return msgspec.msgpack.decode(packed(value))


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ({"a": "\ud800"}, {"a": "\ufffd"}),
        ({"a": 1 << 70}, {"a": LARGEST}),
        ({"a": -(1 << 70)}, {"a": -LARGEST}),
        ({"\ud800": {"b": ["x\udfff", True, None]}}, {"\ufffd": {"b": ["x\ufffd", True, None]}}),
        ((b"\x00\xff", "\ud800"), [b"\x00\xff", "\ufffd"]),
    ],
)
def test_values_that_msgpack_lacks_are_packed_as_closely_as_possible(value: Any, kept: Any) -> None:
    assert unpacked(value) == kept


@settings(max_examples=60, deadline=None)
@given(VALUES)
def test_every_value_can_be_packed_and_bytes_stay_bytes(value: Any) -> None:
    [again, beside] = unpacked([value, b"\xff"])
    assert type(again) is type(value)
    assert beside == b"\xff"
