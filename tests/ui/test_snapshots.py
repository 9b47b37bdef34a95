"""The look of the screens, compared with accepted pictures; other tests check the behaviour.

After an intended change: `pytest tests/ui/test_snapshots.py --snapshot-update`; check the SVGs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot

from hermes_tui.runtime.engines import store
from hermes_tui.ui.app import HermesApp
from tests.conftest import PROJECT
from tests.ui.opened import MEDIUM, NARROW, WIDE, app_on, close_app, settled

Compare = Callable[..., bool]
Shows = Callable[..., bool]

DROPPED_CALL = "call-left-in-content.jsonl"
SEVERAL = ("atropos-group.jsonl", "request-failed.jsonl", "torn.jsonl", "trajectory_samples.jsonl")


@pytest.fixture
def looks(
    snap_compare: Compare, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Shows]:
    """Yield a function that compares the app on sample runs with the accepted picture."""
    apps: list[HermesApp] = []

    def compare(*names: str, keys: str = "", size: tuple[int, int] = WIDE, theme: str = "") -> bool:
        # The title shows the path as given, which must be the same on every machine.
        apps.append(app_on(*(Path("transcripts", name) for name in names), theme=theme))

        async def prepare(pilot: Pilot[None]) -> None:
            await settled(pilot)
            await pilot.press(*keys.split())
            await settled(pilot)

        return snap_compare(apps[0], terminal_size=size, run_before=prepare)

    monkeypatch.chdir(PROJECT)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(store, "engines_dir", lambda: tmp_path / "no-engines")
    yield compare
    for app in apps:
        close_app(app)


NEXT_PROBLEM = "right_curly_bracket"


def test_run_screen_on_a_small_terminal(looks: Shows) -> None:
    assert looks(DROPPED_CALL, keys=NEXT_PROBLEM, size=NARROW)


def test_run_screen_on_a_large_terminal(looks: Shows) -> None:
    assert looks(DROPPED_CALL, keys=NEXT_PROBLEM)


def test_run_screen_in_the_light_theme(looks: Shows) -> None:
    assert looks("tool-errors.json", keys=NEXT_PROBLEM, theme="hermes-light")


def test_run_screen_in_high_contrast(looks: Shows) -> None:
    assert looks("reasoning.json", keys="right_parenthesis", theme="hermes-contrast")


def test_runs_screen(looks: Shows) -> None:
    assert looks(*SEVERAL, keys="j j", size=(120, 24))


def test_help_screen(looks: Shows) -> None:
    assert looks("clean-run.json", keys="question_mark", size=(100, 40))


def test_parser_lab(looks: Shows) -> None:
    assert looks("call-tag-never-closed.json", keys="right_square_bracket P s s s", size=MEDIUM)
