"""The editors: texts come back as typed, problems are reported, control characters are inert."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.events import Paste

from hermes_tui.model.messages import ToolSpec
from hermes_tui.model.visible import visible
from hermes_tui.ui.edit_checks import (
    check_arguments,
    check_message,
    check_nothing,
)
from hermes_tui.ui.screens.call_editor import Answer, AnswerScreen, CallEditorScreen
from hermes_tui.ui.screens.dialog import ConfirmScreen
from hermes_tui.ui.screens.editor import EditorScreen
from hermes_tui.ui.shielded_text import hold, name_of, pictured, shield, unshield
from hermes_tui.ui.widgets.edit_area import EditArea
from tests.live.dialogs import SIZES, TERMINAL, shown, text_of

HOSTILE = "a\x1b]0;title\x07b\r\nc\x9b2Jd\u202ee\u200bf\ud800g\u2028h\x0bi\tj\U000f001bk\U0010fffdl"
TEXTS = st.text(st.characters() | st.sampled_from("\n\r\t\x1b\u202e\ud800\U000f001b\U0010fffd"))


# Texts that an editor can hold


@given(TEXTS, st.booleans())
@settings(max_examples=300)
def test_a_shielded_text_is_restored_exactly(text: str, newlines: bool) -> None:
    assert unshield(shield(text, newlines=newlines)) == text


@given(TEXTS.filter(bool), st.integers(3_000, 9_000))
@settings(max_examples=50)
def test_a_long_line_is_broken_and_restored(text: str, length: int) -> None:
    line = (text * length)[:length]
    held = shield(line)
    assert unshield(held) == line
    assert max(map(len, held.split("\n"))) < 9_000


@given(TEXTS)
@settings(max_examples=200)
def test_a_shielded_text_contains_no_control_character(text: str) -> None:
    held = shield(text).replace("\t", "")
    assert visible(held) == held
    assert visible(pictured(held)) == pictured(held)
    assert len(pictured(held)) == len(held)


def test_invisible_characters_have_names() -> None:
    assert name_of(hold("\u202e")) == "U+202E right-to-left override"
    assert name_of(hold("\x1b")) == "U+001B control character"
    assert name_of("a") == ""


async def test_hostile_text_survives_the_editor_and_is_not_drawn() -> None:
    screen = EditorScreen("Result", HOSTILE, check=check_nothing, confirm=False)
    async with shown(screen) as (app, pilot):
        drawn = text_of(app)
        assert not any(char in drawn for char in "\x1b\x07\x9b\u202e\u200b\ud800\u2028\x0b\r")
        assert "␛]0;title␇b␍" in drawn
        await pilot.press("ctrl+end", "!", "ctrl+s")
        assert app.given == [HOSTILE + "!"]


async def test_fields_of_a_dialog_stand_out_and_the_focused_one_most() -> None:
    screen = AnswerScreen("Answer", "c1")
    async with shown(screen) as (app, pilot):
        areas = list(app.screen.query(EditArea))
        for _ in areas:
            around = app.screen.query_one("#title").background_colors[0]
            others = {area.background_colors[1] for area in areas if not area.has_focus}
            [front] = [area.background_colors[1] for area in areas if area.has_focus]
            assert front not in others and around not in others
            await pilot.press("tab")


@pytest.mark.parametrize("theme", ["hermes-dark", "hermes-light", "hermes-contrast"])
async def test_the_cursor_of_an_editor_has_the_colours_of_the_text_exchanged(theme: str) -> None:
    async with shown(EditorScreen("Edit", "{x}", check=check_nothing), theme=theme) as (app, _):
        area = app.screen.query_one(EditArea)
        (cursor,) = (
            segment.style
            for segment in area.render_line(0)
            if segment.text == "{" and segment.style is not None
        )
        assert cursor.reverse and cursor.color is not None and cursor.bgcolor is not None
        colours = app.theme_variables
        assert cursor.color.name == colours["foreground"].lower()
        assert cursor.bgcolor.name == colours["background"].lower()


async def test_pasted_control_characters_are_shielded_too() -> None:
    screen = EditorScreen("Result", "", check=check_nothing, confirm=False)
    async with shown(screen) as (app, pilot):
        app.screen.query_one(EditArea).insert("one\r\ntwo\x1b[31m\u2028three")
        await pilot.pause()
        assert "two␛[31m�three" in text_of(app)
        await pilot.press("ctrl+s")
        assert app.given == ["one\ntwo\x1b[31m\u2028three"]


async def test_pasted_carriage_returns_become_newlines() -> None:
    screen = EditorScreen("Result", "", check=check_nothing, confirm=False)
    async with shown(screen) as (app, pilot):
        app.post_message(Paste("one\r\ttwo\r\nthree\n"))
        await pilot.pause()
        await pilot.press("ctrl+s")
        assert app.given == ["one\n\ttwo\nthree\n"]


async def test_a_megabyte_on_one_line_can_be_edited() -> None:
    text = json.dumps({"content": "x\x07" * 300_000, "path": "a"}, ensure_ascii=False)
    screen = EditorScreen("Arguments", text, check=check_nothing, confirm=False)
    async with shown(screen) as (app, pilot):
        await pilot.press("ctrl+end", "backspace", "}")
        area = app.screen.query_one(EditArea)
        assert area.place == f"line 1, column {len(text) + 1}"
        await pilot.press("ctrl+s")
        assert app.given == [text]


async def test_the_status_names_the_character_under_the_cursor() -> None:
    async with shown(EditorScreen("T", "a\u202eb", check=check_nothing)) as (app, pilot):
        await pilot.press("right")
        await pilot.pause()
        assert "column 2 · U+202E right-to-left override" in text_of(app)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (160, 45)])
async def test_a_long_line_is_wrapped_at_the_width_of_the_editor(size: tuple[int, int]) -> None:
    words = [f"{number:03}" for number in range(120)]
    screen = EditorScreen("T", " ".join(words), check=check_nothing)
    async with shown(screen, size) as (app, pilot):
        assert re.findall(r"\b\d{3}\b", text_of(app)) == words
        await pilot.resize_terminal(size[0] + 10, size[1])
        await pilot.pause()
        assert re.findall(r"\b\d{3}\b", text_of(app)) == words


# The dialogs


async def test_the_difference_is_shown_before_an_edit_is_accepted() -> None:
    screen = EditorScreen("Edit arguments", '{"command": "rm -rf /"}', check=check_arguments)
    async with shown(screen) as (app, pilot):
        app.screen.query_one(EditArea).value = '{"command": "ls"}'
        await pilot.press("ctrl+s")
        await pilot.pause()
        drawn = text_of(app)
        assert '- {"command": "rm -rf /"}' in drawn
        assert '+ {"command": "ls"}' in drawn
        await pilot.press("escape")
        assert app.given == []
        await pilot.press("f2", "enter")
        assert app.given == ['{"command": "ls"}']


async def test_escape_asks_before_discarding_a_change() -> None:
    async with shown(EditorScreen("Edit", "x", check=check_nothing)) as (app, pilot):
        await pilot.press("y", "escape")
        assert isinstance(app.screen, ConfirmScreen)
        await pilot.press("n")
        assert app.given == []
        await pilot.press("escape", "y")
        assert app.given == [None]


async def test_escape_leaves_at_once_if_nothing_was_changed() -> None:
    async with shown(EditorScreen("Edit", "x", check=check_nothing)) as (app, pilot):
        await pilot.press("escape")
        assert app.given == [None]


async def test_problems_are_updated_with_every_key() -> None:
    async with shown(EditorScreen("Edit", '{"a": 1}', check=check_arguments)) as (app, pilot):
        assert "no problems" in text_of(app)
        await pilot.press("ctrl+end", "backspace")
        await pilot.pause()
        assert "✗ 1:" in text_of(app)
        await pilot.press("}")
        await pilot.pause()
        assert "no problems" in text_of(app)


async def test_a_strict_editor_does_not_accept_a_text_with_errors() -> None:
    screen = EditorScreen("Message", "{}", check=check_message, strict=True)
    async with shown(screen) as (app, pilot):
        await pilot.press("x", "ctrl+s")
        await pilot.pause()
        assert app.given == []
        assert "not possible while it contains an error" in text_of(app)


async def test_name_and_arguments_of_a_call_are_edited_together() -> None:
    screen = CallEditorScreen("termnal", "{}", {"terminal": TERMINAL})
    async with shown(screen) as (app, pilot):
        assert "did you mean terminal" in text_of(app)
        # Editing begins at the name, because no tool has it.
        await pilot.press(*("delete",) * 7, *"terminal")
        await pilot.pause()
        assert "terminal(command: string, timeout?: integer)" in text_of(app)
        await pilot.press("enter", "right", *'"command":"ls"', "ctrl+s", "enter")
        assert app.given == [("terminal", '{"command":"ls"}')]


async def test_editing_a_call_without_a_name_starts_at_the_name() -> None:
    screen = CallEditorScreen("", "{}", None, title="Add a call", confirm=False)
    async with shown(screen) as (app, pilot):
        await pilot.press(*"todo", "ctrl+s")
        assert app.given == [("todo", "{}")]


async def test_typed_arguments_replace_the_empty_object() -> None:
    specs = {name: ToolSpec(name) for name in ("ls", "todo")}
    screen = CallEditorScreen("", "{}", specs, title="Add a call", confirm=False)
    async with shown(screen) as (app, pilot):
        await pilot.pause()
        assert "a call needs the name of a tool: ls, todo" in text_of(app)
        await pilot.press(*"todo", "tab", *'{"a":1}', "ctrl+s")
        assert app.given == [("todo", '{"a":1}')]


async def test_adding_a_call_without_a_name_needs_confirmation() -> None:
    screen = CallEditorScreen("", "{}", None, title="Add a call", confirm=False)
    async with shown(screen) as (app, pilot):
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert app.given == []
        assert "Apply this, with 1 error in it? · Add a call" in text_of(app)
        assert "✗ tool  1:1  a call needs the name of a tool" in text_of(app)
        await pilot.press("escape", *"todo", "ctrl+s")
        assert app.given == [("todo", "{}")]


async def test_f4_formats_json() -> None:
    screen = EditorScreen("Edit", '{"a":1}', check=check_arguments, confirm=False)
    async with shown(screen) as (app, pilot):
        await pilot.press("f4", "ctrl+s")
        assert app.given == ['{\n  "a": 1\n}']


async def test_the_answer_form_shows_the_exact_message_of_a_result() -> None:
    async with shown(AnswerScreen("Answer terminal", "call_1")) as (app, pilot):
        await pilot.press(*"ok")
        await pilot.pause()
        assert '{"role":"tool","tool_call_id":"call_1","content":"ok"}' in text_of(app)
        await pilot.press("tab", *"by hand", "ctrl+s")
        assert app.given == [Answer(False, "ok", "by hand")]


async def test_f3_makes_the_answer_an_error() -> None:
    async with shown(AnswerScreen("Answer terminal", "call_1")) as (app, pilot):
        await pilot.press(*"denied", "f3")
        await pilot.pause()
        assert r'"content":"{\"error\": \"denied\"}"' in text_of(app)
        await pilot.press("ctrl+s")
        assert app.given == [Answer(True, "denied")]


async def test_a_key_of_a_dialog_can_be_set() -> None:
    keys = {"editor-kind": "f6", "editor-accept": "ctrl+g, f12"}
    answer = AnswerScreen("terminal({})", "call_1")
    async with shown(answer, keys=keys) as (app, pilot):
        assert "f6: an error" in text_of(app)
        assert re.search(r"f6 Result/error", text_of(app)), text_of(app)
        await pilot.press("b", "f3", "f6")
        assert "f6: a result" in text_of(app)
        await pilot.press("ctrl+s")
        assert app.given == []
        await pilot.press("ctrl+g")
    assert app.given == [Answer(True, "b", "")]


@pytest.mark.parametrize("size", SIZES)
async def test_the_answer_form_fits(size: tuple[int, int]) -> None:
    async with shown(AnswerScreen("Answer", "call_1", shown="a\nb"), size) as (app, _):
        drawn = text_of(app)
        for part in ("Result in place of the tool", "Why", "The model will see", "ctrl+s Accept"):
            assert part in drawn


@pytest.mark.parametrize("size", [(80, 12), (60, 8)])
async def test_a_low_screen_shows_the_keys_of_a_form(size: tuple[int, int]) -> None:
    async with shown(AnswerScreen("Answer", "call_1", shown="a\nb\nc\nd"), size) as (app, _):
        assert "ctrl+s Accept  Esc Leave" in text_of(app)


@pytest.mark.parametrize("theme", ["hermes-light", "hermes-contrast"])
async def test_editors_are_drawn_on_a_tiny_terminal_in_every_theme(theme: str) -> None:
    screen = CallEditorScreen("x", "{broken\x1b", {"terminal": TERMINAL})
    async with shown(screen, (40, 10), theme=theme) as (app, pilot):
        await pilot.press("x", "f4", "ctrl+s")
        await pilot.pause()
        assert "Apply this, with 1 error" in text_of(app)


async def test_a_text_can_be_edited_in_the_users_editor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hermes_tui.runtime.pager_and_editor import edit_externally

    script = tmp_path / "editor"
    script.write_text('#!/bin/sh\nprintf "%s+\\n" "$(cat "$1")" > "$1"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("VISUAL", os.fspath(script))
    assert edit_externally("a\x1bb\ud800") == "a\x1bb\ud800+"
    assert edit_externally("a\n") == "a+\n"


async def test_a_missing_editor_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    from hermes_tui.model.errors import SourceError
    from hermes_tui.runtime.pager_and_editor import edit_externally

    monkeypatch.setenv("VISUAL", "/nowhere/editor")
    with pytest.raises(SourceError):
        edit_externally("a")
    monkeypatch.setenv("VISUAL", "false")
    with pytest.raises(SourceError, match="ended with 1"):
        edit_externally("a")


def test_ctrl_c_in_the_editor_is_for_the_editor(monkeypatch: pytest.MonkeyPatch) -> None:
    from hermes_tui.runtime.pager_and_editor import edit_externally

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setenv("VISUAL", """sh -c 'kill -INT $PPID; printf b > "$0"'""")
    assert edit_externally("a") == "b"
    assert signal.getsignal(signal.SIGINT) is before


def test_failing_to_create_a_file_for_the_editor_is_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from hermes_tui.model.errors import SourceError
    from hermes_tui.runtime.pager_and_editor import edit_externally

    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    with pytest.raises(SourceError, match="set TMPDIR"):
        edit_externally("a")


@pytest.mark.parametrize("name", ["VISUAL", "EDITOR", "PAGER"])
def test_an_unparsable_command_line_of_a_program_is_reported(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    from hermes_tui.model.errors import SourceError
    from hermes_tui.runtime.pager_and_editor import edit_externally, run_pager

    monkeypatch.setenv("VISUAL", " ")
    monkeypatch.setenv(name, "less 'x")
    with pytest.raises(SourceError, match=f"{name}: No closing quotation"):
        if name == "PAGER":
            run_pager(["a"])
        else:
            edit_externally("a")


@pytest.mark.parametrize("nothing", ["", " ", '""', "' '"])
def test_a_variable_without_a_program_is_skipped(
    monkeypatch: pytest.MonkeyPatch, nothing: str
) -> None:
    from hermes_tui.runtime.pager_and_editor import chosen_program

    monkeypatch.setenv("VISUAL", nothing)
    monkeypatch.setenv("EDITOR", "emacs -nw")
    assert chosen_program("VISUAL", "EDITOR", default="vi") == ["emacs", "-nw"]
    assert chosen_program("VISUAL", default="vi") == ["vi"]


async def test_keys_of_dialogs_can_be_remapped() -> None:
    screen = EditorScreen("Edit", "a", check=check_nothing, confirm=False)
    async with shown(screen, keys={"editor-accept": "ctrl+g"}) as (app, pilot):
        assert "ctrl+g Accept" in text_of(app)
        await pilot.press("b", "ctrl+g")
        assert app.given == ["ba"]


async def test_clicking_the_key_bar_acts_like_the_key() -> None:
    async with shown(EditorScreen("Edit", "a", check=check_nothing)) as (app, pilot):
        await pilot.click("KeyBar", offset=(18, 0))
        await pilot.pause()
        assert app.given == [None]
