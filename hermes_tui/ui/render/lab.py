"""The lab's rows as styled segments: the steps, and their result so far."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from hermes_tui.model.diagnostics import Diagnostic
from hermes_tui.model.spans import Span
from hermes_tui.model.visible import visible_line
from hermes_tui.model.wording import counted
from hermes_tui.parsers.base import ParsedCall, ParseStep
from hermes_tui.parsers.findings_count import findings_count
from hermes_tui.ui.lab.fates import Fate
from hermes_tui.ui.lab.model import LabModel
from hermes_tui.ui.lab.steps import is_failure
from hermes_tui.ui.lab.verdicts import Verdict, differences
from hermes_tui.ui.render.rows import Segments, characters, short_characters, sign_of
from hermes_tui.ui.render.wrap import row_starts

WORD_STYLES: Final = {
    "calls": "success", "text kept": "warning", "lost": "error", "raised": "error",
    "timed out": "error", "wrong": "error", "unknown": "dim", "no call": "dim", "no text": "dim",
}  # fmt: skip
_GOOD_OUTCOMES: Final = frozenset({"delivered", "read", "calls", "match", "found"})
_MAX_TEXT = 400
MAX_LISTED = 200
"""Most calls, and most findings, that are listed; the text shows all of them."""


class ResultRow(NamedTuple):
    """A row of the result: its segments, and the finding or span that Enter goes to."""

    segments: Segments
    target: Diagnostic | Span | None = None


def _outcome_segment(outcome: str, *, failed: bool) -> tuple[str, str]:
    if failed:
        return f"✗ {outcome}", "error"
    if outcome == "delivered":
        return f"→ {outcome}", "call"
    if outcome == "taken back":
        return f"← {outcome}", "warning"
    if outcome in _GOOD_OUTCOMES:
        return f"✓ {outcome}", "success"
    return f"· {outcome or 'looked at'}", "note"


def step_row(step: ParseStep, number: int, width: int, *, digits: int) -> Segments:
    """Return one step: number on `digits` cells, rule indented by depth, decision, reason."""
    indent = "  " * min(step.depth, 8)
    place = f"{step.span.start}–{step.span.end}"
    rule = (indent + visible_line(step.rule, 40), "key")
    decision = _outcome_segment(step.outcome, failed=bool(number) and is_failure(step))
    columns = [(f"{number:>{digits}} ", "dim"), rule, ("  ", ""), decision]
    if width >= 56:
        columns.append((f"  {place}", "dim"))
    if step.detail:
        columns.append((f"  {visible_line(step.detail, width)}", ""))
    return columns


def title_segments(model: LabModel) -> Segments:
    """Return the title: which text, which parser and why that one, and the verdict."""
    segments: Segments = [(" Parser lab ", "strong")]
    if model.given.where:
        segments.append((f"· {visible_line(model.given.where, 60)} ", "dim"))
    if model.given.field:
        segments.append((f"· {visible_line(model.given.field, 40)} ", "mark"))
    if model.is_edited:
        segments.append(("· edited ", "mark"))
    segments.append((f"· {visible_line(model.parser.name, 40)} ", "badge"))
    if model.real is not None:
        segments.append((f"· real {model.real.source} ", "badge"))
    segments += [(f"({visible_line(model.why, 60)}) ", "dim"), ("\0fill", "")]
    return [*segments, _verdict_segment(model)]


def _verdict_segment(model: LabModel) -> tuple[str, str]:
    """Return the verdict in a few words."""
    verdict, word = model.verdict, model.outcome
    if verdict is None or not model.is_read:
        return " reading … ", "partial"
    facts = counted(len(verdict.calls), "call") if word == "calls" else ""
    style = WORD_STYLES.get(word, "")
    return f" {(facts or word).upper()} ", style


def step_place(model: LabModel) -> str:
    """Return the number of the current step, and how many findings there are."""
    found = findings_count(model.parser.name, model.result.diagnostics)
    return f"step {model.step:,} of {max(0, len(model.steps) - 1):,} · findings {found}"


def legend() -> Segments:
    """Return the legend of the styles in the text."""
    segments: Segments = []
    for fate in Fate:
        segments += [("\0spare", ""), (" ", ""), ("\0spare", ""), (fate.word, fate.style_name)]
    return segments


def result_rows(model: LabModel, width: int) -> list[ResultRow]:
    """Return what is known at the current step: the step, calls, findings, verdict."""
    rows = list(_step_rows(model, width))
    calls = model.calls()
    rows.append(_heading(f"Calls{'' if model.is_overview else ' so far'}: {len(calls):,}"))
    first = max(0, len(calls) - MAX_LISTED) if not model.is_overview else 0
    if len(calls) > MAX_LISTED:
        noun = "earlier call" if first else "later call"
        note = f"{counted(len(calls) - MAX_LISTED, noun)} not listed"
        rows.append(ResultRow([(note, "dim")]))
    for number, call in enumerate(calls[first : first + MAX_LISTED], first + 1):
        rows += _call_rows(call, number, width)
    rows += _finding_rows(model, width)
    rows += _verdict_rows(model, width)
    return rows


def _heading(text: str) -> ResultRow:
    return ResultRow([(text, "heading")])


def _step_rows(model: LabModel, width: int) -> Iterable[ResultRow]:
    step = model.current
    if step is None:
        yield ResultRow([("nothing is read yet", "dim")])
        return
    if model.is_overview:
        parser = model.parser
        facts = counted(len(model.steps) - 1, "step")
        hints = "; {lab-step} begins" if len(model.steps) > 1 else ""
        hints += ", {lab-failure} goes to the next failure" if model.failures else ""
        facts += model.keys.format(hints)
        about = " · ".join(fact for fact in (parser.format, parser.families) if fact)
        yield from wrapped([(f"{parser.name} {parser.version}".strip(), "key"),
                            (f"  {about}", "dim")], width)  # fmt: skip
        yield from wrapped([(facts, "")], width)
        if model.assumes_tools:
            names = ", ".join(visible_line(tool.name, 40) for tool in model.tools[:8])
            note = f"the run declares no tools; assumed: {names}"
            yield from wrapped([(note, "note")], width)
        return
    decision = _outcome_segment(step.outcome, failed=is_failure(step))
    where = f"  characters {step.span.start}–{step.span.end}"
    rule = (f"{model.step}. {visible_line(step.rule, 80)}  ", "key")
    yield from wrapped([rule, decision, (where, "dim")], width, target=step.span)
    if step.detail:
        yield from wrapped([(visible_line(step.detail, _MAX_TEXT), "")], width, target=step.span)


def _call_rows(call: ParsedCall, number: int, width: int) -> Iterable[ResultRow]:
    name = (f"{number}. → {visible_line(call.name or '(no name)', 60)} ", "call")
    arguments = (visible_line(call.arguments, max(_MAX_TEXT, width)), "")
    odd = "" if call.verdict in ("json", "") else f"  [{call.verdict}]"
    return wrapped([name, arguments, (odd, "note")], width, target=call.span, most=3)


def _finding_rows(model: LabModel, width: int) -> Iterable[ResultRow]:
    findings = model.result.diagnostics
    if not findings:
        return
    yield _heading(f"Findings: {findings_count(model.parser.name, findings)}")
    first = findings.index(model.pointed) if model.pointed in findings else 0
    first = first if first >= MAX_LISTED else 0
    for finding in findings[first : first + MAX_LISTED]:
        sign, style = sign_of(finding.severity)
        at = f" at {finding.span.start}" if finding.span is not None else ""
        mark = "▸" if finding is model.pointed else sign
        label = (f"{mark} {finding.code}{at}: ", style)
        message = (visible_line(finding.message, _MAX_TEXT), style)
        yield from wrapped([label, message], width, target=finding)
        if finding.hint:
            hint = f"→ {visible_line(finding.hint, _MAX_TEXT)}"
            yield from wrapped([(hint, "hint")], width, target=finding, indent=2)


def _verdict_rows(model: LabModel, width: int) -> Iterable[ResultRow]:
    ours = model.verdicts.get((model.parser.name, model.parser.source))
    if ours is None:
        return
    yield _heading("Verdict")
    yield from one_verdict(ours, f"{ours.source} {ours.version}".strip(), width)
    for real in _real_verdicts(model):
        yield from one_verdict(real, f"real {real.source}", width, known=ours.content)
        if real.name == ours.name and real.outcome != "unknown":
            found = differences(ours, real)
            text = f"≠ emulated: {', '.join(found)}" if found else "= emulated"
            yield from wrapped([(text, "error" if found else "success")], width, indent=2)
        for line in real.log[-8:]:
            yield from wrapped([(visible_line(line, _MAX_TEXT), "dim")], width, indent=2)
    if ours.flag:
        yield from wrapped([("server: ", "key"), (ours.flag, "code")], width)


def _real_verdicts(model: LabModel) -> Iterable[Verdict]:
    """Yield the real engines' verdicts for the current parser, the chosen one first."""
    if model.real is not None:
        yield model.real
    for each in model.verdicts.values():
        if each.is_real and each.name == model.parser.name and each != model.real:
            yield each


def one_verdict(
    verdict: Verdict, label: str, width: int, *, known: str | None = None
) -> Iterable[ResultRow]:
    """Yield a parser's result: word, calls, content unless it is `known`, what was lost."""
    word = verdict.word
    facts = [counted(len(verdict.calls), "call")]
    content = (verdict.content or "").strip()
    facts.append(f"content {characters(content)}" if content else "no content")
    if verdict.lost:
        facts.append(f"{short_characters(verdict.lost)} lost")
    segments: Segments = [
        (f"{label}: ", "key"),
        (word, WORD_STYLES.get(word, "")),
        (" · " + " · ".join(facts), "dim"),
    ]
    yield from wrapped(segments, width)
    if verdict.error:
        yield from wrapped([(visible_line(verdict.error, _MAX_TEXT), "error")], width, indent=2)
    if content and verdict.content != known:
        shown = visible_line(content, max(40, 2 * width))
        yield from wrapped([("content ", "key"), (shown, "")], width, indent=2, most=2)


def wrapped(
    segments: Sequence[tuple[str, str]],
    width: int,
    *,
    target: Diagnostic | Span | None = None,
    indent: int = 0,
    most: int = 12,
) -> Iterable[ResultRow]:
    """Yield segments as at most `most` rows of `width` cells, all with the same target."""
    text = "".join(part for part, _ in segments)
    room = max(10, width - indent)
    starts = list(row_starts(text, room))[:most]
    for number, start in enumerate(starts):
        last = number + 1 == len(starts)
        # The last row may be cut by the list, which then shows an ellipsis.
        end = len(text) if last else starts[number + 1]
        row = [(" " * indent, "")] if indent else []
        yield ResultRow([*row, *_slice(segments, start, end)], target)
        indent = max(indent, 2) if number == 0 and len(starts) > 1 else indent


def _slice(segments: Sequence[tuple[str, str]], start: int, end: int) -> Segments:
    pieces: Segments = []
    at = 0
    for text, style in segments:
        piece = text[max(0, start - at) : max(0, end - at)]
        if piece:
            pieces.append((piece, style))
        at += len(text)
    return pieces
