"""A process that scans the units it is given; ends when nobody gives or takes any more."""

from __future__ import annotations

import gc
from multiprocessing.connection import Connection

from hermes_tui.runtime.scan.work import scan_unit


def main(descriptor: str) -> None:
    """Take options, then units, from the socket `descriptor`, and send back their parts.

    Units come several at once; of the results of the first as many are left out as are to be
    skipped: they came before.
    """
    gc.freeze()
    with Connection(int(descriptor)) as peer:
        try:
            options = peer.recv()
            while True:
                units, skip = peer.recv()
                for unit in units:
                    for part in scan_unit(unit, options):
                        if part.is_result and skip:
                            skip -= 1
                        else:
                            peer.send(part)
        except (EOFError, OSError):
            return
