"""The arguments that all commands share which read saved runs."""

from __future__ import annotations

import argparse


def add_paths(command: argparse.ArgumentParser) -> None:
    """Let a command take the files to read."""
    command.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="files, folders, globs or URLs, .gz and .zst too; - is standard input",
    )


def add_parser_option(command: argparse.ArgumentParser) -> None:
    """Let a command be told which parser reads the model's messages."""
    command.add_argument(
        "--parser",
        default="",
        metavar="NAME",
        help="diagnose every message as this parser reads it (`parsers` lists them), or `guess`",
    )
