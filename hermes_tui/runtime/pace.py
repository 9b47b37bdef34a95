"""How fast something long goes on, and how long it will take."""

from __future__ import annotations

STEADY_AFTER_S = 2.0
"""Before that the time that is left cannot be told from the rate."""


class Pace:
    """Bytes a second since `began`, when `before` bytes were done already."""

    def __init__(self, began: float, before: int = 0) -> None:
        self._began = began
        self._before = before

    def text(self, done: int, total: int, now: float, *, files: int = 0) -> str:
        """Return such as "12 MB/s 0:07 left"; without the rest as long as it cannot be told.

        `files`: how many were done since it began; where these are small, they are what counts.
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
    """Return such as 0:07, 12:30 or 3:05:00."""
    minutes, second = divmod(max(0, round(seconds)), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
