"""`hermes-tui live` and `hermes-tui demo`: a run under the debugger, with or without a screen."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hermes_tui.cli.fail_on import FailOn
from hermes_tui.cli.live_arguments import fill_in_defaults
from hermes_tui.cli.live_recorded import RECORDED_SETTINGS, check_recorded_options, fill_in_recorded
from hermes_tui.cli.stderr import print_notice
from hermes_tui.cli.terminal import check_draws, report_end_signal, take_keys_from_terminal
from hermes_tui.formats.secrets import masked_url
from hermes_tui.model.errors import SourceError, UsageError
from hermes_tui.runtime.live_settings import (
    HEADER_NAMES,
    KEY_NAME,
    Limits,
    LiveSettings,
    ServerSettings,
)
from hermes_tui.runtime.parser_names import text_parser
from hermes_tui.runtime.remote import local_path

if TYPE_CHECKING:
    from hermes_tui.debugger.breakpoints import Breakpoint
    from hermes_tui.runtime.branches import Branches

TOP_LOGPROBS = 5
"""How many alternatives to request for each token: the lowest maximum of all servers."""

EXAMPLES = {
    "--extra-body": """'{"seed": 1}'""",
    "--tool-choice": """'{"type": "function", "function": {"name": "terminal"}}'""",
}


def run_live(arguments: argparse.Namespace) -> int:
    """Run the loop and return the exit code."""
    has_screen = sys.stdout.isatty() and not arguments.headless
    _check(arguments, has_screen=has_screen)
    fail_on = _fail_on(arguments.fail_on, has_screen=has_screen)
    if arguments.resume:
        fill_in_recorded(arguments, local_path(arguments.resume))
    fill_in_defaults(arguments)
    if not arguments.api and not arguments.replay:
        arguments.api = "openai" if arguments.server else _demo_api(arguments)
    if arguments.api == "demo":
        _fill_in_demo(arguments)
    settings = _settings(arguments, has_screen=has_screen)
    if not has_screen:
        from hermes_tui.cli.headless import run_headless

        return run_headless(settings, fail_on)
    hints: dict[str, str] = {}
    if arguments.api == "demo":
        from hermes_tui.runtime.servers.demo_task import HINTS

        hints = dict(HINTS)
    return _draw(settings, arguments.theme, hints)


def run_demo(arguments: argparse.Namespace) -> int:
    """Play the demo and return the exit code."""
    from hermes_tui.cli.main import parser

    line = ["live", "--api", "demo"]
    if arguments.theme:
        line += ["--theme", arguments.theme]
    if record := arguments.record or _temporary_recording():
        line += ["--record", record]
    if arguments.stream:
        line.append("--stream")
    return run_live(parser().parse_args(line))


def _temporary_recording() -> str:
    """Return and report a temporary recording if the usual place is not writable; else ""."""
    from hermes_tui.runtime.writer import default_folder, temporary_path

    path = temporary_path()
    if path is None:
        return ""
    print_notice(f"{default_folder()} cannot be written: the demo is recorded in {path}")
    return str(path)


def _check(arguments: argparse.Namespace, *, has_screen: bool) -> None:
    if arguments.no_record and (arguments.record or arguments.resume):
        raise UsageError(
            "--no-record cannot be combined with --record or --resume", "leave one out"
        )
    if arguments.resume and (arguments.replay or arguments.record):
        raise UsageError(
            "--resume continues the recording itself", "leave out --record and --replay"
        )
    check_recorded_options(arguments, has_screen=has_screen)
    if arguments.at and not arguments.messages:
        raise UsageError("--at needs --messages FILE", "give both, or neither")
    if arguments.format:
        _check_format(arguments)
    if arguments.api in ("openai", "http", "managed") and not (
        arguments.server or arguments.resume
    ):
        raise UsageError(f"--api {arguments.api} needs --server URL")
    if arguments.api == "managed" and not (arguments.model or arguments.resume):
        raise UsageError("--api managed needs --model NAME")
    if arguments.api == "managed" and arguments.raw:
        raise UsageError("--api managed returns tokens anyway", "leave out --raw")
    if arguments.server and not arguments.server.startswith(("http://", "https://")):
        raise UsageError(
            f"--server {masked_url(arguments.server)!r} is not a URL",
            "such as http://127.0.0.1:8000/v1",
        )


def _check_format(arguments: argparse.Namespace) -> None:
    if not arguments.messages:
        raise UsageError("--format needs --messages FILE", "give both, or neither")
    from hermes_tui.runtime.opener import check_format

    check_format(arguments.format)


def _fail_on(text: str | None, *, has_screen: bool) -> FailOn:
    if text is not None and has_screen:
        raise UsageError("--fail-on is for runs without a screen", "add --headless")
    return FailOn.parse(text)


def _demo_api(arguments: argparse.Namespace) -> str:
    """Return the API of the demo; raise UsageError if the options describe a run of one's own."""
    run_options = ("task", "system", "messages", "tools", "model")
    if any(getattr(arguments, name) for name in run_options):
        raise UsageError("no server", "give --server URL or --api local; or run `hermes-tui demo`")
    return "demo"


def _fill_in_demo(arguments: argparse.Namespace) -> None:
    from hermes_tui.runtime.servers.demo_task import DEMO_SYSTEM, DEMO_TASK, DEMO_TOOLS

    arguments.tools = arguments.tools or ["builtin:" + ",".join(DEMO_TOOLS)]
    arguments.model = arguments.model or "demo"
    if not arguments.task and not arguments.messages:
        arguments.system = arguments.system or DEMO_SYSTEM
        arguments.task = DEMO_TASK


def _settings(arguments: argparse.Namespace, *, has_screen: bool) -> LiveSettings:
    messages = _messages(arguments)
    extra = _extra_body(arguments)
    server = _server(arguments, pace_s=0.02 if has_screen else 0.0)
    recorded = {name: getattr(arguments, name) for name in RECORDED_SETTINGS}
    header_names = {HEADER_NAMES: [*server.headers]} if server.headers else {}
    return LiveSettings(
        server=server,
        origin={**recorded, "server": masked_url(arguments.server), **header_names},
        parameters=extra if arguments.resume else {**_parameters(arguments), **extra},
        messages=messages,
        task=arguments.task,
        tools=tuple(arguments.tools),
        tool_timeout_s=arguments.tool_timeout,
        workdir=_folder(arguments.workdir),
        outside=arguments.outside,
        max_turns=arguments.max_turns,
        mode=arguments.mode,
        parser=text_parser(arguments.parser, arguments.mode),
        retries=arguments.retries,
        # Without a screen, too, no tool runs that nobody approved.
        stops="named" if arguments.headless else "run" if arguments.run else "step",
        breakpoints=_breakpoints(arguments.breakpoints),
        record=_recording(arguments.record),
        recorded=not arguments.no_record,
        limits=Limits(arguments.time_limit, arguments.token_limit),
        resume=local_path(arguments.resume) if arguments.resume else None,
        replay=local_path(arguments.replay) if arguments.replay else None,
    )


def _breakpoints(lines: list[str]) -> tuple[Breakpoint, ...]:
    if not lines:
        return ()
    # Loaded only if needed: the first paint waits for the imports above.
    from hermes_tui.runtime.live import parse_breakpoints

    return parse_breakpoints(lines)


def _messages(arguments: argparse.Namespace) -> tuple[dict[str, Any], ...]:
    if arguments.resume or arguments.replay:
        return ()
    messages: list[dict[str, Any]] = []
    if arguments.system:
        messages.append({"role": "system", "content": arguments.system})
    if arguments.messages:
        # Loaded only if needed: the first paint waits for the imports above.
        from hermes_tui.cli.live_messages import messages_from

        place = arguments.messages, arguments.at, arguments.format
        messages += messages_from(*place, has_tools=bool(arguments.tools))
    if arguments.task:
        _check_answered(messages, arguments)
        messages.append({"role": "user", "content": arguments.task})
    if not any(message.get("role") == "user" for message in messages):
        raise UsageError("no task", "give --task TEXT or --messages FILE")
    return tuple(messages)


def _check_answered(messages: list[dict[str, Any]], arguments: argparse.Namespace) -> None:
    if not messages or arguments.mode == "faithful":
        return
    from hermes_tui.debugger.prefix import has_open_calls

    if has_open_calls(messages):
        message = "--messages ends with a call without a result, which no --task can follow"
        raise UsageError(message, "leave --task out: the call is run, and its result sent")


def _recording(name: str) -> Path | None:
    path = local_path(name) if name else None
    if path is not None and path.is_dir():
        raise UsageError(f"{path} is a folder", "name a file in it with --record")
    return path


def _folder(name: str) -> Path | None:
    if not name:
        return None
    folder = local_path(name)
    if not folder.is_dir():
        raise SourceError(name, "the workdir is not a folder", "make it, or leave out --workdir")
    return folder


def _server(arguments: argparse.Namespace, *, pace_s: float) -> ServerSettings:
    headers = {}
    for header in arguments.header:
        name, colon, value = header.partition(":")
        if not colon or not name.strip():
            raise UsageError(f"--header {name!r} is not a header", "--header 'Name: value'")
        headers[name.strip()] = value.strip()
    key = os.environ.get(arguments.api_key_env, "")
    if not key and arguments.api_key_env != KEY_NAME:
        missing = f"--api-key-env: no environment variable is called {arguments.api_key_env}"
        raise UsageError(missing, "export the key under that name, or name another one")
    return ServerSettings(
        api=arguments.api or "",
        url=arguments.server,
        model=arguments.model,
        api_key=key if arguments.api in ("openai", "http", "managed") else "",
        headers=headers,
        timeout_s=arguments.timeout,
        stream=arguments.stream,
        tokenizer=arguments.tokenizer,
        server_type=arguments.server_type,
        tool_parser=arguments.tool_parser,
        key_name=arguments.api_key_env,
        pace_s=pace_s,
    )


def _parameters(arguments: argparse.Namespace) -> dict[str, Any]:
    parameters: dict[str, Any] = {"temperature": arguments.temperature}
    if arguments.max_tokens is not None:
        parameters["max_tokens"] = arguments.max_tokens
    if arguments.raw == "logprobs":
        parameters |= {"logprobs": True, "top_logprobs": TOP_LOGPROBS}
    if arguments.tool_choice:
        choice = arguments.tool_choice
        is_json = choice.startswith("{")
        parameters["tool_choice"] = _parse_json("--tool-choice", choice) if is_json else choice
    return parameters


def _extra_body(arguments: argparse.Namespace) -> dict[str, Any]:
    if not arguments.extra_body:
        return {}
    extra = _parse_json("--extra-body", arguments.extra_body)
    if not isinstance(extra, dict):
        example = EXAMPLES["--extra-body"]
        raise UsageError("--extra-body must be a JSON object", f"such as {example}")
    return extra


def _parse_json(option: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        hint = f"quote it: {EXAMPLES[option]}"
        raise UsageError(f"{option} is not JSON: {error}", hint) from error


async def _open(settings: LiveSettings) -> Branches:
    # Loaded after the first paint.
    from hermes_tui.runtime.live import open_branches

    return await open_branches(settings)


def _draw(settings: LiveSettings, theme: str, hints: dict[str, str]) -> int:
    from hermes_tui.cli.open import make_config
    from hermes_tui.runtime.terminal_shield import shielded_terminal
    from hermes_tui.ui.live_app import LiveApp

    check_draws()
    take_keys_from_terminal()
    server_label = masked_url(settings.server.url) or settings.server.api
    label = str(settings.resume or settings.replay or server_label)
    app = LiveApp(lambda: _open(settings), make_config(theme), label=label, hints=hints)
    with shielded_terminal() as size:
        app.run(size=size)
    if app.failure is not None:
        raise app.failure
    report_end_signal(app.ended_by)
    for line in app.last_words:
        print_notice(line)
    return app.abort_reason.exit_code if app.abort_reason is not None else app.return_code or 0
