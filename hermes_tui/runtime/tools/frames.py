"""Where a tool raised or crashed its process: the frames of a traceback that are its own."""

from __future__ import annotations

import asyncio
import re
import signal
import threading
from collections.abc import Sequence
from pathlib import Path
from traceback import walk_tb
from types import FrameType
from typing import Final, NamedTuple

import hermes_tui
from hermes_tui.runtime.exception_text import exception_text
from hermes_tui.runtime.tools.base import ToolFailure

MOST: Final = 20
_DUMPED_FRAME: Final = re.compile(r'File "(.+)", line (\d+) in (.+)')
_CRASH: Final = "Fatal Python error: "
_DUMP_SIGNALS: Final = frozenset(
    {signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSEGV}
)
"""The signals on which `faulthandler` writes a dump before the process ends."""
_OWN_FOLDER: Final = str(Path(hermes_tui.__file__).parent) + "/"
_CALLER_FILES: Final = (threading.__file__, str(Path(asyncio.__file__).parent) + "/")
"""Files in a dump, in addition to our own, that call a tool's code."""


def tool_frames(error: BaseException) -> tuple[str, ...]:
    """Return `file:line in function` for the frames that led to `error`, the innermost last.

    Ours and those of the event loop are left out. If there are more than `MOST`, only the innermost
    are named, after a line with the number of the others.
    """
    found = [
        f"{frame.f_code.co_filename}:{line} in {frame.f_code.co_qualname}"
        for frame, line in walk_tb(error.__traceback__)
        if not _is_not_of_tool(frame)
    ]
    return _at_most(found)


def tool_failed(error: BaseException) -> tuple[str, tuple[str, ...]]:
    """Return what to record of an exception that a tool raised: its text and its frames."""
    if isinstance(error, ToolFailure):
        return str(error), error.frames
    return exception_text(error), tool_frames(error)


class Crash(NamedTuple):
    """The dump that `faulthandler` wrote when a process crashed, and the output before it."""

    printed: str
    error: str
    """Empty if there was no crash."""
    frames: tuple[str, ...]


def crash_in(printed: str, code: int) -> Crash:
    """Return the crash at the end of the output of a process that ended with exit code `code`.

    A negative code is that of the signal that ended the process. If it is none on which a dump is
    written, any dump is another process's; so is any dump but the last.
    """
    before, mark, dump = printed.rpartition(_CRASH)
    if -code not in _DUMP_SIGNALS or not mark:
        return Crash(printed, "", ())
    error, *lines = dump.splitlines() or [""]
    dumped = (_DUMPED_FRAME.match(line.strip()) for line in lines)
    found = [
        f"{match[1]}:{match[2]} in {match[3]}"
        for match in dumped
        if match is not None and not match[1].startswith((_OWN_FOLDER, *_CALLER_FILES))
    ]
    return Crash(before, error, _at_most(found[::-1]))


def _at_most(found: Sequence[str]) -> tuple[str, ...]:
    left_out = len(found) - MOST
    return tuple(found) if left_out <= 0 else (f"{left_out:,} more frames", *found[-MOST:])


def _is_not_of_tool(frame: FrameType) -> bool:
    module = str(frame.f_globals.get("__name__", ""))
    return frame.f_code.co_filename.startswith(_OWN_FOLDER) or module.startswith("asyncio.")
