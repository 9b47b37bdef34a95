"""What `parse` prints: one verdict in full, several as a table, or JSON rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from hermes_tui.cli.caret import caret_lines, position
from hermes_tui.model.diagnostics import Diagnostic, Severity
from hermes_tui.model.visible import cells, visible_line
from hermes_tui.model.wording import counted
from hermes_tui.parsers.base import Outcome, ParseStep
from hermes_tui.parsers.choice import AUTO
from hermes_tui.parsers.findings_count import may_be_more
from hermes_tui.runtime.parser_verdicts import ENGINE_FINDINGS, LOST, TEXT_KEPT, ParserVerdict

MAX_FINDINGS = 40
_MAX_LENGTH = 300
_NAME_WIDTH = 36
_CALLS_WIDTH = 30
_MIN_CALLS_WIDTH = 12
_MIN_FINDINGS = 26
_ROW = "{:2} {:{name}}  {:8} {:9} "
"""A row of the table: letter, parser, version, verdict; calls and findings follow."""
_INDENT = "  "


def report_lines(verdict: ParserVerdict, text: str, *, steps: bool, columns: int) -> Iterator[str]:
    """Yield the verdict, the findings with their places in the text, and the result.

    `columns` is the width of the terminal, or 0 if the output is no terminal.
    """
    yield f"{title(verdict)}: {summary(verdict, text)}"
    if verdict.error:
        yield f"  error: {visible_line(verdict.error, _MAX_LENGTH)}"
    for line in verdict.log:
        yield f"  the engine says: {visible_line(line, _MAX_LENGTH)}"
    for line in verdict.printed:
        yield f"  printed: {visible_line(line, _MAX_LENGTH)}"
    if steps:
        yield from _step_lines(verdict.steps, text)
    for finding in verdict.diagnostics[:MAX_FINDINGS]:
        yield ""
        yield from _finding_lines(finding, text, columns)
    if len(verdict.diagnostics) > MAX_FINDINGS:
        yield ""
        rest = len(verdict.diagnostics) - MAX_FINDINGS
        if may_be_more(verdict.explained_by or verdict.parser, verdict.diagnostics):
            yield f"… and {rest:,} more (--json has them); more than these are not looked for"
        else:
            yield f"… and {rest:,} more (--json has them all)"
    yield ""
    yield from _output_lines(verdict)
    for span in verdict.dropped[:MAX_FINDINGS]:
        if words := text[span.start : span.end].strip():
            yield f"dropped {span.start}…{span.end}: {visible_line(words, 80)}"
    if verdict.explained_by:
        yield f"(findings: {verdict.explained_by})"


def title(verdict: ParserVerdict) -> str:
    """Return the name, with the version if the name does not contain it."""
    name = visible_line(verdict.parser, _MAX_LENGTH)
    if verdict.is_real or not verdict.version:
        return name
    return f"{name} ({verdict.version}, emulated)"


def summary(verdict: ParserVerdict, text: str) -> str:
    """Return in a few words what the parser returned for `text`."""
    count = len(verdict.calls)
    has_content = bool((verdict.content or "").strip())
    if verdict.outcome is Outcome.RAISED:
        return "raised: neither calls nor text"
    if count:
        return f"{counted(count, 'call')}{' and text' if has_content else ''}"
    if verdict.tools_called:
        return f"{LOST}: reports a call, but has none"
    if verdict.reasoning and not has_content:
        return "all of it taken for reasoning: no call, no text"
    if verdict.loses(text):
        return f"{LOST}: no call, {'only part of the text' if has_content else 'no text'}"
    return f"{TEXT_KEPT}, no call"


def _finding_lines(finding: Diagnostic, text: str, columns: int) -> Iterator[str]:
    """Yield one finding: its message and place, the line with carets, the hint."""
    where = ""
    if finding.span is not None:
        line, column = position(text, min(finding.span.start, len(text)))
        where = f" line {line}, column {column}"
    yield f"{finding.severity}[{finding.code}]{where}: {visible_line(finding.message, _MAX_LENGTH)}"
    if finding.span is not None:
        for line_shown in caret_lines(text, finding.span, max(0, columns - len(_INDENT))):
            yield f"{_INDENT}{line_shown}"
    if finding.hint:
        yield f"  hint: {visible_line(finding.hint, _MAX_LENGTH)}"


def _step_lines(steps: Sequence[ParseStep], text: str) -> Iterator[str]:
    yield ""
    for number, step in enumerate(steps, 1):
        place = f"{step.span.start}…{step.span.end}"
        piece = visible_line(text[step.span.start : min(step.span.end, step.span.start + 41)], 40)
        detail = f" ({visible_line(step.detail, 120)})" if step.detail else ""
        outcome = visible_line(step.outcome, 80)
        yield f"{number:>4} {'  ' * step.depth}{step.rule}: {outcome}{detail}  {place} {piece}"


def _output_lines(verdict: ParserVerdict) -> Iterator[str]:
    for number, call in enumerate(verdict.calls, 1):
        name = visible_line(call.name, 80)
        yield f"call {number}: {name} {visible_line(call.arguments, _MAX_LENGTH)}"
    if verdict.reasoning:
        length = counted(len(verdict.reasoning), "character")
        yield f"reasoning, {length}: {visible_line(verdict.reasoning, _MAX_LENGTH)}"
    if verdict.content is None:
        yield "content: none"
    else:
        length = counted(len(verdict.content), "character")
        yield f"content, {length}: {visible_line(verdict.content, _MAX_LENGTH)}"


def table_lines(verdicts: Sequence[ParserVerdict], text: str, *, columns: int = 0) -> Iterator[str]:
    """Yield a row per verdict on `text`; equal letters mean equal calls and content.

    `columns` is the width of the terminal, or 0 if the output is no terminal.
    """
    letters: dict[Any, str] = {}
    width = max((min(len(verdict.parser), _NAME_WIDTH) for verdict in verdicts), default=0)
    fixed_width = len(_ROW.format("", "", "", "", name=width))
    room = max(columns - fixed_width - _MIN_FINDINGS, _MIN_CALLS_WIDTH) if columns else _CALLS_WIDTH
    call_texts = [visible_line(", ".join(c.name for c in v.calls), room) for v in verdicts]
    calls = max([len("calls"), *map(cells, call_texts)])
    head = _ROW.format("", "parser", "version", "verdict", name=width)
    yield f"{head}{'calls':{calls}} findings"
    for verdict, names in zip(verdicts, call_texts, strict=True):
        key = (verdict.outcome, verdict.calls, (verdict.content or "").strip())
        row = _ROW.format(
            letters.setdefault(key, _letter(len(letters))),
            visible_line(verdict.parser, _NAME_WIDTH),
            visible_line(verdict.version, 8),
            _verdict_word(verdict, text),
            name=width,
        )
        codes = _fitting(
            _worst_codes(verdict), columns - fixed_width - calls - 1 if columns else _MAX_LENGTH
        )
        yield f"{row}{names}{' ' * (calls - cells(names))} {codes}".rstrip()
    yield ""
    yield "The same letter: the same calls and the same content."


def _fitting(codes: list[str], room: int) -> str:
    """Return the first codes that fit, at least one, and how many are left out."""
    kept = len(codes)
    while True:
        left_out = len(codes) - kept
        line = " ".join([*codes[:kept], *([f"+{left_out}"] if left_out else [])])
        if len(line) <= room or kept <= 1:
            return line
        kept -= 1


def _letter(number: int) -> str:
    first, second = divmod(number, 26)
    return ("" if not first else chr(ord("A") + (first - 1) % 26)) + chr(ord("A") + second)


def _verdict_word(verdict: ParserVerdict, text: str) -> str:
    if verdict.outcome is Outcome.RAISED:
        return str(verdict.outcome)
    if verdict.calls:
        return str(len(verdict.calls))
    return LOST if verdict.tools_called or verdict.loses(text) else TEXT_KEPT


def _worst_codes(verdict: ParserVerdict) -> list[str]:
    """Return the codes of the errors, or of the warnings if there are none; each once."""
    for severity in (Severity.ERROR, Severity.WARNING):
        codes = dict.fromkeys(
            finding.code for finding in verdict.diagnostics if finding.severity is severity
        )
        if codes:
            is_ours = verdict.is_real and verdict.explained_by == AUTO
            own = [code for code in codes if not is_ours or code in ENGINE_FINDINGS]
            ours = [code for code in codes if code not in own]
            return [*own, *(f"(our reading) {code}" for code in ours[:1]), *ours[1:]]
    return ["-"]


def verdict_row(verdict: ParserVerdict, *, steps: bool = False) -> dict[str, Any]:
    """Return a verdict as JSON values, with spans in characters.

    These are the fields of every row of `parse --json` and `--batch`, which the help explains;
    only `steps` may be missing.
    """
    row: dict[str, Any] = _row(verdict)
    if steps:
        row["steps"] = [
            {
                "rule": step.rule,
                "span": [step.span.start, step.span.end],
                "outcome": step.outcome,
                "detail": step.detail,
                "depth": step.depth,
            }
            for step in verdict.steps
        ]
    return row


def _calls(verdict: ParserVerdict) -> list[dict[str, Any]]:
    return [
        {
            "name": call.name,
            "arguments": call.arguments,
            "span": [place.start, place.end] if place else None,
        }
        for call, place in zip(verdict.calls, verdict.places, strict=True)
    ]


def _row(verdict: ParserVerdict) -> dict[str, Any]:
    return {
        "parser": verdict.parser,
        "outcome": str(verdict.outcome),
        "tools_called": verdict.tools_called,
        "tool_calls": _calls(verdict),
        "content": verdict.content,
        "diagnostics": [
            {
                "code": str(finding.code),
                "severity": str(finding.severity),
                "span": [finding.span.start, finding.span.end] if finding.span else None,
                "message": finding.message,
                "hint": finding.hint,
            }
            for finding in verdict.diagnostics
        ],
        "dropped": [[span.start, span.end] for span in verdict.dropped],
        "error": verdict.error or None,
        "reasoning": verdict.reasoning,
        "version": verdict.version,
        "real": verdict.is_real,
        "log": list(verdict.log),
        "printed": list(verdict.printed),
        "explained_by": verdict.explained_by or None,
    }
