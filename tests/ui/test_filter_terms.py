"""Adding terms to a filter and removing them without changing the rest of it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.log.expressions import compile_expression
from hermes_tui.ui.runs.filter_terms import quoted, terms_of, toggled

OK, FAILED = 'status == "ok"', 'status == "failed"'
NAMES = ("status", "turns", "codes", "errors")


def toggle(expression: str, term: str, name: str = "codes") -> str:
    return toggled(expression, term, name=name, is_alternative=name != "codes")


def test_terms_of_different_fields_must_all_hold() -> None:
    assert toggle(toggle("", OK, "status"), '"X" in codes') == f'{OK} and "X" in codes'


def test_terms_about_one_value_are_alternatives() -> None:
    both = toggle(toggle(toggle("", OK, "status"), FAILED, "status"), '"X" in codes')
    assert both == f'({OK} or {FAILED}) and "X" in codes'
    assert toggle(both, "2 <= turns < 5", "turns").endswith("and 2 <= turns < 5")


def test_two_terms_about_a_field_with_several_values_must_both_hold() -> None:
    assert toggle(toggle("", '"X" in codes'), '"Y" in codes') == '"X" in codes and "Y" in codes'


@pytest.mark.parametrize("name", ["scores.step", 'scores["a b"]'])
def test_terms_about_one_score_are_alternatives(name: str) -> None:
    one, other = f"{name} == 1", f"2 <= {name} < 5"
    assert toggle(toggle("errors > 0", one, name), other, name) == (
        f"errors > 0 and ({one} or {other})"
    )
    assert toggle(f"{one} or {other}", other, name) == one


def test_toggling_a_term_again_removes_it() -> None:
    both = toggle(toggle("", OK, "status"), FAILED, "status")
    assert toggle(both, OK, "status") == FAILED
    assert toggle(FAILED, FAILED, "status") == ""


@pytest.mark.parametrize(
    "typed", ["errors > 0", "errors > 0 or turns > 5", "errors if turns else status"]
)
def test_a_typed_expression_keeps_its_meaning_next_to_a_term(typed: str) -> None:
    narrowed = toggle(typed, '"X" in codes')
    for errors, turns, codes in [(0, 9, {"X": 1}), (1, 0, {"X": 1}), (1, 9, {}), (0, 0, {"X": 1})]:
        run = {"errors": errors, "turns": turns, "codes": codes, "status": ""}
        alone = compile_expression(typed, NAMES).evaluate(run)
        assert compile_expression(narrowed, NAMES).evaluate(run) == (alone and "X" in codes)


def test_the_terms_of_a_filter_are_found() -> None:
    picked = toggle(toggle(toggle("errors > 0", OK, "status"), FAILED, "status"), '"X" in codes')
    assert terms_of(picked) == {"errors > 0", OK, FAILED, '"X" in codes'}


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=30), st.text(max_size=30))
def test_any_value_can_be_added_and_removed(first: str, second: str) -> None:
    terms = [f"status == {quoted(text)}" for text in dict.fromkeys((first, second))]
    expression = ""
    for term in terms:
        expression = toggle(expression, term, "status")
    compiled = compile_expression(expression, NAMES)
    assert compiled.evaluate({"status": first})
    assert compiled.evaluate({"status": second})
    assert not compiled.evaluate({"status": first + second + "x"})
    for term in terms:
        expression = toggle(expression, term, "status")
    assert expression == ""


def test_a_lone_surrogate_can_be_quoted() -> None:
    term = f"status == {quoted(chr(0xD800))}"
    assert compile_expression(term, NAMES).evaluate({"status": chr(0xD800)})
