"""The page of the calls pane about the calls of a turn."""

from __future__ import annotations

import pytest

from hermes_tui.model.events import ToolCallProposed
from hermes_tui.model.messages import ADDED, ArgumentsState, Origin, ToolCall
from hermes_tui.ui.key_names import KeyNames
from hermes_tui.ui.render import json_lines
from hermes_tui.ui.render.calls import MAX_CALLS, calls_page
from hermes_tui.ui.render.raw_beside import MAX_ROWS, raw_beside_normalised
from hermes_tui.ui.render.wrap import RowMap
from hermes_tui.ui.view_model import ViewState
from tests.log.runs import answer, call, says, started, timeline


def shown(calls: int, at: int) -> list[str]:
    """Return the pane's lines for a reply of `calls` calls, with the cursor on the one at `at`."""
    run = timeline(
        started(), says("assistant"), *(call("ls", f"c{n}", index=n) for n in range(calls))
    )
    document, top = calls_page(ViewState(run, run.call_rows(1)[at]), 80)
    texts = [document.lines[n].text for n in range(len(document.lines))]
    assert texts[top].startswith(f"▶ {at + 1}. ls")
    return texts


def test_all_calls_of_a_turn_are_shown() -> None:
    texts = shown(MAX_CALLS, at=20)
    assert [text for text in texts if "[dict]" in text][-1].startswith(f"  {MAX_CALLS}. ls")
    assert not any("one by one" in text for text in texts)


def test_among_very_many_calls_those_around_the_cursor_are_shown() -> None:
    texts = shown(3_000, at=1_500)
    assert "… 1,490 calls before, one by one with [" in texts
    assert "… 1,490 more calls, one by one with ]" in texts
    assert len(texts) < 300


def test_the_first_and_last_of_very_many_calls_show_their_neighbours() -> None:
    first, last = shown(3_000, at=0), shown(3_000, at=2_999)
    assert "… 2,990 more calls, one by one with ]" in first
    assert not any("before, one" in text for text in first)
    assert "… 2,989 calls before, one by one with [" in last
    assert not any("more calls, one" in text for text in last)


def test_long_names_and_ids_are_cut() -> None:
    run = timeline(started(), says("assistant"), call("n" * 10_000, "i" * 10_000))
    document, top = calls_page(ViewState(run, run.call_rows(1)[0]), 80)
    lines = [line.text for line in document.lines]
    assert len(lines[top]) < 120 and lines[top].endswith("… [dict]")
    assert len([line for line in lines if "… 9,000 more characters" in line]) == 2
    assert sum(map(len, lines)) < 4_000


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("x\n" * 11 + "x", None),
        ("x\n" * 12 + "x", "… 1 more line: % goes to the result"),
        ("x\n" * 1_500, "… 1,489 more lines: % goes to the result"),
        ("x" * 2_000, None),
        ("x" * 2_001, "… the rest of it: % goes to the result"),
        ("x" * 50_000 + "\ny", "… the rest of it: % goes to the result"),
    ],
)
def test_a_cut_result_shows_how_much_is_missing(content: str, expected: str | None) -> None:
    run = timeline(started(), says("assistant"), call("ls", "c1"), answer(content, "c1"))
    document, _ = calls_page(ViewState(run, run.call_rows(1)[0]), 80)
    lines = [line.text for line in document.lines if line.text]
    assert next((line for line in lines if "% goes" in line), None) == expected
    assert any(line.endswith("x…") for line in lines) == ("x" * 2_001 in content)


@pytest.mark.parametrize(
    ("proposed", "expected"),
    [
        ({"parser": "sglang/pythonic"}, "added by hand, as sglang/pythonic reads the text"),
        ({}, "added by hand"),
        ({"parser": "\x1b[2J" + "p" * 300}, None),
    ],
)
def test_a_call_added_by_hand_is_marked(proposed: dict[str, str], expected: str | None) -> None:
    added = ToolCall(0, "ls", "{}", ArgumentsState.JSON_STRING, arguments={}, verdict=ADDED)
    head = started(source_format="native")
    run = timeline(head, says("assistant"), ToolCallProposed(seq=0, call=added, **proposed))
    document, _ = calls_page(ViewState(run, run.call_rows(1)[0]), 80)
    lines = [line.text for line in document.lines]
    assert any(line.endswith("ls [added]") for line in lines)
    (arrived,) = [line for line in lines if line.startswith("arrived as")]
    assert "\x1b" not in arrived and len(arrived) < 160
    assert expected is None or arrived.endswith(expected)


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("json", "its arguments read as JSON"),
        ("repaired", "repaired here"),
        ("unclosed", "never closed"),
        ("failed", "its arguments unreadable"),
    ],
)
def test_the_origin_of_a_call_in_text_mentions_how_it_was_read(verdict: str, words: str) -> None:
    read = ToolCall(
        0, "ls", "{}", ArgumentsState.OBJECT, arguments={}, origin=Origin.TEXT, verdict=verdict
    )
    run = timeline(started(), says("assistant"), ToolCallProposed(seq=0, call=read))
    document, _ = calls_page(ViewState(run, run.call_rows(1)[0]), 80)
    assert f"text that a parser read, {words}" in document.text


def test_before_the_first_turn_there_are_no_calls() -> None:
    run = timeline(started(), says("user", "go"), says("assistant"), call("ls", "c1"))
    document, _ = calls_page(ViewState(run, 0), 80)
    assert document.text == "no tool calls before the first turn\n] goes to the next one"


LONG = ToolCall(
    0, "write", "{}", ArgumentsState.OBJECT, arguments={"rows": [*range(5_000)]}, id="c1"
)


def test_arguments_of_any_size_are_styled_lazily(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(json_lines, "_spans")
    run = timeline(started(), says("assistant"), ToolCallProposed(seq=0, call=LONG))
    document, _ = calls_page(ViewState(run, run.call_rows(1)[0]), 80)
    assert RowMap(document, 40).rows > 5_000


def test_raw_next_to_normalised_shows_the_beginning_of_long_arguments() -> None:
    lines = [line.text for line in raw_beside_normalised(LONG, 80, KeyNames())]
    assert any(line.endswith(" 100,") for line in lines)
    assert len(lines) < MAX_ROWS + 20
    assert any(line.startswith("… more rows") for line in lines)
