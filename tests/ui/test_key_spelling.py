"""Keys are recognised by every spelling under which Textual reports them."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from textual.binding import Binding

from hermes_tui.ui.commands import COMMANDS
from hermes_tui.ui.key_spelling import key_name
from hermes_tui.ui.widgets.row_list import RowList
from tests.ui.opened import app_on, settled, until, write_runs


@pytest.mark.parametrize("character", string.punctuation + string.ascii_letters + "5éß§")
def test_a_character_has_the_name_that_textual_gives_it(character: str) -> None:
    [binding] = Binding.make_bindings([Binding(character if character != "," else "comma", "a")])
    assert key_name(character) == binding.key
    assert key_name(binding.key) == binding.key


def test_the_default_keys_of_all_commands_are_known() -> None:
    for command in COMMANDS:
        assert [key_name(key) for key in command.keys] == list(command.keys)


def test_characters_may_be_written_after_modifiers() -> None:
    assert key_name("ctrl+]") == "ctrl+right_square_bracket"
    assert key_name("ctrl++") == "ctrl+plus"
    assert key_name("ctrl+shift+f5") == "ctrl+shift+f5"


@pytest.mark.parametrize("spelling", ["", "jj", "Ctrl+n", "ctrl+", "hypr+j", "F5", "ctrl+ctl+n"])
def test_what_is_no_key_has_no_name(spelling: str) -> None:
    assert key_name(spelling) == ""


async def test_a_key_of_the_settings_works_as_it_is_spelled_there(tmp_path: Path) -> None:
    app = app_on(write_runs(tmp_path / "runs.jsonl", 9), keys={"down": "ctrl+], §"})
    async with app.run_test() as pilot:
        await settled(pilot)
        await pilot.press("ctrl+right_square_bracket")
        await until(pilot, lambda: app.screen.query_one(RowList).cursor == 1)
        await pilot.press("section_sign")
        await until(pilot, lambda: app.screen.query_one(RowList).cursor == 2)
