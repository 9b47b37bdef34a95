"""`parse` with the real engines, if they were added; see `test_real_engines.py`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hermes_tui.runtime.engines.store import added_engines
from tests.cli.program import within

BROKEN = '<tool_call>\n{"name": "f", "arguments": {"a": True}}\n</tool_call>'

pytestmark = [pytest.mark.engines]


def verdict(folder: Path, *arguments: str) -> dict[str, Any]:
    if not any(engine.name == "vllm-0.33.0" and not engine.problem for engine in added_engines()):
        pytest.skip("vllm-0.33.0 is not here: hermes-tui engines add vllm==0.33.0")
    path = folder / "reply.txt"
    path.write_text(BROKEN, encoding="utf-8")
    found: dict[str, Any] = json.loads(within("parse", path, "--json", *arguments).text)
    return found


def test_the_real_verdict_is_explained_by_the_emulation_that_agrees_with_it(tmp_path: Path) -> None:
    found = verdict(tmp_path, "--parser", "real/vllm-0.33.0/hermes")
    assert (found["outcome"], found["content"]) == ("text", BROKEN)
    assert found["explained_by"] == "vllm/hermes"
    assert any("JSONDecodeError" in line for line in found["log"])


@pytest.mark.parametrize("name", ["vllm/hermes", "real/vllm-0.33.0/hermes"])
@pytest.mark.parametrize("size", ["1", "4c"])
def test_a_stream_that_differs_from_the_whole_text_is_reported(
    tmp_path: Path, name: str, size: str
) -> None:
    found = verdict(tmp_path, "--parser", name, "--stream", size)
    assert found["parser"] == "real/vllm-0.33.0/hermes"
    assert found["tool_calls"], "the stream hands out what the whole text does not"
    codes = [finding["code"] for finding in found["diagnostics"]]
    assert codes[:2] == ["STREAM_DIVERGES", "RAW_ARGS"]
