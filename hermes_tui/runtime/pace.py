"""The rate of long work, and the time it has left."""

from __future__ import annotations

STEADY_AFTER_S = 2.0
"""Before that the rate is too uncertain to estimate the time left."""


class Pace:
    """Bytes per second since `began`, at which `before` bytes were already done."""

    def __init__(self, began: float, before: int = 0) -> None:
        self._began = began
        self._before = before

    def text(self, done: int, total: int, now: float, *, files: int = 0) -> str:
        """Return a text such as "12 MB/s 0:07 left"; the time only once it can be estimated.

        `files` is how many were done since the beginning; if they are small, the rate is in files.
        """
        spent = max(now - self._began, 1e-9)
        rate = max(0, done - self._before) / spent
        left = f" {clock((total - done) / rate)} left" if rate and spent >= STEADY_AFTER_S else ""
        return f"{_rate(rate, files / spent)}{left}"


def _rate(bytes_a_second: float, files_a_second: float) -> str:
    if bytes_a_second >= 1e6:
        return f"{bytes_a_second / 1e6:,.0f} MB/s"
    if files_a_second >= 1:
        return f"{files_a_second:,.0f} files/s"
    return f"{bytes_a_second / 1e3:,.0f} kB/s"


def clock(seconds: float) -> str:
    """Return a duration as text, such as 0:07, 12:30 or 3:05:00."""
    minutes, second = divmod(max(0, round(seconds)), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
