"""Runs shell commands in their own sessions, with limits; no process of them is left behind.

Every process in a command's process group ends with it. A process that left the group (`setsid`)
may continue to serve later calls. It carries a mark in its environment, and ends when its call
times out or is cancelled, or when the tools are closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from hermes_tui.runtime.masking import MIN_SECRET_LENGTH
from hermes_tui.runtime.tools.base import ToolFailure
from hermes_tui.runtime.tools.output_pipe import OutputPipe

TERM_GRACE_S = 2.0
CANCEL_GRACE_S = 0.4
REST_GRACE_S = 0.2
"""How long background processes of a finished command may take to end after TERM."""
PIPE_GRACE_S = 0.15
"""How long output may take to arrive through the pipe after the shell has ended."""
POLL_S = 0.01
NICENESS = 5
"""A lower priority than the debugger's, which stays responsive while a tool uses every core."""
TIMED_OUT = 124
MARK = "HERMES_TUI_CALL"
SECRET_WORDS = ("KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL")
PLAIN_TERMINAL = {
    "TERM": "dumb",
    "PAGER": "cat",
    "GIT_PAGER": "cat",
    "MANPAGER": "cat",
    "GIT_TERMINAL_PROMPT": "0",
    "DEBIAN_FRONTEND": "noninteractive",
}


@dataclass(frozen=True, slots=True)
class Ended:
    """The result of a command. `exit_code` is negative after a signal, 124 after a timeout."""

    output: str
    exit_code: int
    error: str = ""


def clean_environment(
    environment: Mapping[str, str] | None = None, *, withheld: Collection[str] = ()
) -> dict[str, str]:
    """Return the environment for tools, without secrets and set up for use without a terminal.

    No variable has a `withheld` text as its name or its value, or contains a long one in its value.
    """
    inherited = os.environ if environment is None else environment
    long = [text for text in withheld if len(text) >= MIN_SECRET_LENGTH]
    kept = {
        name: value
        for name, value in inherited.items()
        if not any(word in name.upper() for word in SECRET_WORDS)
        and name not in withheld
        and (not value or value not in withheld)
        and not any(text in value for text in long)
    }
    return kept | PLAIN_TERMINAL


async def run_shell(
    command: str,
    *,
    workdir: Path,
    timeout_s: float,
    keep_bytes: int,
    mark: str,
    withheld: Collection[str],
    on_output: Callable[[bytes], None] | None,
) -> Ended:
    """Run `command` in the shell and return its result; `withheld` is as in `clean_environment`.

    `on_output` is called with the output as it is printed. Raises ToolFailure if the command cannot
    be started. After `timeout_s` its process group gets TERM, and KILL two seconds later; a
    cancellation takes half a second.
    """
    pipe = OutputPipe(keep_bytes)
    pipe.on_output = on_output
    try:
        process = await _start(command, workdir, pipe, clean_environment(withheld=withheld), mark)
        try:
            is_timed_out = not await _ends_within(process, timeout_s)
            await _end_group(process, TERM_GRACE_S if is_timed_out else REST_GRACE_S, pipe)
        except asyncio.CancelledError:
            await _end_despite_cancel(process)
            kill_marked(mark)
            raise
        if is_timed_out:
            kill_marked(mark)
        return _ended(pipe.take(), process.returncode, timeout_s if is_timed_out else None)
    finally:
        pipe.close()


async def _start(
    command: str, workdir: Path, pipe: OutputPipe, environment: dict[str, str], mark: str
) -> asyncio.subprocess.Process:
    shell = shutil.which("bash") or "/bin/sh"
    try:
        process = await asyncio.create_subprocess_exec(
            # Passed as bytes, so that the locale does not matter.
            *(shell, "-c", command.encode("utf-8", "surrogateescape")),
            cwd=workdir,
            env=environment | {MARK: mark},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=pipe.write_end,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        gone = "" if workdir.is_dir() else f" (the working folder {workdir} is gone)"
        raise ToolFailure(f"{type(error).__name__}: {error}{gone}") from error
    pipe.listen()
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PGRP, process.pid, NICENESS)
    return process


async def _ends_within(process: asyncio.subprocess.Process, timeout_s: float) -> bool:
    try:
        async with asyncio.timeout(timeout_s):
            await process.wait()
    except TimeoutError:
        return False
    return True


async def _end_group(
    process: asyncio.subprocess.Process, grace_s: float, pipe: OutputPipe | None
) -> None:
    """End all processes in the group of `process`; if it has ended, first let `pipe` drain."""
    if process.returncode is not None and pipe is not None:
        await pipe.ends_within(PIPE_GRACE_S)
    signal_group(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    while process.returncode is None or _has_members(process.pid):
        if time.monotonic() >= deadline:
            signal_group(process.pid, signal.SIGKILL)
            break
        await asyncio.sleep(POLL_S)
    await process.wait()


async def _end_despite_cancel(process: asyncio.subprocess.Process) -> None:
    """End the group of `process` despite cancellation; another cancellation kills it at once."""
    ending = asyncio.create_task(_end_group(process, CANCEL_GRACE_S, None))
    while not ending.done():
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError:
            signal_group(process.pid, signal.SIGKILL)


def _ended(output: str, exit_code: int | None, limit_s: float | None) -> Ended:
    if limit_s is not None:
        return Ended(output, TIMED_OUT, f"timed out after {limit_s:g} s")
    code = exit_code if exit_code is not None else -1
    return Ended(output, code, f"killed by {signal_name(-code)}" if code < 0 else "")


def signal_name(number: int) -> str:
    """Return the name of a signal, such as SIGKILL."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def signal_group(group: int, number: int) -> bool:
    """Send a signal to a process group; return False if it has no members left.

    The group's id is that of its first process, and is not reused while it has members.
    """
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _has_members(group: int) -> bool:
    """Return whether a process of the group is running; zombies do not count."""
    if not signal_group(group, 0):
        return False
    if not Path("/proc/self/stat").exists():
        return True
    return any(state != "Z" and member_of == group for state, member_of in _states_and_groups())


def _states_and_groups() -> Iterator[tuple[str, int]]:
    for folder in _process_folders():
        with contextlib.suppress(OSError, ValueError, IndexError):
            # The name of the program is in parentheses and may contain blanks and parentheses.
            fields = (folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
            yield fields[0], int(fields[2])


def _process_folders() -> Iterator[Path]:
    with contextlib.suppress(OSError):
        yield from (folder for folder in Path("/proc").iterdir() if folder.name.isdigit())


def kill_marked(mark: str) -> None:
    """Kill all other processes whose mark begins with `mark`, in any group or session."""
    prefix = f"{MARK}={mark}".encode()
    own = str(os.getpid())
    for folder in _process_folders():
        if folder.name == own:
            continue
        with contextlib.suppress(OSError):
            entries = (folder / "environ").read_bytes().split(b"\0")
            if any(entry.startswith(prefix) for entry in entries):
                os.kill(int(folder.name), signal.SIGKILL)


def children_of(thread: int) -> list[int]:
    """Return the living children that a thread of ours started; only Linux reports them."""
    return _children(Path("/proc/self/task") / str(thread))


def kill_children(thread: int, *, spared: Collection[int]) -> None:
    """Kill the processes that a thread of ours started, and their descendants.

    Those in `spared` are left alone, with theirs.
    """
    for child in children_of(thread):
        for process in _with_descendants(child) if child not in spared else ():
            with contextlib.suppress(OSError):
                os.kill(process, signal.SIGKILL)


def _children(thread: Path) -> list[int]:
    try:
        return [int(child) for child in (thread / "children").read_text().split()]
    except OSError:
        return []


def _with_descendants(process: int) -> Iterator[int]:
    with contextlib.suppress(OSError):
        for thread in list(Path(f"/proc/{process}/task").iterdir()):
            for child in _children(thread):
                yield from _with_descendants(child)
    yield process
