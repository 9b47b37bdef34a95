"""How soon `hermes-tui open` paints, the cost of a page and its memory: figures against floors
measured alongside them.

    python -m tests.benchmarks.open_budgets

Every figure is the median of several whole processes on a pseudo-terminal, measured alternately
with its floor because the speed of a machine drifts. Modules are compiled beforehand, as in an
installation. A figure without a budget is only reported.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.benchmarks.figures import Figure, command_line, compile_into, report
from tests.benchmarks.terminal import Program

RUNS = 5
PAGES = 60
OPEN = [sys.executable, "-m", "hermes_tui", "open"]
MARK = b"FIRST-TEXT"
FLOOR = """
from textual.app import App, ComposeResult
from textual.widgets import Static
class Floor(App):
    def compose(self) -> ComposeResult:
        yield Static("FIRST-TEXT")
Floor().run()
"""


def turn(number: int, text: str = "x" * 250) -> list[dict[str, object]]:
    """Return a reply with a call, its result, and a reply."""
    function = {"name": "terminal", "arguments": json.dumps({"command": f"ls {number}"})}
    call = {"id": f"c{number}", "type": "function", "function": function}
    return [
        {"role": "assistant", "content": f"step {number}", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": f"c{number}", "content": text},
        {"role": "assistant", "content": "seen"},
    ]


def messages(count: int) -> list[dict[str, object]]:
    first: list[dict[str, object]] = [{"role": "user", "content": MARK.decode()}]
    return (first + [message for n in range(count // 3) for message in turn(n)])[:count]


def write_lines(path: Path, values: Sequence[object]) -> Path:
    path.write_text("".join(json.dumps(value) + "\n" for value in values))
    return path


def first_paint_ms(command: Sequence[str], mark: bytes = MARK) -> float:
    program = Program.start(command)
    seconds = program.wait_for(mark)
    program.end()
    return seconds * 1000


def paired(
    command: Sequence[str], floor: Sequence[str], *, mark: bytes = MARK
) -> tuple[float, float]:
    """Return the median first paints of two commands, measured alternately after a warm-up."""
    times = [(first_paint_ms(command, mark), first_paint_ms(floor)) for _ in range(RUNS + 1)][1:]
    return statistics.median(a for a, _ in times), statistics.median(b for _, b in times)


def wait_until_read(program: Program, timeout_s: float = 60.0) -> float:
    """Return the seconds from the start until the whole file is read and the processor is idle."""
    before, idle_since = -1.0, time.perf_counter()
    while program.cpu_s() - before > 0.02 and idle_since - program.began < timeout_s:
        before, idle_since = program.cpu_s(), time.perf_counter()
        watch(program, 0.5)
    return idle_since - program.began


def watch(program: Program, seconds: float) -> None:
    """Read what is painted for `seconds`."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        program.read(0.05)


def key_to_paint_ms(program: Program) -> float:
    """Return the median time from a page key to the text that it brings on the screen."""
    times = []
    for keys, expected in [(b"\x1b[6~", b"step 14"), (b"g", b"step 3")] * RUNS:
        program.output = b""
        began = time.perf_counter()
        program.press(keys)
        program.wait_for(expected)
        times.append((time.perf_counter() - began) * 1000)
        watch(program, 0.1)
    return statistics.median(times)


def page_ms(program: Program, keys: bytes) -> float:
    """Return the processor time of one page key, drawing included, in milliseconds."""
    before = program.cpu_s()
    for _ in range(PAGES):
        program.press(keys)
        program.settle(0.03)
    return (program.cpu_s() - before) / PAGES * 1000


def measure(folder: Path, say: Callable[[str], None]) -> list[Figure]:
    floor = folder / "floor.py"
    floor.write_text(FLOOR)
    say("writing files")
    short = folder / "short.json"
    short.write_text(json.dumps({"messages": messages(200)}))
    long = write_lines(folder / "long.jsonl", messages(100_000))
    runs = [{"id": f"{MARK.decode()}-{n}", "messages": messages(300)} for n in range(40)]
    many = folder / "many.jsonl"
    block = "".join(json.dumps(run) + "\n" for run in runs)
    many.write_text(block * (100_000_000 // len(block) + 1))

    def opened(path: Path) -> list[str]:
        return [*OPEN, str(path)]

    say("first paint, 200 messages")
    paint = paired(opened(short), [sys.executable, str(floor)])
    say("first paint, 100,000 messages")
    long_paint = paired(opened(long), opened(short))
    say("first paint, 100 MB of runs")
    many_paint = paired(opened(many), opened(short))
    say("pages and memory, 200 messages")
    program = Program.start(opened(short))
    program.wait_for(MARK)
    wait_until_read(program)
    short_memory = program.memory_mb()
    short_page = page_ms(program, b"\x1b[6~\x1b[5~") / 2
    program.end()
    say("pages and memory, 100,000 messages")
    program = Program.start(opened(long))
    program.wait_for(MARK)
    latency = key_to_paint_ms(program)
    program.end()
    program = Program.start(opened(long))
    program.wait_for(MARK)
    read_s = wait_until_read(program)
    page = page_ms(program, b"\x1b[6~")
    program.press(b"G")
    program.settle()
    last_page = page_ms(program, b"\x1b[5~")
    long_memory = program.memory_mb()
    program.end()
    return [
        Figure("first paint, 200 messages / one-Static app", paint[0], "ms", 1.7, paint[1]),
        Figure("memory, 200 messages", short_memory, "MB", 60),
        Figure("first paint, 100,000 / 200 messages", long_paint[0], "ms", 1.3, long_paint[1]),
        Figure("first paint, 100 MB of runs / 200 messages", many_paint[0], "ms", 2, many_paint[1]),
        Figure("page, 200 messages (CPU)", short_page, "ms", 16),
        Figure("page down from the top of 100,000 messages (CPU)", page, "ms", 16),
        Figure("page up from the end of 100,000 messages (CPU)", last_page, "ms", 16),
        Figure("memory, 100,000 messages", long_memory, "MB", 150),
        Figure("all of 100,000 messages read after", read_s, "s"),
        Figure("page key to its paint meanwhile", latency, "ms"),
    ]


def main() -> int:
    """Print the table; return 1 if a budget is exceeded."""
    command_line("open_budgets", __doc__).parse_args()
    with tempfile.TemporaryDirectory() as name:
        compile_into(Path(name, "compiled"))
        figures = measure(Path(name), lambda step: print(f"… {step}", file=sys.stderr))
    return report(figures)


if __name__ == "__main__":
    raise SystemExit(main())
