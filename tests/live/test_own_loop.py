"""An environment's own server and tools on the live screen."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hermes_tui.log.codec import decode
from hermes_tui.model.events import RunEnded
from tests.benchmarks.terminal import Program
from tests.conftest import PROJECT

ENVIRONMENT = """
import asyncio, json
from types import SimpleNamespace as Of

from hermes_tui import AgentLoop, debug

class Model:
    async def chat_completion(self, *, messages, **rest):
        if messages[-1]["role"] == "tool":
            said = Of(role="assistant", content="it is " + messages[-1]["content"], tool_calls=None)
        else:
            function = Of(name="add", arguments='{"a": 1, "b": 2}')
            call = Of(id="c1", type="function", function=function)
            said = Of(role="assistant", content=None, tool_calls=[call])
        return Of(choices=[Of(message=said, finish_reason="stop")])

async def run_tool(name, arguments, *, task_id, user_task):
    print("SCRIBBLE")
    return f"{arguments['a'] + arguments['b']} for {task_id}"

async def main():
    messages = [{"role": "user", "content": "add"}]
    schemas = [{"type": "function", "function": {"name": "add"}}]
    loop = AgentLoop(Model(), schemas, {"add"}, task_id="task-7", tool_handler=run_tool)
    result = await debug(loop, messages)
    print(f"CAME TO {result.stop_reason}, {result.turns_used} turns: {messages[-1]['content']}")

asyncio.run(main())
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    """Yield an environment whose loop is stopped before its call."""
    (tmp_path / "environment.py").write_text(ENVIRONMENT)
    folders = {"XDG_STATE_HOME": str(tmp_path), "PYTHONPATH": str(PROJECT)}
    started = Program.start([sys.executable, str(tmp_path / "environment.py")], folders)
    try:
        started.wait_for(b"before dispatch of add")
        # Keys right after a stop do not resume.
        started.settle(0.4)
        yield started
    finally:
        started.end()


def test_the_loop_runs_on_the_screen_and_returns_its_result(program: Program) -> None:
    program.press(b"c")
    program.wait_for(b"finished naturally")
    program.press(b"q")
    program.wait_for(b"the run is recorded in ")
    program.wait_for(b"CAME TO finished, 2 turns: it is 3 for task-7")
    assert b"SCRIBBLE" not in program.output
    assert b"--resume" not in program.output


def test_a_run_on_the_screen_is_scored_in_the_folder_of_the_loop(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    source = ENVIRONMENT.replace("=run_tool)", f"=run_tool, record='{folder}/')")
    source = source.replace('    print(f"CAME TO', '    loop.scored(0.5)\n    print(f"CAME TO')
    (tmp_path / "environment.py").write_text(source)
    program = Program.start(
        [sys.executable, str(tmp_path / "environment.py")], {"PYTHONPATH": str(PROJECT)}
    )
    try:
        program.wait_for(b"before dispatch of add")
        program.settle(0.4)
        program.press(b"c")
        program.wait_for(b"finished naturally")
        program.press(b"q")
        program.wait_for(b"CAME TO finished, 2 turns")
    finally:
        program.end()
    (path,) = folder.iterdir()
    last = decode(path.read_bytes().splitlines()[-1])
    assert isinstance(last, RunEnded) and last.reward == 0.5


def last_event_of(folder: Path) -> str:
    """Return the stop reason in the recording in the state folder, or its last event's type."""
    (path,) = folder.glob("hermes-tui/runs/*.jsonl")
    last = decode(path.read_bytes().splitlines()[-1])
    return last.stop_reason if isinstance(last, RunEnded) else type(last).__name__


def test_leaving_before_the_end_cancels_the_loop(program: Program, tmp_path: Path) -> None:
    program.press(b"q")
    program.wait_for(b"press again to leave")
    program.wait_for(b"this ends the run")
    program.press(b"q")
    program.wait_for(b"CAME TO cancelled, 1 turns")
    assert last_event_of(tmp_path) == "cancelled"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_cancels_the_loop(
    number: signal.Signals, program: Program, tmp_path: Path
) -> None:
    os.kill(program.pid, number)
    program.wait_for(b"CAME TO cancelled, 1 turns")
    assert last_event_of(tmp_path) == "cancelled"


def test_outer_cancellation_propagates_and_signal_handlers_are_restored(
    tmp_path: Path,
) -> None:
    source = ENVIRONMENT.replace("await debug(loop, messages)", "await limited(loop, messages)")
    source = source.replace(
        "async def main():",
        "import signal\n"
        "signal.signal(signal.SIGTERM, lambda *_: None)\n"
        "async def limited(loop, messages):\n"
        "    before = [signal.getsignal(n) for n in (2, 15, 20)]\n"
        "    try:\n"
        "        await asyncio.wait_for(debug(loop, messages), 3)\n"
        "    except TimeoutError:\n"
        "        same = before == [signal.getsignal(n) for n in (2, 15, 20)]\n"
        "        raise SystemExit(f'TIMED OUT, SIGNALS THE SAME: {same}')\n"
        "async def main():",
    )
    (tmp_path / "environment.py").write_text(source)
    folders = {"XDG_STATE_HOME": str(tmp_path), "PYTHONPATH": str(PROJECT)}
    program = Program.start([sys.executable, str(tmp_path / "environment.py")], folders)
    try:
        program.wait_for(b"TIMED OUT, SIGNALS THE SAME: True")
        assert last_event_of(tmp_path) == "cancelled"
    finally:
        program.end()


def test_without_a_terminal_the_error_names_the_alternative(tmp_path: Path) -> None:
    (tmp_path / "environment.py").write_text(ENVIRONMENT)
    ended = subprocess.run(
        [sys.executable, str(tmp_path / "environment.py")],
        capture_output=True,
        text=True,
        check=False,
        cwd=PROJECT,
        env={"PYTHONPATH": str(PROJECT)},
    )
    assert "no terminal to debug on (await loop.run(messages) needs none)" in ended.stderr
