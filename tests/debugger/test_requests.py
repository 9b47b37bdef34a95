"""The contents of a request, and what happens if it fails."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from hermes_tui.debugger.effects import Finish, SendRequest
from hermes_tui.debugger.inputs import (
    EditArguments,
    EditMessage,
    ModelReplied,
    Reopen,
    RequestFailed,
    Resume,
    Retry,
    SetParameters,
    Start,
    Terminate,
    ToolReplied,
)
from hermes_tui.debugger.requests import request_body
from hermes_tui.debugger.stepping import RUN_MODE
from hermes_tui.log.codec import decode, encode
from hermes_tui.model import events as ev
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.errors import UsageError
from hermes_tui.model.messages import Usage
from hermes_tui.runtime.servers.base import Request
from tests.debugger.scenario import (
    LS,
    REQUEST,
    Scenario,
    calls,
    replied,
    replies,
    run_to,
    saw,
    says,
    stopped,
    task,
)

PARAMETERS = {"model": "m", "temperature": 0.7}
PARAMETERS_TEXT = '{"model":"m","temperature":0.7}'
AGAIN = {"retryable": True}


def sent(run: Scenario) -> SendRequest:
    (request,) = run.effects
    assert isinstance(request, SendRequest)
    return request


def with_parameters(**fields: Any) -> Start:
    return run_to(parameters=PARAMETERS, url="http://127.0.0.1/v1", **fields)


def test_parameters_are_sent_with_every_request_and_recorded_once() -> None:
    run = Scenario() >> with_parameters()
    assert sent(run).parameters == PARAMETERS_TEXT
    run >> calls(LS) >> ToolReplied("a")
    assert sent(run).parameters == PARAMETERS_TEXT
    first, second = [event for event in run.log if isinstance(event, ev.RequestSent)]
    assert (first.parameters, first.messages, first.url) == (
        PARAMETERS_TEXT,
        1,
        "http://127.0.0.1/v1",
    )
    assert (second.parameters, second.messages) == ("", 3)


def test_the_log_holds_everything_that_a_run_was_started_with() -> None:
    run = Scenario() >> with_parameters(
        parser="hermes", retries=2, manual=frozenset({"read_file"}), valid_names=frozenset({"x"})
    )
    state = run.reopened().session.state
    assert state == run.session.state
    assert (state.retries, state.parser, state.names) == (2, "hermes", frozenset({"x"}))


def test_names_that_may_be_called_need_not_be_those_declared() -> None:
    run = Scenario() >> run_to(tools=None, valid_names=frozenset({"terminal"}))
    run >> calls(("read_file", {}))
    assert run.session.state.stop.stop_point == "unknown_tool"


def test_changed_parameters_apply_from_the_next_request_on() -> None:
    run = Scenario() >> task(parameters=PARAMETERS, stop_points=RUN_MODE) >> calls(("nope", {}))
    run >> SetParameters({"model": "m", "temperature": 0})
    run << saw(ev.ParametersChanged, before=PARAMETERS_TEXT, after='{"model":"m","temperature":0}')
    run >> Resume()
    assert sent(run).parameters == '{"model":"m","temperature":0}'
    assert isinstance(run.log[-1], ev.RequestSent)
    assert run.log[-1].parameters == sent(run).parameters


def test_a_turn_can_be_retried_with_other_parameters() -> None:
    run = Scenario() >> with_parameters() >> says("I was ab", finish="length")
    run >> Retry({"model": "m", "max_tokens": 9000})
    run << (ev.ParametersChanged, ev.ReplyDiscarded, ev.Resumed, *REQUEST)
    assert json.loads(sent(run).parameters) == {"model": "m", "max_tokens": 9000}


def test_a_retryable_request_is_sent_again_without_asking() -> None:
    run = Scenario() >> with_parameters(retries=2)
    run >> RequestFailed("503", **AGAIN) << (ev.RequestFailed, *REQUEST)
    assert (sent(run).attempt, sent(run).delay_s) == (2, 0.5)
    assert run.reopened().session.effects_due() == run.effects
    run >> RequestFailed("503", **AGAIN)
    assert (sent(run).attempt, sent(run).delay_s) == (3, 1.0)
    run >> RequestFailed("503", **AGAIN) << (ev.RequestFailed, stopped("request_failed"))
    run >> Retry()
    assert (sent(run).attempt, sent(run).delay_s) == (4, 0.0)


def test_attempts_cancelled_by_hand_do_not_count_as_retries() -> None:
    run = Scenario() >> with_parameters(retries=1)
    run >> RequestFailed("cancelled by hand", by="you") >> Retry()
    assert sent(run).attempt == 2
    run >> RequestFailed("503", **AGAIN) << (ev.RequestFailed, *REQUEST)
    assert (sent(run).attempt, sent(run).delay_s) == (3, 0.5)
    assert run.reopened().session.state == run.session.state
    run >> RequestFailed("503", **AGAIN) << (ev.RequestFailed, stopped("request_failed"))


def test_the_delay_is_the_one_that_the_server_requests() -> None:
    run = Scenario() >> with_parameters(retries=1)
    run >> RequestFailed("429", retry_in_s=20.0, **AGAIN)
    assert sent(run).delay_s == 20.0


def test_a_failure_that_cannot_be_retried_stops_at_once() -> None:
    run = Scenario() >> with_parameters(retries=5) >> RequestFailed("401", status=401)
    run << (ev.RequestFailed, stopped("request_failed"))


def test_a_breakpoint_stops_before_a_request_is_sent_again() -> None:
    run = Scenario() >> run_to("request_failed", "before_request if attempt > 1", retries=3)
    run >> RequestFailed("503", **AGAIN) << (ev.RequestFailed, stopped("request_failed"))
    run >> Resume() << (ev.Resumed, stopped("before_request"))
    run >> Resume() << (ev.Resumed, *REQUEST)


def test_diagnostics_of_replies_and_failures_are_kept() -> None:
    found = Diagnostic(Code.STREAM_CUT, Severity.ERROR, "the stream broke off")
    run = Scenario() >> run_to() >> ModelReplied("", {"content": "x"}, diagnostics=(found,))
    assert any(found in e.diagnostics for e in run.log if isinstance(e, ev.ResponseReceived))
    run = Scenario() >> run_to() >> RequestFailed("cut", diagnostics=(found,))
    assert run.findings() == ["STREAM_CUT"]


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": 3, "completion_tokens": 4},
        {"input_tokens": 3, "output_tokens": 4},
        SimpleNamespace(prompt_tokens=3, completion_tokens=4),
        Usage(3, 4),
    ],
)
def test_usage_is_read_in_any_form(usage: Any) -> None:
    run = Scenario() >> run_to() >> ModelReplied("", {"content": "x"}, usage=usage)
    (received,) = [event for event in run.log if isinstance(event, ev.ResponseReceived)]
    assert received.usage == Usage(3, 4)


@pytest.mark.parametrize("message", [None, "text", 5, [], True])
def test_a_malformed_message_stops_and_loses_nothing(message: Any) -> None:
    run = Scenario() >> run_to() >> replies(message)
    assert run.session.state.stop.stop_point == "parse_failure"
    assert "REPLY_SHAPE" in run.findings()


def test_messages_of_the_next_request_can_be_edited_added_and_removed() -> None:
    run = Scenario() >> run_to("before_request if turn == 2") >> calls(LS) >> ToolReplied("a")
    run >> EditMessage(0, '{"role": "user", "content": "stop"}')
    run << saw(ev.MessageEdited, index=0, before='{"role":"user","content":"go"}')
    run >> EditMessage(3, '{"role": "user", "content": "and be short"}')
    run >> EditMessage(2, "")
    assert run.reopened().session.state == run.session.state
    run >> Resume()
    assert [message["role"] for message in run.conversation()] == ["user", "assistant", "user"]
    assert run.conversation()[0]["content"] == "stop"
    run >> says("done")
    assert run.session.state.phase == "ended"


def test_an_edited_message_stays_edited_in_later_turns() -> None:
    run = Scenario() >> run_to("before_request if turn == 1")
    run >> EditMessage(0, '{"role": "user", "content": "other"}') >> Resume()
    run >> calls(LS) >> ToolReplied("a")
    assert run.conversation()[0]["content"] == "other"


def test_messages_of_a_failed_request_can_be_edited() -> None:
    run = Scenario() >> run_to() >> RequestFailed("400: too long")
    run >> EditMessage(0, '{"role": "user", "content": "shorter"}') >> Retry()
    assert run.conversation() == [{"role": "user", "content": "shorter"}]


@pytest.mark.parametrize(
    ("index", "after"), [(0, "{oops"), (0, "[]"), (0, "5"), (2, "{}"), (-1, "{}"), (1, "")]
)
def test_an_edit_that_gives_no_message_is_refused_with_the_reason(index: int, after: str) -> None:
    run = Scenario() >> run_to("before_request")
    before = len(run.log)
    with pytest.raises(UsageError, match="message"):
        run >> EditMessage(index, after)
    assert len(run.log) == before


def test_a_run_can_be_ended_with_a_reason() -> None:
    run = Scenario() >> run_to() >> calls(LS) >> Terminate("budget")
    assert saw(ev.RunEnded, status="truncated", stop_reason="budget").matches(run.log[-1])
    assert Finish("budget") in run.effects


def test_a_tool_that_a_person_answers_stops_in_any_mode() -> None:
    run = Scenario() >> run_to(manual=frozenset({"terminal"})) >> calls(("read_file", {}), LS)
    run >> ToolReplied("x")
    assert (run.session.state.stop.stop_point, run.session.state.stop.call_index) == ("manual", 1)


def test_the_reply_to_a_retried_request_is_read_as_usual() -> None:
    run = Scenario() >> run_to(retries=1) >> RequestFailed("503", **AGAIN) >> says("done")
    assert run.outputs[: len(replied())]
    assert run.session.state.phase == "ended"


def test_a_waiting_request_is_due_again_when_reopened() -> None:
    run = Scenario() >> run_to(retries=1) >> RequestFailed("503", **AGAIN)
    again = run.reopened() >> Reopen() << stopped("recovery")
    again >> Resume()
    assert (sent(again).attempt, sent(again).delay_s) == (3, 0.0)


def test_request_bodies_are_rebuilt_from_the_log_as_they_were_sent() -> None:
    run = Scenario() >> task(parameters=PARAMETERS, stop_points=frozenset(RUN_MODE))
    bodies = [request_of(sent(run))]
    run >> calls(LS) >> ToolReplied("a")
    bodies.append(request_of(sent(run)))
    run >> calls(("nope", {})) >> EditArguments(0, '{"x": 1}') >> SetParameters({}) >> Resume()
    bodies.append(request_of(sent(run)))
    log = [decode(encode(event)) for event in run.log]
    found = [request_body(log, seq) for seq in range(len(log))]
    assert [body for body in found if body] == bodies
    assert all(json.loads(body)["messages"] for body in bodies)


def request_of(effect: SendRequest) -> str:
    request = Request(effect.turn, effect.attempt, effect.messages, effect.parameters)
    return request.body.decode()


def test_a_message_shows_how_its_reply_ended_and_what_it_cost() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 4}
    reply = ModelReplied("", {"content": "I was ab"}, finish_reason="length", usage=usage)
    for mode in ("strict", "faithful"):
        run = Scenario() >> run_to(mode=mode) >> reply
        (message,) = [e.message for e in run.log if isinstance(e, ev.MessageAppended)][-1:]
        assert (message.finish_reason, message.usage) == ("length", Usage(3, 4))
        assert run.findings() == ["TRUNCATED"]
        assert run.session.state.stop.stop_point == "truncated"
