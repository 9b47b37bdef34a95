"""The person's own editor."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from hermes_tui.model.errors import SourceError
from hermes_tui.runtime.own_programs import chosen_program


def edit_externally(text: str, *, suffix: str = ".txt") -> str:
    """Return `text` as edited in $VISUAL or $EDITOR (else vi), waiting for it.

    A newline that the editor put behind the last line is taken off again. Raises SourceError where
    no editor can be started, there is no room for its file, it fails, or what it left is no UTF-8.
    """
    command = chosen_program("VISUAL", "EDITOR", default="vi")
    try:
        return _edited(text, command, f"edit{suffix}")
    except OSError as error:
        told = error.strerror or str(error)
        raise SourceError("a temporary file", told, "set TMPDIR to a folder with room") from error


def _edited(text: str, command: list[str], name: str) -> str:
    with tempfile.TemporaryDirectory(prefix="hermes-tui-", ignore_cleanup_errors=True) as folder:
        path = Path(folder) / name
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
