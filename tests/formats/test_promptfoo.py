"""Results of promptfoo: a run for each prompt, provider and test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.framing import Unit
from hermes_tui.formats.readers.promptfoo import FORMAT
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.events import RequestFailed, RunEnded, SourceDefect
from hermes_tui.model.spans import ByteRange
from tests.formats.foreign import (
    any_json,
    calls,
    dialog,
    document,
    format_of,
    found_codes,
    lines,
    messages,
    only,
    read_bytes,
    runs,
)

FOLDER = Path(__file__).parents[1] / "fixtures" / "promptfoo"
WHOLE = (FOLDER / "results.json").read_bytes()
ROWS = (FOLDER / "results.jsonl").read_bytes()
QUESTION = ("user", "What is the weather in Paris?")


def row(number: int, **more: Any) -> dict[str, Any]:
    return {**json.loads(WHOLE)["results"]["results"][number], **more}


@pytest.mark.parametrize("data", [WHOLE, ROWS])
def test_each_result_is_a_run_with_its_verdict(data: bytes) -> None:
    assert format_of(data) == "promptfoo"
    events = read_bytes(FORMAT, data)
    assert {(one.model, one.group_id, one.task) for one in runs(events)} == {
        (f"openai:chat:{name}", "test 1", QUESTION[1]) for name in ("good", "intext", "fail")
    }
    ends = only(events, RunEnded)
    assert sorted((end.status, end.reward) for end in ends) == [
        ("error", 0.0), ("failed", 0.0), ("ok", 1.0),
    ]  # fmt: skip


def test_a_message_with_calls_is_read_whole() -> None:
    events = read_bytes(FORMAT, document(row(2)))
    assert dialog(events) == [QUESTION, ("assistant", "Let me look.")]
    assert [call.id for call in calls(events)] == ["call_w1", "call_w2"]
    reply = messages(events)[-1]
    assert [one.text for one in reply.reasoning] == ["I need the weather first."]
    assert (reply.finish_reason, reply.usage.prompt_tokens) == ("tool_calls", 100)
    assert (reply.usage.cached_tokens, reply.usage.reasoning_tokens) == (5, 3)
    [end] = only(events, RunEnded)
    assert end.duration_s == pytest.approx(0.272)


def test_calls_alone_are_read_as_calls() -> None:
    made = row(2)["response"]["output"]["tool_calls"]
    events = read_bytes(FORMAT, document(row(2, response={"output": made})))
    assert [call.id for call in calls(events)] == ["call_w1", "call_w2"]


def test_a_call_left_in_the_text_is_found() -> None:
    events = read_bytes(FORMAT, document(row(0)))
    assert "CALL_IN_CONTENT:error" in found_codes(events)
    [first] = runs(events)
    assert first.details["vars"] == {"city": "Paris"}
    assert first.details["failed_assertions"][0].startswith("OpenAI did not return a valid")


def test_a_text_that_is_json_is_no_call() -> None:
    text = json.dumps(row(2)["response"]["output"]["tool_calls"])
    events = read_bytes(FORMAT, document(row(2, response={"output": text})))
    assert dialog(events)[-1] == ("assistant", text)


def test_a_refused_request_is_a_failure_of_the_run() -> None:
    events = read_bytes(FORMAT, document(row(1)))
    [failed] = only(events, RequestFailed)
    assert failed.message.startswith("API error: 500")
    assert dialog(events) == [QUESTION]


def test_the_tools_of_a_provider_are_declared() -> None:
    by_model = {one.model: one for one in runs(read_bytes(FORMAT, WHOLE))}
    assert [tool.name for tool in by_model["openai:chat:good"].tools] == ["weather"]
    assert by_model["openai:chat:intext"].tools_declared is False


def test_a_prompt_that_is_a_conversation_is_read_as_one() -> None:
    chat = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi."}]
    events = read_bytes(FORMAT, document(row(2, prompt={"raw": json.dumps(chat), "label": "p"})))
    assert dialog(events)[:2] == [("system", "Be brief."), ("user", "Hi.")]


def test_a_provider_may_be_only_named() -> None:
    [first] = runs(read_bytes(FORMAT, lines(row(2, provider="echo"))))
    assert first.model == "echo"


def test_elements_that_are_no_results_are_reported() -> None:
    whole = json.loads(WHOLE)
    whole["results"]["results"] += [row(0), 7, row(2)]
    [defect] = only(read_bytes(FORMAT, document(whole)), SourceDefect)
    assert defect.at is not None
    assert defect.at.pointer == "/results/results/4"


@settings(max_examples=100, deadline=None)
@given(any_json("results", "prompt", "raw", "provider", "vars", "response", "output", "tool_calls"))
def test_any_json_is_read(anything: Any) -> None:
    build = RunBuilder(ByteRange(0, 1), unit=Unit.RUNS)
    FORMAT.read(anything, build)
    FORMAT.read({"results": {"results": [anything]}}, build)
    FORMAT.read(row(0, response=anything, prompt={"raw": anything}, gradingResult=anything), build)
    assert build.events
