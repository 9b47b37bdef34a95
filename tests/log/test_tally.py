"""The totals of a run: tools, tokens, time, labelled steps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hermes_tui.log.fold import RunState
from hermes_tui.log.summary import MAX_LISTED_TOOLS, RunSummary, summarise
from hermes_tui.log.tally import MAX_COUNTED_TOOLS, NO_NAME, OTHER_TOOLS, Tally
from hermes_tui.model.events import MessageAppended, ResponseReceived, RunEnded
from hermes_tui.model.messages import Message, ToolResult, Usage
from hermes_tui.runtime.opener import FoundRun, open_file, survey
from tests.log.runs import says, timeline
from tests.ui.opened import MESSAGES, call, write_run


def summary_of(path: Path) -> RunSummary:
    file = open_file(path)
    found = [step for step in survey(file) if isinstance(step, FoundRun)]
    file.close()
    return summarise(found[-1].state)


def reply(*calls: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": "ok", "tool_calls": list(calls)}


def test_tools_are_listed_with_their_calls_and_errors(tmp_path: Path) -> None:
    tools = summary_of(write_run(tmp_path / "run.json")).tools
    assert tools == (("read_file", 1, 0), ("terminal", 2, 0), ("terminl", 1, 1))


def test_an_error_counts_for_the_called_tool_and_not_for_the_name_in_the_result(
    tmp_path: Path,
) -> None:
    messages = [
        reply(call("c1", "terminal", {})),
        {"role": "tool", "tool_call_id": "c1", "name": "bash", "content": '{"error": "no"}'},
    ]
    assert summary_of(write_run(tmp_path / "run.json", messages)).tools == (("terminal", 1, 1),)


def test_the_tally_of_a_run_that_calls_ever_new_names_stays_small(tmp_path: Path) -> None:
    calls = [call(f"c{n}", f"tool-{n}", {}) for n in range(2 * MAX_COUNTED_TOOLS)]
    messages = [*MESSAGES[:2], reply(*calls)]
    tools = summary_of(write_run(tmp_path / "run.json", messages)).tools
    assert len(tools) == MAX_LISTED_TOOLS
    assert (OTHER_TOOLS, MAX_COUNTED_TOOLS, 0) in tools


def test_a_call_without_a_name_is_counted_as_such(tmp_path: Path) -> None:
    nameless = {"id": "c", "type": "function", "function": {"arguments": "{}"}}
    tools = summary_of(write_run(tmp_path / "run.json", [reply(nameless)])).tools
    assert tools == ((NO_NAME, 1, 0),)


def test_the_calls_of_a_discarded_reply_are_not_counted() -> None:
    tally = Tally()
    tally.reply()
    tally.call("terminal")
    tally.reply()
    tally.call("terminal")
    tally.call("read_file")
    tally.discard_reply()
    assert tally.tools == {"terminal": (1, 0)}


def test_a_copy_of_a_tally_does_not_change_with_it() -> None:
    tally = Tally()
    tally.call("terminal")
    copy = tally.copy()
    tally.call("terminal")
    assert copy.tools == {"terminal": (1, 0)}


def test_tokens_and_seconds_are_summed_over_the_replies() -> None:
    tally = Tally()
    for seconds in (1.0, 2.0):
        usage = Usage(prompt_tokens=10, completion_tokens=3)
        tally.message(Message("assistant", "", usage=usage, duration_s=seconds), 0)
    assert (tally.prompt_tokens, tally.completion_tokens, tally.cost_usd) == (20, 6, None)
    assert tally.latency_s == 1.5
    assert tally.duration_s(None, None) == 3.0
    assert tally.duration_s(100.0, 160.0) == 60.0


def test_the_seconds_of_tools_alone_are_not_those_of_the_run() -> None:
    tally = Tally()
    tally.result(ToolResult("", duration_s=5.0), "terminal")
    assert tally.duration_s(None, None) is None
    tally.message(Message("assistant", "", duration_s=2.0), 0)
    assert tally.duration_s(None, None) == 7.0


def test_a_total_that_no_event_reports_is_unknown_and_not_zero() -> None:
    tally = Tally()
    assert tally.duration_s(None, None) is None
    assert tally.duration_s(5.0, 5.0) is None
    assert tally.latency_s is None


def test_the_total_given_in_a_file_takes_precedence_over_the_sum() -> None:
    state = RunState()
    message_with = Message("assistant", "", usage=Usage(prompt_tokens=10, completion_tokens=3))
    state.apply(MessageAppended(seq=0, message=message_with))
    state.apply(RunEnded(seq=1, usage=Usage(prompt_tokens=700)))
    summary = summarise(state)
    assert (summary.prompt_tokens, summary.completion_tokens) == (700, 3)


def test_the_step_that_people_labelled_as_wrong_is_known(tmp_path: Path) -> None:
    path = tmp_path / "failure.json"
    history = [{"role": "assistant", "name": "A", "content": text} for text in "abc"]
    path.write_text(json.dumps({"history": history, "mistake_step": "1", "mistake_agent": "A"}))
    file = open_file(path)
    state = next(step.state for step in survey(file) if isinstance(step, FoundRun))
    assert len(state.tally.gold_failures) == 1
    file.close()


def spent(*events: ResponseReceived | MessageAppended) -> tuple[int | None, int | None, float]:
    """Return the prompt tokens, completion tokens and seconds of replies after these events."""
    state = RunState()
    for event in events:
        state.apply(event)
    tally = state.tally
    return tally.prompt_tokens, tally.completion_tokens, tally.replies_s


def received(usage: Usage | None = None, duration_s: float | None = None) -> ResponseReceived:
    return ResponseReceived(seq=0, usage=usage, duration_s=duration_s)


def message_with(usage: Usage | None = None, duration_s: float | None = None) -> MessageAppended:
    message = Message("assistant", "ok", usage=usage, duration_s=duration_s)
    return MessageAppended(seq=0, message=message)


SOME = Usage(prompt_tokens=10, completion_tokens=3)


def test_the_cost_is_counted_if_only_the_response_reports_it() -> None:
    assert spent(received(SOME, 1.5), message_with(), received(SOME, 0.5), message_with()) == (
        20,
        6,
        2.0,
    )


def test_the_cost_is_counted_once_if_the_response_and_the_message_report_it() -> None:
    assert spent(received(SOME, 1.5), message_with(SOME, 1.5), message_with(SOME, 1.0)) == (
        20,
        6,
        2.5,
    )


def test_the_cost_that_only_the_message_reports_is_added() -> None:
    rest = Usage(completion_tokens=3)
    assert spent(received(Usage(prompt_tokens=10)), message_with(rest, 2.0)) == (10, 3, 2.0)


def test_a_response_without_a_message_is_counted() -> None:
    assert spent(received(SOME), received(SOME), message_with(SOME)) == (20, 6, 0.0)


def test_tokens_of_bare_replies_are_listed(tmp_path: Path) -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "ok"}}
    body = {"object": "chat.completion", "choices": [choice], "usage": {"prompt_tokens": 7}}
    path = tmp_path / "calls.jsonl"
    path.write_text(json.dumps({"request": {"messages": MESSAGES[:2]}, "response": body}) + "\n")
    assert summary_of(path).prompt_tokens == 7


def test_tools_are_listed_with_the_total_and_the_longest_seconds_of_their_calls() -> None:
    tally = Tally()
    for seconds in (2.0, 5.0, None):
        tally.result(ToolResult("ok", duration_s=seconds), "terminal", 1)
    assert tally.tool_seconds == {"terminal": (7.0, 5.0)}
    copy = tally.copy()
    tally.result(ToolResult("ok", duration_s=1.0), "terminal", 1)
    assert copy.tool_seconds == {"terminal": (7.0, 5.0)}


def test_the_tools_that_nobody_called_are_merged_beyond_a_bound() -> None:
    tally = Tally()
    for number in range(2 * MAX_COUNTED_TOOLS):
        tally.result(ToolResult("ok", duration_s=1.0), f"tool {number}", 1)
    assert len(tally.tool_seconds) == MAX_COUNTED_TOOLS + 1
    assert tally.tool_seconds[OTHER_TOOLS] == (MAX_COUNTED_TOOLS, 1.0)


def test_the_most_expensive_turns_are_listed_in_any_order_of_the_run() -> None:
    tally = Tally()
    for turn, seconds in enumerate((3.0, 9.0, 1.0, 8.0, 2.0, 7.0, 6.0), 1):
        tally.received(Usage(prompt_tokens=100, completion_tokens=turn), seconds / 2, turn)
        tally.message(Message("assistant", "", usage=Usage(100, turn)), 0, turn)
        tally.result(ToolResult("ok", duration_s=seconds / 2), "terminal", turn)
    assert tally.costly_turns == (
        (2, 9.0, 100, 2),
        (4, 8.0, 100, 4),
        (6, 7.0, 100, 6),
        (7, 6.0, 100, 7),
        (1, 3.0, 100, 1),
    )


def test_turns_without_seconds_are_ordered_by_their_tokens() -> None:
    tally = Tally()
    for turn, tokens in enumerate((5, 70, 6), 1):
        tally.message(Message("assistant", "", usage=Usage(completion_tokens=tokens)), 0, turn)
    assert [(cost.turn, cost.seconds) for cost in tally.costly_turns] == [
        (2, None), (3, None), (1, None)
    ]  # fmt: skip


def test_the_cost_of_a_reply_belongs_to_the_turn_that_its_message_opens() -> None:
    """In a prompt with a reply, the rows count that reply as turn 1, whatever precedes it."""
    used = ResponseReceived(seq=0, turn=1, usage=Usage(completion_tokens=4), duration_s=2.0)
    talk = (says("user", "x"), says("assistant", "y"), says("user", "z"))
    run = timeline(*talk, used, says("assistant", "hm"))
    assert run.state.tally.costly_turns == ((2, 2.0, None, 4),)


def test_a_reply_that_was_requested_again_costs_its_turn_twice() -> None:
    tally = Tally()
    for _ in range(2):
        tally.reply()
        tally.received(Usage(completion_tokens=4), 1.5, 1)
        tally.discard_reply()
    assert tally.costly_turns == ((1, 3.0, None, 8),)
