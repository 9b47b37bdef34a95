"""Documents read as if too big to be decoded: their long list is read element by element."""

from __future__ import annotations

import pytest

from hermes_tui.formats import detect
from hermes_tui.formats.json_text import big_list, json_walk
from hermes_tui.formats.registry import formats
from tests.bytes_source import BytesSource
from tests.fuzz.reader_laws import read_lawfully

SEEDS = (
    b'{"messages":[{"role":"user","content":"hi"},{"role":"user","content":"ho"}],"id":"r"}',
    b'{"log":{"version":"1","entries":[{"request":{}},{"request":{}},{"a":1}],"more":{}},"end":2}',
    b'{"log":"x","log":{"entries":[[1],[2],"\xff",{"a":[{}]}]},"log":5}',
    b'{"resourceSpans":[{"scopeSpans":[]},{"scopeSpans":[{"spans":[{"name":"x"}]}]}]}',
    b'{"a":{"b":{"c":[1,2,3,{"role":"tool","content":"x"}], "d":"torn',
)
DICTIONARY = (b'":[', b'":{', b"},{", b"]}", b'"messages":', b'"role":', b'"log":', b'"entries":')


def try_one(data: bytes) -> None:
    with pytest.MonkeyPatch.context() as small:
        small.setattr(detect, "HEAD", 16)
        small.setattr(detect, "SAMPLED_HEAD", 16)
        small.setattr(detect, "MAX_SAMPLE", 24)
        small.setattr(big_list, "LOOKED_AT", 24)
        small.setattr(big_list, "SAMPLED_BYTES", 24)
        small.setattr(json_walk, "WINDOW", 24)
        small.setattr(json_walk, "_LONGEST_WORD", 8)
        found = big_list.find_big_list(BytesSource(data))
        if found is not None:
            found.document(found.first)
        reader = detect.detect(BytesSource(data), formats()).reader
        if reader is not None:
            read_lawfully(reader, data)
