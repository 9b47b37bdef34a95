"""Figures for one run of 1 GB in every container, and for the index of its lines; `size_budgets`
prints them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from tests.benchmarks.figures import Figure
from tests.benchmarks.open_budgets import MARK, OPEN, page_ms, paired, turn, wait_until_read, watch
from tests.benchmarks.terminal import Program

GIGABYTE = 1_000_000_000
LINES_PER_WRITE = 10_000
FIRST_PAINT = 1.5
INDEX_TIMES_WC = 2.0
MEMORY_MB = 200
PAGE_MS = 16
LONGEST_S = 1_800
QUIET_S = 5.0
"""On a busy machine the program may pause that long between paints."""
INDEX = """
import sys, time
from pathlib import Path
from hermes_tui.formats.line_index import LineIndex
from hermes_tui.runtime.sources import FileSource
source = FileSource(Path(sys.argv[1]))
best = 1e9
for _ in range(5):
    index, began = LineIndex(source.read), time.perf_counter()
    for _ in index.scan(source):
        pass
    best = min(best, time.perf_counter() - began)
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(best, int(status["VmHWM"].split()[0]) / 1e3, len(index))
"""


def said() -> Iterator[bytes]:
    """Yield the messages of one run endlessly, as lines of at most 1 KB."""
    yield json.dumps({"role": "user", "content": MARK.decode()}).encode()
    number = 0
    while True:
        for message in turn(number, "x" * 2_400):
            yield json.dumps(message).encode()
        number += 1


def session() -> Iterator[bytes]:
    """Yield the lines of a Claude Code session endlessly."""
    text = MARK.decode()
    for number, _ in enumerate(iter(int, 1)):
        reply = number % 2
        content = [{"type": "text", "text": f"{text} {number} " + "x" * 500}]
        message = {"id": f"m{number}", "role": ("user", "assistant")[reply], "content": content}
        line = {"type": message["role"], "uuid": f"u{number}", "sessionId": "s", "message": message}
        yield json.dumps({**line, "parentUuid": f"u{number - 1}" if number else None}).encode()


def write(path: Path, lines: Iterator[bytes], *, head: bytes = b"", end: bytes = b"\n") -> Path:
    """Write lines until the file has a gigabyte; with `head`, write them as elements of a list."""
    join = b",\n" if head else b"\n"
    with path.open("wb") as stream:
        stream.write(head + next(lines))
        while stream.tell() < GIGABYTE:
            stream.write(join + join.join(islice(lines, LINES_PER_WRITE)))
        stream.write(end)
    return path


ONE_RUN: dict[str, Callable[[Path], Path]] = {
    "a message a line": lambda path: write(path, said()),
    "one array": lambda path: write(path, said(), head=b"[", end=b"]"),
    "one object": lambda path: write(path, said(), head=b'{"messages": [', end=b'], "reward": 1}'),
    "a Claude Code session": lambda path: write(path, session()),
}


def wait_until_all_read(program: Program) -> float:
    """Return the seconds from the start until the status line no longer shows reading."""
    while True:
        read_s = wait_until_read(program, LONGEST_S)
        program.output = b""
        watch(program, QUIET_S)
        if b"reading" not in program.output or read_s > LONGEST_S:
            return read_s


def of_one_run(name: str, path: Path, short: Path, say: Callable[[str], None]) -> list[Figure]:
    """Measure a file that is one run."""
    say(f"{name}: first paint")
    paint = paired([*OPEN, "--no-cache", str(path)], [*OPEN, str(short)])
    say(f"{name}: reading all of it")
    program = Program.start([*OPEN, "--no-cache", str(path)])
    program.wait_for(MARK)
    watch(program, 2.0)
    meanwhile = page_ms(program, b"\x1b[6~")
    read_s = wait_until_all_read(program)
    pages = {}
    for place, keys in (("top", b"g"), ("middle", b":50%\r"), ("end", b"G")):
        program.press(keys)
        program.settle()
        pages[place] = page_ms(program, b"\x1b[5~" if place == "end" else b"\x1b[6~")
    memory = program.memory_mb()
    program.end()
    return [
        Figure(f"{name}: first paint / 200 messages", paint[0], "ms", FIRST_PAINT, paint[1]),
        Figure(f"{name}: page while it is read (CPU)", meanwhile, "ms"),
        *(Figure(f"{name}: page at the {at} (CPU)", ms, "ms", PAGE_MS) for at, ms in pages.items()),
        Figure(f"{name}: memory", memory, "MB", MEMORY_MB),
        Figure(f"{name}: all of it read after", read_s, "s"),
    ]


def of_index(folder: Path, say: Callable[[str], None]) -> list[Figure]:
    """Measure the index of lines against `wc -l` on the same warm file."""
    figures = []
    for length, name in ((80, "80 bytes"), (10_000, "10 KB")):
        say(f"index of lines of {name}")
        line = json.dumps({"role": "user", "content": "x" * (length - 34)}).encode() + b"\n"
        path = folder / "lines.jsonl"
        with path.open("wb") as stream:
            while stream.tell() < GIGABYTE:
                stream.write(line * LINES_PER_WRITE)
        floor = min(wc_ms(path) for _ in range(5))
        figures = subprocess.run(
            [sys.executable, "-c", INDEX, str(path)], check=True, capture_output=True, text=True
        )
        best_s, memory_mb, lines = map(float, figures.stdout.split())
        budget_mb = 60 + 12 * lines / 1e6
        figures += [
            Figure(f"index, lines of {name} / wc -l", best_s * 1e3, "ms", INDEX_TIMES_WC, floor),
            Figure(f"index, lines of {name}: memory", memory_mb, "MB", budget_mb),
        ]
        path.unlink()
    return figures


def wc_ms(path: Path) -> float:
    began = time.perf_counter()
    subprocess.run(["wc", "-l", str(path)], check=True, capture_output=True)
    return (time.perf_counter() - began) * 1e3
