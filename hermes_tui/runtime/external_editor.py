"""The person's own editor."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from hermes_tui.model.errors import SourceError


def edit_externally(text: str, *, suffix: str = ".txt") -> str:
    """Return `text` as edited in $VISUAL or $EDITOR (else vi), waiting for it.

    A newline that the editor put behind the last line is taken off again. Raises SourceError where
    no editor can be started, it fails, or what it left is no UTF-8.
    """
    command = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    with tempfile.TemporaryDirectory(prefix="hermes-tui-") as folder:
        path = Path(folder) / f"edit{suffix}"
        # Lone surrogates are part of what models write, and have to survive.
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            status = subprocess.run([*command, str(path)], check=False).returncode
        except OSError as error:
            raise SourceError(command[0], error.strerror or str(error), "set $EDITOR") from error
        if status:
            raise SourceError(command[0], f"ended with {status}", "the text is as it was")
        try:
            edited = path.read_bytes().decode("utf-8", "surrogatepass")
        except (OSError, UnicodeDecodeError) as error:
            raise SourceError(command[0], f"left no text: {error}") from error
    if edited.endswith("\n") and not text.endswith("\n"):
        return edited[:-1]
    return edited
