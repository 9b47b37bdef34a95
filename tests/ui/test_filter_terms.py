"""Terms are put into a filter and taken out again without a change to what else it says."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.log.expressions import compile_expression
from hermes_tui.ui.runs.filter_terms import quoted, terms_of, toggled

OK, FAILED = 'status == "ok"', 'status == "failed"'
NAMES = ("status", "turns", "codes", "errors")


def pick(expression: str, term: str, name: str = "codes") -> str:
    return toggled(expression, term, name=name, is_alternative=name != "codes")


def test_terms_of_different_fields_must_all_hold() -> None:
    assert pick(pick("", OK, "status"), '"X" in codes') == f'{OK} and "X" in codes'


def test_terms_about_one_value_are_alternatives() -> None:
    both = pick(pick(pick("", OK, "status"), FAILED, "status"), '"X" in codes')
    assert both == f'({OK} or {FAILED}) and "X" in codes'
    assert pick(both, "2 <= turns < 5", "turns").endswith("and 2 <= turns < 5")


def test_two_terms_about_a_field_with_several_values_must_both_hold() -> None:
    assert pick(pick("", '"X" in codes'), '"Y" in codes') == '"X" in codes and "Y" in codes'


def test_a_term_that_is_picked_again_goes() -> None:
    both = pick(pick("", OK, "status"), FAILED, "status")
    assert pick(both, OK, "status") == FAILED
    assert pick(FAILED, FAILED, "status") == ""


@pytest.mark.parametrize(
    "typed", ["errors > 0", "errors > 0 or turns > 5", "errors if turns else status"]
)
def test_what_was_typed_still_means_the_same_beside_a_term(typed: str) -> None:
    narrowed = pick(typed, '"X" in codes')
    for errors, turns, codes in [(0, 9, {"X": 1}), (1, 0, {"X": 1}), (1, 9, {}), (0, 0, {"X": 1})]:
        run = {"errors": errors, "turns": turns, "codes": codes, "status": ""}
        alone = compile_expression(typed, NAMES).evaluate(run)
        assert compile_expression(narrowed, NAMES).evaluate(run) == (alone and "X" in codes)


def test_terms_that_are_picked_are_known() -> None:
    picked = pick(pick(pick("errors > 0", OK, "status"), FAILED, "status"), '"X" in codes')
    assert terms_of(picked) == {"errors > 0", OK, FAILED, '"X" in codes'}


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=30), st.text(max_size=30))
def test_any_value_can_be_picked_and_dropped(first: str, second: str) -> None:
    terms = [f"status == {quoted(text)}" for text in dict.fromkeys((first, second))]
    expression = ""
    for term in terms:
        expression = pick(expression, term, "status")
    compiled = compile_expression(expression, NAMES)
    assert compiled.evaluate({"status": first})
    assert compiled.evaluate({"status": second})
    assert not compiled.evaluate({"status": first + second + "x"})
    for term in terms:
        expression = pick(expression, term, "status")
    assert expression == ""


def test_half_a_character_can_be_picked() -> None:
    term = f"status == {quoted(chr(0xD800))}"
    assert compile_expression(term, NAMES).evaluate({"status": chr(0xD800)})
