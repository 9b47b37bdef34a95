"""The parser of an added engine behind the interface of our own: its result, explained by ours."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from hermes_tui.model.errors import SourceError, UsageError, near_hint
from hermes_tui.model.messages import ToolSpec
from hermes_tui.model.spans import Span
from hermes_tui.model.whole_numbers import whole_number
from hermes_tui.parsers.base import ParsedCall, ParseResult
from hermes_tui.parsers.choice import named_parser
from hermes_tui.parsers.engines.base import EngineInfo
from hermes_tui.parsers.literals import FAILED, JSON
from hermes_tui.parsers.plain_values import decode
from hermes_tui.parsers.report import EngineRun
from hermes_tui.runtime.engines.added import AddedEngine
from hermes_tui.runtime.engines.verdicts import EngineCall, EngineOutcome, EngineVerdict
from hermes_tui.runtime.own_parser import own_engine
from hermes_tui.runtime.parser_names import REAL, WITH
from hermes_tui.runtime.parser_verdicts import ParserVerdict, verdict_of_engine, with_reason
from hermes_tui.runtime.stream_divergence import divergence

if TYPE_CHECKING:
    from hermes_tui.runtime.engines.pool import EnginePool

Run = Callable[[Coroutine[Any, Any, EngineVerdict]], EngineVerdict]
"""Runs a coroutine in the event loop of the pool, and waits for its result."""


class Deltas(NamedTuple):
    """How to feed a text to an engine's streaming path: `size` pseudo-tokens or characters each."""

    size: int
    by_characters: bool = False

    @classmethod
    def of(cls, text: str) -> Self:
        """Parse an option such as `1` or `4c`; raises UsageError."""
        size = whole_number(text.removesuffix("c"))
        if not size:
            message = f"--stream {text!r}: not a number of pseudo-tokens"
            raise UsageError(message, "a whole number from 1, or of characters, as in 4c")
        return cls(size, by_characters=text.endswith("c"))

    def __str__(self) -> str:
        return f"{self.size}{'c' if self.by_characters else ''}"


class RealParser:
    """Reads texts with `parser` of `engine`, at once or, with `deltas`, as a stream."""

    def __init__(
        self,
        pool: EnginePool,
        engine: AddedEngine,
        parser: str,
        run: Run,
        deltas: Deltas | None = None,
    ) -> None:
        self.name = name_of(engine, parser)
        self.info = engine_info_of(engine, parser)
        self.engine_run = _engine_run(engine, parser, str(deltas) if deltas else "")
        self._pool, self._engine, self._parser, self._run = pool, engine, parser, run
        self._deltas = deltas
        if engine.file:
            pool.take(engine)
        self.words = f"{engine.name} {parser}{' (streamed)' if deltas else ''}"

    def verdict(self, text: str, tools: Sequence[ToolSpec] = ()) -> ParserVerdict:
        """Return the verdict with its reasons; raises SourceError if the engine gives none.

        Raises UsageError if it has no such reasoning parser, or streams no texts.
        """
        whole = self._ask(text, tools, None)
        if self._deltas is None:
            return self._explained(whole, text, tools)
        streamed = self._ask(text, tools, self._deltas)
        found = self._explained(streamed, text, tools)
        return found._replace(diagnostics=(*divergence(whole, streamed, text), *found.diagnostics))

    def parse(self, text: str, tools: Sequence[ToolSpec] = ()) -> ParseResult:
        """Return the verdict as a parser of ours would; raises as `verdict` does."""
        found = self.verdict(text, tools)
        return ParseResult(
            found.outcome,
            tuple(_parsed_call(call, Span(0, len(text))) for call in found.calls),
            found.content,
            dropped=found.dropped,
            diagnostics=found.diagnostics,
            error=found.error,
        )

    def _ask(self, text: str, tools: Sequence[ToolSpec], deltas: Deltas | None) -> EngineVerdict:
        verdict = self._run(
            self._pool.parse(
                self._engine.name,
                self._parser,
                text,
                tools,
                stream=(deltas.size,) if deltas else None,
                by_characters=deltas.by_characters if deltas else False,
            )
        )
        if verdict.outcome is EngineOutcome.UNKNOWN:
            why = verdict.error.removeprefix(f"{self._engine.name}: ")
            if verdict.is_refused:
                raise UsageError(f"{self._engine.name}: {why}")
            raise SourceError(self.name, why or "gives no verdict")
        return verdict

    def _explained(
        self, verdict: EngineVerdict, text: str, tools: Sequence[ToolSpec]
    ) -> ParserVerdict:
        unexplained = verdict_of_engine(self.name, self._engine.version, verdict, text)
        return with_reason(unexplained, self.info.name, text, tools)


def _engine_run(engine: AddedEngine, parser: str, stream: str) -> EngineRun:
    """Return how to run a parser again from any folder: one in a file by its full path."""
    if not engine.file:
        return EngineRun(name_of(engine, parser), engine.add_command, stream)
    return EngineRun(name_of(engine._replace(name=engine.portable_name), parser), "", stream)


def engine_of(name: str, engines: Sequence[AddedEngine]) -> tuple[AddedEngine, str]:
    """Return the engine and the parser that `real/ENGINE/PARSER` or `real/FILE.py:NAME` names.

    Either may end in `+REASONING`. Whether a file has the parser is known only once it is run.
    Raises SourceError if the engine is missing, UsageError if it has no such parser.
    """
    full_name, joined, reasoning = name.removeprefix(REAL).partition(WITH)
    own = own_engine(full_name, engines)
    if own is not None:
        return own, f"{own.names[0]}{joined}{reasoning}"
    added, _, parser = full_name.partition("/")
    engine = next((engine for engine in engines if engine.name == added), None)
    if engine is None:
        added_names = ", ".join(engine.name for engine in engines if not engine.file) or "none"
        raise SourceError(name, f"no engine {added!r} was added", f"added: {added_names}")
    if engine.problem:
        raise SourceError(added, engine.problem, "`hermes-tui engines add`")
    if parser in engine.failures:
        raise SourceError(name, f"cannot be loaded: {engine.failures[parser]}")
    if parser not in engine.names:
        hint = near_hint(parser, engine.names, "see `hermes-tui parsers`")
        raise UsageError(f"{added} has no parser {parser!r}", hint)
    return engine, f"{parser}{joined}{reasoning}"


def name_of(engine: AddedEngine, parser: str) -> str:
    """Return the name of a parser of `engine` as a person gives it, without `real/` for a file."""
    _, joined, reasoning = parser.partition(WITH)
    return f"{engine.name}{joined}{reasoning}" if engine.file else f"{REAL}{engine.name}/{parser}"


def engine_info_of(engine: AddedEngine, parser: str) -> EngineInfo:
    """Return the card of an engine's parser, based on that of its emulation if there is one.

    A parser in a person's own file has no emulation. A reasoning parser only adds its flag.
    """
    name, version = f"{engine.engine}/{parser}", engine.version
    tool, joined, reasoning = parser.partition(WITH)
    flag = f"--tool-call-parser {tool}"
    if joined:
        flag += f" --reasoning-parser {reasoning}"
    if engine.engine == "hermes-agent":
        flag = f'get_parser("{tool}")'
    if engine.file:
        return _card_of_file(engine, name, flag)
    try:
        twin = getattr(named_parser(f"{engine.engine}/{tool}"), "info", None)
    except KeyError:
        twin = None
    if isinstance(twin, EngineInfo):
        return twin._replace(name=name, version=version, flag=flag if joined else twin.flag)
    return EngineInfo(name, engine.engine, version, "", "", "", flag)


def _card_of_file(engine: AddedEngine, name: str, flag: str) -> EngineInfo:
    version = f"{Path(engine.file).name} {engine.version}".strip()
    flags = {"vllm": f"--tool-parser-plugin {engine.file} {flag}"}
    return EngineInfo(name, engine.engine, version, "", "", "", flags.get(engine.engine, ""))


def _parsed_call(call: EngineCall, whole: Span) -> ParsedCall:
    value = decode(call.arguments)
    verdict = FAILED if value is None else JSON
    return ParsedCall(call.name, call.arguments, whole, value=value, verdict=verdict)
