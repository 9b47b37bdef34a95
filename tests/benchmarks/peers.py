"""How soon hermes-tui and other viewers show a transcript: the same file, the same terminal,
measured alternately.

    python -m tests.benchmarks.peers [--big] [--mini PROGRAM] [--toolong PROGRAM]
        [--inspect PROGRAM]

Peers are found on PATH unless named; one that is not installed is left out. `--big` measures 1 GB
too. For mini-swe-agent's inspector and toolong, which are Textual apps, the first paint of the
transcript counts. `inspect view` is a server for a browser: its first response counts, before any
browser starts. A peer that shows nothing within two minutes counts as two minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks.figures import Figure, command_line, compile_into, report
from tests.benchmarks.open_budgets import MARK, OPEN, turn
from tests.benchmarks.terminal import Program

RUNS = 3
PATIENCE_S = 120.0
LAST = b"LAST-TEXT"
SIZES = {"200 messages": 50_000, "100 MB": 100_000_000, "1 GB": 1_000_000_000}
SAMPLE_SIZE = 500_000
"""Bytes of a sample of an Inspect log."""
MINI_SETTINGS = {"MSWEA_SILENT_STARTUP": "1", "MSWEA_CONFIGURED": "1"}


class Peer(NamedTuple):
    """A viewer: how its file is written, and how many milliseconds it takes to show it."""

    name: str
    program: str
    write: Callable[[Path, int], Path]
    first_paint_ms: Callable[[str, Path], float]


def _messages(size: int) -> Iterator[str]:
    """Yield messages as JSON until they total `size` bytes."""
    yield json.dumps({"role": "user", "content": MARK.decode()})
    written, number = 0, 0
    while written < size:
        for message in turn(number):
            text = json.dumps(message)
            written += len(text)
            yield text
        number += 1
    yield json.dumps({"role": "assistant", "content": LAST.decode()})


def _trajectory(folder: Path, size: int) -> Path:
    path = folder / "run.traj.json"
    with path.open("w") as file:
        file.write('{"trajectory_format": "mini-swe-agent-1.1", "info": {}, "messages": [')
        for number, message in enumerate(_messages(size)):
            file.write((", " if number else "") + message)
        file.write("]}")
    return path


def _lines(folder: Path, size: int) -> Path:
    path = folder / "run.jsonl"
    with path.open("w") as file:
        file.writelines(message + "\n" for message in _messages(size))
    return path


def _inspect_log(folder: Path, size: int) -> Path:
    path = folder / "2026-01-01T00-00-00_task_x.json"
    dataset = {"name": "d", "samples": 1, "sample_ids": [1]}
    run = {"task": "task", "task_id": "x", "run_id": "r", "created": "2026-01-01T00:00:00+00:00"}
    about = {**run, "dataset": dataset, "model": "m", "config": {}}
    with path.open("w") as file:
        log = {"version": 2, "status": "success", "eval": about}
        file.write(json.dumps(log)[:-1] + ', "samples": [')
        for number in range(max(1, size // SAMPLE_SIZE)):
            messages = ", ".join(_messages(min(size, SAMPLE_SIZE)))
            head = {"id": number, "epoch": 1, "input": MARK.decode(), "target": ""}
            before = ", " if number else ""
            file.write(f'{before}{json.dumps(head)[:-1]}, "messages": [{messages}]}}')
        file.write("]}")
    return path


def _painted_ms(command: list[str], mark: bytes, environment: dict[str, str]) -> float:
    program = Program.start(command, environment)
    try:
        return program.wait_for(mark, PATIENCE_S) * 1000
    except TimeoutError:
        return PATIENCE_S * 1000
    finally:
        program.end()


def _mini_ms(program: str, path: Path) -> float:
    return _painted_ms([program, "inspector", str(path)], MARK, MINI_SETTINGS)


def _toolong_ms(program: str, path: Path) -> float:
    return _painted_ms([program, str(path)], LAST, {})


def _inspect_ms(program: str, path: Path) -> float:
    port = "7599"
    began = time.perf_counter()
    server = subprocess.Popen(
        [program, "view", "start", "--log-dir", str(path.parent), "--port", port],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "NO_COLOR": "1"},
    )
    try:
        while time.perf_counter() - began < PATIENCE_S:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5):
                    break
            except (urllib.error.URLError, OSError):
                time.sleep(0.02)
        return (time.perf_counter() - began) * 1000
    finally:
        server.kill()
        server.wait()


def _ours_ms(path: Path) -> float:
    return _painted_ms([*OPEN, str(path)], MARK, {})


def _peers(arguments: argparse.Namespace) -> list[Peer]:
    known = (
        Peer("mini-swe-agent's inspector", arguments.mini, _trajectory, _mini_ms),
        Peer("toolong", arguments.toolong, _lines, _toolong_ms),
        Peer("inspect view (first HTTP answer)", arguments.inspect, _inspect_log, _inspect_ms),
    )
    found = [peer._replace(program=shutil.which(peer.program) or "") for peer in known]
    for peer in found:
        if not peer.program:
            print(f"… {peer.name}: not installed", file=sys.stderr)
    return [peer for peer in found if peer.program]


def _measured(peer: Peer, label: str, size: int) -> Figure:
    with tempfile.TemporaryDirectory() as name:
        path = peer.write(Path(name), size)
        theirs = partial(peer.first_paint_ms, peer.program, path)
        _ours_ms(path)
        pairs = []
        for _ in range(RUNS):
            pairs.append((_ours_ms(path), theirs()))
            if pairs[-1][1] >= PATIENCE_S * 1000:
                break
    ours, other = (statistics.median(side) for side in zip(*pairs, strict=True))
    return Figure(f"first paint, {label} / {peer.name}", ours, "ms", 1.0, other)


def main() -> int:
    """Print a line per peer and size; return 1 if a peer was faster."""
    parser = command_line("peers", __doc__)
    parser.add_argument("--big", action="store_true")
    parser.add_argument("--mini", default="mini-extra", metavar="PROGRAM")
    parser.add_argument("--toolong", default="tl", metavar="PROGRAM")
    parser.add_argument("--inspect", default="inspect", metavar="PROGRAM")
    arguments = parser.parse_args()
    sizes = {label: size for label, size in SIZES.items() if label != "1 GB" or arguments.big}
    figures = []
    with tempfile.TemporaryDirectory() as name:
        compile_into(Path(name))
        for peer in _peers(arguments):
            for label, size in sizes.items():
                print(f"… {peer.name}, {label}", file=sys.stderr)
                figures.append(_measured(peer, label, size))
    return report(figures)


if __name__ == "__main__":
    raise SystemExit(main())
