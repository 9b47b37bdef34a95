"""The fast JSON reader reads what the standard library reads."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.parsers.plain_values import json_text, loads, plain_loads, plain_text

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.just(10**400)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=12,
)
JSON = st.one_of(
    VALUES.map(json.dumps),
    VALUES.map(lambda value: json.dumps(value, ensure_ascii=False)),
    st.text(alphabet='{}[]",:\\0123456789.eE+-ntu \n\x01\ud800', max_size=12),
)


def outcome(read, text):
    """Return the result of `read` on `text` in a comparable form: errors and NaN as text."""
    try:
        return repr(read(text))
    except (ValueError, RecursionError) as error:
        return f"{type(error).__name__}: {error}"


@settings(max_examples=300, deadline=None)
@given(JSON)
def test_json_is_read_as_by_the_standard_library_including_its_errors(text):
    assert outcome(loads, text) == outcome(json.JSONDecoder().decode, text)


@settings(max_examples=300, deadline=None)
@given(JSON)
def test_values_read_by_the_fast_reader_are_written_as_usual(text):
    try:
        value = plain_loads(text)
    except ValueError:
        return
    assert plain_text(value) == json_text(value)


@pytest.mark.parametrize("text", ['{"a": ["b", {"c": 12}], "d": null}', '"é"', "[]", "-0"])
def test_json_of_texts_and_integers_is_read_by_the_fast_reader(text):
    assert plain_loads(text) == json.loads(text)


@pytest.mark.parametrize("text", ["1.5", "[1e3]", '{"a": [18446744073709551616]}', "NaN"])
def test_numbers_with_several_spellings_are_left_to_the_standard_library(text):
    with pytest.raises(ValueError, match=r"several ways|unexpected|NaN|JSON"):
        plain_loads(text)


@pytest.mark.parametrize("depth", [200, 300, 900, 2000])
def test_deeply_nested_values_are_written_as_usual(depth):
    text = '{"a":' * depth + "1" + "}" * depth
    try:
        assert plain_text(plain_loads(text)) == text
    except ValueError:
        assert outcome(loads, text) == outcome(json.JSONDecoder().decode, text)
