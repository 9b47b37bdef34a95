"""`engine-log`: the log that a vLLM, SGLang or llama.cpp server writes of its requests.

A log is a text file, on each line a message of the server, after a prefix that depends on how it
was collected; some collectors wrap each line in a JSON object. Lines that are not about a request
are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.exchange_runs import append_runs
from hermes_tui.formats.framing import Layout, Unit
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.formats.readers.engine_log import llama_log, sglang_log, vllm_log
from hermes_tui.formats.readers.engine_log.llama_log import LlamaLog
from hermes_tui.formats.readers.engine_log.logged_requests import RequestLog, exchanges_of
from hermes_tui.formats.readers.engine_log.sglang_log import SglangLog
from hermes_tui.formats.readers.engine_log.vllm_log import VllmLog
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.spans import ByteRange

_MAX_SNIFFED: Final = 5_000
"""Lines; a server writes some hundred before it takes requests."""
_START_MARKERS: Final = (" pid=", "server_args=ServerArgs(")
_MARKERS: Final = tuple(
    mark.encode()
    for mark in (*vllm_log.MARKERS, *sglang_log.MARKERS, *llama_log.MARKERS, *_START_MARKERS)
)
_PREFIX: Final = r"[^{}\"'\n]{0,300}?"
_ENTRY: Final = re.compile(
    f"{_PREFIX}(?:{vllm_log.ENTRY.pattern}|{sglang_log.ENTRY.pattern}|{llama_log.STARTED.pattern})"
)
_STARTED: Final = re.compile(
    r"(?:\(\w+ pid=\d+\) )?(?:DEBUG|INFO|WARNING|ERROR) \d\d-\d\d \d\d:\d\d:\d\d \[\S+:\d+\] "
    r"|\[[^\]\n]{19,40}\] server_args=ServerArgs\("
)
"""How a line of such a server begins, even before the first request."""
_COLOUR: Final = re.compile(r"\x1b\[[\d;]*m")
_TEXT_KEYS: Final = ("message", "log", "msg", "line")
"""Under which collectors keep a line."""


class EngineLog:
    """Reads the request logs of vLLM, SGLang and llama.cpp."""

    name = "engine-log"
    summary = "logs of vLLM, SGLang and llama.cpp servers: the model's own texts"
    of_bytes = True

    def sniff(self, sample: Sample) -> Match | None:
        lines = islice(sample.head.split(b"\n"), _MAX_SNIFFED)
        texts = (_text(line) for line in lines if any(mark in line for mark in _MARKERS))
        if any(_ENTRY.match(text) or _STARTED.match(text) for text in texts):
            return Match(0.9, Unit.RUNS, Layout.WHOLE_LINES)
        return None

    def read(self, value: Any, build: RunBuilder) -> None:
        data = value if isinstance(value, bytes) else b""
        logs: tuple[RequestLog, ...] = (VllmLog(), SglangLog(), LlamaLog())
        base, ranges = build.record.start, list[ByteRange]()
        unread: list[tuple[int, str, str]] = []
        for place, line in _lines(data):
            text = _text(line)
            for log in logs:
                try:
                    is_entry = log.take(len(ranges), text)
                except ValueError as error:
                    is_entry = True
                    unread.append((len(ranges), str(error), text))
                if is_entry:
                    ranges.append(ByteRange(base + place, base + place + len(line)))
                    break
        build.line_ranges = tuple(ranges)
        exchanges = [
            (line, replace(one, model=one.model or log.model, parser=log.parser))
            for log in logs
            for line, one in exchanges_of(log.end())
        ]
        unread += (entry for log in logs for entry in log.unread)
        append_runs(exchanges, build)
        for number, why, text in unread:
            build.defect(f"a line about a request cannot be read: {why}", text, line=number)
        if not build.is_used:
            hint = f"{vllm_log.HINT}; {sglang_log.HINT}; {llama_log.HINT}"
            build.defect(f"no request with its texts in this log: {hint}")


def _lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield each line with its offset."""
    start = 0
    while start < len(data):
        end = data.find(b"\n", start) + 1 or len(data)
        yield start, data[start:end]
        start = end


def _text(line: bytes) -> str:
    """Return the message of a line, without colours, or what a collector wrapped.

    The text of a token may be a part of a character: its bytes are kept as surrogates.
    """
    is_token = llama_log.TOKEN_MARK in line
    text = line.decode("utf-8", "surrogateescape" if is_token else "replace").strip("\r\n")
    if text.lstrip().startswith("{"):
        wrapped = fields.as_dict(decode_if_json(text.strip()))
        if (entry := llama_log.entry_of_json(wrapped)) is not None:
            return entry
        inner = fields.label(wrapped, *_TEXT_KEYS)
        return _COLOUR.sub("", inner.strip()) if inner else text
    return _COLOUR.sub("", text)


FORMAT = EngineLog()
