"""How fast one process reads runs: `scan`, against `orjson.loads` on every line of the same file.

    python -m tests.benchmarks.scan_speed [--corpus FOLDER] [--mb N] [SHAPE …]

The same runs, with calls and results of real tools, are written in every shape. Without a folder of
real transcripts, the project's sample runs are used. Times are processor times, so that other
programs do not count. Each figure is the median of several, measured alternately with its floor.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from hermes_tui.cli.export import render
from hermes_tui.model.events import Event
from hermes_tui.runtime.opener import FoundRun, open_file, read_events, survey
from tests.benchmarks.figures import Figure, command_line, compile_into, report
from tests.conftest import PROJECT, SHARED

ROUNDS = 3
MEGABYTES = 100
BUDGET = 2.0
"""Half as fast as `orjson.loads` on every line."""
RUNS_PER_FILE = 60
SOURCES = (
    "15-tau-bench/gpt-4o-airline.json",
    "05-verifiers/wiki-search--qwen--qwen3-4b-instruct-2507__e762fd98/results.jsonl",
    "05-verifiers/math-python--gpt-4.1-mini__578769a7/results.jsonl",
    "06b-mini-swe-agent/deepseek_chat_dev_rerun-pylint-dev__astroid-1333.traj.json",
    "09-openhands/multi_swe_bench-output.jsonl",
    "01-openai-chat/fncall-llm-message.json",
)
SAMPLES = ("clean-run.json", "trajectory_samples.jsonl", "tool-errors.json", "reasoning.json")
VERBATIM_FILES = {
    "atropos-group": "03-atropos-groups/rubiks_process_results_32.jsonl",
    "hermes-sharegpt without calls": "02-hermes-sharegpt/hermeswith-trajectory_samples.jsonl",
    "openai-messages, <function=…>": "01-openai-chat/ft_xml_example.jsonl",
}
SCAN = [sys.executable, "-m", "hermes_tui", "scan", "--jobs", "1"]
FLOOR = [
    sys.executable,
    "-c",
    "import sys, orjson\nfor line in open(sys.argv[1], 'rb'): orjson.loads(line)",
]
_ROLES = {"human": "user", "gpt": "assistant"}


def shapes(corpus: Path) -> Iterator[tuple[str, str]]:
    """Yield the name of each shape and the lines to repeat in it."""
    real = corpus.is_dir()
    folder, names = (corpus, SOURCES) if real else (PROJECT / "transcripts", SAMPLES)
    runs = [run for name in names for run in _runs(folder / name)]
    conversations = [render("sharegpt", run, None).decode() for run in runs]
    yield "hermes-sharegpt", "".join(conversations)
    yield "openai-messages, <tool_call> in text", "".join(map(_as_chat, conversations))
    yield "openai-messages, tool_calls", "".join(_openai(run) for run in runs)
    for name, path in VERBATIM_FILES.items() if real else ():
        yield name, (corpus / path).read_text()


def _runs(path: Path) -> Iterator[list[Event]]:
    file = open_file(path, whole=True)
    found = [step for step in survey(file) if isinstance(step, FoundRun) and step.final]
    for run in found[:RUNS_PER_FILE]:
        yield read_events(run.ref)
    file.close()


def _openai(run: list[Event]) -> str:
    return json.dumps(json.loads(render("openai", run, None)), ensure_ascii=False) + "\n"


def _as_chat(conversation: str) -> str:
    """Return a line of chat messages with calls in the text, as from a model without a parser."""
    row = json.loads(conversation)
    messages: list[dict[str, Any]] = [
        {"role": _ROLES.get(turn["from"], turn["from"]), "content": turn["value"]}
        for turn in row.pop("conversations")
    ]
    return json.dumps({"id": row.get("id"), "messages": messages}, ensure_ascii=False) + "\n"


def cpu_s(command: Sequence[str]) -> float:
    """Return the processor seconds of one whole process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def reading_s(path: Path) -> float:
    """Return the processor seconds of reading all runs of a file."""
    file = open_file(path, whole=True)
    began = time.process_time()
    for _ in survey(file):
        pass
    took = time.process_time() - began
    file.close()
    return took


def loading_s(path: Path) -> float:
    """Return the processor seconds of `orjson.loads` on every line of a file."""
    began = time.process_time()
    with path.open("rb") as file:
        for line in file:
            orjson.loads(line)
    return time.process_time() - began


def measure(
    folder: Path,
    say: Callable[[str], None],
    *,
    corpus: Path = SHARED / "corpus" / "trajectories",
    megabytes: int = MEGABYTES,
    wanted: Iterable[str] = (),
) -> list[Figure]:
    """Return two figures per shape over files of `megabytes`: whole processes and reading alone."""
    figures = []
    for name, lines in shapes(corpus):
        if wanted and not any(word in name for word in wanted):
            continue
        say(f"reading {megabytes} MB: {name}")
        path = folder / "runs.jsonl"
        block = lines.encode()
        with path.open("wb") as file:
            for _ in range(megabytes * 1_000_000 // len(block) + 1):
                file.write(block)
        pairs = [(cpu_s([*SCAN, str(path)]), cpu_s([*FLOOR, str(path)])) for _ in range(ROUNDS)]
        scan, floor = (statistics.median(times) * 1000 for times in zip(*pairs, strict=True))
        figures.append(Figure(f"scan: {name}", scan, "ms", BUDGET, floor))
        pairs = [(reading_s(path), loading_s(path)) for _ in range(ROUNDS)]
        read, loaded = (min(times) * 1000 for times in zip(*pairs, strict=True))
        figures.append(Figure("  without the start of the programs", read, "ms", floor=loaded))
        path.unlink()
    return figures


def main() -> int:
    """Print the table; return 1 if a budget is exceeded."""
    parser = command_line("scan_speed", __doc__)
    parser.add_argument(
        "shapes", nargs="*", metavar="SHAPE", help="only shapes whose name holds one of these"
    )
    parser.add_argument(
        "--corpus", type=Path, default=SHARED / "corpus" / "trajectories", metavar="FOLDER"
    )
    parser.add_argument("--mb", type=int, default=MEGABYTES, metavar="N", help="size of a file")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        compile_into(Path(name, "compiled"))
        figures = measure(
            Path(name),
            lambda step: print(f"… {step}", file=sys.stderr),
            corpus=given.corpus,
            megabytes=given.mb,
            wanted=given.shapes,
        )
    if not figures:
        parser.error(f"no shape's name holds {' or '.join(given.shapes)}")
    return report(figures)


if __name__ == "__main__":
    raise SystemExit(main())
