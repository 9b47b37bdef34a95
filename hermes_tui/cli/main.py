"""`hermes-tui COMMAND …`: parse the command line, load only what the command needs, exit codes."""

from __future__ import annotations

import argparse
import gc
import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

from hermes_tui.cli.diff import add_diff, run_diff_command
from hermes_tui.cli.engines import add_engines, run_engines
from hermes_tui.cli.export_arguments import add_export
from hermes_tui.cli.inputs import LISTING_CODES, add_json_option
from hermes_tui.cli.live_arguments import add_demo, add_live
from hermes_tui.cli.model import add_model, run_model
from hermes_tui.cli.open_arguments import add_open
from hermes_tui.cli.parse import add_parse, run_parse
from hermes_tui.cli.parsers import add_parsers, run_parsers
from hermes_tui.cli.scan_arguments import add_scan
from hermes_tui.cli.stderr import print_notice
from hermes_tui.cli.unknown_words import (
    misplaced_option_message,
    refuse_run,
    unknown_command,
    unknown_words,
)
from hermes_tui.model.errors import HermesError
from hermes_tui.version import __version__

DESCRIPTION = """\
A terminal debugger for tool-calling LLM agents.

  hermes-tui demo                    learn the debugger: no key, no network
  hermes-tui open run.jsonl          look at a saved run, or at a folder of them
  hermes-tui live --server URL …     run an agent, stop before every tool call
  hermes-tui scan runs/              report what is wrong in many runs
  hermes-tui parse reply.txt         see how a tool-call parser reads a text
  hermes-tui COMMAND --help          options and examples of a command"""

EPILOG = """\
exit codes: 0 fine; 1 error-level findings (scan, parse), two runs that differ
(diff), no run to write (export); 2 wrong usage; 3 cannot read or write;
`hermes-tui live --help` has those of a run without a screen"""

FORMATS_DESCRIPTION = """\
List the formats that can be opened, with the names that --format takes.

A record that holds several runs opens as all of them: samples of one prompt,
rollouts and preference pairs as a group; subagents, rewound branches and other
paths of a search below the run that started them. Databases are opened
read-only, and no file is ever changed."""


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line with a hint, not the whole usage.

    Its help prints the description and the epilog verbatim unless another formatter is given.
    """

    commands: Any = None
    """The parsers of the commands, by name; None for a command itself."""

    def __init__(self, **options: Any) -> None:
        # An abbreviation would change its meaning once another option begins in the same way.
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **options)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Let each command refuse its own unknown arguments, so that the error names its help."""
        if self.commands is not None:
            self._check_first_word(sys.argv[1:] if args is None else args, self.commands.choices)
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(unknown_words(unknown, self._option_string_actions))
        return parsed, unknown

    def _check_first_word(self, words: Sequence[str], commands: dict[str, _Parser]) -> None:
        own_options = self._option_string_actions
        options = {name: command._option_string_actions for name, command in commands.items()}
        if wrong := misplaced_option_message(words, own_options, options):
            self.error(wrong)
        if words and not words[0].startswith("-") and words[0] not in commands:
            self.error(unknown_command(words[0], list(commands)))

    def error(self, message: str) -> NoReturn:
        print_notice(f"{message} (see `{self.prog} --help`)")
        raise SystemExit(2)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    _replace_closed_streams()
    try:
        return _run_and_flush(argv)
    except HermesError as error:
        print_notice(str(error))
        return error.exit_code
    except BrokenPipeError:
        # Whoever reads our output has closed the pipe, as `head` does.
        _drop_output()
        return 0
    except OSError as error:
        # No layer below handles this, such as a disk that has no room for our output.
        # An error without a number is not the system's refusal, but a mistake of ours.
        if error.errno is None:
            raise
        _drop_output()
        with suppress(OSError):  # if it was standard error that could not be written
            print_notice(f"{error.filename or 'cannot continue'}: {error.strerror or error}")
        return HermesError.exit_code
    except KeyboardInterrupt:
        return 130


def _replace_closed_streams() -> None:
    """Discard what is written to a stream that was closed when the program began, as by `>&-`.

    Otherwise the next file that is opened would get its number.
    """
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            setattr(sys, name, open(number, "w", encoding="utf-8", closefd=False))  # noqa: SIM115


def _drop_output() -> None:
    """Discard what cannot be written; otherwise Python complains about it at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run_and_flush(argv: Sequence[str] | None) -> int:
    for stream in (sys.stdout, sys.stderr):
        # Characters that the encoding of the terminal lacks are shown as escapes.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        return _run(parser().parse_args(argv))
    finally:
        sys.stdout.flush()


def _run(arguments: argparse.Namespace) -> int:
    match arguments.command:
        case "open":
            refuse_run(arguments.paths, "--at")
            with _gc_disabled():
                from hermes_tui.cli.open import run_open

                return run_open(arguments)
        case "live":
            with _gc_disabled():
                from hermes_tui.cli.live import run_live

                return run_live(arguments)
        case "demo":
            with _gc_disabled():
                from hermes_tui.cli.live import run_demo

                return run_demo(arguments)
        case "engines":
            return run_engines(arguments)
        case "model":
            return run_model(arguments)
        case "scan":
            from hermes_tui.cli.scan import run_scan

            return run_scan(arguments)
        case "parse":
            return run_parse(arguments)
        case "parsers":
            return run_parsers(arguments)
        case "diff":
            return run_diff_command(arguments)
        case "export":
            refuse_run(arguments.paths, "--run")
            from hermes_tui.cli.export import run_export

            return run_export(arguments)
        case "formats":
            from hermes_tui.cli.formats import run_formats

            return run_formats(arguments)
        case _:
            sys.stdout.write(parser().format_help())
            return 0


@contextmanager
def _gc_disabled() -> Iterator[None]:
    """Collect no garbage until something is on screen: it takes a tenth of the start."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    root = _Parser(
        prog="hermes-tui",
        description=DESCRIPTION,
        epilog=EPILOG,
    )
    root.add_argument("-V", "--version", action="version", version=f"hermes-tui {__version__}")
    commands = root.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    root.commands = commands
    add_demo(commands)
    add_live(commands)
    add_open(commands)
    add_scan(commands)
    add_diff(commands)
    add_export(commands)
    add_parse(commands)
    add_parsers(commands)
    add_model(commands)
    add_engines(commands)
    formats = commands.add_parser(
        "formats",
        help="list the formats that can be opened",
        description=FORMATS_DESCRIPTION,
        epilog=f"  hermes-tui formats | grep -i trace\n\n{LISTING_CODES}",
    )
    add_json_option(formats)
    return root


if __name__ == "__main__":
    raise SystemExit(main())
