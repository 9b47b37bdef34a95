"""Work that a thread does aside, and whose result is asked for now and then."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Result = TypeVar("Result")


class BackgroundCall(Generic[Result]):
    """A call made in a thread, which the program waits for at its end. An OSError is kept as text.

    Only calls that let go of the interpreter often are worth it: others hold up the screen as much.
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
        """Return whether the call has ended, if need be after at most `wait_s` seconds."""
        self._thread.join(wait_s)
        return not self._thread.is_alive()
