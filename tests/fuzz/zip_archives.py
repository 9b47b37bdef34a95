"""Archives that lie about their contents."""

from __future__ import annotations

import io
import json
import zipfile

from hermes_tui.model.errors import SourceError
from hermes_tui.runtime.packed.archives import archive_bytes, transcripts
from hermes_tui.runtime.packed.zip_members import opened

MAX_UNPACKED = 8 << 20


def _archive(members: dict[str, str], method: int) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        for name, text in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2025, 1, 1, 0, 0, 0)), text, method)
    return data.getvalue()


_EVAL = {
    "header.json": json.dumps({"version": 2, "eval": {"task": "t"}}),
    "samples/a_epoch_1.json": json.dumps({"id": "a", "messages": []}, indent=1),
    "reductions.json": json.dumps([{"scorer": "s", "samples": [{"sample_id": "a"}]}]),
}
SEEDS = (
    _archive({"../../run.json": "[]", "x.txt": ""}, zipfile.ZIP_DEFLATED),
    _archive(_EVAL, zipfile.ZIP_STORED),
    _archive(_EVAL, zipfile.ZIP_BZIP2),
    _archive({"a.jsonl": " " * 5000, "b.jsonl": "{}"}, zipfile.ZIP_LZMA),
    _archive({"run.json": "[" + " " * 300_000}, zipfile.ZIP_DEFLATED),
)
DICTIONARY = (b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"\x5d\x00", b".json", b"samples/")


def try_one(data: bytes) -> None:
    """Read every possible member; the only error is a `SourceError` with a one-line message."""
    names = [""]
    try:
        with opened("log.zip", lambda: io.BytesIO(data)) as archive:
            names += transcripts(archive)[:4]
    except SourceError as error:
        assert "\n" not in str(error)
    for name in names:
        unpacked = 0
        try:
            for piece in archive_bytes("log.zip", lambda: io.BytesIO(data), name):
                unpacked += len(piece)
                if unpacked > MAX_UNPACKED:
                    break
        except SourceError as error:
            assert "\n" not in str(error)
