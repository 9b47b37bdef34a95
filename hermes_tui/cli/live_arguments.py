"""The command lines of `hermes-tui live` and `hermes-tui demo`. Loads nothing but argparse."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING, Final

from hermes_tui.cli.inputs import add_format_option, add_theme_option
from hermes_tui.model.whole_numbers import whole_number

if TYPE_CHECKING:
    from hermes_tui.cli.inputs import Commands

TOOLS = """\
SPEC is one of
  builtin             terminal, read_file, write_file and todo; builtin:todo
                      gives only that one
  python:FILE         the typed functions of a Python file
  mcp:COMMAND         an MCP server on standard input and output
                      (hermes-tui[mcp])
  hermes:TOOLSET      a toolset of hermes-agent, if that is installed
  schema:FILE         a JSON list of tools; you type every result
Built-in file tools stay in the workdir unless --outside is given. terminal
is a shell that starts there with your rights; it is not sandboxed. Each
command has its own process group, time limit and output limit. Commands and
MCP servers do not get the key of --api-key-env, nor variables whose name or
value looks like a secret. Python and hermes-agent tools run in a separate
process with your whole environment: if it crashes, the call fails; if it
hangs, it is killed, and the next call loads the file again. What they print
is shown while they run."""
BREAKPOINTS = """\
The run stops before every call; with --run only when something goes wrong: a
call that no parser read or that is only in the reasoning, a truncated reply,
arguments that are not JSON, are encoded twice or do not fit the schema,
calls that share an id, an unknown tool, a failed request. A breakpoint is a
LINE:
  POINT[:TOOL] [if EXPRESSION] [ignore N] [every N] [once] [log "{tool}"]
                      also disabled, count, fail; an EXPRESSION alone applies
                      to calls
  POINT               before_request after_response after_parse
                      before_dispatch after_result tool_error repeat turn_end
                      run_end; on by default: request_failed truncated
                      parse_failure unknown_tool invalid_args manual recovery
                      divergence
  fields              point turn attempt hits tool name args arguments text
                      id index origin state repeats error finish calls"""
RECORDING = """\
Every event is appended to a file as it happens, so that a crash loses
nothing: neither a half-received reply nor the traceback of a tool that
raised. Server output beyond 1 MB is packed there and in the lines without a
screen (raw_packed, body_packed: zlib in base64); `open` shows it unpacked.
--resume returns to the same stop; a tool that may already have run is not run
again without asking; without a screen, a request whose reply was lost is sent
again at once. A --headless recording that is resumed on a screen stops
whenever something goes wrong. --replay stops where the run diverges from the
recording, and ends where the recording does. No credentials are written: pass
those of --server, --header and --extra-body again with --resume."""
HEADLESS = """\
Without a terminal, or with --headless, events are printed as JSON lines; a
line has `findings` if its event revealed any. Without a terminal and
without --headless, the run stops where it would on a screen: before every
call, or with --run when something goes wrong. There it exits with 4; no tool
runs without approval."""
EXAMPLES = """\
  hermes-tui live --server http://host:8000/v1 --tools builtin --task "…"
  hermes-tui live --api local --tools builtin:terminal --task "List the files"
  hermes-tui live --server URL --tools python:tools.py --task … --run \\
      --break 'before_dispatch:terminal if "rm " in args.command'
  hermes-tui live --server URL --messages a.jsonl --at 1:12   continue there
  hermes-tui live --resume run.jsonl     continue where a run stopped
  hermes-tui live --replay run.jsonl     the recording answers
  hermes-tui live --headless … --fail-on CALL_IN_CONTENT,TRUNCATED
  hermes-tui live --headless … | jq 'select(.findings).findings[]'

exit codes without a screen: 0 finished; 1 ended otherwise, or finished with
a finding that --fail-on names; 2 wrong usage; 3 cannot read, write or start
something; 4 stopped; 5 replay diverged; 6 time or token limit reached; 129
SIGHUP, 130 Ctrl-C, 143 SIGTERM (also with a screen): continue with --resume,
without --headless if a person is needed"""
DEMO_EPILOG = """\
  hermes-tui demo                   space runs a call, ? lists the keys
  hermes-tui demo --stream --record demo.jsonl

exit codes: 0 fine, 2 wrong usage, 3 cannot draw or write, 129 SIGHUP, 143
SIGTERM; without a screen those of `hermes-tui live --help`"""
DEFAULTS: Final = {
    "api_key_env": "OPENAI_API_KEY",
    "temperature": 1.0,
    "timeout": 600.0,
    "retries": 0,
    "server_type": "vllm",
    "tool_parser": "hermes",
    "max_turns": 30,
    "mode": "strict",
    "parser": "auto",
}
"""Defaults of options that are None if not given, because a recording may decide them."""


def _seconds(text: str) -> float:
    number = _number(text)
    if not number > 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0, such as 30")
    return number


def _temperature(text: str) -> float:
    number = _number(text)
    if not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"{text!r} is not a temperature, such as 0.7")
    return number


def _count(text: str) -> int:
    return _whole_number(text, 1)


def _count_or_zero(text: str) -> int:
    return _whole_number(text, 0)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _whole_number(text: str, minimum: int) -> int:
    number = whole_number(text)
    if number is None or number < minimum:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {minimum} on")
    return number


def fill_in_defaults(arguments: argparse.Namespace) -> None:
    """Set the defaults of options that neither the command line nor a recording decided."""
    for name, value in DEFAULTS.items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, value)


def add_live(commands: Commands) -> None:
    command = commands.add_parser(
        "live",
        help="run the agent loop and stop before every tool call",
        description="Run the agent loop under the debugger: every tool call waits for you.",
        usage="%(prog)s [-h] [OPTION …]",
        epilog=EXAMPLES,
    )
    _add_server_options(command.add_argument_group("server"))
    _add_task_options(command.add_argument_group("task and tools", TOOLS))
    _add_debugger_options(command.add_argument_group("debugger", BREAKPOINTS))
    _add_recording_options(command.add_argument_group("recording", RECORDING))
    _add_headless_options(command.add_argument_group("without a screen", HEADLESS))


def add_demo(commands: Commands) -> None:
    command = commands.add_parser(
        "demo",
        help="learn the debugger on a scripted model: no key, no network",
        description="A scripted model makes the usual mistakes; the built-in tools really run.",
        epilog=DEMO_EPILOG,
    )
    command.add_argument("--stream", action="store_true", help="stream the replies")
    command.add_argument(
        "--record", default="", metavar="FILE", help="where to record (default: the state folder)"
    )
    add_theme_option(command)


def _add_server_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--server", default="", metavar="URL", help="such as http://host:8000/v1")
    group.add_argument(
        "--api",
        choices=("openai", "http", "managed", "local", "demo"),
        help="openai: the SDK, calls arrive as objects (default with --server); http: plain HTTP, "
        "calls arrive as dicts; managed: Atropos ManagedServer around /generate; local: a small "
        "model on this machine; demo: a scripted model (default without --server and --task)",
    )
    group.add_argument(
        "--model", default="", metavar="NAME", help="default: the first one the server lists"
    )
    group.add_argument(
        "--api-key-env",
        metavar="NAME",
        help="environment variable with the key (default: OPENAI_API_KEY)",
    )
    group.add_argument(
        "--header",
        action="append",
        default=[],
        metavar="'NAME: VALUE'",
        help="sent with every request; repeatable",
    )
    group.add_argument("--extra-body", default="", metavar="JSON", help="merged into every request")
    group.add_argument("--temperature", type=_temperature, metavar="NUMBER", help="default: 1")
    group.add_argument("--max-tokens", type=_count, metavar="N", help="limit for each reply")
    group.add_argument(
        "--raw",
        choices=("logprobs",),
        default="",
        help="also ask for the tokens of every reply, to show what the server did with them and "
        "what it kept back (pane 7)",
    )
    group.add_argument("--tool-choice", default="", metavar="CHOICE", help="auto, none, … or JSON")
    group.add_argument("--stream", action="store_true", help="stream the replies")
    group.add_argument(
        "--timeout",
        type=_seconds,
        metavar="SECONDS",
        help="limit for each request (default: 600)",
    )
    group.add_argument(
        "--retries",
        type=_count_or_zero,
        metavar="N",
        help="how often a failed request is retried automatically (default: 0)",
    )
    group.add_argument(
        "--tokenizer", default="", metavar="NAME", help="managed: tokenizer of the model"
    )
    group.add_argument("--server-type", choices=("vllm", "sglang"), help="managed: kind of server")
    group.add_argument("--tool-parser", metavar="NAME", help="managed: a parser of vLLM")


def _add_task_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--task", default="", metavar="TEXT", help="what the agent should do: the user message"
    )
    group.add_argument("--system", default="", metavar="TEXT", help="the system message")
    group.add_argument(
        "--messages",
        default="",
        metavar="FILE",
        help="start from these: a JSON list of messages, or a run of any file that `open` can "
        "show; calls at their end that have no result are run first",
    )
    group.add_argument(
        "--at",
        default="",
        metavar="RUN[:MESSAGE]",
        help="of --messages: the run (number or id), and the message (number) before which to "
        "continue",
    )
    add_format_option(group, "of --messages: ")
    group.add_argument(
        "--tools",
        action="append",
        default=[],
        metavar="SPEC",
        help="see above; repeatable",
    )
    group.add_argument(
        "--tool-timeout",
        type=_seconds,
        metavar="SECONDS",
        help="limit for each tool call (default: none; terminal: 30, or what the call asks for up "
        "to 600)",
    )
    group.add_argument("--workdir", default="", metavar="DIR", help="default: a new, empty folder")
    group.add_argument(
        "--outside", action="store_true", help="let built-in file tools leave the workdir"
    )
    group.add_argument(
        "--max-turns",
        type=_count_or_zero,
        metavar="N",
        help="limit on the model's replies (default: 30)",
    )
    group.add_argument(
        "--mode",
        choices=("strict", "faithful"),
        help="faithful: reproduce HermesAgentLoop, bugs included; strict: without them (default)",
    )
    group.add_argument(
        "--parser",
        metavar="NAME",
        help="which calls in the text of a reply without tool_calls are run: auto: "
        "those written as <tool_call> or <function=…> (default); none; ENGINE/FORMAT: those "
        "that this parser reads (`parsers` lists them)",
    )


def _add_debugger_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--run",
        action="store_true",
        help="do not stop before every call, only at breakpoints and when something goes wrong",
    )
    group.add_argument(
        "--break",
        dest="breakpoints",
        action="append",
        default=[],
        metavar="LINE",
        help="see above; repeatable",
    )
    add_theme_option(group)


def _add_recording_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--record", default="", metavar="FILE", help="where to record (default: the state folder)"
    )
    group.add_argument("--no-record", action="store_true", help="record nothing")
    group.add_argument("--resume", default="", metavar="FILE", help="continue a recording")
    group.add_argument(
        "--replay", default="", metavar="FILE", help="replay a recording instead of asking a server"
    )


def _add_headless_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--headless",
        action="store_true",
        help="no screen, events as JSON lines; stops at a --break, at a call that you answer "
        "yourself (schema:), and where a replay diverges",
    )
    group.add_argument(
        "--fail-on",
        metavar="CODES",
        help="also exit with 1 for findings of these codes, as in A,B:error (see scan)",
    )
    group.add_argument(
        "--time-limit",
        type=_seconds,
        metavar="SECONDS",
        help="stop after this much time in requests and tools",
    )
    group.add_argument(
        "--token-limit",
        type=_count,
        metavar="N",
        help="stop after this many tokens, in and out together",
    )
