"""The output of Gemini CLI with `--output-format stream-json` is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given, settings

from hermes_tui.formats.readers.gemini_stream import FORMAT
from hermes_tui.log.summary import fold_run, summarise
from hermes_tui.model.events import RequestFailed, SourceDefect
from tests.formats.foreign import (
    any_json,
    calls,
    counts,
    dialog,
    ended,
    format_of,
    lines,
    messages,
    only,
    read_bytes,
    read_value,
    results,
    runs,
    sample,
)

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "gemini_cli"
WHEN = {"timestamp": "2026-11-22T12:00:00Z"}


def test_a_stream_is_a_run_with_its_calls_and_their_answers() -> None:
    data = (FIXTURES / "stream_full.jsonl").read_bytes()
    assert format_of(data) == "gemini-stream-json"
    events = read_bytes(FORMAT, data)
    assert only(events, SourceDefect) == []
    assert counts(events) == (1, 8, 4)
    assert [text for role, text in dialog(events) if role != "tool"] == [
        "Add 20 and 22, then read the note",
        "TEXT-0",
        "TEXT-1",
        "FINAL 42",
    ]
    assert [answer.call_id for answer in results(events)] == [call.id for call in calls(events)]
    assert [bool(answer.error) for answer in results(events)] == [False, False, True, True]
    [run] = runs(events)
    assert (run.model, run.task) == ("gm-full", "Add 20 and 22, then read the note")
    row = summarise(fold_run(events)[0])
    assert (row.status, row.prompt_tokens, row.completion_tokens) == ("ok", 303, 33)


def test_a_refusal_by_the_server_is_reported() -> None:
    events = read_bytes(FORMAT, (FIXTURES / "stream_fail.jsonl").read_bytes())
    [failure] = only(events, RequestFailed)
    assert "400 bad" in failure.message
    assert ended(events).status == "error"


def test_a_count_of_tokens_that_none_can_be_is_unknown() -> None:
    stats = {"input_tokens": 1e300, "output_tokens": "7", "cached": 2**53}
    usage = ended(read_bytes(FORMAT, lines({"type": "result", "stats": stats, **WHEN}))).usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens) == (None, 7, None)


def test_pieces_of_a_text_are_one_message_and_new_kinds_are_shown() -> None:
    piece = {"type": "message", "role": "assistant", "delta": True, **WHEN}
    rows = [
        {"type": "init", "session_id": "s", "model": "m", **WHEN},
        {**piece, "content": "It "},
        {**piece, "content": "is"},
        {"type": "error", "severity": "warning", "message": "loop detected", **WHEN},
        {"type": "new_kind", **WHEN},
        3,
    ]
    events = read_bytes(FORMAT, lines(*rows))
    assert [message.text[:9] for message in messages(events)] == ["It is", '{"type":"']
    assert [one.message for one in only(events, RequestFailed)] == ["loop detected"]
    assert len(only(events, SourceDefect)) == 1


@given(any_json("id", "text"), any_json("message", "type"))
@settings(max_examples=100, deadline=None)
def test_reading_never_raises(value: Any, inner: Any) -> None:
    kinds = ("init", "message", "tool_use", "tool_result", "error", "result", "odd")
    held = {"content": value, "parameters": inner, "error": inner, "stats": inner, "message": value}
    rows = [{"type": kind, "role": "assistant", "tool_id": value, **held} for kind in kinds]
    for found in (value, [*rows, value, inner], *rows):
        FORMAT.sniff(sample(found))
        read_value(FORMAT, found)
