"""How the lab gets its verdicts: at once, in slices, in a thread, or from the real engines."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from hermes_tui.model.wording import counted
from hermes_tui.parsers.base import ParseResult
from hermes_tui.parsers.choice import AUTO
from hermes_tui.runtime.own_parser import OWN
from hermes_tui.runtime.parser_names import WITH
from hermes_tui.ui.lab.model import LabModel, LabText
from hermes_tui.ui.lab.parsers import LabParser, lab_parser, lab_parsers, marked_in
from hermes_tui.ui.lab.stream import Split, SplitResult, StreamModel, splits_of
from hermes_tui.ui.lab.verdicts import Verdict, differences, of_engine
from hermes_tui.ui.screens.base import SLICE_S, CommandScreen

if TYPE_CHECKING:
    from asyncio import Future

    from hermes_tui.parsers.suggest import Suggestion
    from hermes_tui.runtime.engines.added import AddedEngine
    from hermes_tui.runtime.engines.pool import EnginePool
    from hermes_tui.runtime.engines.verdicts import EngineVerdict
    from hermes_tui.runtime.tools.threads import DaemonPool

DRAW_EVERY_S = 0.15
WHOLE_TEXTS_ONLY = frozenset({"hermes-agent", OWN})
"""Engines that have no streaming path."""


class LabReading(CommandScreen):
    """Reads the text of a lab: a short one at once, a long one in a thread; others in between."""

    pumps_in_background: ClassVar = True

    def __init__(self, given: LabText) -> None:
        super().__init__()
        self.model = LabModel(given)
        self.stream: StreamModel | None = None
        self.compares = False
        """Whether all parsers should read the text."""
        self.suggestions: tuple[Suggestion, ...] = ()
        self._thread: DaemonPool | None = None
        self._fixes: tuple[str, Future[tuple[Suggestion, ...]]] | None = None
        self._job: tuple[LabParser, str, Future[ParseResult]] | None = None
        self._stale, self._drawn_at = False, 0.0

    # Our own parsers

    def read(self) -> None:
        """Read the text with the selected parser; if it is long, the result comes later."""
        if self.model.is_small:
            self.model.read_now()
        else:
            self._read_in_thread(self.model.parser)
        self.hurry()

    def _read_in_thread(self, parser: LabParser) -> None:
        """Let the thread read the text; a pending job that has not begun is dropped."""
        if self._job is not None:
            self._job[2].cancel()
        text, tools = self.model.text, self.model.tools
        future = self.thread.submit(partial(parser.parser.parse, text, tools))
        self._job = (parser, text, future)

    @property
    def thread(self) -> DaemonPool:
        """Runs slow work, one job after the other; leaving the screen does not wait for it."""
        if self._thread is None:
            from hermes_tui.runtime.tools.threads import DaemonPool

            self._thread = DaemonPool(1)
        return self._thread

    @property
    def looks_for_fixes(self) -> bool:
        return self._fixes is not None

    def look_for_fixes(self) -> None:
        """Let the thread look for the smallest edits that make the parser read the calls."""
        from hermes_tui.parsers.suggest import suggestions

        model = self.model
        if self._fixes is not None:
            self._fixes[1].cancel()
        marked = marked_in(model.text)
        others = [each.parser for each in lab_parsers() if each.flag and each.name in marked]
        work = partial(suggestions, model.text, model.parser.parser, model.tools, others=others)
        self._fixes = (model.text, self.thread.submit(work))
        self.hurry()

    def pump(self) -> bool:
        if self._fixes is not None and self._fixes[1].done():
            (text, fixes_future), self._fixes = self._fixes, None
            self.suggestions = fixes_future.result() if text is self.model.text else ()
            self._stale = True
        if self._job is not None and self._job[2].done():
            (parser, text, future), self._job = self._job, None
            self.model.take(parser, text, future.result())
            self._stale = True
        busy = self._fixes is not None or self._job is not None or self._compare()
        now = time.monotonic()
        if self._stale and (not busy or now - self._drawn_at > DRAW_EVERY_S):
            self._stale, self._drawn_at = False, now
            self.refresh_view()
        return busy or self._stale

    @property
    def waiting(self) -> int:
        """The number of parsers that are yet to read the text for a comparison."""
        return len(self.model.unread()) if self.compares else 0

    def stop_comparing(self) -> None:
        """Let no further parser read the text; one that has begun is not interrupted."""
        if self.waiting:
            hint = self.keys.format("{lab-which} or {lab-matrix} asks them")
            self.say(f"{counted(self.waiting, 'parser')} did not read this; {hint}")
        self.compares = False
        for engine in self.engines():
            self.workers.cancel_group(self, f"lab {engine.name}")

    def _compare(self) -> bool:
        """Let the next parsers read the text; return whether there are more."""
        model = self.model
        if not model.is_read and self._job is None:
            self._read_in_thread(model.parser)
            return True
        unread = model.unread() if self.compares else []
        if not unread:
            return False
        self._stale = True
        if not model.is_small:
            self._read_in_thread(unread[0])
            return True
        deadline = time.perf_counter() + SLICE_S
        for parser in unread:
            model.add_verdict(parser, parser.parser.parse(model.text, model.tools))
            if time.perf_counter() >= deadline:
                break
        return True

    def on_unmount(self) -> None:
        if self._job is not None:
            self._job[2].cancel()
        if self._fixes is not None:
            self._fixes[1].cancel()
        if self._thread is not None:
            self._thread.close()

    # Real engines

    @property
    def pool(self) -> EnginePool:
        return self.hermes.engine_pool

    def engines(self) -> list[AddedEngine]:
        """Return the engines that are usable."""
        return [engine for engine in self.pool.engines if not engine.problem]

    def waiting_text(self, engine: str, parser: str) -> str:
        """Return what an engine is doing that has not returned its verdict yet."""
        doing = "reading" if self.pool.is_ready(engine, parser) else "loading its parser"
        return f"{engine} is {doing} …"

    def ask_engines(self, *, all_parsers: bool) -> None:
        """Ask the real engines for the verdict of the current parser, or of all that they have."""
        for engine in self.engines():
            names = self._ranked_parsers(engine) if all_parsers else self._same(engine)
            if names:
                self.run_worker(
                    self._ask(engine, names), group=f"lab {engine.name}", exclusive=True
                )

    def _same(self, engine: AddedEngine) -> list[str]:
        kind, _, name = self.model.parser.name.partition("/")
        return [name] if engine.engine == kind and name in engine.names else []

    def _ranked_parsers(self, engine: AddedEngine) -> list[str]:
        """Return the parsers of an engine, those whose markers are in the text first."""
        marked, same = marked_in(self.model.text), self._same(engine)
        return sorted(
            engine.names,
            key=lambda name: (name not in same, f"{engine.engine}/{name}" not in marked, name),
        )

    async def _ask(self, engine: AddedEngine, names: list[str]) -> None:
        text, tools = self.model.text, self.model.tools
        ours: ParseResult | None = None
        for name in names:
            if (f"{engine.engine}/{name}", engine.name) in self.model.verdicts:
                continue
            found = await self.pool.parse(engine.name, name, text, tools)
            if found.tool_calls and ours is None:
                reading = partial(lab_parser(AUTO).parser.parse, text, tools)
                ours = reading() if self.model.is_small else await self.thread.submit(reading)
            if text is not self.model.text:
                return
            self.model.note(of_engine(engine, name, text, found, ours))
            self._stale = True
            self.hurry()

    async def engine_verdict(self, engine: AddedEngine, name: str) -> Verdict | None:
        """Return the verdict of an engine's parser, or None if the text has changed meanwhile."""
        await self._ask(engine, [name])
        return self.model.verdicts.get((f"{engine.engine}/{name}", engine.name))

    # Streaming

    def begin_stream(self, stream: StreamModel, *, split: Split | None = None) -> None:
        """Replay the text, in deltas of the stream's size or split as in a sweep."""
        self.stream = stream
        stream.begin(split)
        self.run_worker(self._replay(stream), group="lab stream", exclusive=True)
        self.refresh_view()

    async def _replay(self, stream: StreamModel) -> None:
        text, engine = self.model.text, self._engine(stream.engine)
        if stream.whole is None:
            stream.whole = of_engine(engine, stream.parser, text, await self._parse(stream))
        sizes = stream.split.sizes if stream.split is not None else (stream.size,)
        by_characters = stream.split is not None or stream.by_characters
        verdict = await self._parse(stream, sizes, by_characters=by_characters)
        if text is self.model.text:
            stream.reading = verdict
            stream.streamed = of_engine(engine, stream.parser, text, verdict)
            self.refresh_view()

    def begin_sweep(self, stream: StreamModel) -> None:
        """Try all borders between deltas."""
        self.run_worker(self._sweep(stream), group="lab sweep", exclusive=True)

    async def _sweep(self, stream: StreamModel) -> None:
        text, engine = self.model.text, self._engine(stream.engine)
        splits = splits_of(text)
        stream.swept, stream.tried, stream.splits = [], 0, len(splits)
        whole = await self._parse(stream, (max(1, len(text)),), by_characters=True)
        expected = stream.in_one_delta = of_engine(engine, stream.parser, text, whole)
        for split in splits:
            found = await self._parse(stream, split.sizes, by_characters=True)
            if text is not self.model.text or self.stream is not stream:
                return
            stream.tried += 1
            if other := differences(expected, of_engine(engine, stream.parser, text, found)):
                stream.swept.append(SplitResult(split, tuple(other)))
            self._stale = True
            self.hurry()

    async def _parse(
        self, replay: StreamModel, sizes: tuple[int, ...] = (), *, by_characters: bool = False
    ) -> EngineVerdict:
        return await self.pool.parse(
            replay.engine,
            replay.parser,
            self.model.text,
            self.model.tools,
            stream=sizes or None,
            by_characters=by_characters,
        )

    def _engine(self, name: str) -> AddedEngine:
        return next(engine for engine in self.pool.engines if engine.name == name)

    def streamable(self) -> StreamModel | None:
        """Return a replay of the current parser on an engine that has it, or None if none has."""
        real = self.model.real
        kind, _, name = (real or self.model.parser).name.partition("/")
        fitting = [
            engine
            for engine in self.engines()
            if name.partition(WITH)[0] in engine.names and engine.engine not in WHOLE_TEXTS_ONLY
        ]
        chosen = real.source if real is not None else ""
        fitting.sort(key=lambda engine: (engine.name != chosen, engine.engine != kind))
        return StreamModel(fitting[0].name, name) if fitting else None
