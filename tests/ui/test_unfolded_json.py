"""Multi-line texts inside JSON: shown as marked blocks of lines, at any size."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_tui.model.events import ArgumentsEdited, ToolCallProposed, ToolReturned
from hermes_tui.model.messages import ArgumentsState, ToolCall, ToolResult
from hermes_tui.ui.render import json_lines
from hermes_tui.ui.render.calls import calls_page
from hermes_tui.ui.render.diff import unfolded_diff
from hermes_tui.ui.render.document import Document, Line
from hermes_tui.ui.render.json_lines import unfolded_lines, unfolded_text
from hermes_tui.ui.render.message import MAX_STYLED, message_page, message_text
from hermes_tui.ui.render.raw import raw_page
from hermes_tui.ui.render.wrap import RowMap
from hermes_tui.ui.view_model import ViewState
from tests.log.runs import answer, says, started, timeline
from tests.log.runs import call as proposed
from tests.ui.opened import NARROW, app_on, call, settled, shows, write_run
from tests.ui.opened import answer as answered

OUTPUT = {"output": "one\n  two \x1b[2J\n", "exit_code": 0, "is_\u00fc": ["a\nb", "c\n"]}
SHOWN = [
    (0, "{"),
    (0, '  "output": ▾ 3 lines'),
    (6, "one"),
    (6, "  two \x1b[2J"),
    (6, ""),
    (0, '  "exit_code": 0,'),
    (0, '  "is_\u00fc": ['),
    (0, "    ▾ 2 lines"),
    (8, "a"),
    (8, "b"),
    (0, '    "c\\n"'),
    (0, "  ]"),
    (0, "}"),
]


def view_of(content: str, mode: str = "json") -> ViewState:
    run = timeline(started(), says("assistant", "x"), answer(content))
    return ViewState(run, 2, mode=mode)


def indented_lines(lines: Sequence[Line]) -> list[tuple[int, str]]:
    return [(line.indent, line.text) for line in lines]


def test_multi_line_texts_of_a_json_result_are_unfolded() -> None:
    view = view_of(json.dumps(OUTPUT))
    assert indented_lines(message_page(view).lines)[1 : 1 + len(SHOWN)] == SHOWN
    assert message_text(view) == json.dumps(OUTPUT)


def test_unfolded_blocks_are_styled_as_strings_and_their_marks_as_hints() -> None:
    lines = unfolded_lines(json.dumps(OUTPUT, indent=2, ensure_ascii=False))
    styles = [[span.style_name for span in line.spans] for line in lines]
    assert styles[1] == ["key", "hint"] and styles[2] == ["string"] and styles[4] == []
    assert styles[5] == ["key", "number"]


def test_json_without_multi_line_texts_is_unchanged() -> None:
    text = json.dumps({"a": "b\\n", "c": ["d\n", 1]}, indent=2)
    assert indented_lines(unfolded_lines(text, 2)) == [(2, line) for line in text.split("\n")]
    assert unfolded_text(text) == text


@pytest.mark.parametrize("value", [1, "two\nlines"])
def test_deeply_nested_values_remain_readable(value: object) -> None:
    for _ in range(900):
        value = {"a": value}
    document = Document(unfolded_lines(json.dumps(value, indent=2), 6))
    rows = RowMap(document, 40)
    assert rows.rows == len(document)
    assert {rows.extent(row).lead for row in range(60, rows.rows - 60)} == {20}
    assert [line.text for line in document.lines[899:902]][1].startswith('"a": ')


texts = st.text(st.sampled_from('a"\\n\n {}[]:,▾0\x1b\u2028\ud800'))
values = st.recursive(
    texts | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
)


def strings(value: Any) -> list[str]:
    match value:
        case str():
            return [value]
        case dict():
            return [text for inner in value.values() for text in strings(inner)]
        case list():
            return [text for inner in value for text in strings(inner)]
        case _:
            return []


@given(values)
def test_every_multi_line_text_is_unfolded_completely(
    value: Any,
) -> None:
    lines = unfolded_lines(json.dumps(value, indent=2, ensure_ascii=False))
    blocks: list[list[str]] = []
    rest: list[str] = []
    for line in lines:
        if line.indent == 0:
            rest.append(line.text)
            blocks.append([])
        else:
            blocks[-1].append(line.text)
    found = ["\n".join(block) for block in blocks if block]
    assert found == [text for text in strings(value) if "\n" in text.strip("\n")]
    # The rest is the JSON with a mark in place of each block.
    assert sum(
        line.rstrip(",").rsplit('"', 1)[-1].strip(": ").startswith("▾") for line in rest
    ) == (len(found))


BIG = json.dumps({"output": "a line of text\n" * (MAX_STYLED // 4), "exit_code": 1})


@pytest.mark.parametrize("text", [BIG, BIG.replace("text", "t\u00e9\\txt")])
def test_a_result_of_any_size_is_unfolded_and_styled_lazily(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(json_lines, "_spans")
    document = message_page(view_of(text))
    rows = RowMap(document, 40)
    assert rows.rows > MAX_STYLED // 4
    assert rows.extent(rows.rows // 2).lead == 6
    assert rows.widest() >= len("      a line of text")


def test_very_many_values_are_shown_plain_with_a_notice() -> None:
    text = json.dumps([1] * MAX_STYLED)
    assert "600k characters: shown plain" in message_page(view_of(text)).text


def test_the_raw_pane_unfolds_in_json_mode_only() -> None:
    result = ToolReturned(seq=0, result=ToolResult("a\nb\nc"))
    run = timeline(started(), says("assistant", "x"), result)
    text = '{"result": {"content": "a\\nb\\nc"}}'
    plain, laid_out = (
        raw_page(ViewState(run, 2, mode=mode), lambda event: (text, True)).text
        for mode in ("plain", "json")
    )
    assert text in plain and '"content": ▾ 3 lines\na\nb\nc' in laid_out


def test_multi_line_arguments_are_unfolded_in_the_calls_pane() -> None:
    value = {"path": "a.py", "content": "def f():\n    return 1\n"}
    written = ToolCall(0, "write", json.dumps(value), ArgumentsState.JSON_STRING, arguments=value)
    run = timeline(started(), says("assistant", "x"), ToolCallProposed(seq=0, call=written))
    document, _ = calls_page(ViewState(run, 2), 80)
    found = indented_lines(document.lines)
    at = found.index((6, '  "content": ▾ 3 lines'))
    assert found[at + 1 : at + 3] == [(12, "def f():"), (12, "    return 1")]


def test_the_calls_pane_unfolds_a_json_result() -> None:
    value = {"output": "\n".join(f"line {n}" for n in range(20)), "note": "x" * 5_000}
    run = timeline(
        started(), says("assistant"), proposed("ls", "c1"), answer(json.dumps(value), "c1")
    )
    document, _ = calls_page(ViewState(run, 2), 80)
    found = indented_lines(document.lines)
    at = found.index((6, '  "output": ▾ 20 lines'))
    assert found[at + 1 : at + 3] == [(12, "line 0"), (12, "line 1")]
    assert "… 12 more lines" in document.text and "x" * 100 not in document.text


def test_a_difference_inside_a_json_text_is_shown_by_line() -> None:
    before, after = (json.dumps({"content": f"one\n{word}\nthree"}, indent=2) for word in "xy")
    changed = [line.text for line in unfolded_diff(before, after) if line.text[0] in "+-"]
    assert changed == ["-       x", "+       y"]


def test_texts_that_differ_only_in_escapes_still_differ() -> None:
    spelled = [line.text for line in unfolded_diff('["a\\nb"]', '["a\\u000ab"]')]
    assert spelled == ['- ["a\\nb"]', '+ ["a\\u000ab"]']


def test_an_edit_of_file_content_is_shown_by_line() -> None:
    texts = [json.dumps({"content": f"one\n{word}\nthree"}) for word in "xy"]
    edited = ArgumentsEdited(seq=0, call_index=0, before=texts[0], after=texts[1])
    run = timeline(started(), says("assistant", "x"), edited)
    lines = message_page(ViewState(run, 2)).text.split("\n")
    assert "-       x" in lines and "+       y" in lines


async def test_v_shows_the_unfolded_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = "word " * 30
    content = json.dumps({"output": f"first\n{long}\nlast", "exit_code": 0})
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": "x"},
        {"role": "assistant", "tool_calls": [call("c1", "terminal", {"command": "ls"})]},
        {"role": "tool", "tool_call_id": "c1", "content": content},
    ]
    app = app_on(write_run(tmp_path / "run.json", messages))
    async with app.run_test(size=NARROW) as pilot:
        await settled(pilot)
        await answered(pilot, "colon", "5")
        await pilot.press("2", "v", "v")
        await shows(
            pilot, "▾ 3 lines", "      first", "      word word", "      last", '"exit_code"'
        )
        await pilot.press("y")
        assert app.clipboard == content
        paged: list[str] = []
        monkeypatch.setattr(app, "show_in_pager", lambda lines: paged.extend(lines) or "")
        await pilot.press("vertical_line")
        assert '\n  "output": ▾ 3 lines\n      first\n      word' in paged[0]
