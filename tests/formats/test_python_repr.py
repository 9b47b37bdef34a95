from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.formats.texts.python_repr import NotRepr, ReprObject, read_repr


@dataclass
class Call:
    name: str
    arguments: Any


def test_a_dataclass_is_read_as_its_members() -> None:
    made = read_repr(repr(Call("say", {"it's": ['"', None, True, 1.5]})))
    assert made == ReprObject(
        "Call", (), {"name": "say", "arguments": {"it's": ['"', None, True, 1.5]}}
    )


def test_an_exception_is_read_as_its_arguments() -> None:
    assert read_repr(repr(ValueError("no\n", -3))) == ReprObject("ValueError", ("no\n", -3), {})


def test_objects_without_a_literal_value_are_kept_as_text() -> None:
    assert read_repr("[<Image mode=RGB at 0x7f>, Color.RED]") == [
        "<Image mode=RGB at 0x7f>",
        "Color.RED",
    ]


@pytest.mark.parametrize("text", ["", "f(", "'a", "[1 2]", "{1: }", "1 2", "[" * 500, "f(a=)"])
def test_text_that_is_not_a_repr_is_refused(text: str) -> None:
    with pytest.raises(NotRepr):
        read_repr(text)


_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(_PLAIN)
def test_the_repr_of_a_value_reads_back_as_the_value(value: Any) -> None:
    assert read_repr(repr(value)) == value


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="abN<>()[]{}'\"\\,=:1.-xu \n", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read_repr(text)
    except NotRepr as error:
        assert str(error)
