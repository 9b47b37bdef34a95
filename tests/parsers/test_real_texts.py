"""Texts of real models, and the calls that a person reads in them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hermes_tui.model.messages import ToolSpec
from hermes_tui.parsers.embedded import read_embedded
from tests.parsers.laws import check_laws, readable

SHARED = Path(__file__).resolve().parents[2] / "../shared/corpus"
pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not SHARED.is_dir(), reason="the real files are not here"),
]


def rows(wire_format: str) -> Iterator[tuple[dict[str, Any], list[ToolSpec]]]:
    folder = SHARED / "parsers"
    declared = json.loads((folder / "tools.json").read_text())
    for line in (folder / "corpus.jsonl").read_text().splitlines():
        row = json.loads(line)
        if row["format"] == wire_format:
            functions = [tool["function"] for tool in declared[row["tools"]]]
            yield row, [ToolSpec(f["name"], parameters=f["parameters"]) for f in functions]


def assistant_texts(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from assistant_texts(item)
    elif isinstance(value, dict) and value.get("role") in ("assistant", "agent"):
        if isinstance(value.get("content"), str):
            yield value["content"]
    elif isinstance(value, dict):
        for item in value.values():
            yield from assistant_texts(item)


@pytest.mark.parametrize(
    ("wire_format", "without_tags"),
    [*((name, set()) for name in ("hermes", "qwen25", "qwen3_coder")), ("glm45", {"json_body"})],
)
def test_the_intended_calls_are_found(wire_format: str, without_tags: set[str]) -> None:
    missed = set()
    for row, tools in rows(wire_format):
        result = read_embedded(row["text"], tools)
        calls = readable(result.calls) if result else []
        if result:
            check_laws(row["text"], result)
        if [{"name": c.name, "arguments": c.value} for c in calls] != row["intent"]:
            missed.add(row["kind"])
    assert missed == without_tags


def test_every_damaged_text_gets_a_diagnostic() -> None:
    silent = {"unknown_tool", "variant_no_newline", "variant_crlf", "xml_in_json_tag"}
    for row, tools in (*rows("hermes"), *rows("qwen25")):
        if row["group"] == "bad" and row["kind"] not in silent:
            result = read_embedded(row["text"], tools)
            assert result is not None and result.diagnostics, row["id"]


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("03-atropos-groups/rubiks_process_results_32.jsonl", 36),
        ("01-openai-chat/ft_xml_example.jsonl", 103),
    ],
)
def test_real_runs_give_all_their_calls(name: str, count: int) -> None:
    found = 0
    for line in (SHARED / "trajectories" / name).read_text().split("\n"):
        for text in assistant_texts(json.loads(line)) if line.strip() else ():
            result = read_embedded(text)
            if result is not None:
                check_laws(text, result)
                assert result.diagnostics == ()
                found += len(result.calls)
    assert found == count
