"""The recording of a run: one line per event, written at once and by a single writer.

A complete line survives the death of the process; `sync` makes it survive that of the machine. A
torn last line that a killed writer left is cut off when the recording is resumed.
"""

from __future__ import annotations

import errno
import fcntl
import os
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from hermes_tui.log.codec import MalformedEvent, decode
from hermes_tui.model.errors import SourceError, StoreError, UsageError
from hermes_tui.model.events import Event, RunStarted
from hermes_tui.model.wording import command_line
from hermes_tui.runtime.masking import Masking

_MAX_FIRST_LINE = 16 * 1024 * 1024
"""Bytes of a first line; a longer one is not the start of a recording."""
_TAIL_SIZE = 64 * 1024
RECORD_ELSEWHERE = "name a file with --record FILE, or --no-record"


def default_folder() -> Path:
    """Return the default folder of recordings, which is in the platform's state folder."""
    from platformdirs import user_state_path

    return user_state_path("hermes-tui") / "runs"


def default_path(run_id: str, *, now: float) -> Path:
    """Return the default path of the recording of a run."""
    return path_in(default_folder(), run_id, now=now)


def path_in(folder: Path, run_id: str, *, now: float) -> Path:
    """Return the path in `folder` of the recording of a run that begins at `now` (unix seconds)."""
    stamp = time.strftime("%Y-%m-%dT%H-%M-%S", time.localtime(now))
    return folder / f"{stamp}-{run_id[:8]}.jsonl"


def temporary_path() -> Path | None:
    """Return where to record if the default folder cannot be written; None if it can."""
    folder = default_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError:
        return Path(tempfile.mkdtemp(prefix="hermes-tui-")) / "run.jsonl"


def can_be_resumed(first: Event | None) -> bool:
    """Return whether the first event of a run says where to find its server and tools again."""
    return isinstance(first, RunStarted) and isinstance(first.details.get("live"), dict)


def not_a_recording_error(path: Path, option: str) -> SourceError:
    """Return the error for a file, named with `option`, that is no recording."""
    hint = f"{option} takes what `live` recorded; `hermes-tui open` shows the rest"
    return SourceError(str(path), "not a recording of hermes-tui", hint)


def malformed_line_error(path: Path, number: int, error: MalformedEvent, use: str) -> SourceError:
    """Return the error for a malformed line `number`, counted from 1, of a recording.

    `use` is what cannot be done with the recording, such as "resumed".
    """
    hint = f"it can be looked at with `hermes-tui open`, not {use}"
    return SourceError(str(path), f"line {number} is not an event: {error}", hint)


class Recording:
    """An open recording.

    Raises StoreError if it cannot be written or another process writes it, UsageError if there is
    already something at the path.
    """

    def __init__(self, path: Path, *, secrets: Iterable[str] = (), exclusive: bool = True) -> None:
        """Open `path`, creating it and its folder if missing. If `exclusive`, it must be new.

        `secrets` are texts, such as API keys, that never reach the file.
        """
        self.path = path
        self._masking = Masking(secrets)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(path, flags | (os.O_EXCL if exclusive else 0), 0o600)
        except FileExistsError:
            raise _path_taken_error(path) from None
        except OSError as error:
            hint = RECORD_ELSEWHERE if exclusive else "look at it with `hermes-tui open`"
            raise self._store_error(error, hint) from error
        self._lock()
        self._length = os.fstat(self._descriptor).st_size

    @classmethod
    def resumed(
        cls, path: Path, *, secrets: Iterable[str] = ()
    ) -> tuple[Recording, tuple[Event, ...]]:
        """Return the recording at `path`, to be resumed, and the events it holds."""
        if not path.is_file():
            raise SourceError(
                str(path), "no such recording", "leave out --resume to begin a new run"
            )
        recording = cls(path, secrets=secrets, exclusive=False)
        try:
            return recording, recording._read_events()
        except BaseException:
            recording.close()
            raise

    def _lock(self) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._descriptor)
            hint = "end that one first, or look at the file with `hermes-tui open --follow`"
            message = "another hermes-tui is writing this recording"
            raise StoreError(str(self.path), message, hint) from error

    def _read_events(self) -> tuple[Event, ...]:
        data = self.path.read_bytes()
        length = data.rfind(b"\n") + 1
        events = []
        for number, line in enumerate(data[:length].splitlines(), 1):
            try:
                events.append(decode(line))
            except MalformedEvent as error:
                raise malformed_line_error(self.path, number, error, "resumed") from error
        if length < len(data):
            os.ftruncate(self._descriptor, length)
            self._length = length
        return tuple(events)

    def last_event(self) -> Event | None:
        """Return the last event of the file; None if it does not end with one."""
        tail, begin = b"", self._length
        while begin and b"\n" not in tail[:-1]:
            begin = max(0, begin - _TAIL_SIZE)
            tail = os.pread(self._descriptor, self._length - begin, begin)
        try:
            return decode(tail[tail[:-1].rfind(b"\n") + 1 :])
        except MalformedEvent:
            return None

    def append(self, event: Event) -> None:
        """Write one event."""
        line = self._masking.line(event)
        try:
            written = os.write(self._descriptor, line)
            while written < len(line):
                written += os.write(self._descriptor, line[written:])
        except OSError as error:
            self._cut_torn_line()
            raise self._store_error(error) from error
        self._length += len(line)

    def _cut_torn_line(self) -> None:
        try:
            os.ftruncate(self._descriptor, self._length)
        except OSError:
            # Resuming cuts it off, too; the first failure is the one to report.
            return

    def sync(self) -> None:
        """Wait until everything written is on the disk."""
        try:
            os.fdatasync(self._descriptor)
        except OSError as error:
            raise self._store_error(error) from error

    def close(self) -> None:
        """Close the file and release its lock; may be called twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _store_error(self, error: OSError, hint: str = "see --record") -> StoreError:
        if error.errno == errno.ENOSPC:
            hint = "free some space"
        return StoreError(str(self.path), error.strerror or str(error), hint)


def _path_taken_error(path: Path) -> UsageError:
    """Return the error for a `path` at which no recording can begin, with what to do instead."""
    if path.is_dir():
        return UsageError(f"{path}: this is a folder", "name a file in it")
    if not path.exists():
        return UsageError(f"{path}: {path.parent} is not a folder", "name another file")
    if not _begins_as_recording(path):
        return UsageError(f"{path}: the file exists already", "name another one")
    hint = f"name another file, or continue it: {command_line('live', '--resume', path)}"
    return UsageError(f"{path}: there is a recording already", hint)


def _begins_as_recording(path: Path) -> bool:
    try:
        return can_be_resumed(first_event(path))
    except OSError:
        return False


def first_event(path: Path) -> Event | None:
    """Return the event that a file begins with, or None if there is none.

    Also None for a pipe or a device, which may never yield anything or never end. Raises OSError
    and SchemaTooNew.
    """
    if path.is_fifo() or path.is_char_device():
        return None
    with path.open("rb") as file:
        try:
            return decode(file.readline(_MAX_FIRST_LINE))
        except MalformedEvent:
            return None
