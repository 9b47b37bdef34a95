"""What a replay raises when the run differs from the recorded one."""

from __future__ import annotations

from dataclasses import dataclass

from hermes_tui.debugger import inputs as given


@dataclass(eq=False, slots=True)
class Divergence(Exception):
    """A request or a call differs from the recorded one."""

    what: str
    expected: str
    got: str

    def as_input(self) -> given.Input:
        """Return the input that reports it to the session."""
        return given.Diverged(self.what, self.expected, self.got)


class RecordingEnds(Exception):
    """No recorded answer is left, so the run cannot continue.

    `resume` is where the recorded run can be resumed if it broke off here; else empty.
    """

    def __init__(self, what: str, *, reason: str = "not_recorded", resume: str = "") -> None:
        super().__init__(what)
        self.what, self.reason, self.resume = what, reason, resume

    def as_input(self) -> given.Input:
        """Return the input that reports it to the session."""
        return given.Terminate(self.reason, {"before": self.what, "resume": self.resume})
