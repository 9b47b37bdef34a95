"""The title and the status line of the run screen; what the list of runs says, too."""

from __future__ import annotations

from collections.abc import Sequence

from hermes_tui.model.diagnostics import Severity
from hermes_tui.model.visible import visible_line
from hermes_tui.model.wording import counted
from hermes_tui.ui.render.rows import Segments
from hermes_tui.ui.view_model import RunModel


def run_title(
    model: RunModel, label: str, format_name: str, *, number: int, count: int
) -> Segments:
    """Return who and what the run is, and how it went.

    It is run `number` (from 0) of `count`; 0: of nobody knows how many.
    """
    state = model.timeline.state
    who = state.task or state.run_id
    left: Segments = [(" hermes-tui ", "strong")]
    if count != 1:
        left.append((f" run {number + 1:,}{f' of {count:,}' if count else ''} ", ""))
    if who:
        left.append((f" {visible_line(who, 50)} ", "strong"))
    left += [("\0path", ""), (visible_line(label, len(label)), "")]
    facts = [
        visible_line(state.model, 40),
        format_name,
        counted(state.turn, "turn"),
        counted(state.calls, "call"),
        f"reward {state.reward:g}" if state.reward is not None else "",
        state.status if state.status not in ("", "unknown") else "",
    ]
    # The line drops what stands first on the right where there is no room for all of it.
    right: Segments = [("\0fill", ""), *((f" · {fact}", "") for fact in facts if fact)]
    errors = state.severities[Severity.ERROR]
    warnings = state.severities[Severity.WARNING]
    if errors:
        right.append((f"  ✗ {counted(errors, 'error')}", "error"))
    if warnings:
        right.append((f"  ! {counted(warnings, 'warning')}", "warning"))
    right.append((" ", ""))
    return left + right


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
) -> Segments:
    """Return where the cursor is, what is searched and filtered, and what is going on.

    `follows`: the run can grow; else a cursor that goes along does so until all is read. `chosen`
    is the run that waits to be compared; `stopped_at` is what was read when a person had enough.
    """
    rows = len(model.timeline)
    here: Segments = [(f" row {model.row + 1:,} of {rows:,}" if rows else " no rows yet", "")]
    here += chosen_segments(chosen)
    if model.filter is not None:
        here.append((f" · filter {visible_line(model.filter_text, 60)}: ", "strong"))
        going_on = "…" if model.filtered < len(model.timeline) else ""
        here.append((f"{len(model.shown):,} shown{going_on}", "strong"))
    if model.search is not None:
        here.append((f" · /{visible_line(model.search.text, 40)}: ", "strong"))
        here.append((match_text(model), "strong"))
    if model.follow:
        here.append((" · following" if follows else " · on the way to the end", "badge"))
    if message:
        here.append((f" · {visible_line(message, 160)}", "hint"))
    if failure:
        here.append((f" · {visible_line(failure, 160)}", "error"))
    if partial:
        here.append((f" · partial: {visible_line(partial, 60)}", "dim"))
    return here + reading_segments(progress, stopped_at)


def chosen_segments(chosen: str) -> Segments:
    """Return what is to be done with the run that waits to be compared; nothing if none does."""
    if not chosen:
        return []
    return [(f" · d compares with {visible_line(chosen, 40)}, Esc drops it", "hint")]


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


def match_text(model: RunModel) -> str:
    """Return such as "3 of 41"."""
    total = len(model.matches)
    going_on = "…" if model.searched < len(model.timeline) else ""
    number = model.match_number()
    if not total:
        return "searching…" if going_on else "no match"
    return f"{number} of {total:,}{going_on}" if number else f"{counted(total, 'match')}{going_on}"


def complaints_line(complaints: Sequence[str]) -> str:
    """Return the latest complaint so that it can be read in a narrow line, and how many wait.

    Of the path that it begins with the name is shown; the help screen has all of them whole.
    """
    if not complaints:
        return ""
    where, colon, why = complaints[-1].partition(": ")
    skipped = "skipped " if colon and where.startswith("skipped ") else ""
    name = where.removeprefix(skipped).rpartition("/")[2] if colon else where
    more = f"+{len(complaints) - 1:,} more, see ? · " if len(complaints) > 1 else ""
    return f"{more}{skipped}{name}{colon}{why}"
