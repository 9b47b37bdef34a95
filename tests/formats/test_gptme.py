"""Conversations of gptme: calls in the text of replies, results from the system."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.formats.framing import Unit
from hermes_tui.formats.readers.gptme.calls import read_calls_in
from hermes_tui.formats.readers.gptme.reader import FORMAT
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.log.summary import fold_run
from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.events import CallSkipped, Event, MessageAppended, RequestFailed
from hermes_tui.model.messages import Origin
from hermes_tui.model.spans import ByteRange
from tests.formats.foreign import (
    any_json,
    calls,
    dialog,
    document,
    format_of,
    lines,
    messages,
    only,
    read_bytes,
    results,
    started,
)
from tests.timing import Work, assert_linear

FOLDER = Path(__file__).parents[1] / "fixtures" / "gptme"
CALLS, BLOCKS, XML = FOLDER / "calls.jsonl", FOLDER / "blocks.jsonl", FOLDER / "xml.jsonl"
EVENTS, PRINTED = FOLDER / "events.jsonl", FOLDER / "printed.jsonl"


def read(path: Path) -> list[Event]:
    return read_bytes(FORMAT, path.read_bytes())


def codes(events: list[Event]) -> list[Code]:
    return [finding.code for finding in fold_run(events)[1]]


def message(role: str, content: str, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, "timestamp": "2026-01-02T03:04:05", **more}


def conversation(*rows: dict[str, Any]) -> list[Event]:
    """Return the events of a conversation after gptme's own prompt."""
    prompt = message("system", "You are gptme v0.35.1, an assistant", hide=True, pinned=True)
    return read_bytes(FORMAT, lines(prompt, *rows))


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.jsonl")), ids=lambda path: path.name)
def test_every_file_of_gptme_is_one_run(path: Path) -> None:
    assert format_of(path.read_bytes()) == "gptme"
    state, _ = fold_run(read(path))
    assert (state.source_format, state.defects) == ("gptme", 0)
    rows = list(map(json.loads, path.read_text().splitlines()))
    assert format_of(document(rows)) == "gptme"


def test_each_call_has_its_result_by_its_id() -> None:
    events = read(CALLS)
    ids = ["call_0_0", "call_0_1", "call_1_0", "call_2_0", "call_4_0", "call_5_0", None]
    ids += ["call_7_0", "call_9_0"]
    assert [call.id for call in calls(events)] == ids
    assert [result.call_id for result in results(events)] == ids
    assert not {Code.CALL_UNANSWERED, Code.RESULT_ORPHAN, Code.ID_DUPLICATE}.intersection(
        codes(events)
    )
    assert calls(events)[2].arguments == {"path": "größe.txt", "content": "naïve café ☕\n"}


def test_a_call_covers_its_markup_in_the_text() -> None:
    events = read(CALLS)
    first = next(one for one in messages(events) if one.calls)
    call = calls(events)[1]
    assert (call.origin, call.name) == (Origin.TEXT, "shell")
    assert first.text[call.span.start : call.span.end] == call.raw
    assert call.raw == '@shell(call_0_1): {"command": "cat missing.txt"}'
    assert first.reasoning[0].text.strip() == "List first. Ünïcode ✓"


def test_arguments_that_gptme_repaired_are_a_warning_and_cut_off_ones_an_error() -> None:
    events = read(CALLS)
    [repaired] = [one for one in fold_run(events)[1] if one.code is Code.ARGS_INVALID]
    assert (repaired.severity, repaired.turn) == (Severity.WARNING, 3)
    assert "gptme repaired them" in repaired.hint
    [cut] = [one for one in fold_run(events)[1] if one.code is Code.UNCLOSED]
    assert (cut.severity, cut.turn) == (Severity.ERROR, 4)


def test_failed_tools_have_their_exit_code_and_an_unknown_tool_is_an_error() -> None:
    failed = {one.call_id: one for one in results(read(CALLS)) if one.error is not None}
    assert list(failed) == ["call_0_1", "call_4_0", "call_5_0", "call_7_0"]
    assert (failed["call_0_1"].exit_code, failed["call_0_1"].name) == (1, "shell")
    assert failed["call_7_0"].error.kind == "flag"


def test_calls_that_a_person_declined_are_shown_as_such() -> None:
    events = read(FOLDER / "declined.jsonl")
    skipped = only(events, CallSkipped)
    assert [one.reason for one in skipped] == ["declined by the user"] * 3
    assert [one.call_index for one in skipped] == [0, 1, 0]
    assert [result.call_id for result in results(events)] == ["call_0_0", "call_0_1", "call_1_0"]
    assert codes(events) == []


def test_a_refused_request_is_an_error() -> None:
    [failed] = only(read(CALLS), RequestFailed)
    assert failed.status == 400
    assert failed.message.startswith("Error code: 400")
    in_session = conversation(message("user", "Hi"), message("system", "LLM request failed: down"))
    [failed] = only(in_session, RequestFailed)
    assert (failed.status, failed.message) == (None, "LLM request failed: down")


def test_a_run_has_its_model_version_task_and_the_usage_of_each_reply() -> None:
    events = read(CALLS)
    first = started(events)
    assert (first.model, first.task) == ("local/scripted", "What is in here? Make größe.txt.")
    assert first.details == {"version": "0.35.1"}
    reply = next(one for one in messages(events) if one.usage is not None)
    used = reply.usage
    assert (used.prompt_tokens, used.cached_tokens, used.completion_tokens) == (1000, 500, 20)
    assert (used.reasoning_tokens, reply.duration_s) == (7, pytest.approx(1.1069))


def test_counts_of_older_versions_are_usage_too() -> None:
    old = {"model": "m", "input_tokens": 5, "output_tokens": 2, "cost": 0.5}
    reply = messages(conversation(message("assistant", "Hi", metadata=old)))[-1]
    assert (reply.usage.prompt_tokens, reply.usage.cost_usd) == (5, 0.5)


def test_each_block_that_was_run_is_a_call_with_its_own_result() -> None:
    events = read(BLOCKS)
    called = [(call.name, call.arguments) for call in calls(events)]
    assert called == [
        ("shell", {"command": "ls -a"}),
        (
            "save",
            {"path": "notes/größe.md", "content": '# Größe\n\n```python\nprint("in a file")\n```'},
        ),
        ("ipython", {"code": "import math\nmath.sqrt('x')"}),
        (
            "patch",
            {
                "path": "notes/größe.md",
                "patch": "<<<<<<< ORIGINAL\nnot there\n=======\nthere\n>>>>>>> UPDATED",
            },
        ),
    ]
    assert [result.name for result in results(events)] == [name for name, _ in called]
    assert codes(events).count(Code.UNCLOSED) == 1
    assert not {Code.CALL_UNANSWERED, Code.RESULT_ORPHAN}.intersection(codes(events))


def test_a_block_is_an_example_if_gptme_ran_nothing() -> None:
    example = message("assistant", "Try this:\n```shell\nls\n```\n")
    assert calls(conversation(example, message("user", "Thanks"))) == []
    hidden = message("system", "<system_info>late</system_info>", hide=True)
    assert calls(conversation(example, hidden, message("user", "Thanks"))) == []
    [pending] = calls(conversation(message("user", "How?"), example))
    assert pending.name == "shell"


def test_an_answer_after_a_hidden_message_belongs_to_its_block() -> None:
    events = conversation(
        message("assistant", "```shell\nls\n```\n```py\n1\n```"),
        message("system", "<system_info>late</system_info>", hide=True),
        message("system", "a.txt"),
        message("system", "1"),
    )
    assert [(one.name, one.content) for one in results(events)] == [
        ("shell", "a.txt"),
        ("ipython", "1"),
    ]
    assert codes(events) == []
    texts = [text for _, text in dialog(events)][-3:]
    assert texts == ["<system_info>late</system_info>", "a.txt", "1"]


def test_xml_that_gptme_could_not_parse_is_a_call_left_in_the_text() -> None:
    for path in (XML, PRINTED):
        events = read(path)
        [call] = calls(events)
        assert (call.name, call.arguments) == ("shell", {"command": "ls"})
        assert codes(events) == [Code.CALL_IN_CONTENT] * 3
    [call] = read_calls_in(
        '<function_calls>\n<invoke name="save" path="a.txt">\nhi\n</invoke>\n</function_calls>'
    ).in_order(with_blocks=True)
    assert (call[0].name, call[0].arguments) == ("save", {"path": "a.txt", "content": "hi"})


def test_xml_in_a_block_or_amid_a_line_is_an_example() -> None:
    texts = ("```xml\n<tool-use>\n<shell>ls</shell>\n</tool-use>\n```", "Write `<tool-use>` first.")
    for text in texts:
        events = conversation(message("assistant", text), message("user", "Thanks"))
        assert (calls(events), codes(events)) == ([], [])
    saved = message("assistant", f"```save a.md\n{texts[0][7:-4]}\n```")
    [call] = calls(conversation(saved, message("system", "Saved to a.md")))
    assert call.name == "save"


def test_messages_that_were_undone_are_flagged() -> None:
    flags = [(one.text, one.flags) for one in messages(read(EVENTS))]
    assert flags == [
        ("Hello", ()),
        ("Hello! ✓", ()),
        ("Again", ()),
        ("A second answer.", ("rewound",)),
        ("/undo", ("rewound",)),
        ("/fork copy", ("rewound",)),
    ]


def test_messages_of_an_edit_or_checkpoint_are_not_repeated() -> None:
    first, second, new = message("user", "1"), message("assistant", "2"), message("user", "3")

    def event(seq: int, kind: str, **payload: Any) -> dict[str, Any]:
        return {"seq": seq, "ts": "2026-01-02T03:04:05+00:00", "type": kind, "payload": payload}

    events = read_bytes(
        FORMAT,
        lines(
            event(1, "checkpoint", messages=[first]),
            event(2, "message_append", message=second),
            event(3, "message_edit", messages=[first, new]),
            event(4, "undo", n=-1),
            event(5, "undo", n=99),
        ),
    )
    assert [(one.text, one.flags) for one in messages(events)] == [
        ("1", ("rewound",)),
        ("2", ("rewound",)),
        ("3", ("rewound",)),
    ]
    pointers = [one.at.pointer for one in only(events, MessageAppended)]
    assert pointers == ["/payload/messages/0", "/payload/message", "/payload/messages/1"]


def test_ordinary_messages_with_times_are_not_of_gptme() -> None:
    plain = [message("user", "Hi"), message("assistant", "Hello")]
    assert format_of(lines(*plain)) == "openai-messages"
    assert format_of(lines({**message("user", "Hi"), "role": ["user"]}, *plain)) != "gptme"


def test_odd_lines_are_reported() -> None:
    events = read_bytes(FORMAT, CALLS.read_bytes() + lines(7, {"no": "role"}))
    assert fold_run(events)[0].defects == 2


@pytest.mark.parametrize(
    "piece",
    ["@a(b): {", "```shell\n", "```\n", "```py\nx\n```\n", "<tool-use>", "<tool-use><a>",
     "<function_calls><a b=\"c\">", "@a(b): {}\n", "@(((", '@a(b): "', "<think>```shell\n"],
)  # fmt: skip
def test_reading_calls_takes_time_in_proportion_to_the_text(piece: str) -> None:
    def reading(count: int) -> Work:
        text = piece * count
        return lambda: read_calls_in(text)

    assert_linear(reading, 16_000)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(
    ["```", "````", "shell", "py ", "\n", "@x(1): ", '{"a": "', '"}', "{", "}", "<tool-use>",
     "<shell>", "</shell>", "</tool-use>", "<think>", "</think>", "é", "\\"],
)).map("".join))  # fmt: skip
def test_each_call_covers_its_own_markup(text: str) -> None:
    found = read_calls_in(text).in_order(with_blocks=True)
    assert [call.index for call, _ in found] == list(range(len(found)))
    for call, _ in found:
        assert call.raw == text[call.span.start : call.span.end] != ""


@settings(max_examples=60, deadline=None)
@given(
    any_json("role", "content", "timestamp", "metadata", "call_id", "type", "payload", "seq", "n")
)
def test_reading_never_raises(value: Any) -> None:
    append = {"seq": 1, "type": "message_append", "payload": {"message": value}}
    edit = {"seq": 2, "type": "message_edit", "payload": {"messages": value}}
    for held in (value, [value], [append, edit]):
        build = RunBuilder(ByteRange(0, 1), unit=Unit.RUNS, source_format="gptme")
        FORMAT.read(held, build)
        assert build.events
