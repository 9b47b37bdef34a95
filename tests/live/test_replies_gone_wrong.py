"""What the screen shows and offers at a flawed reply."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hermes_tui.debugger.breakpoints import parse_breakpoint
from hermes_tui.debugger.inputs import EditArguments, EditText
from hermes_tui.model import events as ev
from hermes_tui.runtime.servers.base import Reply
from tests.live.engine import FunctionTools, Scripted, says
from tests.live.screen import live
from tests.ui.opened import NARROW, app_on, shows

IN_TEXT = 'I look.\n<tool_call>\n{"name": "ls", "arguments": {"path": "."}}\n</tool_call>'
TALL = (160, 50)


def tools() -> FunctionTools:
    return FunctionTools({"ls": lambda path: "a b"})


# The fate of a call


async def test_an_unparsed_call_is_shown_as_not_run(tmp_path: Path) -> None:
    record = tmp_path / "run.jsonl"
    async with live([says(IN_TEXT)], tools(), size=TALL, record=record) as run:
        await run.stopped()
        await run.shows("not run    a call in the text, which this run")
        assert "text that no parser read" in run.text
        assert "tool gets" not in run.text and "none yet" not in run.text
        await run.press("c")
        await run.shows("ENDED")
        await run.press("g", "]")
        await run.shows("not run    a call in the text, which this run")
        assert not run.events(ev.ToolDispatched)
    async with app_on(record).run_test(size=TALL) as pilot:
        await shows(pilot, "run.jsonl")
        await pilot.press("]")
        await shows(pilot, "not run    a call in the text, which this run")


async def test_a_parsed_call_is_shown_with_what_the_tool_gets() -> None:
    async with live([says(IN_TEXT)], tools(), size=TALL, parser="auto") as run:
        await run.stopped()
        await run.shows('tool gets  {"path": "."}')
        assert "text that a parser read" in run.text and "not run" not in run.text


async def test_a_pending_call_of_an_ended_run_is_shown_as_not_run() -> None:
    async with live([says("", ("ls", {"path": "."}))], tools(), size=TALL) as run:
        await run.stopped()
        await run.shows("tool gets")
        await run.press("ctrl+t", "y")
        await run.shows("ENDED")
        await run.press("g", "]")
        await run.shows("not run    the run ended before it")
        assert "tool gets" not in run.text


# The stop


COMMA = '<tool_call>\n{"name": "ls", "arguments": {"path": ".",}}\n</tool_call>'
ANNOUNCED = Reply(
    '{"choices": []}', {"role": "assistant", "content": None, "tool_calls": []}, "tool_calls"
)
LS = {"name": "ls", "arguments": "{}"}
SAME_IDS = {
    "role": "assistant",
    "tool_calls": [{"id": "call_1", "type": "function", "function": LS}] * 2,
}
KIMI = (
    "<|tool_calls_section_begin|><|tool_call_begin|>functions.ls:0<|tool_call_argument_begin|>"
    '{"path": "."}<|tool_call_end|><|tool_calls_section_end|>'
)


@pytest.mark.parametrize("size", [NARROW, (120, 40), (200, 50)])
@pytest.mark.parametrize(
    ("reply", "parser", "named", "advised"),
    [
        (says(IN_TEXT), "", "CALL_IN_CONTENT: a call in the text, none in tool_calls", "without"),
        (says(COMMA), "auto", "TRAILING_COMMA repaired: a comma before the", "with the call"),
        (ANNOUNCED, "auto", "CALLED_EMPTY: finish_reason tool_calls, but no call", "without"),
        (
            says('{"name": "ls", "arguments": {"path": "."}}'),
            "",
            "CALL_IN_CONTENT: a call as bare JSON, none in tool_calls",
            "without",
        ),
        (SAME_IDS, "auto", "ID_DUPLICATE: several calls share one id", "with the call"),
        (says(KIMI), "auto", "CALL_IN_CONTENT: a call as kimi_k2, none in tool_calls", "without"),
    ],
)
async def test_a_stop_names_the_problem_and_the_options(
    reply: Scripted, parser: str, named: str, advised: str, size: tuple[int, int]
) -> None:
    async with live([reply], tools(), size=size, parser=parser) as run:
        await run.stopped()
        await run.shows(f"STOPPED  {named}")
        lab = "P parser lab can run it" if "CALL_IN_CONTENT" in named else "P parser lab"
        await run.shows(f"{lab}, e edits, R asks again, c continues {advised}")
        (advice,) = (line for line in run.text.splitlines() if line.startswith(f" {lab}"))
        assert advice.rstrip().endswith(".")
        phase, bar = run.text.splitlines()[-3], run.text.splitlines()[-1]
        assert "…" not in phase and phase.rstrip().endswith("turn 1/30")
        assert "P Parser lab  R Retry" in bar and bar.rstrip().endswith("q Quit")
        assert "b Breakpoint" not in bar[: bar.index("P Parser lab")]


async def test_a_reply_cut_in_its_call_is_reported_to_user_and_model() -> None:
    cut = says("", ("ls", '{"path": "fi'))
    reply = Reply('{"choices": []}', cut, "length")
    async with live([reply], tools(), size=NARROW) as run:
        await run.stopped()
        await run.shows("STOPPED  TRUNCATED: the reply was cut: finish_reason length")
        await run.shows("c goes on to the call that cannot run.")
        await run.press("c")
        await run.shows("before dispatch of ls")
        await run.shows("e edits it, x answers it, c tells the model what is wrong.")
        assert "P parser lab" not in run.text
        await run.press("c")
        await run.shows("turn 2/30")


CUT_SHORT = 'Sure.\n<tool_call>\n{"name": "ls", "arguments": {"path": "/home/me'


@pytest.mark.parametrize("cut", [says(CUT_SHORT), says("", ("ls", ""))])
async def test_a_cut_call_reaches_its_tool_only_after_an_edit(
    cut: dict[str, Any],
) -> None:
    reply = Reply('{"choices": []}', cut, "length")
    async with live([reply], tools(), size=TALL, parser="auto") as run:
        await run.stopped()
        await run.shows("STOPPED  TRUNCATED")
        await run.shows("c goes on to the call that cannot run.")
        await run.shows("tool gets  nothing; the model gets an error")
        run.driver.put(EditArguments(0, '{"path": "/home/me"}'))
        await run.shows('tool gets  {"path": "/home/me"}')
        await run.shows("c continues with the call as read.")


async def test_a_breakpoint_at_a_flawed_reply_is_named_with_the_problem() -> None:
    at = (parse_breakpoint("parse_failure", breakpoint_id="b1"),)
    async with live([says(COMMA)], tools(), parser="auto", breakpoints=at) as run:
        await run.stopped()
        await run.shows("TRAILING_COMMA repaired: a comma before the closing bracket — parse")


async def test_the_problem_of_an_edited_text_is_that_of_the_new_text() -> None:
    async with live([says(IN_TEXT)], tools(), size=TALL) as run:
        await run.stopped()
        run.driver.put(EditText(COMMA))
        run.driver.put(EditText(KIMI))
        await run.shows("STOPPED  CALL_IN_CONTENT: a call as kimi_k2, none")
