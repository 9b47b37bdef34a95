"""The command line of `hermes-tui open`. Loads nothing but argparse."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from hermes_tui.cli.inputs import add_format_option, add_parser_option, add_paths, add_theme_option

if TYPE_CHECKING:
    from hermes_tui.cli.inputs import Commands

_EPILOG = """\
  hermes-tui open run.jsonl
  hermes-tui open runs/ 'more/*.jsonl.gz' --filter 'errors > 0'
  hermes-tui open run.jsonl | less             no screen: the run as text

Inside: ? lists the keys, ctrl+p finds any action, q goes back.

exit codes: 0 fine, 2 wrong usage, 3 a named file cannot be read to its end; 143 SIGTERM, 129 SIGHUP
"""


def add_open(commands: Commands) -> None:
    command = commands.add_parser(
        "open",
        help="look at saved runs on a screen",
        description="Open saved runs. Their format is found from the content; several make a list.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
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
    command.add_argument(
        "--filter",
        default="",
        metavar="EXPR",
        help="show only the rows of a run, or the runs of a list, that match",
    )
    command.add_argument(
        "--search",
        default="",
        metavar="TEXT",
        help="search all that the runs say, and go to the first match; n is the next one",
    )
    command.add_argument(
        "--at", default="", metavar="RUN:MESSAGE", help="go there at once: number or id, and number"
    )
    add_theme_option(command)
