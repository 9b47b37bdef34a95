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
Inside: ? lists the keys and explains expressions, ctrl+p finds any action,
q goes back.

--filter: an expression over fields, the same as behind the key f. A field that
is not there counts as false.
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

Big files: a process beside reads them; what it has found can be opened,
sorted, filtered and searched meanwhile (ctrl+x stops the reading). What was
found in a file of many runs, or in one very long run, is kept in the cache
folder, at most 2 GB: ~/.cache/hermes-tui/indexes/ on Linux,
~/Library/Caches/hermes-tui/indexes/ on macOS. The next time all of it is there
at once. --no-cache neither uses nor keeps it; it may be deleted at any time.
Lines are counted faster with hermes-tui[speed].

URLs: s3://, gs://, hdfs://, http:// and whatever else fsspec knows, with
hermes-tui[remote], for Google's hermes-tui[gcs], credentials as that
library takes them; hdfs:// needs Java and Hadoop. Big JSON lines are read in
ranges, all else is fetched to a temporary file first.

A file that changes without --follow is named in the status line: open it
again. One that is followed may be renamed, replaced or cut off.

  hermes-tui open run.jsonl                    one run: straight to its screen
  hermes-tui open runs/ 'more/*.jsonl.gz'      many: a list to sort and filter
  hermes-tui open runs/ --filter 'errors > 0'
  hermes-tui open runs/ --search 'Permission denied'
  hermes-tui open big.jsonl --at 4321:7        run 4321, its message 7
  hermes-tui open 'logs.zip!b/run.json'        one of an archive of several
  hermes-tui open ~/.claude/projects --follow  sessions as they grow
  hermes-tui open s3://bucket/runs/            with hermes-tui[remote]
  ssh build cat run.jsonl | hermes-tui open -
  hermes-tui open run.jsonl | less             no screen: the run as text

exit codes: 0 fine, 2 wrong usage, 3 a named file cannot be read to its end;
143 SIGTERM, 129 SIGHUP"""


def add_open(commands: Commands) -> None:
    command = commands.add_parser(
        "open",
        help="look at saved runs on a screen",
        description="Show saved runs. Their format is found from the content; several make a list.",
        usage="%(prog)s [-h] [OPTION …] PATH [PATH …]",
        epilog=_EPILOG,
    )
    add_paths(command)
    add_format_option(command)
    add_parser_option(command)
    command.add_argument(
        "--follow", action="store_true", help="keep reading while the file is being written"
    )
    command.add_argument(
        "--no-cache",
        dest="cache",
        action="store_false",
        help="do not use or keep what is found in a big file for the next time",
    )
    add_filter_option(command, "show only the rows of a run, or the runs of a list, that match")
    command.add_argument(
        "--search",
        default="",
        metavar="TEXT",
        help="search all that the runs say, and go to the first match; n is the next one",
    )
    command.add_argument(
        "--at",
        default="",
        metavar="RUN[:MESSAGE]",
        help="go there at once: the run's number or id, and the number of a message",
    )
    add_theme_option(command)
