"""LangChain's messages are read in every spelling, and in the containers of LangGraph."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.detect import detect
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.readers.langchain.reader import FORMAT
from hermes_tui.formats.registry import formats
from hermes_tui.log.summary import fold_run
from hermes_tui.model.events import MessageAppended, SourceDefect
from tests.bytes_source import BytesSource
from tests.formats.foreign import (
    any_json,
    calls,
    counts,
    dialog,
    document,
    format_of,
    found_codes,
    lines,
    messages,
    only,
    read_bytes,
    read_value,
    results,
    runs,
    sample,
)

CLASSES = {"human": "HumanMessage", "ai": "AIMessage", "tool": "ToolMessage"}
WRITTEN = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{ "a": 1}'}}
ASKED = {"type": "human", "content": "Add one", "additional_kwargs": {}, "id": "h1"}
REPLY: dict[str, Any] = {
    "type": "ai",
    "content": "",
    "id": "run-1",
    "additional_kwargs": {"tool_calls": [WRITTEN], "refusal": None},
    "response_metadata": {"model_name": "gpt-example", "finish_reason": "tool_calls"},
    "tool_calls": [{"name": "add", "args": {"a": 1}, "id": "c1", "type": "tool_call"}],
    "invalid_tool_calls": [],
    "usage_metadata": {
        "input_tokens": 60,
        "output_tokens": 15,
        "input_token_details": {"cache_read": 20},
        "output_token_details": {"reasoning": 5},
    },
}
ANSWER = {
    "type": "tool",
    "content": "2",
    "name": "add",
    "tool_call_id": "c1",
    "status": "success",
    "artifact": None,
}
DUMPED = [ASKED, REPLY, ANSWER]


def in_data(message: dict[str, Any]) -> dict[str, Any]:
    return {"type": message["type"], "data": message}


def constructed(message: dict[str, Any]) -> dict[str, Any]:
    path = ["langchain", "schema", "messages", CLASSES[message["type"]]]
    return {"lc": 1, "type": "constructor", "id": path, "kwargs": message}


SPELLINGS = {
    "model_dump": DUMPED,
    "messages_to_dict": [in_data(message) for message in DUMPED],
    "dumpd": [constructed(message) for message in DUMPED],
}


@pytest.mark.parametrize("wrap", [lines, lambda *many: document([*many])], ids=["lines", "list"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_gives_the_same_messages(spelling: str, wrap: Any) -> None:
    data = wrap(*SPELLINGS[spelling])
    detection = detect(BytesSource(data), formats())
    assert detection.reader is not None
    assert (detection.reader.name, detection.rivals) == ("langchain-messages", ())
    events = read_bytes(FORMAT, data)
    assert counts(events) == (1, 3, 1)
    assert dialog(events) == [("user", "Add one"), ("assistant", ""), ("tool", "2")]
    assert set(fold_run(events)[0].codes) == {"NO_ANSWER"}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_call_has_the_arguments_that_the_model_wrote_and_appears_once(spelling: str) -> None:
    events = read_bytes(FORMAT, document({"messages": SPELLINGS[spelling]}))
    (call,) = calls(events)
    assert (call.id, call.arguments_text, call.arguments) == ("c1", '{ "a": 1}', {"a": 1})
    assert call.raw == REPLY["tool_calls"][0]


def test_a_reply_has_its_model_usage_and_finish_reason() -> None:
    events = read_bytes(FORMAT, document({"messages": DUMPED}))
    assert runs(events)[0].model == "gpt-example"
    reply = messages(events)[1]
    assert reply.finish_reason == "tool_calls"
    assert reply.usage is not None
    used = reply.usage
    assert (used.prompt_tokens, used.cached_tokens, used.reasoning_tokens) == (60, 20, 5)


def test_calls_that_could_not_be_parsed_are_calls_with_an_error() -> None:
    invalid = {"name": "add", "args": '{"a": ', "id": "c2", "type": "invalid_tool_call"}
    odd = {**invalid, "args": '{"a": 1}', "id": "c3", "error": "a is no string"}
    reply = {**REPLY, "additional_kwargs": {}, "invalid_tool_calls": [invalid, odd]}
    events = read_bytes(FORMAT, document({"messages": [ASKED, reply]}))
    assert [(call.id, call.arguments_text) for call in calls(events)] == [
        ("c1", '{"a":1}'),
        ("c2", '{"a": '),
        ("c3", '{"a": 1}'),
    ]
    assert found_codes(events).count("ARGS_INVALID:error") == 2
    assert any("a is no string" in str(event.diagnostics) for event in events)


def test_a_call_that_the_content_repeats_counts_once() -> None:
    block = {"type": "tool_use", "id": "c1", "name": "add", "input": {"a": 1}}
    text_block = {"type": "text", "text": "Adding."}
    reply = {**REPLY, "additional_kwargs": {}, "content": [text_block, block]}
    events = read_bytes(FORMAT, document({"messages": [ASKED, reply]}))
    assert counts(events) == (1, 2, 1)
    assert messages(events)[1].text == "Adding."


def test_a_legacy_function_call_is_a_call() -> None:
    legacy = {"name": "add", "arguments": '{"a": 2}'}
    reply = {**REPLY, "tool_calls": [], "additional_kwargs": {"function_call": legacy}}
    (call,) = calls(read_bytes(FORMAT, document({"messages": [ASKED, reply]})))
    assert (call.name, call.arguments) == ("add", {"a": 2})


def test_a_tool_that_failed_is_flagged() -> None:
    failed = {**ANSWER, "status": "error", "content": "no such tool"}
    events = read_bytes(FORMAT, document({"messages": [ASKED, REPLY, failed]}))
    (result,) = results(events)
    assert result.error is not None
    assert result.error.kind == "flag"
    assert result.raw == failed


def test_reasoning_outside_the_content_is_read() -> None:
    reply = {**REPLY, "additional_kwargs": {"reasoning_content": "One and one."}}
    events = read_bytes(FORMAT, document({"messages": [ASKED, reply]}))
    assert [piece.text for piece in messages(events)[1].reasoning] == ["One and one."]


def test_chunks_and_removals_are_recognised() -> None:
    chunk = {**REPLY, "type": "AIMessageChunk", "tool_call_chunks": []}
    removal = {"type": "remove", "content": "", "id": "h1"}
    events = read_bytes(FORMAT, document({"messages": [ASKED, chunk, removal]}))
    assert [message.role for message in messages(events)] == ["user", "assistant", "environment"]
    assert messages(events)[2].text == "removes the message h1"
    assert messages(events)[2].flags == ("removal",)


def test_authors_keep_their_given_names() -> None:
    critic = {"type": "chat", "role": "critic", "content": "No."}
    question = {"type": "chat", "role": "user", "content": "Why?"}
    events = read_bytes(
        FORMAT, document({"messages": [{**ASKED, "name": "bob"}, critic, question]})
    )
    assert [(message.role, message.author) for message in messages(events)] == [
        ("user", "bob"),
        ("assistant", "critic"),
        ("user", ""),
    ]


def test_a_snapshot_of_a_thread_is_a_run_in_its_group() -> None:
    snapshot = {
        "values": {"messages": DUMPED, "remaining": 3},
        "next": ["agent"],
        "config": {"configurable": {"thread_id": "t1", "checkpoint_id": "k1"}},
        "metadata": {"step": 2},
        "created_at": "2026-01-02T03:04:05+00:00",
    }
    data = lines(snapshot, snapshot)
    assert format_of(data) == "langchain-messages"
    run, _ = runs(read_bytes(FORMAT, data))
    assert (run.run_id, run.group_id, run.ts) == ("k1", "t1", 1767323045.0)
    assert run.details == {"remaining": 3, "next": ["agent"], "metadata": {"step": 2}}


@pytest.mark.parametrize(
    "wrap",
    [
        lambda update: update,
        lambda update: [[], update],
        lambda update: ["updates", update],
        lambda update: [[], "updates", update],
    ],
    ids=["bare", "namespace", "mode", "both"],
)
def test_a_stream_of_updates_is_one_run(wrap: Any) -> None:
    updates = [
        {"agent": {"messages": [ASKED, REPLY]}},
        {"tools": {"messages": ANSWER}},
        {"budget": {"left": 3}},
        {"quiet": None},
    ]
    data = lines(*map(wrap, updates))
    assert format_of(data) == "langchain-messages"
    events = read_bytes(FORMAT, data)
    assert counts(events) == (1, 4, 1)
    assert [message.flags for message in messages(events)[1:3]] == [
        ("node agent",),
        ("node tools",),
    ]
    assert dialog(events)[-1] == ("environment", '{"left":3}')


def test_a_subgraph_is_named() -> None:
    update = [["team:1", "worker:2"], {"agent": {"messages": [ASKED]}}]
    (message,) = messages(read_value(FORMAT, update, Unit.PARTS))
    assert message.flags == ("node agent", "subgraph team:1/worker:2")


def test_a_pair_of_role_and_text_is_a_message_and_other_items_are_shown() -> None:
    events = read_value(FORMAT, {"messages": [["user", "hi"], 7]})
    assert dialog(events) == [("user", "hi"), ("unknown", "7")]
    assert only(read_value(FORMAT, {"a": 1}), SourceDefect)


@pytest.mark.parametrize(
    "value",
    [
        {"role": "user", "content": "hi"},
        {"type": "system", "subtype": "init"},
        {"type": "tool", "content": "x"},
        {"messages": [{"role": "user", "content": "hi"}]},
        {"config": {"messages": 3}},
    ],
)
def test_messages_of_other_formats_are_not_claimed(value: dict[str, Any]) -> None:
    assert FORMAT.sniff(sample(value)) is None


@settings(max_examples=50, deadline=None)
@given(any_json("type", "data", "content", "kwargs", "tool_calls", "messages", "id", "lc", "args"))
def test_reading_and_sniffing_never_raise(value: Any) -> None:
    for item in (value, {"messages": value}, {"values": {"messages": [value]}}, [[], value]):
        FORMAT.sniff(sample(item))
        for unit in Unit:
            fold_run(read_value(FORMAT, item, unit))
    for key in REPLY:
        odd = {**REPLY, key: value}
        for spelled in (odd, in_data(odd), {**constructed(REPLY), "kwargs": odd}):
            fold_run(read_value(FORMAT, {"messages": [spelled]}))


def test_a_stream_of_several_modes_is_one_run() -> None:
    asked, reply = {"type": "human", "content": "Add."}, {"type": "ai", "content": "Three."}
    rows = [
        ["values", {"messages": [asked]}],
        ["custom", {"progress": 1}],
        ["messages", [{"type": "AIMessageChunk", "content": "Thr"}, {"langgraph_node": "model"}]],
        ["updates", {"model": {"messages": [reply]}}],
        ["values", {"messages": [asked, reply]}],
        ["updates", {"after": {"messages": [{"type": "ai", "content": "Done."}]}}],
    ]
    for data in (lines(*rows), document(rows)):
        assert format_of(data) == "langchain-messages"
        events = read_bytes(FORMAT, data)
        assert only(events, SourceDefect) == []
        assert dialog(events) == [
            ("user", "Add."),
            ("environment", '{"progress":1}'),
            ("assistant", "Three."),
            ("assistant", "Done."),
        ]


def test_a_truncated_reply_of_the_responses_api_is_reported() -> None:
    metadata = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    cut = {"type": "ai", "content": "It is", "response_metadata": metadata}
    events = read_bytes(FORMAT, document([{"type": "human", "content": "What?"}, cut]))
    assert found_codes(events) == ["TRUNCATED:error"]


VALUES = Path(__file__).parents[1] / "fixtures" / "frameworks" / "langgraph_values.jsonl"
STATES = [json.loads(line) for line in VALUES.read_text().splitlines()]


@pytest.mark.parametrize(
    "data",
    [
        VALUES.read_bytes(),
        document(STATES),
        lines(*(["values", state] for state in STATES)),
        lines(*([[], "values", state] for state in STATES)),
    ],
)
def test_the_states_of_a_stream_of_values_are_one_run(data: bytes) -> None:
    assert format_of(data) == "langchain-messages"
    events = read_bytes(FORMAT, data)
    [first] = runs(events)
    assert (first.task, first.model) == ("Look at a and b.", "scripted")
    last = STATES[-1]["messages"]
    assert dialog(events) == [
        ({"human": "user", "ai": "assistant"}.get(one["type"], "tool"), one["content"])
        for one in last
    ]
    asked = [call["id"] for one in last for call in one.get("tool_calls", ())]
    assert [call.id for call in calls(events)] == asked == ["c1", "c2", "c3", "c4"]


def test_each_message_is_located_in_the_first_state_that_contains_it() -> None:
    events = read_bytes(FORMAT, VALUES.read_bytes())
    data = VALUES.read_bytes()
    locations = [event.at for event in only(events, MessageAppended)]
    found = [json.loads(data[at.range.start : at.range.end]) for at in locations]
    assert [len(state["messages"]) for state in found] == [1, 2, 4, 4, 5, 6, 7, 8, 9, 10, 11]


def test_consecutive_streams_are_separate_runs() -> None:
    other = json.loads(json.dumps(STATES).replace('"id": "', '"id": "other-'))
    events = read_bytes(FORMAT, lines(*STATES, *other))
    assert counts(events) == (2, 22, 8)


def test_a_changed_message_is_shown_with_its_old_and_new_text() -> None:
    changed = {"messages": [{**STATES[0]["messages"][0], "content": "Look at c."}]}
    behind = {"messages": STATES[3]["messages"][1:]}
    events = read_bytes(FORMAT, lines(*STATES[:3], changed, *STATES[2:4], behind))
    assert [one.text for one in messages(events) if "changed" in one.flags] == [
        "Look at c.",
        "Look at a and b.",
    ]
    assert counts(events)[0] == 1


def test_final_states_of_several_runs_are_separate_runs() -> None:
    answers = ({"type": "ai", "content": text} for text in ("One", "Two"))
    states = [{"messages": [ASKED, answer]} for answer in answers]
    assert counts(read_bytes(FORMAT, lines(*states)))[0] == 2


def test_states_of_subgraphs_are_separate_runs() -> None:
    inner = {"messages": [{"type": "human", "content": "Inside", "id": "i1"}]}
    rows = [[[], "values", state] for state in STATES[:3]]
    rows.insert(2, [["worker:1"], "values", inner])
    events = read_bytes(FORMAT, lines(*rows))
    assert counts(events)[:2] == (2, 5)
