"""The arguments that several commands share. Loads nothing but argparse."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[Any]

THEMES: Final = ("hermes-dark", "hermes-light", "hermes-contrast")
LISTING_CODES: Final = "exit codes: 0 fine, 2 wrong usage"


def path_text(text: str) -> str:
    """Refuse an empty path: an unset shell variable would otherwise mean this folder."""
    if not text:
        raise argparse.ArgumentTypeError("the path is empty")
    return text


def add_paths(command: argparse.ArgumentParser) -> None:
    """Add the files to read as the positional arguments of a command."""
    command.add_argument(
        "paths",
        nargs="+",
        type=path_text,
        metavar="PATH",
        help="files, folders (not hidden ones inside), archives, globs or URLs, also compressed; "
        "- is standard input",
    )


def add_format_option(
    command: argparse.ArgumentParser | argparse._ArgumentGroup, of: str = ""
) -> None:
    """Add `--format` to a command; `of` names what it applies to, if not to every file."""
    command.add_argument(
        "--format",
        default="",
        metavar="NAME",
        help=f"{of}read as this format (`formats` lists them; default: detected)",
    )


def add_parser_option(command: argparse.ArgumentParser) -> None:
    """Add `--parser`, which selects the parser that reads the model's messages."""
    command.add_argument(
        "--parser",
        default="",
        metavar="NAME",
        help="diagnose each message as this parser would read it (`parsers` lists them); "
        "guess: choose it from the markers",
    )


def add_filter_option(command: argparse.ArgumentParser, meaning: str) -> None:
    """Add `--filter`, which keeps what an expression is true of; `meaning` is its help."""
    command.add_argument("--filter", default="", metavar="EXPRESSION", help=meaning)


def add_json_option(command: argparse.ArgumentParser) -> None:
    """Add `--json`, which prints for programs what the command lists for people."""
    command.add_argument("--json", action="store_true", help="print one JSON object per line")


def add_list_and_remove(actions: Commands, command: str, thing: str, example: str) -> None:
    """Add the actions `list` and `remove` of a command that keeps things in the cache folder.

    `thing` is what is removed, with its article; `example` is the name of one.
    """
    listing = actions.add_parser(
        "list",
        help=f"list the {thing.split()[-1]}s that were added",
        epilog=f"example: hermes-tui {command} list --json",
    )
    add_json_option(listing)
    removing = actions.add_parser(
        "remove",
        help=f"delete {thing} from the cache folder",
        epilog=f"example: hermes-tui {command} remove {example}",
    )
    removing.add_argument("name", metavar="NAME", help=f"as `{command} list` shows it")


def add_theme_option(command: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Add `--theme`, which selects the colours of the screen."""
    command.add_argument(
        "--theme",
        default="",
        choices=THEMES,
        metavar="NAME",
        help=f"one of {', '.join(THEMES)} (default: as in config.toml)",
    )
