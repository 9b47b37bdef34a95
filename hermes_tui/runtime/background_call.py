"""A call made in a background thread, whose result can be polled."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

Result = TypeVar("Result")


class BackgroundCall(Generic[Result]):
    """A call in a thread that the program waits for before it exits. An OSError is ignored.

    This only pays for calls that often release the GIL: others block the screen all the same.
    """

    def __init__(self, call: Callable[[], Result]) -> None:
        self._call = call
        self.result: Result | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with suppress(OSError):
            self.result = self._call()

    def is_done(self, wait_s: float = 0.0) -> bool:
        """Return whether the call has ended, waiting up to `wait_s` seconds for it."""
        self._thread.join(wait_s)
        return not self._thread.is_alive()
