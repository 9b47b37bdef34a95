"""The title and the status line of the run screen; what the list of runs says, too."""

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
"""By so many rows at most does a search lag that keeps up with the reading."""


def run_title(
    model: RunModel, label: str, format_name: str, *, number: int, count: int, own: int
) -> Segments:
    """Return who and what the run is, and how it went.

    It is run `number` (from 0) of `count`; 0: of nobody knows how many. `own` is its number in its
    file, -1 where that holds no other.
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
        _ending(state.status, state.stop_reason),
    ]
    # The line drops what stands first on the right where there is no room for all of it.
    right: Segments = [("\0fill", ""), *((f" · {fact}", "") for fact in facts if fact)]
    errors = state.severities[Severity.ERROR]
    warnings = state.severities[Severity.WARNING]
    if warnings:
        right += [("  ", ""), (f"! {counted(warnings, 'warning')}", "warning")]
    if errors:
        right += [("  ", ""), (f"✗ {counted(errors, 'error')}", "error")]
    right.append((" ", ""))
    return left + right


def _ending(status: str, stop_reason: str) -> str:
    """Return how a run ended; of one that did not come to its end, what stopped it if known."""
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
    """Return where the cursor is, what is searched and filtered, and what is going on.

    `follows`: the run can grow; else a cursor that goes along does so until all is read. `chosen`
    is the run that waits to be compared; `stopped_at` is what was read when a person had enough.
    `pace` says how fast the reading goes, `in_text` what the search has found in a text on screen.
    """
    here: Segments = [(f" {_place(model)}", "")]
    here += chosen_segments(chosen, model.keys)
    if model.filter is not None:
        here.append((f" · filter {visible_line(model.filter_text, 60)}: ", "strong"))
        here.append((f"{len(model.shown):,} shown{so_far(model, model.filtered)}", "strong"))
    if model.search is not None:
        here.append((f" · /{visible_line(model.search.text, 40)}: ", "strong"))
        here.append((match_text(model, in_text), "strong"))
    if model.follow:
        here.append((" · following" if follows else " · on the way to the end", "badge"))
    if message:
        here.append((f" · {visible_line(message, 160)}", "hint"))
    if failure:
        here.append((f" · {visible_line(failure, 160)}", "error"))
    if partial:
        here.append((f" · partial: {visible_line(partial, 60)}", "dim"))
    return here + reading_segments(progress, stopped_at, pace)


def _place(model: RunModel) -> str:
    """Return the row that the cursor is on, and among the problems which it is."""
    rows = len(model.timeline)
    if not rows:
        return "no rows yet"
    if not model.visible_rows():
        return f"none of {rows:,} rows"
    problem = model.timeline.problem_number(model.row)
    place = f"row {model.row + 1:,} of {rows:,}"
    return place if problem is None else f"{place} · problem {problem[0]:,} of {problem[1]:,}"


def chosen_segments(chosen: str, keys: KeyNames) -> Segments:
    """Return what is to be done with the run that waits to be compared; nothing if none does."""
    if not chosen:
        return []
    before, after = keys.told(" · {compare} compares with "), keys.told(", {clear} drops it")
    return [(f"{before}{visible_line(chosen, 40)}{after}", "hint")]


def reading_segments(
    progress: tuple[int, int] | None, stopped_at: tuple[int, int] | None, pace: str = ""
) -> Segments:
    """Return how far the reading is or where it was stopped, for the right end of a status line.

    `pace`, such as "12 MB/s 0:07 left", stands before it where there is room.
    """
    if progress is not None:
        return _reading_bar(*progress, pace)
    if stopped_at is None:
        return []
    done, total = stopped_at
    return [("\0fill", ""), (f"stopped at {_percent(done, total)} ", "warning")]


def _percent(done: int, total: int) -> str:
    """Return such as "26%"; never all of it, since something is left."""
    return f"{min(0.99, done / total if total else 0.0):.0%}"


def _reading_bar(done: int, total: int, pace: str) -> Segments:
    if done >= total:
        # A document is read long before it is decoded.
        return [("\0fill", ""), (f"decoding {total / 1e6:,.0f} MB … ", "badge")]
    share = done / total if total else 0.0
    bar = "█" * int(share * 10)
    return [("\0fill", ""), (f"{pace} ", ""), (f"reading {bar:░<10} {share:4.0%} ", "badge")]


def is_under_way(model: RunModel, looked_at: int) -> bool:
    """Return whether a search or filter that has looked at so many rows lags behind them."""
    return len(model.timeline) - looked_at > (0 if model.timeline.finished else ROWS_BEHIND)


def so_far(model: RunModel, looked_at: int) -> str:
    """Return what a search or filter has been through, empty where that is the whole run."""
    rows = len(model.timeline)
    if is_under_way(model, looked_at):
        return f" in {_percent(looked_at, rows)} of {rows:,} rows"
    return model.so_far


def match_text(model: RunModel, in_text: str = "") -> str:
    """Return such as "3 of 41", and what was found in the text on screen."""
    total = len(model.matches)
    number = model.match_number()
    found = f"{number} of {total:,}" if number else counted(total, "match")
    if not total:
        found = "nothing yet" if is_under_way(model, model.searched) else "no match"
        if in_text:
            return in_text
    return f"{found}{so_far(model, model.searched)}" + (in_text and f" · {in_text}")


def mean_reward_segments(facts: RunsFacts, runs: int) -> Segments:
    """Return the mean reward of so many runs, and of how many where not all have one."""
    if facts.mean_reward is None:
        return []
    of = f" of {counted(facts.rewarded, 'run')}" if facts.rewarded < runs else ""
    return [(f"mean reward {short_number(facts.mean_reward)}{of} · ", "")]


def complaints_count(complaints: Sequence[str], keys: KeyNames) -> str:
    """Return how many complaints there are and where they can be read; empty where none is."""
    skipped = all(complaint.startswith("skipped ") for complaint in complaints)
    many = f"{len(complaints):,} skipped" if skipped else counted(len(complaints), "complaint")
    return keys.told(f"{many}, see {{help}}") if complaints else ""


def complaints_line(complaints: Sequence[str], keys: KeyNames) -> str:
    """Return the latest complaint so that it can be read in a narrow line, and how many wait.

    Of the path that it begins with the name is shown; the help screen has all of them whole.
    """
    if not complaints:
        return ""
    where, colon, why = complaints[-1].partition(": ")
    skipped = "skipped " if colon and where.startswith("skipped ") else ""
    name = where.removeprefix(skipped).rpartition("/")[2] if colon else where
    further = keys.told(f"+{len(complaints) - 1:,} more, see {{help}} · ")
    more = further if len(complaints) > 1 else ""
    return f"{more}{skipped}{name}{colon}{why}"
