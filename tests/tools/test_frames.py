"""The report of a crash is separated from the text that the process printed last."""

from __future__ import annotations

import signal

from hermes_tui.runtime.tools.frames import Crash, crash_in

CRASH_OF_HELPER = """\
Fatal Python error: Aborted

Current thread 0x1 (most recent call first):
  File "/helper.py", line 3 in helps
"""
CRASH_OF_TOOL = """\
Fatal Python error: Segmentation fault

Current thread 0x2 (most recent call first):
  File "/tools.py", line 9 in inner
  File "/tools.py", line 5 in tool
"""


def test_the_last_crash_is_that_of_the_tool() -> None:
    printed = f"begun\n{CRASH_OF_HELPER}goes on\n"
    crash = crash_in(printed + CRASH_OF_TOOL, -signal.SIGSEGV)
    frames = ("/tools.py:5 in tool", "/tools.py:9 in inner")
    assert crash == Crash(printed, "Segmentation fault", frames)


def test_a_killed_process_did_not_crash() -> None:
    printed = f"begun\n{CRASH_OF_HELPER}"
    assert crash_in(printed, -signal.SIGKILL) == Crash(printed, "", ())
    assert crash_in(printed, 3) == Crash(printed, "", ())


def test_a_crash_without_a_report_keeps_the_printed_text() -> None:
    assert crash_in("begun\n", -signal.SIGABRT) == Crash("begun\n", "", ())
