"""Bytes split into records, walked over, decoded leniently, and sliced by pointers."""

from __future__ import annotations

import json

from hermes_tui.formats.framing import Layout, RecordIndex, RecordKind, Records, scan
from hermes_tui.formats.json_text.big_list import find_big_list
from hermes_tui.formats.json_text.json_slice import JsonSlicer
from hermes_tui.formats.json_text.json_values import load
from hermes_tui.formats.json_text.json_walk import JsonWalk, Outcome
from hermes_tui.formats.line_index import LineIndex
from tests.bytes_source import BytesSource

SEEDS = (
    b'{"role":"user","content":"hi"}\n{"role":"assistant","content":null,"n":1.5e+3}\n',
    b'[{"a":"],[{"},\n {"b": oops},\n {"c":[true,false]}]  [1]',
    b'{"log":{"version":"1","entries":[{"a":1},{"b":"\\ud83d\\ude00"}],"more":{}},"end":2}',
    b'\xef\xbb\xbf{"a":1,"a":NaN,"b":"\x01\xff","c":123456789012345678901234567890',
    b'{"a":{"b":[[[[{"c":"torn \\u00',
    b'{"a":1},\n' + '\ufeff{"a":"\u20ac"}\r\n'.encode("utf-16-le") + bytes(9) + b"{}",
    b'{"3d\\ude00":[,"c":"o}]0}urt0',
)
DICTIONARY = (
    b'":"',
    b'":[',
    b'":{',
    b"\\u",
    b"\\\\",
    b"},{",
    b"}]}",
    b"NaN",
    b"1e999",
    b"\n",
    b"\0",
    b"{\0",
)


def try_one(data: bytes) -> None:
    for layout in Layout:
        _cut(data, layout)
    whole = load(data)
    for offset, message in whole.problems:
        assert 0 <= offset <= len(data) and message
    assert whole.values or whole.problems or not data.strip(b" \t\r\n\xef\xbb\xbf")
    _walk(data, whole.values)
    find_big_list(BytesSource(data))
    for pointer in ("", "/a", "/0", "/log/entries/1", "/a/b/0"):
        found = JsonSlicer(data).find(pointer)
        assert found is None or found in data


def _cut(data: bytes, layout: Layout) -> None:
    """Split a growing file: no byte is lost, and records already split do not change."""
    source, index = BytesSource(data, len(data) // 2, complete=False), RecordIndex()
    for _ in scan(source, layout, index):
        pass
    before = list(index.ends)
    source.grow(complete=True)
    for _ in scan(source, layout, index):
        pass
    assert list(index.ends)[: len(before)] == before
    assert index.end == len(data)
    if layout is Layout.LINES:
        lines = LineIndex(source.read)
        for _ in scan(source, layout, lines):
            pass
        assert _value_ends(lines) == _value_ends(index)


def _value_ends(records: Records) -> list[int]:
    """Return where values end; blank lines may be separate records or belong to a value."""
    each = (records[number] for number in range(len(records)))
    return [record.range.end for record in each if record.kind is RecordKind.VALUE]


def _walk(data: bytes, values: tuple[object, ...]) -> None:
    walk = JsonWalk(BytesSource(data))
    walk.peek()
    began = walk.at
    if walk.skip() is Outcome.WHOLE:
        assert began < walk.at <= len(data)
        try:
            json.loads(data.decode())
        except (ValueError, RecursionError):
            return
        assert len(values) == 1
        assert not data[walk.at :].strip(b" \t\r\n,:")
