"""Scan units as Ray Data tasks on a cluster that is there already.

The workers need what our package depends on, and the files under the same paths: a shared disk, or
URLs.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, Final

from hermes_tui.model.errors import SourceError
from hermes_tui.runtime.own_process import start_peer
from hermes_tui.runtime.scan.results import Part
from hermes_tui.runtime.scan.work import ScanOptions, ScanUnit

_DRIVER: Final = "hermes_tui.runtime.scan.ray_driver"


class RayCluster:
    """Scans units on the cluster at `address` (as Ray takes it: `auto`, `HOST:PORT`, `ray://…`).

    What Ray itself has to say goes to standard error.
    """

    def __init__(self, address: str, options: ScanOptions, *, ordered: bool = False) -> None:
        self.repeated: list[str] = []
        """The units that were begun more than once, since their worker died."""
        self._asked = (address, options, ordered)
        self._driver: subprocess.Popen[bytes] | None = None

    def scan(self, units: Iterator[ScanUnit]) -> Iterator[tuple[ScanUnit, Part]]:
        """Yield the parts of all units as they come; those of one unit in their order.

        Raises SourceError where there is no cluster, or it gives up.
        """
        wanted = list(units)
        if not wanted:
            return
        try:
            self._driver, peer = start_peer(_DRIVER, stdout=sys.stderr.fileno())
        except OSError as error:
            raise SourceError("ray", f"no process to ask the cluster: {error}") from error
        with peer:
            # A driver that is dead already is seen where its answer is read.
            with suppress(OSError):
                peer.send((*self._asked, wanted))
            while True:
                match _answer(peer):
                    case int(place), Part() as part:
                        yield wanted[place], part
                    case str(path), str(what), str(hint):
                        raise SourceError(path, what, hint)
                    case list(again):
                        self.repeated = [wanted[place].label for place in again]
                        return

    def close(self) -> None:
        """End the job; what is still running on the cluster is ended with it."""
        if self._driver is not None:
            self._driver.kill()
            self._driver.wait()


def _answer(peer: Connection) -> Any:
    try:
        return peer.recv()
    except (EOFError, OSError):
        raise SourceError("ray", "the process that asked the cluster died") from None
