"""Helpers for tests of emulated engine parsers: read a text, and look at the calls and findings."""

from __future__ import annotations

from hermes_tui.model.messages import ToolSpec
from hermes_tui.parsers.base import ParseResult
from hermes_tui.parsers.engines.registry import parser_named

WEATHER = ToolSpec(
    "get_weather",
    parameters={
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "days": {"type": "integer"},
            "unit": {"type": "string", "enum": ["c", "f"]},
        },
        "required": ["city"],
    },
)
SEARCH = ToolSpec(
    "search",
    parameters={
        "type": "object",
        "properties": {"query": {"type": "string"}, "limit": {"type": "integer"}},
    },
)
TOOLS = (WEATHER, SEARCH)


def read(parser: str, text: str, tools: tuple[ToolSpec, ...] = TOOLS) -> ParseResult:
    return parser_named(parser).parse(text, tools)


def calls(result: ParseResult) -> list[tuple[str | None, str]]:
    return [(call.name, call.arguments) for call in result.calls]


def found(result: ParseResult, text: str) -> list[tuple[str, str]]:
    """Return each finding's code and the text that it points at."""
    return [
        (one.code.value, text[one.span.start : one.span.end] if one.span else "")
        for one in result.diagnostics
    ]


def lost(result: ParseResult, text: str) -> list[str]:
    return [text[span.start : span.end] for span in result.dropped]
