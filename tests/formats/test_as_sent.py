"""A run that a person edited is exported as the model received it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hermes_tui.debugger import inputs as given
from hermes_tui.debugger.requests import request_body
from hermes_tui.debugger.session import Session
from hermes_tui.formats.writers import openai
from hermes_tui.formats.writers.changes import Changes
from hermes_tui.formats.writers.registry import WRITERS
from hermes_tui.log.codec import decode
from hermes_tui.model.events import Event, RequestSent, ToolReturned
from hermes_tui.model.messages import ToolResult
from tests.debugger.scenario import LS, RM, Scenario, calls, run_to, says, task

LEFT_IN_TEXT = 'So.\n<tool_call>{"name": "terminal", "arguments": {"command": "rm"}}</tool_call>'


def exported(events: list[Event], changes: Changes | None = None) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = json.loads(openai.write(events, changes=changes))["messages"]
    return messages


def named(message: dict[str, Any]) -> list[tuple[str, str]]:
    functions = [call["function"] for call in message.get("tool_calls", ())]
    return [(function["name"], function["arguments"]) for function in functions]


def test_an_edited_call_is_exported_as_it_ran() -> None:
    run = Scenario() >> task() >> calls(RM) >> given.EditArguments(0, '{"command": "ls"}')
    run >> given.EditName(0, "read_file") >> given.Resume() >> given.ToolReplied("a.txt")
    assert named(exported(run.log)[1]) == [("read_file", '{"command": "ls"}')]


def test_no_format_exports_a_dropped_call() -> None:
    run = Scenario() >> task() >> calls(LS, RM) >> given.DropCall(1)
    run >> given.Resume() >> given.ToolReplied("a.txt")
    assert named(exported(run.log)[1]) == [("terminal", '{"command": "ls"}')]
    for to in ("openai", "sharegpt", "atif"):
        assert "rm -rf" not in WRITERS[to](run.log), to


def test_an_added_call_is_part_of_the_reply_and_is_answered_once() -> None:
    run = Scenario() >> task() >> calls(LS) >> given.AddCall("read_file", '{"path": "a"}')
    run >> given.Resume() >> given.ToolReplied("a.txt")
    run >> given.Resume() >> given.ToolReplied("text")
    messages = exported(run.log)
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "tool"]
    assert [name for name, _ in named(messages[1])] == ["terminal", "read_file"]
    assert messages[3]["tool_call_id"] == messages[1]["tool_calls"][1]["id"]


def test_a_call_handed_over_from_the_text_is_not_exported_in_it_too() -> None:
    run = Scenario() >> run_to("after_response") >> says(LEFT_IN_TEXT)
    run >> given.AddCall("terminal", '{"command": "rm"}', "vllm/hermes", "So.") >> given.Resume()
    run >> given.ToolReplied("gone")
    reply = exported(run.log)[1]
    assert (reply["content"], named(reply)) == ("So.", [("terminal", '{"command": "rm"}')])
    assert [WRITERS[to](run.log).count("<tool_call>") for to in ("sharegpt", "atif")] == [1, 0]


def test_a_result_that_was_replaced_is_exported_as_the_model_saw_it() -> None:
    run = Scenario() >> run_to("after_result") >> calls(LS) >> given.ToolReplied("secret")
    run >> given.SubstituteResult("nothing here")
    assert exported(run.log)[-1]["content"] == "nothing here"


def test_the_last_result_of_a_tool_that_ran_twice_is_exported() -> None:
    run = Scenario() >> run_to("after_result") >> calls(LS) >> given.ToolReplied("busy")
    run >> given.Retry() >> given.ToolReplied("a.txt") >> given.Resume()
    assert [message["content"] for message in exported(run.log)[2:]] == ["a.txt"]


def test_an_edited_call_from_text_is_exported_only_in_tool_calls() -> None:
    run = Scenario() >> task(parser="auto") >> says(LEFT_IN_TEXT)
    run >> given.EditArguments(0, '{"command": "ls"}') >> given.Resume()
    if run.session.state.phase == "stopped":
        run >> given.Resume()
    reply = exported(run.log)[1]
    assert reply["content"] == "So."
    assert named(reply) == [("terminal", '{"command": "ls"}')]


def test_edited_added_and_removed_messages_are_exported_as_changed() -> None:
    run = Scenario() >> run_to("before_request if turn == 2") >> calls(LS) >> given.ToolReplied("a")
    run >> given.EditMessage(0, '{"role": "user", "content": "stop"}')
    run >> given.EditMessage(3, '{"role": "user", "content": "and be short"}')
    run >> given.EditMessage(2, "") >> given.Resume()
    assert [(m["role"], m["content"]) for m in exported(run.log)] == [
        ("user", "stop"), ("assistant", None), ("user", "and be short"),
    ]  # fmt: skip


def test_an_incomplete_reply_removes_no_earlier_message() -> None:
    run = Scenario() >> run_to() >> calls(LS) >> given.ToolReplied("a.txt") >> says("done")
    killed = Scenario(log=list(run.log[: len(run.log) - 2]))
    assert killed.session.state.phase != "ended"
    changes = Changes()
    reopened = Session.from_events(killed.log)
    events, _ = reopened.apply(given.Reopen(), now=0.0, new_id="x")
    messages = exported([*killed.log, *events], changes)
    assert [message["role"] for message in messages] == ["user", "assistant", "tool"]
    assert not changes


@pytest.mark.parametrize("name", ["steered.jsonl", "steered.fork-1.jsonl", "demo.jsonl"])
def test_recordings_are_exported_as_they_were_sent(name: str, transcripts: Path) -> None:
    lines = (transcripts / "recorded" / name).read_bytes().splitlines()
    log = [decode(line) for line in lines]
    last = max(seq for seq, event in enumerate(log) if isinstance(event, RequestSent))
    sent = json.loads(request_body(log, last))["messages"]
    messages = exported(log[: last + 1])
    assert [(m["role"], m["content"] or "", named(m)) for m in messages] == [
        (m["role"], m["content"], named(m)) for m in sent
    ]


def test_export_is_linear_in_the_results_without_a_message() -> None:
    results = [ToolReturned(seq=n, result=ToolResult("ok"), call_index=n) for n in range(30_000)]
    assert len(exported(results)) == len(results)
