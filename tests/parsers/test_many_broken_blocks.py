"""A text with many broken blocks is read up to a bound; sound calls after them are still read."""

from __future__ import annotations

from hermes_tui.model.diagnostics import Code
from hermes_tui.parsers.auto import Auto

BROKEN = '<tool_call>{"name":"a"\n'
SOUND = '<tool_call>\n{"name": "b", "arguments": {}}\n</tool_call>'


def test_sound_calls_after_many_broken_blocks_are_read() -> None:
    result = Auto().parse(BROKEN * 200 + SOUND)
    assert result.calls[-1].name == "b"
    assert result.calls[-1].verdict == "json"


def test_blocks_beyond_the_bound_stay_in_the_content_and_are_reported_once() -> None:
    result = Auto().parse(BROKEN * 200)
    assert len(result.calls) < 200
    assert (result.content or "").count("<tool_call>") == 200 - len(result.calls)
    assert [found.code for found in result.diagnostics].count(Code.PARSER_TIMEOUT) == 1


def test_a_few_broken_blocks_are_all_returned_as_calls() -> None:
    assert len(Auto().parse(BROKEN * 20).calls) == 20
