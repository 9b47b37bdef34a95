"""A user's own parser in a file, `FILE.py` or `FILE.py:NAME`, as an engine of its own.

The file's imports decide which engine the parser is made for: one for vLLM, SGLang or hermes-agent
runs in the process of that engine, which must have been added. Any other file needs no engine and
defines a function `parse` (see `engines/child/own_engine.py`). Naming such a file runs it, so a
name that comes from a transcript is never looked up here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from hermes_tui.model.errors import SourceError
from hermes_tui.runtime.engines.added import AddedEngine
from hermes_tui.runtime.parser_names import OWN_FILE
from hermes_tui.runtime.remote import local_path

OWN: Final = "own"
_ENGINES_BY_PACKAGE: Final = {"vllm": "vllm", "sglang": "sglang", "environments": "hermes-agent"}
"""The engine that each package belongs to which a parser's file may import."""
_ADD_HINTS: Final = {
    "vllm": "`hermes-tui engines add vllm`",
    "sglang": "`hermes-tui engines add sglang`",
    "hermes-agent": "`hermes-tui engines add --path CHECKOUT`",
}


def own_engine(spelled: str, engines: Sequence[AddedEngine]) -> AddedEngine | None:
    """Return an engine with only the parser of a file, or None if `spelled` names no file.

    `FILE.py` takes the newest of the `engines` that it is made for, `ENGINE/FILE.py` the named one.
    Raises SourceError if the file cannot be read or its engine was not added.
    """
    found = OWN_FILE.fullmatch(spelled)
    if found is None:
        return None
    engines = [engine for engine in engines if not engine.file]
    added, _, rest = found["file"].partition("/")
    host = next((engine for engine in engines if engine.name == added), None)
    file, name = (rest if host else found["file"]), found["name"] or ""
    path = local_path(file).absolute()
    kind = _engine_kind(path, file)
    if kind == OWN:
        base = AddedEngine("", OWN, "", "path", "", "", "", (), {}, path.parent)
    else:
        base = host or _newest(kind, engines, file)
    whole = f"{host.name}/{path}" if host else str(path)
    return base._replace(
        name=spelled,
        portable_name=f"{whole}:{name}" if name else whole,
        names=(name or path.stem,),
        failures={},
        file=str(path),
        parser=name,
    )


def _engine_kind(path: Path, file: str) -> str:
    """Return the engine that the parser in a file is made for, `OWN` if none."""
    try:
        tree = ast.parse(path.read_bytes())
    except OSError as error:
        hint = "--parser takes FILE.py or FILE.py:NAME"
        raise SourceError.of(file, error, hint) from error
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        where = f", line {line}" if line else ""
        why = getattr(error, "msg", "") or str(error) or "nested too deeply"
        raise SourceError(file, f"cannot be loaded: {why}{where}") from error
    packages = dict.fromkeys(name.partition(".")[0] for name in _imported(tree))
    return next(
        (_ENGINES_BY_PACKAGE[name] for name in packages if name in _ENGINES_BY_PACKAGE), OWN
    )


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""


def _newest(kind: str, engines: Sequence[AddedEngine], file: str) -> AddedEngine:
    fitting = [engine for engine in engines if engine.engine == kind and not engine.problem]
    if not fitting:
        raise SourceError(file, f"is a parser of {kind}, but no {kind} was added", _ADD_HINTS[kind])
    return max(fitting, key=lambda engine: _version_key(engine.version))


def _version_key(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isascii() and part.isdigit()]
