"""The model of the lab, without widgets: fates, steps and the choice of the parser."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.spans import Span
from hermes_tui.parsers.base import Outcome, ParsedCall, ParseResult, ParseStep
from hermes_tui.ui.lab.fates import Fate, calls_at, frontiers, pieces_of, read_up_to, within
from hermes_tui.ui.lab.model import LabModel, LabText
from hermes_tui.ui.lab.parsers import guessed, known_name
from hermes_tui.ui.lab.steps import first_change, out, over, step_of_each, stops
from tests.ui.readings import BAD, GOOD, lab


def step(rule: str, start: int, end: int, depth: int, outcome: str = "read") -> ParseStep:
    return ParseStep(rule, Span(start, end), outcome, "", depth)


STEPS = (
    step("all", 0, 100, 0, "calls"),
    step("block", 10, 50, 1, "delivered"),
    step("json", 20, 40, 2, "refused"),
    step("repair", 25, 30, 3),
    step("call", 10, 50, 2, "delivered"),
    step("block", 60, 90, 1, "refused"),
    step("keep", 60, 100, 1, "kept as text"),
)


def fates(model: LabModel) -> dict[str, str]:
    """Return the text of each fate at the current step."""
    found: dict[str, str] = {}
    for piece in model.pieces():
        word = piece.fate.word
        found[word] = found.get(word, "") + model.text[piece.start : piece.end]
    return found


# Fates


def test_every_character_of_a_call_has_a_fate() -> None:
    found = fates(lab(f"Look. {GOOD}"))
    assert found["name"].strip('"') == "terminal"
    assert found["arguments"] == '{"command": "ls"}'
    assert found["content"] == "Look. "
    assert found["call"].startswith("<tool_call>")
    assert "unread" not in found


def test_text_after_the_current_step_is_unread() -> None:
    model = lab(f"Look. {GOOD}\n{BAD}")
    model.step_in()
    found = fates(model)
    assert found["unread"].startswith("<tool_call>")
    model.go(len(model.steps) - 1)
    assert "unread" not in fates(model)


def test_a_part_counts_as_read_only_after_its_last_step() -> None:
    assert frontiers(STEPS, 100) == [100, 10, 20, 30, 50, 90, 100]


def test_a_call_withdrawn_later_is_present_until_then() -> None:
    model = lab(f"{GOOD}\n{BAD}")
    standing = [len(calls_at(model.result, index)) for index in range(len(model.steps))]
    assert max(standing) == 1
    assert standing[0] == standing[-1] == 0
    model.go(standing.index(1))
    assert "call" in fates(model)


@st.composite
def results(draw: st.DrawFn) -> tuple[ParseResult, int, int]:
    length = draw(st.integers(0, 60))
    places = st.builds(
        lambda a, b: Span(min(a, b), max(a, b)), st.integers(0, length), st.integers(0, length)
    )
    calls = tuple(
        ParsedCall("f", "{}", *parts) for parts in draw(st.lists(st.tuples(places, places, places)))
    )
    spans = st.lists(places, max_size=5).map(tuple)
    result = ParseResult(Outcome.CALLS, calls, None, (), draw(spans), draw(spans))
    return result, length, draw(st.integers(0, length))


@given(results())
@settings(max_examples=150)
def test_pieces_cover_the_text_once_and_in_order(given: tuple[ParseResult, int, int]) -> None:
    result, length, reached = given
    pieces = read_up_to(pieces_of(result, length, result.calls), reached, length)
    assert [piece.start for piece in pieces[1:]] == [piece.end for piece in pieces[:-1]]
    assert not pieces or (pieces[0].start, pieces[-1].end) == (0, length)
    assert all((piece.fate is Fate.UNREAD) == (piece.start >= reached) for piece in pieces)
    for start in range(length):
        assert [p for p in pieces if p.start <= start < p.end] == list(
            within(pieces, start, start + 1)
        )


# Steps


def test_step_over_and_step_out_skip_inner_steps() -> None:
    assert over(STEPS, 1) == 5
    assert over(STEPS, 6) == 6
    assert out(STEPS, 3) == 4
    assert out(STEPS, 1) == 6


def test_continue_stops_at_failed_steps_and_at_steps_with_findings() -> None:
    note = Diagnostic(Code.COERCED, Severity.NOTE, "", Span(26, 27))
    error = Diagnostic(Code.UNCLOSED, Severity.ERROR, "", Span(26, 27))
    assert stops(STEPS, [note], step_of_each(STEPS, [note])) == [2, 5]
    assert stops(STEPS, [error], step_of_each(STEPS, [error])) == [2, 5]
    kept = Diagnostic(Code.UNCLOSED, Severity.ERROR, "", Span(95, 96))
    assert stops(STEPS, [kept], step_of_each(STEPS, [kept])) == [2, 5, 6]


def test_the_marked_failure_is_of_the_step_and_a_cause_precedes_its_effect() -> None:
    model = lab(f"{GOOD}\n{BAD}")
    codes = [finding.code for finding in model.result.diagnostics]
    assert codes == [Code.TRAILING_COMMA, Code.SIBLING_VOIDED]
    found = model.failure()
    assert found is not None and found.code is Code.TRAILING_COMMA
    model.step_in()
    assert model.failure() is None or model.failure().code is not Code.TRAILING_COMMA
    model.go(len(model.steps) - 1)
    found = model.failure()
    assert found is not None and found.code is Code.TRAILING_COMMA


def test_next_failure_points_at_its_finding() -> None:
    model = lab(BAD)
    assert model.next_failure()
    while model.pointed is None:
        assert model.next_failure()
    assert model.pointed.code is Code.TRAILING_COMMA
    assert model.failure() is model.pointed
    before = model.step
    assert model.previous_failure() and model.step < before


@pytest.mark.parametrize("parser", ["vllm/hermes", "hermes-agent/hermes", "sglang/hermes"])
def test_a_refused_block_is_marked_at_the_cause_inside_it(parser: str) -> None:
    text = f"{BAD}\n{GOOD}\n{BAD}"
    model = lab(text, parser=parser)
    places = []
    for at, each in enumerate(model.steps):
        if each.rule == "block" and each.outcome == "refused":
            model.go(at)
            found = model.failure()
            assert found is not None and found.span is not None
            places.append(found.span.start)
    assert places == [text.index(",}"), text.rindex(",}")]


def test_the_shown_place_is_the_failure_or_the_step_or_a_call() -> None:
    model = lab(BAD)
    place = model.place()
    assert place is not None and place.start == BAD.index(",}")
    model = lab(f"Hi. {GOOD}")
    place = model.place()
    assert place is not None and place.start == len("Hi. ")
    model.go(2)
    assert model.place() == model.steps[2].span
    assert lab("Hi.").place() is None


def test_back_and_forward_stop_at_the_ends() -> None:
    model = lab(GOOD)
    assert not model.step_back()
    model.go(10_000)
    assert model.step == len(model.steps) - 1
    assert not model.step_in()


def test_an_edit_moves_to_the_first_step_that_changed() -> None:
    model = lab(BAD)
    model.step_in()
    model.set_text(BAD.replace(",}", "}"))
    model.read_now()
    assert model.verdict is not None and model.verdict.word == "calls"
    before = lab(BAD).steps
    assert model.step == first_change(before, model.steps)
    assert model.is_edited


def test_the_result_of_an_outdated_text_is_dropped() -> None:
    model = lab(BAD)
    late = model.parser.parser.parse(model.text, model.tools)
    old = model.text
    model.set_text(GOOD)
    model.take(model.parser, old, late)
    assert not model.is_read
    model.read_now()
    assert len(model.result.calls) == 1


# Which parser


def test_the_parser_is_guessed_from_markers_with_a_reason() -> None:
    assert guessed("nothing") == ("hermes-tui/auto", "no marker of any format")
    name, why = guessed('[TOOL_CALLS][{"name": "f", "arguments": {}}]')
    assert name == "vllm/mistral"
    assert why == "guessed from [TOOL_CALLS][{"
    coder = (
        "<tool_call>\n<function=run>\n<parameter=a>\nls\n</parameter>\n</function>\n</tool_call>"
    )
    assert guessed(coder)[0] == "vllm/qwen3_coder"


def test_the_parser_of_the_run_is_preferred() -> None:
    assert LabModel(LabText(GOOD, parser="sglang/qwen25")).parser.name == "sglang/qwen25"
    assert LabModel(LabText(GOOD, parser="hermes")).parser.name == "vllm/hermes"
    unknown = LabModel(LabText(GOOD, parser="nonsense"))
    assert unknown.parser.name == "vllm/hermes"
    assert "nonsense" in unknown.why
    assert known_name("nonsense") == ""
