"""Sessions of the pi coding agent, and the events that it prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.framing import Unit
from hermes_tui.formats.readers.pi.messages import used
from hermes_tui.formats.readers.pi.reader import FORMAT
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.log.summary import fold_run
from hermes_tui.model.diagnostics import Code
from hermes_tui.model.events import Event, MessageAppended, RequestFailed, ToolCallProposed
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
    runs,
    started,
)

FOLDER = Path(__file__).parents[1] / "fixtures" / "pi"
SESSION, EVENTS = FOLDER / "session.jsonl", FOLDER / "events.jsonl"
BY_HAND, FORKED = FOLDER / "by_hand.jsonl", FOLDER / "forked.jsonl"
EXPECTED_CALLS = [
    ("c1", "bash"), ("c2", "read"), ("c3", "no_such_tool"), ("c4", "bash"), ("c5", "bash"),
    ("c6", "bash"),
]  # fmt: skip
"""The calls that the scripted server made, as (id, name)."""


def read(path: Path) -> list[Event]:
    return read_bytes(FORMAT, path.read_bytes())


def entry(name: str, parent: str | None, **message: Any) -> dict[str, Any]:
    return {
        "type": "message", "id": name, "parentId": parent, "timestamp": "2026-01-02T03:04:05Z",
        "message": message,
    }  # fmt: skip


@pytest.mark.parametrize("path", [SESSION, EVENTS], ids=lambda path: path.name)
def test_a_session_and_its_printed_events_have_the_same_calls_and_results(path: Path) -> None:
    assert format_of(path.read_bytes()) == "pi"
    events = read(path)
    assert [(call.id, call.name) for call in calls(events) if call.id] == EXPECTED_CALLS
    assert [result.call_id for result in results(events)] == [name for name, _ in EXPECTED_CALLS]
    state, findings = fold_run(events)
    assert (state.defects, len(runs(events))) == (0, 1)
    codes = [finding.code for finding in findings]
    assert codes.count(Code.TOOL_ERROR) == 4
    assert Code.CALL_IN_CONTENT in codes
    assert not {Code.ARGS_OBJECT, Code.ID_DUPLICATE, Code.CALL_UNANSWERED}.intersection(codes)
    assert messages(events)[1].reasoning[0].text == "Let me look at two files."


def test_a_session_has_its_id_model_and_task() -> None:
    first = started(read(SESSION))
    assert first.run_id == "01a2048d-d70f-7308-a7b4-fc2200840446"
    assert (first.model, first.task) == ("scripted", "Look at the files")
    assert (first.details["cwd"], first.details["provider"]) == ("/work", "local")


def test_each_reply_keeps_its_tokens_and_cost() -> None:
    counted = [
        (one.prompt_tokens, one.completion_tokens, one.cached_tokens, one.cost_usd)
        for event in only(read(SESSION), MessageAppended)
        if (one := event.message.usage) is not None
    ]
    rows = map(json.loads, SESSION.read_text().splitlines())
    usages = [row["message"]["usage"] for row in rows if "usage" in row.get("message", {})]
    assert counted == [
        (one["input"] + one["cacheRead"], one["output"], one["cacheRead"], one["cost"]["total"])
        for one in usages
    ]
    assert used({"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0}) is None
    assert used({"input": 3, "output": 1, "cacheRead": 4, "cacheWrite": 5}).prompt_tokens == 12


def test_a_failed_command_has_its_exit_code() -> None:
    [failed] = [one for one in results(read(SESSION)) if one.call_id == "c5"]
    assert (failed.exit_code, failed.error.reason) == (3, "is_error: out (exit code 3)")


def test_a_call_points_to_its_location_in_the_file() -> None:
    [first, *_] = only(read(SESSION), ToolCallProposed)
    assert first.at.pointer == "/message/content/2"
    assert first.call.raw["type"] == "toolCall"


def test_truncated_output_is_found() -> None:
    _, findings = fold_run(read(SESSION))
    assert [finding.code for finding in findings].count(Code.TRUNCATED) == 2


def test_a_refused_request_is_an_error_and_not_an_empty_reply() -> None:
    events = read(BY_HAND)
    [failed] = only(events, RequestFailed)
    assert (failed.status, failed.message) == (400, "400 No such model")
    assert failed.diagnostics[0].severity.value == "error"
    assert Code.REPLY_SHAPE not in [finding.code for finding in fold_run(events)[1]]


def test_a_retried_request_is_a_warning_and_its_partial_reply_is_kept() -> None:
    piece = [{"type": "text", "text": "I be"}]
    events = read_bytes(
        FORMAT,
        lines(
            entry("a", None, role="user", content="Hello."),
            entry("b", "a", role="assistant", content=piece, stopReason="error",
                  errorMessage="503 busy"),
            entry("c", "b", role="assistant", content=[], stopReason="error"),
            entry("d", "c", role="assistant", content=[{"type": "text", "text": "Hi."}],
                  stopReason="stop"),
        ),
    )  # fmt: skip
    failed = only(events, RequestFailed)
    assert [one.diagnostics[0].severity.value for one in failed] == ["warning", "warning"]
    assert [one.status for one in failed] == [503, None]
    assert [(one.text, one.flags) for one in messages(events)][1:] == [
        ("I be", ("partial",)),
        ("Hi.", ()),
    ]


def test_messages_not_from_the_model_are_marked() -> None:
    flagged = [(one.flags, one.text) for one in messages(read(BY_HAND)) if one.flags]
    assert flagged == [(("compaction",), "## Goal\nLook at files")]
    assert ("user", "$ echo by hand\nby hand\n") in dialog(read(BY_HAND))
    assert started(read(BY_HAND)).details["titles"] == ["my name"]


def test_a_fork_names_its_origin_and_flags_the_copied_messages() -> None:
    events = read(FORKED)
    assert started(events).details["goes_on_from"] == started(read(BY_HAND)).run_id
    copied = [one.text for one in messages(events) if "copied" in one.flags]
    assert copied == ["first", "One.", "a.txt\n", "Listed.", "$ echo by hand\nby hand\n"]


def test_an_abandoned_branch_is_flagged() -> None:
    rows = [
        entry("a", None, role="user", content="First."),
        entry("b", "a", role="assistant", content=[{"type": "text", "text": "Left."}]),
        {"type": "branch_summary", "id": "c", "parentId": "a", "summary": "It was tried."},
        entry("d", "c", role="user", content="Other."),
    ]
    flagged = [(one.text, one.flags) for one in messages(read_bytes(FORMAT, lines(*rows)))]
    assert flagged == [
        ("First.", ()),
        ("Left.", ("rewound",)),
        ("It was tried.", ("injected",)),
        ("Other.", ()),
    ]
    # Without its first line the chain of parents is broken: no branch is known to be abandoned.
    torn = messages(read_bytes(FORMAT, lines(*rows[1:])))
    assert not any("rewound" in one.flags for one in torn)


@pytest.mark.parametrize("path", [BY_HAND, FORKED, SESSION], ids=lambda path: path.name)
def test_a_list_of_the_lines_is_read_like_the_lines(path: Path) -> None:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows += [
        entry("z1", None, role="user", content="Left."),
        entry("z2", None, role="user", content="x"),
    ]
    contents = [
        [(one.text, one.flags) for one in messages(read_bytes(FORMAT, data))]
        for data in (lines(*rows), document(rows))
    ]
    assert contents[0] == contents[1]


def test_a_message_cut_off_by_the_end_is_partial() -> None:
    whole = EVENTS.read_bytes().splitlines(keepends=True)
    cut = max(at for at, line in enumerate(whole) if b'"message_update"' in line)
    last = messages(read_bytes(FORMAT, b"".join(whole[: cut + 1])))[-1]
    assert last.flags == ("partial",)
    assert last.text.startswith("<tool_call>")


def test_odd_lines_are_reported_and_consecutive_sessions_are_runs() -> None:
    odd: list[Any] = [7, {"no": "type"}, {"type": "message", "message": "not an object"}]
    events = read_bytes(FORMAT, SESSION.read_bytes() + lines(*odd))
    assert fold_run(events)[0].defects == len(odd)
    both = SESSION.read_bytes() + BY_HAND.read_bytes()
    assert len(runs(read_bytes(FORMAT, both))) == 2
    rows = list(map(json.loads, SESSION.read_text().splitlines()))
    assert format_of(document(rows)) == "pi"


@settings(max_examples=60, deadline=None)
@given(any_json("type", "message", "role", "content", "id", "parentId", "result", "summary"))
def test_reading_never_raises(value: Any) -> None:
    for held in (value, [value], {"type": "message_end", "message": value}):
        build = RunBuilder(ByteRange(0, 1), unit=Unit.RUNS, source_format="pi")
        FORMAT.read(held, build)
        assert build.events
