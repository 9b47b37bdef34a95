"""What a replay says where the run is no longer the recorded one."""

from __future__ import annotations

from dataclasses import dataclass

from hermes_tui.debugger import inputs as given


@dataclass(eq=False, slots=True)
class Divergence(Exception):
    """What is asked now is not what was asked when the recording was made."""

    what: str
    expected: str
    got: str

    def as_input(self) -> given.Input:
        """Return it as the session is told of it."""
        return given.Diverged(self.what, self.expected, self.got)


class RecordingEnds(Exception):
    """There is no recorded answer to be taken, so that the run cannot go on.

    `resume` is where the recorded run can be resumed if it broke off here; else empty.
    """

    def __init__(self, what: str, *, reason: str = "not_recorded", resume: str = "") -> None:
        super().__init__(what)
        self.what, self.reason, self.resume = what, reason, resume

    def as_input(self) -> given.Input:
        """Return it as the session is told of it."""
        return given.Terminate(self.reason, {"before": self.what, "resume": self.resume})
