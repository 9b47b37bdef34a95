"""The engine matrix of the lab: a row for each engine and parser, and the ranking of them."""

from __future__ import annotations

from collections.abc import Sequence

from hermes_tui.model.visible import visible_line
from hermes_tui.model.wording import counted
from hermes_tui.ui.lab.parsers import OURS
from hermes_tui.ui.lab.verdicts import Verdict, differences, verdict_word
from hermes_tui.ui.render.lab import WORD_STYLES
from hermes_tui.ui.render.rows import Segments

NAME, SOURCE, WORD, CALLS, OF_ALL = 24, 15, 9, 5, 8


def matrix_header(*, ranking: bool) -> list[Segments]:
    """Return the line above the rows."""
    if ranking:
        return [[(f"  {'parser':<{NAME}} {'calls':>{OF_ALL}}  flag for the server", "heading")]]
    last = "calls and differences from the selected one"
    text = f"  {'parser':<{NAME}} {'source':<{SOURCE}} {'verdict':<{WORD}} {'calls':>{CALLS}}"
    return [[(f"{text}  {last}", "heading")]]


def matrix_row(
    verdict: Verdict,
    selected: Verdict | None,
    partner: Verdict | None,
    *,
    ranking: bool,
    meant: int = 0,
) -> Segments:
    """Return one row. `partner` is the emulated verdict next to a real one of the same name.

    A ranking shows how many of the `meant` calls are read.
    """
    reference = selected or verdict
    word = verdict_word(reference, verdict)
    is_selected = selected is not None and selected.key == verdict.key
    source = f"real {verdict.version}" if verdict.is_real else _source(verdict)
    if ranking:
        return [
            ("● " if is_selected else "  ", "mark"),
            (f"{visible_line(verdict.name, NAME):<{NAME}} ", "strong"),
            (f"{_calls_text(len(verdict.calls), meant):>{OF_ALL}}  ", "number"),
            (verdict.flag, "code"),
            (f"   {source}", "dim"),
            (f" · {counted(verdict.lost, 'character')} lost" if verdict.lost else "", "warning"),
        ]
    row: Segments = [
        ("● " if is_selected else "  ", "mark"),
        (f"{visible_line(verdict.name, NAME):<{NAME}} ", "strong" if is_selected else "text"),
        (f"{visible_line(source, SOURCE):<{SOURCE}} ", "badge" if verdict.is_real else "dim"),
        (word, WORD_STYLES.get(word, "")),
        (" " * (WORD - len(word) + 1), ""),
        (f"{len(verdict.calls) or '':>{CALLS}}  ", "number"),
    ]
    is_known = verdict.outcome != "unknown"
    if partner is not None and is_known and (other := differences(partner, verdict)):
        row.append((f"≠ emulated: {', '.join(other)}  ", "error"))
    if verdict.outcome in ("raised", "timed-out", "unknown"):
        return [*row, (visible_line(verdict.error, 200), "dim")]
    row.append((_names(verdict.calls), "call"))
    if not is_selected and selected is not None and (other := differences(selected, verdict)):
        row += [("  ", ""), (f"≠ {', '.join(other)}", "warning")]
    return row


def _calls_text(count: int, meant: int) -> str:
    return f"{count} of {meant}" if count < meant else str(count)


def _source(verdict: Verdict) -> str:
    if verdict.source == OURS:
        return "our reading"
    return f"emulated {verdict.version}"


def _names(calls: Sequence[tuple[str, str]]) -> str:
    shown = ", ".join(visible_line(name or "(none)", 30) for name, _ in calls[:4])
    return shown + (f" and {len(calls) - 4} more" if len(calls) > 4 else "")
