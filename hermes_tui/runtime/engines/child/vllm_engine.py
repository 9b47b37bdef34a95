"""vLLM's parsers, called as its server calls them."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from . import vocabulary
from .base import (
    Job,
    Reading,
    Stream,
    UnknownParser,
    as_unknown_parser,
    check_name,
    first_of,
    in_sizes,
)
from .own_file import chosen, classes_in, is_of, load_file, markers_in
from .stand_ins import StandIn, install

_MARKERS = {
    "mistral": (*vocabulary.MARKERS, *vocabulary.MISTRAL_7),
    "mistral_v11": (*vocabulary.MARKERS, *vocabulary.MISTRAL_11),
    "mistral_v13": (*vocabulary.MARKERS, *vocabulary.MISTRAL_13),
}
"""The parser `mistral` reads another format if the tokenizer has the newer markers."""
_HARMONY = "openai"
_EXTRACT_METHOD = "extract_tool_calls"
_WITHOUT_REASONING = "a reasoning parser cannot be used with this version here"
_PARSER_MODULES = ("vllm.tool_parsers", "vllm.entrypoints.openai.tool_parsers")
_PROTOCOL_MODULES = (
    "vllm.entrypoints.openai.chat_completion.protocol",
    "vllm.entrypoints.openai.protocol",
)


class VllmEngine:
    """vLLM of one version, from its Python files alone (`source`) or as installed."""

    def __init__(self, source: str, version: str = "") -> None:
        if source:
            from . import vllm_facts as facts

            install(source, facts, facts.others())
        parsers = first_of(_PARSER_MODULES)
        self._manager = parsers.ToolParserManager
        self._base = getattr(parsers, "ToolParser", None)
        self._base_extract = getattr(self._base, _EXTRACT_METHOD, None)
        self._request = first_of(_PROTOCOL_MODULES).ChatCompletionRequest
        # In older versions, the server combines the two parsers and keeps the previous text.
        self._is_old = not _source_has("vllm.parser", "abstract_parser", "def parse_delta(")
        self._reads_harmony = _source_has("vllm.parser", "harmony", "class HarmonyParser")
        self._vocabularies: dict[str, Any] = {}
        self._own_markers: tuple[str, ...] = ()
        self.version = version or str(importlib.import_module("vllm").__version__)

    def take_file(self, path: str, parser_name: str) -> str:
        """Load a plug-in for the server, select a parser in it and return its name.

        A parser that the file does not register is available under the name of its class.
        """
        module = load_file(path)
        kinds: dict[str, Any] = self._manager.tool_parsers
        lazy = getattr(self._manager, "lazy_parsers", {})
        registered = {name: kind for name, kind in kinds.items() if is_of(module, kind)}
        for name, (place, kind) in lazy.items():
            if place == module.__name__:
                registered[name] = getattr(module, kind)
        classes = classes_in(module, self._base) if self._base is not None else {}
        kinds.update({**classes, **registered})
        self._own_markers = markers_in(path)
        return chosen(parser_name, registered, classes)

    def names(self) -> list[str]:
        """Return the registered names, with separate names for Mistral's newer formats."""
        listed = getattr(self._manager, "list_registered", None)
        names = set(listed() if listed else self._manager.tool_parsers)
        if "mistral" in names:
            names |= _MARKERS.keys()
        return sorted(names)

    def load(self, name: str) -> None:
        """Import and create the parser `name`, as a server does when it starts."""
        tokenizer = self._vocabulary(name)
        if self._needs_server_parser(name):
            self._parser_class(name, "")(tokenizer, None)
        else:
            self._create(self._manager.get_tool_parser(_registered(name)), tokenizer, None)

    def whole(self, job: Job) -> Reading:
        """Read the whole text; without a reasoning parser, with the tool parser alone."""
        request = self._new_request(job.tools)
        if self._is_old and job.reasoning_parser:
            raise UnknownParser(_WITHOUT_REASONING)
        if job.reasoning_parser or self._needs_server_parser(job.parser):
            return self._read_as_server(job, request)
        parser = self._tool_parser(job, request)
        extra = {}
        if job.parser == _HARMONY:
            extra["token_ids"] = self._vocabulary(_HARMONY).encode(job.text)
        found = parser.extract_tool_calls(job.text, self._adjusted(parser, request), **extra)
        calls = _calls(found.tool_calls)
        return Reading(calls, found.content, reported_calls=bool(found.tools_called))

    def _read_as_server(self, job: Job, request: Any) -> Reading:
        tokenizer = self._vocabulary(job.parser)
        parser, request = self._server_parser(job, tokenizer, request)
        reasoning, content, calls = parser.parse(
            job.text,
            request,
            enable_auto_tools=True,
            model_output_token_ids=tokenizer.encode(job.text),
        )
        return Reading(_calls(calls), content, reasoning)

    def _server_parser(self, job: Job, tokenizer: Any, request: Any) -> tuple[Any, Any]:
        """Return the parser that a server creates, and the request as the server passes it."""
        kind = self._parser_class(job.parser, job.reasoning_parser)
        parser = self._create(kind, tokenizer, request.tools)
        return parser, request if job.parser == _HARMONY else self._adjusted(parser, request)

    def stream(self, job: Job, stream: Stream) -> None:
        """Feed the text delta by delta, as the server does with sampled tokens."""
        request = self._new_request(job.tools)
        if self._is_old:
            self._stream_old(job, request, stream)
            return
        tokenizer = self._vocabulary(job.parser)
        parser, request = self._server_parser(job, tokenizer, request)
        deltas = list(_deltas(job, tokenizer)) or [("", [])]
        for number, (text, ids) in enumerate(deltas, 1):
            is_last = number == len(deltas)
            delta = parser.parse_delta(text, ids, request, prompt_token_ids=[], finished=is_last)
            _record_delta(stream, text, delta)

    def _stream_old(self, job: Job, request: Any, stream: Stream) -> None:
        """Feed the tool parser of an old version, which is passed the previous text each time."""
        if job.reasoning_parser:
            raise UnknownParser(_WITHOUT_REASONING)
        parser = self._tool_parser(job, request)
        request = self._adjusted(parser, request)
        before, ids_before = "", list[int]()
        for text, ids in _deltas(job, self._vocabulary(job.parser)):
            now, ids_now = before + text, ids_before + list(ids)
            delta = parser.extract_tool_calls_streaming(
                before, now, text, ids_before, ids_now, ids, request
            )
            _record_delta(stream, text, delta)
            before, ids_before = now, ids_now

    def _new_request(self, tools: list[Any]) -> Any:
        return self._request(
            model="m",
            messages=[{"role": "user", "content": "hi"}],
            tools=tools or None,
            tool_choice="auto" if tools else None,
        )

    def _adjusted(self, parser: Any, request: Any) -> Any:
        # This adds sampling constraints, which need modules that are stand-ins here.
        with contextlib.suppress(Exception):
            return parser.adjust_request(request)
        return request

    def _tool_parser(self, job: Job, request: Any) -> Any:
        with as_unknown_parser():
            kind = self._manager.get_tool_parser(_registered(job.parser))
        parser = self._create(kind, self._vocabulary(job.parser), request.tools)
        if hasattr(parser, "skip_reasoning_parsing"):
            parser.skip_reasoning_parsing = True
        return parser

    def _create(self, kind: Any, tokenizer: Any, tools: Any) -> Any:
        """Return a new parser; raises UnknownParser if it cannot be created even without tools."""
        try:
            return kind(tokenizer, tools)
        except Exception as error:
            with as_unknown_parser():
                parser = kind(tokenizer)
            if self._is_old and isinstance(error, TypeError):
                return parser  # before 0.16
            raise

    def _needs_server_parser(self, name: str) -> bool:
        """Return whether a tool parser has no `extract_tool_calls` of its own.

        The server then builds a complete parser from it.
        """
        if self._is_old:
            return False
        if name == _HARMONY:
            return self._reads_harmony
        with as_unknown_parser():
            kind = self._manager.get_tool_parser(_registered(name))
        return getattr(kind, _EXTRACT_METHOD, None) is self._base_extract

    def _parser_class(self, name: str, reasoning: str) -> Any:
        """Return the class that the server builds from a tool parser and a reasoning parser."""
        if reasoning:
            reasoners = importlib.import_module("vllm.reasoning").ReasoningParserManager
            check_name("reasoning parser", reasoning, reasoners.list_registered())
        manager = importlib.import_module("vllm.parser.parser_manager").ParserManager
        with as_unknown_parser():
            if name == _HARMONY and self._reads_harmony:
                return manager.get_parser(name, "openai_gptoss", True, "gpt-oss", is_harmony=True)
            return manager.get_parser(_registered(name), reasoning or None, True, "m")

    def _vocabulary(self, name: str) -> Any:
        kind = name if name in _MARKERS or name == _HARMONY else ""
        if kind not in self._vocabularies:
            markers = _MARKERS.get(kind, vocabulary.MARKERS)
            made = (
                _Harmony()
                if kind == _HARMONY
                else vocabulary.Vocabulary((*markers, *self._own_markers))
            )
            self._vocabularies[kind] = made
        return self._vocabularies[kind]


class _Harmony:
    """The real tokens of gpt-oss: vLLM reads its text by token ids."""

    all_special_tokens: Sequence[str] = ()
    all_special_ids: Sequence[int] = ()

    def __init__(self) -> None:
        harmony = importlib.import_module("openai_harmony")
        if isinstance(harmony, StandIn):
            raise ModuleNotFoundError("No module named 'openai_harmony'")
        self._encoding = harmony.load_harmony_encoding("HarmonyGptOss")

    def get_vocab(self) -> dict[str, int]:
        return {}

    def encode(self, text: str, **_: Any) -> list[int]:
        return list(self._encoding.encode(text, allowed_special="all"))

    def decode(self, ids: int | Sequence[int], **_: Any) -> str:
        return str(self._encoding.decode([ids] if isinstance(ids, int) else list(ids)))


def _registered(name: str) -> str:
    return "mistral" if name in _MARKERS else name


def _source_has(package: str, module: str, line: str) -> bool:
    """Return whether the source of a module, if it exists, contains `line`; it is not imported."""
    spec = importlib.util.find_spec(package)
    folders = spec.submodule_search_locations if spec is not None else None
    paths = [Path(folder, f"{module}.py") for folder in folders or ()]
    return any(line in path.read_text("utf-8") for path in paths if path.exists())


def _deltas(job: Job, tokenizer: Any) -> Iterator[tuple[str, list[int]]]:
    """Yield the text and the token ids of each delta."""
    if job.by_tokens:
        for ids in in_sizes(tokenizer.encode(job.text), job.sizes):
            yield tokenizer.decode(ids), list(ids)
        return
    for text in in_sizes(job.text, job.sizes):
        yield str(text), tokenizer.encode(str(text))


def _calls(calls: Any) -> list[dict[str, Any]]:
    functions = [getattr(call, "function", call) for call in calls or ()]
    return [{"name": one.name, "arguments": one.arguments} for one in functions]


def _record_delta(stream: Stream, text: str, delta: Any) -> None:
    if delta is None:
        stream.sent(len(text), None)
        return
    reasoning = getattr(delta, "reasoning", None) or getattr(delta, "reasoning_content", None)
    pieces = [
        (call.index, call.function.name, call.function.arguments)
        if call.function is not None
        else (call.index, None, None)
        for call in delta.tool_calls or ()
    ]
    stream.sent(len(text), delta.content, reasoning, pieces)
