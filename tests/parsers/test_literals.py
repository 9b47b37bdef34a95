"""How payloads that are almost JSON are read."""

from __future__ import annotations

import ast
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.parsers.literals import FAILED, JSON, compact, read_literal

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(max_size=6), VALUES, max_size=4)


@settings(max_examples=150, deadline=None)
@given(OBJECTS)
def test_python_literals_are_read_as_python_reads_them(value: dict[str, Any]) -> None:
    text = repr(value)
    found = read_literal(text, 0, len(text))
    assert found.value == ast.literal_eval(text)
    assert (found.span.end, found.cut_at) == (len(text), -1)


@settings(max_examples=100, deadline=None)
@given(OBJECTS)
def test_json_is_read_as_json(value: dict[str, Any]) -> None:
    text = json.dumps(value)
    found = read_literal(text + " rest", 0, len(text))
    assert (found.value, found.rung, found.span.end) == (value, JSON, len(text))


@settings(max_examples=100, deadline=None)
@given(OBJECTS)
def test_members_of_json_are_found_at_their_places(value: dict[str, Any]) -> None:
    text = json.dumps(value, indent=1)
    spans = read_literal(text, 0, len(text)).members(text, 0)
    assert {key: json.loads(text[s.start : s.end]) for key, s in spans.items()} == value


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="{}[]()\"',:\\ntTrue 01e-.#/*“”\n", max_size=40))
def test_any_text_is_read_within_its_bounds(text: str) -> None:
    text = "{" + text
    found = read_literal(text, 0, len(text))
    assert 0 <= found.span.start <= found.span.end <= len(text)
    assert all(0 <= f.span.start < f.span.end <= len(text) for f in found.flaws)
    assert found.error or found.rung == JSON


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": "C:\\new\\data"}', {"a": "C:\\new\\data"}),
        ("{\"a\": 'it''s'}", {"a": "it''s"}),
        ('{"a": "print(\\\'x\\\')\\n"}', {"a": "print('x')\n"}),
        ('{"a": (1, 2), "b": 1_000, "c": +1, "d": .5}', {"a": [1, 2], "b": 1000, "c": 1, "d": 0.5}),
        ('{"a": 1e999}', {"a": None}),
        ('{"a": [1, 2,, 3]}', None),
        ('{"a": 1 "b": 2}', {"a": 1, "b": 2}),
        ('{"a" : 1, "b"\n:/* c */2, "d"= 3, }', {"a": 1, "b": 2, "d": 3}),
        ('{{"a": {{"b": [{"c": 1}]}}}}', {"a": {"b": [{"c": 1}]}}),
        ('{"a": "x\\ud83e\\udd89",}', {"a": "x\N{OWL}"}),
    ],
)
def test_near_json_reads_as_a_person_would(text: str, value: object) -> None:
    assert read_literal(text, 0, len(text)).value == value


@pytest.mark.parametrize("depth", [300, 100_000])
@pytest.mark.parametrize("quote", ['"', "'"])
def test_too_deep_nesting_is_refused_without_raising(depth: int, quote: str) -> None:
    text = f"{{{quote}a{quote}:" * depth + "1" + "}" * depth
    assert read_literal(text, 0, len(text)).rung == FAILED


def test_a_number_too_long_to_read_is_refused_without_raising() -> None:
    digits = "9" * 5000
    text = f'{{"a": {digits}}}'
    assert read_literal(text, 0, len(text)).value == {"a": digits}


def test_compact_escapes_only_what_utf8_cannot_hold() -> None:
    assert compact({"a": "东\x00"}) == '{"a": "东\\u0000"}'
    assert compact("\ud83e") == '"\\ud83e"'
