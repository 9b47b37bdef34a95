"""A count of findings shows when it is a lower bound: readers stop noting them at some point."""

from __future__ import annotations

import pytest

from hermes_tui.parsers.choice import AUTO, named_parser
from hermes_tui.parsers.findings_count import findings_count

BROKEN = '<tool_call>\n{"name": "f", "arguments": {"a": 1,}}\n</tool_call>\n'


@pytest.mark.parametrize(
    ("parser", "blocks", "shown"),
    [
        ("vllm/hermes", 0, "0"),
        ("vllm/hermes", 50, "50"),
        ("vllm/hermes", 999, "999"),
        ("vllm/hermes", 1_500, "1,000 and more"),
        (AUTO, 49, "49"),
        (AUTO, 70, "50 and more"),
    ],
)
def test_findings_are_counted_until_the_reader_stops_noting_them(
    parser: str, blocks: int, shown: str
) -> None:
    result = named_parser(parser).parse(BROKEN * blocks)
    assert findings_count(parser, result.diagnostics) == shown
