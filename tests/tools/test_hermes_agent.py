"""hermes-agent's tools; a stand-in with the same signatures is used if it is not installed."""

from __future__ import annotations

import asyncio
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from hermes_tui.model.errors import HermesError, UsageError
from hermes_tui.runtime.tools.toolset import Toolset, open_tools
from tests.tools.helpers import CONTEXT, until

IS_INSTALLED = importlib.util.find_spec("model_tools") is not None
only_without_hermes_agent = pytest.mark.skipif(IS_INSTALLED, reason="hermes-agent is installed")

STAND_IN = '''
"""A stand-in for hermes-agent's model_tools: the same names and parameters, nothing else."""
import json, os, sys, threading
from tools import interrupt

print("Loading tools ...")
calls = []

def get_tool_definitions(enabled_toolsets=None, disabled_toolsets=None, quiet_mode=False):
    print("Enabled", enabled_toolsets)
    names = {"terminal": ["terminal"], "todo": ["todo"], "keyless": []}
    return [
        {"type": "function", "function": {"name": name, "description": "", "parameters": {}}}
        for toolset in enabled_toolsets for name in names[toolset]
    ]

def handle_function_call(function_name, function_args, task_id=None, tool_call_id=None,
                         session_id=None, user_task=None, enabled_tools=None):
    print("handling")
    calls.append((function_name, function_args, task_id, user_task))
    command = function_args.get("command")
    if command == "hang":
        open("hanging", "w").close()
        me = threading.get_ident()
        while me not in interrupt.marked:
            interrupt.asked.wait(0.01)
        calls.append("interrupted")
    if command == "calls":
        return json.dumps([calls[:-1], sorted(interrupt.marked)])
    return json.dumps({"output": command, "cwd": os.environ["TERMINAL_CWD"]})
'''
INTERRUPT = """
import threading
marked, asked = set(), threading.Event()
def set_interrupt(active, thread_id=None):
    (marked.add if active else marked.discard)(thread_id)
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "stand_in"
    (root / "tools").mkdir(parents=True)
    (root / "model_tools.py").write_text(STAND_IN)
    (root / "toolsets.py").write_text("TOOLSETS = {'terminal': 1, 'todo': 1, 'keyless': 1}\n")
    (root / "tools" / "__init__.py").write_text("")
    (root / "tools" / "interrupt.py").write_text(INTERRUPT)
    monkeypatch.setenv("PYTHONPATH", str(root))
    monkeypatch.delenv("TERMINAL_CWD", raising=False)
    monkeypatch.chdir(tmp_path)
    return root


async def calls_received(tools: Toolset) -> list[Any]:
    """Return the calls that the stand-in received; check that no thread is marked interrupted."""
    answer = await tools.call("terminal", {"command": "calls"}, CONTEXT)
    calls, marked = json.loads(answer.value)
    assert not marked
    return list(calls)


@only_without_hermes_agent
async def test_a_missing_hermes_agent_is_reported_with_the_command_to_install_it(
    tmp_path: Path,
) -> None:
    with pytest.raises(HermesError, match="pip install hermes-agent") as caught:
        await open_tools(["hermes:terminal"], workdir=tmp_path)
    assert caught.value.exit_code == 3


@only_without_hermes_agent
async def test_calls_are_dispatched_by_keyword_and_nothing_is_printed(
    stand_in: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    tools = await open_tools(["hermes:terminal,todo"], workdir=tmp_path)
    assert [spec.name for spec in tools.specs] == ["terminal", "todo"]
    answer = await tools.call("terminal", {"command": "ls"}, CONTEXT)
    assert json.loads(answer.value) == {"output": "ls", "cwd": str(tmp_path)}
    assert await calls_received(tools) == [["terminal", {"command": "ls"}, "task-1", "try it"]]
    todo = await tools.call("todo", {"todos": [{"id": "1", "content": "x"}]}, CONTEXT)
    assert json.loads(todo.value)["summary"]["total"] == 1
    await tools.close()
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


@only_without_hermes_agent
async def test_a_cancel_uses_the_interrupt_of_hermes_agent(stand_in: Path, tmp_path: Path) -> None:
    tools = await open_tools(["hermes:terminal"], workdir=tmp_path)
    call = asyncio.create_task(tools.call("terminal", {"command": "hang"}, CONTEXT))
    await until((tmp_path / "hanging").exists)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert (await calls_received(tools))[-1] == "interrupted"
    await tools.close()


@only_without_hermes_agent
async def test_an_unknown_toolset_is_a_usage_error_with_near_matches(
    stand_in: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"unknown toolset 'terminl' \(did you mean terminal\?\)"):
        await open_tools(["hermes:terminl"], workdir=tmp_path)
    with pytest.raises(UsageError, match="no usable tool in keyless"):
        await open_tools(["hermes:keyless"], workdir=tmp_path)


@pytest.mark.skipif(not IS_INSTALLED, reason="hermes-agent is not installed")
async def test_the_real_hermes_agent_answers(tmp_path: Path) -> None:
    tools = await open_tools(["hermes:terminal,todo"], workdir=tmp_path)
    answer = await tools.call("terminal", {"command": "echo $((6 * 7)); pwd"}, CONTEXT)
    result = json.loads(answer.value)
    assert (result["output"].splitlines()[0], result["exit_code"]) == ("42", 0)
    assert result["output"].splitlines()[1] == str(tmp_path)
    todos = [{"id": "1", "content": "x", "status": "pending"}]
    todo = await tools.call("todo", {"todos": todos}, CONTEXT)
    assert json.loads(todo.value)["summary"]["total"] == 1
    await tools.close()
