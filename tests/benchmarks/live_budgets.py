"""The cost of the debugger to a run: figures against floors measured alongside them.

    python -m tests.benchmarks.live_budgets

The model is a server on this machine that answers immediately, so that all other costs show. The
floor of a run is a plain loop over the SDK that makes the same requests. Both are whole processes,
measured alternately. A figure without a budget is only reported.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hermes_tui.debugger.breakpoints import parse_breakpoint
from hermes_tui.debugger.inputs import ModelReplied, Start, ToolReplied
from hermes_tui.debugger.session import Session
from hermes_tui.model.messages import ToolSpec
from tests.benchmarks.figures import Figure, command_line, compile_into, report
from tests.benchmarks.open_budgets import FLOOR, paired

RUNS = 5
CALLS = 2_000
TURNS_OF_MANY = 30
LIVE = [sys.executable, "-m", "hermes_tui", "live", "--api", "demo"]


@contextmanager
def quick_server(turns: int) -> Iterator[str]:
    """Run a server that answers immediately; yield its URL."""
    command = [sys.executable, "-m", "tests.benchmarks.quick_server", str(turns)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        yield server.stdout.readline().decode().strip()
        server.stdin.close()


def loop(mode: str, url: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tests.benchmarks.live_loops", mode, url, folder]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    figures: dict[str, float] = json.loads(out)
    return figures


def session_us(*lines: str, calls_per_reply: int = 20) -> float:
    """Return the microseconds per call of the session alone; `lines` are its breakpoints."""
    breakpoints = (parse_breakpoint(line, breakpoint_id=f"b{n}") for n, line in enumerate(lines, 1))
    call = {"id": "c", "function": {"name": "echo", "arguments": '{"text": "hello"}'}}
    calls = [call] * calls_per_reply
    message: dict[str, Any] = {"role": "assistant", "content": "", "tool_calls": calls}
    session = Session()
    start = Start(
        ({"role": "user", "content": "go"},),
        tools=(ToolSpec("echo"),),
        max_turns=CALLS,
        stop_points=frozenset(),
        breakpoints=tuple(breakpoints),
    )
    session.apply(start, now=0.0, new_id="a")
    began = time.process_time()
    for turn in range(CALLS // calls_per_reply):
        session.apply(ModelReplied("{}", message), now=0.0, new_id=f"t{turn}")
        for _ in range(calls_per_reply):
            session.apply(ToolReplied("ok"), now=0.0, new_id="r")
    return (time.process_time() - began) / CALLS * 1e6


def measure(folder: Path) -> list[Figure]:
    def say(step: str) -> None:
        print(f"… {step}", file=sys.stderr)

    floor = folder / "floor.py"
    floor.write_text(FLOOR)
    say("first paint")
    paint = paired([*LIVE, "--no-record"], [sys.executable, str(floor)], mark=b"hermes-tui")
    say("loops")
    with quick_server(200) as url:
        pairs = [(loop("ours", url), loop("bare", url)) for _ in range(RUNS)]
    ours = statistics.median(mine["seconds"] for mine, _ in pairs)
    bare = statistics.median(other["seconds"] for _, other in pairs)
    say("89 loops")
    with quick_server(TURNS_OF_MANY) as url:
        many = loop("many", url)
    say("breakpoints")
    sessions = [
        (session_us('before_dispatch:echo if args.text == "never"'), session_us())
        for _ in range(RUNS)
    ]
    cost = statistics.median(with_one - without for with_one, without in sessions)
    in_one_reply = statistics.median(session_us(calls_per_reply=CALLS) for _ in range(RUNS))
    alone = statistics.median(without for _, without in sessions)
    return [
        Figure("live: first paint / one-Static app", paint[0], "ms", 1.7, paint[1]),
        Figure("200 turns x 10 KB, recorded / bare SDK loop", ours, "s", 1.15, bare),
        Figure("a breakpoint that does not match, a call", cost, "us", 50),
        Figure(f"a call of {CALLS:,} in a reply / of 20", in_one_reply, "us", 2, alone),
        Figure("89 loops: memory", many["memory_mb"], "MB", 400),
        Figure("89 loops: slowest / median", many["slowest"], "s", 2, many["median"]),
    ]


def main() -> int:
    """Print the table; return 1 if a budget is exceeded."""
    command_line("live_budgets", __doc__).parse_args()
    with tempfile.TemporaryDirectory() as name:
        compile_into(Path(name, "compiled"))
        return report(measure(Path(name)))


if __name__ == "__main__":
    raise SystemExit(main())
