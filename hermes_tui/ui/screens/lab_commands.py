"""The commands of the parser lab, one method each."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import partialmethod
from typing import TYPE_CHECKING

from hermes_tui.model.diagnostics import Diagnostic
from hermes_tui.model.errors import HermesError
from hermes_tui.model.spans import Span
from hermes_tui.parsers.choice import AUTO, near_names
from hermes_tui.runtime.parser_names import REAL, real_name, runs_file
from hermes_tui.ui.lab.parsers import choices, is_known, known_name, why_no_replay
from hermes_tui.ui.lab.verdicts import Verdict
from hermes_tui.ui.screens.lab_reading import LabReading
from hermes_tui.ui.screens.moving import Moving
from hermes_tui.ui.screens.searching import Searching
from hermes_tui.ui.search import Search
from hermes_tui.ui.widgets.text_view import TextView

if TYPE_CHECKING:
    from hermes_tui.runtime.engines.added import AddedEngine
    from hermes_tui.ui.lab.stream import StreamModel
    from hermes_tui.ui.widgets.prompt import Prompt

_MAX_OFFERED = 20
SIZES = (1, 2, 3, 4, 5, 8, 16, 32, 64)

Hand = Callable[[str, Sequence[tuple[str, str]], str, str], str]
"""Gives a live run another text or, if there are any, calls (name, arguments) read from its text
by the parser of that name, and the content that this leaves; returns why that is not possible, or
""."""


class LabCommands(Searching, Moving, LabReading):
    """Steps, compares, edits and replays; how that is shown is up to the screen."""

    side: str
    """The pane shown in place of the steps: "", matrix, which, fixes, stream or sweep."""
    hand: Hand | None
    search: Search | None

    @property
    def shown_stream(self) -> StreamModel | None:
        """The replay whose deltas are listed in place of the steps, or None."""
        return self.stream if self.side == "stream" else None

    @property
    @abstractmethod
    def is_editing(self) -> bool: ...

    @abstractmethod
    def show_pane(self, name: str) -> None: ...

    @abstractmethod
    def show_side(self, side: str) -> None: ...

    @abstractmethod
    def side_cursor(self) -> int: ...

    @abstractmethod
    def side_verdict(self) -> Verdict | None: ...

    @abstractmethod
    def result_target(self) -> Diagnostic | Span | None: ...

    @abstractmethod
    def reveal(self, span: Span) -> None: ...

    @abstractmethod
    def look_at(self, span: Span) -> None: ...

    @abstractmethod
    def begin_edit(self) -> None: ...

    @abstractmethod
    def end_edit(self) -> None: ...

    # Moving

    def do_lab_pane_1(self) -> None:
        self.show_pane("text")

    def do_lab_pane_2(self) -> None:
        self.show_pane("steps")

    def do_lab_pane_3(self) -> None:
        self.show_pane("result")

    def _cycle(self, step: int) -> None:
        names = ("text", "steps", "result")
        here = str(self.focused_pane().id).replace("side", "steps")
        self.show_pane(names[(names.index(here) + step) % len(names)])

    do_next_pane = partialmethod(_cycle, 1)
    do_previous_pane = partialmethod(_cycle, -1)

    # Stepping

    def _show_step(self, moved: bool, refusal: str) -> None:
        if not moved:
            self.say(refusal)
        elif self.side:
            self.show_side("")
        self.refresh_view()

    def do_lab_step(self) -> None:
        self._step(1, self.model.step_in)

    do_lab_forward = do_lab_step

    def do_lab_back(self) -> None:
        self._step(-1, self.model.step_back)

    def _step(self, by: int, move: Callable[[], bool]) -> None:
        stream = self.shown_stream
        if stream is None:
            refusal = "this is the last step" if by > 0 else "this is the whole parse"
            self._show_step(move(), refusal)
            return
        if not stream.go(stream.at + by):
            self.say("nothing more is sent" if by > 0 else "nothing was sent before")
        self.refresh_view()

    def do_lab_next(self) -> None:
        self._step(1, self.model.step_over)

    def do_lab_out(self) -> None:
        if (stream := self.shown_stream) is not None:
            stream.go(stream.deltas)
            self.refresh_view()
        else:
            self._show_step(self.model.step_out(), "this is the last step")

    def do_lab_failure(self) -> None:
        stream = self.shown_stream
        if stream is None:
            self._show_step(self.model.next_failure(), "no further failure")
            return
        at = stream.next_delta_with_calls()
        if at is None:
            self.say("no further part of a call is sent")
        else:
            stream.go(at)
        self.refresh_view()

    def do_lab_previous_failure(self) -> None:
        self._show_step(self.model.previous_failure(), "no earlier failure")

    # Following a row

    def do_lab_open(self) -> None:
        pane = str(self.focused_pane().id)
        if pane == "side":
            self._open_side()
        elif pane == "result":
            target = self.result_target()
            if isinstance(target, Diagnostic):
                self.model.point_at(target)
                self.refresh_view()
                target = target.span
            if target is not None:
                self.look_at(target)
        elif (step := self.model.current) is not None:
            self.look_at(step.span)

    def _open_side(self) -> None:
        at = self.side_cursor()
        if self.side in ("matrix", "which"):
            verdict = self.side_verdict()
            if verdict is not None:
                self.choose(verdict)
        elif self.side == "fixes" and at < len(self.suggestions):
            chosen = self.suggestions[at]
            if chosen.parser != self.model.parser.name and is_known(chosen.parser):
                self.model.choose(chosen.parser)
            self.model.set_text(chosen.text)
            self.show_side("")
            self.read()
            hint = "; {lab-restore} restores the text as it was, {lab-copy} copies this one"
            self.say(chosen.description + self.keys.format(hint))
            self.refresh_view()
        elif self.side == "sweep" and self.stream is not None and at < len(self.stream.swept):
            self.begin_stream(self.stream, split=self.stream.swept[at].split)
            self.show_side("stream")

    def choose(self, verdict: Verdict) -> None:
        """Show the steps of a parser, or of our own reading if it is not emulated."""
        real = verdict if verdict.is_real else None
        is_emulated = is_known(verdict.name)
        self.model.choose(verdict.name if is_emulated else AUTO, real)
        if not is_emulated:
            self.say(f"{verdict.name} is not emulated: its verdict, with the steps of our reading")
        self.show_side("")
        self._read_again()

    def do_lab_parser(self) -> None:
        names = choices("", self.model.text, self._real_names())
        here = self.model.parser.name
        self.ask("parser (engine/name or FILE.py)", "lab-parser", here, replace=True, choices=names)
        self._show_choices("")

    def on_prompt_typed(self, event: Prompt.Typed) -> None:
        if event.purpose == "lab-parser":
            here = event.value == self.model.parser.name
            self._show_choices("" if here else event.value)

    def _show_choices(self, typed: str) -> None:
        """List the parsers whose names contain the typed text."""
        names = choices(typed, self.model.text, self._real_names())
        none = f"no parser has {typed!r} in its name"
        if runs_file(typed.strip()):
            none = f"Enter runs the parser in the file {typed.strip()!r}"
        self.say(" · ".join(names[:_MAX_OFFERED]) or none)

    def _real_names(self) -> list[str]:
        from hermes_tui.runtime.real_parser import name_of

        return [name_of(engine, name) for engine in self.engines() for name in engine.names]

    def answered_lab_parser(self, event: Prompt.Answered) -> None:
        text = event.value.strip()
        if len(only := choices(text, self.model.text, self._real_names())) == 1:
            text = only[0]
        if real_name(text).startswith(REAL):
            self._choose_real(real_name(text))
            return
        name = known_name(text)
        if not name:
            near = ", ".join(near_names(text))
            hint = f"did you mean {near}?" if near else self.keys.format("{lab-matrix} lists them")
            self.say(f"no parser {text!r}; {hint}")
            return
        self.model.choose(name)
        self._read_again()

    def _choose_real(self, name: str) -> None:
        """Show the verdict of an added engine's parser as soon as it has read the text."""
        from hermes_tui.runtime.real_parser import engine_of

        try:
            engine, parser = engine_of(name, self.pool.engines)
        except HermesError as error:
            self.say(str(error))
            return
        if engine.file:
            self.pool.take(engine)
        self.say(self.waiting_text(engine.name, parser))
        self.run_worker(self._show_verdict_of(engine, parser), group="lab real", exclusive=True)

    async def _show_verdict_of(self, engine: AddedEngine, parser: str) -> None:
        verdict = await self.engine_verdict(engine, parser)
        if verdict is not None:
            self.choose(verdict)

    def _read_again(self) -> None:
        if not self.model.is_read:
            self.read()
        self.ask_engines(all_parsers=self.compares)
        self.refresh_view()

    # Comparing

    def _toggle_comparison(self, side: str) -> None:
        if self.side == side:
            self.show_side("")
            return
        self.compares = True
        self.show_side(side)
        self.hurry()
        self.ask_engines(all_parsers=True)

    do_lab_matrix = partialmethod(_toggle_comparison, "matrix")
    do_lab_which = partialmethod(_toggle_comparison, "which")

    # What if

    def do_lab_edit(self) -> None:
        self.show_side("")
        self.begin_edit()

    def do_lab_fixes(self) -> None:
        if self.side == "fixes":
            self.show_side("")
            return
        self.suggestions = ()
        self.look_for_fixes()
        self.show_side("fixes")

    def do_lab_restore(self) -> None:
        self.model.set_text(self.model.given.text)
        self.read()
        self.refresh_view()
        self.say("the text as it was")

    def do_lab_hand(self) -> None:
        if self.hand is None:
            return
        model, read = self.model, self.model.verdict
        calls = () if model.is_edited or read is None else read.calls
        if not model.is_edited and not calls:
            missing = (
                f"{model.parser.name} reads no call here" if read else "it is still being read"
            )
            hint = self.keys.format("{lab-edit} edits, {lab-matrix} compares parsers")
            self.say(f"nothing was changed and {missing}: {hint}")
            return
        content = (read.content if read is not None else None) or ""
        wrong = self.hand(model.text, calls, model.parser.name, content)
        if wrong:
            self.say(wrong)
        else:
            self.hermes.leave()

    def do_lab_copy(self) -> None:
        verdict = self.side_verdict() if self.side in ("matrix", "which") else None
        if verdict is None:
            self.copy(self.model.text)
            return
        self.hermes.copy(verdict.flag)
        no_flag = f"{verdict.name} is not a parser of a server"
        self.say(f"copied {verdict.flag}" if verdict.flag else no_flag)

    # Streaming

    def do_lab_stream(self) -> None:
        stream = self._streamable_for("stream")
        if stream is not None:
            self.show_side("stream")
            self.begin_stream(stream)

    def _streamable_for(self, side: str) -> StreamModel | None:
        """Return what can be streamed; None without an engine, or if this closes `side`."""
        if self.side == side:
            self.show_side("")
            return None
        stream = self.streamable()
        if stream is None:
            self.say(self.keys.format(why_no_replay(self.model.parser)))
        return stream

    def _resize(self, by: int) -> None:
        if self.stream is not None:
            at = SIZES.index(self.stream.size) + by
            self.stream.size = SIZES[max(0, min(at, len(SIZES) - 1))]
            self._replay_again()

    do_lab_larger = partialmethod(_resize, 1)
    do_lab_smaller = partialmethod(_resize, -1)

    def do_lab_unit(self) -> None:
        if self.stream is not None:
            self.stream.by_characters = not self.stream.by_characters
            self._replay_again()

    def _replay_again(self) -> None:
        if self.stream is not None:
            self.show_side("stream")
            self.begin_stream(self.stream)

    def do_lab_sweep(self) -> None:
        stream = self._streamable_for("sweep")
        if stream is not None:
            self.stream = stream
            self.show_side("sweep")
            self.begin_sweep(stream)

    # Finding

    def search_begun(self) -> Search | None:
        return self.search

    def begin_search(self, search: Search | None) -> None:
        self.search = search
        self.go_match(0)

    def do_wrap(self) -> None:
        view = self.query_one("#text", TextView)
        view.wrap = not view.wrap
        self.say("long lines are " + ("wrapped" if view.wrap else "cut"))

    def do_clear(self) -> None:
        if self.is_editing:
            self.end_edit()
        elif self.side:
            self.stop_comparing()
            self.show_side("")
        elif self.search is not None:
            self.search = None
        else:
            self.show_back_hint()
        self.refresh_view()

    def do_back(self) -> None:
        if self.is_editing or self.side:
            self.do_clear()
        else:
            super().do_back()
