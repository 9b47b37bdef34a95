"""The command line of `hermes-tui scan`, and what it asks for."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hermes_tui.cli.inputs import add_parser_option, add_paths
from hermes_tui.model.errors import UsageError, near_hint

if TYPE_CHECKING:
    from pathlib import Path

OUTPUTS: Final = ("table", "jsonl", "json", "sarif", "junit")
DESCRIPTION: Final = """\
Read saved runs and report what is in them and what is wrong: a line a file as soon as it is read,
then how often runs fail by code, tool, model and parser, with places that `open --at` shows.

  hermes-tui scan runs/                             counts and findings, a line a file
  hermes-tui scan runs/ --runs                      a line a run, with its findings
  hermes-tui scan runs/ --filter 'reward == 0'      only these, with what fails in them most
  hermes-tui scan runs/ --to json > old.json        everything, for --baseline later on
  hermes-tui scan runs/ --baseline old.json         fail only on what is new
  hermes-tui scan runs/ --fail-on CALL_IN_CONTENT,TRUNCATED --to junit > report.xml
  hermes-tui scan runs/ --fail-if 'reward < 1'             a run that it is true of fails
  hermes-tui scan big.jsonl --jobs 8 --state big.state     interrupt it, and it goes on there
  hermes-tui scan s3://bucket/runs/ --engine ray           on the Ray cluster that is there"""
EPILOG: Final = """\
exit codes: 0 clean, 1 error-level findings (or those of --fail-on, or runs that --fail-if is true
of, or new findings with --baseline),
2 wrong usage, 3 a file that was named, or that looks like a transcript, cannot be read to its end,
130 interrupted"""


class ScanRequest(NamedTuple):
    """What a scan is to do, checked."""

    paths: list[str]
    output: str
    by_run: bool
    format: str
    parser: str
    filter: str
    jobs: int | None
    """None: whatever pays."""
    ordered: bool
    fail_on: frozenset[str]
    fail_if: str
    baseline: str
    state: Path | None
    cluster: str
    """The address of the Ray cluster that does the work; empty: this machine does."""


def add_scan(commands: argparse._SubParsersAction[Any]) -> None:
    """Add `scan` to the commands."""
    command = commands.add_parser(
        "scan",
        help="read runs and report what is wrong, without a screen",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_paths(command)
    command.add_argument(
        "--format",
        action="append",
        default=[],
        metavar="NAME",
        help="read as this format; the names of --to are taken for that",
    )
    add_parser_option(command)
    command.add_argument(
        "--filter",
        default="",
        metavar="EXPRESSION",
        help="only runs it is true of, as in `open`: 'reward == 0 and errors == 0'",
    )
    command.add_argument("--runs", action="store_true", help="one line a run, with its findings")
    command.add_argument(
        "--to",
        default="",
        metavar="FORMAT",
        help=f"print a table (unless told otherwise), or {', '.join(OUTPUTS[1:])}",
    )
    command.add_argument("--json", action="store_true", help="the same as --to jsonl")
    command.add_argument(
        "--jobs",
        default="",
        metavar="N",
        help="processes to use (unless told: one a core where that is faster)",
    )
    command.add_argument(
        "--engine",
        default="",
        metavar="NAME",
        help="who does the work: ray (unless told: this machine)",
    )
    command.add_argument(
        "--address",
        default="",
        metavar="HOST:PORT",
        help="where the Ray cluster is (unless told: the one this machine belongs to)",
    )
    command.add_argument(
        "--ordered", action="store_true", help="print files in the order in which they are given"
    )
    command.add_argument(
        "--fail-on", default=None, metavar="CODES", help="exit with 1 only for these, as in A,B"
    )
    command.add_argument(
        "--fail-if",
        default="",
        metavar="EXPRESSION",
        help="exit with 1 only for runs it is true of: 'reward < 1'; findings, if --fail-on names",
    )
    command.add_argument(
        "--baseline", default="", metavar="FILE", help="exit with 1 only for what is not in there"
    )
    command.add_argument(
        "--state",
        default="",
        metavar="FILE",
        help="keep what is done, and go on from there if FILE exists",
    )


def scan_request(arguments: argparse.Namespace) -> ScanRequest:
    """Return what is asked for; raise UsageError with what is near where it makes no sense."""
    from hermes_tui.cli.standard_input import is_all
    from hermes_tui.runtime.opener import check_format, check_parser
    from hermes_tui.runtime.remote import local_path

    if arguments.state and is_all(arguments.paths):
        raise UsageError("--state: standard input cannot be resumed", "save it to a file")
    output, format_name = _formats(arguments)
    check_format(format_name)
    check_parser(arguments.parser)
    if arguments.filter:
        from hermes_tui.cli.filters import check_for_each

        check_for_each(arguments.filter)
    if arguments.fail_if:
        from hermes_tui.cli.filters import check_for_each

        check_for_each(arguments.fail_if, option="--fail-if")
    return ScanRequest(
        paths=arguments.paths,
        output=output,
        by_run=arguments.runs,
        format=format_name,
        parser=arguments.parser,
        filter=arguments.filter,
        jobs=_jobs(arguments.jobs),
        ordered=arguments.ordered,
        fail_on=_codes(arguments.fail_on),
        fail_if=arguments.fail_if,
        baseline=arguments.baseline,
        state=local_path(arguments.state) if arguments.state else None,
        cluster=_cluster(arguments),
    )


def _cluster(arguments: argparse.Namespace) -> str:
    if arguments.engine not in ("", "ray"):
        raise UsageError(f"--engine {arguments.engine}: no such engine", "known: ray")
    if not arguments.engine:
        if arguments.address:
            raise UsageError("--address names a cluster", "add --engine ray")
        return ""
    if arguments.jobs:
        raise UsageError("--jobs is for this machine", "the cluster decides how much at once")
    if "-" in arguments.paths:
        raise UsageError("a cluster cannot read standard input", "save it to a file first")
    return arguments.address or "auto"


def _formats(arguments: argparse.Namespace) -> tuple[str, str]:
    """Return the format to print and that to read; `--format` means either."""
    wanted = {name for name in arguments.format if name in OUTPUTS}
    read_as = {name for name in arguments.format if name not in OUTPUTS}
    wanted |= {arguments.to} if arguments.to else set()
    wanted |= {"jsonl"} if arguments.json else set()
    for names, what in ((wanted, "to print"), (read_as, "to read as")):
        if len(names) > 1:
            both = " and ".join(sorted(names))
            raise UsageError(f"two formats {what}: {both}", "give one of them")
    output = next(iter(wanted), OUTPUTS[0])
    if output not in OUTPUTS:
        raise UsageError(f"cannot print {output!r}", "known: " + ", ".join(OUTPUTS))
    return output, next(iter(read_as), "")


def _jobs(text: str) -> int | None:
    if not text:
        return None
    if not re.fullmatch(r"[1-9]\d{0,3}", text):
        raise UsageError(f"--jobs {text}: not a number of processes", "give 1, 2, 3 …")
    return int(text)


def _codes(text: str | None) -> frozenset[str]:
    """Return the codes of `--fail-on`; none where it is not given."""
    if text is None:
        return frozenset()
    from hermes_tui.model.diagnostics import Code

    names = [name.strip().upper() for name in text.split(",") if name.strip()]
    known = [str(code) for code in Code]
    if not names:
        raise UsageError(
            "--fail-on: no code is named", "give some, as in CALL_IN_CONTENT,TRUNCATED"
        )
    for name in names:
        if name not in known:
            hint = near_hint(name, known, f"such as {', '.join(known[:5])}; a scan names them")
            raise UsageError(f"--fail-on: no code is called {name!r}", hint)
    return frozenset(names)
