"""A call made in a background thread, whose result can be polled."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Result = TypeVar("Result")


class BackgroundCall(Generic[Result]):
    """A call in a thread that the program waits for before it exits. An OSError is kept as text.

    This only pays for calls that often release the GIL: others block the screen all the same.
    """

    def __init__(self, call: Callable[[], Result]) -> None:
        self._call = call
        self.result: Result | None = None
        self.failure = ""
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.result = self._call()
        except OSError as error:
            self.failure = error.strerror or str(error)

    def is_done(self, wait_s: float = 0.0) -> bool:
        """Return whether the call has ended, waiting up to `wait_s` seconds for it."""
        self._thread.join(wait_s)
        return not self._thread.is_alive()
