"""The app for saved runs: which screen comes first, and how a run is opened from the list."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from textual.screen import Screen

from hermes_tui.runtime.config import Config
from hermes_tui.ui.base_app import BaseApp
from hermes_tui.ui.render.titles import complaints_line
from hermes_tui.ui.run_feed import Feed, RunFeed
from hermes_tui.ui.runs.feed import RunsFeed
from hermes_tui.ui.screens.base import CommandScreen
from hermes_tui.ui.screens.run import RunScreen

if TYPE_CHECKING:
    from hermes_tui.runtime.opener import RunRef
    from hermes_tui.ui.render.comparison import Comparison
    from hermes_tui.ui.run_relations import Relative
    from hermes_tui.ui.runs.arranged_runs import ArrangedRuns
    from hermes_tui.ui.search import Search

FIRST_LOOK_S = 0.05
"""Seconds spent on reading before the first screen is drawn."""
SHORT_FILE = 1 << 17
"""Unread bytes that are read first: only the end of a file shows that it is a single run."""
CHECK_AGAIN_S = 0.05
"""Seconds between checks whether a comparison may be shown without covering a dialog."""
FIRST_ROWS = 100
"""Rows that fill the first screen; the rest of the run is read while it is shown."""


class HermesApp(BaseApp):
    """Shows the runs of a feed; a single run at once, several as a list."""

    def __init__(
        self,
        feed: RunsFeed,
        config: Config,
        *,
        filter_text: str = "",
        search: Search | None = None,
        place: tuple[RunRef, int] | None = None,
    ) -> None:
        """Show the runs of `feed`, or `place`: a run and a message of it, counted from 1 (0: none).

        `search` runs from the start, in the list or in a run that is shown at once.
        """
        super().__init__(config)
        self._place = place
        self.feed = feed
        self._filter_text = filter_text
        self._search = search
        self._list: ArrangedRuns | None = None
        self._position = 0
        self._chosen: RunRef | None = None
        """The run that was chosen to be compared with another."""
        self._opened_only_run = False
        """Whether the only run was opened automatically."""
        self._only_screen: RunScreen | None = None
        """The only run of a followed source, to be shown on top of the list."""

    @property
    def complaints(self) -> Sequence[str]:
        return self.feed.complaints

    def get_default_screen(self) -> Screen[None]:
        """Return the first screen: a single run at once, several as a list."""
        feed = self.feed
        if self._place is not None:
            return self._screen_at(*self._place)
        is_single = len(feed.targets) == 1 and not feed.may_find_more
        if is_single and feed.files.opened and feed.files.file_of(0).is_one_run:
            return self._run_screen(RunFeed.of_file(feed.files.file_of(0), follow=feed.follow))
        feed.step(FIRST_LOOK_S, stop_at_runs=2)
        while self._is_nearly_read() and len(feed.rows) < 2:
            feed.step(FIRST_LOOK_S, stop_at_runs=2)
        only = self._only_run()
        if only is not None and not feed.follow:
            return only
        from hermes_tui.ui.screens.runs import RunsScreen

        runs = RunsScreen(feed)
        runs.model.set_search(self._search)
        self._search = None
        if only is not None:
            # Other runs may still be added to the list.
            self._only_screen = only
        elif self._filter_text and not runs.model.try_filter(self._filter_text):
            # A filter of the list does not apply to the rows of a run as well.
            self._filter_text = ""
        return runs

    def _only_run(self) -> RunScreen | None:
        """Return the screen of the only run once everything is read, else None."""
        feed = self.feed
        is_complete = feed.finished and not (feed.cancelled or feed.waiting or feed.may_find_more)
        if not is_complete or len(feed.rows) != 1:
            return None
        return self._with_complaints(self._run_screen(self._feed_of(feed.rows[0].ref)))

    def open_only_run(self, runs: ArrangedRuns) -> None:
        """Show the run instead of the list if reading found no second one."""
        if self._opened_only_run:
            return
        only, self._only_screen = self._only_screen or self._only_run(), None
        if only is not None:
            self._opened_only_run, self._list = True, runs
            _continue_search(only, runs)
            self.push_screen(only)

    @property
    def first_screens(self) -> int:
        # The list of one run below was never requested.
        return 2 if self._opened_only_run and self.feed.runs == 1 else 1

    def _screen_at(self, ref: RunRef, message: int) -> RunScreen:
        run = self._feed_of(ref)
        run.model.target_message = message
        if (count := self._runs_in_file(ref)) == 1:
            return self._with_complaints(self._run_screen(run))
        from hermes_tui.ui.screens.lone_run import LoneRunScreen

        number = ref.number
        screen = self._run_screen(run, number=number, count=count, own=number, of=LoneRunScreen)
        return self._with_complaints(screen)

    def _runs_in_file(self, ref: RunRef) -> int:
        """Return how many runs the file of a run has, itself included; 0 if that is not known."""
        feed = self.feed
        if ref.file.is_one_run:
            return 1
        while self._is_nearly_read() and feed.step(FIRST_LOOK_S):
            pass
        is_complete = feed.finished and not (feed.cancelled or feed.waiting or feed.follow)
        return len(feed.rows) if is_complete else 0

    def _with_complaints(self, screen: RunScreen) -> RunScreen:
        """Add the complaints about the files to the notice of a run that is shown at once."""
        screen.notice = screen.notice or complaints_line(self.feed.complaints, self.keys)
        return screen

    def _feed_of(self, ref: RunRef) -> RunFeed:
        if ref.file.watched is not None:
            from hermes_tui.ui.watched_feed import WatchedFeed

            return WatchedFeed(ref, ref.file.watched)
        return RunFeed(ref, follow=self.feed.follow)

    def _is_nearly_read(self) -> bool:
        """Return whether so little is left to read that the first screen may wait for it."""
        feed = self.feed
        unread = sum(file.source.size - file.records.end for file in feed.files.kept)
        return not feed.finished and len(feed.targets) == 1 and unread <= SHORT_FILE

    def _run_screen(
        self,
        feed: RunFeed,
        *,
        number: int = 0,
        count: int = 1,
        own: int = -1,
        of: type[RunScreen] = RunScreen,
    ) -> RunScreen:
        feed.step(FIRST_LOOK_S, enough_rows=FIRST_ROWS)
        problem = ""
        if self._filter_text:
            problem = feed.model.try_filter(self._filter_text)
            feed.step(FIRST_LOOK_S)
            feed.model.snap()
        if self._search is not None:
            feed.model.seek_from_start(self._search)
        screen = of(feed, number=number, count=count, own=own)
        screen.notice = problem and f"--filter, for a run: {problem}"
        return screen

    # Runs

    def open_run(self, runs: ArrangedRuns, position: int) -> None:
        """Open the run at a position of the list."""
        self._list, self._position = runs, position
        screen = self._listed_screen()
        _continue_search(screen, runs)
        self.push_screen(screen)

    def switch_run(self, screen: CommandScreen, step: int) -> None:
        """Replace the run on screen by the next or previous one of the list."""
        if self._list is None or not isinstance(screen, RunScreen):
            return
        feed = screen.feed
        position = self._list.neighbour(feed.ref, step) if isinstance(feed, RunFeed) else None
        if position is None:
            screen.say("this is the " + ("last run" if step > 0 else "first run"))
            return
        self._position = position
        self._list.keep(position)
        replacement = self._listed_screen()
        replacement.take_over(screen)
        self.switch_screen(replacement)

    def relatives(self, feed: Feed) -> tuple[Relative, ...]:
        if self._list is None or not isinstance(feed, RunFeed):
            return ()
        return self._list.relatives(feed.ref)

    def open_relative(self, screen: CommandScreen, place: int) -> None:
        if self._list is None or not isinstance(screen, RunScreen):
            return
        position = self._list.position_at(place)
        if position is not None:
            self._position = position
            self._list.keep(position)
        replacement = self._screen_in_list(self._list.rows[place].ref, self._list)
        replacement.arrive_from(screen)
        self.switch_screen(replacement)

    def compare_run(self, feed: Feed, say: Callable[[str], None]) -> None:
        if isinstance(feed, RunFeed):
            self.compare(feed.ref, say)

    def compare(self, ref: RunRef, say: Callable[[str], None]) -> None:
        """Compare a run with the one chosen before, or choose it if there is none."""
        chosen, self._chosen = self._chosen, None
        if chosen is None:
            self._chosen = ref
            say("")
        elif chosen == ref:
            say("no run is chosen for comparison any more")
        else:
            say(f"comparing {_short_name(chosen)} with {_short_name(ref)} …")
            self.run_worker(self._compare(chosen, ref, say), group="comparing", exclusive=True)

    @property
    def chosen_run(self) -> str:
        return _short_name(self._chosen) if self._chosen is not None else ""

    def drop_chosen_run(self) -> bool:
        chosen, self._chosen = self._chosen, None
        return chosen is not None

    async def _compare(self, left: RunRef, right: RunRef, say: Callable[[str], None]) -> None:
        """Show how two runs differ once a thread has read both; leaving does not wait for it."""
        from hermes_tui.model.errors import SourceError
        from hermes_tui.runtime.tools.threads import DaemonPool
        from hermes_tui.ui.render.comparison import NAMES
        from hermes_tui.ui.screens.comparison import ComparisonScreen, text_width

        thread, width = DaemonPool(1), text_width(self.size.width)
        try:
            comparison = await thread.run(lambda: _read_and_compare(left, right, width))
        except SourceError as error:
            say(str(error))
            return
        finally:
            thread.close()
        while self._is_occupied():
            await asyncio.sleep(CHECK_AGAIN_S)
        say("")
        self.push_screen(ComparisonScreen(*NAMES, comparison))

    def _is_occupied(self) -> bool:
        """Return whether a person is typing, or reading what a comparison must not cover."""
        screen = self.screen
        if not isinstance(screen, CommandScreen) or screen.scope not in ("run", "runs"):
            return True
        return screen.is_asking

    def _listed_screen(self) -> RunScreen:
        assert self._list is not None
        return self._screen_in_list(self._list.row(self._position).ref, self._list)

    def _screen_in_list(self, ref: RunRef, runs: ArrangedRuns) -> RunScreen:
        feed, own = self._feed_of(ref), runs.number_in_file(ref)
        return self._run_screen(feed, number=self._position, count=len(runs), own=own)

    def update_list_position(self) -> None:
        """Update the position that the run on screen shows, because the list below it has grown."""
        screens = (each for each in reversed(self.screen_stack) if isinstance(each, RunScreen))
        screen, runs = next(screens, None), self._list
        if runs is None or screen is None or screen.count == len(runs):
            return
        if not isinstance(screen.feed, RunFeed):
            return
        ref = screen.feed.ref
        position = runs.position_of(ref)
        if position is None:
            return
        if screen.count == 1:
            screen.notice = self._growth_notice(len(runs))
        screen.number, screen.count = position, len(runs)
        screen.own = runs.number_in_file(ref)
        screen.refresh_lines()

    def _growth_notice(self, count: int) -> str:
        return self.keys.format(
            f"there are {count:,} runs now: {{next-run}} the next one, {{back}} the list"
        )


def _continue_search(screen: RunScreen, runs: ArrangedRuns) -> None:
    """Continue the list's search in a run if it searches all texts of the runs."""
    if runs.search is not None and runs.search.in_texts:
        screen.model.seek_from_start(runs.search)


def _read_and_compare(left: RunRef, right: RunRef, width: int) -> Comparison:
    """Read two runs, which may take a while, and return their comparison on `width` cells."""
    from hermes_tui.log.run_diff import run_diff
    from hermes_tui.log.summary import fold_run, summarise
    from hermes_tui.runtime.reread_run import reread_run
    from hermes_tui.ui.render.comparison import run_comparison

    before, after = reread_run(left), reread_run(right)
    summaries = (summarise(fold_run(before)[0]), summarise(fold_run(after)[0]))
    names = (_full_name(left, width), _full_name(right, width))
    return run_comparison(run_diff(before, after), names, summaries, width=width)


def _full_name(ref: RunRef, width: int) -> str:
    """Return the name of a run on one line of `width` cells, to follow its letter."""
    from hermes_tui.ui.render.wrap import fit_end
    from hermes_tui.ui.widgets.status_line import LEAST_PATH

    prefix = f"run {ref.number + 1} of "
    return prefix + fit_end(ref.file.label, max(LEAST_PATH, width - len(prefix) - 4)).rstrip()


def _short_name(ref: RunRef) -> str:
    return f"run {ref.number + 1} of {ref.file.label.rpartition('/')[2]}"
