"""Scratch folders in which files are prepared."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hermes_tui.model.errors import StoreError


@contextmanager
def scratch_in(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder inside `folder`, from which files can be moved there in one step.

    `folder` is created if needed. Any OSError, also one of the block, becomes a StoreError.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".adding-", dir=folder) as scratch:
            yield Path(scratch)
    except OSError as error:
        where = str(error.filename or folder)
        raise StoreError(where, error.strerror or "cannot be written") from error
