"""Packed files that are followed."""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path

import pytest

from hermes_tui.model.errors import SourceError
from hermes_tui.runtime.sources import open_source

DESCRIPTORS = Path("/proc/self/fd")


@pytest.mark.parametrize(
    "data", [gzip.compress(b"{}\n"), "{}\n".encode("utf-16")], ids=["gzip", "utf-16"]
)
def test_a_file_that_cannot_be_followed_keeps_no_descriptor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    if not DESCRIPTORS.exists():
        pytest.skip("this system does not tell the descriptors of a process")
    path = tmp_path / "run.jsonl"
    path.write_bytes(data)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    before = len(list(DESCRIPTORS.iterdir()))
    for _ in range(3):
        with pytest.raises(SourceError, match="no temporary file"):
            open_source(path, follow=True)
    assert len(list(DESCRIPTORS.iterdir())) == before
