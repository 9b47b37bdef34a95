"""Tools run in a separate process; whatever they do to it, the debugger continues."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from hermes_tui.runtime.tools.base import ToolFailure
from hermes_tui.runtime.tools.prints import Prints
from hermes_tui.runtime.tools.tool_process import CANCEL_S, ToolProcess
from hermes_tui.runtime.tools.toolset import open_tools
from tests.tools.helpers import CONTEXT, open_python_tools, processes_with, until, value_of

SOURCE = '''
import asyncio, ctypes, os, subprocess, sys, threading, time

calls = []

def counted() -> int:
    """Count the calls of this process."""
    calls.append(1)
    return len(calls)

def process() -> int:
    return os.getpid()

def crashes() -> str:
    """Read address 0."""
    print("about to")
    ctypes.string_at(0)

def leaves(code: int) -> None:
    print("no licence")
    os._exit(code)

def kills_its_group() -> None:
    """End all."""
    os.killpg(0, 9)

def turns_in_circles() -> None:
    """Never end, in Python."""
    while True:
        pass

def holds_the_lock() -> None:
    """Never let other threads run."""
    ctypes.PyDLL(None).sleep(1000)

async def ignores_cancels() -> None:
    """Go on."""
    while True:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            pass

def waits_for_children() -> None:
    """Wait for a child and its child."""
    subprocess.run(["sh", "-c", "sleep 4711 & wait"])

def leaves_a_child() -> None:
    """Start what goes on."""
    subprocess.Popen(["sleep", "4712"], start_new_session=True)

def prints_much() -> str:
    """Print 50 MB."""
    for _ in range(50):
        print("y" * 1_000_000)
    return "printed"

def waits(seconds: float, word: str) -> str:
    """Answer late."""
    time.sleep(seconds)
    return word

def writes_into_all_pipes() -> str:
    """Write what looks like answers."""
    for number in range(3, 20):
        try:
            os.write(number, b'{"call": 1, "text": "FORGED"}\\n')
        except OSError:
            pass
    return "mine"

def keeps_a_helper() -> int:
    """Start what serves later calls."""
    return subprocess.Popen(["sleep", "4714"]).pid

def runs_what_crashes() -> str:
    """Run another program."""
    print("checking")
    print("Fatal Python error: Segmentation fault")
    print("3 of 4 pass")
    return "checked"

def closes_standard_output() -> str:
    """Leave nothing to print to."""
    sys.stdout = None
    sys.stderr.detach()
    return "silent"

async def raises_a_group() -> None:
    """Fail in an odd way."""
    raise BaseExceptionGroup("several", [KeyboardInterrupt()])

async def ends_the_loop() -> None:
    """Cancel everything."""
    for task in asyncio.all_tasks():
        task.cancel()
    await asyncio.sleep(0)

def takes(value: object) -> str:
    return type(value).__name__

def huge() -> object:
    """Return what no JSON holds."""
    return {"digits": 10**5000, "half": "\\ud800", "none": float("nan")}
'''


async def cancel_after_start(box: ToolProcess, name: str, after: Any = None) -> float:
    """Cancel a call once it runs (and `after` is true); return the seconds until it ended."""
    call = asyncio.create_task(box.call(name, {}, CONTEXT))
    await asyncio.wait({call}, timeout=0.1)
    if after is not None:
        await until(after)
    began = time.monotonic()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    return time.monotonic() - began


@pytest.mark.parametrize(
    ("name", "arguments", "reason"),
    [
        ("crashes", {}, "ended its process with SIGSEGV: Segmentation fault$"),
        ("leaves", {"code": 7}, "ended its process with exit code 7: no licence$"),
        ("kills_its_group", {}, "ended its process with SIGKILL$"),
    ],
)
async def test_a_tool_that_ends_its_process_fails_and_the_next_call_gets_a_new_one(
    box: ToolProcess, name: str, arguments: Any, reason: str
) -> None:
    assert await value_of(box, "counted") == 1
    with pytest.raises(ToolFailure, match=reason):
        await box.call(name, arguments, CONTEXT)
    assert await value_of(box, "counted") == 1


async def test_a_crash_is_reported_with_its_frames_and_the_printed_text(
    box: ToolProcess,
) -> None:
    context = dataclasses.replace(CONTEXT, prints=Prints())
    with pytest.raises(ToolFailure) as failure:
        await box.call("crashes", {}, context)
    assert "my_tools.py" in failure.value.frames[0]
    assert failure.value.frames[0].endswith(" in crashes")
    assert "".join(context.prints) == "about to\n"


@pytest.mark.parametrize("name", ["turns_in_circles", "holds_the_lock", "ignores_cancels"])
async def test_a_call_that_does_not_end_is_killed_with_its_process(
    box: ToolProcess, name: str
) -> None:
    process = await value_of(box, "process")
    assert await cancel_after_start(box, name) >= CANCEL_S
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
    assert await value_of(box, "process") != process


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells whose child")
async def test_a_cancel_ends_the_children_of_a_call_and_keeps_the_tool_process(
    box: ToolProcess,
) -> None:
    assert await value_of(box, "counted") == 1
    await cancel_after_start(box, "waits_for_children", lambda: processes_with("sleep 4711"))
    await until(lambda: not processes_with("sleep 4711"))
    assert await value_of(box, "counted") == 2


async def test_closing_ends_everything_that_a_tool_started(box: ToolProcess) -> None:
    process = await value_of(box, "process")
    await box.call("leaves_a_child", {}, CONTEXT)
    assert processes_with("sleep 4712")
    await box.close()
    await until(lambda: not processes_with("sleep 4712"))
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


async def test_only_the_ends_of_a_long_printed_text_are_kept(box: ToolProcess) -> None:
    context = dataclasses.replace(CONTEXT, prints=Prints())
    assert (await box.call("prints_much", {}, context)).value == "printed"
    printed = "".join(context.prints)
    assert "bytes left out" in printed
    assert len(printed) < 100_000


async def test_arguments_nested_too_deeply_fail_only_their_call(box: ToolProcess) -> None:
    deep: Any = {}
    for _ in range(100_000):
        deep = {"a": deep}
    assert await value_of(box, "counted") == 1
    with pytest.raises(ToolFailure, match="RecursionError"):
        await box.call("takes", {"value": deep}, CONTEXT)
    assert await value_of(box, "counted") == 2


async def test_values_that_json_cannot_hold_are_described(box: ToolProcess) -> None:
    assert "too large to show" in await value_of(box, "huge")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes as Linux lists them")
async def test_the_process_ends_if_the_debugger_is_killed(tmp_path: Path) -> None:
    (tmp_path / "my_tools.py").write_text(SOURCE)
    script = """
        import asyncio, sys
        from hermes_tui.runtime.tools.base import CallContext
        from hermes_tui.runtime.tools.tool_process import ToolProcess

        async def main():
            box = await ToolProcess.open({"kind": "python", "path": sys.argv[1]})
            context = CallContext(task_id="t")
            print((await box.call("process", {}, context)).value, flush=True)
            await box.call("turns_in_circles", {}, context)

        asyncio.run(main())
    """
    command = [sys.executable, "-c", dedent(script), str(tmp_path / "my_tools.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as debugger:
        assert debugger.stdout is not None
        process = int(debugger.stdout.readline())
        debugger.send_signal(signal.SIGKILL)
    await until(lambda: not Path(f"/proc/{process}/cmdline").exists())


async def test_calls_of_two_branches_each_get_their_answer(box: ToolProcess) -> None:
    late = asyncio.create_task(value_of(box, "waits", seconds=0.3, word="late"))
    await asyncio.sleep(0)
    assert await value_of(box, "waits", seconds=0, word="soon") == "soon"
    assert await late == "late"


async def test_text_that_a_tool_writes_into_the_pipe_is_not_an_answer(box: ToolProcess) -> None:
    assert await value_of(box, "counted") == 1
    assert await value_of(box, "writes_into_all_pipes") == "mine"
    assert await value_of(box, "counted") == 2


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells whose child")
async def test_a_cancel_spares_processes_of_earlier_calls(box: ToolProcess) -> None:
    helper = await value_of(box, "keeps_a_helper")
    await cancel_after_start(box, "waits_for_children", lambda: processes_with("sleep 4711"))
    assert helper in processes_with("sleep 4714")


async def test_the_crash_report_of_another_program_stays_in_the_printed_text(
    box: ToolProcess,
) -> None:
    context = dataclasses.replace(CONTEXT, prints=Prints())
    assert (await box.call("runs_what_crashes", {}, context)).value == "checked"
    assert "".join(context.prints).endswith("Segmentation fault\n3 of 4 pass\n")


async def test_a_tool_without_standard_output_still_answers(box: ToolProcess) -> None:
    assert await value_of(box, "closes_standard_output") == "silent"
    assert await value_of(box, "counted") == 1


@pytest.mark.parametrize(
    ("name", "reason"),
    [("raises_a_group", "BaseExceptionGroup: several"), ("ends_the_loop", "CancelledError: ")],
)
async def test_an_async_tool_that_would_end_the_loop_fails_alone(
    box: ToolProcess, name: str, reason: str
) -> None:
    with pytest.raises(ToolFailure, match=reason):
        await box.call(name, {}, CONTEXT)
    assert await value_of(box, "counted") == 1


async def test_a_time_limit_does_not_count_the_start_of_the_process(tmp_path: Path) -> None:
    (tmp_path / "my_tools.py").write_text(f"import time\ntime.sleep(1.5)\n{SOURCE}")
    source = {"kind": "python", "path": str(tmp_path / "my_tools.py")}
    box = await ToolProcess.open(source, timeout_s=1.0)
    with pytest.raises(ToolFailure, match="TimeoutError: still running after 1 s"):
        await box.call("turns_in_circles", {}, CONTEXT)
    assert await value_of(box, "counted") == 1
    await box.close()


async def test_a_file_runs_in_the_main_thread(tmp_path: Path) -> None:
    source = """
        import asyncio, signal
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        loop = asyncio.get_event_loop()

        async def same() -> bool:
            return asyncio.get_running_loop() is loop
    """
    (tmp_path / "my_tools.py").write_text(dedent(source))
    box = await open_python_tools(tmp_path / "my_tools.py")
    assert await value_of(box, "same") is True
    await box.close()


async def test_changed_tools_in_a_reloaded_file_are_reported(
    tmp_path: Path,
) -> None:
    path = tmp_path / "my_tools.py"
    path.write_text("import os\n\ndef f(a: int) -> None:\n    os._exit(1)\n")
    tools = await open_tools([f"python:{path}"], workdir=tmp_path)
    try:
        for _ in range(2):
            with pytest.raises(ToolFailure):
                await tools.call("f", {"a": 1}, CONTEXT)
            assert tools.news == ()
        path.write_text("def f(a: str) -> str:\n    return a\n")
        assert (await tools.call("f", {"a": "x"}, CONTEXT)).value == "x"
        (news,) = tools.news
        assert news.startswith(f"{path}: changed: f; this run keeps the schemas")
    finally:
        await tools.close()
