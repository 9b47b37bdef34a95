"""The exact bytes of a value are found by its JSON Pointer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from statistics import median
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.formats.json_text.json_slice import JsonSlicer
from tests.timing import seconds

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(alphabet='aé/~"\\\n漢', max_size=3), inner, max_size=3)
    ),
    max_leaves=10,
)


def pointers(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    yield path, value
    if isinstance(value, dict):
        for key, item in value.items():
            yield from pointers(item, f"{path}/{key.replace('~', '~0').replace('/', '~1')}")
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from pointers(item, f"{path}/{index}")


@settings(max_examples=80)
@given(json_values, st.booleans(), st.sampled_from([None, 1]))
def test_every_value_is_found_at_its_pointer(
    value: Any, ascii_only: bool, indent: int | None
) -> None:
    data = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    slicer = JsonSlicer(data)
    for pointer, item in [*pointers(value), *reversed(list(pointers(value)))]:
        found = slicer.find(pointer)
        assert found is not None and found == JsonSlicer(data).find(pointer)
        assert json.loads(found) == item


@settings(max_examples=60)
@given(st.binary(max_size=80), st.text(alphabet="/a0~1", max_size=8))
def test_any_bytes_and_pointer_give_a_part_of_the_bytes_or_nothing(
    data: bytes, pointer: str
) -> None:
    found = JsonSlicer(data).find(pointer)
    assert found is None or found in data


def test_the_bytes_are_exact_including_whitespace_and_escapes() -> None:
    data = b'{"m": [ {"content" : "caf\\u00e9  \xc3\xa9", "n": 1.50} ]}'
    assert JsonSlicer(data).find("/m/0") == b'{"content" : "caf\\u00e9  \xc3\xa9", "n": 1.50}'
    assert JsonSlicer(data).find("/m/0/n") == b"1.50"


def test_the_last_of_two_equal_keys_is_found() -> None:
    assert JsonSlicer(b'{"a":1,"a":2}').find("/a") == b"2"


def test_a_byte_order_mark_does_not_hide_the_value() -> None:
    assert JsonSlicer(b'\xef\xbb\xbf{"a":1}').find("/a") == b"1"


@pytest.mark.parametrize("pointer", ["/b", "/a/5", "/a/x", "/a/0/deeper", "/a/-1"])
def test_a_pointer_to_nothing_finds_nothing(pointer: str) -> None:
    assert JsonSlicer(b'{"a":[1]}').find(pointer) is None


def test_values_before_a_torn_end_are_found() -> None:
    assert JsonSlicer(b'{"a":[{"b":1},{"c":').find("/a/0") == b'{"b":1}'


def test_a_torn_value_is_found_up_to_its_end() -> None:
    data = b'{"a":[{"b":1},{"c":"half'
    assert JsonSlicer(data).find("/a/1") == b'{"c":"half'
    assert JsonSlicer(data).find("/a/1/c") == b'"half'
    assert JsonSlicer(data).find("/a/2") is None


def test_only_the_first_lookup_in_a_long_record_costs_a_pass() -> None:
    message = json.dumps({"role": "user", "content": "x" * 200})
    slicer = JsonSlicer(('{"messages":[' + ",".join([message] * 20_000) + "]}").encode())
    times = []
    for number in (19_998, 19_999, 3, 10_000, 12_345, 19_997):
        pointer = f"/messages/{number}"
        times.append(seconds(partial(slicer.find, pointer)))
        assert slicer.find(pointer) == message.encode()
    assert median(times[1:]) < times[0] / 10
