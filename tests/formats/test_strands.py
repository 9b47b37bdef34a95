"""The messages of an agent of Strands Agents, as its session managers keep them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings

from hermes_tui.formats.framing import Unit
from hermes_tui.formats.readers.strands import FORMAT
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.log.summary import fold_run
from hermes_tui.model.events import MessageAppended, RunStarted, SourceDefect, ToolReturned
from hermes_tui.model.spans import ByteRange
from tests.formats.foreign import (
    any_json,
    calls,
    dialog,
    format_of,
    lines,
    messages,
    only,
    read_bytes,
)

FOLDER = Path(__file__).parents[1] / "fixtures" / "strands" / "session_demo"
AGENT = FOLDER / "agents" / "agent_default"
STORED = [
    json.loads((AGENT / "messages" / f"message_{number}.json").read_text()) for number in range(10)
]


def test_a_session_opens_with_its_calls_results_and_token_counts() -> None:
    data = lines(*STORED)
    assert format_of(data) == "strands"
    events = read_bytes(FORMAT, data)
    # The messages of the scripted server and the tools, counted in the stored files.
    blocks = [block for one in STORED for block in one["message"]["content"]]
    asked = [block["toolUse"] for block in blocks if "toolUse" in block]
    answered = [block["toolResult"] for block in blocks if "toolResult" in block]
    assert [(call.id, call.name) for call in calls(events)] == [
        (each["toolUseId"], each["name"]) for each in asked
    ]
    failed = [each["toolUseId"] for each in answered if each["status"] == "error"]
    results = [event.result for event in only(events, ToolReturned)]
    assert len(results) == len(answered) == 4
    assert [result.call_id for result in results if result.error] == failed == ["c3"]
    state, _ = fold_run(events)
    spent = [one["message"]["metadata"]["usage"] for one in STORED if "metadata" in one["message"]]
    used = [event.message.usage for event in only(events, MessageAppended) if event.message.usage]
    assert [one.prompt_tokens for one in used] == [one["inputTokens"] for one in spent]
    assert (state.messages, state.task) == (10, "Look at a, b and c.")


def test_neighbouring_files_name_the_session_and_the_agent() -> None:
    sidecars = {
        "agent.json": json.loads((AGENT / "agent.json").read_text()),
        "../../session.json": json.loads((FOLDER / "session.json").read_text()),
    }
    build = RunBuilder(ByteRange(0, 1), unit=Unit.PARTS, sidecars=sidecars)
    FORMAT.read(STORED[0], build)
    started = build.events[0]
    assert isinstance(started, RunStarted)
    assert (started.run_id, started.details["agent"]) == ("demo", "default")


def test_text_redacted_by_a_guardrail_is_shown_with_its_replacement() -> None:
    left = {"role": "user", "content": [{"text": "[redacted]"}]}
    events = read_bytes(FORMAT, lines({**STORED[0], "redact_message": left}))
    assert dialog(events) == [("user", "Look at a, b and c."), ("user", "[redacted]")]
    assert messages(events)[0].flags == ("redacted",)


def test_a_non_message_is_a_defect_at_its_location() -> None:
    events = read_bytes(FORMAT, lines(*STORED[:5], {"message_id": 5}))
    assert [event.message for event in only(events, SourceDefect)] == ["not a message"]
    assert len(messages(events)) == 5


@given(any_json("message", "message_id", "role", "content", "redact_message", "toolUse"))
@settings(max_examples=60)
def test_no_value_raises(value: Any) -> None:
    for unit in Unit:
        build = RunBuilder(ByteRange(0, 1), unit=unit)
        FORMAT.read(value, build)
