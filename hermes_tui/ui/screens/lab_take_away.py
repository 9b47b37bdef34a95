"""Exports a finding of the lab: the smallest text that still fails, a bug report, a test."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from hermes_tui.model.errors import HermesError
from hermes_tui.parsers.choice import AUTO
from hermes_tui.ui.lab.parsers import EMULATED, lab_parser
from hermes_tui.ui.screens.lab_commands import LabCommands
from hermes_tui.ui.widgets.text_view import TextView

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import Coroutine

    from hermes_tui.parsers.engines.base import EngineParser
    from hermes_tui.parsers.report import Reproduction
    from hermes_tui.runtime.engines.verdicts import EngineVerdict
    from hermes_tui.runtime.real_parser import RealParser
    from hermes_tui.ui.widgets.prompt import Prompt

FOLDER = "reproductions"


class LabTakeAway(LabCommands):
    """Writes reproductions; the thread reduces the text, so that the screen stays responsive."""

    _reduction: tuple[Path, Future[Reproduction]] | None = None
    _is_left = False

    def do_pager(self) -> None:
        pane = self.focused_pane()
        if isinstance(pane, TextView):
            wrong = self.hermes.show_in_pager([self.model.text])
        else:
            wrong = self.hermes.show_rows_in_pager(pane)
        if wrong:
            self.say(wrong)

    def do_lab_reproduce(self) -> None:
        model, real = self.model, self._real_parser()
        if self._reduction is not None:
            self.say("the last one is still being reduced")
        elif real is None and model.parser.source != EMULATED:
            hint = "a report is about an engine's parser: {lab-matrix} or {lab-parser} chooses one"
            self.say(self.keys.format(hint))
        elif real is None and not model.failures:
            self.say(_nothing_failed(model.parser.name))
        elif (stream := self.shown_stream) is not None and stream.cuts_once:
            hint = "{lab-larger} and {lab-smaller} choose deltas of one size"
            self.say("a cut at one place cannot be reduced: " + self.keys.format(hint))
        else:
            what = f"reproduce {real.words} in" if real else "write the reproduction into"
            self.ask(f"{what} folder", "lab-reproduce", FOLDER)

    def answered_lab_reproduce(self, event: Prompt.Answered) -> None:
        from hermes_tui.parsers.report import reproduction_of
        from hermes_tui.runtime.reproduction import reproduction_of_real

        if not event.value.strip():
            return
        model, reader, real = self.model, lab_parser(AUTO).parser, self._real_parser()
        if real is not None:
            work = partial(
                reproduction_of_real,
                *(model.text, real, model.tools, reader),
                is_unwanted=lambda: self._is_left,
            )
        else:
            parser = cast("EngineParser", model.parser.parser)
            work = partial(reproduction_of, model.text, parser, model.tools, reader)
        self._reduction = (Path(event.value.strip()).expanduser(), self.thread.submit(work))
        self.say("reducing the text to the smallest that still fails …")
        self.hurry()

    def _real_parser(self) -> RealParser | None:
        """Return the engine's own parser, or its replay, if it is on screen or was added.

        None means the emulation, which is used only if no engine that it stands for is here.
        """
        from hermes_tui.runtime.real_parser import Deltas, RealParser

        stream, chosen = self.shown_stream, self.model.real
        if stream is not None:
            engine, parser = self._engine(stream.engine), stream.parser
            size = stream.split.size if stream.split is not None else stream.size
            by_characters = stream.split is not None or stream.by_characters
            deltas = Deltas(size, by_characters=by_characters)
        elif chosen is not None:
            engine, parser = self._engine(chosen.source), chosen.name.partition("/")[2]
            deltas = None
        elif here := next((engine for engine in self.engines() if self._same(engine)), None):
            engine, (parser,), deltas = here, self._same(here), None
        else:
            return None
        loop = asyncio.get_running_loop()
        return RealParser(self.pool, engine, parser, partial(_run_on_loop, loop), deltas)

    def pump(self) -> bool:
        if self._reduction is not None and self._reduction[1].done():
            (folder, reproduction), self._reduction = self._reduction, None
            try:
                self._write(folder, reproduction.result())
            except HermesError as error:
                self.say(str(error))
        return super().pump() or self._reduction is not None

    def on_unmount(self) -> None:
        self._is_left = True
        if self._reduction is not None:
            self._reduction[1].cancel()

    def _write(self, folder: Path, reproduction: Reproduction) -> None:
        """Write the reproduction and report where; raise StoreError if that fails."""
        from hermes_tui.runtime.reproduction import write_reproduction

        if reproduction.real is not None and not reproduction.is_failure:
            self.say(_nothing_failed(reproduction.real.name))
            return
        written = write_reproduction(folder, reproduction)
        whole = reproduction.whole or reproduction.text
        size = f"{len(reproduction.text):,} of {len(whole):,} characters"
        self.say(f"{written}: {size}, a report, a test")


def _nothing_failed(name: str) -> str:
    return f"nothing failed: {name} has no finding in this text"


def _run_on_loop(
    loop: asyncio.AbstractEventLoop, reading: Coroutine[Any, Any, EngineVerdict]
) -> EngineVerdict:
    """Run a reading on the screen's loop, which owns the engines; called from the thread."""
    try:
        return asyncio.run_coroutine_threadsafe(reading, loop).result()
    except RuntimeError:
        reading.close()  # the loop has ended meanwhile
        raise
