"""The cost of `hermes-tui open` on files of 1 GB: first paint, pages, memory, second opening.

    python -m tests.benchmarks.size_budgets [SHAPE …]

Writes its files to a temporary folder (set TMPDIR for another) and removes them. The floor is the
first paint of a file of 200 messages, measured alongside. Memory is that of the program on the
screen and, where a figure says so, also of the process that reads for it.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.benchmarks.figures import Figure, choose, command_line, compile_into, report
from tests.benchmarks.open_budgets import MARK, OPEN, PAGES, messages, page_ms, paired, watch
from tests.benchmarks.run_sizes import ONE_RUN, of_index, of_one_run
from tests.benchmarks.terminal import Program

GIGABYTE = 1_000_000_000
FIRST_PAINT = 1.5
MEMORY_MB = 200
PAGE_MS = 16
LONGEST_S = 1_800


def runs(size: int) -> Iterator[bytes]:
    """Yield runs of `size` bytes endlessly, one per line."""
    dialog = messages(max(4, size // 230))
    padding = size - len(_run(0, dialog))
    dialog[2]["content"] = f"{dialog[2]['content']}{'x' * padding}"
    number = 0
    while True:
        yield _run(number, dialog)
        number += 1


def _run(number: int, dialog: list[dict[str, object]]) -> bytes:
    run = {"id": f"{MARK.decode()}-{number}", "model": f"hermes-{number % 5}", "messages": dialog}
    return json.dumps({**run, "reward": number % 7}).encode() + b"\n"


def write(path: Path, lines: Iterator[bytes]) -> Path:
    """Write lines until the file has a gigabyte."""
    with path.open("wb") as stream:
        size = 0
        while size < GIGABYTE:
            size += stream.write(next(lines))
    return path


def children(program: Program) -> list[int]:
    """Return the ids of the program's child processes."""
    text = Path(f"/proc/{program.pid}/task/{program.pid}/children").read_text()
    return [int(child) for child in text.split()]


def memory_mb(pid: int) -> float:
    """Return the resident memory of a process in MB, or 0 if it has ended."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def wait_until_indexed(program: Program) -> float:
    """Wait until no child process reads any more; return the peak memory of all together."""
    most = 0.0
    watch(program, 1.0)
    while (readers := children(program)) and time.perf_counter() - program.began < LONGEST_S:
        most = max(most, program.memory_mb() + sum(map(memory_mb, readers)))
        watch(program, 0.5)
    watch(program, 1.0)
    return most


def page_beside_ms(program: Program) -> float:
    """Return the cost of a page alone while the program receives data from a reading process."""
    began, before = time.perf_counter(), program.cpu_s()
    watch(program, 3.0)
    idle_share = (program.cpu_s() - before) / (time.perf_counter() - began)
    began = time.perf_counter()
    with_reading = page_ms(program, b"\x1b[6~")
    return with_reading - 1000 * idle_share * (time.perf_counter() - began) / PAGES


def of_runs(name: str, path: Path, short: Path, say: Callable[[str], None]) -> list[Figure]:
    """Measure a file of many runs."""
    say(f"{name}: first paint")
    paint = paired([*OPEN, "--no-cache", str(path)], [*OPEN, str(short)])
    say(f"{name}: reading all of it")
    program = Program.start([*OPEN, str(path)])
    program.wait_for(MARK)
    meanwhile = page_beside_ms(program)
    together = wait_until_indexed(program)
    read_s = time.perf_counter() - program.began
    page = page_ms(program, b"\x1b[6~")
    program.press(b"G")
    program.settle()
    last_page = page_ms(program, b"\x1b[5~")
    program.press(b"oooo")
    program.settle(1.0)
    sorted_page = page_ms(program, b"\x1b[5~")
    memory = program.memory_mb()
    program.press(b"q")
    watch(program, 2.0)
    program.end()
    say(f"{name}: the second opening")
    again = paired([*OPEN, str(path)], [*OPEN, str(short)])
    return [
        Figure(f"{name}: first paint / 200 messages", paint[0], "ms", FIRST_PAINT, paint[1]),
        Figure(f"{name}: second opening / 200 messages", again[0], "ms", FIRST_PAINT, again[1]),
        Figure(f"{name}: page while it is read (CPU)", meanwhile, "ms", PAGE_MS),
        Figure(f"{name}: page down (CPU)", page, "ms", PAGE_MS),
        Figure(f"{name}: page up from the end (CPU)", last_page, "ms", PAGE_MS),
        Figure(f"{name}: page of a sorted list (CPU)", sorted_page, "ms", PAGE_MS),
        Figure(f"{name}: memory", memory, "MB", MEMORY_MB),
        Figure(f"{name}: most memory of both processes", together, "MB", MEMORY_MB),
        Figure(f"{name}: all of it read after", read_s, "s"),
    ]


SHAPES = {
    "100,000 runs": lambda path: write(path, runs(10_000)),
    "1,000,000 runs": lambda path: write(path, runs(1_000)),
}


def measure(folder: Path, names: list[str], say: Callable[[str], None]) -> list[Figure]:
    short = folder / "short.json"
    short.write_text(json.dumps({"messages": messages(200)}))
    figures = []
    for name in names:
        if name == "index":
            figures += of_index(folder, say)
            continue
        say(f"{name}: writing 1 GB")
        path = {**SHAPES, **ONE_RUN}[name](folder / "big.jsonl")
        figures += (of_one_run if name in ONE_RUN else of_runs)(name, path, short, say)
        path.unlink()
    return figures


def main() -> int:
    """Print the table; return 1 if a budget is exceeded."""
    names = choose(command_line("size_budgets", __doc__), "shape", [*SHAPES, *ONE_RUN, "index"])
    with tempfile.TemporaryDirectory() as name:
        compile_into(Path(name, "compiled"))
        os.environ["XDG_CACHE_HOME"] = str(Path(name, "cache"))
        say = lambda step: print(f"… {step}", file=sys.stderr)  # noqa: E731
        figures = measure(Path(name), names, say)
    return report(figures)


if __name__ == "__main__":
    raise SystemExit(main())
