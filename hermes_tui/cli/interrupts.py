"""Ctrl-C and SIGTERM only where they do no harm: not in the middle of writing or counting."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
"""A terminal sends the first, a CI or a cluster that ends a job the second."""
SIGNALLED: Final = 128
SAME_INTERRUPT_S: Final = 0.3
"""Signals that follow each other so closely are one Ctrl-C: a shell sends it to every program of a
command, and one of these may pass it on."""


class Interrupts:
    """While entered, SIGNALS raise KeyboardInterrupt only outside `held` blocks, but at once the
    second time. It may be entered again for a clean-up that the same Ctrl-C does not disturb."""

    def __init__(self) -> None:
        self.exit_code = 0
        """The exit code that a shell reports for the first signal; 0 if there was none."""
        self._is_held = False
        self._is_due = False
        self._last_signal_at = float("-inf")

    def __enter__(self) -> Interrupts:
        self._is_held = self._is_due = False
        self._previous_handlers = {
            number: signal.signal(number, self._interrupt) for number in SIGNALS
        }
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous_handlers.items():
            signal.signal(number, handler)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Defer an interrupt until the block is done."""
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False
        if self._is_due:
            raise KeyboardInterrupt

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self.exit_code = self.exit_code or SIGNALLED + number
        previous_at, self._last_signal_at = self._last_signal_at, time.monotonic()
        if self._last_signal_at - previous_at < SAME_INTERRUPT_S:
            return
        if self._is_due or not self._is_held:
            raise KeyboardInterrupt
        self._is_due = True
