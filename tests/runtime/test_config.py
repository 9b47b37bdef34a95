"""The settings file is optional, and invalid settings are reported."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hermes_tui.cli.open import make_config
from hermes_tui.model.errors import UsageError
from hermes_tui.runtime.config import Config, load_config
from hermes_tui.ui.command import Command
from hermes_tui.ui.commands import COMMANDS
from hermes_tui.ui.dialog_keys import DIALOG_KEYS, DialogKey
from hermes_tui.ui.keymap import check_keymap


def test_no_file_means_no_settings(tmp_path: Path) -> None:
    assert load_config(tmp_path / "config.toml") == Config()


def test_theme_and_keys_are_read(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('theme = "hermes-light"\n[keys]\nnext-call = "ctrl+n"\n')
    assert load_config(path) == Config("hermes-light", {"next-call": "ctrl+n"})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("theme = ", "Invalid value"),
        ("colour = 1", "unknown setting 'colour'"),
        ("theme = 3", "theme must be a string"),
        ("keys = 3", "maps an action to keys"),
        ("[keys]\ndown = 3", "maps an action to keys"),
    ],
)
def test_malformed_settings_are_reported_with_their_file(
    tmp_path: Path, text: str, reason: str
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=reason) as caught:
        load_config(path)
    assert str(path) in str(caught.value)


def test_an_unreadable_settings_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.toml").mkdir()
    with pytest.raises(UsageError, match=r"config\.toml"):
        load_config(tmp_path / "config.toml")
    (tmp_path / "latin.toml").write_bytes(b'theme = "\xe9"')
    with pytest.raises(UsageError, match=r"latin\.toml"):
        load_config(tmp_path / "latin.toml")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('theme = "pink"', "unknown theme 'pink'"),
        ('[keys]\nnext-call = "j"', "key 'j' means both"),
        ('[keys]\ndown = "]"', "key ']' means both"),
        ('[keys]\ndown = "ctrl+n, ?"', "key '?' means both"),
        ('[keys]\ndown = "jj"', "no key is named 'jj', for 'down'"),
        ('[keys]\ndown = "Ctrl+N"', "no key is named 'Ctrl+N'"),
        ('[keys]\ndown = "crtl+n"', "no key is named 'crtl+n'"),
        ('[keys]\ndown = "ctrl+"', "no key is named 'ctrl+'"),
        ('[keys]\ndown = ""', "no key is named ''"),
        ('[keys]\nnext-cal = "j"', "did you mean next-call?"),
        ('[keys]\neditor-acept = "f6"', "did you mean editor-accept,"),
        ('[keys]\neditor-accept = "f3"', "key 'f3' means both 'editor-accept' and 'editor-kind'"),
        ('[keys]\neditor-accept = "f6,!"', "key '!' types a character there: 'editor-accept'"),
        ('[keys]\npalette-down = "space"', "key 'space' types a character there"),
    ],
)
def test_impossible_settings_are_reported_with_their_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, reason: str
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    monkeypatch.setattr("platformdirs.user_config_path", lambda *_: tmp_path)
    with pytest.raises(UsageError, match=re.escape(reason)) as raised:
        make_config("")
    assert str(path) in str(raised.value)


@pytest.mark.parametrize("command", [*COMMANDS, *DIALOG_KEYS], ids=lambda command: command.id)
def test_every_action_can_be_given_the_keys_that_it_has_anyway(
    command: Command | DialogKey,
) -> None:
    assert check_keymap({command.id: ",".join(command.keys)}) == []
