"""Textual's driver for Unix, made to survive its terminal until the program has left in order."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import IO, Any, cast

from textual.drivers.linux_driver import LinuxDriver


class TerminalDriver(LinuxDriver):
    """Drops what is written to a terminal that is gone.

    Otherwise the first such error would end Textual's writer thread, and the app would wait for it
    forever.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # Textual draws on standard error, which may go to a file.
        output = self._file if self._file and self._file.isatty() else sys.__stdout__
        # Keys are read as UTF-8 regardless of the locale. Replacements for characters that the
        # locale's encoding lacks would have other widths.
        if isinstance(output, io.TextIOWrapper):
            output.reconfigure(encoding="utf-8", errors="backslashreplace")
        self._file = cast(Any, _Lenient(output))

    @property
    def has_terminal(self) -> bool:
        """Return whether keys can still arrive; without a terminal, reading input only yields its
        end, again and again."""
        return os.isatty(self.fileno)


class _Lenient:
    def __init__(self, file: IO[str] | None) -> None:
        assert file is not None, "a terminal's output"
        self._file = file

    def write(self, text: str) -> None:
        with suppress(OSError):
            self._file.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._file.flush()

    def fileno(self) -> int:
        return self._file.fileno()
