"""`hermes-tui parse`: what a tool-call parser reads from a text, and why."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hermes_tui.cli.inputs import path_text
from hermes_tui.cli.parse_input import open_input, read_text, read_tools, reply_text
from hermes_tui.cli.stderr import print_notice
from hermes_tui.model.errors import SourceError, UsageError
from hermes_tui.model.wording import shortened

if TYPE_CHECKING:
    from hermes_tui.cli.inputs import Commands
    from hermes_tui.model.messages import ToolSpec
    from hermes_tui.runtime.parser_panel import ParserPanel
    from hermes_tui.runtime.parser_verdicts import ParserVerdict
    from hermes_tui.runtime.real_parser import Deltas

LONG_TEXT = 500_000
"""The length, in characters, from which a text takes about a second."""
_DESCRIPTION = """\
Read a model's text as the tool-call parsers of vLLM, SGLang and hermes-agent
do, and explain the result. `hermes-tui parsers` lists their names; real/… are
engines that were added with `hermes-tui engines add`."""

_EPILOG = """\
FILE.py[:NAME] is a parser of your own: a function parse(text, tools), with
tools as in a request, that returns calls, as {"name", "arguments"} or in
OpenAI's form, or (content, calls); or a plug-in for vLLM's
--tool-parser-plugin, a detector of SGLang or a ToolCallParser of hermes-agent,
run inside the engine that was added (vllm-0.33.0/FILE.py chooses one). NAME may
be left out if the file holds only one parser. It runs in a separate process.
Strings in the file that look like markers count as single tokens of a stream.

A line of --batch: {"id", "parser", "text", "tools"}, also "reasoning_parser",
"stream" (such as "1") and "expected" (any of outcome, tool_calls of name and
arguments, content, reasoning). It cannot name a file as its parser, since
reading that would run it.

--json, and every row of --batch (with the "id" of its line), has these fields:
  parser, version      whose verdict it is; "real": true for an engine itself,
                       or a file of yours
  outcome              calls, text, raised (the parser failed: "error" says
                       how), refused (--batch: the line is wrong, or its parser
                       is missing)
  tool_calls           [{"name", "arguments", "span"}]: arguments as returned
  content, reasoning   what else the client gets; null for none
  tools_called         whether the parser reports calls (finish_reason)
  dropped              spans that the client does not get
  diagnostics          [{"code", "severity", "span", "message", "hint"}]
  explained_by         the parser that findings and spans come from, null for
                       this one
  log, printed         warnings of a real engine; lines that your parser printed
  steps                with --steps
Spans are [start, end) in characters of the text, null if unknown. More fields
may be added; these stay.

  hermes-tui parse reply.txt                   guess the parser from the markers
  hermes-tui parse reply.txt --parser vllm/hermes --tools tools.json
  hermes-tui parse reply.txt --all             how every parser reads it
  hermes-tui parse reply.txt --parser ./mine.py
  hermes-tui parse - --parser real/vllm-0.33.0/hermes --stream 1
  hermes-tui parse --batch rows.jsonl --expect > a.jsonl   record the verdicts
  hermes-tui parse --batch a.jsonl --check                 report what changed

exit codes: 0 fine, 1 error-level findings (--check: a verdict has changed), 2
wrong usage (--batch: an invalid line), 3 cannot read, or an engine is missing"""


def add_parse(commands: Commands) -> None:
    """Add the command to the return value of `add_subparsers`."""
    command = commands.add_parser(
        "parse",
        help="parse a text as a tool-call parser would, and explain the result",
        usage="%(prog)s [-h] [OPTION …] [FILE]",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    command.add_argument(
        "path",
        nargs="?",
        default="-",
        type=path_text,
        metavar="FILE",
        help="- is standard input (the default)",
    )
    command.add_argument(
        "--parser",
        action="append",
        default=[],
        metavar="NAME",
        help="ENGINE/FORMAT or FILE.py[:NAME]; repeatable (default: guessed from the markers)",
    )
    command.add_argument(
        "--reasoning-parser",
        default="",
        metavar="NAME",
        help="split off the reasoning first, as a server does (real engines only)",
    )
    command.add_argument("--tools", default="", metavar="FILE", help="the tools: a JSON list")
    command.add_argument(
        "--stream",
        default="",
        metavar="N",
        help="feed a real engine N pseudo-tokens at a time (4c: 4 characters)",
    )
    command.add_argument("--all", action="store_true", help="ask every parser")
    command.add_argument("--steps", action="store_true", help="print every decision")
    command.add_argument("--json", action="store_true", help="print one JSON object per verdict")
    command.add_argument(
        "--batch",
        action="store_true",
        help="JSON lines in, JSON lines out; the other options are defaults for the lines",
    )
    command.add_argument(
        "--expect", action="store_true", help='--batch: add "expected" to each line'
    )
    command.add_argument(
        "--check", action="store_true", help='--batch: compare with the "expected" of each line'
    )


def run_parse(arguments: argparse.Namespace) -> int:
    """Print the verdicts and return the exit code."""
    from hermes_tui.cli.parse_names import resolve_parser_name
    from hermes_tui.runtime.parser_panel import ParserPanel
    from hermes_tui.runtime.real_parser import Deltas

    _check(arguments)
    deltas = Deltas.of(arguments.stream) if arguments.stream else None
    with ParserPanel() as panel:
        chosen = [
            resolve_parser_name(name, panel, deltas, arguments.reasoning_parser)
            for name in arguments.parser
        ]
        if arguments.batch:
            return _batch(arguments, panel, deltas)
        text = reply_text(read_text(arguments.path), arguments.path)
        tools = read_tools(arguments.tools) if arguments.tools else _assumed_tools(text)
        names = list(dict.fromkeys(chosen)) or _names(arguments, panel, text)
        verdicts = _verdicts(panel, names, text, tools, deltas, leave_out=arguments.all)
        if arguments.json:
            return _print_json(verdicts, steps=arguments.steps)
        if len(names) > 1 and not arguments.steps:
            return _print_table(list(verdicts), text)
        return _print_reports(verdicts, text, steps=arguments.steps)


def _verdicts(
    panel: ParserPanel,
    names: Sequence[str],
    text: str,
    tools: Sequence[ToolSpec],
    deltas: Deltas | None,
    *,
    leave_out: bool,
) -> Iterator[ParserVerdict]:
    """Yield the verdict of each parser; with `leave_out`, skip those that cannot give one."""
    for name in names:
        try:
            with _waiting_line(name, text, is_loaded=not panel.must_load(name)):
                verdict = panel.read(name, text, tools, deltas=deltas)
        except SourceError as error:
            if not leave_out:
                raise
            print_notice(f"left out: {error}")
            continue
        yield verdict


@contextmanager
def _waiting_line(name: str, text: str, *, is_loaded: bool = True) -> Iterator[None]:
    """Show on a terminal which parser reads a text that takes a while, or is first loaded."""
    from hermes_tui.cli.progress import ProgressLine

    progress = ProgressLine()
    if len(text) >= LONG_TEXT:
        progress.waiting(f"{name} to read {len(text):,} characters")
    elif not is_loaded:
        progress.waiting(f"{name} to load")
    try:
        yield
    finally:
        progress.clear()


def _check(arguments: argparse.Namespace) -> None:
    if arguments.all and arguments.parser:
        raise UsageError("--all asks every parser", "leave out --parser")
    if arguments.all and arguments.stream:
        raise UsageError("--all reads whole texts", "choose parsers with --parser to stream")
    if arguments.all and arguments.reasoning_parser:
        raise UsageError("--all takes no reasoning parser", "choose real ones with --parser")
    if arguments.check and arguments.expect:
        raise UsageError("--check reads what --expect writes", "give one of them")
    if not arguments.batch:
        for option in ("check", "expect"):
            if getattr(arguments, option):
                raise UsageError(f"--{option} needs --batch", "it works on JSON lines")
        return
    for option in ("all", "steps"):
        if getattr(arguments, option):
            raise UsageError(
                f"--batch cannot be combined with --{option}", "its rows hold short verdicts"
            )
    if len(arguments.parser) > 1:
        raise UsageError("--batch takes one --parser", "it is for lines that name none")


def _names(arguments: argparse.Namespace, panel: ParserPanel, text: str) -> list[str]:
    if arguments.all:
        return panel.names()
    if arguments.reasoning_parser:
        hint = "such as --parser real/ENGINE/NAME"
        raise UsageError("--reasoning-parser needs --parser", hint)
    from hermes_tui.parsers.choice import guess_parser

    guess = guess_parser(text)
    print_notice(
        f"parser {guess.name}: guessed, {guess.reason(text)} (choose with --parser or --all)"
    )
    return [guess.name]


def _batch(arguments: argparse.Namespace, panel: ParserPanel, deltas: Deltas | None) -> int:
    from hermes_tui.cli.parse_batch import Check, Defaults, as_expected, as_row, run_batch
    from hermes_tui.runtime.named_files import bounded_lines

    tools = read_tools(arguments.tools) if arguments.tools else ()
    parser = arguments.parser[0] if arguments.parser else ""
    defaults = Defaults(parser, tools, deltas, arguments.reasoning_parser)
    check = Check(as_json=arguments.json) if arguments.check else None
    show = check.compare if check else as_expected if arguments.expect else as_row
    with open_input(arguments.path) as stream:
        try:
            worst = run_batch(bounded_lines(stream, arguments.path), panel, defaults, show)
        except KeyboardInterrupt:
            if check is not None:
                check.report("interrupted: ")
            raise
    if check is not None:
        check.end()
    return worst


def _assumed_tools(text: str) -> tuple[ToolSpec, ...]:
    """Return declarations of the tools that the text calls: SGLang refuses undeclared ones."""
    from hermes_tui.parsers.auto import Auto
    from hermes_tui.parsers.choice import AUTO
    from hermes_tui.parsers.misread_calls import called_tools

    with _waiting_line(AUTO, text):
        tools = called_tools(Auto().parse(text))
    if tools:
        names = shortened(", ".join(tool.name for tool in tools), 200)
        print_notice(f"without --tools, the called names count as declared: {names}")
    return tools


def _print_reports(verdicts: Iterator[ParserVerdict], text: str, *, steps: bool) -> int:
    from hermes_tui.cli.parse_report import report_lines
    from hermes_tui.cli.terminal_width import columns_of

    failed, columns = False, columns_of(sys.stdout)
    for number, verdict in enumerate(verdicts):
        sys.stdout.write("\n" * bool(number))
        for line in report_lines(verdict, text, steps=steps, columns=columns):
            sys.stdout.write(line + "\n")
        failed |= verdict.has_errors
    return int(failed)


def _print_table(verdicts: list[ParserVerdict], text: str) -> int:
    from hermes_tui.cli.parse_report import table_lines
    from hermes_tui.cli.terminal_width import columns_of

    for line in table_lines(verdicts, text, columns=columns_of(sys.stdout)):
        sys.stdout.write(line + "\n")
    return int(any(verdict.has_errors for verdict in verdicts))


def _print_json(verdicts: Iterator[ParserVerdict], *, steps: bool) -> int:
    from hermes_tui.cli.json_text import ascii_line
    from hermes_tui.cli.parse_report import verdict_row

    failed = False
    for verdict in verdicts:
        sys.stdout.write(ascii_line(verdict_row(verdict, steps=steps)))
        failed |= verdict.has_errors
    return int(failed)
