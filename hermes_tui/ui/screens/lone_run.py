"""A run of a file of several that was opened by its place: the list of the others is not there."""

from __future__ import annotations

from types import MappingProxyType

from hermes_tui.ui.command import Situation
from hermes_tui.ui.screens.run import RunScreen

ALONE = "opened alone by --at; open the file without it for the list"


class LoneRunScreen(RunScreen):
    """Says which run it is, and why there is no way to the others."""

    why_not = MappingProxyType({
        **RunScreen.why_not,
        "next-run": ALONE,
        "previous-run": ALONE,
        "compare": ALONE,
    })  # fmt: skip

    def situation(self) -> Situation:
        return super().situation()._replace(runs=1)
