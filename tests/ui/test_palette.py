"""Which commands the palette finds for typed words, and what choosing one does."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.events import Key, Paste
from textual.fuzzy import Matcher
from textual.widgets import Input

from hermes_tui.ui.app import HermesApp
from hermes_tui.ui.commands import BY_ID, SCOPES, in_scope
from hermes_tui.ui.palette import SYNONYMS, Offer, offers_found
from hermes_tui.ui.screens.palette import PaletteScreen
from hermes_tui.ui.screens.run import RunScreen
from hermes_tui.ui.widgets.row_list import RowList
from tests.ui.opened import NARROW, WIDE, app_on, settled, shows, until, write_runs
from tests.ui.screen_text import text_of


def offers_in(scope: str) -> list[Offer]:
    """Return all commands of a scope as offers, available or not."""
    return [
        Offer(item.label, item.help, lambda: None, item.shown, SYNONYMS.get(item.id, ""), item.id)
        for item in in_scope(scope)
    ]


def found(query: str, scope: str) -> list[str]:
    return [offer.id for offer in offers_found(query, offers_in(scope), Matcher(query))]


@pytest.mark.parametrize(
    ("query", "scope", "expected"),
    [
        ("skip", "live", {"answer", "drop-call"}),
        ("substitute", "live", {"edit", "edit-result"}),
        ("condition", "live", {"breakpoint", "breakpoints"}),
        ("step into", "live", {"step-in"}),
        ("step over", "live", {"next"}),
        ("watch", "live", {"breakpoint", "breakpoints"}),
        ("export", "run", {"copy", "pager"}),
        ("save", "live", {"copy", "recording", "pager"}),
        ("json", "run", {"pane-6", "copy", "view"}),
        ("curl", "run", {"copy"}),
        ("reward", "runs", {"histogram"}),
        ("theme", "run", {"theme"}),
        ("brkpnt", "live", {"breakpoint", "breakpoints"}),
    ],
)
def test_commands_are_found_by_common_words_for_them(
    query: str, scope: str, expected: set[str]
) -> None:
    assert expected <= set(found(query, scope)[: len(expected) + 1])


@pytest.mark.parametrize("scope", SCOPES)
def test_a_label_typed_in_full_comes_first(scope: str) -> None:
    for command in in_scope(scope):
        first = found(command.label.upper(), scope)[0]
        assert BY_ID[first].label == command.label


def test_unrelated_words_find_no_command() -> None:
    assert found("zzz", "live") == found("step zzz", "live") == []


def test_synonyms_belong_to_commands_and_are_in_lower_case() -> None:
    assert SYNONYMS.keys() <= BY_ID.keys()
    assert all(words == words.casefold() for words in SYNONYMS.values())


async def test_a_key_of_the_palette_can_be_set(tmp_path: Path) -> None:
    app = app_on(write_runs(tmp_path / "runs.jsonl", 3), keys={"palette-down": "down, ctrl+n"})
    async with app.run_test(size=NARROW) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+p", "ctrl+n", "ctrl+n", "down")
        assert app.screen.query_one(RowList).cursor == 3


async def test_a_description_of_several_lines_is_one_row_of_words(tmp_path: Path) -> None:
    app = app_on(write_runs(tmp_path / "runs.jsonl", 3))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("ctrl+p")
        await shows(pilot, "search all texts", "match case); in the list of runs")
        assert "⏎" not in text_of(app)


async def test_the_palette_sorts_and_groups_a_list_by_any_field(tmp_path: Path) -> None:
    app = app_on(write_runs(tmp_path / "runs.jsonl", 30))
    async with app.run_test(size=NARROW) as pilot:
        await settled(pilot)
        for query, offered, expected in (
            ("reward", "Sort by reward", "sorted by reward ▲"),
            ("by reward", "Sort by reward", "sorted by reward ▼"),
            ("group codes", "Group by codes", "groups by diagnostics"),
            ("not grouped", "Do not group", " of 30 · sorted"),
        ):
            await pilot.press("ctrl+p")
            await until(pilot, lambda: isinstance(app.focused, Input))
            app.post_message(Paste(query))
            await shows(pilot, offered)
            await until(pilot, lambda: len(shown_offers(app)) > 0)
            assert offered in shown_offers(app)[0]
            await pilot.press("enter")
            await shows(pilot, expected)


def shown_offers(app: HermesApp) -> list[str]:
    """Return the commands that the open palette lists, or nothing before it is filtered."""
    palette = app.screen
    assert isinstance(palette, PaletteScreen)
    texts = [offer.label for offer in palette.found]
    return texts if len(texts) < len(BY_ID) / 4 else []


def keys_in_one_chunk(app: HermesApp, keys: str) -> None:
    """Send keys as they arrive over a slow connection, without waiting for any of them."""
    for key in keys.split():
        app.post_message(Key(key, key if len(key) == 1 else None))


@pytest.mark.parametrize("keys", ["escape escape", "w r a p enter enter", "z z z escape"])
async def test_keys_pressed_fast_in_the_palette_reach_no_screen_below(
    tmp_path: Path, keys: str
) -> None:
    app = app_on(write_runs(tmp_path / "runs.jsonl", 30))
    async with app.run_test(size=NARROW) as pilot:
        await settled(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        for _ in range(3):
            await pilot.press("ctrl+p")
            await until(pilot, lambda: isinstance(app.focused, Input))
            keys_in_one_chunk(app, keys)
            await until(pilot, lambda: not isinstance(app.screen, PaletteScreen))
            await settled(pilot)
            assert isinstance(app.screen, RunScreen)


async def test_words_typed_together_with_the_palettes_key_choose_the_action(tmp_path: Path) -> None:
    app = app_on(write_runs(tmp_path / "runs.jsonl", 30))
    async with app.run_test(size=NARROW) as pilot:
        await settled(pilot)
        keys_in_one_chunk(app, "ctrl+p b y space r e w a r d enter")
        await shows(pilot, "sorted by reward ▲")


async def test_pages_of_the_palette_can_be_turned_while_words_are_typed(tmp_path: Path) -> None:
    app = app_on(write_runs(tmp_path / "runs.jsonl", 30))
    async with app.run_test(size=NARROW) as pilot:
        await settled(pilot)
        keys_in_one_chunk(app, "ctrl+p s pageup o pagedown pagedown r pageup up t")
        await shows(pilot, "Sort by reward")
        assert isinstance(app.screen, PaletteScreen)
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, PaletteScreen))


async def test_a_click_does_an_action_of_the_palette(tmp_path: Path) -> None:
    app = app_on(write_runs(tmp_path / "runs.jsonl", 30))
    async with app.run_test(size=NARROW) as pilot:
        await settled(pilot)
        keys_in_one_chunk(app, "ctrl+p b y space r e w a r d")
        await shows(pilot, "Sort by reward")
        await until(pilot, lambda: len(shown_offers(app)) > 0)
        await pilot.click(RowList, offset=(8, 0))
        await shows(pilot, "sorted by reward ▲")
