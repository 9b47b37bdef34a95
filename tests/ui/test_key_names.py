"""Keys in the texts of the screens: those of the user's keymap, not the default ones."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

import hermes_tui.ui
from hermes_tui.runtime.servers.demo_task import HINTS
from hermes_tui.ui.commands import BY_ID
from hermes_tui.ui.dialog_keys import DIALOG_BY_ID
from hermes_tui.ui.key_names import KeyNames
from hermes_tui.ui.render.calls import calls_page
from hermes_tui.ui.screens.help import help_document
from hermes_tui.ui.view_model import ViewState
from tests.log.runs import call, says, started, timeline
from tests.ui.opened import MEDIUM, app_on, shows, write_run

_VERBS: Final = (
    "begins|sets|goes|lists|shows|edits|answers|asks|leaves|repairs|runs|sends|steps|look|looks|"
    "jumps|corrects|lets|forks|opens|brings|compares|drops|adds|choose|chooses|restores|copies|"
    "sorts|quits|retries|takes|ends|searches|undoes|folds|unfolds|applies|closes|marks|switches"
)
_NAMES_A_KEY: Final = re.compile(
    rf"(?:^|[\s(])([^\s\w—…·|↑]|[b-zA-Z\d]|Enter|Esc|[sS]pace|Tab|\^\w|ctrl\+\w) (?:{_VERBS})\b"
    r"|[(;,] ?(\S|Enter|Esc|space): |\bpress \S\b|\bsee [?\d]\b| \([/?a-zA-Z]\)"
)
_IN_BRACES: Final = re.compile(r"\{([a-z][a-z0-9-]*)\}")
_NAMES_OF_EXAMPLES: Final = frozenset({"finish", "text"})
"""Names in braces in an example of what a breakpoint prints."""
_FIXED_TEXTS: Final = frozenset(
    {
        "end the run for good? y ends it",
        "y drops it",
        "Enter runs the parser in the file ",
    }
)
"""Texts with keys of prompts, which cannot be changed."""


def _texts() -> Iterator[tuple[str, str]]:
    """Yield the place and the value of each string in the screens' code, without docstrings."""
    folder = Path(hermes_tui.ui.__path__[0])
    for path in sorted(folder.rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
            if is_text and id(node) not in docstrings:
                yield f"{path.relative_to(folder)}:{node.lineno}", node.value
    yield from HINTS.items()


def test_a_text_names_the_current_key_of_a_command() -> None:
    words = "no search: {search} begins one, {back} goes back"
    assert KeyNames().format(words) == "no search: / begins one, q goes back"
    assert (
        KeyNames({"search": "ctrl+g"}).format(words) == "no search: ctrl+g begins one, q goes back"
    )


def test_commands_of_screens_and_dialogs_have_different_ids() -> None:
    assert not BY_ID.keys() & DIALOG_BY_ID.keys()


def test_an_unknown_command_in_braces_raises_an_error() -> None:
    with pytest.raises(KeyError):
        KeyNames().format("{serach} begins one")


def test_no_text_contains_a_key_that_can_be_changed() -> None:
    sentences = [(at, text) for at, text in _texts() if " " in text and text not in _FIXED_TEXTS]
    assert [(at, text) for at, text in sentences if _NAMES_A_KEY.search(text)] == []


def test_texts_name_existing_commands() -> None:
    found = {name for _, text in _texts() for name in _IN_BRACES.findall(text)}
    assert found - {*BY_ID, *DIALOG_BY_ID} == _NAMES_OF_EXAMPLES


async def test_a_message_names_a_remapped_key(tmp_path: Path) -> None:
    app = app_on(write_run(tmp_path / "run.json"), keys={"search": "ctrl+g", "back": "x"})
    async with app.run_test(size=MEDIUM) as pilot:
        await pilot.press("n")
        await shows(pilot, "no search: ctrl+g begins one")
        await pilot.press("escape")
        await shows(pilot, "nothing to drop: x goes back")


def test_a_page_names_remapped_keys() -> None:
    run = timeline(started(), says("assistant"), *(call("ls", f"c{n}", index=n) for n in range(99)))
    view = ViewState(run, 50, keys=KeyNames({"next-call": "ctrl+n"}))
    document, _ = calls_page(view, 80)
    assert document.lines[-1].text.endswith("one by one with ctrl+n")


def test_the_help_names_remapped_keys() -> None:
    lines = help_document({"filter": "ctrl+g", "search": "ctrl+f"}, [], width=200).lines
    text = "\n".join(line.text for line in lines)
    assert "Fields of a row (ctrl+g on the run screen)" in text
    assert "true if the search (ctrl+f) has found something" in text
    assert not _IN_BRACES.search(text.partition("Expressions")[0])
