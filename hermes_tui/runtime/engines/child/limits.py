"""Limits on one parse, set by its own process: time by an alarm, then by force; memory by the
kernel."""

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
"""An alarm takes effect at the next line of Python; this many seconds later the process ends."""
_REPEAT_S = 0.1
_MIN_LIMIT_S = 0.001
"""A time of zero would disable the alarm."""


class TimeIsUp(BaseException):
    """The time limit has passed. Not an Exception, because parsers catch those."""


class Alarm:
    """Raises TimeIsUp in the guarded code. `rang` stays set even if a parser swallows that."""

    def __init__(self) -> None:
        self._is_armed = False
        self.rang = False

    @contextlib.contextmanager
    def guard(self, seconds: float) -> Iterator[None]:
        """Limit the code in the context to this many seconds."""
        self.rang = False
        seconds = max(seconds, _MIN_LIMIT_S)
        faulthandler.dump_traceback_later(seconds + FORCE_AFTER_S, exit=True)
        if hasattr(signal, "setitimer"):
            signal.signal(signal.SIGALRM, self._ring)
            self._is_armed = True
            signal.setitimer(signal.ITIMER_REAL, seconds, _REPEAT_S)
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
    """Return where an error was raised: the innermost line of a file whose path contains `within`.

    Empty if there is no such file in the traceback.
    """
    frames = traceback.extract_tb(error.__traceback__)
    inner = [frame for frame in frames if within in frame.filename]
    if not inner:
        return ""
    return f"{Path(inner[-1].filename).name}:{inner[-1].lineno} in {inner[-1].name}"


def limit_memory(megabytes: int) -> None:
    """On Linux, limit the address space to what is in use now plus this many megabytes."""
    if not sys.platform.startswith("linux"):
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    limit = pages * resource.getpagesize() + (megabytes << 20)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def die_with_parent() -> None:
    """On Linux, have the kernel kill this process when its parent ends."""
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
