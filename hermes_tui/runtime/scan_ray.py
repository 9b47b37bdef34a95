"""Scan units as Ray Data tasks on a cluster that is there already.

The workers need what our package depends on, and the files under the same paths: a shared disk, or
URLs.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from multiprocessing import Pipe
from pathlib import Path
from typing import Final

from hermes_tui.model.errors import SourceError
from hermes_tui.runtime.scan_results import Part
from hermes_tui.runtime.scan_work import ScanOptions, ScanUnit

_ROOT: Final = str(Path(__file__).resolve().parents[2])
_START: Final = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from hermes_tui.runtime.scan_ray_driver import main; main(int(sys.argv[2]))"
)


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
        ours, theirs = Pipe()
        with ours:
            with theirs:
                self._driver = subprocess.Popen(
                    [sys.executable, "-P", "-c", _START, _ROOT, str(theirs.fileno())],
                    stdin=subprocess.DEVNULL,
                    stdout=sys.stderr.fileno(),
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
            ours.send((*self._asked, wanted))
            while True:
                try:
                    found = ours.recv()
                except EOFError:
                    raise SourceError("ray", "the process that asked the cluster died") from None
                match found:
                    case int(place), Part() as part:
                        yield wanted[place], part
                    case str(), str(), str():
                        raise SourceError(*found)
                    case _:
                        self.repeated = [wanted[place].label for place in found]
                        return

    def close(self) -> None:
        """End the job; what is still running on the cluster is ended with it."""
        if self._driver is not None:
            self._driver.kill()
            self._driver.wait()
