"""The command line of `hermes-tui export`. Loads nothing but argparse."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from hermes_tui.cli.inputs import add_format_option, path_text

if TYPE_CHECKING:
    from hermes_tui.cli.inputs import Commands

_EPILOG = """\
  hermes-tui export run.json --to html -o run.html
  hermes-tui export runs.jsonl --to sharegpt --all --filter 'reward == 1' -o good.jsonl
  hermes-tui export runs/ --to atif --filter 'status == "failed"' -o failed/

exit codes: 0 fine, 1 no run to write, 2 wrong usage, such as a file that exists,
3 cannot read or write
"""


def add_export(commands: Commands) -> None:
    command = commands.add_parser(
        "export",
        help="write runs as a file that others can read",
        description="Write a run as messages, ShareGPT, ATIF, Markdown, HTML or a recording;\nor "
        "many as lines of messages or of ShareGPT.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument(
        "paths",
        type=path_text,
        nargs="+",
        metavar="FILE",
        help="a file, or - for standard input; several, or a folder: every run",
    )
    command.add_argument(
        "--to",
        required=True,
        metavar="FORMAT",
        help="openai, sharegpt, atif, markdown, html or native",
    )
    command.add_argument(
        "-o", "--output", default="-", metavar="FILE", help="default: standard output"
    )
    command.add_argument(
        "--run",
        default="",
        metavar="ID",
        help="which run of the file: its number (from 1) or id (default: the only one)",
    )
    command.add_argument(
        "--all", action="store_true", help="every run, a line each, or with -o FOLDER/ a file"
    )
    command.add_argument(
        "--filter",
        default="",
        metavar="EXPRESSION",
        help="only runs it is true of, as with --all: 'reward == 1 and errors == 0'",
    )
    add_format_option(command)
    command.add_argument("--force", action="store_true", help="overwrite an existing file")
