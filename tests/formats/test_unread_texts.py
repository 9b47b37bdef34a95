"""Unread calls in files with declared tools give the same findings as in a live run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.messages import ToolSpec
from hermes_tui.parsers.unread_calls import unread_calls
from hermes_tui.runtime.opener import FoundRun, open_file, survey

SCHEMA = {"type": "object", "properties": {"at": {"type": "string"}}}
TOOL = {"type": "function", "function": {"name": "look", "parameters": SCHEMA}}
TEXTS = (
    '[look(at="a")]',
    'functions.look:0{"at": "a"}',
    'I look.\n{"name": "look", "arguments": {"at": "a"}}',
    '<|python_start|>[look(at="a")]<|python_end|>',
)


@pytest.mark.parametrize(
    ("dialect", "speaker", "text_key", "model"),
    [("messages", "role", "content", "assistant"), ("conversations", "from", "value", "gpt")],
)
@pytest.mark.parametrize("text", TEXTS)
def test_a_file_gives_the_same_findings_for_a_text_as_a_live_run(
    tmp_path: Path, text: str, dialect: str, speaker: str, text_key: str, model: str
) -> None:
    user = "user" if speaker == "role" else "human"
    dialog = [{speaker: user, text_key: "go"}, {speaker: model, text_key: text}]
    path = tmp_path / "runs.jsonl"
    path.write_text(json.dumps({dialect: dialog, "tools": [TOOL]}) + "\n")
    file = open_file(path, whole=True)
    (run,) = [one for one in survey(file) if isinstance(one, FoundRun) and one.final]
    file.close()
    _, (live,), _ = unread_calls(text, (ToolSpec("look", "", SCHEMA),))
    (found,) = [one for one in run.findings if one.code is Code.CALL_IN_CONTENT]
    assert (found.severity, found.message, found.span) == (
        Severity.ERROR,
        live.message,
        live.span,
    )
