"""The thread pool for blocking tools."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest

from hermes_tui.runtime.tools.base import ToolFailure
from hermes_tui.runtime.tools.threads import DaemonPool
from tests.tools.helpers import until


async def test_values_and_exceptions_are_returned() -> None:
    pool = DaemonPool(2)
    assert await pool.run(lambda: 5) == 5
    with pytest.raises(ZeroDivisionError):
        await pool.run(lambda: 1 // 0)
    pool.close()


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), StopIteration()])
async def test_an_exception_that_would_end_more_than_the_call_is_a_failure(
    error: BaseException,
) -> None:
    def raises() -> None:
        raise error

    pool = DaemonPool(1)
    with pytest.raises(ToolFailure, match=type(error).__name__):
        await pool.run(raises)
    pool.close()


class Unreadable(BaseException):
    def __str__(self) -> str:
        raise RuntimeError("no text")


async def test_an_error_without_a_readable_message_is_reported_and_its_thread_kept() -> None:
    def raises() -> None:
        raise Unreadable

    pool = DaemonPool(1)
    with pytest.raises(ToolFailure, match=r"Unreadable .*cannot be read: RuntimeError"):
        await asyncio.wait_for(pool.run(raises), 30)
    assert await asyncio.wait_for(pool.run(lambda: 5), 30) == 5
    pool.close()


async def test_no_more_threads_than_the_size_of_the_pool_run_at_once() -> None:
    pool = DaemonPool(3)
    running: list[int] = []
    lock = threading.Lock()
    gate = threading.Event()

    def work() -> int:
        with lock:
            running.append(1)
        gate.wait(5)
        with lock:
            running.pop()
        return 1

    calls = [asyncio.create_task(pool.run(work)) for _ in range(10)]
    await until(lambda: len(running) == 3)
    gate.set()
    assert sum(await asyncio.gather(*calls)) == 10
    pool.close()


async def test_cancelled_calls_that_hang_do_not_use_up_the_pool() -> None:
    pool = DaemonPool(1)
    gate = threading.Event()
    hanging = asyncio.create_task(pool.run(gate.wait))
    waiting = asyncio.create_task(pool.run(lambda: "through"))
    await until(lambda: not pool._idle and len(pool._jobs) == 1)
    hanging.cancel()
    assert await asyncio.wait_for(waiting, 2) == "through"
    gate.set()
    pool.close()


async def test_a_call_cancelled_before_it_begins_never_runs() -> None:
    pool = DaemonPool(1)
    gate = threading.Event()
    ran: list[str] = []
    first = asyncio.create_task(pool.run(gate.wait))
    second = asyncio.create_task(pool.run(lambda: ran.append("second")))
    await until(lambda: len(pool._jobs) == 1)
    second.cancel()
    await asyncio.wait({second})
    gate.set()
    await first
    await pool.run(lambda: None)
    assert ran == []
    pool.close()


async def test_threads_are_reused_and_can_be_ended() -> None:
    pool = DaemonPool(4)
    idents = set()
    for _ in range(20):
        idents.add(await pool.run(threading.get_ident))
        await until(lambda: pool._idle == 1)
    assert len(idents) == 1
    pool.end_idle()
    await until(lambda: not idents & {thread.ident for thread in threading.enumerate()})
    assert await pool.run(lambda: "again") == "again"
    pool.close()


async def test_a_closed_pool_finishes_waiting_calls_and_accepts_no_new_ones() -> None:
    pool = DaemonPool(1)
    gate = threading.Event()
    first = asyncio.create_task(pool.run(gate.wait))
    second = asyncio.create_task(pool.run(lambda: "done"))
    await until(lambda: len(pool._jobs) == 1)
    pool.close()
    gate.set()
    assert await first
    assert await second == "done"
    with pytest.raises(ToolFailure):
        await pool.run(lambda: None)


async def test_a_job_cancelled_before_it_begins_is_not_done() -> None:
    pool = DaemonPool(1)
    gate = threading.Event()
    done: list[str] = []
    first = pool.submit(lambda: (gate.wait(5), done.append("first")))
    await until(lambda: not pool._jobs)
    second = pool.submit(lambda: done.append("second"))
    third = pool.submit(lambda: done.append("third"))
    first.cancel()
    second.cancel()
    gate.set()
    await third
    assert done == ["first", "third"]
    pool.close()


def test_a_pool_needs_a_thread() -> None:
    with pytest.raises(ValueError, match="at least 1 thread"):
        DaemonPool(0)


def test_a_hanging_thread_does_not_delay_the_exit() -> None:
    script = """
import asyncio, threading
from hermes_tui.runtime.tools.threads import DaemonPool
async def main():
    call = asyncio.create_task(DaemonPool(1).run(threading.Event().wait))
    await asyncio.sleep(0.05)
    call.cancel()
asyncio.run(main())
"""
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, timeout=120)
