"""Inspect's `.eval` archives as JSON lines: for each sample the log with that sample alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from hermes_tui.model.errors import SourceError
from hermes_tui.model.visible import visible_row
from hermes_tui.model.wording import counted
from hermes_tui.runtime.packed.archive import damaged
from hermes_tui.runtime.packed.zip_members import CutZip, ZipArchive

MAX_HEADER = 256 << 20
MAX_KEPT = 4_000
"""Bytes of JSON. A longer part of the header is not repeated with every sample."""
_HEADER = "header.json"
_START = "_journal/start.json"
_REDUCTIONS = "reductions.json"
_SAMPLES = "samples/"


def is_eval(archive: ZipArchive) -> bool:
    return _HEADER in archive.members or _START in archive.members


def eval_lines(archive: ZipArchive) -> Iterator[bytes]:
    """Yield the bytes of one line per sample: the sample inside the header of the log."""
    header = _header(archive)
    reductions = _reductions(archive)
    samples = [name for name in archive.members if name.startswith(_SAMPLES) and name[-1] != "/"]
    if not samples:
        yield orjson.dumps(header) + b"\n"
    for name in samples:
        sample_id = name.removeprefix(_SAMPLES).removesuffix(".json").rpartition("_epoch_")[0]
        reduced = [
            {"scorer": scorer, "samples": [values[sample_id]]}
            for scorer, values in reductions.items()
            if sample_id in values
        ]
        head = orjson.dumps({**header, "reductions": reduced} if reduced else header)
        yield head[:-1] + b',"samples":['
        for piece in archive.unpacked(name):
            # Line breaks in JSON strings are always escaped, so these are between values.
            yield piece.replace(b"\n", b" ").replace(b"\r", b" ")
        yield b"]}\n"
    if isinstance(archive.zip, CutZip):
        why = f"it ends before its directory; {counted(len(samples), 'whole sample')} in it"
        raise damaged(archive.kind, archive.label, why)


def _header(archive: ZipArchive) -> dict[str, Any]:
    """Return the log without its samples. If it still runs or was killed, only its start exists."""
    name = _HEADER if _HEADER in archive.members else _START
    header = _json(archive, name)
    if not isinstance(header, dict) or not isinstance(header.get("eval"), dict):
        raise damaged(archive.kind, archive.label, f"{name} is not a header of an evaluation")
    evaluation = {key: _without_long_value(value) for key, value in header["eval"].items()}
    dataset = evaluation.get("dataset")
    if isinstance(dataset, dict):
        evaluation["dataset"] = {key: item for key, item in dataset.items() if key != "sample_ids"}
    rest = {
        key: _without_long_value(value)
        for key, value in header.items()
        if key not in ("eval", "samples")
    }
    return {"version": 2, "status": "started", **rest, "eval": evaluation}


def _without_long_value(value: Any) -> Any:
    if isinstance(value, dict):
        value = {key: item for key, item in value.items() if key != "sample_ids"}
    size = len(orjson.dumps(value))
    return value if size <= MAX_KEPT else f"({size:,} bytes, in the archive's header)"


def _reductions(archive: ZipArchive) -> dict[str, dict[str, Any]]:
    """Return the reduced values of the samples, by scorer and sample."""
    if _REDUCTIONS not in archive.members:
        return {}
    by_scorer: dict[str, dict[str, Any]] = {}
    listed = _json(archive, _REDUCTIONS)
    for reduction in listed if isinstance(listed, list) else ():
        if isinstance(reduction, dict) and isinstance(reduction.get("samples"), list):
            values = by_scorer.setdefault(str(reduction.get("scorer")), {})
            for sample in reduction["samples"]:
                if isinstance(sample, dict):
                    values[str(sample.get("sample_id"))] = sample
    return by_scorer


def _json(archive: ZipArchive, name: str) -> Any:
    pieces: list[bytes] = []
    size = 0
    for piece in archive.unpacked(name):
        pieces.append(piece)
        size += len(piece)
        if size > MAX_HEADER:
            message = f"{visible_row(name)} unpacks to more than {MAX_HEADER >> 20} MB"
            raise SourceError(archive.label, message, "is it an Inspect log?")
    try:
        return orjson.loads(b"".join(pieces))
    except ValueError as error:
        raise damaged(archive.kind, archive.label, f"{name} is not JSON: {error}") from error
