"""The added engines, as described by their manifests."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any, Final, NamedTuple

MANIFEST: Final = "manifest.json"
SCHEMA: Final = 1
KINDS: Final = ("wheel", "python", "path")
ENGINES: Final = ("vllm", "sglang", "hermes-agent")


class AddedEngine(NamedTuple):
    """An engine in the cache folder.

    `kind` is `wheel` (unpacked here), `python` (installed for the interpreter `python`) or `path`
    (a checkout at `source`). `names` are its parsers; `failures` are the reasons why some cannot be
    loaded, by name. `problem` is the reason why none can be loaded, empty if there is none.

    `file` is a file of the user's own, loaded into the engine for one of its parsers. `parser` is
    the name of that parser, empty for the only one in the file. Such an engine is in no folder.
    """

    name: str
    engine: str
    version: str
    kind: str
    python: str
    python_version: str
    source: str
    names: tuple[str, ...]
    failures: dict[str, str]
    folder: Path
    problem: str = ""
    file: str = ""
    parser: str = ""
    portable_name: str = ""
    """The name of a parser in a file that is valid from any folder."""

    @property
    def deps(self) -> str:
        """The folder of the packages that were added with the engine; empty if there is none."""
        return str(self.folder / "deps") if self.kind == "wheel" else ""

    @property
    def add_command(self) -> str:
        """The command that adds such an engine on another machine."""
        if self.kind == "path":
            what, usual = "--path CHECKOUT", self.engine
        else:
            what = usual = f"{self.engine}=={self.version}"
        named = "" if self.name == usual.replace("==", "-") else f" --name {shlex.quote(self.name)}"
        return f"hermes-tui engines add {what}{named}"


def read_engine(folder: Path) -> AddedEngine:
    """Return the engine in `folder`; if its manifest cannot be read, its `problem` says so."""
    try:
        engine = _engine_from(folder, json.loads((folder / MANIFEST).read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        return _damaged(folder, f"its manifest cannot be read ({type(error).__name__})")
    return engine._replace(problem=_problem(engine))


def write_manifest(engine: AddedEngine) -> None:
    """Write the manifest into the engine's folder; raises OSError."""
    facts = {
        "schema": SCHEMA,
        "engine": engine.engine,
        "version": engine.version,
        "kind": engine.kind,
        "python": engine.python,
        "python_version": engine.python_version,
        "source": engine.source if engine.kind == "path" else "",
        "names": list(engine.names),
        "failures": engine.failures,
    }
    (engine.folder / MANIFEST).write_text(json.dumps(facts, indent=1) + "\n", "utf-8")


def _engine_from(folder: Path, facts: dict[str, Any]) -> AddedEngine:
    if facts["schema"] != SCHEMA or facts["engine"] not in ENGINES or facts["kind"] not in KINDS:
        raise ValueError("of another version")
    is_wheel = facts["kind"] == "wheel"
    return AddedEngine(
        folder.name,
        facts["engine"],
        str(facts["version"]),
        facts["kind"],
        str(facts["python"]),
        str(facts["python_version"]),
        str(folder / "src") if is_wheel else str(facts["source"]),
        tuple(map(str, facts["names"])),
        {str(name): str(reason) for name, reason in facts["failures"].items()},
        folder,
    )


def _damaged(folder: Path, problem: str) -> AddedEngine:
    return AddedEngine(folder.name, "", "", "wheel", "", "", "", (), {}, folder, problem)


def _problem(engine: AddedEngine) -> str:
    """Return why the engine cannot run, or an empty text if it can.

    The compiled packages of a wheel fit only one version of Python.
    """
    if engine.kind == "wheel":
        ours = f"{sys.version_info.major}.{sys.version_info.minor}"
        if not f"{engine.python_version}.".startswith(f"{ours}."):
            return f"added for Python {engine.python_version}, this is {ours}: add it again"
    if engine.kind == "python" and not Path(engine.python).exists():
        return f"the interpreter {engine.python} is gone"
    if engine.kind == "path" and not Path(engine.source).is_dir():
        return f"the folder {engine.source} is gone"
    return ""
