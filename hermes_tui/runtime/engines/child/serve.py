"""The main loop of an engine's process: answers requests, one JSON object a line, until input ends.

The first line is the configuration: `{"engine", "source", "deps", "version", "within", "memory_mb",
"file", "parser"}`. `within` is a text that the paths of the engine's own files contain. If there is
a `file` of the user's own, only its `parser` is used; an empty name selects the only one in it. The
answer is `{"version", "names", "python"}` or `{"error"}`, with `"refused": true` if the name is
wrong. After that, `{"probe": true}` is answered by `{"failures"}`, `{"load": NAME}` by `{}` once
that parser is imported, and `{"parser", "text", "tools", "sizes", "unit", "reasoning_parser",
"timeout_s"}` by a verdict. All lines are ASCII because a lone surrogate cannot be encoded.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import os
import signal
import sys
import time
from typing import Any, TextIO

from .base import (
    Adapter,
    Job,
    Reading,
    Stream,
    UnknownParser,
    WrongRequest,
    cannot_run_message,
    check_name,
)
from .limits import Alarm, TimeIsUp, die_with_parent, limit_memory, place
from .stand_ins import is_missing_attribute
from .streams import Printed, private_streams

_ENGINES = {
    "vllm": (".vllm_engine", "VllmEngine"),
    "sglang": (".sglang_engine", "SglangEngine"),
    "hermes-agent": (".hermes_engine", "HermesEngine"),
    "own": (".own_engine", "OwnEngine"),
}
_NICENESS = 5
"""Lower priority than the debugger, so that keys respond while a parser uses a whole core."""
_MAX_LOG_LINES = 20
_MAX_LOG_CHARS = 500
_MAX_ERROR_CHARS = 2000


class _Log(logging.Handler):
    """Keeps the engine's log lines, which often contain the reason.

    Also records logged errors that are due to our environment: memory, or what a stand-in lacks.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []
        self.is_out_of_memory = False
        self.lacking = ""

    def clear(self) -> None:
        self.lines, self.is_out_of_memory, self.lacking = [], False, ""

    def emit(self, record: logging.LogRecord) -> None:
        reason = ""
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            self.is_out_of_memory |= isinstance(error, MemoryError)
            if is_missing_attribute(error):
                self.lacking = cannot_run_message(error)
            reason = f" ({_exception_line(error)})"
        if len(self.lines) < _MAX_LOG_LINES:
            line = f"{record.levelname}: {record.getMessage()}{reason}"
            self.lines.append(line[:_MAX_LOG_CHARS])


class _Server:
    def __init__(self, adapter: Adapter, log: _Log, within: str, only: str) -> None:
        self._within = within
        self._only_parser = only
        self._adapter = adapter
        self._log = log
        self._alarm = Alarm()
        self._printed = Printed()
        self._names = frozenset(adapter.names())

    def failures(self) -> dict[str, str]:
        """Import every parser and return why some cannot be imported, by name."""
        failures = {}
        for name in sorted(self._names):
            try:
                self._adapter.load(name)
            except Exception as error:  # noqa: BLE001 - a plug-in is loaded
                failures[name] = _exception_line(error.__cause__ or error)
        return failures

    def load(self, name: str) -> None:
        """Import a parser, so that a reading's time limit does not have to cover that.

        An error is left to the reading to report. A person's own file is imported already; its
        parsers may do anything when they are created, so that is left to the reading, too.
        """
        if name in self._names and not self._only_parser:
            with contextlib.suppress(Exception, SystemExit):
                self._adapter.load(name)

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        job = Job(
            self._only_parser or request["parser"],
            request["text"],
            request.get("tools") or [],
            request.get("reasoning_parser") or "",
            request.get("sizes") or (),
            request.get("unit", "tokens") == "tokens",
        )
        self._log.clear()
        stream = Stream()
        began = time.perf_counter()
        outcome, reading, error = self._read(job, stream, float(request["timeout_s"]))
        tools_called = reading.reported_calls
        return {
            "outcome": outcome,
            "tools_called": bool(reading.calls if tools_called is None else tools_called),
            "tool_calls": reading.calls,
            "content": reading.content,
            "reasoning": reading.reasoning,
            "error": error,
            "log": self._log.lines,
            "printed": self._printed.take_lines(),
            "duration_s": time.perf_counter() - began,
            "deltas": stream.rows,
        }

    def _read(self, job: Job, stream: Stream, limit_s: float) -> tuple[str, Reading, str]:
        """Return the outcome, the reading and the error."""
        try:
            check_name("parser", job.parser, self._names)
            with self._alarm.guard(limit_s):
                reading = self._run(job, stream)
        except TimeIsUp as up:
            return "timed-out", stream.reading(), place(up, self._within)
        except MemoryError:
            return "memory", Reading(), ""
        except WrongRequest as wrong:
            return "refused", Reading(), str(wrong)
        except UnknownParser as unknown:
            return "unknown", Reading(), str(unknown)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - that is the verdict
            if isinstance(error, ImportError) or is_missing_attribute(error):
                return "unknown", Reading(), cannot_run_message(error)
            own = self._within if self._only_parser else ""
            return "raised", stream.reading(), _exception_line(error, own)
        return self._checked(reading)

    def _checked(self, reading: Reading) -> tuple[str, Reading, str]:
        """Return the outcome of a reading, or that of an error which the engine swallowed."""
        if self._alarm.rang:
            return "timed-out", reading, "it continued after the limit"
        if self._log.is_out_of_memory:
            return "memory", Reading(), ""
        if self._log.lacking:
            return "unknown", Reading(), self._log.lacking
        return ("calls" if reading.calls else "text"), reading, ""

    def _run(self, job: Job, stream: Stream) -> Reading:
        if self._only_parser:
            with self._printed.captured():
                return self._fed(job, stream)
        return self._fed(job, stream)

    def _fed(self, job: Job, stream: Stream) -> Reading:
        if not job.sizes:
            return self._adapter.whole(job)
        self._adapter.stream(job, stream)
        return stream.reading()


def main() -> None:
    """Load the engine named in the first line, then answer every further line."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent()
    with contextlib.suppress(OSError, AttributeError):
        os.nice(_NICENESS)
    requests, answers = private_streams()
    config = json.loads(requests.readline())
    log = _Log()
    logging.basicConfig(handlers=[log], level=logging.WARNING, force=True)
    try:
        adapter = _load(config)
        only = adapter.take_file(config["file"], config["parser"]) if config["file"] else ""
        server = _Server(adapter, log, config["within"], only)
    except UnknownParser as error:
        _write(answers, {"error": str(error), "refused": isinstance(error, WrongRequest)})
        return
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a plug-in is loaded
        _write(answers, {"error": _exception_line(error, config["file"])})
        return
    hello = {"version": adapter.version, "names": adapter.names(), "python": _python()}
    limit_memory(config["memory_mb"])
    _write(answers, hello)
    for line in requests:
        request = json.loads(line)
        if request.get("probe"):
            _write(answers, {"failures": server.failures()})
            continue
        if "load" in request:
            server.load(request["load"])
            _write(answers, {})
            continue
        answer = server.answer(request)
        _write(answers, answer)
        if answer["outcome"] == "memory":
            return  # memory that a parser keeps references to is never freed


def _load(config: dict[str, Any]) -> Adapter:
    module, name = _ENGINES[config["engine"]]
    sys.path[:0] = [folder for folder in (config["deps"],) if folder]
    adapter_class = getattr(importlib.import_module(module, __package__), name)
    adapter: Adapter = adapter_class(config["source"], config["version"])
    for quiet in ("vllm", "sglang"):
        # Installed engines configure their own loggers.
        logger = logging.getLogger(quiet)
        logger.handlers, logger.propagate = [], True
    return adapter


def _write(answers: TextIO, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer, default=str) + "\n")
    answers.flush()


def _python() -> str:
    return ".".join(map(str, sys.version_info[:3]))


def _exception_line(error: BaseException, file: str = "") -> str:
    """Return the type and message of an exception, and its place in `file` if that is given."""
    text = f"{type(error).__name__}: {error}"[:_MAX_ERROR_CHARS].rstrip(": ")
    where = place(error, file) if file else ""
    return f"{text} ({where})" if where else text
