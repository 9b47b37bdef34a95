"""The added engines, each with its own process, started on first use."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from hermes_tui.runtime.engines.added import AddedEngine
from hermes_tui.runtime.engines.store import added_engines
from hermes_tui.runtime.engines.verdicts import EngineOutcome, EngineVerdict
from hermes_tui.runtime.engines.worker import EngineWorker, Tool
from hermes_tui.runtime.parser_names import WITH


class EnginePool:
    """Holds a worker for each of `engines`, by default those in the cache folder."""

    def __init__(self, engines: Iterable[AddedEngine] | None = None) -> None:
        chosen = added_engines() if engines is None else engines
        self._workers = {engine.name: EngineWorker(engine) for engine in chosen}

    @property
    def engines(self) -> tuple[AddedEngine, ...]:
        """The engines of all workers."""
        return tuple(worker.engine for worker in self._workers.values())

    def take(self, engine: AddedEngine) -> None:
        """Add a worker for an engine that is in no folder: a parser in a file of the user's own."""
        if engine.name not in self._workers:
            self._workers[engine.name] = EngineWorker(engine)

    def worker(self, name: str) -> EngineWorker:
        """Return the worker of the engine `name`, such as `vllm-0.33.0`; raises KeyError."""
        return self._workers[name]

    def is_ready(self, name: str, parser: str) -> bool:
        """Return whether the engine `name` runs and has loaded a `parser`, given as to `parse`."""
        worker = self._workers.get(name)
        return worker is not None and worker.is_ready(parser.partition(WITH)[0])

    async def parse(
        self,
        name: str,
        parser: str,
        text: str,
        tools: Sequence[Tool] = (),
        *,
        stream: Sequence[int] | None = None,
        by_characters: bool = False,
    ) -> EngineVerdict:
        """Return the verdict of the engine `name` on `text`, as `EngineWorker.parse` does.

        For a `parser` of the form `hermes+qwen3`, the reasoning parser is `qwen3`.
        """
        parser, _, reasoning_parser = parser.partition(WITH)
        worker = self._workers.get(name)
        if worker is None:
            error = f"no engine {name} was added (`hermes-tui engines add`)"
            return EngineVerdict(EngineOutcome.UNKNOWN, error=error)
        return await worker.parse(
            parser,
            text,
            tools,
            stream=stream,
            by_characters=by_characters,
            reasoning_parser=reasoning_parser,
        )

    async def close(self) -> None:
        """End every process."""
        async with asyncio.TaskGroup() as ending:
            for worker in self._workers.values():
                ending.create_task(worker.close())
