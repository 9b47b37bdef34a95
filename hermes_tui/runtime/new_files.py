"""Finds files that have appeared since paths were first listed, in a background thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from hermes_tui.model.errors import SourceError
from hermes_tui.runtime.remote import written
from hermes_tui.runtime.targets import Target, Targets

EVERY_S: Final = 1.0
REST: Final = 20
"""How many times as long as a look took to wait after it: a folder may be huge."""


class NewFiles:
    """Finds targets that were not there before. `look` returns all current targets."""

    def __init__(self, look: Callable[[], Targets], known: Targets) -> None:
        self._look = look
        self._last = known
        self._known: set[str] | None = None
        """The names of all targets so far; built when the targets first differ."""
        self._found: list[Target] = []
        self._thread: threading.Thread | None = None
        self._due = time.monotonic() + EVERY_S

    def poll(self) -> list[Target]:
        """Return the targets that are new since the last call. Never waits."""
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
            self._found = self._new_targets(self._look())
        except (SourceError, OSError):
            # The folder is gone, or empty for now.
            self._found = []
        took = time.monotonic() - began
        self._due = time.monotonic() + max(EVERY_S, REST * took)

    def _new_targets(self, targets: Targets) -> list[Target]:
        if targets == self._last:
            return []
        if self._known is None:
            self._known = {_name(target) for target in self._last}
        self._last = targets
        found = [target for target in targets if _name(target) not in self._known]
        self._known.update(map(_name, found))
        return found


def _name(target: Target) -> str:
    return written(target.path) if target.path is not None else "-"
