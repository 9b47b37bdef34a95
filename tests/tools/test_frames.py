"""The report of a crash is separated from the text that the process printed last."""

from __future__ import annotations

import signal

from hermes_tui.runtime.tools.frames import Crash, crash_in

OF_A_HELPER = """\
Fatal Python error: Aborted

Current thread 0x1 (most recent call first):
  File "/helper.py", line 3 in helps
"""
OF_THE_TOOL = """\
Fatal Python error: Segmentation fault

Current thread 0x2 (most recent call first):
  File "/tools.py", line 9 in inner
  File "/tools.py", line 5 in tool
"""


def test_the_last_crash_is_the_tools_own() -> None:
    printed = f"begun\n{OF_A_HELPER}goes on\n"
    crash = crash_in(printed + OF_THE_TOOL, -signal.SIGSEGV)
    frames = ("/tools.py:5 in tool", "/tools.py:9 in inner")
    assert crash == Crash(printed, "Segmentation fault", frames)


def test_what_was_killed_did_not_crash() -> None:
    printed = f"begun\n{OF_A_HELPER}"
    assert crash_in(printed, -signal.SIGKILL) == Crash(printed, "", ())
    assert crash_in(printed, 3) == Crash(printed, "", ())


def test_what_ended_without_a_word_of_it_keeps_what_it_printed() -> None:
    assert crash_in("begun\n", -signal.SIGABRT) == Crash("begun\n", "", ())
