"""Scans units as Ray Data tasks on an existing cluster.

The workers need our package's dependencies, and the files under the same paths: on a shared disk,
or as URLs.
"""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from hermes_tui.model.errors import SourceError
from hermes_tui.model.whole_numbers import whole_number
from hermes_tui.model.wording import shortened
from hermes_tui.runtime.own_process import start_peer
from hermes_tui.runtime.scan.results import Part
from hermes_tui.runtime.scan.work import ScanOptions, ScanUnit

_DRIVER: Final = "hermes_tui.runtime.scan.ray_driver"
AUTO: Final = "auto"
CONNECT_S: Final = 5.0
START: Final = "`ray start --head` starts one on this machine"
_CURRENT_CLUSTER_FILE: Final = Path("ray", "ray_current_cluster")
"""A file in Ray's temporary folder with the last cluster of this machine. It outlives the cluster.
"""


class RayAddress(NamedTuple):
    """The address of a cluster, and the variable or file that it comes from; empty if given."""

    address: str
    source: str = ""


class RayCluster:
    """Scans units on the cluster at `address` (as Ray takes it: `auto`, `HOST:PORT`, `ray://…`).

    Ray's own output is kept from the terminal; if its process dies, the last line is reported.
    """

    def __init__(self, address: str, options: ScanOptions, *, ordered: bool = False) -> None:
        self.repeated: list[str] = []
        """The labels of units that were begun more than once because their worker died."""
        self._place = resolve_address(address)
        self._request = (self._place.address, options, ordered)
        self._driver: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        """The cluster's name in messages."""
        address = self._place.address
        return "Ray" if address == AUTO else f"Ray at {address}"

    def scan(self, units: Iterator[ScanUnit]) -> Iterator[tuple[ScanUnit, Part]]:
        """Yield the parts of all units as they arrive; those of one unit are in order.

        Raises SourceError if there is no cluster, or the job fails.
        """
        all_units = list(units)
        if not all_units:
            return
        if find_spec("ray") is not None:
            _check_connection(self._place)
        with tempfile.TemporaryFile() as output:
            yield from self._results(all_units, output)

    def _results(self, units: list[ScanUnit], output: IO[bytes]) -> Iterator[tuple[ScanUnit, Part]]:
        """Yield the results that our driver process gets; its output goes to the file `output`."""
        try:
            self._driver, peer = start_peer(_DRIVER, stdout=output, stderr=output)
        except OSError as error:
            raise SourceError(
                "ray", f"the process that asks the cluster cannot be started: {error}"
            ) from error
        with peer:
            # If the driver has died, that is noticed when its answer is read.
            with suppress(OSError):
                peer.send((*self._request, units))
            while True:
                match _receive(peer, output):
                    case int(place), Part() as part:
                        yield units[place], part
                    case str(path), str(what), str(hint):
                        raise SourceError(path, what, hint)
                    case list(repeated):
                        self.repeated = [units[place].label for place in repeated]
                        return

    def close(self) -> None:
        """End the job, with everything of it that still runs on the cluster."""
        if self._driver is not None:
            self._driver.kill()
            self._driver.wait()


def _receive(peer: Connection, output: IO[bytes]) -> Any:
    try:
        return peer.recv()
    except (EOFError, OSError):
        what = "the process that asked the cluster died"
        raise SourceError("ray", what, _last_line(output)) from None


def _last_line(output: IO[bytes]) -> str:
    """Return the last line that Ray or our own process printed."""
    output.seek(0)
    lines = output.read().decode("utf-8", "replace").split("\n")
    return shortened(next((line.strip() for line in reversed(lines) if line.strip()), ""), 300)


def resolve_address(address: str) -> RayAddress:
    """Resolve `auto` as Ray does: to RAY_ADDRESS, else to the last cluster of this machine.

    It stays `auto` if there is neither.
    """
    if address != AUTO:
        return RayAddress(address)
    if (named := os.environ.get("RAY_ADDRESS", "")) not in ("", AUTO):
        return RayAddress(named, "RAY_ADDRESS")
    folder = os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp"
    current = Path(folder, _CURRENT_CLUSTER_FILE)
    try:
        return RayAddress(current.read_text().strip() or AUTO, str(current))
    except (OSError, ValueError):
        return RayAddress(AUTO)


def _check_connection(place: RayAddress) -> None:
    """Check that `HOST:PORT` accepts connections; otherwise Ray would retry for minutes.

    Raises SourceError if it does not.
    """
    host, colon, digits = place.address.removeprefix("ray://").rpartition(":")
    port = whole_number(digits)
    if not colon or port is None:
        return
    try:
        socket.create_connection((host.strip("[]"), port), CONNECT_S).close()
    except (OSError, OverflowError) as error:
        what = error.strerror if isinstance(error, OSError) else ""
        reason = f"no answer: {what or error}"
        hint = f"is a cluster running there? {START}"
        if place.source:
            hint = f"{place.source} names it; give --address HOST:PORT, or {START}"
        raise SourceError(f"ray {place.address}", reason, hint) from error
