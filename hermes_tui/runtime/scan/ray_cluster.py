"""Scan units as Ray Data tasks on a cluster that is there already.

The workers need what our package depends on, and the files under the same paths: a shared disk, or
URLs.
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
from hermes_tui.model.wording import shortened
from hermes_tui.runtime.own_process import start_peer
from hermes_tui.runtime.scan.results import Part
from hermes_tui.runtime.scan.work import ScanOptions, ScanUnit

_DRIVER: Final = "hermes_tui.runtime.scan.ray_driver"
AUTO: Final = "auto"
CONNECT_S: Final = 5.0
START: Final = "`ray start --head` begins one on this machine"
_CURRENT: Final = Path("ray", "ray_current_cluster")
"""In Ray's temporary folder: the cluster that this machine joined last. It outlives the cluster."""


class RayAddress(NamedTuple):
    """Where a cluster is, and who says so: empty if the caller does."""

    address: str
    source: str = ""


class RayCluster:
    """Scans units on the cluster at `address` (as Ray takes it: `auto`, `HOST:PORT`, `ray://…`).

    What Ray itself has to say is kept from the terminal; where its process dies, the end of that is
    told.
    """

    def __init__(self, address: str, options: ScanOptions, *, ordered: bool = False) -> None:
        self.repeated: list[str] = []
        """The units that were begun more than once, since their worker died."""
        self._place = resolved(address)
        self._asked = (self._place.address, options, ordered)
        self._driver: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        """What is waited for, as a person is told."""
        address = self._place.address
        return "Ray" if address == AUTO else f"Ray at {address}"

    def scan(self, units: Iterator[ScanUnit]) -> Iterator[tuple[ScanUnit, Part]]:
        """Yield the parts of all units as they come; those of one unit in their order.

        Raises SourceError where there is no cluster, or it gives up.
        """
        wanted = list(units)
        if not wanted:
            return
        if find_spec("ray") is not None:
            _try_out(self._place)
        with tempfile.TemporaryFile() as said:
            yield from self._asked_for(wanted, said)

    def _asked_for(
        self, wanted: list[ScanUnit], said: IO[bytes]
    ) -> Iterator[tuple[ScanUnit, Part]]:
        """Yield what a process of our own gets from the cluster; what it prints goes to `said`."""
        try:
            self._driver, peer = start_peer(_DRIVER, stdout=said, stderr=said)
        except OSError as error:
            raise SourceError("ray", f"no process to ask the cluster: {error}") from error
        with peer:
            # A driver that is dead already is seen where its answer is read.
            with suppress(OSError):
                peer.send((*self._asked, wanted))
            while True:
                match _answer(peer, said):
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


def _answer(peer: Connection, said: IO[bytes]) -> Any:
    try:
        return peer.recv()
    except (EOFError, OSError):
        what = "the process that asked the cluster died"
        raise SourceError("ray", what, _last_words(said)) from None


def _last_words(said: IO[bytes]) -> str:
    """Return the last line that Ray, or our own process, printed."""
    said.seek(0)
    lines = said.read().decode("utf-8", "replace").split("\n")
    return shortened(next((line.strip() for line in reversed(lines) if line.strip()), ""), 300)


def resolved(address: str) -> RayAddress:
    """Return the address that `auto` stands for, as Ray finds it: RAY_ADDRESS, then the cluster
    that this machine joined last. It stays `auto` where neither is there."""
    if address != AUTO:
        return RayAddress(address)
    if (named := os.environ.get("RAY_ADDRESS", "")) not in ("", AUTO):
        return RayAddress(named, "RAY_ADDRESS")
    folder = os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp"
    current = Path(folder, _CURRENT)
    try:
        return RayAddress(current.read_text().strip() or AUTO, str(current))
    except (OSError, ValueError):
        return RayAddress(AUTO)


def _try_out(place: RayAddress) -> None:
    """Connect to `HOST:PORT`, since Ray asks for minutes where nobody answers."""
    host, colon, port = place.address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()
    except (OSError, OverflowError) as error:
        what = error.strerror if isinstance(error, OSError) else ""
        reason = f"nobody answers: {what or error}"
        hint = f"is a cluster running there? {START}"
        if place.source:
            hint = f"{place.source} names it; give --address HOST:PORT, or {START}"
        raise SourceError(f"ray {place.address}", reason, hint) from error
