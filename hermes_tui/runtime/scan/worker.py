"""A process that scans the units it is given; it ends when its peer closes the connection."""

from __future__ import annotations

import gc
from contextlib import suppress
from itertools import chain
from multiprocessing.connection import Connection

from hermes_tui.runtime.scan.work import scan_unit


def main(descriptor: str) -> None:
    """Receive options, then units, from the socket `descriptor`, and send back their parts.

    Each message has several units and the number of parts with results to skip in the first unit,
    since an earlier process already sent them.
    """
    gc.freeze()
    with Connection(int(descriptor)) as peer, suppress(EOFError, OSError):
        options = peer.recv()
        while True:
            units, skip = peer.recv()
            for part in chain.from_iterable(scan_unit(unit, options) for unit in units):
                if part.is_result and skip:
                    skip -= 1
                else:
                    peer.send(part)
