"""The tools of a run, from the values of `--tools`."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hermes_tui.model.errors import UsageError, near_hint
from hermes_tui.runtime.remote import local_path
from hermes_tui.runtime.tools.base import Answer, CallContext, Toolbox, ToolFailure, within

KINDS = ("builtin", "python", "mcp", "hermes", "schema")
SELF_LIMITING_KINDS = ("builtin", "python", "hermes")
"""Kinds that apply the time limit themselves: a shell command reports it in its answer, and a tool
process limits only the call, not the time to start the process again."""
BUILTIN_NAMES = ("terminal", "read_file", "write_file", "todo")


class Toolset:
    """Several toolboxes as one. Names are unique."""

    def __init__(self, boxes: Sequence[tuple[str, Toolbox]], timeout_s: float | None) -> None:
        self._boxes = [box for _, box in boxes]
        self._owner = _owners(boxes)
        self._timeout_s = timeout_s
        self._self_limiting = [box for spec, box in boxes if _kind(spec) in SELF_LIMITING_KINDS]
        self.schemas = tuple(schema for box in self._boxes for schema in box.schemas)
        self.specs = tuple(spec for box in self._boxes for spec in box.specs)
        self.manual = frozenset(name for box in self._boxes for name in box.manual)

    async def call(self, name: str, arguments: Any, context: CallContext) -> Answer:
        """Run the tool; raises ToolFailure for an unknown name and after the time limit."""
        box = self._owner.get(name)
        if box is None:
            hint = _near(name, self._owner)
            raise ToolFailure(f"LookupError: no tool is called {name!r}{hint}")
        limit_s = None if box in self._self_limiting else self._timeout_s
        return await within(limit_s, box.call(name, arguments, context))

    @property
    def news(self) -> tuple[str, ...]:
        """Messages about tools that have changed since the run began."""
        return tuple(news for box in self._boxes if (news := getattr(box, "news", "")))

    async def close(self) -> None:
        """Close all toolboxes concurrently, then raise the first exception, if there is any."""
        await _close_all(self._boxes)


async def open_tools(
    specs: Sequence[str],
    *,
    workdir: Path,
    outside: bool = False,
    timeout_s: float | None = None,
    withheld: Collection[str] = (),
) -> Toolset:
    """Open the tools that the values of `--tools` name, in order.

    `timeout_s` limits every call; a shell command has 30 s unless it asks for more, and at most ten
    minutes if there is no `timeout_s`. `withheld` are names of variables, and values, that are kept
    out of the environment of processes started for a tool.
    Raises UsageError for an invalid value or a duplicate name, and any exception of a toolbox that
    cannot be opened; the toolboxes opened by then are closed.
    """
    opened: list[tuple[str, Toolbox]] = []
    try:
        for spec in specs:
            opening = _Opening(spec, workdir, outside, timeout_s, withheld)
            opened.append((spec, await _open(opening)))
        return Toolset(opened, timeout_s)
    except BaseException:
        # Only the first error matters.
        with contextlib.suppress(Exception):
            await _close_all([box for _, box in opened])
        raise


class _Opening(NamedTuple):
    """One value of `--tools`, and the options for all of them."""

    spec: str
    workdir: Path
    outside: bool
    timeout_s: float | None
    withheld: Collection[str]


async def _open(opening: _Opening) -> Toolbox:
    spec, workdir = opening.spec, opening.workdir
    kind, rest = _kind(spec), spec.partition(":")[2]
    match kind:
        case "builtin":
            return _open_builtin(opening, rest)
        case "python" if rest:
            from hermes_tui.runtime.tools.tool_process import ToolProcess

            file = {"kind": kind, "path": str(local_path(rest))}
            return await ToolProcess.open(file, timeout_s=opening.timeout_s)
        case "mcp" if rest.strip():
            from hermes_tui.runtime.tools.mcp_stdio import McpTools

            return await McpTools.open(_words(spec, rest), withheld=opening.withheld)
        case "hermes" if _names(rest):
            from hermes_tui.runtime.tools.tool_process import ToolProcess

            named = {"kind": kind, "toolsets": _names(rest), "workdir": str(workdir)}
            return await ToolProcess.open(named, timeout_s=opening.timeout_s)
        case "schema" if rest:
            from hermes_tui.runtime.tools.manual import ManualTools

            return ManualTools.open(local_path(rest))
        case _ if kind in KINDS:
            what = {"mcp": "a command", "hermes": "toolsets"}.get(kind, "a path")
            raise UsageError(f"--tools {spec}: {what} is missing after {kind}:")
        case _:
            full = _with_kind(spec)
            hint = f"; did you mean {full}?" if full else _near(kind, KINDS)
            raise UsageError(f"--tools {spec}: unknown kind {kind!r}{hint}")


def _open_builtin(opening: _Opening, rest: str) -> Toolbox:
    from hermes_tui.runtime.tools.builtin import DEFAULT_TIMEOUT_S, MAX_TIMEOUT_S, BuiltinTools

    names = _names(rest) or list(BUILTIN_NAMES)
    for name in names:
        if name not in BUILTIN_NAMES:
            hint = _near(name, BUILTIN_NAMES)
            raise UsageError(f"--tools {opening.spec}: unknown built-in tool {name!r}{hint}")
    limit_s = opening.timeout_s
    return BuiltinTools(
        opening.workdir,
        names,
        outside=opening.outside,
        timeout_s=DEFAULT_TIMEOUT_S,
        max_timeout_s=MAX_TIMEOUT_S if limit_s is None else limit_s,
        withheld=opening.withheld,
    )


def _kind(spec: str) -> str:
    return spec.partition(":")[0].strip()


def _with_kind(spec: str) -> str:
    """Return a value of `--tools` that lacks its kind, with the kind; "" if it is not clear."""
    names = _names(spec)
    if names and set(names) <= set(BUILTIN_NAMES):
        return f"builtin:{spec.strip()}"
    kind = {".py": "python", ".json": "schema"}.get(Path(spec).suffix)
    return f"{kind}:{spec}" if kind else ""


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _words(spec: str, command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError as error:
        raise UsageError(f"--tools {spec}: {error}") from error


def _near(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    return f"; {near_hint(name, names, 'known: ' + ', '.join(names))}" if names else ""


def _owners(boxes: Sequence[tuple[str, Toolbox]]) -> dict[str, Toolbox]:
    """Return the toolbox of each tool name; raises UsageError for a name in two of them."""
    source: dict[str, str] = {}
    owner: dict[str, Toolbox] = {}
    for spec, box in boxes:
        for tool in box.specs:
            if tool.name in source:
                between = f"in {source[tool.name]} and in {spec}"
                raise UsageError(f"two tools are called {tool.name!r}, {between}", "leave one out")
            source[tool.name], owner[tool.name] = spec, box
    return owner


async def _close_all(boxes: Iterable[Toolbox]) -> None:
    ended = await asyncio.gather(*(box.close() for box in boxes), return_exceptions=True)
    for outcome in ended:
        if isinstance(outcome, BaseException):
            raise outcome
