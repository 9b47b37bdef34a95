"""Selects a parser by its name, by an alias, or by the markers in a text."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from typing import Final, NamedTuple

from hermes_tui.model.spans import Span
from hermes_tui.parsers.base import Parser

AUTO: Final = "hermes-tui/auto"
GUESS: Final = "guess"
"""Given in place of a parser name, lets the markers of the text decide."""

_ALIASES: Final = {
    "vllm/qwen25": "vllm/qwen3_json",
    "sglang/llama3_json": "sglang/llama3",
    "sglang/deepseek_v3": "sglang/deepseekv3",
    "sglang/deepseek_v31": "sglang/deepseekv31",
    "sglang/mistral_v11": "sglang/mistral",
    "hermes-agent/qwen25": "hermes-agent/qwen",
    "hermes-agent/mistral_v11": "hermes-agent/mistral",
}
"""Aliases: formats that an engine reads with a parser of another name."""

_ENGINES: Final = ("vllm", "sglang", "hermes-agent")
_NAME_CUTOFF: Final = 0.5
_SURE: Final = 0.5


class Guess(NamedTuple):
    """The parser that the markers call for; without markers `format` is empty and `span` None.

    `sure`: they are real markers, not just JSON or code that looks like a call.
    """

    name: str
    format: str = ""
    span: Span | None = None
    sure: bool = False

    def reason(self, text: str) -> str:
        """Return in a few words what the guess is based on."""
        if self.span is None:
            return "no marker of any format"
        marker = text[self.span.start : min(self.span.end, self.span.start + 40)]
        if self.name == AUTO:
            return f"the markers are of {self.format}, which is not emulated"
        return f"from the marker {marker!r}"


@cache
def parsers() -> tuple[Parser, ...]:
    """Return our own parser and every emulated parser, in display order."""
    from hermes_tui.parsers.auto import Auto
    from hermes_tui.parsers.engines.registry import engine_parsers

    return (Auto(), *engine_parsers())


@cache
def _parsers_by_name() -> dict[str, Parser]:
    named = {parser.name: parser for parser in parsers()}
    return named | {alias: named[name] for alias, name in _ALIASES.items() if name in named}


@cache
def _parser_names() -> frozenset[str]:
    return frozenset(parser.name for parser in parsers())


def named_parser(name: str) -> Parser:
    """Return the parser called `name`; raise KeyError if there is none."""
    return _parsers_by_name()[name]


def near_names(name: str) -> list[str]:
    """Return the names nearest to an unknown one, at most three."""
    known = [parser.name for parser in parsers()]
    near = get_close_matches(name[:200], known, n=3, cutoff=_NAME_CUTOFF)
    parser = name.rpartition("/")[2]
    return near or [other for other in known if other.partition("/")[2] == parser][:3]


def guess_parser(text: str) -> Guess:
    """Return the parser that the markers of `text` call for.

    That is vLLM's if it is emulated, else another engine's, else our own.
    """
    from hermes_tui.parsers.recognise import READERS, formats_in

    seen = formats_in(text)
    for sign in seen:
        if sign.score < seen[0].score:
            # A less likely marker may only be part of the likeliest format.
            break
        readers = READERS.get(sign.format, {})
        for engine in _ENGINES:
            for name in (sign.format, readers.get(engine, "")):
                if engine in readers and f"{engine}/{name}" in _parser_names():
                    return Guess(f"{engine}/{name}", sign.format, sign.span, sign.score >= _SURE)
    if not seen:
        return Guess(AUTO)
    return Guess(AUTO, seen[0].format, seen[0].span, seen[0].score >= _SURE)
