"""Asks parsers of any kind, one text after the other: ours, emulated ones, added engines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from hermes_tui.model.errors import SourceError, UsageError, near_hint
from hermes_tui.model.messages import ToolSpec
from hermes_tui.parsers.choice import named_parser, parsers
from hermes_tui.runtime.parser_names import known_parser
from hermes_tui.runtime.parser_verdicts import (
    ParserVerdict,
    divergence,
    verdict_of_engine,
    verdict_of_result,
    version_of,
    with_reason,
)

if TYPE_CHECKING:
    import asyncio

    from hermes_tui.runtime.engines.pool import EnginePool
    from hermes_tui.runtime.engines.verdicts import EngineVerdict

REAL: Final = "real/"
"""What begins the name of an added engine's parser: `real/vllm-0.33.0/hermes`."""


class Deltas(NamedTuple):
    """How to feed a text to an engine's streaming path: `size` pseudo-tokens or characters each."""

    size: int
    by_characters: bool = False


class ParserPanel:
    """Reads texts by parsers of any kind; as a context manager it ends what it started."""

    def __init__(self) -> None:
        self._pool: EnginePool | None = None
        self._runner: asyncio.Runner | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None and self._runner is not None:
            self._runner.run(self._pool.close())
        if self._runner is not None:
            self._runner.close()

    def names(self) -> list[str]:
        """Return every parser that can be asked now: those of added engines come last."""
        real = [
            f"{REAL}{engine.name}/{name}"
            for engine in self._engines().engines
            if not engine.problem
            for name in engine.names
            if name not in engine.failures
        ]
        return [*(parser.name for parser in parsers()), *real]

    def check(self, name: str) -> None:
        """Raise UsageError for a name that no parser has, SourceError where its engine is missing.

        Engines are only looked for where the name asks for one.
        """
        if name.startswith(REAL):
            self._real(name)
        else:
            known_parser(name)

    def streaming(self, name: str) -> str:
        """Return the added engine's parser that streams where `name` is its emulation.

        Raises SourceError, which says how to add the engine, and UsageError as `check` does.
        """
        self.check(name)
        if name.startswith(REAL):
            return name
        engine, _, parser = named_parser(name).name.partition("/")
        version = version_of(named_parser(name))
        for added in self._engines().engines:
            fits = added.engine == engine and version in ("", added.version) and not added.problem
            if fits and parser in added.names and parser not in added.failures:
                return f"{REAL}{added.name}/{parser}"
        how = "hermes-tui engines add " + (f"{engine}=={version}" if version else engine)
        if engine not in ("vllm", "sglang"):
            how = "--parser real/vllm-…/NAME, after `hermes-tui engines add vllm`"
        raise SourceError(name, "only a real engine can be streamed to", how)

    def read(
        self, name: str, text: str, tools: Sequence[ToolSpec] = (), *, deltas: Deltas | None = None
    ) -> ParserVerdict:
        """Return the verdict of the parser `name`; raises as `check` and `streaming` do."""
        if deltas is not None:
            name = self.streaming(name)
        self.check(name)
        if name.startswith(REAL):
            return self._read_real(name, text, tools, deltas)
        parser = named_parser(name)
        return verdict_of_result(parser, parser.parse(text, tools))

    def _engines(self) -> EnginePool:
        if self._pool is None:
            import asyncio

            from hermes_tui.runtime.engines.pool import EnginePool

            self._pool, self._runner = EnginePool(), asyncio.Runner()
        return self._pool

    def _real(self, name: str) -> tuple[str, str]:
        """Return the added engine and the parser that a name means."""
        added, _, parser = name.removeprefix(REAL).partition("/")
        pool = self._engines()
        engine = next((engine for engine in pool.engines if engine.name == added), None)
        if engine is None:
            here = ", ".join(engine.name for engine in pool.engines) or "none"
            raise SourceError(name, f"no engine {added!r} was added", f"added: {here}")
        if engine.problem:
            raise SourceError(added, engine.problem, "hermes-tui engines add")
        if parser in engine.failures:
            raise SourceError(name, f"cannot be loaded: {engine.failures[parser]}")
        if parser not in engine.names:
            hint = near_hint(parser, engine.names, "see `hermes-tui parsers`")
            raise UsageError(f"{added} has no parser {parser!r}", hint)
        return added, parser

    def _read_real(
        self, name: str, text: str, tools: Sequence[ToolSpec], deltas: Deltas | None
    ) -> ParserVerdict:
        whole = self._asked(name, text, tools, None)
        if deltas is None:
            return self._explained(name, text, tools, whole)
        streamed = self._asked(name, text, tools, deltas)
        verdict = self._explained(name, text, tools, streamed)
        found = divergence(whole, streamed, text)
        return verdict._replace(diagnostics=(*found, *verdict.diagnostics))

    def _asked(
        self, name: str, text: str, tools: Sequence[ToolSpec], deltas: Deltas | None
    ) -> EngineVerdict:
        added, parser = self._real(name)
        pool = self._engines()
        assert self._runner is not None, "made with the pool"
        return self._runner.run(
            pool.parse(
                added,
                parser,
                text,
                tools,
                stream=(deltas.size,) if deltas else None,
                by_characters=deltas.by_characters if deltas else False,
            )
        )

    def _explained(
        self, name: str, text: str, tools: Sequence[ToolSpec], verdict: EngineVerdict
    ) -> ParserVerdict:
        from hermes_tui.runtime.engines.verdicts import EngineOutcome

        if verdict.outcome is EngineOutcome.UNKNOWN:
            raise SourceError(name, verdict.error or "gives no verdict")
        added, parser = self._real(name)
        engine = self._engines().worker(added).engine
        told = verdict_of_engine(name, engine.version, verdict, text)
        return with_reason(told, f"{engine.engine}/{parser}", text, tools)
