"""A scan runs as tasks of a real Ray instance on this machine."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from hermes_tui.model.errors import SourceError
from hermes_tui.runtime.scan.plan import RANGE, units
from hermes_tui.runtime.scan.ray_cluster import CONNECT_S, RayCluster
from hermes_tui.runtime.scan.results import Counts
from hermes_tui.runtime.scan.work import ScanOptions, scan_unit
from hermes_tui.runtime.targets import expand_paths
from tests.cli.program import hermes_tui, within

pytestmark = [
    pytest.mark.ray,
    pytest.mark.usefixtures("own_cache"),
    pytest.mark.skipif(not find_spec("ray"), reason="Ray is not installed"),
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Yield the address of a separate Ray instance."""
    # Ray creates sockets in it, so its path must be short.
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    command = [
        sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block",
        f"--port={port}", "--num-cpus=2", "--include-dashboard=false", "--disable-usage-stats",
        "--object-store-memory=100000000", f"--temp-dir={folder}",
    ]  # fmt: skip
    head = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.2)
    yield f"127.0.0.1:{port}"
    head.kill()
    head.wait()
    for pid in processes_in_sessions_of(processes_running(folder)):
        os.kill(pid, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


def processes_running(words: str) -> list[int]:
    """Return the ids of the processes whose command line contains `words`."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if words.encode() in (process / "cmdline").read_bytes():
                found.append(int(process.name))
        except OSError:
            continue
    return found


def processes_in_sessions_of(processes: list[int]) -> list[int]:
    """Return the ids of all processes that share a session with one of these."""
    sessions = {stat_of(pid)[3] for pid in processes if stat_of(pid)}
    all_processes = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
    return [pid for pid in all_processes if stat_of(pid)[3:4] and stat_of(pid)[3] in sessions]


def stat_of(pid: int) -> list[str]:
    """Return the fields after the name in the stat of a process, none if it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return []


def runs_file(path: Path, size: int) -> Path:
    messages = [{"role": "user", "content": "x" * 2000}, {"role": "assistant", "content": "y"}]
    line = json.dumps({"messages": messages}) + "\n"
    path.write_text(line * (size // len(line) + 1))
    return path


def counts_of_cluster(address: str, *paths: Path) -> tuple[Counts, list[str]]:
    """Return what a cluster counts, and the files it scanned again."""
    targets = expand_paths([str(path) for path in paths])
    counts = Counts()
    ray = RayCluster(address, ScanOptions())
    try:
        work_units = units(targets, wanted_format="", ranges=True)
        for _, part in ray.scan(work_units):
            counts.merge(part.counts)
    finally:
        ray.close()
    return counts, ray.repeated


def counts_of_this_process(*paths: Path) -> Counts:
    counts = Counts()
    targets = expand_paths([str(path) for path in paths])
    for unit in units(targets, wanted_format="", ranges=False):
        for part in scan_unit(unit, ScanOptions()):
            counts.merge(part.counts)
    return counts


def test_a_cluster_counts_the_same_as_this_process(cluster: str, tmp_path: Path) -> None:
    big = runs_file(tmp_path / "big.jsonl", 3 * RANGE)
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"messages": [{"role": "user", "content": "hi"}]}\n{"messages": [\n')
    found, repeated = counts_of_cluster(cluster, big, broken)
    assert found == counts_of_this_process(big, broken)
    assert found.defects == 1
    assert repeated == []


def kill_a_busy_worker() -> None:
    """Kill a worker once it has scanned for half a second."""
    began: dict[int, float] = {}
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for pid in processes_running("FlatMap"):
            ticks = int((stat_of(pid) or [0] * 12)[11])
            used_s = ticks / os.sysconf("SC_CLK_TCK")
            if used_s - began.setdefault(pid, used_s) > 0.5:
                os.kill(pid, signal.SIGKILL)
                return


def test_the_work_of_a_killed_worker_is_repeated_and_reported(cluster: str, tmp_path: Path) -> None:
    lines = runs_file(tmp_path / "big.jsonl", 8 * RANGE)
    with gzip.open(tmp_path / "big.jsonl.gz", "wb", 1) as packed:
        packed.write(lines.read_bytes())
    lines.unlink()
    killer = threading.Thread(target=kill_a_busy_worker)
    killer.start()
    found, repeated = counts_of_cluster(cluster, tmp_path)
    killer.join()
    assert found == counts_of_this_process(tmp_path)
    assert repeated == [str(tmp_path / "big.jsonl.gz")]


def test_scan_prints_the_same_as_without_a_cluster(cluster: str, tmp_path: Path) -> None:
    runs_file(tmp_path / "a.jsonl", 3 * RANGE)
    (tmp_path / "b.jsonl").write_text('{"messages": [{"role": "user", "content": "hi"}]}\n')
    here = within("scan", tmp_path, "--json", "--ordered")
    there = hermes_tui(
        "scan", tmp_path, "--json", "--ordered", "--engine", "ray", "--address", cluster
    )
    assert there.text == here.text
    assert (there.code, there.err) == (here.code, "")


def test_an_address_without_a_cluster_is_reported_in_one_line() -> None:
    with pytest.raises(SourceError) as raised:
        counts_of_cluster("127.0.0.1:9", Path(__file__))
    assert "\n" not in str(raised.value)
    assert raised.value.exit_code == 3


@pytest.fixture
def dead_address() -> Iterator[str]:
    """Yield an address at which nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


def test_an_ended_cluster_is_reported_with_the_file_that_names_it(
    dead_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    current = tmp_path / "ray" / "ray_current_cluster"
    current.parent.mkdir()
    current.write_text(dead_address + "\n")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    began = time.monotonic()
    with pytest.raises(SourceError, match=re.escape(dead_address)) as raised:
        counts_of_cluster("auto", Path(__file__))
    assert str(current) in raised.value.hint
    assert time.monotonic() - began < CONNECT_S + 1


def test_a_dead_address_from_the_environment_is_reported(
    dead_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", dead_address)
    with pytest.raises(SourceError, match=re.escape(dead_address)) as raised:
        counts_of_cluster("auto", Path(__file__))
    assert raised.value.hint.startswith("RAY_ADDRESS names it")


def test_a_given_address_takes_precedence_over_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "192.0.2.1:1")
    assert RayCluster("10.0.0.1:6379", ScanOptions()).name == "Ray at 10.0.0.1:6379"
