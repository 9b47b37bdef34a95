"""The places in a text of calls that another parser read."""

from __future__ import annotations

from hermes_tui.model.spans import Span
from hermes_tui.parsers.auto import Auto
from hermes_tui.parsers.call_places import call_spans_in

ONE = '<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call>'
TWO = ONE.replace("1", "2")


def test_calls_are_placed_where_our_parser_finds_them_in_any_order() -> None:
    ours = Auto().parse(ONE + TWO)
    first, second = (call.span for call in ours.calls)
    assert call_spans_in([("f", '{"a":2}'), ("f", '{"a": 1}')], ours) == [second, first]


def test_equal_calls_are_matched_in_their_order() -> None:
    ours = Auto().parse(ONE + ONE)
    assert call_spans_in([("f", '{"a": 1}')] * 2, ours) == [call.span for call in ours.calls]


def test_an_altered_call_gets_the_place_of_its_number_and_an_invented_one_none() -> None:
    ours = Auto().parse(ONE)
    assert call_spans_in([("f", "{"), ("g", "{}")], ours) == [Span(0, len(ONE)), None]
