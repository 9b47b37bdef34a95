"""`hermes-tui engines`: the real parsers of vLLM, SGLang and hermes-agent, for comparison."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from hermes_tui.cli.inputs import add_list_and_remove
from hermes_tui.cli.stderr import print_notice
from hermes_tui.model.errors import UsageError
from hermes_tui.model.visible import visible_row

if TYPE_CHECKING:
    from hermes_tui.cli.inputs import Commands
    from hermes_tui.runtime.engines.added import AddedEngine

_ADD = """\
Make an engine's real parsers available to the parser lab, without the engine:

  hermes-tui engines add vllm==0.33.0        download 336 MB, keep 73 MB
  hermes-tui engines add sglang==0.5.23      download 39 MB, keep 84 MB
  hermes-tui engines add sglang              the newest version
  hermes-tui engines add ./vllm-0.33.0-….whl a wheel that is here already
  hermes-tui engines add --python .venv/bin/python   those installed there
  hermes-tui engines add --path ~/hermes-agent       those of a checkout

Of a wheel only the Python files are kept, and a few small packages that its
parsers import are added; neither PyTorch nor a GPU is needed. Nothing is
downloaded except by this command. The parsers run in a separate process, with
limits on time and memory."""


def add_engines(commands: Commands) -> None:
    """Add the command to the return value of `add_subparsers`."""
    command = commands.add_parser(
        "engines",
        help="add, list or remove the real parsers of vLLM, SGLang and hermes-agent",
        description="Manage the real parsers of engines; they are kept in the cache folder.",
        epilog="  hermes-tui engines add vllm==0.33.0\n  hermes-tui engines list\n\n"
        "exit codes: 0 fine, 2 wrong usage, 3 cannot download, load, read or write",
    )
    actions = command.add_subparsers(
        dest="action", metavar="add|list|remove", required=True, parser_class=type(command)
    )
    add = actions.add_parser(
        "add",
        help="download an engine's parsers, or use those of an interpreter or a checkout",
        description=_ADD,
    )
    add.add_argument(
        "engine",
        nargs="?",
        default="",
        metavar="ENGINE",
        help="vllm or sglang, optionally with ==VERSION; or a wheel file",
    )
    where = add.add_mutually_exclusive_group()
    where.add_argument(
        "--python", default="", metavar="PROGRAM", help="an interpreter that has it installed"
    )
    where.add_argument("--path", default="", metavar="FOLDER", help="a checkout of hermes-agent")
    add.add_argument("--name", default="", metavar="NAME", help="name for it")
    add_list_and_remove(actions, "engines", "an engine", "vllm-0.33.0")


def run_engines(arguments: argparse.Namespace) -> int:
    """Run `engines add`, `list` or `remove` and return the exit code."""
    match arguments.action:
        case "add":
            return _add(arguments)
        case "list":
            return _list(as_json=arguments.json)
        case _:
            return _remove(arguments.name)


def _add(arguments: argparse.Namespace) -> int:
    from hermes_tui.cli.progress import ProgressLine
    from hermes_tui.runtime.engines.store import add_path, add_python, add_wheel
    from hermes_tui.runtime.remote import local_path

    if arguments.path and arguments.engine:
        raise UsageError("--path takes no engine", "the checkout is hermes-agent's")
    if not (arguments.engine or arguments.python or arguments.path):
        raise UsageError("no engine was named", "for example: `hermes-tui engines add vllm`")
    line = ProgressLine()
    try:
        if arguments.path:
            added = [add_path(local_path(arguments.path), arguments.name)]
        elif arguments.python:
            added = list(add_python(arguments.python, arguments.engine, arguments.name))
        else:
            added = [add_wheel(arguments.engine, line.show, arguments.name)]
    finally:
        line.clear()
    _print(added)
    for engine in added:
        for name, reason in engine.failures.items():
            print_notice(f"{engine.name}: {name} cannot be loaded: {reason}")
    return 0


def _list(*, as_json: bool) -> int:
    from hermes_tui.runtime.engines.store import added_engines

    engines = added_engines()
    if as_json:
        for engine in engines:
            sys.stdout.write(_json_line(engine))
        return 0
    _print(engines)
    if not engines:
        print_notice("no engine was added yet (add one with `hermes-tui engines add`)")
    return 0


def _remove(name: str) -> int:
    from hermes_tui.runtime.engines.store import remove

    sys.stdout.write(f"removed {visible_row(remove(name).name)}\n")
    return 0


def _print(engines: Any) -> None:
    """Write a line for each: name, parsers, size, and its origin or what is wrong."""
    from hermes_tui.runtime.engines.store import size_of

    width = max((len(visible_row(engine.name)) for engine in engines), default=0)
    for engine in engines:
        loaded = len(engine.names) - len(engine.failures)
        origin = visible_row(engine.problem or engine.python or engine.source)
        name = f"{visible_row(engine.name):{width}}"
        size = f"{size_of(engine) / 1e6:>6,.0f} MB"
        sys.stdout.write(f"{name}  {loaded:>3} parsers  {size}  {origin}\n")


def _json_line(engine: AddedEngine) -> str:
    from hermes_tui.cli.json_text import ascii_line
    from hermes_tui.runtime.engines.store import size_of

    row = {
        "name": engine.name,
        "engine": engine.engine,
        "version": engine.version,
        "kind": engine.kind,
        "python": engine.python,
        "python_version": engine.python_version,
        "source": engine.source,
        "size": size_of(engine),
        "parsers": [name for name in engine.names if name not in engine.failures],
        "failures": engine.failures,
        "problem": engine.problem,
    }
    return ascii_line(row)
