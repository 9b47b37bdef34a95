"""A terminal debugger for the trajectories of tool-calling LLM agents.

Public names, each imported on first use:

- `AgentLoop` runs an agent, as HermesAgentLoop does, and returns an `AgentResult`, which has the
  `ToolError`s of the run;
- `Debugger` stops such a run for your own code; its `decide` returns `Resume`, `SkipCall`,
  `EditArguments` or another of the inputs below;
- `debug` runs an `AgentLoop` on the live screen instead;
- `resize_tool_pool` sets how many blocking tools run at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hermes_tui.version import __version__ as __version__

if TYPE_CHECKING:
    from hermes_tui.cli.own_loop import debug
    from hermes_tui.debugger.inputs import (
        AddCall,
        DropCall,
        EditArguments,
        EditMessage,
        EditName,
        EditText,
        FailCall,
        Resume,
        Retry,
        SetParameters,
        SkipCall,
        SubstituteResult,
        Terminate,
    )
    from hermes_tui.debugger.stepping import Command
    from hermes_tui.runtime.agent_loop import (
        AgentLoop,
        AgentResult,
        Debugger,
        ToolError,
        resize_tool_pool,
    )

__all__ = [
    "AddCall",
    "AgentLoop",
    "AgentResult",
    "Command",
    "Debugger",
    "DropCall",
    "EditArguments",
    "EditMessage",
    "EditName",
    "EditText",
    "FailCall",
    "Resume",
    "Retry",
    "SetParameters",
    "SkipCall",
    "SubstituteResult",
    "Terminate",
    "ToolError",
    "debug",
    "resize_tool_pool",
]

_HOMES = {
    "Command": "hermes_tui.debugger.stepping",
    "debug": "hermes_tui.cli.own_loop",
    **dict.fromkeys(
        ("AgentLoop", "AgentResult", "Debugger", "ToolError", "resize_tool_pool"),
        "hermes_tui.runtime.agent_loop",
    ),
}
"""The modules of the public names that are not inputs of a session."""


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES.get(name, "hermes_tui.debugger.inputs")), name)
