"""Tools of an environment that runs the loop itself: its schemas and its handler of calls."""

from __future__ import annotations

import importlib.util
import inspect
import json
from collections.abc import Callable, Sequence
from typing import Any

from hermes_tui.model.errors import HermesError, UsageError
from hermes_tui.runtime.tools.base import Answer, CallContext, specs_of
from hermes_tui.runtime.tools.threads import tool_pool
from hermes_tui.runtime.tools.todo import TodoStore

Handler = Callable[..., Any]
"""`(name, arguments, *, task_id, user_task)`, sync or async; the last two only if it takes them."""
ABSENT = {"memory": "Memory", "session_search": "Session search"}
"""Tools that the observed loop itself refuses."""


def hermes_agent_handler() -> Handler:
    """Return hermes-agent's dispatch function; raises ImportError if it is not installed."""
    import model_tools  # type: ignore[import-not-found, unused-ignore]

    def handle(name: str, arguments: Any, *, task_id: str, user_task: str) -> Any:
        # By name, since the order of its parameters has changed between versions.
        return model_tools.handle_function_call(
            function_name=name, function_args=arguments, task_id=task_id, user_task=user_task
        )

    return handle


class HandlerToolbox:
    """Passes calls to `handler`: a plain one runs in the shared thread pool, an async one on the
    event loop.

    Without a handler, hermes-agent's is used. With `answers_specials`, todo, memory and
    session_search are answered as the observed loop does itself. Values are passed on unchanged.
    Raises HermesError if there are tools but no handler.
    """

    manual: frozenset[str] = frozenset()

    def __init__(
        self,
        schemas: Sequence[dict[str, Any]],
        handler: Handler | None = None,
        *,
        answers_specials: bool = False,
    ) -> None:
        if handler is None and schemas and importlib.util.find_spec("model_tools") is None:
            hint = "pass tool_handler=, or install it: `pip install hermes-agent`"
            raise HermesError("nothing answers calls: hermes-agent is not installed here", hint)
        self.schemas = tuple(schemas)
        self.specs = specs_of(self.schemas)
        self._handler = handler
        self._answers_specials = answers_specials
        self._todo: Callable[[Any, Any], Any] | None = None

    async def call(self, name: str, arguments: Any, context: CallContext) -> Answer:
        """Pass the call on; exceptions of the handler propagate."""
        if self._answers_specials and name == "todo":
            self._todo = self._todo or _todo_tool()
            return Answer(self._todo(arguments.get("todos"), arguments.get("merge", False)))
        if self._answers_specials and name in ABSENT:
            message = f"{ABSENT[name]} is not available in RL environments."
            return Answer(json.dumps({"error": message}))
        if self._handler is None:
            # Importing hermes-agent takes seconds.
            self._handler = await tool_pool().run(hermes_agent_handler)
        return Answer(await self._handle(self._handler, name, arguments, context))

    async def _handle(
        self, handler: Handler, name: str, arguments: Any, context: CallContext
    ) -> Any:
        keywords = _accepted_arguments(
            handler, task_id=context.task_id, user_task=context.user_task
        )
        is_async = inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(
            getattr(handler, "__call__", None)  # noqa: B004  an object may have an async one
        )
        if is_async:
            return await handler(name, arguments, **keywords)
        answer = await tool_pool().run(lambda: handler(name, arguments, **keywords))
        # A plain function may return a coroutine, as a lambda or functools.partial does.
        return await answer if inspect.isawaitable(answer) else answer

    async def close(self) -> None:
        """End idle threads."""
        tool_pool().end_idle()


def check_takes_calls(handler: Any) -> None:
    """Raise UsageError if `handler` cannot be called as `Handler` says."""
    hint = "def run_tool(name, arguments): …"
    if not callable(handler):
        raise UsageError(f"tool_handler is {handler!r:.80}, not a function", hint)
    try:
        signature = inspect.signature(handler)
    except (TypeError, ValueError):
        return
    try:
        signature.bind("", {}, **_accepted_arguments(handler, task_id="", user_task=""))
    except TypeError as error:
        what = f"tool_handler cannot be called with a name and arguments ({error})"
        raise UsageError(what, hint) from error


def _accepted_arguments(handler: Handler, **keywords: str) -> dict[str, str]:
    """Return the arguments that a handler takes by name; all if its signature is unknown."""
    try:
        parameters = inspect.signature(handler).parameters
    except (TypeError, ValueError):
        return keywords
    if any(one.kind is one.VAR_KEYWORD for one in parameters.values()):
        return keywords
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL)
    return {
        name: value
        for name, value in keywords.items()
        if name in parameters and parameters[name].kind not in positional
    }


def _todo_tool() -> Callable[[Any, Any], Any]:
    """Return hermes-agent's todo tool with a separate list, or ours if it is not installed."""
    found = importlib.util.find_spec("tools")
    # A user's own tools.py is not a package, and must not be run for this.
    if found is None or found.submodule_search_locations is None:
        return _own_todo()
    try:
        from tools.todo_tool import (  # type: ignore[import-not-found, unused-ignore]
            TodoStore as TheirStore,
        )
        from tools.todo_tool import todo_tool
    except ImportError:
        return _own_todo()
    theirs = TheirStore()
    return lambda todos, merge: todo_tool(todos=todos, merge=merge, store=theirs)


def _own_todo() -> Callable[[Any, Any], Any]:
    ours = TodoStore()
    return lambda todos, merge: json.dumps(ours.update(todos, merge), ensure_ascii=False)
