"""SGLang's parsers, called as its server calls them."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Sequence
from typing import Any

from . import vocabulary
from .base import Job, Reading, Stream, as_unknown_parser, check_name, first_of, in_sizes
from .own_file import chosen, classes_in, load_file, markers_in

_PROTOCOL_MODULES = ("sglang.srt.entrypoints.openai.protocol", "sglang.srt.openai_api.protocol")
_REASONING_MODULES = ("sglang.srt.parser.reasoning_parser", "sglang.srt.reasoning_parser")
_HUNYUAN_MARKERS = (
    *("<tool_calls>", "</tool_calls>", "<tool_call>", "</tool_call>", "<tool_sep>"),
    *("<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>"),
)
"""Hunyuan looks these up in the vocabulary and uses the spellings that it finds."""


class SglangEngine:
    """SGLang of one version, from its Python files alone (`source`) or as installed."""

    def __init__(self, source: str, version: str = "") -> None:
        if source:
            from . import sglang_facts as facts
            from .stand_ins import install

            install(source, facts, facts.OTHERS)
        # All detectors are imported by this one module.
        module = importlib.import_module("sglang.srt.function_call.function_call_parser")
        self._parser = module.FunctionCallParser
        self._takes_tokenizer = "tokenizer" in inspect.signature(self._parser).parameters
        self._tool = first_of(_PROTOCOL_MODULES).Tool
        self._words = vocabulary.Vocabulary(vocabulary.ALL_MARKERS)
        self._tokenizer = vocabulary.Vocabulary(_HUNYUAN_MARKERS, ("<|eos|>",))
        self.version = version or str(importlib.import_module("sglang").__version__)

    def take_file(self, path: str, parser_name: str) -> str:
        """Load a file with detectors, select one and return its name."""
        module = load_file(path)
        places = ("sglang.srt.function_call.base_format_detector",)
        kinds: dict[str, Any] = self._parser.ToolCallParserEnum
        classes = classes_in(module, first_of(places).BaseFormatDetector)
        registered = {name: kind for name, kind in kinds.items() if kind in classes.values()}
        kinds.update({**classes, **registered})
        markers = markers_in(path)
        self._words = vocabulary.Vocabulary((*vocabulary.ALL_MARKERS, *markers))
        self._tokenizer = vocabulary.Vocabulary((*_HUNYUAN_MARKERS, *markers), ("<|eos|>",))
        return chosen(parser_name, registered, classes)

    def names(self) -> list[str]:
        """Return the names that the server accepts."""
        return sorted(self._parser.ToolCallParserEnum)

    def load(self, name: str) -> None:
        """Create a parser without tools."""
        self._create([], name)

    def whole(self, job: Job) -> Reading:
        """Read the whole text. Like the server, keep it all as content if no marker is found."""
        text, reasoning = job.text, None
        if job.reasoning_parser:
            reasoning_parser = _reasoning_parser(job.reasoning_parser, in_stream=False)
            reasoning, rest = reasoning_parser.parse_non_stream(text)
            text = rest or ""
        parser = self._new_parser(job)
        has_call = parser.has_tool_call(text)
        content, calls = parser.parse_non_stream(text)
        return Reading(
            [{"name": call.name, "arguments": call.parameters} for call in calls],
            (content if has_call else text) or None,
            reasoning,
        )

    def stream(self, job: Job, stream: Stream) -> None:
        """Feed the text delta by delta, then signal its end."""
        parser = self._new_parser(job)
        reasoning_parser = None
        if job.reasoning_parser:
            reasoning_parser = _reasoning_parser(job.reasoning_parser, in_stream=True)
        for text in self._deltas(job):
            reasoning, rest = None, text
            if reasoning_parser is not None:
                reasoning, rest = reasoning_parser.parse_stream_chunk(text)
            content, calls = parser.parse_stream_chunk(rest) if rest else ("", ())
            stream.sent(len(text), content, reasoning, _pieces(calls))
        # At the end, newer versions release what they held back.
        reasoning, rest = _end_stream(reasoning_parser)
        if reasoning or rest:
            content, calls = parser.parse_stream_chunk(rest) if rest else ("", ())
            stream.sent(0, content, reasoning, _pieces(calls))
        content, calls = _end_stream(parser)
        if content or calls:
            stream.sent(0, content, None, _pieces(calls))

    def _new_parser(self, job: Job) -> Any:
        tools = [self._tool(**tool) for tool in job.tools]
        try:
            return self._create(tools, job.parser)
        except Exception:
            with as_unknown_parser():
                self._create([], job.parser)
            raise

    def _create(self, tools: list[Any], name: str) -> Any:
        if self._takes_tokenizer:
            return self._parser(tools, name, tokenizer=self._tokenizer)
        return self._parser(tools, name)

    def _deltas(self, job: Job) -> Sequence[str]:
        pieces: Sequence[str] = self._words.tokenize(job.text) if job.by_tokens else job.text
        return ["".join(part) for part in in_sizes(pieces, job.sizes)]


def _reasoning_parser(name: str, *, in_stream: bool) -> Any:
    kind = first_of(_REASONING_MODULES).ReasoningParser
    check_name("reasoning parser", name.lower(), kind.DetectorMap)
    with as_unknown_parser():
        return kind(name, stream_reasoning=in_stream)


def _end_stream(parser: Any) -> tuple[Any, Any]:
    """Signal the end of the stream to a parser, if it has a method for that; return its output."""
    ending = getattr(parser, "parse_stream_end", None)
    return ending() if ending is not None else ("", ())


def _pieces(calls: Any) -> list[tuple[int, str | None, str | None]]:
    return [(call.tool_index, call.name, call.parameters) for call in calls or ()]
