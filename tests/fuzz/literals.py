"""Payloads of calls: JSON, and text that is almost JSON."""

from __future__ import annotations

import json

from hermes_tui.parsers.literals import FAILED, JSON, compact, is_json, read_literal

SEEDS = (
    b'{"name": "f", "arguments": {"a": [1, 2.5, null], "b": "\\ud83d"}}',
    b"{'name': 'f', 'arguments': {'a': True, 'b': None,},}",
    b'{name: "f", arguments: {"a": "torn',
    b'{"a": "raw\nline", "b": \xe2\x80\x9ccurly\xe2\x80\x9d, // why\n "c": 1',
    b'{"a": NaN, "a": 1e999, "b": 00012, "c": """x"""}',
    b"[[[[[[[[[[[[[[[[[[[[",
)
DICTIONARY = (b'": "', b"': '", b"True", b"None", b"NaN", b"//", b"/*", b'"""', b"\\u", b",}")


def try_one(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    for end in {len(text), len(text) // 2}:
        is_json(text, 0, end)
        found = read_literal(text, 0, end)
        assert 0 <= found.span.start <= found.span.end <= len(text)
        assert all(0 <= flaw.span.start <= flaw.span.end <= len(text) for flaw in found.flaws)
        assert found.cut_at <= len(text)
        if isinstance(found.value, dict):
            for span in found.members(text, found.span.start).values():
                assert 0 <= span.start <= span.end <= len(text)
        if found.rung == JSON:
            assert found.span.end > 0
        elif found.rung != FAILED:
            json.loads(compact(found.value))
