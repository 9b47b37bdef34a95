"""The parser lab of a live run: an edited text and parsed calls can be handed to the loop."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hermes_tui.debugger.stepping import StopPoint
from hermes_tui.model.events import TextEdited, ToolCallProposed
from hermes_tui.runtime.engines import store
from hermes_tui.ui.screens.lab import LabScreen
from tests.live.engine import FunctionTools, ScriptedServer, says
from tests.live.screen import live

KIMI = (
    "<|tool_calls_section_begin|><|tool_call_begin|>functions.ls:0<|tool_call_argument_begin|>"
    '{"path": "."}<|tool_call_end|><|tool_calls_section_end|>'
)
SOUND = '<tool_call>\n{"name": "ls", "arguments": {"path": "."}}\n</tool_call>'
BAD = '<tool_call>\n{"name": "ls", "arguments": {"path": ".",}}\n</tool_call>'


@pytest.fixture(autouse=True)
def no_engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the engines that are installed on this machine."""
    monkeypatch.setattr(store, "engines_dir", lambda: tmp_path / "engines")


async def test_a_text_corrected_in_the_lab_is_handed_to_the_loop() -> None:
    stops = frozenset({StopPoint.AFTER_RESPONSE})
    tools = FunctionTools({"ls": lambda path: "a b"})
    async with live([says(BAD), says("Done.")], tools, stop_points=stops) as run:
        await run.stopped()
        await run.press("P")
        screen = run.app.screen
        assert isinstance(screen, LabScreen)
        assert screen.model.text == BAD
        await run.shows("ctrl+s Hand over")
        await run.press("ctrl+s")
        await run.shows("nothing was changed")
        await run.press("e")
        await run.until(lambda: screen.is_editing and screen.focused is screen.query_one("#edit"))
        await run.press("delete", "ctrl+s")
        await run.until(lambda: run.app.screen is run.screen)
        assert [event.after for event in run.events(TextEdited)] == [BAD.replace(",}", "}")]


@pytest.mark.parametrize(("text", "parser"), [(KIMI, "auto"), (SOUND, "")])
async def test_calls_parsed_in_the_lab_are_handed_to_the_loop(text: str, parser: str) -> None:
    tools = FunctionTools({"ls": lambda path: "a b"})
    server = ScriptedServer([says(text), says("Done.")])
    async with live(server, tools, parser=parser, size=(120, 40)) as run:
        await run.stopped()
        await run.press("P")
        await run.shows("1 CALL")
        await run.press("ctrl+s")
        await run.until(lambda: run.app.screen is run.screen)
        await run.shows("1 call handed over; nothing ran yet")
        assert not tools.calls and not run.events(TextEdited)
        proposed = run.events(ToolCallProposed)[-1]
        assert proposed.parser
        await run.shows("[added] ls")
        assert "[unknown]" not in run.text
        await run.shows(f"added by hand, as {proposed.parser}")
        added = proposed.call
        assert (added.name, added.arguments) == ("ls", {"path": "."})
        await run.press("c", "c")
        await run.shows("ENDED  finished naturally")
        assert tools.calls == [("ls", {"path": "."})]
        sent = json.loads(server.requests[-1].body)["messages"]
        assert [message["role"] for message in sent] == ["user", "assistant", "tool"]
        assert not sent[1]["content"], "the model would see its call twice"


async def test_calls_that_the_run_already_has_are_not_handed_over_again() -> None:
    stops = frozenset({StopPoint.AFTER_RESPONSE})
    tools = FunctionTools({"ls": lambda path: "a b"})
    async with live([says(SOUND)], tools, parser="auto", stop_points=stops) as run:
        await run.stopped()
        await run.press("P")
        await run.shows("1 CALL")
        await run.press("ctrl+s")
        await run.shows("the run has this text and its calls already")
        assert len(run.events(ToolCallProposed)) == 1


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
async def test_a_call_in_the_reasoning_can_be_handed_over_if_there_is_no_text(
    field: str,
) -> None:
    stops = frozenset({StopPoint.AFTER_RESPONSE})
    tools = FunctionTools({"ls": lambda path: "a b"})
    reply = {**says(""), "content": None, field: f"I look.\n{SOUND}"}
    async with live([reply, says("Done.")], tools, stop_points=stops, parser="auto") as run:
        await run.stopped()
        await run.press("P")
        await run.shows("the message has no text: this is its reasoning")
        await run.shows(f"turn 1 · {field} ·")
        await run.shows("1 CALL")
        await run.press("ctrl+s")
        await run.until(lambda: run.app.screen is run.screen)
        await run.press("c")
        await run.until(lambda: bool(tools.calls))
        assert tools.calls == [("ls", {"path": "."})]


async def test_reasoning_is_not_shown_as_the_text_of_structured_calls() -> None:
    reply = {**says("", ("ls", {"path": "."})), "reasoning_content": "I look."}
    async with live([reply], {"ls": lambda path: "a"}) as run:
        await run.stopped()
        await run.press("P")
        await run.shows("the message has no text: its calls")
        assert "I look." not in run.text


async def test_a_lab_without_calls_in_its_text_offers_no_handover() -> None:
    async with live([says("I look.", ("ls", {"path": "."}))], {"ls": lambda path: "a"}) as run:
        await run.stopped()
        await run.press("P")
        assert isinstance(run.app.screen, LabScreen)
        await run.shows("1 Text")
        assert "Hand over" not in run.text
