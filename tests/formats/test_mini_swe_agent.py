"""Three generations of mini-swe-agent files: their commands are calls, their endings distinct."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.framing import Layout, Unit
from hermes_tui.formats.readers.mini_swe_agent import FORMAT
from hermes_tui.log.summary import fold_run
from hermes_tui.model.diagnostics import Code
from hermes_tui.model.events import RequestFailed, RunEnded, SourceDefect, ToolReturned
from hermes_tui.model.spans import Span
from tests.formats.foreign import (
    any_json,
    calls,
    counts,
    counts_with_errors,
    document,
    found_codes,
    lines,
    messages,
    only,
    read_bytes,
    read_value,
    runs,
    sniffed,
)

HEAD = [{"role": "system", "content": "s"}, {"role": "user", "content": "Mend it."}]
REPLY = {"role": "assistant", "content": "THOUGHT: look\n\n```bash\nls -la\n```"}
OUTPUT = {"role": "user", "content": "<returncode>2</returncode>\n<output>\nno\n</output>"}
CALL = {"id": "c1", "type": "function", "function": {"name": "bash", "arguments": '{"command":1}'}}
USAGE = {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}}


def trajectory(*messages: dict[str, Any], version: str = "1.1", **info: Any) -> dict[str, Any]:
    return {
        "info": {"exit_status": "Submitted", **info},
        "messages": [*HEAD, *messages],
        "trajectory_format": f"mini-swe-agent-{version}",
        "instance_id": "org__repo-1",
    }


def replied(**fields: Any) -> dict[str, Any]:
    response = {
        "usage": USAGE,
        "choices": [{"finish_reason": "stop", "message": {"reasoning_content": "hm"}}],
    }
    extra = {"response": response, "cost": 0.5, "timestamp": 2e9, **fields}
    return {"role": "assistant", "content": "I look", "extra": extra}


@pytest.mark.parametrize("data", [document([*HEAD, REPLY, OUTPUT]), lines(*HEAD, REPLY, OUTPUT)])
def test_a_bare_list_is_distinguished_from_a_chat_by_its_fenced_commands(data: bytes) -> None:
    events = read_bytes(FORMAT, data)
    assert counts(events) == (1, 4, 1)
    assert calls(events)[0].arguments == {"command": "ls -la"}
    assert only(events, ToolReturned)[0].result.exit_code == 2


@pytest.mark.parametrize("version", ["1", "1.1", "1.2"])
def test_any_version_opens_and_a_fenced_command_is_a_call(version: str) -> None:
    events = read_bytes(FORMAT, document(trajectory(REPLY, OUTPUT, version=version)))
    call = calls(events)[0]
    text = messages(events)[2].text
    assert call.span is not None
    assert text[call.span.start : call.span.end] == "```bash\nls -la\n```"
    assert (call.name, runs(events)[0].run_id) == ("bash", "org__repo-1")


def test_native_calls_are_read_and_fences_ignored() -> None:
    reply = {**REPLY, "tool_calls": [CALL]}
    result = {
        "role": "tool",
        "tool_call_id": "c1",
        "content": "<returncode>-1</returncode>",
        "extra": {"returncode": -1, "exception_info": "command timed out"},
    }
    events = read_value(FORMAT, trajectory(reply, result))
    assert [call.id for call in calls(events)] == ["c1"]
    answer = only(events, ToolReturned)[0].result
    assert (answer.call_id, answer.exit_code) == ("c1", -1)
    assert answer.error is not None
    assert (answer.error.kind, answer.error.reason) == ("flag", "error: command timed out")


def test_actions_give_the_commands_if_nothing_is_fenced() -> None:
    events = read_value(FORMAT, trajectory(replied(actions=[{"command": "pwd"}, "id"])))
    assert [call.arguments for call in calls(events)] == [{"command": "pwd"}, {"command": "id"}]
    assert calls(events)[0].span is None


def test_a_reply_keeps_its_usage_cost_reasoning_and_time() -> None:
    events = read_value(FORMAT, trajectory(replied(), replied()))
    reply = messages(events)[2]
    assert reply.usage is not None
    assert (reply.usage.prompt_tokens, reply.usage.cost_usd, reply.time_s) == (9, 0.5, 2e9)
    assert [piece.text for piece in reply.reasoning] == ["hm"]
    total = only(events, RunEnded)[0].usage
    assert (total.prompt_tokens, total.cached_tokens, total.cost_usd) == (18, 8, 1.0)


def test_items_of_the_responses_api_are_messages_too() -> None:
    item = {"type": "function_call", "call_id": "c1", "name": "bash", "arguments": "{}"}
    reply = {"object": "response", "output": [item], "usage": {"input_tokens": 3}, "extra": {}}
    result = {"type": "function_call_output", "call_id": "c1", "output": "ok", "extra": {}}
    events = read_value(FORMAT, trajectory(reply, result))
    assert [message.role for message in messages(events)][2:] == ["assistant", "tool"]
    assert [call.id for call in calls(events)] == ["c1"]
    assert only(events, ToolReturned)[0].result.content == "ok"


def test_several_blocks_are_reported_because_the_agent_runs_none() -> None:
    text = "```bash\nls\n```\nand\n```bash\npwd\n```"
    events = read_value(FORMAT, trajectory({"role": "assistant", "content": text}, version="1"))
    assert len(calls(events)) == 2
    assert found_codes(events) == ["MULTI_PAYLOAD:error"]


def test_an_unclosed_block_is_reported() -> None:
    text = "look\n```mswea_bash_command\nls"
    events = read_value(FORMAT, trajectory({"role": "assistant", "content": text}, version="1"))
    found = next(event.diagnostics[0] for event in events if event.diagnostics)
    assert (found.code, found.span) == ("UNCLOSED", Span(5, len(text)))
    assert not calls(events)


def test_a_format_error_is_reported_as_a_bad_reply() -> None:
    error = {"role": "user", "content": "No.", "extra": {"interrupt_type": "FormatError"}}
    events = read_value(FORMAT, trajectory(error))
    assert found_codes(events) == ["REPLY_SHAPE:error"]
    assert messages(events)[2].flags == ("injected", "FormatError")


def test_a_refused_reply_is_shown_if_the_file_keeps_it() -> None:
    """mini-swe-agent 2.4.6 keeps it in the message that replaces it."""
    call = {"id": "c9", "type": "function", "function": {"name": "bash", "arguments": '{"a": }'}}
    reply = {"role": "assistant", "content": "I look.", "tool_calls": [call]}
    used = {"prompt_tokens": 101, "completion_tokens": 11}
    response = {"choices": [{"finish_reason": "tool_calls", "message": reply}], "usage": used}
    extra = {"interrupt_type": "FormatError", "cost": 0.5, "response": response}
    error = {"role": "user", "content": "Tool call error: no JSON", "extra": extra}
    events = read_value(FORMAT, trajectory(error))
    refused, notice = messages(events)[2:4]
    assert (refused.text, refused.flags) == ("I look.", ("refused",))
    assert refused.usage is not None and refused.usage.prompt_tokens == 101
    assert (notice.flags, notice.usage) == (("injected", "FormatError"), None)
    assert calls(events)[-1].arguments_text == '{"a": }'
    assert only(events, ToolReturned)[-1].result.call_id == "c9"
    found = found_codes(events)
    assert found == ["ARGS_INVALID:error", "TOOL_ERROR:error", "REPLY_SHAPE:error"]


def test_a_refused_text_reports_what_was_wrong_with_its_blocks() -> None:
    text = "```mswea_bash_command\nls\n```\n```mswea_bash_command\npwd\n```"
    response = {"choices": [{"message": {"role": "assistant", "content": text}}]}
    extra = {"interrupt_type": "FormatError", "response": response}
    events = read_value(FORMAT, trajectory({"role": "user", "content": "No.", "extra": extra}))
    assert found_codes(events) == ["MULTI_PAYLOAD:error", "REPLY_SHAPE:error"]


def test_a_run_ended_by_a_timeout_is_a_failed_request_and_not_empty() -> None:
    extra = {
        "exit_status": "Timeout",
        "exception_str": "litellm.Timeout: 600 s",
        "traceback": "Traceback (most recent call last):\n  litellm",
    }
    value = trajectory({"role": "exit", "content": "litellm.Timeout: 600 s", "extra": extra})
    value["info"] |= extra
    events = read_value(FORMAT, value)
    failure = only(events, RequestFailed)[0]
    assert (failure.turn, failure.message, failure.chain) == (
        1,
        extra["exception_str"],
        ("Timeout",),
    )
    assert only(events, RunEnded)[0].status == "error"


@pytest.mark.parametrize(
    ("exit_status", "status"),
    [
        ("Submitted", "ok"),
        ("LimitsExceeded", "truncated"),
        ("RuntimeError", "error"),
        ("", "unknown"),
    ],
)
def test_the_exit_status_determines_how_the_run_ended(exit_status: str, status: str) -> None:
    stats = {"instance_cost": 0.3, "api_calls": 7}
    value = trajectory(exit_status=exit_status, model_stats=stats, submission="diff")
    end = only(read_value(FORMAT, value), RunEnded)[0]
    assert (end.status, end.stop_reason, end.usage.cost_usd) == (status, exit_status, 0.3)
    assert end.details == {"submission": "diff", "api_calls": 7}


@pytest.mark.parametrize(
    "foreign",
    [
        [*HEAD, {"role": "assistant", "content": "```bash\nls\n```"}],
        [*HEAD, {"role": "assistant", "content": "Try this."}, OUTPUT],
        [{"messages": [*HEAD, REPLY, OUTPUT]}],
        [{"trajectory_format": "other-1", "messages": HEAD}],
    ],
)
def test_files_of_other_formats_are_not_claimed(foreign: list[Any]) -> None:
    assert sniffed(FORMAT, *foreign) == ""
    assert sniffed(FORMAT, foreign, layout=Layout.DOCUMENT) == ""


JSON = any_json("role", "content", "extra", "actions", "response", "choices", "message", "output")


@given(JSON, JSON)
@settings(max_examples=100, deadline=None)
def test_any_value_is_read_without_an_exception(first: Any, second: Any) -> None:
    wrapped = {"trajectory_format": "mini-swe-agent-1", "info": first, "messages": [second, first]}
    reply = trajectory({"role": "assistant", "content": "x", "extra": first}, config=second)
    for value in (first, wrapped, reply):
        sniffed(FORMAT, value)
        for unit in Unit:
            read_value(FORMAT, value, unit)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "expected", "errors"),
    [
        # The manifest counts no calls here: they are in the text, one in each reply.
        ("github_issue", (1, 22, 10), 2),
        ("deepseek_chat_dev_rerun-pylint-dev__astroid-1333", (1, 378, 188), 22),
        ("deepseek_reasoner_dev-pylint-dev__astroid-1333", (1, 3, 0), 0),
    ],
)
def test_real_trajectories_match_their_manifest(
    trajectories: Path, name: str, expected: tuple[int, int, int], errors: int
) -> None:
    data = (trajectories / "06b-mini-swe-agent" / f"{name}.traj.json").read_bytes()
    events = read_bytes(FORMAT, data)
    assert counts_with_errors(events) == (*expected, errors)
    assert not only(events, SourceDefect)


@pytest.mark.parametrize(("status", "unanswered"), [("Submitted", 0), ("LimitsExceeded", 1)])
def test_a_submission_answers_the_call_that_submitted_it(status: str, unanswered: int) -> None:
    text = '{"command": "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"}'
    function = {"name": "bash", "arguments": text}
    reply = {**REPLY, "tool_calls": [{**CALL, "function": function}]}
    leaves = {"role": "exit", "content": "diff", "extra": {"exit_status": status}}
    events = read_value(FORMAT, trajectory(reply, leaves, version="2.0"))
    state, _ = fold_run(events)
    assert state.codes[Code.CALL_UNANSWERED] == unanswered
    contents = [event.result.content for event in only(events, ToolReturned)]
    assert contents == ([] if unanswered else ["diff"])
