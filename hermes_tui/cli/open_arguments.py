"""The command line of `hermes-tui open`. Loads nothing but argparse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hermes_tui.cli.inputs import (
    add_filter_option,
    add_format_option,
    add_parser_option,
    add_paths,
    add_theme_option,
)

if TYPE_CHECKING:
    from hermes_tui.cli.inputs import Commands

_EPILOG = """\
On the screen: ? lists the keys and explains expressions, ctrl+p finds any
action, q goes back.

--filter: an expression over fields, as with the key f. A missing field counts
as false.
  rows of a run   kind role turn row name args arguments text size id origin
                  state code error reasoning finish seconds tokens_in
                  tokens_out event
  runs of a list  run id task task_digest model turns messages calls results
                  tool_errors errors warnings codes reward status stop_reason
                  scores size format file group tools failed_tools tokens_in
                  tokens_out cost duration latency parser parent began latest;
                  with --search also found
  such as         kind == "call" and args.path.endswith(".py")
                  errors > 0 and scores.format < 1

Big files: a background process reads them, and the runs found so far can
already be opened, sorted, filtered and searched (ctrl+x stops the reading). The
index of a file of many runs, or of one very long run, is cached, so that all of
it is there at once the next time: ~/.cache/hermes-tui/indexes/ on Linux,
~/Library/Caches/hermes-tui/indexes/ on macOS, at most 2 GB. --no-cache neither
reads nor writes the cache, which may be deleted at any time. Lines are counted
faster with hermes-tui[speed].

URLs: s3://, gs://, hdfs://, http:// and whatever else fsspec supports, with
hermes-tui[remote] (Google Cloud: hermes-tui[gcs]) and credentials as fsspec
finds them; hdfs:// needs Java and Hadoop. Big files of JSON lines are read in
ranges, everything else is fetched to a temporary file first.

If a file changes without --follow, the status line says so: open it again. A
followed file may also be renamed, replaced or truncated.

  hermes-tui open run.jsonl                    one run: goes straight to it
  hermes-tui open runs/ 'more/*.jsonl.gz'      many: a list to sort and filter
  hermes-tui open runs/ --filter 'errors > 0'
  hermes-tui open runs/ --search 'Permission denied'
  hermes-tui open big.jsonl --at 4321:7        message 7 of run 4321
  hermes-tui open 'logs.tar.gz!b/run.json'     one file of an archive
  hermes-tui open ~/.claude/projects --follow  sessions as they grow
  hermes-tui open vllm.log --follow            a server's log of its requests
  hermes-tui open s3://bucket/runs/            with hermes-tui[remote]
  ssh build cat run.jsonl | hermes-tui open -
  hermes-tui open run.jsonl | less             no screen: the run as text

exit codes: 0 fine, 2 wrong usage, 3 a named file cannot be read to its end,
129 SIGHUP, 143 SIGTERM"""


def add_open(commands: Commands) -> None:
    command = commands.add_parser(
        "open",
        help="show saved runs on a screen",
        description="Show saved runs; their format is detected. Several are shown as a list.",
        usage="%(prog)s [-h] [OPTION …] PATH [PATH …]",
        epilog=_EPILOG,
    )
    add_paths(command)
    add_format_option(command)
    add_parser_option(command)
    command.add_argument(
        "--follow", action="store_true", help="keep reading files that are still being written"
    )
    command.add_argument(
        "--no-cache",
        dest="cache",
        action="store_false",
        help="neither read nor write the cached index of a big file",
    )
    add_filter_option(command, "show only matching rows (of one run) or runs (of a list)")
    command.add_argument(
        "--search",
        default="",
        metavar="TEXT",
        help="search all texts of the runs and go to the first match; n goes to the next",
    )
    command.add_argument(
        "--at",
        default="",
        metavar="RUN[:MESSAGE]",
        help="start at this run (number or id) and message (number)",
    )
    add_theme_option(command)
