"""A single run of a file with several, opened by its place, without the list of the others."""

from __future__ import annotations

from types import MappingProxyType

from hermes_tui.ui.command import Situation
from hermes_tui.ui.screens.run import RunScreen

ALONE = "opened alone by --at; open the file without it for the list"


class LoneRunScreen(RunScreen):
    """Explains why the other runs of the file cannot be reached from here."""

    why_not = MappingProxyType({
        **RunScreen.why_not,
        "next-run": ALONE,
        "previous-run": ALONE,
        "compare": ALONE,
    })  # fmt: skip

    def situation(self) -> Situation:
        return super().situation()._replace(runs=1)
