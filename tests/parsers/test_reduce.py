"""The smallest text that still fails."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.model.messages import ToolSpec
from hermes_tui.parsers.auto import Auto
from hermes_tui.parsers.engines.registry import parser_named
from hermes_tui.parsers.reduce import fails_alike, reduce_text

TOOLS = (ToolSpec("f"), ToolSpec("get_weather"))


def test_a_long_text_is_reduced_to_its_flaw() -> None:
    call = '{"name": "get_weather", "arguments": {"city": "Lisbon", "unit": "c",}}'
    after = "\n\nAnd that is all there is to say.\n" * 5
    text = "First I think about it.\n\n" * 20 + f"<tool_call>{call}</tool_call>{after}"
    parser = parser_named("vllm/hermes")
    reduced = reduce_text(text, fails_alike(text, parser, TOOLS, reader=Auto()))
    assert reduced == '<tool_call>{"name":"get_weather","arguments":{"":"",}}</tool_call>'
    before, after = (parser.parse(one, TOOLS) for one in (text, reduced))
    assert before.outcome == after.outcome


def test_a_text_that_does_not_fail_is_kept() -> None:
    assert reduce_text("abc", lambda _: False) == "abc"


def test_a_text_that_cannot_be_reduced_is_kept() -> None:
    assert reduce_text("abc", lambda text: text == "abc") == "abc"


def test_brackets_are_removed_in_pairs() -> None:
    def fails(text: str) -> bool:
        return "x" in text and text.count("(") == text.count(")")

    assert reduce_text("((x))", fails) == "x"


@settings(max_examples=60, deadline=None)
@given(st.text("ab<>{}\"' \n\ud83e", max_size=60), st.sets(st.sampled_from("ab<{ \n"), min_size=1))
def test_the_result_fails_and_no_character_can_be_removed(text: str, needed: set[str]) -> None:
    def fails(candidate: str) -> bool:
        return needed <= set(candidate)

    reduced = reduce_text(text, fails)
    assert reduced == reduce_text(text, fails)
    if fails(text):
        assert sorted(reduced) == sorted(needed)
    else:
        assert reduced == text


@settings(max_examples=40, deadline=None)
@given(st.text("ab \n", max_size=200), st.integers(1, 40))
def test_the_number_of_tries_is_bounded_and_the_best_result_so_far_is_kept(
    text: str, most: int
) -> None:
    tried: list[str] = []

    def fails(candidate: str) -> bool:
        tried.append(candidate)
        return candidate.count("a") >= text.count("a") // 2

    reduced = reduce_text(text, fails, max_tries=most)
    assert len(tried) <= most
    assert len(set(tried)) == len(tried)
    assert reduced in tried
