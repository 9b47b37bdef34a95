"""The run screen of a live run: what the run does, and messages about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from hermes_tui.debugger.loop_rules import is_refused
from hermes_tui.debugger.stepping import Kind, Moment, Phase
from hermes_tui.model.visible import visible_line
from hermes_tui.ui.bindings import bindings_for
from hermes_tui.ui.command import Situation
from hermes_tui.ui.commands import CANCEL
from hermes_tui.ui.live_feed import LiveFeed
from hermes_tui.ui.live_model import (
    WAITING,
    Activity,
    activity_at,
    activity_text,
    head_row,
    hint_at,
    is_edited,
    is_stopped_at_flawed_reply,
    last_stop,
    waiting,
)
from hermes_tui.ui.panes.text_panes import TextPane
from hermes_tui.ui.render.live_status import (
    CONTINUE_EFFECTS,
    FAILED_REQUEST,
    FLAWED_REPLY,
    LOST_REPLY,
    LOST_TOOL,
    REFUSED_CALL,
    UNREAD_CALL,
    phase_segments,
)
from hermes_tui.ui.render.rows import Segments
from hermes_tui.ui.render.streaming import streamed_page, tool_output_page
from hermes_tui.ui.render.titles import complaints_line, status_segments
from hermes_tui.ui.screens.live_edits import LiveEdits
from hermes_tui.ui.view_model import ViewState
from hermes_tui.ui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from hermes_tui.debugger.state import SessionState
    from hermes_tui.runtime.branches import Branch
    from hermes_tui.runtime.driver import Driver
    from hermes_tui.ui.render.document import Document

GUARD_S = 0.25
"""How long after a stop appears keys that resume the run are ignored: they were pressed for
something else."""
PAINT_EVERY_S = 1 / 30
OUTPUT_EVERY_S = 0.1
"""The output of a tool is redrawn after this time at the earliest."""
ADVICE_HEIGHT = 20
"""The height, in lines, from which there is room for advice."""


class LiveScreen(LiveEdits, inherit_bindings=False):
    """The run screen with a line for the state of the run, and a hint above it if there is one.

    `clock` returns monotonic seconds. `hints` are keyed by stop point, or by stop point, turn and
    call: `before_dispatch@2`, `before_dispatch@2.1`; the one for the end of the run by `ended`.
    """

    scope = "live"
    BINDINGS: ClassVar = bindings_for("live")
    DEFAULT_CSS = """
    LiveScreen #hint { display: none; }
    LiveScreen #hint.given { display: block; }
    """
    pumps_in_background = True
    busy_every_s = PAINT_EVERY_S
    draw_every_s = 0.0

    def __init__(
        self,
        feed: LiveFeed,
        *,
        hints: Mapping[str, str] | None,
        clock: Callable[[], float],
    ) -> None:
        super().__init__(feed)
        self.hints = hints or {}
        self.clock = clock
        self._stop_seen = -1
        self._stop_seen_at = -GUARD_S
        self._streamed = 0
        self._printed, self._printed_at = (0, 0), -OUTPUT_EVERY_S
        """The log length and output size drawn last while a tool printed, and the time of that."""
        self._was_over = False
        self._complaint = ""

    def further_lines(self) -> Iterable[StatusLine]:
        resolve = self.hermes.style
        yield StatusLine(resolve, base="status", id="hint")
        yield StatusLine(resolve, base="status", keeps_left=True, id="phase")

    # The run

    def show_branch(self, branch: Branch) -> None:
        """Show a branch from now on."""
        if (before := self.feed.branch) is not None:
            before.driver.on_change = partial(self._on_other_branch, before)
        self.feed.show(branch)
        branch.driver.on_change = self.hurry
        self._stop_seen = -1
        self.forget_until_stop()
        self.feed.step(0.02)
        self._check_for_stop()
        self.moved()
        self.hurry()

    def _on_other_branch(self, branch: Branch) -> None:
        """Report that a branch that is not on screen waits for the user, or has ended."""
        if branch.driver.phase in (Phase.STOPPED, Phase.ENDED):
            log = branch.log
            doing = activity_at(log, len(log) - 1)
            about = " — ".join(filter(None, (activity_text(doing), doing.why)))
            self.say(f"{branch.name}: {about}" + self.keys.format("; {branches} goes there"))

    def pump(self) -> bool:
        driver = self.feed.driver
        if driver is None:
            return False
        self._raise_mistakes()
        self._complain()
        rows = len(self.model.timeline)
        super().pump()
        is_finding = self.find_on()
        self._check_for_stop()
        if rows != len(self.model.timeline) and self.model.follow:
            # Another pane may fit the new row, such as that of the calls.
            self.moved()
        elif (streaming := self._streaming_driver()) is not None:
            self._refresh_stream(streaming)
        elif self._has_new_output():
            self._fill_panes(self._output_pane)
            self.refresh_lines()
        elif self.feed.working_s() is not None:
            self.refresh_lines()
        return is_finding or driver.phase in (Phase.REQUESTING, Phase.DISPATCHING)

    def _complain(self) -> None:
        """Show the complaints about breakpoints and tools when they change."""
        if (complaint := complaints_line(self.live_app.complaints, self.keys)) != self._complaint:
            self._complaint = self.notice = complaint

    def _raise_mistakes(self) -> None:
        """Raise any mistake of our own in a branch, so that it is reported like any other."""
        branches = self.live_app.branches
        for branch in branches.all if branches is not None else ():
            if branch.driver.mistake is not None:
                raise branch.driver.mistake

    def _check_for_stop(self) -> None:
        stop = last_stop(self.model.log)
        if stop is not None and stop.seq != self._stop_seen:
            self._stop_seen, self._stop_seen_at = stop.seq, self.clock()
            self.forget_until_stop()
        driver = self.feed.driver
        is_over = driver is not None and (driver.phase is Phase.ENDED or driver.failure is not None)
        if is_over != self._was_over:
            self._was_over = is_over
            self.forget_until_stop()

    def is_guarded(self) -> bool:
        """Return whether a stop appeared so recently that a key cannot be an answer to it."""
        return self.clock() - self._stop_seen_at < GUARD_S

    # Showing

    def situation(self) -> Situation:
        driver, model = self.feed.driver, self.model
        situation = super().situation()
        if driver is None:
            return situation
        legal = self._legal(driver)
        return situation._replace(
            live=True,
            legal=legal,
            failed=Kind.RESUME in legal and driver.session.state.moment is Moment.FAILURE,
            flawed=is_stopped_at_flawed_reply(model.log),
            stops_first=self.stops_first(),
            past=not model.follow,
            branches=self.live_app.branch_count,
        )

    def _legal(self, driver: Driver) -> frozenset[str]:
        """Return the inputs that the run accepts now."""
        if driver.failure is not None:
            return frozenset()
        legal, state = frozenset(driver.session.allowed), driver.session.state
        if driver.can_cancel:
            return legal | {CANCEL}
        if not self.has_waiting_call():
            legal -= {Kind.EDIT, Kind.DROP}
        if state.moment is Moment.RECOVERY and state.call is None:
            # A request was lost, so there is no call to answer.
            return legal - {Kind.SKIP}
        if state.tool_ran and state.moment in (Moment.REPLY, Moment.CALL, Moment.TURN_END):
            # A turn whose tools have run can be forked, but its request cannot be repeated.
            return legal - {Kind.RETRY}
        return legal

    def draw_lines(self) -> None:
        super().draw_lines()
        feed, model = self.feed, self.model
        driver = feed.driver
        doing = activity_at(model.log, len(model.log) - 1)
        if driver is None:
            doing = Activity("STARTING", feed.label)
        elif feed.failure:
            doing = Activity("BROKEN OFF", style="error")
        elif send_delay_s := feed.send_delay_s():
            doing = waiting(send_delay_s, driver.session.state.attempt)
        phase = phase_segments(
            doing,
            feed.spent,
            turn=self._turn(),
            max_turns=self._last_turn(),
            working_s=None if doing.word == WAITING else feed.answer_wait_s(),
            spent_s=feed.spent_s(),
            branch=self._branch_name(),
            past=self._past(),
            failure=feed.failure,
        )
        self.query_one("#phase", StatusLine).show(phase)
        hint = self._hint()
        line = self.query_one("#hint", StatusLine)
        line.show([(f" {visible_line(hint, 300)}", "hint")])
        if line.has_class("given") != bool(hint):
            line.set_class(bool(hint), "given")

    def _turn(self) -> int:
        """Return the turn that the run is in, or that it is about to begin."""
        driver, turn = self.feed.driver, self.feed.spent.turn
        if driver is None:
            return turn
        state = driver.session.state
        return state.request[0] if state.moment is Moment.REQUEST else max(turn, state.turn)

    def _last_turn(self) -> int:
        """Return the last turn that the run may reach, or 0 if there is no run yet."""
        driver = self.feed.driver
        if driver is None:
            return 0
        # Replies that the run began with are turns, but do not count against the limit.
        return driver.session.state.turns_before + driver.session.state.max_turns

    def _branch_name(self) -> str:
        branch = self.feed.branch
        return branch.name if branch is not None and self.live_app.branch_count > 1 else ""

    def status(self) -> Segments:
        """Return the last message, with the position of the cursor on the right."""
        if not self._message:
            return status_segments(
                self.model,
                progress=None,
                partial="",
                message=self.notice,
                failure="",
                in_text=self.found_in_text(),
            )
        where = f"row {self.model.row + 1:,} of {len(self.model.timeline):,} "
        return [(f" {visible_line(self._message, 300)}", "hint"), ("\0fill", ""), (where, "dim")]

    def _past(self) -> tuple[str, str] | None:
        """Return where the cursor is in the run and what happened there; None at the head."""
        model = self.model
        if model.follow or not len(model.timeline):
            return None
        seq = model.timeline.seq(model.row)
        then = activity_at(model.log, seq)
        did = f"{then.word.lower()} {then.what}".rstrip()
        return f"event {seq + 1} of {len(model.log)}", did

    def _hint(self) -> str:
        if not self.hints:
            return self._advice()
        stop = last_stop(self.model.log)
        if stop is None:
            ended = self.feed.driver is not None and self.feed.driver.phase is Phase.ENDED
            return self.keys.format(self.hints.get("ended", "")) if ended else ""
        if "edited" in self.hints and is_edited(self.model.log, stop):
            return self.keys.format(self.hints["edited"])
        call = 1 + (stop.call_index or 0)
        hint = hint_at(self.hints, str(stop.stop_point), self._turn(), call)
        return self.keys.format(hint) if hint else self._advice()

    def _advice(self) -> str:
        """Return what can be done about the mishap that stopped the run, if there is room."""
        driver = self.feed.driver
        if driver is None or self.app.size.height < ADVICE_HEIGHT:
            return ""
        state = driver.session.state
        match state.moment:
            case Moment.FAILURE:
                advice = FAILED_REQUEST
            case Moment.RECOVERY:
                advice = LOST_REPLY if state.call is None else LOST_TOOL
            case Moment.REPLY if is_stopped_at_flawed_reply(self.model.log):
                effect = self._calls_then(state)
                is_unread = not effect and self.has_unread_call()
                advice = (UNREAD_CALL if is_unread else FLAWED_REPLY) + CONTINUE_EFFECTS[effect]
            case Moment.CALL if state.call is not None and is_refused(state.call, state):
                advice = REFUSED_CALL
            case _:
                return ""
        return self.keys.format(advice)

    @staticmethod
    def _calls_then(state: SessionState) -> str:
        """Return what happens to the reply's calls when the run continues: `CONTINUE_EFFECTS`."""
        running = state.reply.running if state.reply is not None else []
        refused = [is_refused(call, state) for call in running]
        return "" if not refused else "refused" if all(refused) else "runs"

    # Streaming

    def _followed(self, phase: Phase) -> Driver | None:
        """Return the driver of the run if it is in a phase and the screen follows it."""
        driver = self.feed.driver
        is_seen = driver is not None and driver.phase is phase and self.model.follow
        return driver if is_seen else None

    def _streaming_driver(self) -> Driver | None:
        """Return the driver of the reply that is streaming in, if the screen follows it."""
        driver = self._followed(Phase.REQUESTING)
        return driver if driver is not None and driver.partial.pieces else None

    def _printing_driver(self) -> Driver | None:
        """Return the driver of the tool that has printed something, if the screen follows it."""
        driver = self._followed(Phase.DISPATCHING)
        return driver if driver is not None and driver.prints.heard else None

    def _refresh_stream(self, driver: Driver) -> None:
        if driver.partial.pieces != self._streamed:
            self._streamed = driver.partial.pieces
            self._fill_panes()
        self.refresh_lines()

    @property
    def _output_pane(self) -> str:
        """The pane that shows the output of a running tool: that of the calls, or of the message
        if there is no room for it."""
        calls = self._made.get("calls")
        return "calls" if calls is not None and calls.display else "message"

    def _has_new_output(self) -> bool:
        """Return whether the output of the tool has to be redrawn."""
        driver = self._printing_driver()
        if driver is None:
            return False
        printed = (len(driver.log), driver.prints.heard)
        if printed == self._printed or self.clock() - self._printed_at < OUTPUT_EVERY_S:
            return False
        self._printed, self._printed_at = printed, self.clock()
        return True

    def _fill_panes(self, id: str = "") -> None:
        """Fill the visible panes, or only the one with an id."""
        view = self.model.state()
        for pane in self._panes():
            if isinstance(pane, TextPane) and pane.display and id in ("", pane.id):
                self.fill(pane, view)

    def fill(self, pane: TextPane, view: ViewState) -> None:
        page = None
        if (driver := self._streaming_driver()) is not None:
            page = streamed_page(str(pane.id), driver.partial)
        elif pane.id == self._output_pane and (driver := self._printing_driver()) is not None:
            page = self._output_document(driver)
        if page is None:
            super().fill(pane, view)
        else:
            pane.show_growing(page)

    def _output_document(self, driver: Driver) -> Document | None:
        call, branches = driver.session.state.call, self.live_app.branches
        if call is None or call.dispatched is None or branches is None:
            return None
        dispatched, prints = call.dispatched, driver.prints
        printed = branches.masking.text(prints.end)
        return tool_output_page(dispatched.name, dispatched.arguments, printed, prints.heard)

    def is_at_head(self, position: int) -> bool:
        model = self.model
        return super().is_at_head(position) or model.row == head_row(model.timeline)
