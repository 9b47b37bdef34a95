"""The commands of the run screen, one method each."""

from __future__ import annotations

from abc import abstractmethod
from functools import partialmethod
from typing import TYPE_CHECKING

from hermes_tui.model.events import MessageAppended
from hermes_tui.ui.layout import PANES
from hermes_tui.ui.panes.errors import ErrorsPane
from hermes_tui.ui.render.message import MODES
from hermes_tui.ui.screens.base import CommandScreen
from hermes_tui.ui.screens.moving import Moving
from hermes_tui.ui.screens.run_copying import RunCopying
from hermes_tui.ui.screens.run_relatives import RunRelatives
from hermes_tui.ui.widgets.row_list import RowList
from hermes_tui.ui.widgets.text_view import TextView

if TYPE_CHECKING:
    from hermes_tui.ui.lab.model import LabText
    from hermes_tui.ui.screens.lab import LabScreen
    from hermes_tui.ui.widgets.prompt import Prompt


MAY_STILL_COME = frozenset(
    {"next-call", "previous-call", "next-problem", "previous-problem", "gold"}
)
"""Commands whose target may still come in while the file is being read."""
_MODE_NAMES = {"plain": "plain text", "markdown": "Markdown", "json": "JSON"}


class RunCommands(RunCopying, RunRelatives, Moving, CommandScreen):
    """Moves the model and reports the outcome; how it is shown is up to the screen."""

    @abstractmethod
    def shown_panes(self) -> list[str]: ...

    @abstractmethod
    def on_call(self) -> bool: ...

    def why_unavailable(self, command_id: str) -> str:
        why = super().why_unavailable(command_id)
        return why + self.model.so_far if command_id in MAY_STILL_COME else why

    # Commands: moving

    def do_open(self) -> None:
        pane = self.focused_pane()
        if isinstance(pane, ErrorsPane):
            row = pane.chosen_row()
            if row is not None:
                self.go_to_row(row)
                self.show_pane("timeline")
        elif pane.id == "metadata":
            self._open_metadata_line()
        elif isinstance(pane, RowList) and pane.id == "timeline":
            self.show_pane("calls" if self.on_call() else "message")
        elif pane.id == "message" and self._is_on_assistant():
            self.do_lab()
        elif not (pane.id == "calls" and self.open_subagent()):
            self.toggle_zoom()

    def _open_metadata_line(self) -> None:
        """Unfold the line under the cursor of the metadata pane, or go where it points."""
        pane = self.metadata_pane()
        line = pane.line() if pane is not None else None
        if pane is None or line is None:
            return
        if line.folds:
            pane.unfold(line.folds)
        elif line.row is not None:
            self.go_to_row(line.row)
            self.show_pane("timeline")
        elif line.run is not None:
            self.hermes.open_relative(self, line.run)

    def do_gold(self) -> None:
        """Go to the next step at which people saw the run go wrong."""
        timeline = self.model.timeline
        found = map(timeline.row_of, timeline.state.tally.gold_failures)
        rows = [row for row in found if row is not None]
        if rows:
            self.go_to_row(next((row for row in rows if row > self.model.row), rows[0]))

    def _is_on_assistant(self) -> bool:
        """Return whether the message pane shows a text of the assistant."""
        event = self.model.state().event
        return (
            isinstance(event, MessageAppended)
            and event.message.role == "assistant"
            and bool(event.message.text)
        )

    def _go_kind(self, step: int, kind: str) -> None:
        if self.model.go_kind(step, kind):
            self.moved()
        else:
            self.say(f"no further {kind}{self.model.so_far}" if step > 0 else f"no earlier {kind}")

    def do_bottom(self) -> None:
        if self.focused_pane().id == "timeline" and self.feed.is_reading:
            self.feed.go_to_end()
            self.model.settle()
            self.moved()
            self.hurry()
        else:
            super().do_bottom()

    do_next_call = partialmethod(_go_kind, 1, "call")
    do_previous_call = partialmethod(_go_kind, -1, "call")
    do_next_turn = partialmethod(_go_kind, 1, "turn")
    do_previous_turn = partialmethod(_go_kind, -1, "turn")
    do_next_problem = partialmethod(_go_kind, 1, "problem")
    do_previous_problem = partialmethod(_go_kind, -1, "problem")

    def do_next_run(self) -> None:
        self.hermes.switch_run(self, 1)

    def do_previous_run(self) -> None:
        self.hermes.switch_run(self, -1)

    def do_pair(self) -> None:
        row = self.model.pair()
        if row is None:
            self.say("no result or call belongs to this row")
        else:
            self.go_to_row(row)

    def do_mark(self) -> None:
        self.ask("mark with a letter", "mark", one_letter=True)

    def answered_mark(self, event: Prompt.Answered) -> None:
        self.model.marks[event.value] = self.model.row
        self.say(f"row {self.model.row + 1:,} is marked {event.value}")
        self.refresh_view()

    def do_to_mark(self) -> None:
        if not self.model.marks:
            self.say(self.keys.format("no marks yet: {mark} sets one"))
            return
        known = " ".join(sorted(self.model.marks))
        self.ask(f"go to mark ({known})", "to-mark", one_letter=True)

    def answered_to_mark(self, event: Prompt.Answered) -> None:
        row = self.model.marks.get(event.value)
        if row is None:
            self.say(f"nothing is marked {event.value}")
            return
        self.go_to_row(row)

    def do_go_to(self) -> None:
        self.ask("go to row, t3 turn, s12 event, 50%", "go-to")

    def answered_go_to(self, event: Prompt.Answered) -> None:
        wrong = self.model.go_to(event.value)
        if wrong:
            self.say(wrong)
        else:
            self.go_to_row(self.model.row)

    def do_cancel(self) -> None:
        self.stopped_at = self.feed.progress()
        self.feed.cancelled = True
        self.say("stopped reading; what was read so far is shown")

    # Commands: looking

    def _show_numbered_pane(self, number: int) -> None:
        self.show_pane(PANES[number - 1])

    do_pane_1 = partialmethod(_show_numbered_pane, 1)
    do_pane_2 = partialmethod(_show_numbered_pane, 2)
    do_pane_3 = partialmethod(_show_numbered_pane, 3)
    do_pane_4 = partialmethod(_show_numbered_pane, 4)
    do_pane_5 = partialmethod(_show_numbered_pane, 5)
    do_pane_6 = partialmethod(_show_numbered_pane, 6)
    do_pane_7 = partialmethod(_show_numbered_pane, 7)
    do_pane_8 = partialmethod(_show_numbered_pane, 8)

    def _cycle_pane(self, step: int) -> None:
        names = self.shown_panes()
        here = str(self.focused_pane().id)
        at = names.index(here) + step if here in names else 0
        self.show_pane(names[at % len(names)])

    do_next_pane = partialmethod(_cycle_pane, 1)
    do_previous_pane = partialmethod(_cycle_pane, -1)

    def do_zoom(self) -> None:
        self.toggle_zoom()

    def do_view(self) -> None:
        self.model.mode = MODES[(MODES.index(self.model.mode) + 1) % len(MODES)]
        self.say(f"texts are shown as {_MODE_NAMES[self.model.mode]}")
        self.refresh_view()

    def do_raw_beside(self) -> None:
        self.model.raw_beside = not self.model.raw_beside
        self.show_pane("calls")

    def do_wrap(self) -> None:
        views = list(self.query(TextView))
        for view in views:
            view.wrap = not view.wrap
        self.say("long lines are " + ("wrapped" if views[0].wrap else "cut"))

    def do_lab(self) -> None:
        """Open the parser lab on the assistant message of the turn under the cursor."""
        from hermes_tui.ui.lab.opening import lab_text

        given = lab_text(self.model.timeline, self.model.row)
        if given is None:
            self.say("no assistant message belongs to this row")
        else:
            given = given._replace(parser=self.feed.parser or given.parser)
            self.app.push_screen(self.lab_of(given))

    def lab_of(self, given: LabText) -> LabScreen:
        """Return the lab for a text of this run."""
        from hermes_tui.ui.screens.lab import LabScreen

        return LabScreen(given)

    def do_compare(self) -> None:
        self.hermes.compare_run(self.feed, self.say)
