"""`hermes-tui open`: saved runs on a screen, or as text if there is no terminal to draw on."""

from __future__ import annotations

import argparse
import gc
import sys
from typing import TYPE_CHECKING, NamedTuple

from hermes_tui.cli.inputs import THEMES
from hermes_tui.cli.progress import ProgressLine
from hermes_tui.cli.standard_input import await_input
from hermes_tui.cli.stderr import print_notice
from hermes_tui.cli.terminal import check_draws, report_end_signal, take_keys_from_terminal
from hermes_tui.model.errors import SourceError, UsageError
from hermes_tui.model.wording import counted
from hermes_tui.runtime.config import Config, config_path, load_config
from hermes_tui.runtime.folder_walk import Tell
from hermes_tui.runtime.opener import RunRef, check_format, check_parser
from hermes_tui.runtime.subagent_files import with_subagents
from hermes_tui.runtime.targets import Targets, expand_paths
from hermes_tui.ui.runs.feed import RunsFeed

if TYPE_CHECKING:
    from hermes_tui.runtime.new_files import NewFiles
    from hermes_tui.ui.search import Search

StartPlace = tuple[RunRef, int]
"""A run and the number of one of its messages, from 1; 0 if none is named."""


class _InitialView(NamedTuple):
    """What the screen or the printed text shows at first."""

    filter_text: str
    search: Search | None
    place: StartPlace | None


def run_open(arguments: argparse.Namespace) -> int:
    """Show the runs and return the exit code."""
    check_format(arguments.format)
    check_parser(arguments.parser)
    if arguments.filter:
        from hermes_tui.cli.filters import check_filter

        may_search = sys.stdout.isatty() or bool(arguments.search)
        check_filter(arguments.filter, may_search=may_search)
    if "-" in arguments.paths:
        await_input()
    progress = ProgressLine()
    targets = _find_targets(arguments, progress.looking)
    progress.clear()
    feed = RunsFeed(
        targets,
        wanted_format=arguments.format,
        follow=arguments.follow,
        parser=arguments.parser,
        apart=True,
        keeps=arguments.cache,
        newcomers=_new_files(arguments, targets),
    )
    try:
        view = _InitialView(
            arguments.filter, _initial_search(arguments.search), _initial_place(feed, arguments.at)
        )
        if not sys.stdout.isatty():
            return _print_runs(feed, view)
        return _draw(feed, make_config(arguments.theme), view)
    finally:
        feed.close()


def _find_targets(arguments: argparse.Namespace, on_progress: Tell = lambda found: None) -> Targets:
    """Return the files to show."""
    targets = expand_paths(arguments.paths, tell=on_progress, waits=_waits_for_files(arguments))
    # A place is always in the named file itself.
    if arguments.at:
        return targets
    all_targets = with_subagents(targets)
    if sys.stdout.isatty() or len(targets) > 1 or len(all_targets) == len(targets):
        return all_targets
    left_out = counted(len(all_targets) - 1, "file")
    print_notice(f"{targets.label(0)}: {left_out} of subagents left out: name their folder too")
    return targets


def _waits_for_files(arguments: argparse.Namespace) -> bool:
    """Return whether to wait for files that are written later: only if somebody sees them."""
    return bool(arguments.follow and not arguments.at and sys.stdout.isatty())


def _new_files(arguments: argparse.Namespace, targets: Targets) -> NewFiles | None:
    """Return what finds files that are written later, or None if they are not requested."""
    if not _waits_for_files(arguments):
        return None
    from hermes_tui.runtime.new_files import NewFiles

    return NewFiles(lambda: _find_targets(arguments), targets)


def _initial_search(text: str) -> Search | None:
    from hermes_tui.ui.search import compile_search

    if not text:
        return None
    return compile_search(text, is_regex=False, case_matters=False, in_texts=True)


def _initial_place(feed: RunsFeed, text: str) -> StartPlace | None:
    if not text:
        return None
    from hermes_tui.cli.open_at import find_place

    feed.open_first()
    _check_readable(feed)
    return find_place(feed, text)


def make_config(theme: str) -> Config:
    from hermes_tui.ui.keymap import check_keymap

    config = load_config()
    theme = theme or config.theme
    if theme and theme not in THEMES:
        raise UsageError(f"{config_path()}: unknown theme {theme!r}", "known: " + ", ".join(THEMES))
    problems = check_keymap(config.keys)
    if problems:
        raise UsageError(f"{config_path()}: {problems[0]}", "correct its [keys]")
    return Config(theme, config.keys)


def _check_readable(feed: RunsFeed) -> None:
    if not (feed.files.opened or feed.waiting or feed.may_find_more):
        raise SourceError.of_lines(feed.complaints)


def _draw(feed: RunsFeed, config: Config, view: _InitialView) -> int:
    check_draws()
    # An unreadable file is reported on stderr before anything is drawn.
    feed.open_first()
    _check_readable(feed)
    take_keys_from_terminal()
    from hermes_tui.ui.app import HermesApp

    app = HermesApp(feed, config, **view._asdict())
    app.run()
    report_end_signal(app.ended_by)
    return app.return_code or 0


def _print_runs(feed: RunsFeed, view: _InitialView) -> int:
    from hermes_tui.cli.plain import print_run, print_runs

    gc.enable()
    if view.place is not None:
        ref, message = view.place
        _print_complaints(feed)
        print_run(ref, view.filter_text, search=view.search, first_message=message)
        return 0
    while not feed.finished or (not feed.follow and feed.may_bring_more()):
        feed.step(1.0)
    _print_complaints(feed)
    if len(feed.rows) == 1:
        print_run(feed.rows[0].ref, view.filter_text, search=view.search)
    else:
        print_runs(feed.rows, view.filter_text, search=view.search)
    is_whole = not feed.unread and not any(file.source.failure for file in feed.files.kept)
    return 0 if feed.rows and is_whole else 3


def _print_complaints(feed: RunsFeed) -> None:
    for complaint in feed.complaints:
        print_notice(complaint)
