"""The line that says what a live run does now: phase, why, turn, tokens, time."""

from __future__ import annotations

from collections.abc import Callable

from hermes_tui.model.visible import visible_line
from hermes_tui.ui.live_model import Doing, Spent
from hermes_tui.ui.render.rows import Segments


def phase_segments(
    doing: Doing,
    spent: Spent,
    *,
    max_turns: int,
    working_s: float | None,
    spent_s: float,
    branch: str = "",
    past: str = "",
    failure: str = "",
) -> Segments:
    """Return the segments.

    `branch` is its name where there are several, `past` says where in the run a person looks back
    at, empty at its head. Of what stands on the right the first goes where there is no room.
    """
    left: Segments = []
    if past:
        left.append((" LOOKING BACK ", "match.current"))
        left.append((f" {visible_line(past, 100)} · now ", "hint"))
    left.append((f" {doing.word} ", doing.style))
    about = doing.what
    if working_s is not None:
        about += f" {seconds(working_s)}"
    if about:
        left.append((f" {visible_line(about.strip(), 120)}", "strong"))
    if failure:
        # It begins with the path of the recording, of which the end tells most.
        left += [(" ·", "error"), ("\0path", ""), (visible_line(failure, 200), "error")]
    elif doing.why:
        left.append(
            (f" — {visible_line(doing.why, 200)}", "hint" if doing.word == "STOPPED" else "")
        )
    right: Segments = [("\0fill", "")]
    if spent_s:
        right.append((f" {seconds(spent_s)} ·", "dim"))
    if spent.tokens_in or spent.tokens_out:
        right.append((f" {spent.tokens_in:,} in {spent.tokens_out:,} out ·", "dim"))
    if max_turns:
        named = f" {visible_line(branch, 30)} ·" if branch else ""
        right.append((f"{named} turn {spent.turn}/{max_turns} ", ""))
    return left + right


GOES_ON = {
    "runs": "goes on with the call as read",
    "refused": "tells the model what is wrong",
    "": "goes on without a call",
}
"""What continuing does, by what becomes of the reply's calls then."""


def advice(key: Callable[[str], str], calls: str) -> str:
    """Return what can be done about a reply that something is wrong with.

    `key` gives the key of a command; `calls` is one of `GOES_ON`.
    """
    lab, edit, retry, go_on = map(key, ("lab", "edit", "retry", "continue"))
    return f"{lab} parser lab, {edit} edits, {retry} asks again, {go_on} {GOES_ON[calls]}."


def seconds(value: float) -> str:
    """Return such as 0.4 s, 12 s, 3:05."""
    if value < 10:
        return f"{value:.1f} s"
    if value < 100:
        return f"{value:.0f} s"
    return f"{int(value) // 60}:{int(value) % 60:02}"
