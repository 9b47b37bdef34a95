"""`export --to openai` writes messages that the API accepts, with every call and result."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.readers import openai_messages
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.writers import openai
from hermes_tui.formats.writers.changes import Changes
from hermes_tui.log.summary import fold_run
from hermes_tui.model.diagnostics import Code
from hermes_tui.model.events import (
    Event,
    ReplyDiscarded,
    RequestFailed,
    RunStarted,
    TextEdited,
    ToolCallProposed,
    ToolReturned,
)
from hermes_tui.model.messages import (
    ArgumentsState,
    ContentPart,
    Origin,
    ToolCall,
    ToolResult,
)
from hermes_tui.model.spans import ByteRange
from tests.formats.foreign import read_value
from tests.formats.test_atif_writer import real_runs
from tests.formats.test_writers import (
    CALLS,
    HOSTILE,
    RUN,
    RUNS,
    TEXT_CALL,
    answered,
    call,
    in_text,
    numbered,
    opened,
    said,
)


def test_openai_keeps_every_message_call_and_result() -> None:
    document = opened(openai.write(RUN))
    messages = document["messages"]
    assert [message["role"] for message in messages] == [
        "system", "user", "assistant", "tool", "tool", "tool", "assistant", "tool", "user",
        "user", "assistant",
    ]  # fmt: skip
    assert sum(len(message.get("tool_calls", ())) for message in messages) == len(CALLS) + 1
    assert [m.get("tool_call_id") for m in messages if m["role"] == "tool"] == [
        "c0",
        "c1",
        "c2",
        "made_up_4",
    ]
    assert messages[9]["name"] == "martian"
    assert messages[1]["content"] == HOSTILE
    assert messages[2]["content"] is None
    assert messages[2]["finish_reason"] == "tool_calls"


def test_openai_writes_arguments_and_ids_verbatim_and_makes_up_missing_ones() -> None:
    written = opened(openai.write(RUN))["messages"][2]["tool_calls"]
    assert [each["function"]["arguments"] for each in written] == [
        '{"command": "ls </tool_call>"}', '{"command": "l', r'"{\"command\": \"ls\"}"', "", "{}",
        "[1, 2]", "{}", '{"a":1}',
    ]  # fmt: skip
    ids = [each["id"] for each in written]
    assert ids == ["c0", "c1", "c2", "made_up_1", "made_up_2", "made_up_3", "c6", "c7"]
    assert written[4]["function"]["name"] == ""
    assert written[7]["function"]["name"] == HOSTILE


def test_openai_moves_an_answered_text_call_out_of_the_text() -> None:
    message = opened(openai.write(RUN))["messages"][6]
    assert message["content"] == f"<think>hm</think>{TEXT_CALL}"  # no span: nothing to cut out
    (written,) = message["tool_calls"]
    assert written["function"] == {"name": "terminal", "arguments": '{"command": "ls"}'}


def test_openai_leaves_unanswered_text_calls_in_the_text() -> None:
    run = numbered(said("assistant", TEXT_CALL, calls=1), in_text(TEXT_CALL, TEXT_CALL))
    (message,) = opened(openai.write(run))["messages"]
    assert message == {"role": "assistant", "content": TEXT_CALL}


@pytest.mark.parametrize(
    "broken",
    [
        '<tool_call>\n{"name": "terminal", "arguments": {"command": "rm"},}\n</tool_call>',
        "<tool_call>\n{'name': 'terminal', 'arguments': {'command': 'rm'}}\n</tool_call>",
        '<tool_call>\n{"name": "terminal", "arguments": {"command": "rm',
    ],
    ids=["trailing comma", "quotes", "unclosed"],
)
def test_openai_does_not_mend_a_broken_call_that_nothing_answered(broken: str) -> None:
    """A model that is trained on the export must not learn a call that it did not make."""
    chat = [
        {"role": "assistant", "content": f"a\n{TEXT_CALL}"},
        {"role": "tool", "content": "a.txt"},
        {"role": "assistant", "content": f"b\n{broken}"},
    ]
    first, _, last = opened(
        openai.write(tuple(read_value(openai_messages.FORMAT, {"messages": chat})))
    )["messages"]
    assert first["content"] == "a" and len(first["tool_calls"]) == 1
    assert last == {"role": "assistant", "content": f"b\n{broken}"}
    repaired = [*chat, {"role": "tool", "content": "done"}]
    run = tuple(read_value(openai_messages.FORMAT, {"messages": repaired}))
    (*_, last, _) = opened(openai.write(run))["messages"]
    assert last["content"] == "b" and len(last["tool_calls"]) == 1


def test_a_result_that_answers_no_call_becomes_a_user_message() -> None:
    messages = opened(openai.write(numbered(*answered("lost", "c9"))))["messages"]
    assert messages == [{"role": "user", "name": "tool", "content": "lost"}]


def test_openai_writes_custom_calls_for_the_inputs_of_custom_tools() -> None:
    patch = call(0, "*** Begin Patch", ArgumentsState.NOT_JSON, verdict="custom", name="apply")
    run = numbered(said("assistant", "", calls=1), ToolCallProposed(seq=0, call=patch))
    (message,) = opened(openai.write(run))["messages"]
    custom = {"name": "apply", "input": "*** Begin Patch"}
    assert message["tool_calls"] == [{"id": "c0", "type": "custom", "custom": custom}]


def test_openai_keeps_readable_reasoning_in_its_fields() -> None:
    message = opened(openai.write(RUN))["messages"][2]
    assert message["reasoning_content"].startswith("Let me look.")
    assert message["reasoning_details"] == [{"type": "reasoning.summary", "summary": "gist"}]


def test_openai_describes_the_run_and_masks_its_secrets() -> None:
    document = opened(openai.write(RUN))
    metadata = document["metadata"]
    assert document["model"] == "hermes-4"
    assert document["tools"][0]["function"]["parameters"] == {"type": "object"}
    assert (metadata["run_id"], metadata["status"], metadata["reward"]) == ("run-1", "failed", 0.25)
    assert metadata["usage"] == {"prompt_tokens": 5}
    assert metadata["request_errors"][0]["status"] == 500
    assert metadata["tool_errors"][0]["error"] == "boom"
    assert metadata["defects"][0]["message"] == "line 7 is torn"
    assert metadata["details"]["headers"]["Authorization"] == "Bearer ***"


def test_openai_omits_tools_if_none_were_declared() -> None:
    assert "tools" not in opened(openai.write([RunStarted(seq=0)]))


def test_openai_writes_media_parts_whole_if_the_record_is_known() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    parts = (ContentPart("text", "a"), ContentPart("image", "[image]", "image/png"))
    raw = json.dumps({"role": "user", "content": [{"type": "text", "text": "a"}, image]})
    known = opened(openai.write(numbered(said("user", "a", parts=parts, raw=raw))))
    unknown = opened(openai.write(numbered(said("user", "a", parts=parts))))
    assert known["messages"][0]["content"][1] == image
    assert unknown["messages"][0]["content"][1] == {"type": "text", "text": "[image]"}


def test_openai_keeps_refusals_and_shows_parts_of_unknown_kind_as_text() -> None:
    parts = (ContentPart("refusal", "no"), ContentPart("json", '{"type": "novel", "x": 1}'))
    written = opened(openai.write(numbered(said("assistant", "", parts=parts))))
    assert written["messages"][0]["content"] == [
        {"type": "refusal", "refusal": "no"},
        {"type": "text", "text": '{"type": "novel", "x": 1}'},
    ]


def test_openai_splits_a_message_with_several_results() -> None:
    events = numbered(
        said("assistant", "", calls=3),
        *(ToolCallProposed(seq=0, call=CALLS[index]) for index in range(3)),
        ToolReturned(seq=0, result=ToolResult("1", call_id="c0")),
        ToolReturned(seq=0, result=ToolResult("2", call_id="c1")),
        said("tool", "<tool_response>1</tool_response><tool_response>2</tool_response>", results=2),
        ToolReturned(seq=0, result=ToolResult("3", call_id="c2")),
        said("user", "and now?", results=1),
    )
    messages = opened(openai.write(events))["messages"]
    assert [(m["role"], m["content"]) for m in messages] == [
        ("assistant", None), ("tool", "1"), ("tool", "2"), ("tool", "3"), ("user", "and now?"),
    ]  # fmt: skip


def test_openai_keeps_a_call_whose_message_holds_a_result_and_no_text() -> None:
    asked = call(0, "{}", ArgumentsState.OBJECT)
    run = numbered(
        ToolCallProposed(seq=0, call=asked),
        ToolReturned(seq=0, result=ToolResult("1", call_id="a")),
        said("user", "1", calls=1, results=1),
    )
    result, message = opened(openai.write(run))["messages"]
    assert result["content"] == "1"
    assert message["content"] is None
    assert len(message["tool_calls"]) == 1


def _calls(run: tuple[Event, ...]) -> Iterator[ToolCall]:
    return (event.call for event in run if isinstance(event, ToolCallProposed))


def test_openai_omits_only_discarded_replies() -> None:
    failed = RequestFailed(seq=0, turn=2, message="no answer")
    first, second = said("assistant", "first"), said("assistant", "second")
    run = numbered(
        first, failed, ReplyDiscarded(seq=0), second, TextEdited(seq=0, before="", after="x")
    )
    changes = Changes()
    messages = opened(openai.write(run, changes=changes))["messages"]
    assert [message["content"] for message in messages] == ["first"]
    assert changes.summary() == "1 message of discarded replies left out"


def test_openai_writes_the_exit_code_of_a_command() -> None:
    proposed = ToolCallProposed(seq=0, call=CALLS[0])
    run = numbered(said("assistant", "", calls=1), proposed, *answered("", "c0", exit_code=2))
    assert opened(openai.write(run))["messages"][1]["exit_code"] == 2


def test_openai_puts_results_directly_after_their_calls() -> None:
    run = numbered(
        said("assistant", "", calls=1),
        ToolCallProposed(seq=0, call=CALLS[0]),
        said("user", "hurry"),
        *answered("a.txt", "c0"),
    )
    messages = opened(openai.write(run))["messages"]
    assert [message["role"] for message in messages] == ["assistant", "tool", "user"]


@cache
def api_validator() -> Any:
    """Return a validator built from the `openai` package's message types; skip without it."""
    types = pytest.importorskip("openai.types.chat")
    pydantic = pytest.importorskip("pydantic")
    return pydantic.TypeAdapter(list[types.ChatCompletionMessageParam])


def check_with_the_api(messages: list[dict[str, Any]]) -> None:
    """Check the messages' types, and that each tool message answers an earlier call."""
    for message in api_validator().validate_python(messages):
        for key in ("content", "tool_calls"):
            # Lists are validated only when they are iterated over.
            list(message.get(key) or ())
    ids: set[str] = set()
    for message in messages:
        if message["role"] == "tool":
            assert message["tool_call_id"] in ids
        ids |= {call["id"] for call in message.get("tool_calls", ())}
        assert all(call["id"].strip() for call in message.get("tool_calls", ()))


def test_the_api_accepts_a_run_with_everything_in_it() -> None:
    check_with_the_api(opened(openai.write(RUN))["messages"])


@settings(max_examples=120, deadline=None)
@given(RUNS)
def test_the_api_accepts_any_run_with_all_its_calls_and_results(run: tuple[Event, ...]) -> None:
    messages = opened(openai.write(run))["messages"]
    check_with_the_api(messages)
    written = [call for message in messages for call in message.get("tool_calls", ())]
    native = [call for call in _calls(run) if call.origin is not Origin.TEXT]
    assert len(native) <= len(written) <= sum(1 for _ in _calls(run))
    contents = Counter(str(message["content"]) for message in messages)
    results = Counter(event.result.content for event in run if isinstance(event, ToolReturned))
    assert all(contents[content] >= count for content, count in results.items())


REFUSED_CODES = (Code.RESULT_ORPHAN, Code.ID_MISSING)
"""Findings that an endpoint refuses: no export may have more of them than its run."""


def check_export(label: str, events: list[Event]) -> None:
    """Check that the API accepts a run's exported messages and that the export adds no faults."""
    document = json.loads(openai.write(events))
    check_with_the_api(document["messages"])
    build = RunBuilder(ByteRange(0, 1))
    openai_messages.FORMAT.read(document, build)
    before, after = fold_run(events)[0], fold_run(build.events)[0]
    assert after.calls == before.calls, label
    # A result that answers no call becomes a user message.
    assert after.results == before.results - before.codes[Code.RESULT_ORPHAN], label
    assert all(after.codes[code] <= before.codes[code] for code in REFUSED_CODES), label


@pytest.mark.shared
def test_the_api_accepts_the_messages_of_every_real_run(trajectories: Path) -> None:
    for label, events in real_runs(trajectories, 3):
        check_export(label, events)


def test_the_api_accepts_the_messages_of_every_sample(transcripts: Path) -> None:
    for label, events in real_runs(transcripts, 9):
        check_export(label, events)
