"""Limits on one reading, from the inside: time by an alarm, then by force; memory by the kernel."""

from __future__ import annotations

import contextlib
import faulthandler
import signal
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

FORCE_AFTER_S = 0.3
"""An alarm is heard when the next line of Python runs; after this much longer the process ends."""
_AGAIN_S = 0.1
_SHORTEST_S = 0.001
"""No time at all would mean no alarm."""


class TimeIsUp(BaseException):
    """Not an Exception: parsers catch those."""


class Alarm:
    """Raises TimeIsUp in what it guards. `rang` stays set where a parser swallowed it."""

    def __init__(self) -> None:
        self._is_armed = False
        self.rang = False

    @contextlib.contextmanager
    def guard(self, seconds: float) -> Iterator[None]:
        """Give what is inside so many seconds."""
        self.rang = False
        seconds = max(seconds, _SHORTEST_S)
        faulthandler.dump_traceback_later(seconds + FORCE_AFTER_S, exit=True)
        if hasattr(signal, "setitimer"):
            signal.signal(signal.SIGALRM, self._ring)
            self._is_armed = True
            signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN_S)
        try:
            yield
        finally:
            self._is_armed = False
            if hasattr(signal, "setitimer"):
                signal.setitimer(signal.ITIMER_REAL, 0)
            faulthandler.cancel_dump_traceback_later()

    def _ring(self, _: int, __: FrameType | None) -> None:
        if self._is_armed:
            self.rang = True
            raise TimeIsUp


def place(error: BaseException, within: str) -> str:
    """Return where it was raised: the innermost line of a file whose path holds `within`."""
    frames = traceback.extract_tb(error.__traceback__)
    inner = [frame for frame in frames if within in frame.filename]
    if not inner:
        return ""
    return f"{Path(inner[-1].filename).name}:{inner[-1].lineno} in {inner[-1].name}"


def limit_memory(megabytes: int) -> None:
    """Allow so much more address space than is used now; where the system can, as Linux does."""
    if not sys.platform.startswith("linux"):
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    most = pages * resource.getpagesize() + (megabytes << 20)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def die_with_parent() -> None:
    """On Linux, have the kernel end this process with its parent, whatever it is doing."""
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
