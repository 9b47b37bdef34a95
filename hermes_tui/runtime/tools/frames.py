"""Where a tool raised: the frames of a traceback that are its own."""

from __future__ import annotations

from pathlib import Path
from traceback import walk_tb
from types import FrameType
from typing import Final

import hermes_tui

MOST: Final = 20
_OURS: Final = str(Path(hermes_tui.__file__).parent) + "/"


def tool_frames(error: BaseException) -> tuple[str, ...]:
    """Return `file:line in function` of the frames that led to `error`, the innermost last.

    Ours are left out, and the event loop's. Of very many the innermost are named.
    """
    found = [
        f"{frame.f_code.co_filename}:{line} in {frame.f_code.co_qualname}"
        for frame, line in walk_tb(error.__traceback__)
        if not _is_between(frame)
    ]
    left_out = len(found) - MOST
    return tuple(found) if left_out <= 0 else (f"{left_out:,} more frames", *found[-MOST:])


def _is_between(frame: FrameType) -> bool:
    module = str(frame.f_globals.get("__name__", ""))
    return frame.f_code.co_filename.startswith(_OURS) or module.startswith("asyncio.")
