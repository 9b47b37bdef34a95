"""A terminal debugger for the trajectories of tool-calling LLM agents.

`AgentLoop`, `AgentResult`, `Debugger`, `ToolError`, `debug` (an `AgentLoop` on the live screen) and
`resize_tool_pool` (how many blocking tools run at once) are loaded when they are first named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hermes_tui.version import __version__ as __version__

if TYPE_CHECKING:
    from hermes_tui.cli.own_loop import debug
    from hermes_tui.runtime.agent_loop import (
        AgentLoop,
        AgentResult,
        Debugger,
        ToolError,
        resize_tool_pool,
    )

__all__ = ["AgentLoop", "AgentResult", "Debugger", "ToolError", "debug", "resize_tool_pool"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    home = "hermes_tui.cli.own_loop" if name == "debug" else "hermes_tui.runtime.agent_loop"
    return getattr(import_module(home), name)
