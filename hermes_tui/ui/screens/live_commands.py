"""The commands of a live run except edits, one method each.

Modules that the first paint does without are imported when they are first needed.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import partialmethod
from typing import TYPE_CHECKING, cast

from hermes_tui.debugger.stepping import Command, Phase, StopPoint
from hermes_tui.model.errors import HermesError, IllegalCommand, UsageError
from hermes_tui.model.wording import counted
from hermes_tui.ui.commands import BY_ID, DEBUG, shown_key
from hermes_tui.ui.live_feed import LiveFeed
from hermes_tui.ui.live_model import breakpoint_for, last_stop
from hermes_tui.ui.screens.run import RunScreen

if TYPE_CHECKING:
    from hermes_tui.debugger import inputs
    from hermes_tui.debugger.breakpoints import Breakpoint
    from hermes_tui.debugger.state import SessionState
    from hermes_tui.model.messages import ToolSpec
    from hermes_tui.runtime.branches import Branch
    from hermes_tui.ui.live_app import LiveApp
    from hermes_tui.ui.widgets.prompt import Prompt

BREAKPOINT_HINT = 'if EXPRESSION, ignore N, every N, once, log "…" may follow'
"""The hint while a breakpoint is asked for: what may follow the stop point."""
UNGUARDED = frozenset(
    {
        "pause",
        "cancel-current",
        "back-in-time",
        "on-in-time",
        "recording",
        "branches",
        "breakpoints",
        "interrupt",
    }
)
"""Commands of the debugger that do not resume the run, so that a stray key does no harm."""


class LiveCommands(RunScreen):
    """Steps the run, sets breakpoints, looks back, forks."""

    feed: LiveFeed
    _message_until_stop = ""

    @property
    def live_app(self) -> LiveApp:
        return cast("LiveApp", self.app)

    @property
    def state(self) -> SessionState:
        """The session's state; for commands that are available only in a live run."""
        assert self.feed.driver is not None
        return self.feed.driver.session.state

    @abstractmethod
    def is_guarded(self) -> bool: ...

    @abstractmethod
    def show_branch(self, branch: Branch) -> None: ...

    def action_command(self, command_id: str) -> None:
        command = BY_ID[command_id]
        if command.group == DEBUG:
            if command_id not in UNGUARDED and self.is_guarded():
                key = shown_key(command, self.hermes.config.keys)
                self.say_until_stop(f"{key} came too soon after the stop and was ignored")
                return
            if not command.enabled(self.situation()):
                self.say_until_stop(f"{command.label.lower()}: {self._why_unavailable(command_id)}")
                return
        if command_id not in ("back", "interrupt"):
            self.live_app.forget_leaving()
        super().action_command(command_id)

    def say_until_stop(self, message: str) -> None:
        """Show a message that the next stop makes obsolete."""
        self._message_until_stop = message
        self.say(message)

    def forget_until_stop(self) -> None:
        """Clear the message shown until a stop, unless it has been replaced since."""
        if self._message and self._message == self._message_until_stop:
            self._message = ""
            self.live_app.repeat_leave_question()

    def _why_unavailable(self, command_id: str) -> str:
        from hermes_tui.ui.unavailable import why_unavailable

        driver = self.feed.driver
        if driver is None:
            why = why_unavailable(command_id, None, broken=False, tool_ran=False)
        else:
            broken, tool_ran = driver.failure is not None, driver.session.state.tool_ran
            why = why_unavailable(command_id, driver.phase, broken=broken, tool_ran=tool_ran)
        return self.keys.format(why)

    def put(self, what: inputs.Input) -> bool:
        """Put an input into the run and go to its head; return whether it was legal."""
        driver = self.feed.driver
        if driver is None:
            return False
        try:
            driver.put(what)
        except (IllegalCommand, UsageError) as error:
            self.say(str(error))
            return False
        self.go_live()
        return True

    def go_live(self) -> None:
        """Put the cursor at the head of the run, and let it follow."""
        self.model.follow = True
        self.feed.step(0.02)
        self.feed.to_head()
        self.model.settle()
        self.moved()
        self.hurry()

    # Stepping

    def _resume(self, command: Command) -> None:
        from hermes_tui.debugger import inputs

        stop = last_stop(self.model.log)
        if stop is not None and stop.stop_point == StopPoint.MANUAL:
            self.do_answer()
        else:
            self.put(inputs.Resume(command))

    do_continue = partialmethod(_resume, Command.CONTINUE)
    do_next = partialmethod(_resume, Command.NEXT)
    do_step_in = partialmethod(_resume, Command.STEP_IN)
    do_step_out = partialmethod(_resume, Command.STEP_OUT)
    do_run_on = partialmethod(_resume, Command.RUN)

    @abstractmethod
    def do_answer(self) -> None: ...

    def do_pause(self) -> None:
        from hermes_tui.debugger import inputs

        if self.put(inputs.Pause()):
            self.say_until_stop(self._stop_message())

    def _stop_message(self) -> str:
        if self.feed.send_delay_s():
            return f"stopping once attempt {self.state.attempt} is sent and answered"
        return "stopping at the next stop point"

    def do_cancel_current(self) -> None:
        driver = self.feed.driver
        if driver is not None and driver.can_cancel:
            driver.cancel_current()
            self.say_until_stop("cancelled by hand: it fails, and the run stops there")

    def do_end_run(self) -> None:
        self.ask("end the run for good? y ends it", "end-run", one_letter=True)

    def answered_end_run(self, event: Prompt.Answered) -> None:
        from hermes_tui.debugger import inputs

        if event.value in ("y", "Y"):
            self.put(inputs.Terminate())
        else:
            self.say("the run is not ended")

    def do_back(self) -> None:
        self.live_app.ask_to_leave()

    def do_interrupt(self) -> None:
        from hermes_tui.debugger import inputs

        driver = self.feed.driver
        working = driver is not None and driver.phase in (Phase.REQUESTING, Phase.DISPATCHING)
        if working and not self.live_app.is_leaving and not self.state.pausing:
            self.put(inputs.Pause())
            self.live_app.ask_to_leave(self._stop_message())
        else:
            self.live_app.ask_to_leave()

    # Breakpoints

    def do_breakpoint(self) -> None:
        text = breakpoint_for(self.model.timeline, self.model.row)
        self.ask("breakpoint", "breakpoint", text)
        self.say(BREAKPOINT_HINT)

    def answered_breakpoint(self, event: Prompt.Answered) -> None:
        from hermes_tui.debugger.breakpoints import (
            Action,
            free_id,
            parse_breakpoint,
            why_without_effect,
        )

        if not event.value.strip():
            return
        try:
            # Hits are counted by id, so that of a deleted breakpoint is not reused.
            new_id = free_id({*self.state.breakpoints, *self.state.hits})
            added = parse_breakpoint(event.value, breakpoint_id=new_id)
        except UsageError as error:
            self.ask("breakpoint", "breakpoint", event.value)
            self.say(str(error))
            return
        if self._set_breakpoints((*self.state.breakpoints.values(), added), None):
            way = ": {run-on} runs to it, {continue} stops at every call · "
            stops = " stops at " if added.action is Action.STOP else " is set: "
            before = self.keys.format(way) if self.stops_first() else stops
            flaw = next(why_without_effect(added, self._tools()), "")
            effect = f" is set, but {flaw}" if flaw else f"{before}{added.text}"
            self.say(f"{added.id}{effect}")

    def _tools(self) -> tuple[ToolSpec, ...] | None:
        """Return the tools of the run, or None if they are not known."""
        tools = self.state.tools
        return None if tools is None else tuple(tools.values())

    def stops_first(self) -> bool:
        """Return whether the run stops at every call, and so before it reaches a breakpoint."""
        state = self.state
        is_set = any(each.enabled for each in state.breakpoints.values())
        return is_set and StopPoint.BEFORE_DISPATCH in state.stop_points

    def _set_breakpoints(
        self, breakpoints: tuple[Breakpoint, ...], stop_points: frozenset[StopPoint] | None
    ) -> bool:
        from hermes_tui.debugger import inputs

        points = self.state.stop_points if stop_points is None else stop_points
        follow, row = self.model.follow, self.model.row
        done = self.put(inputs.SetBreakpoints(breakpoints, points))
        if not follow:
            self.model.follow = False
            self.model.go(row)
            self.moved()
        return done

    def do_breakpoints(self) -> None:
        from hermes_tui.ui.screens.breakpoint_list import BreakpointListScreen

        state = self.state
        screen = BreakpointListScreen(
            tuple(state.breakpoints.values()),
            frozenset(state.stop_points),
            dict(state.hits),
            self._tools(),
        )
        self.open_dialog(screen, lambda settings: self._set_breakpoints(*settings))

    # Time

    def do_bottom(self) -> None:
        if self.focused_pane().id == "timeline":
            self.go_live()
        else:
            super().do_bottom()

    def _move_in_time(self, step: int) -> None:
        model = self.model
        if step > 0 and model.follow:
            self.say("this is the present")
            return
        position = model.position() + step
        if position >= model.visible_rows():
            self.go_live()
            return
        if position < 0:
            self.say("this is the beginning of the run")
            return
        model.follow = False
        model.go(model.row_at(position))
        self.moved()

    do_back_in_time = partialmethod(_move_in_time, -1)
    do_on_in_time = partialmethod(_move_in_time, 1)

    # Branches

    def do_fork(self) -> None:
        timeline = self.model.timeline
        row = min(self.model.row, len(timeline) - 1)
        branches, parent = self.live_app.branches, self.feed.branch
        if branches is None or parent is None or row < 0:
            return
        try:
            branch = branches.fork(parent, timeline.seq(row))
        except HermesError as error:
            self.say(str(error))
            return
        self.show_branch(branch)
        shared = f"{counted(branch.shared, 'event')} with {parent.name}"
        self.say(f"{branch.name} shares {shared}" + self.keys.format("; {branches} lists both"))

    def do_branches(self) -> None:
        from hermes_tui.ui.screens.branches import BranchesScreen

        branches = self.live_app.branches
        if branches is not None and self.feed.branch is not None:
            self.open_dialog(BranchesScreen(branches.all, self.feed.branch), self._go_to_branch)

    def _go_to_branch(self, branch: Branch) -> None:
        if branch is not self.feed.branch:
            self.show_branch(branch)

    def do_recording(self) -> None:
        path = self.feed.branch.path if self.feed.branch is not None else None
        self.say(f"recorded in {path}" if path is not None else "this run is not recorded")
