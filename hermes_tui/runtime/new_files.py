"""Files that come to stand where paths point to, looked for by a thread now and then."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Final

from hermes_tui.model.errors import SourceError
from hermes_tui.runtime.targets import Target

EVERY_S: Final = 1.0
REST: Final = 20
"""How many times as long as a look took there is none after it: a folder may be huge."""


class NewFiles:
    """Finds targets that were not there before. `look` returns all there are now."""

    def __init__(self, look: Callable[[], Iterable[Target]], known: Iterable[Target]) -> None:
        self._look = look
        self._known = {target.path for target in known}
        self._found: list[Target] = []
        self._thread: threading.Thread | None = None
        self._due = time.monotonic() + EVERY_S

    def poll(self) -> list[Target]:
        """Return the targets that are new since this was last asked. Never waits."""
        if self._thread is None:
            if time.monotonic() >= self._due:
                self._thread = threading.Thread(target=self._look_again, daemon=True)
                self._thread.start()
            return []
        if self._thread.is_alive():
            return []
        self._thread = None
        found, self._found = self._found, []
        return found

    def _look_again(self) -> None:
        began = time.monotonic()
        try:
            self._found = [target for target in self._look() if target.path not in self._known]
        except (SourceError, OSError):
            # The folder is gone, or empty for now.
            self._found = []
        self._known.update(target.path for target in self._found)
        took = time.monotonic() - began
        self._due = time.monotonic() + max(EVERY_S, REST * took)
