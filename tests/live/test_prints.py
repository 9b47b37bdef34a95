"""The output of a tool, shown while it runs."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from hermes_tui.debugger.stepping import Phase
from hermes_tui.model.events import ToolReturned
from hermes_tui.runtime.masking import Masking
from hermes_tui.runtime.tools.prints import SHOWN_BYTES, Prints
from hermes_tui.runtime.tools.toolset import open_tools
from hermes_tui.ui.screens.live import OUTPUT_EVERY_S
from tests.live.engine import says
from tests.live.screen import Clock, Live, live
from tests.ui.opened import NARROW

SECRET = "sk-local-0123456789"
TOOLS = f'''
import sys, time
from pathlib import Path

def waits(go: str) -> str:
    """Print, and wait until there is a file."""
    print("at work")
    print("10 %", "20 %", "30 %", sep="\\\\r", end="\\\\r\\\\n")
    print("bell \\\\a [bold]markup[/] \\\\x1b[31mred", file=sys.stderr)
    print("the key is {SECRET}")
    while not Path(go).exists():
        time.sleep(0.01)
    print("at last")
    return "done"
'''


async def finish_tool(run: Live, go: Path) -> None:
    """Let the tool end, and wait for its result."""
    go.touch()
    await run.until(lambda: bool(run.events(ToolReturned)))


@pytest.mark.parametrize("size", [None, NARROW])
async def test_output_of_a_python_tool_is_shown_while_it_runs(
    size: tuple[int, int] | None, tmp_path: Path
) -> None:
    path, go = tmp_path / "tools.py", tmp_path / "go"
    path.write_text(TOOLS.replace("\\\\", "\\"))
    tools = await open_tools([f"python:{path}"], workdir=tmp_path)
    sized = {} if size is None else {"size": size}
    async with live([says("", ("waits", {"go": str(go)}))], tools, **sized) as run:
        assert run.app.branches is not None
        run.app.branches.masking = Masking([SECRET])
        await run.stopped()
        await run.press("c")
        await run.shows("printed so far: ")
        await run.shows("at work")
        await run.shows("30 %")
        await run.shows("bell ␇ [bold]markup[/] ␛[31mred")
        await run.shows("the key is [masked]")
        assert "10 %" not in run.text and SECRET not in run.text
        assert run.phase is Phase.DISPATCHING
        await finish_tool(run, go)
        (returned,) = run.events(ToolReturned)
        assert returned.printed.startswith("at work\n") and returned.printed.endswith("at last\n")
        await run.until(lambda: "printed so far" not in run.text)


async def test_output_of_a_command_is_shown_while_it_runs(tmp_path: Path) -> None:
    tools = await open_tools(["builtin:terminal"], workdir=tmp_path)
    command = "echo $((40 + 2)) things; while [ ! -e go ]; do sleep 0.02; done"
    async with live([says("", ("terminal", {"command": command}))], tools) as run:
        await run.stopped()
        await run.press("c")
        await run.shows("42 things")
        assert run.phase is Phase.DISPATCHING
        # New output does not move the view back.
        await run.press("1", "g")
        await run.until(lambda: "42 things" not in run.text)
        await finish_tool(run, tmp_path / "go")


async def test_endless_output_takes_bounded_memory_and_few_redraws(
    tmp_path: Path,
) -> None:
    tools = await open_tools(["builtin:terminal"], workdir=tmp_path)
    command = "i=0; while [ ! -e go ]; do i=$((i + 1)); echo line $i; done; echo $i > last"
    clock = Clock(0.0)
    drawn: list[float] = []
    async with live([says("", ("terminal", {"command": command}))], tools, clock=clock) as run:
        fill = run.screen._output_document
        run.screen._output_document = lambda driver: (drawn.append(clock.now), fill(driver))[1]  # type: ignore[method-assign]
        clock.now += 1
        await run.stopped()
        clock.now += 1
        await run.press("c")
        await run.until(lambda: re.search(r"line \d", run.text) is not None)
        for _ in range(20):
            clock.now += OUTPUT_EVERY_S / 2
            await asyncio.sleep(0.05)
        assert run.driver.prints.heard > SHOWN_BYTES
        assert len(run.driver.prints._end) <= 2 * SHOWN_BYTES + SHOWN_BYTES
        await finish_tool(run, tmp_path / "go")
    assert 2 <= len(drawn) <= 12


def test_long_output_is_cut_to_its_last_lines_or_characters() -> None:
    prints = Prints()
    for number in range(10_000):
        prints.on_output(b"line %d\n" % number)
    assert prints.end.startswith("line ") and prints.end.endswith("line 9999\n")
    assert len(prints.end) <= SHOWN_BYTES < prints.heard
    prints = Prints()
    prints.on_output(b"x" * 100_000 + "é".encode())
    assert prints.end == "x" * (SHOWN_BYTES // 2 - 2) + "é"


def test_short_output_is_kept_completely() -> None:
    prints = Prints()
    prints.on_output(b"no newline \xff")
    assert prints.end == "no newline \\xff" and prints.heard == 12
