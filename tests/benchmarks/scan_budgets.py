"""The speed and memory of `scan`: one process against `orjson.loads`, two against one.

    python -m tests.benchmarks.scan_budgets [--mb N]

Wall-clock figures are medians of whole processes, measured alternately with their floor: other
programs running at the same time distort them.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.benchmarks import scan_speed
from tests.benchmarks.figures import Figure, command_line, compile_into, report
from tests.conftest import SHARED

ROUNDS = 5
MEGABYTES = 500
"""Big enough that starting the processes, a fifth of a second, matters little."""
TWO_PROCESSES = 1 / 1.8
MEMORY_MB = 200
SHAPE = "openai-messages, <tool_call> in text"
SCAN = scan_speed.SCAN


def write_runs(path: Path, lines: str, megabytes: int) -> Path:
    block = lines.encode()
    with path.open("wb") as file:
        for _ in range(megabytes * 1_000_000 // len(block) + 1):
            file.write(block)
    return path


def timed_ms(command: Sequence[str]) -> tuple[float, float]:
    """Return the wall-clock and the processor time of a whole process."""
    began = time.perf_counter()
    processor_s = scan_speed.cpu_s(command)
    return (time.perf_counter() - began) * 1000, processor_s * 1000


def peak_mb(command: Sequence[str]) -> float:
    """Return the peak memory of the process or of any one that it started."""
    code = (
        "import resource, subprocess, sys; "
        "subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, check=True)
    return int(done.stdout) / (1024 if sys.platform == "linux" else 1024 * 1024)


def together(folder: Path, say: Callable[[str], None], megabytes: int) -> list[Figure]:
    """Return the speed-up by several processes, and the memory of a scan."""
    lines = dict(scan_speed.shapes(SHARED / "corpus" / "trajectories"))[SHAPE]
    path = str(write_runs(folder / "runs.jsonl", lines, megabytes))
    say(f"reading {megabytes} MB with one process and with two")
    by_two, by_one = [*SCAN, path, "--jobs", "2"], [*SCAN, path, "--jobs", "1"]
    rounds = [(*timed_ms(by_two), *timed_ms(by_one)) for _ in range(ROUNDS)]
    two, both, one, alone = (statistics.median(times) for times in zip(*rounds, strict=True))
    say("measuring memory")
    table = peak_mb([*SCAN, path, "--jobs", "1"])
    rows = peak_mb([*SCAN, path, "--runs", "--to", "json", "--jobs", "2"])
    cores = len(os.sched_getaffinity(0))
    return [
        Figure(f"scan with 2 processes on {cores} cores, by 1", two, "ms", TWO_PROCESSES, one),
        # Other programs running at the same time distort this figure less.
        Figure("the same in processor time of both", both, "ms", 2 * TWO_PROCESSES, alone),
        Figure("peak memory of a scan", table, "MB", MEMORY_MB),
        Figure("peak memory, every run as JSON, 2 processes", rows, "MB", MEMORY_MB),
    ]


def main() -> int:
    """Print the table; return 1 if a budget is exceeded."""
    parser = command_line("scan_budgets", __doc__)
    parser.add_argument("--mb", type=int, default=MEGABYTES, metavar="N", help="size of the file")
    given = parser.parse_args()

    def say(step: str) -> None:
        print(f"… {step}", file=sys.stderr)

    with tempfile.TemporaryDirectory() as name:
        compile_into(Path(name, "compiled"))
        figures = together(Path(name), say, given.mb)
        figures += scan_speed.measure(Path(name), say, megabytes=min(given.mb, 100))
    return report(figures)


if __name__ == "__main__":
    raise SystemExit(main())
