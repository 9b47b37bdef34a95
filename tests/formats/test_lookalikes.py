"""A record that its file's format cannot read may belong to another format."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.base import Sample
from hermes_tui.formats.framing import Layout
from hermes_tui.formats.lookalikes import likeness_note
from hermes_tui.formats.registry import formats, formats_for
from tests.formats.foreign import any_json

CHAT = {"messages": [{"role": "user", "content": "hi"}]}
CODEX = {
    "timestamp": "2025-01-01T00:00:00Z",
    "type": "response_item",
    "payload": {"type": "message", "role": "user", "content": []},
}
ATIF = {"schema_version": "ATIF-v1.4", "steps": [{"source": "user", "message": "hi"}]}
SHAREGPT = {"conversations": [{"from": "human", "value": "x"}, {"from": "gpt", "value": "y"}]}


@pytest.mark.parametrize(
    ("value", "own", "named"),
    [
        (CODEX, "openai-messages", "codex"),
        (SHAREGPT, "openai-messages", "sharegpt"),
        (CHAT, "codex", "openai-messages"),
        (CHAT["messages"], "codex", "openai-messages"),
    ],
    ids=["codex", "sharegpt", "chat", "list of messages"],
)
def test_the_format_of_a_foreign_record_is_named(value: Any, own: str, named: str) -> None:
    assert likeness_note(value, own) == f"; looks like {named} (--format {named} reads it)"


@pytest.mark.parametrize("value", [{"loss": 0.5}, {}, [], [1], "x", None, {"messages": 1}])
def test_a_value_that_no_format_knows_is_not_given_a_name(value: Any) -> None:
    assert likeness_note(value, "openai-messages") == ""


def test_a_record_of_its_own_format_looks_like_no_other() -> None:
    assert likeness_note(CODEX, "codex") == ""
    assert likeness_note(CHAT, "openai-messages") == ""


@pytest.mark.parametrize(
    ("other", "value", "named"),
    [
        ({"conversations": []}, SHAREGPT, "sharegpt"),
        ({**ATIF, "schema_version": "2"}, ATIF, "atif"),
    ],
    ids=["empty", "another version"],
)
def test_an_answer_does_not_depend_on_earlier_queries(other: Any, value: Any, named: str) -> None:
    assert likeness_note(other, "openai-messages") == ""
    assert f"looks like {named}" in likeness_note(value, "openai-messages")


@settings(max_examples=100, deadline=None)
@given(value=any_json("messages", "role", "type", "payload", "conversations"))
def test_any_value_can_be_looked_up_without_an_exception(value: Any) -> None:
    note = likeness_note(value, "openai-messages")
    assert note == "" or note.startswith("; looks like ")


@given(any_json("messages", "role", "content", "traj", "lc", "data", "type", "eval", "parts"))
def test_no_format_that_knows_a_value_is_skipped(value: Any) -> None:
    sample = Sample(b"", Layout.LINES, (value,))
    passed_over = {each.name for each in formats()} - {each.name for each in formats_for(sample)}
    assert [
        each.name for each in formats() if each.name in passed_over and each.sniff(sample)
    ] == []
