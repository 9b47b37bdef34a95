"""What a filter reads from a row, and how much work that takes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_tui.log.event_log import MemoryLog
from hermes_tui.log.expressions import ExpressionError, compile_expression
from hermes_tui.log.query import CHEAP_FIELDS, FIELDS, RowFields
from hermes_tui.log.timeline import Timeline
from hermes_tui.model.events import Event, copy_event
from hermes_tui.model.messages import Reasoning
from tests.log.runs import answer, call, ended, says, started, suspect, timeline

EVENTS: tuple[Event, ...] = (
    started("terminal"),
    says("user", "go"),
    says("assistant", "look", finish_reason="stop", reasoning=(Reasoning("thinking", "hm"),)),
    call("terminal", "c1"),
    answer("no such file", "c1", "exit code 1"),
    suspect("<tool_call>"),
    ended(),
)


class CountingLog(MemoryLog):
    """Count how often an event is accessed: in a file, each access may have to decode it."""

    asked = 0

    def __getitem__(self, seq: int) -> Event:
        self.asked += 1
        return super().__getitem__(seq)


def counting() -> tuple[CountingLog, Timeline]:
    log = CountingLog([copy_event(event, seq=seq) for seq, event in enumerate(EVENTS)])
    lines = Timeline(log)
    lines.advance()
    log.asked = 0
    return log, lines


def matching(lines: Timeline, text: str) -> list[int]:
    expression = compile_expression(text, FIELDS, cheap_names=CHEAP_FIELDS)
    return [row for row in range(len(lines)) if expression.matches(RowFields(lines, row))]


def fields(lines: Timeline, row: int) -> dict[str, Any]:
    return dict(RowFields(lines, row))


def test_a_row_has_the_fields_that_apply_to_it() -> None:
    lines = timeline(*EVENTS)
    assert fields(lines, 2) == {
        "kind": "message", "turn": 1, "row": 3, "event": "MessageAppended", "role": "assistant",
        "text": "look", "size": 4, "reasoning": 2, "finish": "stop",
        "seconds": None, "tokens_in": None, "tokens_out": None,
    }  # fmt: skip
    assert fields(lines, 4) == {
        "kind": "result", "turn": 1, "row": 5, "event": "ToolReturned", "name": "terminal",
        "role": "tool", "text": "no such file", "size": 12, "id": "c1", "error": True,
        "seconds": None,
    }  # fmt: skip
    for row in range(len(lines)):
        of_row = RowFields(lines, row)
        assert set(of_row) <= FIELDS.keys() and len(of_row) == len(list(of_row))
        assert [name for name in FIELDS if of_row.get(name, of_row) is not of_row] == [
            name for name in FIELDS if name in of_row
        ]


def test_a_field_that_does_not_apply_is_not_a_key() -> None:
    with pytest.raises(KeyError):
        RowFields(timeline(*EVENTS), 0)["args"]


@pytest.mark.parametrize(
    "text", ['kind == "call" and turn > 0', "turn > 9 and args.command", 'args.x and kind == "run"']
)
def test_a_filter_on_kind_and_turn_decodes_nothing(text: str) -> None:
    log, lines = counting()
    matching(lines, text)
    assert log.asked == 0


def test_a_condition_on_available_fields_is_tested_first_even_if_it_calls_a_function() -> None:
    log, lines = counting()
    assert matching(lines, 'len(text) > 3 and match(code, "E")') == [6]
    assert log.asked == 0


def test_a_field_that_no_row_of_the_kind_has_is_missing_without_decoding_events() -> None:
    log, lines = counting()
    assert matching(lines, 'state == "json-string"') == [3]
    assert log.asked == 1


def test_encrypted_reasoning_has_no_character_count() -> None:
    sealed = Reasoning("reasoning_details[0]", "encrypted, 4 bytes", "encrypted")
    lines = timeline(says("assistant", "done", reasoning=(sealed,)))
    assert RowFields(lines, 0)["reasoning"] == 0


CONDITIONS = st.lists(
    st.sampled_from(
        [
            "turn > 0",
            'kind == "call"',
            "text > 3",
            'name == "terminal"',
            "code",
            "not args",
            "error",
        ]
    ),
    min_size=2,
    max_size=4,
)


@given(CONDITIONS)
def test_the_order_in_which_conditions_are_tested_does_not_change_the_result(
    tests: list[str],
) -> None:
    lines = timeline(*EVENTS)
    text = " and ".join(tests)
    as_written = compile_expression(text, FIELDS)
    wanted = [row for row in range(len(lines)) if as_written.matches(RowFields(lines, row))]
    assert matching(lines, text) == wanted


@pytest.mark.parametrize(
    ("name", "meant"),
    [("tool", "did you mean 'name'"), ("nmae", "'name'"), ("duration", "'seconds'"), ("xyz", "")],
)
def test_an_unknown_field_name_is_reported_in_one_line(name: str, meant: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_expression(f"{name} == 1", FIELDS)
    assert meant in caught.value.on_screen
    assert caught.value.on_screen.endswith("(the help screen lists all names)")
    assert len(caught.value.on_screen) < 100
