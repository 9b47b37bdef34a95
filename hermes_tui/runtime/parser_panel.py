"""Runs parsers of any kind on texts: ours, emulated ones and those of added engines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from hermes_tui.model.errors import SourceError, UsageError
from hermes_tui.model.messages import ToolSpec
from hermes_tui.model.wording import command_line
from hermes_tui.parsers.choice import named_parser, parsers
from hermes_tui.runtime.parser_names import REAL, known_parser
from hermes_tui.runtime.parser_verdicts import ParserVerdict, verdict_of_result, version_of
from hermes_tui.runtime.real_parser import Deltas, RealParser, engine_of

if TYPE_CHECKING:
    import asyncio

    from hermes_tui.runtime.engines.pool import EnginePool


class ParserPanel:
    """Reads texts with parsers of any kind; as a context manager, it ends the started engines."""

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
        """Return the names of all parsers that are available; those of added engines come last."""
        real = [
            f"{REAL}{engine.name}/{name}"
            for engine in self._engine_pool().engines
            if not engine.problem
            for name in engine.names
            if name not in engine.failures
        ]
        return [*(parser.name for parser in parsers()), *real]

    def check(self, name: str) -> None:
        """Raise UsageError if no parser has this name, SourceError if its engine is missing.

        Engines are looked up only if the name is that of an engine's parser.
        """
        if name.startswith(REAL):
            engine_of(name, self._engine_pool().engines)
        else:
            known_parser(name)

    def streaming(self, name: str) -> str:
        """Return the real parser that can be streamed to: `name` itself or the one it emulates.

        Raises SourceError, with how to add the engine, if that is missing; UsageError as `check`
        does, and if `name` emulates no engine that streams.
        """
        self.check(name)
        if name.startswith(REAL):
            return name
        engine, _, parser = named_parser(name).name.partition("/")
        version = version_of(named_parser(name))
        for added in self._engine_pool().engines:
            fits = added.engine == engine and version in ("", added.version) and not added.problem
            if fits and parser in added.names and parser not in added.failures:
                return f"{REAL}{added.name}/{parser}"
        refused = "only a real engine can be streamed to"
        if engine not in ("vllm", "sglang"):
            how = "--parser real/vllm-…/NAME, after `hermes-tui engines add vllm`"
            raise UsageError(f"{name}: {refused}", how)
        how = command_line("engines", "add", f"{engine}=={version}" if version else engine)
        raise SourceError(name, refused, how)

    def read(
        self, name: str, text: str, tools: Sequence[ToolSpec] = (), *, deltas: Deltas | None = None
    ) -> ParserVerdict:
        """Return the verdict of the parser `name`; raises as `check` and `streaming` do."""
        if deltas is not None:
            name = self.streaming(name)
        self.check(name)
        if name.startswith(REAL):
            return self._real_parser(name, deltas).verdict(text, tools)
        parser = named_parser(name)
        return verdict_of_result(parser, parser.parse(text, tools))

    def must_load(self, name: str) -> bool:
        """Return whether the parser `name` is an engine's that its process has yet to load."""
        if not name.startswith(REAL):
            return False
        pool = self._engine_pool()
        engine, parser = engine_of(name, pool.engines)
        return not pool.is_ready(engine.name, parser)

    def _engine_pool(self) -> EnginePool:
        if self._pool is None:
            import asyncio

            from hermes_tui.runtime.engines.pool import EnginePool

            self._pool, self._runner = EnginePool(), asyncio.Runner()
        return self._pool

    def _real_parser(self, name: str, deltas: Deltas | None) -> RealParser:
        pool = self._engine_pool()
        engine, parser = engine_of(name, pool.engines)
        assert self._runner is not None, "made with the pool"
        return RealParser(pool, engine, parser, self._runner.run, deltas)
