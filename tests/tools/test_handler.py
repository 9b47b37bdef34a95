"""Tools of an environment that has its own handler."""

from __future__ import annotations

import asyncio
import functools
import importlib.util
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from hermes_tui import resize_tool_pool
from hermes_tui.model.errors import HermesError
from hermes_tui.runtime.tools import threads
from hermes_tui.runtime.tools.handler import HandlerToolbox
from tests.tools.helpers import CONTEXT, until

SCHEMA = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}


def plain_handler(name: str, arguments: Any, *, task_id: str, user_task: str) -> Any:
    is_on_loop = threading.current_thread() is threading.main_thread()
    return {"got": [name, arguments, task_id, user_task], "on_loop": is_on_loop}


async def async_handler(name: str, arguments: Any, *, task_id: str, user_task: str) -> Any:
    return plain_handler(name, arguments, task_id=task_id, user_task=user_task)


class CallableHandler:
    async def __call__(self, name: str, arguments: Any, *, task_id: str, user_task: str) -> Any:
        return plain_handler(name, arguments, task_id=task_id, user_task=user_task)


@pytest.mark.parametrize(
    ("handler", "is_on_loop"),
    [
        (plain_handler, False),
        (async_handler, True),
        (functools.partial(async_handler), True),
        (lambda *args, **more: async_handler(*args, **more), True),
        (CallableHandler(), True),
    ],
)
async def test_a_handler_receives_the_arguments_that_hermes_agent_loop_passes(
    handler: Any, is_on_loop: bool
) -> None:
    box = HandlerToolbox([SCHEMA], handler)
    answer = await box.call("look", {"a": 1}, CONTEXT)
    assert answer.value == {
        "got": ["look", {"a": 1}, "task-1", "try it"],
        "on_loop": is_on_loop,
    }
    await box.close()


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (lambda name, arguments: [], []),
        (lambda name, arguments, task_id="": [task_id], ["task-1"]),
        (lambda name, arguments, *, user_task: [user_task], ["try it"]),
        (lambda *args: list(args[2:]), []),
        (lambda name, arguments, **more: sorted(more), ["task_id", "user_task"]),
    ],
)
async def test_a_handler_receives_only_the_parameters_that_it_has(
    handler: Any, expected: list[str]
) -> None:
    assert (await HandlerToolbox([SCHEMA], handler).call("look", {}, CONTEXT)).value == expected


async def test_an_exception_of_a_handler_is_raised() -> None:
    def raises(name: str, arguments: Any, **more: str) -> None:
        raise KeyError(name)

    with pytest.raises(KeyError, match="look"):
        await HandlerToolbox([SCHEMA], raises).call("look", {}, CONTEXT)


async def test_a_custom_handler_receives_every_name_unless_specials_are_answered() -> None:
    answer = await HandlerToolbox([SCHEMA], plain_handler).call("todo", {}, CONTEXT)
    assert answer.value["got"][0] == "todo"
    box = HandlerToolbox([SCHEMA], plain_handler, answers_specials=True)
    first = await box.call("todo", {"todos": [{"id": "1", "content": "x"}]}, CONTEXT)
    assert json.loads(first.value)["summary"]["pending"] == 1
    again = await box.call("todo", {}, CONTEXT)
    assert again.value == first.value
    memory = await box.call("memory", {}, CONTEXT)
    assert memory.value == '{"error": "Memory is not available in RL environments."}'
    with pytest.raises(AttributeError, match="'list' object has no attribute 'get'"):
        await box.call("todo", [], CONTEXT)


async def test_a_file_named_tools_is_not_run_for_the_todo_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tools.py").write_text("raise RuntimeError('run')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    box = HandlerToolbox([SCHEMA], plain_handler, answers_specials=True)
    answer = await box.call("todo", {"todos": [{"id": "1", "content": "x"}]}, CONTEXT)
    assert '"x"' in answer.value


@pytest.mark.skipif(
    importlib.util.find_spec("model_tools") is not None, reason="hermes-agent is installed"
)
def test_tools_without_a_handler_are_refused() -> None:
    with pytest.raises(HermesError, match="pass tool_handler="):
        HandlerToolbox([SCHEMA])
    assert HandlerToolbox([]).schemas == ()


async def test_the_pool_can_be_resized_while_calls_run() -> None:
    gate = threading.Event()

    def wait(name: str, arguments: Any, **more: str) -> str:
        return str(gate.wait(5))

    before = threads.tool_pool()
    box = HandlerToolbox([SCHEMA], wait)
    old = asyncio.create_task(box.call("look", {}, CONTEXT))
    await until(lambda: before._threads > before._idle)
    resize_tool_pool(2)
    try:
        assert threads.tool_pool().size == 2
        new = asyncio.create_task(box.call("look", {}, CONTEXT))
        gate.set()
        assert [(await old).value, (await new).value] == ["True", "True"]
    finally:
        resize_tool_pool(threads.DEFAULT_SIZE)
