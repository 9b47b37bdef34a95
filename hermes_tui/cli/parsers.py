"""`hermes-tui parsers`: every available parser, with its engine, version, format and models."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from hermes_tui.cli.inputs import LISTING_CODES, add_json_option
from hermes_tui.model.visible import visible_row

if TYPE_CHECKING:
    from hermes_tui.cli.inputs import Commands


def add_parsers(commands: Commands) -> None:
    """Add the command to the return value of `add_subparsers`."""
    command = commands.add_parser(
        "parsers",
        help="list the tool-call parsers: engines, versions, formats, models",
        description="List every parser, with the models that write its format and the server\n"
        "flag for it. --parser of parse, open, scan and live takes their names; those of\n"
        "added engines (real/…) work only in `parse` and in the parser lab.",
        epilog=f"  hermes-tui parsers | grep -i qwen\n\n{LISTING_CODES}",
    )
    add_json_option(command)


def run_parsers(arguments: argparse.Namespace) -> int:
    """Print a line for every parser and return the exit code."""
    rows = [*_emulated(), *_real()]
    if arguments.json:
        from hermes_tui.cli.json_text import ascii_line

        sys.stdout.writelines(map(ascii_line, rows))
        return 0
    columns = ("name", "version", "format", "families", "flag")
    widths = {key: max(len(str(row[key])) for row in rows) for key in columns}
    for row in rows:
        line = "  ".join(f"{visible_row(str(row[key])):{widths[key]}}" for key in columns)
        sys.stdout.write(line.rstrip() + "\n")
        if row["problem"]:
            sys.stdout.write(f"    not available: {visible_row(str(row['problem']))}\n")
    return 0


def _emulated() -> Iterator[dict[str, Any]]:
    from hermes_tui import __version__
    from hermes_tui.parsers.choice import AUTO
    from hermes_tui.parsers.engines.registry import engine_parsers

    own = ("hermes-tui", __version__, "any", "any: our own reading, which repairs", "")
    yield _row(AUTO, *own)
    for parser in engine_parsers():
        info = parser.info
        yield _row(parser.name, info.engine, info.version, info.format, info.families, info.flag)


def _real() -> Iterator[dict[str, Any]]:
    """Yield the parsers of added engines, described as their emulations are, if there are any."""
    from hermes_tui.runtime.engines.store import added_engines
    from hermes_tui.runtime.parser_names import REAL
    from hermes_tui.runtime.real_parser import engine_info_of

    for engine in added_engines():
        if engine.problem:
            yield _row(f"{REAL}{engine.name}", engine.engine, engine.version) | {
                "real": True,
                "problem": engine.problem,
            }
        for name in engine.names:
            card = engine_info_of(engine, name)
            about = (engine.engine, engine.version, card.format, card.families, card.flag)
            row = _row(f"{REAL}{engine.name}/{name}", *about)
            yield row | {"real": True, "problem": engine.failures.get(name, "")}


def _row(
    name: str, engine: str, version: str, format_name: str = "", families: str = "", flag: str = ""
) -> dict[str, Any]:
    return {
        "name": name,
        "engine": engine,
        "version": version,
        "format": format_name,
        "families": families,
        "flag": flag,
        "real": False,
        "problem": "",
    }
