"""Run a program in a pseudo-terminal and time what it paints."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

COLUMNS, ROWS = 120, 40
_ESCAPES = re.compile(rb"\x1b\[[0-9;?=>]*[A-Za-z]|\x1b[PX^_\]].*?(?:\x1b\\|\x07)|\x1b[@-_]")


def inherited() -> dict[str, str]:
    """Return the environment variables that do not describe this process's terminal."""
    own = ("COLUMNS", "LINES", "NO_COLOR")
    return {name: value for name, value in os.environ.items() if name not in own}


@dataclass
class Program:
    """A running program and its terminal."""

    pid: int
    fd: int
    began: float
    output: bytes = b""

    @classmethod
    def start(cls, command: Sequence[str], environment: dict[str, str] | None = None) -> Program:
        """Start `command` on a new terminal of 120 by 40."""
        variables = {**inherited(), "TERM": "xterm-256color", **(environment or {})}
        began = time.perf_counter()
        pid, fd = pty.fork()
        if pid == 0:
            os.execvpe(command[0], list(command), variables)
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        return cls(pid, fd, began)

    def wait_for(self, marker: bytes, timeout_s: float = 60.0) -> float:
        """Read until `marker` is painted; return the seconds since the start."""
        deadline = time.perf_counter() + timeout_s
        while marker not in _ESCAPES.sub(b"", self.output):
            if time.perf_counter() > deadline:
                raise TimeoutError(f"{marker!r} never came; got {self.output[-500:]!r}")
            self.read(0.05)
        return time.perf_counter() - self.began

    def read(self, wait_s: float) -> bytes:
        """Return what is painted within `wait_s` seconds, or b"" if nothing is."""
        ready, _, _ = select.select([self.fd], [], [], wait_s)
        if not ready:
            return b""
        try:
            data = os.read(self.fd, 1 << 16)
        except OSError:
            data = b""
        self.output += data
        return data

    def settle(self, quiet_s: float = 0.15) -> None:
        """Read until nothing has been painted for `quiet_s` seconds."""
        while self.read(quiet_s):
            pass

    def press(self, keys: bytes) -> None:
        os.write(self.fd, keys)

    def cpu_s(self) -> float:
        """Return the processor time used so far, in seconds."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> float:
        """Return the resident memory in MB."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def end(self) -> None:
        """Kill the program and close its terminal."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)
