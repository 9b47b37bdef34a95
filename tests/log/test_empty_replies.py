"""An empty reply is reported, wherever the run comes from."""

from __future__ import annotations

import pytest

from hermes_tui.log.empty_replies import empty_message_finding
from hermes_tui.log.summary import fold_run
from hermes_tui.model import events as ev
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.messages import ContentPart, Message, Reasoning, ToolSpec, Usage
from tests.log.runs import call, says

TERMINAL = (ToolSpec("terminal"),)


def findings(
    *events: ev.Event, tools: tuple[ToolSpec, ...] = TERMINAL
) -> list[tuple[Code, Severity]]:
    run = [ev.RunStarted(seq=0, tools=tools), says("user", "hi"), *events]
    numbered = [ev.copy_event(event, seq=seq) for seq, event in enumerate(run)]
    return [(found.code, found.severity) for found in fold_run(numbered)[1]]


def cost(tokens: int | None, reasoning: int | None = None) -> Usage:
    return Usage(completion_tokens=tokens, reasoning_tokens=reasoning)


@pytest.mark.parametrize(
    ("usage", "tools", "severity"),
    [
        (cost(48), TERMINAL, Severity.ERROR),
        (cost(48), (), Severity.WARNING),
        (cost(2), TERMINAL, Severity.WARNING),
        (cost(48, 46), TERMINAL, Severity.WARNING),
        (None, TERMINAL, Severity.WARNING),
    ],
)
def test_an_empty_reply_is_an_error_if_it_cost_tokens_that_were_probably_a_call(
    usage: Usage | None, tools: tuple[ToolSpec, ...], severity: Severity
) -> None:
    found = findings(says("assistant", " \n", usage=usage), tools=tools)
    assert found == [(Code.REPLY_SHAPE, severity)]


@pytest.mark.parametrize(
    "fields",
    [
        {"text": "done"},
        {"reasoning": (Reasoning("reasoning", "why"),)},
        {"parts": (ContentPart("image", "[image]"),)},
        {"calls": 1},
        {"flags": ("edited",)},
        {"flags": ("partial",)},
    ],
)
def test_a_reply_with_any_content_or_that_was_altered_is_not_empty(
    fields: dict[str, object],
) -> None:
    assert findings(says("assistant", **{"text": "", **fields})) == []


def test_a_reply_whose_calls_are_separate_events_is_not_empty() -> None:
    assert findings(says("assistant"), call("terminal"), says("tool", "ok", results=1)) == [
        (Code.CALL_UNANSWERED, Severity.WARNING)
    ]


def test_an_empty_reply_is_not_reported_next_to_the_error_that_explains_it() -> None:
    cut = Diagnostic(Code.TRUNCATED, Severity.ERROR, "the reply was cut")
    empty = ev.MessageAppended(seq=0, message=Message("assistant", ""), diagnostics=(cut,))
    assert findings(empty) == [(Code.TRUNCATED, Severity.ERROR)]


def test_the_cost_is_taken_from_the_response_or_from_the_end_of_a_run_with_one_reply() -> None:
    received = ev.ResponseReceived(seq=0, usage=cost(48))
    error = (Code.REPLY_SHAPE, Severity.ERROR)
    assert findings(received, says("assistant")) == [error]
    assert findings(says("assistant"), ev.RunEnded(seq=0, usage=cost(48))) == [error]
    so_far = [received, says("assistant", "so"), says("user", "and?")]
    assert findings(*so_far, says("assistant"), ev.RunEnded(seq=0, usage=cost(48))) == [
        (Code.REPLY_SHAPE, Severity.WARNING)
    ]


def test_an_empty_reply_is_not_reported_if_its_response_broke_off() -> None:
    cut = Diagnostic(Code.STREAM_CUT, Severity.ERROR, "the stream broke off")
    received = ev.ResponseReceived(seq=0, diagnostics=(cut,))
    assert findings(received, says("assistant")) == [(Code.STREAM_CUT, Severity.ERROR)]


def test_an_empty_reply_that_the_model_refused_blames_no_parser() -> None:
    refused = Message("assistant", "", finish_reason="refusal", usage=cost(48))
    found = empty_message_finding(refused, tools=True)
    assert found is not None and found.severity is Severity.WARNING
    assert "refused" in found.message and not found.hint
