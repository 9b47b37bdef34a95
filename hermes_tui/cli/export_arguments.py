"""The command line of `hermes-tui export`. Loads nothing but argparse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hermes_tui.cli.inputs import add_filter_option, add_format_option, path_text

if TYPE_CHECKING:
    from hermes_tui.cli.inputs import Commands

_EPILOG = """\
--to
  openai    chat messages; of several runs a line each
  sharegpt  conversations with calls as <tool_call>; of several a line each
  atif      Harbor's ATIF; it alone holds the runs of subagents too
  markdown  a text for people
  html      one page, no script
  native    a recording as hermes-tui makes them: every event as it was read,
            and the exact text of each message
Of several runs, atif, markdown, html and native are a file each, with
-o FOLDER/.

openai, sharegpt and atif are what their readers take, so a little is made up,
moved or left out; stderr counts it in one line. How the run ended, with reward
and scores, is in the metadata, from where `open` reads it back; so is what a
person did in it (`steered`). Encrypted reasoning and replies that were
discarded are left out.
  openai, atif
            Calls that stand in the text, if the run answers such calls, are
            calls and no longer text. Missing ids are made up: made_up_1 …
  openai    A result of no call, and a role that the API does not know, become
            a message of the user, the role its name. Arguments that are
            missing become {}. A user's images, audio and files are kept where
            the API takes them. Messages may also hold reasoning_content,
            reasoning_details, finish_reason, timestamp, is_error and
            exit_code.
  sharegpt  The input of a custom tool is its argument `input`. A result that
            names no tool gets the name of its call, and may hold is_error and
            exit_code.
  native    What else a file says of a run is only told by its size where it is
            longer than 2,000 characters.

--mask finds credentials by their looks (keys of services, JWT, private keys,
bearer tokens, users and keys in URLs) and by the name that they stand under
("api_key": "…", DB_PASSWORD=…), and hides each wherever it stands. It is no
proof that nothing is left: look before you hand a run on.

fields for --filter: those of `hermes-tui scan --help`

  hermes-tui export run.json --to html -o run.html
  hermes-tui export a.jsonl --to sharegpt --filter 'reward == 1' -o b.jsonl
  hermes-tui export runs/ --to atif --filter 'status == "failed"' -o failed/

exit codes: 0 fine, 1 no run to write, 2 wrong usage, such as a file that
exists, 3 cannot read or write"""


def add_export(commands: Commands) -> None:
    command = commands.add_parser(
        "export",
        help="write runs as a file that others can read",
        description="Write a run, or many, as a file that other programs or people can read.",
        usage="%(prog)s [-h] --to FORMAT [OPTION …] FILE [FILE …]",
        epilog=_EPILOG,
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
        "-o",
        "--output",
        default="-",
        metavar="FILE",
        help="default: standard output; many runs, a file each: a folder, as in -o FOLDER/",
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
    add_filter_option(
        command, "only runs it is true of, as with --all: 'reward == 1 and errors == 0'"
    )
    command.add_argument(
        "--mask",
        action="store_true",
        help="stars for keys, tokens and passwords in what was said, done and answered",
    )
    add_format_option(command)
    command.add_argument("--force", action="store_true", help="overwrite an existing file")
