"""The driver of a scan on a Ray cluster.

It is a separate process because Ray prints from threads, at any time, to standard output, which is
reserved for the results of a scan. Our own package is sent to the workers with the job. Ray repeats
the unfinished work of a dead worker; an actor counts the starts, so that this can be reported.
"""

from __future__ import annotations

import logging
import os
import pickle
from collections.abc import Iterator
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import hermes_tui
from hermes_tui.model.errors import SourceError
from hermes_tui.model.wording import install, shortened
from hermes_tui.runtime.scan.ray_cluster import START
from hermes_tui.runtime.scan.work import ScanOptions, ScanUnit, scan_unit

MAX_TASKS: Final = 4096
"""The most tasks that a scan is divided into: each costs the cluster some milliseconds."""
_PACKAGE: Final = Path(hermes_tui.__file__).resolve().parent


def main(descriptor: str) -> None:
    """Receive (address, options, ordered, units) from the socket `descriptor`; send the results.

    These are (place of the unit, part) pairs, then a list of the places of units that were begun
    again; after a failure, the path, message and hint of a SourceError.
    """
    with Connection(int(descriptor)) as peer:
        address, options, ordered, units = peer.recv()
        try:
            ray = _connect(address)
            attempts = ray.remote(num_cpus=0)(_Attempts).remote()
            for row in _rows(units, options, attempts, ordered=ordered):
                peer.send((row["place"], pickle.loads(row["part"])))
            peer.send(ray.get(attempts.begun_again.remote()))
            ray.shutdown()
        except SourceError as error:
            peer.send((error.path, error.message.removeprefix(f"{error.path}: "), error.hint))
        except BrokenPipeError:
            return


class _Attempts:
    """Counts, for the whole cluster, how often each unit was begun."""

    def __init__(self) -> None:
        self._begun: dict[int, int] = {}

    def begin(self, place: int) -> None:
        self._begun[place] = self._begun.get(place, 0) + 1

    def begun_again(self) -> list[int]:
        return sorted(place for place, count in self._begun.items() if count > 1)


def _connect(address: str) -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        ray = import_module("ray")
        import_module("ray.data")
    except ImportError as error:
        raise SourceError("ray", f"cannot be loaded: {error}", install("ray")) from error
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    hint = f"is a cluster running there? {START}"
    environment = {"py_modules": [str(_PACKAGE)], "excludes": ["**/__pycache__"]}
    try:
        ray.init(
            address=address,
            runtime_env=environment,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (RuntimeError, ValueError, OSError) as error:
        raise SourceError(f"ray {address}", _last_line(error), hint) from error
    return ray


def _rows(
    units: list[ScanUnit], options: ScanOptions, attempts: Any, *, ordered: bool
) -> Iterator[dict[str, Any]]:
    data, exceptions = import_module("ray.data"), import_module("ray.exceptions")
    context = data.DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_options.preserve_order = ordered
    items = [{"place": place, "unit": pickle.dumps(unit)} for place, unit in enumerate(units)]
    dataset = data.from_items(items, override_num_blocks=min(len(items), MAX_TASKS))
    arguments = {"options": options, "attempts": attempts}
    try:
        yield from dataset.flat_map(_scan_row, fn_kwargs=arguments).iter_rows()
    except exceptions.RayError as error:
        raise SourceError("ray", _last_line(error), "see the cluster's own logs") from error


def _scan_row(row: dict[str, Any], options: ScanOptions, attempts: Any) -> Iterator[dict[str, Any]]:
    """Scan a unit on a worker; yield a row for each part with results."""
    import_module("ray").get(attempts.begin.remote(row["place"]))
    for part in scan_unit(pickle.loads(row["unit"]), options):
        if part.is_result:
            yield {"place": row["place"], "part": pickle.dumps(part)}


def _last_line(error: BaseException) -> str:
    """Return the last line of a remote traceback, which names the error."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return shortened(lines[-1], 300) if lines else type(error).__name__
