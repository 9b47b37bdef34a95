"""The time for replies with many calls or much white space grows linearly with their size."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.debugger.effects import DispatchTool
from hermes_tui.debugger.faithful import _blocks
from hermes_tui.debugger.inputs import ModelReplied, ToolReplied
from hermes_tui.debugger.stepping import RUN_MODE
from hermes_tui.log.run_steps import steps
from tests.debugger.scenario import Scenario, task
from tests.debugger.seed_loop import HermesParser
from tests.timing import Work, assert_linear


def dispatched(count: int, mode: str) -> Scenario:
    """Return a run in which a reply with `count` calls was answered."""
    calls = [
        {"id": f"c{n}", "type": "function", "function": {"name": "read_file", "arguments": "{}"}}
        for n in range(count)
    ]
    message = {"role": "assistant", "content": "", "tool_calls": calls}
    run = Scenario() >> task(mode=mode, stop_points=RUN_MODE)
    run >> ModelReplied(json.dumps(message), message, finish_reason="tool_calls")
    for _ in range(count):
        assert isinstance(run.effects[-1], DispatchTool)
        run >> ToolReplied("ok")
    return run


@pytest.mark.parametrize("mode", ["strict", "faithful"])
def test_the_time_grows_linearly_with_the_calls_of_a_reply(mode: str) -> None:
    assert_linear(lambda count: lambda: dispatched(count, mode), 800)


def test_the_time_to_lay_out_a_run_for_comparison_grows_linearly_with_the_results() -> None:
    def laying_out(count: int) -> Work:
        log = dispatched(count, "strict").log
        return lambda: steps(log)

    assert_linear(laying_out, 2_400)


def test_the_time_grows_linearly_with_the_white_space_of_an_unclosed_block() -> None:
    def reading(count: int) -> Work:
        text = "<tool_call>" + " " * count + "x"
        replied = ModelReplied("", {"role": "assistant", "content": text}, finish_reason="stop")
        return lambda: Scenario() >> task(mode="faithful") >> replied

    assert_linear(reading, 40_000)


PIECES = (
    "<tool_call>",
    "</tool_call>",
    " ",
    "\n",
    "\u00a0",
    "\x1c",
    "{",
    "}",
    "x",
    "<",
    "tool_call>",
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_blocks_are_those_that_the_pattern_of_hermes_agent_matches(text: str) -> None:
    found = [closed or unclosed for closed, unclosed in HermesParser.pattern.findall(text)]
    assert [block for block in _blocks(text) if block.strip()] == [
        block for block in found if block.strip()
    ]
