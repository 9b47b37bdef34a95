"""The lab's rows for a stream: deltas, what the client has received, and a sweep's result."""

from __future__ import annotations

from hermes_tui.model.visible import visible_line
from hermes_tui.model.wording import counted
from hermes_tui.runtime.engines.verdicts import StreamDelta
from hermes_tui.ui.lab.stream import StreamModel
from hermes_tui.ui.render.lab import MAX_LISTED, ResultRow, one_verdict, wrapped
from hermes_tui.ui.render.rows import Segments

_SHOWN = 300
_BROKEN_OFF = frozenset({"timed out", "raised"})


def delta_row(stream: StreamModel, text: str, index: int) -> Segments:
    """Return one delta: its text, and what was sent for it. Row 0 is the beginning."""
    if not index:
        how = "" if stream.split is not None and stream.split.border else "deltas of "
        return [(f"    nothing was sent yet; {how}{stream.delta_size}", "dim")]
    assert stream.reading is not None
    delta = stream.reading.deltas[index - 1]
    begin = stream.reading.deltas[index - 2].end if index > 1 else 0
    shown = f"‹{visible_line(text[begin : delta.end], 40)}›" if delta.end > begin else "(end)"
    digits = max(4, len(str(stream.deltas)))
    return [(f"{index:>{digits}} ", "dim"), (f"{shown:<18} ", "key"), *_delta_segments(delta)]


def _delta_segments(delta: StreamDelta) -> Segments:
    segments: Segments = []
    if delta.content:
        segments.append((f"text {visible_line(delta.content, 60)!r} ", "lab.content"))
    if delta.reasoning:
        segments.append((f"reasoning {visible_line(delta.reasoning, 60)!r} ", "lab.reasoning"))
    for piece in delta.calls:
        if piece.name:
            segments.append((f"call {piece.slot + 1} name {visible_line(piece.name, 40)} ", "call"))
        if piece.arguments:
            shown = visible_line(piece.arguments, 60)
            segments.append((f"call {piece.slot + 1} arguments {shown!r} ", "lab.arguments"))
    return segments or [("·", "dim")]


def stream_place(stream: StreamModel) -> str:
    """Return the delta that is shown, how large deltas are, and whether the replay broke off."""
    if stream.reading is None:
        return f"reading … · {stream.delta_size}"
    verdict = stream.streamed
    word = f" · {verdict.word}" if verdict is not None and verdict.word in _BROKEN_OFF else ""
    return f"{_delta_place(stream)} · {stream.delta_size}{word}"


def _delta_place(stream: StreamModel) -> str:
    return f"delta {stream.at:,} of {stream.deltas:,}"


def stream_rows(stream: StreamModel, width: int) -> list[ResultRow]:
    """Return what the client has received so far, and the verdicts on whole text and stream."""
    rows: list[ResultRow] = []
    rows += wrapped([(f"{stream.engine} {stream.parser}", "key"),
                     (f"  {_delta_place(stream)}", "dim")], width)  # fmt: skip
    sent = stream.sent()
    rows.append(ResultRow([(f"Sent to the client so far: {counted(len(sent.calls), 'call')}",
                            "heading")]))  # fmt: skip
    first = max(0, len(sent.calls) - MAX_LISTED)
    if first:
        rows.append(ResultRow([(f"{counted(first, 'earlier call')} not listed", "dim")]))
    for number, call in enumerate(sent.calls[first:], first + 1):
        shown = visible_line(call.arguments, _SHOWN)
        name = visible_line(call.name or "(no name yet)", 60)
        rows += wrapped([(f"{number}. → {name} ", "call"), (shown, "")], width, most=4)
    if sent.content:
        rows += wrapped([("content ", "key"), (visible_line(sent.content, _SHOWN), "")], width)
    if sent.reasoning:
        text = visible_line(sent.reasoning, _SHOWN)
        rows += wrapped([("reasoning ", "key"), (text, "reasoning")], width)
    rows.append(ResultRow([("Whole text and stream", "heading")]))
    if stream.whole is not None:
        rows += one_verdict(stream.whole, "whole text", width)
    if stream.streamed is not None:
        known = stream.whole.content if stream.whole is not None else None
        rows += one_verdict(stream.streamed, "stream", width, known=known)
    if stream.whole is not None and stream.streamed is not None:
        other = stream.differences()
        text = f"≠ {', '.join(other)}" if other else "= the stream gives the same"
        rows += wrapped([(text, "error" if other else "success")], width)
    return rows


def sweep_header(stream: StreamModel) -> list[Segments]:
    """Return the progress of a sweep and what it found."""
    done = "" if stream.tried >= stream.splits else f", {stream.splits - stream.tried} to go"
    found = counted(len(stream.swept), "split")
    verb = "changes" if len(stream.swept) == 1 else "change"
    what = f"{verb} the result of the text in one delta"
    if (one := stream.in_one_delta) is not None:
        what += f": {counted(len(one.calls), 'call') if one.calls else one.word}"
    return [[(f"  {found} of {stream.tried} tried {what}{done}", "heading")]]


def sweep_row(stream: StreamModel, text: str, index: int) -> Segments:
    """Return one split that changes the result."""
    split, other = stream.swept[index]
    row: Segments = [(f"{split.words:<28} ", "key")]
    if split.border:
        before, after = text[max(0, split.border - 12) : split.border], text[split.border :][:12]
        row += [(visible_line(before, 14), ""), ("│", "error"), (visible_line(after, 14), "")]
        row.append(("  ", ""))
    return [*row, (f"≠ {', '.join(other)}", "error")]
