"""A finding of the lab taken away: the smallest text that still fails, a bug report, a test."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from hermes_tui.model.errors import StoreError
from hermes_tui.parsers.choice import AUTO
from hermes_tui.ui.lab.parsers import EMULATED, lab_parser
from hermes_tui.ui.screens.lab_commands import LabCommands

if TYPE_CHECKING:
    from asyncio import Future

    from hermes_tui.parsers.engines.base import EngineParser
    from hermes_tui.parsers.report import Reproduction
    from hermes_tui.ui.widgets.prompt import Prompt

FOLDER = "reproductions"


class LabTakeAway(LabCommands):
    """Writes reproductions; the text is reduced in the thread, so that keys stay alive."""

    _reduction: tuple[Path, Future[Reproduction]] | None = None

    def do_lab_reproduce(self) -> None:
        model = self.model
        if model.parser.source != EMULATED:
            self.say("a report is about an engine's parser: m or p chooses one")
        elif not model.failures:
            self.say(f"nothing failed: {model.parser.name} has no finding in this text")
        elif self._reduction is not None:
            self.say("the last one is still being reduced")
        else:
            self.ask("write the reproduction into folder", "lab-reproduce", FOLDER)

    def answered_lab_reproduce(self, event: Prompt.Answered) -> None:
        from hermes_tui.parsers.report import reproduction_of

        if not event.value.strip():
            return
        model, reader = self.model, lab_parser(AUTO).parser
        parser = cast("EngineParser", model.parser.parser)
        is_real = model.real is not None
        work = partial(reproduction_of, model.text, parser, model.tools, reader, real=is_real)
        self._reduction = (Path(event.value.strip()).expanduser(), self.thread.submit(work))
        self.say("reducing the text to the smallest that still fails …")
        self.hurry()

    def pump(self) -> bool:
        if self._reduction is not None and self._reduction[1].done():
            (folder, reproduction), self._reduction = self._reduction, None
            self._write(folder, reproduction.result())
        return super().pump() or self._reduction is not None

    def on_unmount(self) -> None:
        if self._reduction is not None:
            self._reduction[1].cancel()

    def _write(self, folder: Path, reproduction: Reproduction) -> None:
        from hermes_tui.runtime.reproduction import write_reproduction

        try:
            written = write_reproduction(folder, reproduction)
        except StoreError as error:
            self.say(str(error))
            return
        whole = reproduction.whole or reproduction.text
        size = f"{len(reproduction.text):,} of {len(whole):,} characters"
        self.say(f"{written}: {size}, a report, a test")
