"""Packed files are followed."""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path

import pytest

from hermes_tui.model.errors import SourceError
from hermes_tui.runtime.sources import open_source
from tests.descriptors import open_files


@pytest.mark.parametrize(
    "data", [gzip.compress(b"{}\n"), "{}\n".encode("utf-16")], ids=["gzip", "utf-16"]
)
def test_a_file_that_cannot_be_followed_keeps_no_descriptor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(data)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "absent"))
    before = open_files()
    for _ in range(3):
        with pytest.raises(SourceError, match="no temporary file"):
            open_source(path, follow=True)
    assert open_files() == before
