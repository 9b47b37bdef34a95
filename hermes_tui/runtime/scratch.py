"""Folders to make things ready in."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hermes_tui.model.errors import StoreError


@contextmanager
def scratch_in(folder: Path) -> Iterator[Path]:
    """Give a folder inside `folder`, so that what is ready can be moved there in one step.

    `folder` is made if need be. Raises StoreError for what cannot be written, also in the block.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".adding-", dir=folder) as scratch:
            yield Path(scratch)
    except OSError as error:
        where = str(error.filename or folder)
        raise StoreError(where, error.strerror or "cannot be written") from error
