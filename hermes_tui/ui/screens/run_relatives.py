"""From a call to the run that it started, and from a run to the call that started it."""

from __future__ import annotations

from abc import abstractmethod

from hermes_tui.log.timeline import Timeline
from hermes_tui.model.events import ToolCallProposed
from hermes_tui.model.visible import visible_line
from hermes_tui.model.wording import title
from hermes_tui.ui.run_relations import Relative, caller_of, subagent_of
from hermes_tui.ui.screens.run_finding import RunFinding

MAX_ID_LENGTH = 60


class RunRelatives(RunFinding):
    """Replaces this run by a related one of the list, at the call that connects the two."""

    notice: str

    @abstractmethod
    def show_pane(self, name: str) -> None: ...

    def __init__(self) -> None:
        super().__init__()
        self._child = ""
        """The id of the run from which this one was opened, until its call is found."""
        self._child_call = ""
        """The id of that call, if that run records it."""
        self._searched_rows = 0
        """How many rows have been searched for the call."""
        self._call_turn = 0
        """The turn of the parent in which this run was started; 0 if it is unknown."""
        self._call = ""
        """The id of the call that started this run, if its parent records it."""

    def relatives_with_calls(self) -> tuple[Relative, ...]:
        """Return the parent and the children of this run, each with the call that started it."""
        return tuple(map(self._with_call, self.hermes.relatives(self.feed)))

    def _with_call(self, relative: Relative) -> Relative:
        if relative.kind == "parent":
            call = self.begun_by()
        else:
            details = self.model.timeline.state.details
            call = _call_text(caller_of(details, relative.run_id))
        return relative._replace(text=f"{call} · {relative.text}") if call else relative

    def begun_by(self) -> str:
        """Return the call that started this run, in words; empty if it is unknown."""
        details = self.model.timeline.state.details
        call = self._call or str(details.get("called_by") or "")
        return _call_text(call, str(details.get("called_by_tool") or ""), self._call_turn)

    def open_subagent(self) -> bool:
        """Open the run that the call under the cursor started; return whether it started any."""
        from hermes_tui.ui.render.calls import selected_call

        timeline = self.model.timeline
        _, call = selected_call(timeline, self.model.row) if len(timeline) else (None, None)
        run = subagent_of(timeline.state.details, call.id) if call is not None else ""
        if not run:
            return False
        relatives = self.hermes.relatives(self.feed)
        found = next((one for one in relatives if title(one.run_id) == run), None)
        if found is None:
            self.say(f"subagent {visible_line(run, MAX_ID_LENGTH)} is not among these runs")
        else:
            self.hermes.open_relative(self, found.place)
        return True

    def arrive_from(self, other: RunRelatives) -> None:
        """Show this run instead of `other`, at the call that started `other`, if any did."""
        own_state, other_timeline = self.model.timeline.state, other.model.timeline
        self.show_pane("metadata" if other.focused_pane().id == "metadata" else "timeline")
        call = caller_of(other_timeline.state.details, own_state.run_id)
        if call:
            self._call = call
            row = _row_of_call(other_timeline, call, 0)
            self._call_turn = other_timeline.turn(row) if row is not None else 0
            self.notice = self.begun_by()
        elif other_timeline.state.parent_run_id:
            self._child = other_timeline.state.run_id
            self._child_call = str(other_timeline.state.details.get("called_by") or "")

    def seek_call(self) -> None:
        """Go to the call that started the run from which this one was opened, once it is read."""
        if not (self._child or self._child_call):
            return
        timeline, model = self.model.timeline, self.model
        if model.row and not model.follow:
            # The user has moved on already.
            self._child = self._child_call = ""
            return
        call = self._child_call or caller_of(timeline.state.details, self._child)
        row = _row_of_call(timeline, call, self._searched_rows) if call else None
        self._searched_rows = len(timeline) if call else 0
        if row is None and not timeline.finished:
            return
        self._child = self._child_call = ""
        if row is not None:
            model.follow = False
            model.show_row(row)
            self.show_pane("timeline")


def _call_text(call: str, tool: str = "", turn: int = 0) -> str:
    if not call:
        return ""
    tool_text = f" of {visible_line(tool, MAX_ID_LENGTH)}" if tool else ""
    where = f" in turn {turn:,}" if turn else ""
    return f"started by call {visible_line(call, MAX_ID_LENGTH)}{tool_text}{where}"


def _row_of_call(timeline: Timeline, call: str, first: int) -> int | None:
    """Return the row of the call with an id, from the row `first` on, or None if there is none."""
    for row in timeline.rows_from("call", first - 1, 1):
        event = timeline.event(row)
        if isinstance(event, ToolCallProposed) and title(event.call.id or "") == call:
            return row
    return None
