"""Whole files, from detection to the state of their runs, read in any format."""

from __future__ import annotations

from hermes_tui.formats.detect import detect
from hermes_tui.formats.registry import formats
from tests.bytes_source import BytesSource
from tests.fuzz.reader_laws import read_lawfully

SEEDS = (
    (
        b'\0{"messages":[{"role":"user","content":"hi"},{"role":"assistant","tool_calls":'
        b'[{"id":"c","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c"}]}'
    ),
    (
        b'\0{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"a","spanId":"b","attributes":'
        b'[{"key":"gen_ai.operation.name","value":{"stringValue":"chat"}}]}]}]}]}'
    ),
    b'\0{"type":"user","uuid":"u","sessionId":"s","message":{"role":"user","content":"x"}}\n',
    (
        b'\0{"timestamp":"2025-01-01","type":"response_item","payload":{"type":"message",'
        b'"role":"user","content":[{"type":"input_text","text":"x"}]}}\n'
    ),
    b'\x05{"conversations":[{"from":"human","value":"x"},{"from":"gpt","value":"<think>y"}]}\n',
    (
        b'\0{"log":{"entries":[{"request":{"url":"u","postData":{"text":"{}"}},"response":'
        b'{"content":{"text":"{}"}}}]}}'
    ),
)
DICTIONARY = (
    b'"role":', b'"content":', b'"messages":', b'"tool_calls":', b'"type":', b'"parts":',
    b'"spans":', b'"usage":', b'"kind":', b'"choices":', b'"id":', b"null", b"[]", b"{}", b'"x"',
)  # fmt: skip


def try_one(data: bytes) -> None:
    """Read a file whose first byte is the number of the requested format, or 0 to detect it."""
    known = formats()
    number, data = data[0] if data else 0, data[1:]
    wanted = known[number - 1].name if 0 < number <= len(known) else ""
    reader = detect(BytesSource(data), known, format_name=wanted).reader
    if reader is not None:
        read_lawfully(reader, data)
