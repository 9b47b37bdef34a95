"""The command line of `hermes-tui export`. Loads nothing but argparse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hermes_tui.cli.inputs import add_filter_option, add_format_option, path_text

if TYPE_CHECKING:
    from hermes_tui.cli.inputs import Commands

_EPILOG = """\
--to
  openai    chat messages; of several runs one line each
  sharegpt  conversations with calls as <tool_call>; of several one line each
  atif      Harbor's ATIF; the only one that includes the runs of subagents
  markdown  text for people
  html      one page, no scripts
  native    a recording like those of hermes-tui: every event as it was read,
            and the exact text of each message
Several runs as atif, markdown, html or native are written as one file each,
with -o FOLDER/.

openai, sharegpt and atif keep to what their consumers accept, so a little is
made up, moved or left out; one line on stderr counts it. How the run ended,
with reward and scores, goes into the metadata, from where `open` reads it back;
so does what a person did in it (`steered`). Encrypted reasoning and discarded
replies are left out.
  openai, atif
            Calls in the text, if the run answers such calls, become real calls
            and are removed from the text; a broken one without a result stays
            there. Missing ids are made up: made_up_1 …
  openai    A result without a call, and a role that the API does not know,
            become a user message with the role as its name. Missing arguments
            become {}. Images, audio and files of the user are kept where the
            API accepts them. Messages may also hold reasoning_content,
            reasoning_details, finish_reason, timestamp, is_error and
            exit_code.
  sharegpt  The input of a custom tool becomes its argument `input`. A result
            that names no tool gets the name of its call, and may hold is_error
            and exit_code.
  native    Other metadata of a run is reduced to its size if it is longer than
            2,000 characters.

--mask finds credentials by their form (API keys, JWT, private keys, bearer
tokens, users and keys in URLs) and by the name in front of them ("api_key":
"…", DB_PASSWORD=…), and hides each of them everywhere. It does not prove
that nothing is left: look before you share a run.

fields for --filter: those of `hermes-tui scan --help`

  hermes-tui export run.json --to html -o run.html
  hermes-tui export a.jsonl --to sharegpt --filter 'reward == 1' -o b.jsonl
  hermes-tui export runs/ --to atif --filter 'status == "failed"' -o failed/

exit codes: 0 fine, 1 no run to write, 2 wrong usage (also: the file exists),
3 cannot read or write"""


def add_export(commands: Commands) -> None:
    command = commands.add_parser(
        "export",
        help="write runs in a format that others can read",
        description="Write one run, or many, in a format that other programs or people can read.",
        usage="%(prog)s [-h] --to FORMAT [OPTION …] FILE [FILE …]",
        epilog=_EPILOG,
    )
    command.add_argument(
        "paths",
        type=path_text,
        nargs="+",
        metavar="FILE",
        help="a file, or - for standard input; of several files or a folder, every run",
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
        help="default: standard output; -o FOLDER/ writes one file per run",
    )
    command.add_argument(
        "--run",
        default="",
        metavar="ID",
        help="which run of the file: its number (from 1) or id (default: the only one)",
    )
    command.add_argument(
        "--all",
        action="store_true",
        help="every run: one line each, or one file each with -o FOLDER/",
    )
    add_filter_option(command, "every run that matches: 'reward == 1 and errors == 0'")
    command.add_argument(
        "--mask",
        action="store_true",
        help="replace keys, tokens and passwords in messages, calls and results with stars",
    )
    add_format_option(command)
    command.add_argument("--force", action="store_true", help="overwrite an existing file")
