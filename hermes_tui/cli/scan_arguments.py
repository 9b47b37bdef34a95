"""The command line of `hermes-tui scan`, and the request that it makes."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hermes_tui.cli.fail_on import FailOn
from hermes_tui.cli.inputs import add_filter_option, add_parser_option, add_paths
from hermes_tui.model.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

OUTPUTS: Final = ("table", "jsonl", "json", "sarif", "junit")
DESCRIPTION: Final = """\
Read saved runs and report what is wrong: one line per file as soon as it is
read, then how often runs fail by code, tool, model and parser, with examples
for `open --at`."""
EPILOG: Final = """\
--to
  table  lines for people, then the summary: runs that failed their task (also
         those cut off by a limit, unless their reward is 1 or more); mean
         rewards, with and without errors; by code, tool, model and parser
  jsonl  one JSON object per file; with --runs, per run
  json   one object: results (a row per run with findings; with --runs, per
         run), files, summary (rates; findings by code and severity),
         `complete`: false if interrupted
  sarif  SARIF 2.1.0, one result per finding
  junit  JUnit XML, one test case per run; it fails for whatever makes the
         exit code 1
A named file that cannot be read has a row of its path and `error` (why, and
what to do) in jsonl and json, is an <error> in junit, and makes
executionSuccessful false in sarif. With --runs, jsonl has such a row also for
one that cannot be read to its end.

keys of a row
  of a file    path format runs messages tool_calls tool_results tool_errors
               reasoning diagnostics (code: count) defects (malformed places);
               formats (format: runs) if there are several; if it was not read
               to its end, `complete`: false, and `failure` says why
  of a run     run id group task task_digest model status stop_reason reward
               scores turns errors warnings size tools failed_tools tokens_in
               tokens_out cost duration latency began latest parser parent;
               findings (code severity turn message span hint tool at);
               fingerprint (of task, group and id), content (a digest of the
               run), offset (the byte at which its record begins; null in a
               compressed file); with --fail-if: fails; with --baseline: new
               (code: count), also for each finding

fields for --filter and --fail-if (explained by the key ? of `open`)
  id task task_digest model turns messages calls results tool_errors errors
  warnings codes reward status stop_reason scores size format file group tools
  failed_tools tokens_in tokens_out cost duration latency parser parent began
  latest
  such as   codes.TRUNCATED > 0 and "terminal" in failed_tools
            match(task, r"(?i)port") and not reward

--fail-on names codes, severities, or both; --to sarif explains each code
  CALL_IN_CONTENT        its errors and warnings; a note is about what did no
                         harm, such as a call that the client read anyway
  CALL_IN_CONTENT:note   at least this severe: error, warning or note (all)
  warning                findings of every code, at least this severe
  error,TRUNCATED        all errors, and warnings of this code

--baseline takes the output of --to json or --runs --json. A finding is known if
the same run of the same file already had as many with its code that were at
least as severe; in a file that was not scanned before, if a run of the same
task and model had. Lines and rollouts may be reordered: a run is found by its
content, else by task, group and id (recordings of hermes-tui: without the id).
The table marks what is new, and the rates of FILE stand below today's, in
summary.baseline of --to json too. The output of an interrupted scan is refused.

Big input is read by several processes, which share a big file of JSON lines;
one that dies is replaced once. With --engine ray (hermes-tui[ray]) an existing
cluster does the same work: its nodes must have the dependencies of hermes-tui,
and be able to reach the files. URLs: see `hermes-tui open --help`. Naming a
session file includes the files of its subagents.

  hermes-tui scan runs/                          a line per file, and a summary
  hermes-tui scan runs/ --runs                   one per run, its findings below
  hermes-tui scan runs/ --filter 'reward == 0'   only these runs
  hermes-tui scan runs/ --json                   one JSON object per file
  hermes-tui scan runs/ --to json > old.json     everything, for --baseline
  hermes-tui scan runs/ --baseline old.json      fail only for new findings
  hermes-tui scan runs/ --fail-on CALL_IN_CONTENT,TRUNCATED --to junit > a.xml
  hermes-tui scan runs/ --fail-if 'reward < 1'   fail if this is true of a run
  hermes-tui scan runs/ --fail-if 'errors > 0' --at-most 10%   … of over a tenth
  hermes-tui scan big.jsonl --jobs 8 --state big.state    can be interrupted
  hermes-tui scan s3://bucket/runs/ --engine ray          on a Ray cluster

exit codes: 0 clean; 1 error-level findings, or what --fail-on, --fail-if or
--baseline select instead; 2 wrong usage; 3 a file that was named, or that looks
like a transcript, cannot be read to its end; 130 Ctrl-C, 143 SIGTERM
(both after what was read so far is printed)"""


class ScanRequest(NamedTuple):
    """What a scan has to do, after validation."""

    paths: list[str]
    output: str
    by_run: bool
    format: str
    parser: str
    filter: str
    jobs: int | None
    """None: as many as are worthwhile."""
    ordered: bool
    fail_on: FailOn
    fail_if: str
    at_most: str
    """How many of the runs, or what share of them as in 10%, may match `fail_if`; "" for none."""
    baseline: str
    state: Path | None
    cluster: str
    """The address of the Ray cluster that does the work; empty for this machine."""


def add_scan(commands: argparse._SubParsersAction[Any]) -> None:
    """Add `scan` to the commands."""
    command = commands.add_parser(
        "scan",
        help="read runs and report what is wrong, without a screen",
        usage="%(prog)s [-h] [OPTION …] PATH [PATH …]",
        description=DESCRIPTION,
        epilog=EPILOG,
    )
    _add_reading(command)
    _add_printing(command)
    _add_working(command)
    _add_judging(command)


def _add_reading(command: argparse.ArgumentParser) -> None:
    add_paths(command)
    command.add_argument(
        "--format",
        action="append",
        default=[],
        metavar="NAME",
        help="read as this format (a name of --to counts as --to)",
    )
    add_parser_option(command)
    add_filter_option(command, "only runs that match, as in `open`: 'reward == 0 and errors == 0'")


def _add_printing(command: argparse.ArgumentParser) -> None:
    command.add_argument("--runs", action="store_true", help="one line per run, with its findings")
    command.add_argument(
        "--to",
        default="",
        metavar="FORMAT",
        help=f"{', '.join(OUTPUTS)} (default: table)",
    )
    command.add_argument("--json", action="store_true", help="the same as --to jsonl")
    command.add_argument("--ordered", action="store_true", help="print files in the given order")


def _add_working(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--jobs",
        default="",
        metavar="N",
        help="number of processes (default: one per core where that is faster)",
    )
    command.add_argument(
        "--engine",
        default="",
        metavar="NAME",
        help="where the work is done: ray (default: on this machine)",
    )
    command.add_argument(
        "--address",
        default="",
        metavar="ADDRESS",
        help="of the Ray cluster: HOST:PORT, ray://… or auto (default: auto, which is RAY_ADDRESS, "
        "else the cluster that this machine joined last)",
    )
    command.add_argument(
        "--state",
        default="",
        metavar="FILE",
        help="save progress here, and continue from it if FILE exists",
    )


def _add_judging(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--fail-on",
        default=None,
        metavar="CODES",
        help="exit with 1 only for errors and warnings of these codes, as in A,B; see below",
    )
    command.add_argument(
        "--fail-if",
        default="",
        metavar="EXPRESSION",
        help="exit with 1 only for runs that match, such as 'reward < 1'; with --fail-on, for "
        "either",
    )
    command.add_argument(
        "--at-most",
        default="",
        metavar="N",
        help="exit with 1 only if --fail-if matches more than N runs, or than N%% of them",
    )
    command.add_argument(
        "--baseline",
        default="",
        metavar="FILE",
        help="exit with 1 only for findings that are not in FILE",
    )


def scan_request(arguments: argparse.Namespace) -> ScanRequest:
    """Return the request; raise UsageError with near matches if it makes no sense."""
    from hermes_tui.cli.standard_input import is_all
    from hermes_tui.runtime.opener import check_format, check_parser
    from hermes_tui.runtime.remote import local_path

    if arguments.state and is_all(arguments.paths):
        raise UsageError("--state: standard input cannot be resumed", "save it to a file")
    output, format_name = _formats(arguments)
    check_format(format_name)
    check_parser(arguments.parser)
    for option, text in (("--filter", arguments.filter), ("--fail-if", arguments.fail_if)):
        if text:
            from hermes_tui.cli.filters import check_for_each

            check_for_each(text, option=option)
    return ScanRequest(
        paths=arguments.paths,
        output=output,
        by_run=arguments.runs,
        format=format_name,
        parser=arguments.parser,
        filter=arguments.filter,
        jobs=_jobs(arguments.jobs),
        ordered=arguments.ordered,
        fail_on=FailOn.parse(arguments.fail_on),
        fail_if=arguments.fail_if,
        at_most=_at_most(arguments, output),
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
    """Return the format to print and the one to read; `--format` can name either."""
    outputs = {name for name in arguments.format if name in OUTPUTS}
    read_as = {name for name in arguments.format if name not in OUTPUTS}
    outputs |= {arguments.to} if arguments.to else set()
    outputs |= {"jsonl"} if arguments.json else set()
    for names, what in ((outputs, "to print"), (read_as, "to read as")):
        if len(names) > 1:
            both = " and ".join(sorted(names))
            raise UsageError(f"two formats {what}: {both}", "give one of them")
    output = next(iter(outputs), OUTPUTS[0])
    if output not in OUTPUTS:
        raise UsageError(f"cannot print {output!r}", "known: " + ", ".join(OUTPUTS))
    return output, next(iter(read_as), "")


def _at_most(arguments: argparse.Namespace, output: str) -> str:
    text: str = arguments.at_most
    if not text:
        return ""
    if not re.fullmatch(r"\d{1,12}|\d{1,3}(\.\d{1,9})?%", text):
        raise UsageError(f"--at-most {text}: neither runs nor a share", "give 3, or 10%")
    if not arguments.fail_if:
        raise UsageError("--at-most is about the runs of --fail-if", "add --fail-if EXPRESSION")
    if output == "junit":
        raise UsageError("--at-most is about all runs, junit about each", "print another format")
    return text


def _jobs(text: str) -> int | None:
    if not text:
        return None
    if not re.fullmatch(r"[1-9]\d{0,3}", text):
        raise UsageError(f"--jobs {text}: not a number of processes", "give 1, 2, 3 …")
    return int(text)
