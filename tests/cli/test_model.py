"""`hermes-tui model` manages models, here in an empty cache folder."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from hermes_tui.cli.model import add_model, run_model
from hermes_tui.model.errors import UsageError
from hermes_tui.runtime import models


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(models, "model_dir", lambda: tmp_path / "models")
    (tmp_path / "m.gguf").write_bytes(b"GGUF" + bytes(2_000_000))
    return tmp_path


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    add_model(parser.add_subparsers(dest="command"))
    return run_model(parser.parse_args(["model", *words]))


def test_models_are_added_listed_and_removed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("add", "--gguf", str(folder / "m.gguf"), "--name", "mine") == 0
    assert run("list") == 0
    assert run("list", "--json") == 0
    assert run("remove", "mine") == 0
    added, listed, row, removed = capsys.readouterr().out.splitlines()
    assert added.startswith("mine  2 MB  ")
    assert listed.split()[:3] == ["mine", "2", "MB"]
    assert json.loads(row)["size"] == 2_000_004
    assert removed == "removed mine, 2 MB"


def test_an_empty_list_names_the_command_that_adds_a_model(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("list") == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "hermes-tui: no model was added yet (add one with `hermes-tui model add`)\n"


def test_removing_an_unknown_model_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"no model is called 'x' \(none was added yet\)"):
        run("remove", "x")


def test_without_an_action_the_usage_is_shown() -> None:
    with pytest.raises(SystemExit) as caught:
        run()
    assert caught.value.code == 2
