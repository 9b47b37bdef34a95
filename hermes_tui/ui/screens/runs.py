"""The runs screen: every run of the files given, to sort, filter, search and open."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial, partialmethod
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal

from hermes_tui.model.visible import visible_line
from hermes_tui.model.wording import counted
from hermes_tui.ui.bindings import bindings_for
from hermes_tui.ui.command import Situation
from hermes_tui.ui.panes.runs import RunsPane
from hermes_tui.ui.render.rows import Segments
from hermes_tui.ui.render.titles import (
    chosen_segments,
    complaints_count,
    complaints_line,
    mean_reward_segments,
    reading_segments,
)
from hermes_tui.ui.runs.arranged_runs import ArrangedRuns
from hermes_tui.ui.runs.columns import MARKS, heading_of
from hermes_tui.ui.runs.feed import RunsFeed
from hermes_tui.ui.runs.fields import FIELDS, SORTS
from hermes_tui.ui.screens.base import POLL_EVERY_S, SLICE_S, CommandScreen
from hermes_tui.ui.screens.moving import Moving
from hermes_tui.ui.screens.runs_finding import RunsFinding
from hermes_tui.ui.widgets.key_bar import KeyBar
from hermes_tui.ui.widgets.row_list import RowList
from hermes_tui.ui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from hermes_tui.ui.app import HermesApp
    from hermes_tui.ui.palette import Offer
    from hermes_tui.ui.panes.facets import BarsPane

DRAW_EVERY_S = 0.15


class RunsScreen(Moving, RunsFinding):
    """A table of runs that fills while files are read, with side panes to choose from."""

    scope = "runs"
    BINDINGS: ClassVar = bindings_for("runs")
    DEFAULT_CSS = RunsFinding.SIDE_CSS
    pumps_in_background = True
    nothing_here = "there is no run here"
    why_not = MappingProxyType({
        **CommandScreen.why_not,
        "tree": "no tree: no run was started by another",
        "fold": "nothing to fold here",
        "fold-all": "nothing to fold here",
    })  # fmt: skip

    def __init__(self, feed: RunsFeed) -> None:
        super().__init__()
        self.feed = feed
        self.model = ArrangedRuns(feed.rows)
        self._next_poll = self._next_draw = 0.0
        self._is_stale = False
        self._complaints_seen = 0
        """How many complaints were on screen when a key was last pressed."""
        self._read_before = (False, 0)
        """Whether reading had finished at the last pump, and how many runs there were."""

    @property
    def saved_app(self) -> HermesApp:
        return cast("HermesApp", self.app)

    def compose(self) -> ComposeResult:
        resolve = self.hermes.style
        yield StatusLine(resolve, keeps_left=True, id="title")
        with Horizontal(id="body"):
            yield RunsPane(self.model, resolve, keys=self.keys, waits=self.feed.may_find_more)
        yield StatusLine(resolve, base="status", wraps=True, id="status")
        yield KeyBar(resolve)

    def on_mount(self) -> None:
        self.runs_pane.focus()
        self.refresh_view()
        if self.model.search is not None:
            self.seek_first()
        if self.feed.finished and self.feed.follow:
            self._open_only_run()
        self.start_pump()

    def on_screen_resume(self) -> None:
        self.refresh_view()

    def situation(self) -> Situation:
        return Situation(
            # Of the focused pane: an empty choice can be undone in the pane next to it.
            rows=self.front_pane().row_count,
            runs=len(self.model),
            searching=self.may_find or self.searched_bars is not None,
            filtered=self.model.filter is not None,
            loading=self.feed.progress() is not None or self.model.searching,
            families=self.model.arrangement.has_children,
            folds=bool(self.model.standing.groups or self.model.standing.depths),
            enter=self.enter_label(),
        )

    def pump(self) -> bool:
        now = time.perf_counter()
        if now >= self._next_poll:
            self._next_poll = now + POLL_EVERY_S
            self._is_stale |= self.feed.poll()
        self._is_stale |= self.feed.step(SLICE_S)
        if (read := (self.feed.finished, self.feed.runs)) != self._read_before:
            self._read_before, self._is_stale = read, True
            self._open_only_run()
        revision = self.model.revision
        self._is_stale |= self.model.advance(SLICE_S)
        is_done = self.feed.finished and not self.model.unsettled
        # After a rearrangement, lines stand for other runs.
        is_due = is_done or now >= self._next_draw or revision != self.model.revision
        if self._is_stale and is_due:
            self._next_draw = now + DRAW_EVERY_S
            self._is_stale = False
            self.refresh_view()
        if self._seek and self._may_go(self._seek):
            self.go_match(self._seek)
        self.update_match_message()
        self.runs_pane.advance(SLICE_S)
        if self.advance_sides(SLICE_S, now):
            self.refresh_lines()
        has_work = self.model.unsettled or self.runs_pane.unsettled or self.sides_unsettled
        return has_work or not self.feed.finished

    def _open_only_run(self) -> None:
        if self._is_untouched and self.model.filter is None:
            self.saved_app.open_only_run(self.model)

    def refresh_view(self) -> None:
        """Take over the rows read so far, and show them if this screen is on top."""
        self.model.update(self.feed.take_replaced(), at_once=self.feed.finished)
        if self.is_current:
            self.runs_pane.no_more = self._is_final()
            self.runs_pane.show()
            self.show_sides()
            self.refresh_lines()
        if self.feed.follow:
            self.saved_app.update_list_position()

    def _is_final(self) -> bool:
        """Return whether no more runs can come in, not even from a pipe."""
        feed = self.feed
        is_read = feed.finished and not feed.follow
        return is_read and all(file.source.complete for file in feed.files.kept)

    def draw_lines(self) -> None:
        model, feed = self.model, self.feed
        files = feed.files.opened
        errors = model.facts.runs_with_errors
        title = [
            (" hermes-tui ", "strong"),
            (f"{counted(feed.runs, 'run')} in {counted(files, 'file')}", ""),
            ("\0fill", ""),
            *mean_reward_segments(model.facts, feed.runs),
            (f"{errors:,} with errors", "error" if errors else ""),
            (" ", ""),
        ]
        self.query_one("#title", StatusLine).show(title)
        position = self.runs_pane.position
        where = f"{position + 1:,} of {len(model):,}" if position is not None else ""
        status = [(f" {where or counted(len(model), 'run')}", "")]
        # The newest message comes first: the end of a long line is cut off.
        status += self._note_segments(self._message, "hint")
        status += chosen_segments(self.saved_app.chosen_run, self.keys)
        if not self._message:
            status += self._arrangement()
        if model.filter is not None:
            ellipsis = " …" if model.unsettled else ""
            status.append((f" · filter {visible_line(model.filter_text, 60)}{ellipsis}", "strong"))
        if model.search is not None:
            status.append(
                (f" · /{visible_line(model.search.text, 40)}: {self._match_count()}", "strong")
            )
        if not self._message:
            is_seen = self._complaints_seen == len(feed.complaints)
            summarised = complaints_count if is_seen else complaints_line
            status += self._note_segments(summarised(feed.complaints, self.keys))
        progress = feed.progress()
        pace = feed.pace(*progress) if progress is not None else ""
        status += reading_segments(progress, self.stopped_at, pace)
        if progress is None and self.stopped_at is None and not self._message:
            # Last, since the end is cut off: the values that columns show on a wider screen.
            values = self.runs_pane.values_without_column()
            status += [(f" · {visible_line(value, 60)}", "dim") for value in values]
        self.query_one("#status", StatusLine).show(status)
        self.refresh_bar()

    def _note_segments(self, note: str, style: str = "warning") -> Segments:
        return [(f" · {visible_line(note, 140)}", style)] if note else []

    def _arrangement(self) -> Segments:
        """Return the current order or grouping, or the progress towards a new one."""
        model = self.model
        share, grouping = model.arranged_share, heading_of(model.arrangement.grouping)
        order = f"{heading_of(model.sort_name)} {MARKS[model.descending]}"
        if share is not None and len(model):
            by = f"grouping by {grouping}" if grouping else f"sorting by {order}"
            return [(f" · {by} {share:.0%} …", "strong")]
        groups = f" · {counted(len(model.standing.groups), 'group')} by {grouping}"
        return [(groups if grouping else "", "strong"), (f" · sorted by {order}", "")]

    def why_unavailable(self, command_id: str) -> str:
        if command_id in ("search-next", "search-previous"):
            return self.no_match()
        return super().why_unavailable(command_id)

    def action_command(self, command_id: str) -> None:
        self._complaints_seen = len(self.feed.complaints)
        self.touched()
        super().action_command(command_id)

    def explain_key(self, key: str) -> None:
        if key in ("left", "right"):
            message = "{sort} sorts by the next column, and shows it if it has had no room"
            self.say(self.keys.format(message))
        else:
            super().explain_key(key)

    def follow_cursor(self, row_list: RowList) -> None:
        if isinstance(row_list, RunsPane):
            row_list.keep()
        self.refresh_lines()

    @on(RowList.Chosen)
    def _chosen(self, event: RowList.Chosen) -> None:
        self.action_command("open")

    # Commands

    def focused_pane(self) -> RunsPane | BarsPane:
        return self.front_pane()

    def do_open(self) -> None:
        pane = self.front_pane()
        if not isinstance(pane, RunsPane):
            self.choose_bar(pane)
            return
        pane.keep()
        if pane.position is None:
            self.do_fold()
        else:
            # On return, the cursor should be where it was.
            pane.follow = False
            self.saved_app.open_run(self.model, pane.position)

    @on(RunsPane.HeadingClicked)
    def _heading_clicked(self, event: RunsPane.HeadingClicked) -> None:
        if event.name in SORTS:
            self._sort_by(event.name)

    def _sort_by(self, name: str) -> None:
        """Sort by a field; reverse the order if it is the current one."""
        self.touched()
        if name == self.model.sort_name:
            self.model.reverse()
        else:
            self.model.sort_by(name)
        self.refresh_view()

    def _group_by(self, name: str) -> None:
        self.touched()
        self.model.group_by(name)
        self.refresh_view()

    def offers(self) -> Iterator[Offer]:
        """Yield the commands, and also each field to sort or to group by."""
        from hermes_tui.ui.palette import Offer

        yield from super().offers()
        if not len(self.model):
            return
        for name in self.model.sorts():
            label = f"Sort by {name.replace('_', ' ')}"
            yield Offer(label, FIELDS[name], partial(self._sort_by, name), words=f"{name} order")
        for name in self.model.groupings():
            label = f"Group by {name.replace('_', ' ')}"
            yield Offer(label, FIELDS[name], partial(self._group_by, name), words=name)
        if self.model.arrangement.grouping:
            yield Offer("Do not group", "all runs in one list", partial(self._group_by, ""),
                words="not grouped ungroup")  # fmt: skip

    def do_sort(self) -> None:
        self.model.sort_by_next()
        self.refresh_view()

    def do_sort_reverse(self) -> None:
        self.model.reverse()
        self.refresh_view()

    def _group(self, step: int) -> None:
        before = self.model.arrangement.grouping
        self.model.group_by_next(step)
        if not self.model.arrangement.grouping:
            self.say("not grouped" if before else "nothing to group by: no field tells runs apart")
        self.refresh_view()

    do_group = partialmethod(_group, 1)
    do_group_back = partialmethod(_group, -1)

    def do_tree(self) -> None:
        self.model.toggle_tree()
        self.say(self._tree_message())
        self.refresh_view()

    def _tree_message(self) -> str:
        if self.model.arrangement.grouping:
            return self.keys.format("no tree while runs are grouped: {group-back} goes back")
        if not self.model.arrangement.is_tree:
            return "child runs are sorted like all others"
        if self.model.standing.depths is None and self.model.arranged_share is None:
            return "no tree: none of these runs was started by another of them"
        return "child runs are shown below the run that started them"

    def do_fold(self) -> None:
        if not self.runs_pane.fold():
            self.say("nothing to fold here")

    def do_fold_all(self) -> None:
        if not self.runs_pane.fold(everything=True):
            self.say("nothing to fold here")

    def do_clear(self) -> None:
        if self.close_front():
            return
        if self.saved_app.drop_chosen_run():
            self.say("no run is chosen for comparison any more")
        elif self.model.search is not None:
            self.model.set_search(None)
            self.show_search_hint()
        elif self.model.filter is not None:
            self.do_unfilter()
        else:
            self.show_back_hint()
        self.refresh_view()

    def do_cancel(self) -> None:
        if self.model.searching:
            self._seek = 0
            self.model.stop_search()
            self.say(
                self.keys.format("stopped searching; {search-next} goes through what is found")
            )
            return
        self.stopped_at = self.feed.progress()
        self.feed.cancelled = True
        self.say("stopped reading; the runs read so far are shown")

    def do_compare(self) -> None:
        position = self.runs_pane.position
        if position is None:
            self.say("this is not a run")
        else:
            self.saved_app.compare(self.model.row(position).ref, self.say)

    def do_copy(self) -> None:
        self.copy(self.copied_text())
