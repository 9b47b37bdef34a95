"""A file of the user's own, loaded as vLLM's `--tool-parser-plugin` loads one."""

from __future__ import annotations

import ast
import difflib
import importlib.util
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from .base import UnknownParser, WrongRequest

_MARKER = re.compile(r"</?[\w:.-]+>|<\|[\w:./▁-]+\|>|<｜[\w▁]+｜>|\[/?[A-Z_]+\]")


def load_file(path: str) -> ModuleType:
    """Run the file as a module and return that. Its folder is added at the end of `sys.path`.

    Raises any exception that the file raises.
    """
    name = f"own_file_{Path(path).stem}"  # with its plain name, a json.py would hide `json`
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None, "a file that ends in .py"
    module = importlib.util.module_from_spec(spec)
    sys.path.append(str(Path(path).parent))
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def is_of(module: ModuleType, value: Any) -> bool:
    """Return whether a class or a function is defined in the file itself, not imported there."""
    return bool(getattr(value, "__module__", "") == module.__name__)


def classes_in(module: ModuleType, base: type) -> dict[str, Any]:
    """Return the subclasses of `base` that the file itself defines, by name."""
    return {
        name: kind
        for name, kind in vars(module).items()
        if isinstance(kind, type) and issubclass(kind, base) and is_of(module, kind)
    }


def chosen(parser_name: str, registered: Mapping[str, Any], classes: Mapping[str, Any]) -> str:
    """Return the name of the selected parser: `parser_name`, or the only one if that is empty.

    Raises UnknownParser if there is none, WrongRequest if the name is wrong or must be given.
    """
    if parser_name in registered or parser_name in classes:
        return parser_name
    found = registered or classes
    if not found:
        raise UnknownParser("contains no parser")
    if parser_name:
        known = {**registered, **classes}
        near = difflib.get_close_matches(parser_name, known, 3)
        names = f"near: {', '.join(near)}" if near else f"it contains {', '.join(known)}"
        raise WrongRequest(f"contains no parser {parser_name!r}; {names}")
    if len({id(kind) for kind in found.values()}) > 1:
        name = next(iter(found))
        raise WrongRequest(f"contains {', '.join(found)}: name one, as in FILE.py:{name}")
    return next(iter(found))


def markers_in(path: str) -> tuple[str, ...]:
    """Return the strings in the file that look like markers; they are tokens of its model."""
    tree = ast.parse(Path(path).read_bytes())
    strings = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    return tuple(dict.fromkeys(filter(_MARKER.fullmatch, strings)))
