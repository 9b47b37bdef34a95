"""A value of any length is passed over with a small window, and a broken one ends the walk."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.formats.json_text import json_walk
from hermes_tui.formats.json_text.json_walk import JsonWalk, Outcome
from tests.bytes_source import BytesSource
from tests.formats.foreign import any_json


@pytest.fixture(autouse=True)
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_walk, "WINDOW", 128)
    monkeypatch.setattr(json_walk, "_LONGEST_WORD", 64)


@settings(max_examples=150)
@given(st.lists(any_json("a", "messages"), max_size=4), st.booleans())
def test_every_value_is_skipped_to_its_end(values: list[Any], spaced: bool) -> None:
    texts = [json.dumps(value, indent=1 if spaced else None).encode() for value in values]
    source = BytesSource(b",".join(texts))
    walk = JsonWalk(source)
    ends = []
    while walk.peek():
        assert walk.skip() is Outcome.WHOLE
        ends.append(walk.at)
    at, expected = -1, []
    for text in texts:
        at += 1 + len(text)
        expected.append(at)
    assert ends == expected


@settings(max_examples=100)
@given(any_json("a"), st.integers(0, 300))
def test_an_incomplete_value_is_torn(value: Any, at: int) -> None:
    data = json.dumps([value]).encode()
    walk = JsonWalk(BytesSource(data, min(at, len(data) - 1), complete=False))
    walk.peek()
    assert walk.skip() is Outcome.TORN


@given(st.binary(max_size=300))
def test_a_walk_over_any_bytes_ends(data: bytes) -> None:
    walk = JsonWalk(BytesSource(data))
    while walk.peek() and walk.skip() is Outcome.WHOLE:
        pass
    assert walk.at <= len(data)


@pytest.mark.parametrize(
    "text", ['{"a": oops}', "[1, 2}", "nope" * 80, "[" * 100_000, "1" * 400, '{"a":' * 300]
)
def test_text_that_is_not_json_is_broken(text: str) -> None:
    assert JsonWalk(BytesSource(text.encode())).skip() is Outcome.BROKEN


def test_strings_longer_than_a_window_are_skipped_with_any_content() -> None:
    value = {"a": 'x"}],\\' * 100, "b": ["\\" * 200, "é" * 90]}
    data = json.dumps(value, ensure_ascii=False).encode()
    walk = JsonWalk(BytesSource(data + b", 1"))
    assert walk.skip() is Outcome.WHOLE
    assert walk.at == len(data)
