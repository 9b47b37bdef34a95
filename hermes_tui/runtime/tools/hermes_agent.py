"""The tools of hermes-agent, if it is installed alongside hermes-tui."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hermes_tui.model.errors import HermesError, UsageError, near_hint
from hermes_tui.runtime.tools.base import Answer, CallContext, specs_of
from hermes_tui.runtime.tools.handler import HandlerToolbox, hermes_agent_handler
from hermes_tui.runtime.tools.threads import run_to_completion, tool_pool


class HermesAgentTools:
    """Tools of some toolsets, dispatched as hermes-agent's own loop does.

    Its environment variables (`TERMINAL_ENV` and so on) apply; its shells start in `TERMINAL_CWD`.
    A cancellation interrupts the tool by hermes-agent's own means, if the version has them.
    """

    manual: frozenset[str] = frozenset()

    def __init__(self, schemas: Sequence[dict[str, Any]]) -> None:
        self.schemas = tuple(schemas)
        self.specs = specs_of(self.schemas)
        self._inner = HandlerToolbox(self.schemas, _interruptible, answers_specials=True)
        self._tasks: set[str] = set()

    @classmethod
    def load(cls, toolsets: Sequence[str], workdir: Path) -> HermesAgentTools:
        """Import hermes-agent, which takes seconds, and load the tools of `toolsets`.

        Raises HermesError if it is not installed, UsageError for an unknown or unusable toolset.
        """
        if importlib.util.find_spec("model_tools") is None:
            hint = "install it: `pip install hermes-agent`, where hermes-tui is installed"
            raise HermesError("hermes-agent is not installed here", hint)
        os.environ.setdefault("TERMINAL_CWD", str(workdir))
        schemas = _definitions(list(toolsets))
        if not schemas:
            named = ", ".join(toolsets)
            hint = "a tool is left out if its key or its program is missing"
            raise UsageError(f"hermes-agent has no usable tool in {named}", hint)
        return cls(schemas)

    async def call(self, name: str, arguments: Any, context: CallContext) -> Answer:
        """Dispatch a call in the thread pool; todo, memory and session_search as its loop does."""
        self._tasks.add(context.task_id)
        return await self._inner.call(name, arguments, context)

    async def close(self) -> None:
        """End the shells, sandboxes and background processes of the tasks that were served."""
        if self._tasks:
            tasks, self._tasks = self._tasks, set()
            await tool_pool().run(lambda: _clean_up(tasks))
        await self._inner.close()


def _definitions(toolsets: list[str]) -> list[dict[str, Any]]:
    try:
        model_tools = importlib.import_module("model_tools")
        known = _known_toolsets()
    except ImportError as error:
        hint = "update it: `pip install --upgrade hermes-agent`"
        raise HermesError(f"hermes-agent cannot be imported: {error}", hint) from error
    for name in toolsets:
        if known and name not in known:
            hint = near_hint(name, known, f"known: {', '.join(known)}")
            raise UsageError(f"unknown toolset {name!r}", hint)
    return list(model_tools.get_tool_definitions(enabled_toolsets=toolsets, quiet_mode=True))


def _known_toolsets() -> list[str]:
    """Return the names of all toolsets; empty if this version does not list them."""
    try:
        toolsets = importlib.import_module("toolsets")
    except ImportError:
        return []
    get_all = getattr(toolsets, "get_all_toolsets", None)
    return sorted(get_all() if get_all else getattr(toolsets, "TOOLSETS", ()))


async def _interruptible(name: str, arguments: Any, *, task_id: str, user_task: str) -> Any:
    threads: list[int] = []

    def work() -> Any:
        threads.append(threading.get_ident())
        try:
            handle = hermes_agent_handler()
            return handle(name, arguments, task_id=task_id, user_task=user_task)
        finally:
            # The id of a thread is reused after its end.
            _interrupt(threads.pop(), False)

    def interrupt() -> None:
        for thread in tuple(threads):
            _interrupt(thread, True)

    return await run_to_completion(work, interrupt)


def _interrupt(thread: int, is_set: bool) -> None:
    with contextlib.suppress(ImportError, AttributeError, TypeError):
        importlib.import_module("tools.interrupt").set_interrupt(is_set, thread_id=thread)


def _clean_up(tasks: set[str]) -> None:
    with contextlib.suppress(ImportError, AttributeError):
        importlib.import_module("tools.process_registry").process_registry.kill_all()
    with contextlib.suppress(ImportError, AttributeError):
        terminal = importlib.import_module("tools.terminal_tool")
        for task in tasks:
            terminal.cleanup_vm(task)
