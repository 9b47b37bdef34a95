"""The line that shows what a live run is doing: phase, reason, turn, tokens, time."""

from __future__ import annotations

from hermes_tui.model.visible import visible_line
from hermes_tui.runtime.pace import clock
from hermes_tui.ui.live_model import Activity, RunUsage
from hermes_tui.ui.render.rows import Segments


def phase_segments(
    doing: Activity,
    spent: RunUsage,
    *,
    turn: int,
    max_turns: int,
    working_s: float | None,
    spent_s: float,
    branch: str,
    past: tuple[str, str] | None,
    failure: str,
) -> Segments:
    """Return the segments of the line.

    `turn` is the one that the run is in or will begin next. `branch` is its name if there are
    several. `past` is the earlier place that a person is looking at, and what the run did then.
    `failure` is what broke the run off; time and tokens leave it their room. If there is too little
    room, spare segments are dropped first, then the first on the right; the turn is dropped only
    if what the run does now would be cut.
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
    # The rest of what the run does now can be spared while a person looks back.
    spare: Segments = [("\0spare", "")] if past else []
    if about:
        left += [*spare, (f" {visible_line(about.strip(), 120)}", "strong")]
        if not past:
            left.append(("\0whole", ""))
    if failure:
        # It begins with the path of the recording, whose end says most.
        left += [(" ·", "error"), ("\0path", ""), (visible_line(failure, 200), "error")]
    elif doing.why:
        style = "hint" if doing.word == "STOPPED" else ""
        dash = "— " if about else ""
        left += [*spare, (f" {dash}{visible_line(doing.why, 200)}", style)]
    right: Segments = [("\0fill", "")]
    if spent_s and not failure:
        right.append((f" {seconds(spent_s)} ·", "dim"))
    if (spent.tokens_in or spent.tokens_out) and not failure:
        # If there is too little room, the first segment is dropped first.
        right.append((" tokens", "dim"))
        right.append((f" {spent.tokens_in:,} in {spent.tokens_out:,} out ·", "dim"))
    if max_turns:
        named = f" {visible_line(branch, 30)} ·" if branch else ""
        right.append((f"{named} turn {turn}/{max_turns} ", ""))
    return left + right


FLAWED_REPLY = "{lab} parser lab, {edit} edits, {retry} asks again, {continue} "
UNREAD_CALL = "{lab} parser lab can run it, {edit} edits, {retry} asks again, {continue} "
"""Like FLAWED_REPLY, if the reply has a call that this run does not read."""
CONTINUE_EFFECTS = {
    "runs": "continues with the call as read.",
    "refused": "goes on to the call that cannot run.",
    "": "continues without a call.",
}
"""What continuing does, by what then happens to the reply's calls."""
REFUSED_CALL = "{edit} edits it, {answer} answers it, {continue} tells the model what is wrong."
FAILED_REQUEST = "{retry} asks again, {edit} edits a message first, {continue} ends the run."
LOST_REPLY = "{continue} asks again; the reply did not outlive its process."
LOST_TOOL = "{answer} answers for the tool, {retry} runs it again, {continue} says it may have run."


def seconds(value: float) -> str:
    """Return a duration in a form for a running clock, such as 0.4 s, 12 s, 3:05, 1:03:05."""
    if value < 10:
        return f"{value:.1f} s"
    if value < 100:
        return f"{value:.0f} s"
    return clock(value)
