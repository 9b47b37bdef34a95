"""Writes a finding to disk as a new folder, which appears complete or not at all.

`text.txt` holds the exact characters in UTF-8. Lone surrogates, which UTF-8 cannot hold, are the
three bytes that Python's `surrogatepass` makes of them. Newlines are unchanged.
"""

from __future__ import annotations

import errno
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hermes_tui.model.errors import StoreError
from hermes_tui.model.messages import ToolSpec
from hermes_tui.parsers.base import Parser
from hermes_tui.parsers.report import (
    TEXT_FILE,
    TOOLS_FILE,
    Reproduction,
    bug_report,
    reproduction_of,
    slug,
    tools_json,
)
from hermes_tui.parsers.report_case import pytest_case
from hermes_tui.runtime.engine_script import engine_script, script_name

if TYPE_CHECKING:
    from hermes_tui.runtime.real_parser import RealParser

REPORT_FILE: Final = "report.md"
CASE_FILE: Final = "test_reproduction.py"
WHOLE_FILE: Final = "whole.txt"
"""The text that `text.txt` was reduced from."""
REDUCING_S: Final = 30.0
"""How long a text is reduced with an engine: one that hangs takes seconds for each attempt."""
_MAX_NUMBER: Final = 10_000
_NAME_TAKEN_ERRORS: Final = frozenset({errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR})


def reproduction_of_real(
    text: str,
    parser: RealParser,
    tools: Sequence[ToolSpec],
    reader: Parser,
    *,
    is_unwanted: Callable[[], bool] = lambda: False,
) -> Reproduction:
    """Return the reproduction of an engine's own parser on `text`, reduced as far as time allows.

    Raises SourceError if the engine gives no verdict.
    """
    deadline = time.monotonic() + REDUCING_S

    def enough() -> bool:
        return is_unwanted() or time.monotonic() > deadline

    return reproduction_of(text, parser, tools, reader, real=parser.engine_run, enough=enough)


def write_reproduction(folder: Path, reproduction: Reproduction) -> Path:
    """Write the finding to a new folder in `folder`, which is created if needed; return its path.

    Nothing existing is touched: if its name is taken, the new folder gets a number. Raises
    StoreError, and leaves nothing behind, if it cannot be written.
    """
    files = _files(reproduction)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".reproduction-", dir=folder))
        try:
            scratch.chmod(0o755)
            for name, content in files.items():
                (scratch / name).write_bytes(content)
            return _move_to_free_name(scratch, folder / slug(reproduction))
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise
    except OSError as error:
        where = str(error.filename or folder)
        raise StoreError(where, error.strerror or str(error), "choose another folder") from error


def _files(reproduction: Reproduction) -> dict[str, bytes]:
    source = engine_script(reproduction)
    script = script_name(reproduction) if source else ""
    files = {
        TEXT_FILE: reproduction.text.encode("utf-8", "surrogatepass"),
        TOOLS_FILE: tools_json(reproduction.tools).encode() + b"\n",
        # Names and messages may quote the text: here lone surrogates are escaped to be readable.
        REPORT_FILE: bug_report(reproduction, script).encode("utf-8", "backslashreplace"),
        CASE_FILE: pytest_case(reproduction).encode(),
    }
    if script:
        files[script] = source.encode()
    if reproduction.whole and reproduction.whole != reproduction.text:
        files[WHOLE_FILE] = reproduction.whole.encode("utf-8", "surrogatepass")
    return files


def _move_to_free_name(scratch: Path, preferred: Path) -> Path:
    """Rename the folder to the first free one of NAME, NAME-2, NAME-3 … and return its path."""
    for number in range(1, _MAX_NUMBER):
        target = preferred if number == 1 else preferred.with_name(f"{preferred.name}-{number}")
        if target.exists() or target.is_symlink():
            continue
        try:
            # Another process may take the name meanwhile: a folder with files is never replaced.
            return scratch.rename(target)
        except OSError as error:
            if error.errno not in _NAME_TAKEN_ERRORS:
                raise
    raise FileExistsError(errno.EEXIST, "too many reproductions of this kind", str(preferred))
