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


def plain(name: str, arguments: Any, *, task_id: str, user_task: str) -> Any:
    is_on_loop = threading.current_thread() is threading.main_thread()
    return {"got": [name, arguments, task_id, user_task], "on_loop": is_on_loop}


async def asynchronous(name: str, arguments: Any, *, task_id: str, user_task: str) -> Any:
    return plain(name, arguments, task_id=task_id, user_task=user_task)


class Callable:
    async def __call__(self, name: str, arguments: Any, *, task_id: str, user_task: str) -> Any:
        return plain(name, arguments, task_id=task_id, user_task=user_task)


@pytest.mark.parametrize(
    ("handler", "is_on_loop"),
    [
        (plain, False),
        (asynchronous, True),
        (functools.partial(asynchronous), True),
        (lambda *args, **told: asynchronous(*args, **told), True),
        (Callable(), True),
    ],
)
async def test_a_handler_gets_what_the_seed_passes(handler: Any, is_on_loop: bool) -> None:
    box = HandlerToolbox([SCHEMA], handler)
    answer = await box.call("look", {"a": 1}, CONTEXT)
    assert answer.value == {
        "got": ["look", {"a": 1}, "task-1", "try it"],
        "on_loop": is_on_loop,
    }
    await box.close()


@pytest.mark.parametrize(
    ("handler", "told"),
    [
        (lambda name, arguments: [], []),
        (lambda name, arguments, task_id="": [task_id], ["task-1"]),
        (lambda name, arguments, *, user_task: [user_task], ["try it"]),
        (lambda *args: list(args[2:]), []),
        (lambda name, arguments, **told: sorted(told), ["task_id", "user_task"]),
    ],
)
async def test_a_handler_is_told_no_more_than_it_takes(handler: Any, told: list[str]) -> None:
    assert (await HandlerToolbox([SCHEMA], handler).call("look", {}, CONTEXT)).value == told


async def test_what_a_handler_raises_is_raised() -> None:
    def raises(name: str, arguments: Any, **told: str) -> None:
        raise KeyError(name)

    with pytest.raises(KeyError, match="look"):
        await HandlerToolbox([SCHEMA], raises).call("look", {}, CONTEXT)


async def test_a_handler_of_ones_own_gets_every_name_unless_told_otherwise() -> None:
    answer = await HandlerToolbox([SCHEMA], plain).call("todo", {}, CONTEXT)
    assert answer.value["got"][0] == "todo"
    box = HandlerToolbox([SCHEMA], plain, answers_specials=True)
    first = await box.call("todo", {"todos": [{"id": "1", "content": "x"}]}, CONTEXT)
    assert json.loads(first.value)["summary"]["pending"] == 1
    again = await box.call("todo", {}, CONTEXT)
    assert again.value == first.value
    memory = await box.call("memory", {}, CONTEXT)
    assert memory.value == '{"error": "Memory is not available in RL environments."}'
    with pytest.raises(AttributeError, match="'list' object has no attribute 'get'"):
        await box.call("todo", [], CONTEXT)


async def test_a_file_called_tools_is_not_run_for_the_list_of_tasks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tools.py").write_text("raise RuntimeError('run')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    box = HandlerToolbox([SCHEMA], plain, answers_specials=True)
    answer = await box.call("todo", {"todos": [{"id": "1", "content": "x"}]}, CONTEXT)
    assert '"x"' in answer.value


@pytest.mark.skipif(
    importlib.util.find_spec("model_tools") is not None, reason="hermes-agent is installed"
)
def test_tools_that_nobody_answers_are_refused() -> None:
    with pytest.raises(HermesError, match="pass tool_handler="):
        HandlerToolbox([SCHEMA])
    assert HandlerToolbox([]).schemas == ()


async def test_the_pool_can_be_resized_while_calls_run() -> None:
    gate = threading.Event()

    def wait(name: str, arguments: Any, **told: str) -> str:
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
