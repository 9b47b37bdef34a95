"""Tools whose calls a person answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hermes_tui.model.errors import HermesError
from hermes_tui.runtime.tools.base import ToolFailure
from hermes_tui.runtime.tools.manual import ManualTools
from tests.tools.helpers import CONTEXT

PLAIN = {"name": "ask", "description": "Ask.", "parameters": {"type": "object"}}
OPENAI = {"type": "function", "function": PLAIN}


@pytest.mark.parametrize(
    "document",
    [
        [OPENAI],
        [PLAIN],
        {"tools": [PLAIN]},
        {"tools": [OPENAI]},
        PLAIN,
        [{"function": PLAIN}],
        [{"name": "ask", "description": "Ask.", "input_schema": {"type": "object"}}],
    ],
)
def test_every_common_shape_gives_the_same_tools(tmp_path: Path, document: Any) -> None:
    (tmp_path / "tools.json").write_text(json.dumps(document))
    box = ManualTools.open(tmp_path / "tools.json")
    assert box.schemas == (OPENAI,)
    assert box.manual == {"ask"}


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("{", r"tools\.json: not JSON: Expecting"),
        ("[]", "contains no tools"),
        ("5", "contains no tools"),
        ('{"tools": null}', "contains no tools"),
        ('[{"name": "a"}, 5]', "tool 2 has no name"),
        ('[{"name": ""}]', "tool 1 has no name"),
        ('[{"name": "a", "parameters": 5}]', "tool 1: parameters must be a JSON Schema"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_any_other_shape_is_refused_with_its_place(tmp_path: Path, text: str, error: str) -> None:
    (tmp_path / "tools.json").write_text(text)
    with pytest.raises(HermesError, match=error):
        ManualTools.open(tmp_path / "tools.json")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(HermesError, match=r"none\.json: no such file"):
        ManualTools.open(tmp_path / "none.json")


async def test_an_unanswered_call_is_a_failure() -> None:
    with pytest.raises(ToolFailure, match="nobody answered: type a result"):
        await ManualTools((OPENAI,)).call("ask", {}, CONTEXT)
