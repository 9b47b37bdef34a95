"""The title and the status line of the run screen, and parts that the list of runs shares."""

from __future__ import annotations

from collections.abc import Sequence

from hermes_tui.model.diagnostics import Severity
from hermes_tui.model.visible import visible_line
from hermes_tui.model.wording import counted
from hermes_tui.ui.key_names import KeyNames
from hermes_tui.ui.render.rows import Segments, short_number
from hermes_tui.ui.runs.facts import RunsFacts
from hermes_tui.ui.view_model import RunModel

ROWS_BEHIND = 2_000
"""Most rows by which a search may lag behind the reading and still count as up to date."""


def run_title(
    model: RunModel, label: str, format_name: str, *, number: int, count: int, own: int
) -> Segments:
    """Return the title of the run: its task, source, size and outcome.

    It is run `number` (from 0) of `count`, which is 0 if that is unknown. `own` is its number in
    its file, or -1 if it is the only one.
    """
    state = model.timeline.state
    who = state.task or state.run_id
    left: Segments = [(" hermes-tui ", "strong")]
    if count != 1:
        place = f"{number + 1:,}{f' of {count:,}' if count else ''}"
        left.append((f" run {place if own in (-1, number) else f'{own + 1} ({place})'} ", ""))
    if who:
        left.append((f" {visible_line(who, 50)} ", "strong"))
    left += [("\0path", ""), (visible_line(label, len(label)), "")]
    facts = [
        visible_line(state.model, 40),
        format_name,
        counted(state.turn, "turn"),
        counted(state.calls, "call"),
        f"reward {state.reward:g}" if state.reward is not None else "",
        _ending_text(state.status, state.stop_reason),
    ]
    # If there is too little room, the line drops the first segments on the right.
    right: Segments = [("\0fill", ""), *((f" · {fact}", "") for fact in facts if fact)]
    errors = state.severities[Severity.ERROR]
    warnings = state.severities[Severity.WARNING]
    if warnings:
        right += [("  ", ""), (f"! {counted(warnings, 'warning')}", "warning")]
    if errors:
        right += [("  ", ""), (f"✗ {counted(errors, 'error')}", "error")]
    right.append((" ", ""))
    return left + right


def _ending_text(status: str, stop_reason: str) -> str:
    """Return how a run ended; if it was truncated, its stop reason if that is known."""
    if status == "truncated" and stop_reason:
        return visible_line(stop_reason.replace("_", " "), 40)
    return status if status != "unknown" else ""


def status_segments(
    model: RunModel,
    *,
    progress: tuple[int, int] | None,
    partial: str,
    message: str,
    failure: str,
    follows: bool = True,
    chosen: str = "",
    stopped_at: tuple[int, int] | None = None,
    pace: str = "",
    in_text: str = "",
) -> Segments:
    """Return where the cursor is, the search and the filter, and what is in progress.

    `follows` means that the run can grow; otherwise a cursor that follows does so until all is
    read. `chosen` is the run chosen for a comparison. `stopped_at` is the amount read, and the
    total, when a person stopped the reading. `pace` says how fast the reading is, `in_text` what
    the search has found in a text on screen.
    """
    segments: Segments = [(f" {_place_text(model)}", "")]
    segments += chosen_segments(chosen, model.keys)
    if model.filter is not None:
        segments.append((f" · filter {visible_line(model.filter_text, 60)}: ", "strong"))
        segments.append((f"{len(model.shown):,} shown{so_far(model, model.filtered)}", "strong"))
    if model.search is not None:
        segments.append((f" · /{visible_line(model.search.text, 40)}: ", "strong"))
        segments.append((match_text(model, in_text), "strong"))
    if model.follow:
        segments.append((" · following" if follows else " · on the way to the end", "badge"))
    if message:
        segments.append((f" · {visible_line(message, 160)}", "hint"))
    if failure:
        segments.append((f" · {visible_line(failure, 160)}", "error"))
    if partial:
        segments.append((f" · partial: {visible_line(partial, 60)}", "dim"))
    return segments + reading_segments(progress, stopped_at, pace)


def _place_text(model: RunModel) -> str:
    """Return the row that the cursor is on, and its number among the problems if it is one."""
    rows = len(model.timeline)
    if not rows:
        return "no rows yet"
    if not model.visible_rows():
        return f"none of {rows:,} rows"
    problem = model.timeline.problem_number(model.row)
    place = f"row {model.row + 1:,} of {rows:,}"
    return place if problem is None else f"{place} · problem {problem[0]:,} of {problem[1]:,}"


def chosen_segments(chosen: str, keys: KeyNames) -> Segments:
    """Return the hint for the run that was chosen for a comparison; nothing if none was."""
    if not chosen:
        return []
    before, after = (
        keys.format(" · {compare} compares with "),
        keys.format(", {clear} drops it"),
    )
    return [(f"{before}{visible_line(chosen, 40)}{after}", "hint")]


def reading_segments(
    progress: tuple[int, int] | None, stopped_at: tuple[int, int] | None, pace: str = ""
) -> Segments:
    """Return how far the reading is or where it was stopped, for the right end of a status line.

    `pace`, such as "12 MB/s 0:07 left", precedes it if there is room.
    """
    if progress is not None:
        return _reading_bar(*progress, pace)
    if stopped_at is None:
        return []
    done, total = stopped_at
    return [("\0fill", ""), (f"stopped at {_percent(done, total)} ", "warning")]


def _percent(done: int, total: int) -> str:
    """Return a share such as "26%"; at most 99%, because something is left."""
    return f"{min(0.99, done / total if total else 0.0):.0%}"


def _reading_bar(done: int, total: int, pace: str) -> Segments:
    if done >= total:
        # A single document is read long before it is decoded.
        return [("\0fill", ""), (f"decoding {total / 1e6:,.0f} MB … ", "badge")]
    share = done / total if total else 0.0
    bar = "█" * int(share * 10)
    speed = f"{pace} · " if pace else " "
    return [("\0fill", ""), (speed, ""), (f"reading {bar:░<10} {share:4.0%} ", "badge")]


def lags_behind(model: RunModel, looked_at: int) -> bool:
    """Return whether a search or filter that covered `looked_at` rows lags behind the reading."""
    return len(model.timeline) - looked_at > (0 if model.timeline.finished else ROWS_BEHIND)


def so_far(model: RunModel, looked_at: int) -> str:
    """Return how much a search or filter has covered; empty if that is the whole run."""
    rows = len(model.timeline)
    if lags_behind(model, looked_at):
        return f" in {_percent(looked_at, rows)} of {rows:,} rows"
    return model.so_far


def match_text(model: RunModel, in_text: str = "") -> str:
    """Return the matches, such as "3 of 41", and what was found in the text on screen."""
    total = len(model.matches)
    number = model.match_number()
    found = f"{number} of {total:,}" if number else counted(total, "match")
    if not total:
        found = "nothing yet" if lags_behind(model, model.searched) else "no match"
        if in_text:
            return in_text
    return f"{found}{so_far(model, model.searched)}" + (in_text and f" · {in_text}")


def mean_reward_segments(facts: RunsFacts, runs: int) -> Segments:
    """Return the mean reward of `runs` runs, and how many have one if not all do."""
    if facts.mean_reward is None:
        return []
    suffix = f" of {counted(facts.rewarded, 'run')}" if facts.rewarded < runs else ""
    return [(f"mean reward {short_number(facts.mean_reward)}{suffix} · ", "")]


def complaints_count(complaints: Sequence[str], keys: KeyNames) -> str:
    """Return how many complaints there are and where to read them; empty if there are none."""
    skipped = all(complaint.startswith("skipped ") for complaint in complaints)
    many = f"{len(complaints):,} skipped" if skipped else counted(len(complaints), "complaint")
    return keys.format(f"{many}, see {{help}}") if complaints else ""


def complaints_line(complaints: Sequence[str], keys: KeyNames) -> str:
    """Return the latest complaint in a form for a narrow line, and how many more there are.

    The path at its beginning is reduced to the file name; the help screen shows all in full.
    """
    if not complaints:
        return ""
    where, colon, why = complaints[-1].partition(": ")
    skipped = "skipped " if colon and where.startswith("skipped ") else ""
    name = where.removeprefix(skipped).rpartition("/")[2] if colon else where
    further = keys.format(f"+{len(complaints) - 1:,} more, see {{help}} · ")
    more = further if len(complaints) > 1 else ""
    return f"{more}{skipped}{name}{colon}{why}"
