"""Calls of W&B Weave in lines, arrays and pages, as distinct from LangSmith's runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.readers.weave import FORMAT
from hermes_tui.log.summary import fold_run
from hermes_tui.model.events import RequestFailed, SourceDefect
from tests.formats.foreign import (
    any_json,
    calls,
    dialog,
    document,
    ended,
    format_of,
    lines,
    messages,
    only,
    read_bytes,
    read_value,
    results,
    runs,
    started,
)

FIXTURE = Path(__file__).resolve().parents[1] / "fixtures" / "weave" / "calls-0.54.jsonl"
CALLS = [json.loads(line) for line in FIXTURE.read_text("utf-8").splitlines()]


@pytest.mark.parametrize(
    "data",
    [lines(*CALLS), document(CALLS), document({"calls": CALLS}), lines(*reversed(CALLS))],
    ids=["lines", "array", "page", "newest first"],
)
def test_calls_of_a_trace_are_one_conversation(data: bytes) -> None:
    assert format_of(data) == "weave"
    events = read_bytes(FORMAT, data)
    talk, refused = sorted(runs(events), key=lambda run: run.task, reverse=True)
    assert (talk.task, talk.model) == ("multi: Lima?", "scripted-1-2026")
    assert (refused.task, refused.model) == ("bad400: Too long", "scripted-1")
    assert talk.details["agent"] == "demo_agent"
    assert [tool.name for tool in talk.tools][:2] == ["get_weather", "read_file"]
    assert ("assistant", "Lima is 18.") in dialog(events)
    assert calls(events)[0].raw["function"]["arguments"] == '{"city": "Lima"}'
    assert results(events)[0].call_id == "call_m_1"
    failed = only(events, RequestFailed)[0]
    assert failed.message.startswith("BadRequestError") and "context length" in failed.message


def test_a_reply_has_its_recorded_tokens_and_cost() -> None:
    asked = next(one for one in CALLS if "openai" in one["op_name"])
    paid = {"prompt_tokens_total_cost": 0.25, "completion_tokens_total_cost": 0.5}
    summary = {**asked["summary"], "weave": {"costs": {"scripted-1-2026": paid}}}
    events = read_value(FORMAT, {**asked, "summary": summary})
    usage = messages(events)[-1].usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.cached_tokens, usage.cost_usd) == (100, 7, 0.75)
    assert ended(events).ts is not None


def test_a_marked_tool_gives_its_call_time_and_error() -> None:
    marked = [
        {**one, "attributes": {"weave": {"kind": "tool"}}, "exception": '{"type": "KeyError"}'}
        if "get_weather" in one["op_name"]
        else one
        for one in CALLS
    ]
    events = read_value(FORMAT, marked)
    (result,) = results(events)
    assert result.duration_s is not None
    assert result.error is not None and "KeyError" in result.error.reason


def test_a_value_that_is_not_a_call_is_reported_with_its_location() -> None:
    events = read_bytes(FORMAT, document({"calls": [*CALLS, {"odd": 1}]}))
    assert started(events).task
    (defect,) = only(events, SourceDefect)
    assert defect.at.pointer == f"/calls/{len(CALLS)}"


@given(any_json("inputs", "output", "summary", "usage", "attributes", "weave", "exception"))
@settings(max_examples=200)
def test_any_json_is_read_without_an_exception(value: Any) -> None:
    known = dict.fromkeys(("inputs", "output", "summary", "attributes", "exception"), value)
    fold_run(read_value(FORMAT, [value, {**CALLS[0], **known}, {**CALLS[1], **known}]))
