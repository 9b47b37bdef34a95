"""Native calls at which a reply was cut: which of them are never run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hermes_tui.debugger.inputs import EditArguments, EditText, ModelReplied, Resume
from hermes_tui.model import events as ev
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from tests.debugger.scenario import DISPATCHED, LS, Scenario, calls, replies, run_to, stopped

BROKE_OFF = (Diagnostic(Code.STREAM_CUT, Severity.ERROR, "the connection broke off"),)


def cut(*named: tuple[str, Any]) -> ModelReplied:
    return replace(calls(*named), finish_reason="length")


@pytest.mark.parametrize("arguments", ["", " \n", None])
def test_a_last_call_whose_arguments_never_arrived_is_not_run(arguments: str | None) -> None:
    function = {"name": "read_file", "arguments": arguments}
    reply = replies({"tool_calls": [{"id": "c0", "function": function}]}, "length")
    run = Scenario() >> run_to() >> reply >> Resume()
    run << (ev.Resumed, stopped("invalid_args", 0))
    run >> Resume()
    (failed,) = [event for event in run.outputs if isinstance(event, ev.ToolFailed)]
    assert failed.exception == "The call was cut off before its end"


def test_a_call_without_the_arguments_field_in_a_broken_stream_is_not_run() -> None:
    message = {"tool_calls": [{"id": "c0", "function": {"name": "read_file"}}]}
    reply = replace(replies(message, "tool_calls"), diagnostics=BROKE_OFF)
    run = Scenario() >> run_to() >> reply >> Resume()
    run << (ev.Resumed, stopped("invalid_args", 0))


def test_only_the_last_call_of_a_cut_reply_counts_as_cut() -> None:
    run = Scenario() >> run_to() >> cut(("read_file", ""), ("read_file", "")) >> Resume()
    run << (ev.Resumed, *DISPATCHED)
    assert run.session.state.reply is not None
    assert [call.cut for call in run.session.state.reply.calls] == [False, True]


@pytest.mark.parametrize("reply", [cut(("read_file", "{}")), calls(("read_file", ""))])
def test_a_whole_call_without_arguments_is_run(reply: ModelReplied) -> None:
    run = Scenario() >> run_to() >> reply
    if reply.finish_reason == "length":
        run >> Resume()
    assert [type(event) for event in run.outputs][-2:] == list(DISPATCHED)


def test_a_call_cut_before_its_arguments_is_run_after_they_are_given() -> None:
    run = Scenario() >> run_to() >> cut(LS, ("read_file", "")) >> EditArguments(1, "{}")
    assert run.session.state.reply is not None
    assert not run.session.state.reply.calls[1].cut
    run >> EditText("another text")
    assert not run.session.state.reply.calls[1].cut
