"""The line that says what a live run does now: phase, why, turn, tokens, time."""

from __future__ import annotations

from hermes_tui.model.visible import visible_line
from hermes_tui.runtime.pace import clock
from hermes_tui.ui.live_model import Doing, Spent
from hermes_tui.ui.render.rows import Segments


def phase_segments(
    doing: Doing,
    spent: Spent,
    *,
    turn: int,
    max_turns: int,
    working_s: float | None,
    spent_s: float,
    branch: str,
    past: tuple[str, str] | None,
    failure: str,
) -> Segments:
    """Return the segments.

    `turn` is the one that the run is in or stands before. `branch` is its name where there are
    several, `past` says where in the run a person looks back at and what it did then. Of what
    stands on the right the first goes where there is no room; before that what can be spared.
    """
    left: Segments = []
    if past:
        left.append((" LOOKING BACK ", "match.current"))
        where, did = past
        left += [(f" {where}", "hint"), ("\0spare", ""), (f": {visible_line(did, 80)}", "hint")]
        left.append((" · now ", "hint"))
    left.append((f" {doing.word} ", doing.style))
    about = doing.what
    if working_s is not None:
        about += f"{' · ' * bool(about)}{seconds(working_s)}"
    # Who looks back is told in full what the run does once he is live again.
    spare: Segments = [("\0spare", "")] if past else []
    if about:
        left += [*spare, (f" {visible_line(about.strip(), 120)}", "strong")]
    if failure:
        # It begins with the path of the recording, of which the end tells most.
        left += [(" ·", "error"), ("\0path", ""), (visible_line(failure, 200), "error")]
    elif doing.why:
        style = "hint" if doing.word == "STOPPED" else ""
        left += [*spare, (f" — {visible_line(doing.why, 200)}", style)]
    right: Segments = [("\0fill", "")]
    if spent_s:
        right.append((f" {seconds(spent_s)} ·", "dim"))
    if spent.tokens_in or spent.tokens_out:
        # Where there is no room for all of it, the first goes first.
        right.append((" tokens", "dim"))
        right.append((f" {spent.tokens_in:,} in {spent.tokens_out:,} out ·", "dim"))
    if max_turns:
        named = f" {visible_line(branch, 30)} ·" if branch else ""
        right.append((f"{named} turn {turn}/{max_turns} ", ""))
    return left + right


FLAWED_REPLY = "{lab} parser lab, {edit} edits, {retry} asks again, {continue} "
GOES_ON = {
    "runs": "continues with the call as read.",
    "refused": "tells the model what is wrong.",
    "": "continues without a call.",
}
"""What continuing does, by what becomes of the reply's calls then."""
FAILED_REQUEST = "{retry} asks again, {edit} edits a message first, {continue} ends the run."
LOST_REPLY = "{continue} asks again; the reply did not outlive its process."
LOST_TOOL = "{answer} answers for the tool, {retry} runs it again, {continue} says it may have run."


def seconds(value: float) -> str:
    """Return such as 0.4 s, 12 s, 3:05, 1:03:05: it grows while it is looked at."""
    if value < 10:
        return f"{value:.1f} s"
    if value < 100:
        return f"{value:.0f} s"
    return clock(value)
