"""A parser that misbehaves costs one verdict, but never the worker or the screen."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hermes_tui.model.errors import SourceError
from hermes_tui.model.messages import ToolSpec
from hermes_tui.runtime.engines.added import AddedEngine
from hermes_tui.runtime.engines.pool import EnginePool
from hermes_tui.runtime.engines.verdicts import EngineCall, EngineOutcome
from hermes_tui.runtime.engines.worker import EngineWorker, Tool
from tests.conftest import PROJECT
from tests.engines.fakes import checkout

LIMIT_S = 0.4


def engine_at(folder: Path) -> AddedEngine:
    return AddedEngine(
        "hermes-agent", "hermes-agent", "1", "path", "", "", str(folder), (), {}, folder
    )


@pytest.fixture
async def worker(tmp_path: Path) -> AsyncIterator[EngineWorker]:
    worker = EngineWorker(engine_at(checkout(tmp_path)), memory_mb=200)
    yield worker
    await worker.close()


async def test_a_text_is_read_in_a_process_that_stays(worker: EngineWorker) -> None:
    await worker.start()
    first = worker.pid
    verdict = await worker.parse("plain", '{"name": "f", "arguments": {"a": 1}}')
    assert verdict.outcome is EngineOutcome.CALLS
    assert verdict.tool_calls == (EngineCall("f", '{"a": 1}'),)
    assert verdict.tools_called
    assert (await worker.parse("plain", "hello")).content == "hello"
    assert worker.pid == first is not None


async def test_the_names_of_the_parsers_come_from_the_engine(worker: EngineWorker) -> None:
    assert {"plain", "loops"} <= set((await worker.start())["names"])
    assert await worker.failures() == {}


async def test_an_unknown_name_is_a_verdict_that_suggests_similar_ones(
    worker: EngineWorker,
) -> None:
    verdict = await worker.parse("plane", "x")
    assert verdict.outcome is EngineOutcome.UNKNOWN
    assert verdict.error == "no parser is called 'plane'; near: plain"


async def test_an_exception_of_a_parser_is_a_verdict(worker: EngineWorker) -> None:
    verdict = await worker.parse("plain", "{oops")
    assert verdict.outcome is EngineOutcome.RAISED
    assert verdict.error.startswith("JSONDecodeError: Expecting property name")
    deep = await worker.parse("recurses", "x")
    assert deep.outcome is EngineOutcome.RAISED
    assert deep.error.startswith("RecursionError")


async def test_lone_surrogates_are_sent_and_returned_unchanged(worker: EngineWorker) -> None:
    assert (await worker.parse("plain", "a\ud83d b\u2028")).content == "a\ud83d b\u2028"


async def test_a_megabyte_arrives_whole(worker: EngineWorker) -> None:
    text = "a\u00e9 " * 350_000
    assert (await worker.parse("plain", text)).content == text


async def test_the_warnings_of_the_engine_are_passed_on(worker: EngineWorker) -> None:
    assert (await worker.parse("warns", "x")).log == ("WARNING: no closing tag",)
    assert (await worker.parse("plain", "x")).log == ()


async def test_the_output_of_a_parser_is_not_taken_for_an_answer(worker: EngineWorker) -> None:
    assert (await worker.parse("prints_and_reads", "x")).content == "'' b''"


async def test_the_time_to_load_a_parser_is_not_that_of_the_reading(worker: EngineWorker) -> None:
    assert not worker.is_ready("loads_slowly")
    verdict = await worker.parse("loads_slowly", "x", timeout_s=LIMIT_S)
    assert (verdict.outcome, verdict.content) == (EngineOutcome.TEXT, "x")
    assert worker.is_ready("loads_slowly") and not worker.is_ready("plain")


async def test_a_process_that_ends_while_a_parser_is_loaded_gives_no_verdict(
    tmp_path: Path,
) -> None:
    root = checkout(tmp_path)
    parsers = root / "environments" / "tool_call_parsers" / "__init__.py"
    dying = '    sys.stderr.write("no licence\\n")\n    os._exit(7)\n'
    parsers.write_text(f"{parsers.read_text()}\ndef get_parser(name):\n{dying}")
    worker = EngineWorker(engine_at(root))
    verdict = await worker.parse("plain", "x")
    assert verdict.outcome is EngineOutcome.UNKNOWN
    assert "its process ended while plain was loaded" in verdict.error
    assert "no licence" in verdict.error
    assert worker.pid is None


@pytest.mark.parametrize("name", ["loops", "backtracks"])
async def test_a_hanging_parser_is_stopped_and_the_process_stays(
    worker: EngineWorker, name: str
) -> None:
    await worker.start()
    first = worker.pid
    verdict = await worker.parse(name, "x", timeout_s=LIMIT_S)
    assert verdict.outcome is EngineOutcome.TIMED_OUT
    assert verdict.error.startswith("stopped after 0.4 s, in __init__.py:")
    assert verdict.error.endswith(f"in {name}")
    assert worker.pid == first


@pytest.mark.parametrize("name", ["swallows_the_alarm", "never_returns_to_python"])
async def test_a_parser_that_cannot_be_interrupted_is_killed_and_the_next_text_read(
    worker: EngineWorker, name: str
) -> None:
    await worker.start()
    first, began = worker.pid, time.monotonic()
    verdict = await worker.parse(name, "x", timeout_s=LIMIT_S)
    assert verdict.outcome is EngineOutcome.TIMED_OUT
    assert f"in {name}" in verdict.error
    assert time.monotonic() - began < LIMIT_S + 20
    assert (await worker.parse("plain", "next")).content == "next"
    assert worker.pid != first


@pytest.mark.parametrize(
    ("name", "reason"),
    [("aborts", "(SIGABRT)"), ("exits", "(exit code 7): out of order")],
)
async def test_a_crash_is_a_verdict_with_the_reason(
    worker: EngineWorker, name: str, reason: str
) -> None:
    verdict = await worker.parse(name, "x")
    assert verdict.outcome is EngineOutcome.RAISED
    assert verdict.error.startswith("the parser ended its process (")
    assert reason in verdict.error
    assert (await worker.parse("plain", "next")).content == "next"


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the limit is Linux's")
@pytest.mark.parametrize("name", ["eats_memory", "eats_memory_quietly"])
async def test_memory_is_limited(worker: EngineWorker, name: str) -> None:
    verdict = await worker.parse(name, "x")
    assert verdict.outcome is EngineOutcome.TIMED_OUT
    assert verdict.error == "stopped: it needs more than 200 MB"
    assert (await worker.parse("plain", "next")).content == "next"


async def test_a_caller_that_stops_waiting_does_not_disturb_the_next(worker: EngineWorker) -> None:
    await worker.start()
    first = worker.pid
    waiting = asyncio.create_task(worker.parse("loops", "x", timeout_s=LIMIT_S))
    await asyncio.sleep(0)
    queued = asyncio.create_task(worker.parse("loops", "y", timeout_s=60))
    await asyncio.sleep(0)
    waiting.cancel()
    queued.cancel()
    assert (await worker.parse("plain", "next")).content == "next"
    assert worker.pid == first
    assert waiting.cancelled() and queued.cancelled()


async def test_concurrent_requests_are_handled_in_turn(worker: EngineWorker) -> None:
    texts = [f"text {number}" for number in range(20)]
    verdicts = await asyncio.gather(*(worker.parse("plain", text) for text in texts))
    assert [verdict.content for verdict in verdicts] == texts


async def test_a_missing_stream_support_of_the_engine_is_reported(worker: EngineWorker) -> None:
    verdict = await worker.parse("plain", "x", stream=[1])
    assert verdict.outcome is EngineOutcome.UNKNOWN
    assert verdict.error == "hermes-agent reads only whole texts"


async def test_tools_reach_the_parser_as_schemas(worker: EngineWorker) -> None:
    tools: list[Tool] = [ToolSpec("f", "does", {}), {"type": "function", "function": {}}]
    assert (await worker.parse("plain", "x", tools)).content == "x"


async def test_tools_that_are_not_json_are_not_blamed_on_the_engine(worker: EngineWorker) -> None:
    deep: dict[str, object] = {}
    for _ in range(100_000):
        deep = {"a": deep}
    verdict = await worker.parse("plain", "x", [ToolSpec("f", "", deep)])
    assert verdict.outcome is EngineOutcome.UNKNOWN
    assert (await worker.parse("plain", "next")).content == "next"


async def test_an_engine_that_cannot_be_loaded_is_a_verdict(tmp_path: Path) -> None:
    root = checkout(tmp_path)
    (root / "environments" / "tool_call_parsers" / "__init__.py").write_text("import not_there")
    worker = EngineWorker(engine_at(root))
    verdict = await worker.parse("plain", "x")
    assert verdict.outcome is EngineOutcome.UNKNOWN
    assert "No module named 'not_there'" in verdict.error
    with pytest.raises(SourceError, match="not_there"):
        await worker.start()
    assert worker.pid is None


async def test_an_interpreter_that_does_not_start_is_a_verdict(tmp_path: Path) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho no licence >&2\nexit 3\n")
    program.chmod(0o700)
    worker = EngineWorker(engine_at(checkout(tmp_path))._replace(python=str(program)))
    verdict = await worker.parse("plain", "x")
    assert verdict.outcome is EngineOutcome.UNKNOWN
    assert "no licence" in verdict.error


async def test_the_process_ends_with_the_worker(tmp_path: Path) -> None:
    worker = EngineWorker(engine_at(checkout(tmp_path)))
    await worker.start()
    pid = worker.pid
    await worker.close()
    assert worker.pid is None
    assert not Path(f"/proc/{pid}").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux does it")
def test_no_process_outlives_the_program(tmp_path: Path) -> None:
    program = """
import asyncio, os, sys
from pathlib import Path
from tests.engines.test_worker import engine_at
from hermes_tui.runtime.engines.worker import EngineWorker, Tool

async def main():
    worker = EngineWorker(engine_at(Path(sys.argv[1])))
    await worker.start()
    print(worker.pid, flush=True)
    await worker.parse("never_returns_to_python", "x", timeout_s=600)

asyncio.run(main())
"""
    command = [sys.executable, "-c", program, str(checkout(tmp_path))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=PROJECT, text=True) as running:
        assert running.stdout is not None
        pid = int(running.stdout.readline())
        running.kill()
    deadline = time.monotonic() + 30
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not is_running(pid)


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


async def test_a_pool_starts_the_requested_engines(tmp_path: Path) -> None:
    pool = EnginePool([engine_at(checkout(tmp_path))])
    assert pool.worker("hermes-agent").pid is None
    assert (await pool.parse("hermes-agent", "plain", "x")).content == "x"
    assert pool.worker("hermes-agent").pid is not None
    missing = await pool.parse("vllm-9", "hermes", "x")
    assert missing.outcome is EngineOutcome.UNKNOWN
    assert missing.error == "no engine vllm-9 was added (`hermes-tui engines add`)"
    await pool.close()
    assert pool.worker("hermes-agent").pid is None
