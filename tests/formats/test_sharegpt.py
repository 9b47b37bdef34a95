from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.readers.sharegpt import FORMAT
from hermes_tui.log.summary import fold_run
from hermes_tui.model.events import SourceDefect
from tests.formats.foreign import (
    any_json,
    calls,
    counts,
    dialog,
    document,
    format_of,
    found_codes,
    lines,
    only,
    read_bytes,
    read_value,
    results,
    runs,
    sample,
    started,
)


def turn(speaker: str, text: Any) -> dict[str, Any]:
    return {"from": speaker, "value": text}


CALL = '{"name": "area", "arguments": {"side": 2}}'
ROW: dict[str, Any] = {
    "conversations": [
        turn("human", "How large?"),
        turn("function_call", CALL),
        turn("observation", '{"area": 4}'),
        turn("gpt", "Four."),
    ],
    "tools": json.dumps([{"name": "area", "parameters": {}}]),
    "system": "Be exact.",
    "category": "maths",
}
CHAT = {
    "system": 'SYSTEM: You may call functions. Use them -\n{"name": "rate"}\n\n{"name": "news"}\n',
    "chat": "USER: How many euros?\n\n\nASSISTANT: <functioncall> "
    """{"name": "rate", "arguments": '{"base": "USD"}'} <|endoftext|>\n\n\n"""
    'FUNCTION RESPONSE: {"rate": 0.9}\n\n\nASSISTANT: 0.9 USER: euros. <|endoftext|>\n',
}


@pytest.mark.parametrize(
    "data",
    [document([ROW, ROW]), lines(ROW, ROW), document([CHAT, CHAT]), lines(CHAT, CHAT)],
    ids=["array", "lines", "glaive array", "glaive lines"],
)
def test_rows_are_recognised(data: bytes) -> None:
    assert format_of(data) == "sharegpt"
    assert counts(read_bytes(FORMAT, data)) == (2, 10, 2)


def test_samples_of_hermes_agent_keep_their_format() -> None:
    text = '<tool_call>\n{"name": "ls", "arguments": {}}\n</tool_call>'
    data = lines({"conversations": [turn("human", "q"), turn("gpt", text)]})
    assert format_of(data) == "hermes-sharegpt"


def test_a_call_turn_pairs_with_the_observation_after_it() -> None:
    events = read_value(FORMAT, ROW)
    assert [(call.name, call.arguments) for call in calls(events)] == [("area", {"side": 2})]
    assert results(events)[0].content == '{"area": 4}'
    assert not fold_run(events)[0].codes
    start = started(events)
    assert (start.task, start.details["category"]) == ("How large?", "maths")
    assert [tool.name for tool in start.tools] == ["area"]
    assert dialog(events)[0] == ("system", "Be exact.")


def test_a_call_turn_that_is_not_json_stays_a_call_with_its_text() -> None:
    events = read_value(FORMAT, {"conversations": [turn("function_call", "area(2")]})
    (call,) = calls(events)
    assert (call.name, call.arguments_text) == (None, "area(2")
    assert "JSON_INVALID:error" in found_codes(events)


def test_role_and_content_are_read_like_from_and_value() -> None:
    row = {
        "conversations": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    }
    assert FORMAT.sniff(sample(row)) is not None
    assert dialog(read_value(FORMAT, row)) == [("user", "q"), ("assistant", "a")]


def test_a_preference_pair_is_two_runs_of_one_group() -> None:
    row = {
        "id": "p1",
        "conversations": [turn("human", "q")],
        "chosen": turn("gpt", "good"),
        "rejected": "bad",
    }
    events = read_value(FORMAT, row)
    assert [(run.run_id, run.group_id) for run in runs(events)] == [
        ("p1-chosen", "p1"),
        ("p1-rejected", "p1"),
    ]
    assert [text for _, text in dialog(events)] == ["q", "good", "q", "bad"]


def test_a_thought_that_ends_with_an_action_is_a_call() -> None:
    text = 'Thought: look\nAction: find\nAction Input: {\n "a": 1\n}'
    events = read_value(
        FORMAT, {"conversations": [turn("assistant", text), turn("function", "ok")]}
    )
    (call,) = calls(events)
    assert (call.name, call.arguments, call.arguments_text) == ("find", {"a": 1}, '{\n "a": 1\n}')
    assert call.span is not None
    assert text[call.span.start : call.span.end] == call.raw
    assert set(fold_run(events)[0].codes) == {"NO_ANSWER"}


def test_an_action_whose_input_is_not_json_is_reported() -> None:
    text = "Action: find\nAction Input: {a: 1"
    events = read_value(FORMAT, {"conversations": [turn("assistant", text)]})
    assert calls(events)[0].arguments_text == "{a: 1"
    assert any(code.startswith("ARGS_INVALID") for code in found_codes(events))


def test_a_glaive_chat_is_split_into_turns_calls_and_tools() -> None:
    events = read_value(FORMAT, CHAT)
    assert [role for role, _ in dialog(events)] == [
        "system",
        "user",
        "assistant",
        "tool",
        "assistant",
    ]
    assert dialog(events)[4] == ("assistant", "0.9 USER: euros.")
    assert [(call.name, call.arguments) for call in calls(events)] == [("rate", {"base": "USD"})]
    assert [tool.name for tool in started(events).tools] == ["rate", "news"]


@pytest.mark.parametrize(
    ("body", "name", "code"),
    [
        ('{"name": "rate", "arguments": {"a": 1}}', "rate", ""),
        ('{"name": "rate", "arguments": \'{"a": \'}', "rate", "ARGS_INVALID"),
        ("rate(1)", None, "JSON_INVALID"),
    ],
)
def test_a_glaive_call_stays_a_call_in_every_notation(
    body: str, name: str | None, code: str
) -> None:
    chat = {"system": "s", "chat": f"USER: q\n\nASSISTANT: <functioncall> {body} <|endoftext|>"}
    events = read_value(FORMAT, chat)
    assert [call.name for call in calls(events)] == [name]
    assert [found.split(":")[0] for found in found_codes(events)] == ([code] if code else [])


def test_a_non_turn_is_a_defect_at_its_location() -> None:
    (defect,) = only(read_value(FORMAT, {"conversations": [turn("gpt", "a"), 7]}), SourceDefect)
    assert defect.at.pointer == "/conversations/1"
    assert only(read_value(FORMAT, {"conversations": 5}), SourceDefect)
    assert only(read_value(FORMAT, [ROW]), SourceDefect)


@settings(max_examples=100, deadline=None)
@given(any_json("conversations", "from", "value", "role", "content", "tools", "chosen", "chat"))
def test_reading_and_sniffing_never_raise(value: Any) -> None:
    for item in (
        value,
        {"conversations": value, "tools": value, "system": value},
        {"conversations": [value, turn("gpt", value), {"from": value, "value": value}]},
        {"conversations": [], "chosen": value, "rejected": value, "id": value},
        {"system": value, "chat": value},
        {"system": "\ud800\n{", "chat": f"USER: {value}\nASSISTANT: <functioncall> {value}"},
    ):
        FORMAT.sniff(sample(item))
        read_value(FORMAT, item)


@pytest.mark.shared
def test_a_real_file_matches_its_manifest(trajectories: Path) -> None:
    data = (trajectories / "21-datasets" / "glaive_toolcall_en_demo.json").read_bytes()
    assert format_of(data) == "sharegpt"
    events = read_bytes(FORMAT, data)
    assert counts(events) == (300, 1914, 211)
    assert not any(result.error for result in results(events))
