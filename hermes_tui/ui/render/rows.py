"""Rows of the timeline as styled segments, and short forms of numbers. Only drawn rows are made."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from hermes_tui.log.findings import Finding
from hermes_tui.log.query import describe
from hermes_tui.log.timeline import RowKind, Timeline
from hermes_tui.model.diagnostics import Severity
from hermes_tui.model.events import (
    Event,
    MessageAppended,
    RunEnded,
    RunStarted,
    ToolCallProposed,
    ToolFailed,
    ToolReturned,
)
from hermes_tui.model.messages import ADDED, GOLD_FAILURE, Message, ToolCall, ToolResult
from hermes_tui.model.visible import ELLIPSIS, visible, visible_line
from hermes_tui.model.wording import utc_text
from hermes_tui.parsers.finish_reasons import CUT
from hermes_tui.ui.run_relations import subagent_of

Segments = list[tuple[str, str]]

MARKS = {RowKind.ERROR: "✗", RowKind.WARNING: "!", RowKind.NOTE: "·"}
"""Marks that distinguish findings without colour."""
STYLES = {RowKind.ERROR: "error", RowKind.WARNING: "warning", RowKind.NOTE: "note"}
OPEN, FOLDED = "▾", "▸"
GOLD_MARK = "◆"
"""The mark of the message where reviewers saw the run go wrong."""
KIND_WIDTH = 10
LONGEST_RUN_ID = 20
MAX_BLANKS = 16 << 10
"""Most leading blanks of a text that are skipped; they are checked each time a row is drawn."""
TIME_FROM, SIZE_TOO_FROM = 50, 66
"""Cells that a list needs to show the time instead of the size, and to show both."""
ROLE_STYLES = frozenset({"system", "user", "assistant", "tool"})


class _RowContent(NamedTuple):
    """The content of a row: its label, its text, their styles, and the size of what it shows."""

    label: str
    style: str
    text: str
    text_style: str = ""
    size: str = ""


def timeline_row(timeline: Timeline, row: int, width: int) -> Segments:
    """Return turn, kind, size, time and summary of one row; the list cuts it to its width."""
    event, finding = timeline.event(row), timeline.finding(row)
    if finding is None:
        content = _event_content(timeline, event, max(8, width))
    else:
        content = _finding_content(finding, timeline.kind(row), max(8, width))
    columns = f"{content.size:>5}"
    if width >= TIME_FROM and timeline.state.first_ts is not None:
        time = f" {clock(event.ts):>8}"
        columns = columns + time if width >= SIZE_TOO_FROM else time
    turn = f"{timeline.turn(row) or '':>4} "
    # A turn of five digits takes its extra cell from the label.
    room = KIND_WIDTH + 5 - len(turn)
    label = content.label[:room]
    return [
        (turn, "dim"),
        (label, content.style),
        (f"{' ' * (room - len(label))}{columns}  ", "dim"),
        (content.text, content.text_style),
    ]


def _finding_content(finding: Finding, kind: RowKind, room: int) -> _RowContent:
    text, style = f"{finding.code} {finding.message}", STYLES[kind]
    return _RowContent(f"{MARKS[kind]} {kind.name.lower()}", style, visible_line(text, room), style)


def _event_content(timeline: Timeline, event: Event, room: int) -> _RowContent:
    match event:
        case MessageAppended(message=message):
            return _message_content(message, room)
        case ToolCallProposed(call=call):
            line = _subagent_mark(timeline, call.id) + _call_line(call, room)
            return _RowContent("→ call", "call", line, size=short_size(len(call.arguments_text)))
        case ToolReturned(result=result) | ToolFailed(result=result):
            return _result_content(result, _subagent_mark(timeline, result.call_id), room)
        case RunStarted() as started:
            return _RowContent("▶ run", "dim", visible_line(describe(started), room))
        case RunEnded() as ended if timeline.state.source_format != "native":
            return _RowContent("■ end", "dim", visible_line(describe(ended), room))
        case _:
            # Not needed for the first screen of most files.
            from hermes_tui.ui.render.event_lines import event_line

            label, style, text = event_line(timeline.log, event)
            return _RowContent(label, style, visible_line(text, room))


def _message_content(message: Message, room: int) -> _RowContent:
    marks = [f"‹{flag}›" for flag in message.flags]
    if message.reasoning:
        marks.append("‹reasoning›")
    if message.finish_reason in CUT:
        marks.append(f"‹{message.finish_reason}›")
    marks += _part_marks(message)
    texts = [part.text for part in message.parts if part.kind in ("refusal", "json")]
    reasoning = _only_reasoning(message)
    text = " ".join(filter(None, (message.text, *texts))) or reasoning
    text = text or ("" if message.calls or marks else "(empty)")
    author = message.author or message.role
    label = visible_line(author, KIND_WIDTH - 1)
    style = f"role.{message.role}" if message.role in ROLE_STYLES else "role.other"
    if GOLD_FAILURE in message.flags:
        label, style = f"{GOLD_MARK} {visible_line(author, KIND_WIDTH - 3)}", "badge.bad"
    return _RowContent(
        label,
        style,
        " ".join([*marks, _first_text(text, room)]),
        "reasoning" if reasoning else "",
        short_size(len(message.text)),
    )


def _first_text(text: str, room: int) -> str:
    """Return the beginning of a text on one line, without leading blanks."""
    blanks = _leading_blanks(text)
    return visible_line(text[blanks : blanks + room + 1], room)


def _leading_blanks(text: str) -> int:
    """Return how many blanks a text begins with; 0 if its first `MAX_BLANKS` are all blank."""
    beginning = text[:MAX_BLANKS]
    return len(beginning) - len(beginning.lstrip() or beginning)


def _subagent_mark(timeline: Timeline, call_id: str | None) -> str:
    """Return the mark of a call that started a subagent; empty for others."""
    run = subagent_of(timeline.state.details, call_id)
    return f"‹subagent {visible_line(run, LONGEST_RUN_ID)}› " if run else ""


def _only_reasoning(message: Message) -> str:
    """Return the reasoning of a message without text or parts; empty for others."""
    if message.text or message.parts:
        return ""
    texts = (piece.text for piece in message.reasoning if piece.kind != "encrypted")
    return next((text for text in texts if not text[:MAX_BLANKS].isspace() and text), "")


def _part_marks(message: Message) -> list[str]:
    """Return a mark such as ‹image×2› for each kind of part other than text."""
    counts = Counter(part.kind for part in message.parts if part.kind not in ("text", "json"))
    return [f"‹{kind}×{count}›" if count > 1 else f"‹{kind}›" for kind, count in counts.items()]


def _result_content(result: ToolResult, mark: str, room: int) -> _RowContent:
    name = f"{visible_line(result.name, 30)}: " if result.name else ""
    text = mark + name + (_first_text(result.content, room) or "(empty)")
    size = short_size(len(result.content))
    if result.error is None:
        return _RowContent("← result", "role.tool", text, size=size)
    if result.error.kind == "flag":
        return _RowContent("←✗ error", "error", text, "error", size)
    return _RowContent("←? error", "warning", text, "warning", size)


def reason_without_quote(reason: str, content: str) -> str:
    """Return why a result is an error, without the words that the result itself begins with."""
    why, _, quote = reason.partition(": ")
    quote = quote.removesuffix(ELLIPSIS).strip()
    return why if quote and content.startswith(quote, _leading_blanks(content)) else reason


def _call_line(call: ToolCall, room: int) -> str:
    """Return name and arguments of a call on one line, with its origin if that is unusual."""
    line = f"{visible_line(call.name or '(no name)', 40)} " + visible_line(
        call.arguments_text, room
    )
    origin = ADDED if call.verdict == ADDED else str(call.origin)
    if origin in ("dict", "object"):
        return line
    # Where one call is a flat dict, all are: their badges come last, to leave room for arguments.
    return f"{line} [{origin}]" if origin == "flat-dict" else f"[{origin}] {line}"


def short_size(characters: int) -> str:
    """Return a count in at most five characters: 812, 12k, 3.4M."""
    if characters < 1000:
        return str(characters)
    if characters < 999_500:
        return f"{characters / 1000:.3g}k"
    return f"{characters / 1e6:.3g}M"


def characters(text: str) -> str:
    """Return the length of a text, such as "1 character" or "12k characters"."""
    return short_characters(len(text))


def short_characters(number: int) -> str:
    """Return a number of characters, such as "1 character" or "12k characters"."""
    return f"{short_size(number)} character{'' if number == 1 else 's'}"


def short_number(number: float) -> str:
    """Return a number in at most seven characters: 0.125, 1,234, 12.3k, 1.2e+12."""
    if 999.5 <= abs(number) < 9_999.5:
        return f"{number:,.0f}"
    for size, unit in ((1e3, "k"), (1e6, "M"), (1e9, "G")):
        if 999.5 <= abs(number) < 999.5 * size:
            return f"{number / size:.3g}{unit}"
    text = f"{number:.3g}"
    return text if len(text) <= 7 else f"{number:.0e}"


def clock(ts: float | None) -> str:
    """Return the time of day (UTC) of unix seconds; empty for None or if out of range."""
    return utc_text(ts, "%H:%M:%S")


def sign_of(severity: Severity) -> tuple[str, str]:
    """Return the mark that distinguishes a finding without colour, and its style."""
    kind = RowKind[severity.name]
    return MARKS[kind], STYLES[kind]


def plain(segments: Segments, width: int = 100) -> str:
    """Return a row as plain text, for output without Textual."""
    return visible("".join(part for part, _ in segments))[:width].rstrip()
