"""Builds a live run from its settings: server, tools, messages, recording."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hermes_tui.debugger import inputs as given
from hermes_tui.debugger.breakpoints import Breakpoint, parse_breakpoint, why_without_effect
from hermes_tui.debugger.stepping import RUN_MODE, STEP_MODE, StopPoint
from hermes_tui.formats.secrets import masked_url
from hermes_tui.log.expressions import ExpressionError
from hermes_tui.model.errors import SourceError, StoreError, UsageError
from hermes_tui.model.events import RunStarted
from hermes_tui.runtime.branches import Branches
from hermes_tui.runtime.live_settings import LiveSettings, ServerSettings

if TYPE_CHECKING:
    from hermes_tui.log.event_log import MemoryLog
    from hermes_tui.runtime.servers.base import Server
    from hermes_tui.runtime.servers.hosted import Host
    from hermes_tui.runtime.tools.base import Toolbox


def parse_breakpoints(lines: list[str]) -> tuple[Breakpoint, ...]:
    """Parse breakpoint lines; raises UsageError for the first invalid one."""
    breakpoints = []
    for number, line in enumerate(lines, 1):
        try:
            breakpoints.append(parse_breakpoint(line, breakpoint_id=f"b{number}"))
        except ExpressionError as error:
            # Its column counts from the start of the condition, not of the line.
            message = f"--break {line!r}: in the condition: {error.message}"
            raise UsageError(message, error.hint) from error
        except UsageError as error:
            raise UsageError(f"--break {line!r}: {error.message}", error.hint) from error
    return tuple(breakpoints)


STOPS: Final[Mapping[str, frozenset[StopPoint]]] = {
    "step": STEP_MODE,
    "run": RUN_MODE,
    "named": frozenset({StopPoint.DIVERGENCE, StopPoint.MANUAL}),
}
"""The stop points of each `--stops` mode."""


async def open_branches(settings: LiveSettings) -> Branches:
    """Start the server, the tools and the run; if that fails, close what was started."""
    if settings.replay is not None:
        from hermes_tui.runtime.replay import open_replay

        return open_replay(settings, settings.replay)
    async with AsyncExitStack() as undo:
        server, url = await open_server(settings.server)
        undo.push_async_callback(server.close)
        workdir = settings.workdir or _new_folder()
        tools = await _open_tools(settings, workdir)
        branches = Branches(
            server,
            tools,
            record=settings.record,
            recorded=settings.recorded,
            limits=settings.limits,
            secrets=_secrets(settings.server),
        )
        # They close the server, too.
        undo.pop_all()
        undo.push_async_callback(branches.close)
        if settings.resume is not None:
            # A run that nobody watched until now also stops at mishaps once somebody does.
            stops = {STOPS["named"]: STOPS[settings.stops]}
            resumed = branches.resume(settings.resume, stops, settings.parameters)
            branches.warnings = _changed_tools(resumed.log, tools)
        else:
            origin = {**settings.origin, "workdir": str(workdir.absolute())}
            branches.start(await _start(settings, server, tools, url, origin))
            branches.warnings = tuple(
                f"breakpoint {each.text}: {reason}"
                for each in settings.breakpoints
                for reason in why_without_effect(each, tools.specs)
            )
        undo.pop_all()
        return branches


def _new_folder() -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix="hermes-tui-"))
    except OSError as error:
        hint = "name one with --workdir, or set TMPDIR"
        raise StoreError("a new working folder", error.strerror or str(error), hint) from error


def _changed_tools(log: MemoryLog, tools: Toolbox) -> tuple[str, ...]:
    """Return a warning if the tools differ from those that the run was started with."""
    from hermes_tui.runtime.tools.changed_schemas import schemas_changed

    first = log[0]
    parameters = first.details.get("parameters") if isinstance(first, RunStarted) else None
    declared = parameters.get("tools") if isinstance(parameters, dict) else None
    changed = schemas_changed(declared if isinstance(declared, list) else (), tools.schemas)
    return (f"tools: {changed}",) if changed else ()


def _secrets(settings: ServerSettings) -> tuple[str, ...]:
    return (*settings.headers.values(), *_credentials(settings))


def _credentials(settings: ServerSettings) -> frozenset[str]:
    from hermes_tui.runtime.servers.redaction import credentials

    return credentials(settings.url, settings.api_key, settings.headers)


async def _open_tools(settings: LiveSettings, workdir: Path) -> Toolbox:
    from hermes_tui.runtime.tools.toolset import open_tools

    if settings.server.api == "demo" and settings.resume is None:
        from hermes_tui.runtime.servers.demo_task import prepare_workdir

        prepare_workdir(workdir)
    return await open_tools(
        settings.tools,
        workdir=workdir,
        outside=settings.outside,
        timeout_s=settings.tool_timeout_s,
        withheld=_credentials(settings.server) | {settings.server.key_name},
    )


async def open_server(settings: ServerSettings) -> tuple[Server, str]:
    """Return the server to send requests to, and their base URL."""
    common: dict[str, Any] = {
        "api_key": settings.api_key,
        "headers": settings.headers,
        "timeout_s": settings.timeout_s,
        "key_name": settings.key_name,
    }
    match settings.api:
        case "openai":
            from hermes_tui.runtime.servers.openai_sdk import OpenAIServer

            return OpenAIServer(settings.url, **common), settings.url
        case "http":
            from hermes_tui.runtime.servers.http import HttpServer

            return HttpServer(settings.url, **common), settings.url
        case "managed":
            return _managed(settings), settings.url
        case _:
            from hermes_tui.runtime.servers.hosted import HostedServer

            hosted = await HostedServer.started(_host(settings), **common)
            return hosted, hosted.base_url


def _managed(settings: ServerSettings) -> Server:
    from hermes_tui.runtime.servers.managed import ManagedServer

    return ManagedServer(
        settings.url,
        model=settings.model,
        server_type=settings.server_type,
        tokenizer_name=settings.tokenizer,
        tool_parser=settings.tool_parser,
        api_key=settings.api_key,
        timeout_s=settings.timeout_s,
    )


def _host(settings: ServerSettings) -> Host:
    if settings.api == "local":
        from hermes_tui.runtime.servers.local import LocalModel

        return LocalModel(settings.model)
    from hermes_tui.runtime.servers.demo import DemoServer

    return DemoServer(delay_s=settings.pace_s)


async def _start(
    settings: LiveSettings, server: Server, tools: Toolbox, url: str, origin: dict[str, Any]
) -> given.Start:
    from hermes_tui.formats.writers.openai import without_notes

    server_settings = settings.server
    model = server_settings.model or await _first_model(settings.server, url)
    parameters: dict[str, Any] = {"model": model, "n": 1, **settings.parameters}
    if tools.schemas:
        parameters["tools"] = list(tools.schemas)
    if server_settings.stream:
        parameters |= {"stream": True, "stream_options": {"include_usage": True}}
    return given.Start(
        tuple(map(without_notes, settings.messages)),
        read_as=settings.messages,
        tools=tools.specs,
        parameters=parameters,
        url=server.url,
        parser="" if settings.parser == "none" else settings.parser,
        mode=settings.mode,
        retries=settings.retries,
        manual=tools.manual,
        max_turns=settings.max_turns,
        task=settings.task,
        model=model,
        stop_points=STOPS[settings.stops],
        breakpoints=settings.breakpoints,
        details={"live": origin},
    )


async def _first_model(settings: ServerSettings, url: str) -> str:
    """Return the first model that a server lists."""
    if settings.api == "managed":
        raise UsageError("--api managed needs --model")
    import httpx

    from hermes_tui.runtime.servers.hints import (
        KEY_STATUSES,
        NOTHING_LISTED,
        Access,
        key_hint,
        listed_models,
    )

    access = Access(url, settings.api_key, settings.headers, settings.key_name)
    try:
        status, listed = await listed_models(access, timeout_s=10)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        hint = "is the server running at this URL?"
        problem = f"{type(error).__name__}: {error}".rstrip(": ")
        what = f"its models cannot be listed: {masked_url(problem)}"
        raise SourceError(masked_url(url), what, hint) from error
    if not listed:
        hint = key_hint(access) if status in KEY_STATUSES else NOTHING_LISTED
        raise SourceError(masked_url(url), f"lists no models (status {status})", hint)
    return listed[0]
