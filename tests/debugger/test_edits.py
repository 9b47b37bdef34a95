"""A person's changes take effect, and are recorded in the log."""

from __future__ import annotations

import pytest

from hermes_tui.debugger.effects import DispatchTool
from hermes_tui.debugger.inputs import (
    AddCall,
    DropCall,
    EditArguments,
    EditName,
    EditText,
    FailCall,
    Reopen,
    Resume,
    Retry,
    SkipCall,
    SubstituteResult,
    ToolRaised,
    ToolReplied,
)
from hermes_tui.debugger.stepping import RUN_MODE, StopPoint
from hermes_tui.log.event_log import MemoryLog
from hermes_tui.log.timeline import Timeline
from hermes_tui.model import events as ev
from hermes_tui.model.errors import IllegalCommand
from hermes_tui.model.events import MessageAppended
from tests.debugger.scenario import (
    LS,
    REQUEST,
    RM,
    Scenario,
    calls,
    length_before,
    replies,
    run_to,
    saw,
    says,
    task,
)

AFTER_RESULT = RUN_MODE | {StopPoint.AFTER_RESULT}


def test_edited_arguments_are_what_the_tool_receives() -> None:
    run = Scenario() >> task() >> calls(RM)
    (
        run
        >> EditArguments(0, '{"command": "ls"}')
        << saw(ev.ArgumentsEdited, before='{"command": "rm -rf /"}', after='{"command": "ls"}')
    )
    (
        run
        >> Resume()
        << (
            ev.Resumed,
            saw(ev.ToolDispatched, arguments='{"command": "ls"}'),
            DispatchTool(0, "c0", "terminal", '{"command": "ls"}'),
        )
    )


def test_an_edited_call_is_shown_to_the_model_as_its_own() -> None:
    run = Scenario() >> task() >> calls(RM) >> EditArguments(0, '{"command": "ls"}')
    run >> Resume() >> ToolReplied("a.txt")
    function = run.conversation()[1]["tool_calls"][0]["function"]
    assert function == {"name": "terminal", "arguments": '{"command": "ls"}'}


def test_a_renamed_call_is_dispatched_to_the_other_tool() -> None:
    run = Scenario() >> run_to() >> calls(("read_fil", {"path": "a"}))
    (
        run
        >> EditName(0, "read_file")
        << saw(ev.ArgumentsEdited, name_before="read_fil", name_after="read_file")
    )
    run >> Resume()
    assert run.effects == (DispatchTool(0, "c0", "read_file", '{"path": "a"}'),)


def test_a_call_that_ran_cannot_be_edited() -> None:
    run = Scenario() >> task(stop_points=AFTER_RESULT) >> calls(LS, LS) >> ToolReplied("a")
    run.refuses(EditArguments(0, "{}"))
    run.refuses(EditArguments(7, "{}"))
    run >> EditArguments(1, "{}") << ev.ArgumentsEdited


def test_a_skipped_call_is_answered_as_typed_and_marked() -> None:
    run = Scenario() >> task() >> calls(RM)
    (
        run
        >> SkipCall("nothing to delete", reason="too dangerous")
        << (
            saw(ev.CallSkipped, reason="too dangerous", result="nothing to delete"),
            saw(ev.Resumed, command="skip"),
            ev.ToolReturned,
            ev.MessageAppended,
            *REQUEST,
        )
    )
    assert run.conversation()[-1]["content"] == "nothing to delete"
    (message,) = [e.message for e in run.log if isinstance(e, MessageAppended)][-1:]
    assert message.flags == ("skipped",)


def test_a_failed_call_is_an_error_for_the_model() -> None:
    run = Scenario() >> task() >> calls(RM)
    (
        run
        >> FailCall("not allowed")
        << (
            saw(ev.CallSkipped, failed=True),
            saw(ev.Resumed, command="fail"),
            saw(ev.ToolFailed, exception="not allowed"),
            ev.ToolErrorRecorded,
            ev.MessageAppended,
            *REQUEST,
        )
    )
    assert run.conversation()[-1]["content"] == '{"error": "not allowed"}'


def test_a_substituted_result_is_what_the_model_sees() -> None:
    run = Scenario() >> task(stop_points=AFTER_RESULT) >> calls(LS) >> ToolReplied("secret")
    (
        run
        >> SubstituteResult("***")
        << (
            saw(ev.ResultSubstituted, before="secret", after="***"),
            ev.Resumed,
            saw(ev.MessageAppended, raw='{"role":"tool","tool_call_id":"c0","content":"***"}'),
            *REQUEST,
        )
    )
    (message,) = [e.message for e in run.log if isinstance(e, MessageAppended)][-1:]
    assert message.flags == ("substituted",)


def test_the_error_of_a_tool_can_be_replaced() -> None:
    run = Scenario() >> run_to("tool_error") >> calls(LS) >> ToolRaised("OSError: no")
    assert run.session.state.stop.stop_point == "tool_error"
    run >> SubstituteResult("fine")
    assert run.conversation()[-1]["content"] == "fine"


def test_a_dropped_call_leaves_no_trace_in_the_conversation() -> None:
    run = Scenario() >> task() >> calls(RM, LS)
    (
        run
        >> DropCall(0)
        << (
            ev.CallDropped,
            saw(ev.Resumed, command="drop"),
            saw(ev.Stopped, stop_point="before_dispatch", call_index=1),
        )
    )
    run >> Resume() >> ToolReplied("a")
    assert [call["id"] for call in run.conversation()[1]["tool_calls"]] == ["c1"]
    assert run.findings() == []


def test_another_call_is_dropped_while_the_run_stays_at_its_stop() -> None:
    run = Scenario() >> task() >> calls(LS, RM) >> DropCall(1) << ev.CallDropped
    run >> Resume() >> ToolReplied("a")
    assert len(run.conversation()[1]["tool_calls"]) == 1


def test_a_run_whose_calls_are_all_dropped_is_finished() -> None:
    run = Scenario() >> task() >> calls(RM) >> DropCall(0)
    assert isinstance(run.log[-1], ev.RunEnded)


def test_an_added_call_runs_after_the_others() -> None:
    run = Scenario() >> task() >> calls(LS)
    run >> AddCall("read_file", '{"path": "a"}') << ev.ToolCallProposed
    run >> Resume() >> ToolReplied("a") >> Resume()
    (dispatch,) = run.effects
    assert isinstance(dispatch, DispatchTool)
    assert (dispatch.call_index, dispatch.name) == (1, "read_file")
    run >> ToolReplied("b")
    assert len(run.conversation()[1]["tool_calls"]) == 2


def test_a_call_can_be_added_to_a_final_answer() -> None:
    run = Scenario() >> run_to("after_response") >> says("done") >> AddCall("read_file")
    run >> Resume()
    assert isinstance(run.effects[0], DispatchTool)


@pytest.mark.parametrize("mode", ["strict", "faithful"])
def test_a_call_added_from_the_text_is_not_sent_in_the_text_too(mode: str) -> None:
    run = Scenario() >> run_to("after_response", mode=mode) >> says("I look. [TOOL_CALLS] []")
    run >> AddCall("terminal", '{"command": "ls"}', "vllm/mistral", "I look. ") >> Resume()
    run >> ToolReplied("a")
    reply = run.conversation()[1]
    assert (reply["content"], len(reply["tool_calls"])) == ("I look. ", 1)
    assert run.reopened().session.state == run.session.state


def test_a_discarded_reply_leaves_no_open_calls() -> None:
    run = Scenario() >> run_to("after_response once") >> calls(RM) >> Retry()
    run >> calls(LS) >> ToolReplied("a") >> says("done")
    assert run.findings() == []


@pytest.mark.parametrize("given", [SkipCall("x"), FailCall("x"), SubstituteResult("x")])
def test_answers_require_a_stop_at_a_call(given: SkipCall) -> None:
    (Scenario() >> run_to("after_response") >> calls(LS)).refuses(given)


CALL = '<tool_call>{"name": "terminal", "arguments": {"command": "ls"}}</tool_call>'


def test_an_edited_text_is_read_again_while_the_run_stays_at_its_stop() -> None:
    run = Scenario() >> run_to(parser="hermes") >> says(CALL[:30])
    assert run.session.state.stop.stop_point == "parse_failure"
    run >> EditText(f"I look. {CALL}")
    run << (
        saw(ev.TextEdited, before=CALL[:30], after=f"I look. {CALL}"),
        saw(ev.ResponseParsed, parser="hermes", calls=1, content="I look."),
        ev.MessageAppended,
        ev.ToolCallProposed,
        saw(ev.Stopped, stop_point="after_response"),
    )
    assert run.reopened().session.state == run.session.state
    run >> Resume()
    assert isinstance(run.effects[0], DispatchTool)
    run >> ToolReplied("a")
    assert run.conversation()[1]["content"] == "I look."
    assert "CALL_UNANSWERED" not in run.findings()


def test_an_edited_text_is_counted_and_shown_once() -> None:
    run = Scenario() >> run_to("after_response") >> calls(LS, text="one") >> EditText("two")
    lines = Timeline(MemoryLog(run.log))
    lines.advance()
    assert (lines.state.turn, lines.state.messages, lines.state.calls) == (1, 2, 1)
    row = lines.turn_row(1)
    assert row is not None
    shown = lines.event(row)
    assert isinstance(shown, MessageAppended)
    assert (shown.message.text, shown.message.flags) == ("two", ("edited",))
    assert len(lines.call_rows(1)) == 1
    assert "ID_DUPLICATE" not in run.findings()


def test_native_calls_stay_when_the_text_is_edited() -> None:
    run = Scenario() >> run_to("after_response") >> calls(RM, LS, text="one")
    run >> EditArguments(0, '{"command": "pwd"}') >> DropCall(1) >> EditText("two") >> Resume()
    assert run.effects == (DispatchTool(0, "c0", "terminal", '{"command": "pwd"}'),)
    run >> ToolReplied("/")
    reply = run.conversation()[1]
    assert (reply["content"], len(reply["tool_calls"])) == ("two", 1)


def test_separate_reasoning_stays_when_the_text_is_edited() -> None:
    run = Scenario() >> run_to("after_response")
    run >> replies({"content": "one", "reasoning": "hm"}) >> EditText("<think>so</think>two")
    (message,) = [e.message for e in run.log if isinstance(e, MessageAppended)][-1:]
    assert [piece.text for piece in message.reasoning] == ["so", "hm"]


def test_a_log_cut_in_an_edited_reply_requests_the_reply_again() -> None:
    run = Scenario() >> run_to("after_response") >> calls(LS, text="one") >> EditText("two")
    again = run.reopened(length_before(run, ev.ToolCallProposed)) >> Reopen()
    again << (ev.ReplyDiscarded, saw(ev.Stopped, stop_point="recovery"))
    again >> Resume() << (ev.Resumed, *REQUEST)


def test_a_text_can_be_edited_in_faithful_mode_too() -> None:
    run = Scenario() >> run_to("after_response", mode="faithful") >> calls(LS, text="one")
    run >> EditText("two") >> Resume() >> ToolReplied("a")
    reply = run.conversation()[1]
    assert (reply["content"], reply["tool_calls"][0]["id"]) == ("two", "c0")


def test_edits_of_calls_are_sent_in_faithful_mode_too() -> None:
    run = Scenario() >> task(mode="faithful") >> calls(RM, LS)
    run >> EditArguments(0, '{"command": "pwd"}') >> DropCall(1) >> AddCall("read_file") >> Resume()
    assert run.effects == (DispatchTool(0, "c0", "terminal", '{"command": "pwd"}'),)
    run >> ToolReplied("/") >> Resume() >> ToolReplied("b")
    _, reply, *results = run.conversation()
    assert [call["function"]["name"] for call in reply["tool_calls"]] == ["terminal", "read_file"]
    assert [call["id"] for call in reply["tool_calls"]] == [one["tool_call_id"] for one in results]


@pytest.mark.parametrize("stop", ["before_dispatch", "after_result", "turn_end"])
def test_a_turn_in_which_no_tool_ran_can_be_retried_anywhere(stop: str) -> None:
    refused = Scenario() >> task(stop_points=frozenset({StopPoint(stop)})) >> calls(("nope", {}))
    assert refused.session.state.stop.stop_point == stop
    refused >> Retry()
    assert isinstance(refused.outputs[0], ev.ReplyDiscarded)
    assert len(refused.conversation()) == 1
    refused >> says("done")
    assert "CALL_UNANSWERED" not in refused.findings()


def test_a_turn_in_which_a_tool_ran_is_forked_and_not_retried() -> None:
    run = Scenario() >> task(stop_points=RUN_MODE | {StopPoint.TURN_END}) >> calls(LS)
    run >> ToolReplied("a")
    with pytest.raises(IllegalCommand, match="fork before it") as refused:
        run >> Retry()
    assert "fork" in refused.value.allowed


def test_an_answered_tool_is_run_again_and_its_first_answer_stays_in_the_log() -> None:
    run = Scenario() >> task(stop_points=AFTER_RESULT) >> calls(LS) >> ToolReplied("first")
    run >> Retry() << (saw(ev.Resumed, command="retry"), ev.ToolDispatched, DispatchTool)
    run >> ToolReplied("second") << (ev.ToolReturned, saw(ev.Stopped, stop_point="after_result"))
    run >> Resume()
    assert run.conversation()[-1]["content"] == "second"
    assert len([event for event in run.log if isinstance(event, ev.ToolReturned)]) == 2
    assert run.findings() == []


def test_a_retried_turn_is_counted_once() -> None:
    run = Scenario() >> run_to("after_response once") >> calls(RM) >> Retry()
    run >> calls(LS) >> ToolReplied("a") >> says("done")
    lines = Timeline(MemoryLog(run.log, complete=True))
    lines.advance()
    assert lines.state.turn == run.session.state.turn == 2
    rows = [lines.turn_row(turn) for turn in (1, 2, 3)]
    assert rows[2] is None
    assert rows[0] is not None
    assert len(lines.call_rows(1)) == 1
    assert run.findings() == []
