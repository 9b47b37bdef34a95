"""The shell tool keeps its limits, reports signals and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from hermes_tui.runtime.tools import processes
from hermes_tui.runtime.tools.base import ToolFailure
from hermes_tui.runtime.tools.builtin import BuiltinTools
from hermes_tui.runtime.tools.processes import clean_environment
from tests.cli.program import PROJECT
from tests.descriptors import open_files
from tests.tools.helpers import CONTEXT, answer_of, processes_with, until


@pytest.fixture
def box(tmp_path: Path) -> BuiltinTools:
    return BuiltinTools(tmp_path, ["terminal"])


def unique_sleep() -> str:
    """Return a long sleep with a unique command line."""
    return f"sleep 1000.{uuid.uuid4().int}"


async def test_output_and_exit_code_are_returned_as_json(box: BuiltinTools) -> None:
    result = await answer_of(box, "terminal", command="echo out; echo err >&2; echo äh; exit 3")
    assert result == {"output": "out\nerr\näh\n", "exit_code": 3}


def test_a_command_is_utf8_in_any_locale(tmp_path: Path) -> None:
    program = """
import asyncio, sys
from pathlib import Path
from hermes_tui.runtime.tools.builtin import BuiltinTools
from tests.tools.helpers import CONTEXT
box = BuiltinTools(Path(sys.argv[1]), ["terminal"])
answer = asyncio.run(box.call("terminal", {"command": "printf 'h\\u00e9 \\u4e2d'"}, CONTEXT))
print(ascii(answer.value))
"""
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        env=os.environ | locale | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == "" and "h\\xe9 \\u4e2d" in done.stdout


async def test_a_positive_exit_code_is_not_an_error(box: BuiltinTools) -> None:
    answer = await box.call("terminal", {"command": "exit 3"}, CONTEXT)
    assert (answer.exit_code, answer.error) == (3, None)


async def test_a_command_runs_in_the_working_folder(box: BuiltinTools, tmp_path: Path) -> None:
    assert (await answer_of(box, "terminal", command="pwd -P"))["output"].strip() == str(
        tmp_path.resolve()
    )


async def test_nothing_can_be_read_from_stdin(box: BuiltinTools) -> None:
    assert (await answer_of(box, "terminal", command="cat; echo done"))["output"] == "done\n"


async def test_a_command_is_killed_with_its_children_at_the_time_limit(box: BuiltinTools) -> None:
    sleep = unique_sleep()
    command = f"{sleep} & echo begun; {sleep}"
    result = await answer_of(box, "terminal", command=command, timeout_s=1)
    assert result == {"output": "begun\n", "exit_code": 124, "error": "timed out after 1 s"}
    assert processes_with(sleep) == []


async def test_a_command_that_ignores_sigterm_is_killed_two_seconds_later(
    box: BuiltinTools,
) -> None:
    started = time.monotonic()
    command = "trap '' TERM; while :; do :; done"
    result = await answer_of(box, "terminal", command=command, timeout_s=0.1)
    assert result["exit_code"] == 124
    assert time.monotonic() - started > 2


async def test_a_cancelled_command_gets_no_grace_period(
    box: BuiltinTools, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "TERM_GRACE_S", 60)
    sleep = unique_sleep()
    command = f"trap '' TERM; {sleep} & setsid {sleep} & while :; do {sleep}; done"
    call = asyncio.create_task(answer_of(box, "terminal", command=command))
    await until(lambda: len(processes_with(sleep)) >= 3)
    call.cancel()
    started = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert time.monotonic() - started < 30
    await until(lambda: processes_with(sleep) == [])


async def test_a_second_cancel_does_not_leave_processes_behind(box: BuiltinTools) -> None:
    sleep = unique_sleep()
    call = asyncio.create_task(
        answer_of(box, "terminal", command=f"trap '' TERM; {sleep}; {sleep}")
    )
    await until(lambda: processes_with(sleep))
    call.cancel()
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await until(lambda: processes_with(sleep) == [])


async def test_a_background_child_that_holds_the_pipe_does_not_hang_the_call(
    box: BuiltinTools,
) -> None:
    sleep = unique_sleep()
    started = time.monotonic()
    result = await answer_of(box, "terminal", command=f"{sleep} & echo begun")
    assert result == {"output": "begun\n", "exit_code": 0}
    assert time.monotonic() - started < 30
    assert processes_with(sleep) == []


async def test_a_child_in_its_own_session_ends_when_the_tools_are_closed(
    box: BuiltinTools,
) -> None:
    sleep = unique_sleep()
    command = f"setsid sh -c '> up; exec {sleep}' > /dev/null 2>&1 & until [ -e up ]; do :; done"
    result = await answer_of(box, "terminal", command=command)
    assert result == {"output": "", "exit_code": 0}
    await until(lambda: processes_with(sleep))
    await box.close()
    await until(lambda: processes_with(sleep) == [])


async def test_a_command_leaves_no_zombie(box: BuiltinTools) -> None:
    result = await answer_of(box, "terminal", command="echo $$")
    assert not Path("/proc", result["output"].strip()).exists()


async def test_the_signal_that_killed_a_command_is_named(box: BuiltinTools) -> None:
    result = await answer_of(box, "terminal", command="echo before; kill -9 $$")
    assert result == {"output": "before\n", "exit_code": -9, "error": "killed by SIGKILL"}


async def test_a_gigabyte_of_output_is_read_without_being_kept(tmp_path: Path) -> None:
    script = f"""
import asyncio, json, resource, time
from pathlib import Path
from hermes_tui.runtime.tools.base import CallContext
from hermes_tui.runtime.tools.builtin import BuiltinTools
async def main():
    box = BuiltinTools(Path({str(tmp_path)!r}))
    await box.call("terminal", {{"command": "true"}}, CallContext("t"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    command = {{"command": "yes 0123456789abcdef | head -c 1000000000"}}
    answer = await box.call("terminal", command, CallContext("t"))
    result = json.loads(answer.value)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(len(result["output"]), result["exit_code"], grown, "999,900,000" in result["output"])
asyncio.run(main())
"""
    ended = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    length, code, grown_kb, is_counted = ended.stdout.split()
    assert (code, is_counted) == ("0", "True")
    assert int(length) < 101_000
    assert int(grown_kb) < 20_000


async def test_long_output_keeps_its_head_and_tail(tmp_path: Path) -> None:
    box = BuiltinTools(tmp_path, keep_bytes=20)
    result = await answer_of(box, "terminal", command="printf %s aaaaaaaaaa; seq 1000; printf zz")
    assert result["output"] == "aaaaaaaaaa\n[3,885 bytes left out]\n99\n1000\nzz"


async def test_invalid_utf_8_is_shown_escaped(box: BuiltinTools) -> None:
    result = await answer_of(box, "terminal", command=r"printf 'a\xff\xc3b'")
    assert result["output"] == r"a\xff\xc3b"


async def test_secrets_of_the_environment_are_not_visible(
    box: BuiltinTools, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "hf_token", "My_Secret", "DB_PASSWORD", "AWS_CREDENTIALS"):
        monkeypatch.setenv(name, "do-not-tell")
    monkeypatch.setenv("HARMLESS", "yes")
    output = (await answer_of(box, "terminal", command="env"))["output"]
    assert "do-not-tell" not in output
    assert "HARMLESS=yes" in output
    assert "TERM=dumb" in output


def test_withheld_variables_and_values_are_left_out_of_the_environment() -> None:
    variables = {
        "MYLLM": "k",
        "AUTH": "Bearer hidden-1234",
        "SHORT": "k",
        "PATH": "/bin/k",
        "EMPTY": "",
    }
    environment = clean_environment(variables, withheld={"MYLLM", "k", "hidden-1234", ""})
    assert environment.keys() & variables.keys() == {"PATH", "EMPTY"}


def test_the_terminal_is_plain_regardless_of_the_environment() -> None:
    environment = clean_environment({"TERM": "xterm-256color", "PAGER": "less", "PATH": "/bin"})
    assert (environment["TERM"], environment["PAGER"]) == ("dumb", "cat")


@pytest.mark.parametrize("command", ["echo a\0b", "echo \ud800", "echo " + "x" * 200_000])
async def test_a_command_that_cannot_be_started_is_a_failure(
    box: BuiltinTools, command: str
) -> None:
    with pytest.raises(ToolFailure, match=r"^(\w+Error): "):
        await box.call("terminal", {"command": command}, CONTEXT)


async def test_a_missing_working_folder_is_named(tmp_path: Path) -> None:
    box = BuiltinTools(tmp_path / "gone")
    with pytest.raises(ToolFailure, match=r"the working folder .*gone is gone"):
        await box.call("terminal", {"command": "true"}, CONTEXT)


async def test_no_file_descriptor_is_left_open(box: BuiltinTools) -> None:
    await answer_of(box, "terminal", command="true")
    before = open_files()
    for command in ("true", "sleep 1000 &", "kill -9 $$", "seq 100000"):
        await answer_of(box, "terminal", command=command)
    with pytest.raises(ToolFailure):
        await box.call("terminal", {"command": "a\0"}, CONTEXT)
    assert open_files() == before


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({}, "missing argument 'command'"),
        ({"cmd": "ls", "command": "ls"}, "unknown argument 'cmd'; terminal takes command, timeou"),
        ({"command": 5}, "command must be a text"),
        ({"command": "ls", "timeout_s": -1}, "timeout_s must be a positive number"),
        ({"command": "ls", "timeout_s": "soon"}, "timeout_s must be a positive number"),
        ({"command": "ls", "timeout_s": float("nan")}, "timeout_s must be a positive number"),
        ([1], "arguments must be an object, not list"),
    ],
)
async def test_wrong_arguments_are_answered_with_the_reason(
    box: BuiltinTools, arguments: object, error: str
) -> None:
    answer = await box.call("terminal", arguments, CONTEXT)
    assert answer.error is not None
    assert answer.error.reason.startswith(error)


async def test_no_command_may_take_longer_than_the_maximum(tmp_path: Path) -> None:
    box = BuiltinTools(tmp_path, max_timeout_s=0.1)
    result = await answer_of(box, "terminal", command="sleep 1000", timeout_s="900")
    assert result["error"] == "timed out after 0.1 s"
