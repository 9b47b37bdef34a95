"""A run that ends where a reply was due is reported; one that ends by design is not."""

from __future__ import annotations

from typing import Any

import pytest

from hermes_tui.log.summary import fold_run
from hermes_tui.model import events as ev
from hermes_tui.model.diagnostics import Code, Severity
from tests.log.runs import answer, call, says

CALLED = [says("user", "hi"), says("assistant", calls=1), call("terminal", "c1")]
ANSWERED = [*CALLED, answer(call_id="c1"), says("tool", "ok", results=1)]
DONE = [*ANSWERED, says("assistant", "done")]


def findings(*events: ev.Event, source: str = "openai-messages") -> list[tuple[Severity, str, int]]:
    run = [ev.RunStarted(seq=0, source_format=source), *events]
    numbered = [ev.copy_event(event, seq=seq) for seq, event in enumerate(run)]
    found = (one for one in fold_run(numbered)[1] if one.code is Code.NO_ANSWER)
    return [(one.severity, one.message, one.number) for one in found]


def end(**fields: Any) -> ev.RunEnded:
    return ev.RunEnded(seq=0, **fields)


RESULT = (Severity.NOTE, "the run ends with a result that the model did not answer", 3)
USER = (Severity.NOTE, "the run ends with a user's message that got no reply", 5)
AWAITED = (Severity.WARNING, "the run breaks off while waiting for a reply", 3)
SILENT = (Severity.WARNING, "the run contains no reply of the model", 1)


def test_a_recording_cut_off_while_a_reply_is_awaited_is_a_warning() -> None:
    asked = ev.RequestSent(seq=0, turn=2)
    assert findings(*ANSWERED, asked, source="native") == [AWAITED]
    received = ev.ResponseReceived(seq=0)
    assert findings(*ANSWERED, asked, received, says("assistant", "done"), source="native") == []
    assert findings(*ANSWERED, asked, end(status="failed", stop_reason="stopped")) == []
    assert findings(*ANSWERED, asked, ev.RequestFailed(seq=0, message="HTTP 500")) == []


def test_a_recording_that_waits_at_a_stop_gets_no_finding() -> None:
    assert findings(*ANSWERED, ev.Stopped(seq=0, stop_point="turn_end"), source="native") == []


def test_a_run_without_any_reply_is_a_warning_but_a_prompt_is_not() -> None:
    prompt = says("user", "hi")
    assert findings(prompt, end(reward=0.0)) == [SILENT]
    assert findings(prompt) == []
    assert findings(prompt, end(status="error", stop_reason="timeout")) == []


def test_an_unanswered_result_at_the_end_is_a_note() -> None:
    assert findings(*ANSWERED) == [RESULT]
    assert findings(*ANSWERED, end(reward=0.0)) == [RESULT]
    assert findings(*DONE) == []


@pytest.mark.parametrize(
    "how", [{"status": "ok"}, {"status": "truncated"}, {"stop_reason": "max_turns"}]
)
def test_there_is_no_finding_if_the_source_says_how_the_run_ended(how: dict[str, Any]) -> None:
    assert findings(*ANSWERED, end(**how)) == []


@pytest.mark.parametrize("tool", ["submit", "final_answer", "finishTask", "transfer_to_agent"])
def test_a_tool_that_takes_the_final_answer_ends_a_run(tool: str) -> None:
    handed_in = [says("assistant", calls=1), call(tool, "c1"), answer(call_id="c1")]
    assert findings(*handed_in, says("tool", "ok", results=1)) == []


def test_an_unanswered_user_message_in_an_agent_run_is_a_note() -> None:
    assert findings(*DONE, says("user", "and now?")) == [USER]


def test_a_last_message_of_a_chat_an_environment_or_an_injection_needs_no_reply() -> None:
    talk = [says("user", "hi"), says("assistant", "hello"), says("user", "and now?")]
    assert findings(*talk) == []
    assert findings(*DONE, says("user", "you lost"), end(reward=-1.0)) == []
    assert findings(*DONE, says("user", "<bash-stdout>", flags=("injected",))) == []
    assert findings(*DONE, says("state_info", "{}")) == []
