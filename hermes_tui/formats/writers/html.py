"""A run as one self-contained HTML page, without scripts and external resources.

All text is escaped and its control characters made visible; a content policy also forbids scripts
and loading, in case anything slips through. Every event has an anchor: `#m12` is the message or
other event 12, `#e13` the call or result 13.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import chain
from typing import Final

from hermes_tui.formats.writers import wording
from hermes_tui.formats.writers.page_style import STYLE
from hermes_tui.formats.writers.text import visible_controls
from hermes_tui.formats.writers.transcript import (
    Entry,
    Result,
    Transcript,
    field_reasoning,
    text_parts_only,
    transcript_of,
)
from hermes_tui.log.findings import Finding
from hermes_tui.model.diagnostics import Severity
from hermes_tui.model.events import Event, ToolCallProposed
from hermes_tui.model.wording import counted

LONG_CHARACTERS: Final = 4_000
LONG_LINES: Final = 60
POLICY: Final = (
    "default-src 'none'; script-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'"
)
_MARKS: Final = {Severity.ERROR: "✖", Severity.WARNING: "▲", Severity.NOTE: "●"}
_KNOWN_ROLES: Final = frozenset({"system", "user", "assistant", "tool"})


def write(events: Sequence[Event], findings: Sequence[Finding] = ()) -> str:
    """Return the run as an HTML page."""
    transcript = transcript_of(events, findings)
    title = safe(wording.title_of(transcript).split("\n")[0][:200])
    head = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>"
    )
    entries = (_entry(entry, transcript) for entry in transcript.entries)
    body = chain(_header(title, transcript), _findings_table(transcript), *entries)
    return "\n".join(chain([head], body, ["</main>", "</body>", "</html>\n"]))


def safe(text: str) -> str:
    """Return `text` escaped for any place between tags or in a quoted attribute."""
    return escape(visible_controls(text))


def _header(title: str, transcript: Transcript) -> Iterator[str]:
    yield f'<header>\n<h1>{title}</h1>\n<table class="facts">'
    for name, value in wording.metadata_rows(transcript):
        yield f'<tr><th scope="row">{safe(name)}</th><td>{_block(value, "value")}</td></tr>'
    yield "</table>\n</header>"


def _findings_table(transcript: Transcript) -> Iterator[str]:
    counts = wording.counts_of(transcript.findings)
    yield f'<section id="findings">\n<h2>Findings: {counts}</h2>'
    if transcript.findings:
        anchors = _anchors(transcript)
        yield (
            "<table>\n<thead><tr><th>Severity</th><th>Code</th><th>Turn</th><th>Place</th>"
            "<th>What</th></tr></thead>\n<tbody>"
        )
        for finding in transcript.findings:
            yield _finding_row(finding, anchors.get(finding.seq))
        yield "</tbody>\n</table>"
    yield "</section>"


def _anchors(transcript: Transcript) -> dict[int, str]:
    anchors = {}
    for entry in transcript.entries:
        for event in (*entry.calls, *entry.results):
            anchors[event.seq] = f"e{event.seq}"
        if entry.is_own:
            anchors[entry.seq] = f"m{entry.seq}"
    return anchors


def _finding_row(finding: Finding, anchor: str | None) -> str:
    place = f'<a href="#{anchor}">event {finding.seq}</a>' if anchor else f"event {finding.seq}"
    return (
        f'<tr class="{finding.severity}"><td>{_severity(finding)}</td>'
        f"<td><code>{finding.code}</code></td><td>{finding.turn or ''}</td><td>{place}</td>"
        f"<td>{safe(finding.message)}{_hint(finding)}</td></tr>"
    )


def _severity(finding: Finding) -> str:
    return f"{_MARKS[finding.severity]} {finding.severity}"


def _hint(finding: Finding) -> str:
    return f' <span class="hint">{safe(finding.hint)}</span>' if finding.hint else ""


def _findings(transcript: Transcript, seq: int) -> Iterator[str]:
    for finding in transcript.findings_at.get(seq, ()):
        span = finding.span
        place = f" (characters {span.start}–{span.end})" if span is not None else ""
        yield (
            f'<p class="finding {finding.severity}"><strong>{_severity(finding)} '
            f"<code>{finding.code}</code></strong> {safe(finding.message)}{place}"
            f"{_hint(finding)}</p>"
        )


def _entry(entry: Entry, transcript: Transcript) -> Iterator[str]:
    if entry.other is not None:
        line = safe(wording.event_line(entry.other))
        yield f'<section class="other" id="m{entry.seq}">\n<p>{line}</p>'
        yield from _findings(transcript, entry.seq)
        yield "</section>"
        return
    message = entry.message
    kind = message.role if message.role in _KNOWN_ROLES else "unknown"
    anchor = f"m{entry.seq}"
    yield f'<article class="{kind}" id="{anchor}">'
    yield f"<h2>{safe(message.role)} <small>{_message_facts(entry)}</small></h2>"
    for piece in field_reasoning(message):
        label = f"{wording.reasoning_label(piece)}, {counted(len(piece.text), 'character')}"
        yield (
            f'<details class="reasoning"><summary>{safe(label)}</summary>'
            f"<pre>{safe(piece.text)}</pre></details>"
        )
    if not text_parts_only(message):
        for part in message.parts:
            label = safe(" ".join(filter(None, (part.kind, part.media_type))))
            yield f'<div><span class="badge">{label}</span>{_block(part.text)}</div>'
    elif entry.text_without_results:
        yield _block(entry.text_without_results)
    if entry.is_own:
        yield from _findings(transcript, entry.seq)
    for event in entry.calls:
        yield from _call(event, transcript)
    for result in entry.results:
        yield from _result(result, transcript)
    yield "</article>"


def _message_facts(entry: Entry) -> str:
    message = entry.message
    facts = [
        f"turn {entry.turn}",
        message.author,
        message.finish_reason and f"finish_reason {message.finish_reason}",
        *message.flags,
        "" if entry.is_own else "no message was recorded for this",
    ]
    link = f'<a href="#m{entry.seq}">event {entry.seq}</a>'
    return " · ".join([*(safe(fact) for fact in facts if fact), link])


def _call(event: ToolCallProposed, transcript: Transcript) -> Iterator[str]:
    call = event.call
    yield (
        f'<section class="call" id="e{event.seq}">\n<h3>Call {call.index + 1} '
        f"<code>{safe(call.name or '(no name)')}</code> "
        f'<span class="badge">{call.origin}</span> <small>{safe(wording.call_id_of(call))} · '
        f'arguments {call.arguments_state} · <a href="#e{event.seq}">event {event.seq}</a>'
        "</small></h3>"
    )
    shown, raw = wording.arguments_of(call)
    yield _block(shown)
    if raw:
        yield f'<p class="label">As it arrived:</p>{_block(raw)}'
    yield from _findings(transcript, event.seq)
    yield "</section>"


def _result(event: Result, transcript: Transcript) -> Iterator[str]:
    error = wording.error_of(event)
    failed = f" failed {error.severity}" if error else ""
    facts = safe(wording.result_facts(event))
    yield (
        f'<section class="result{failed}" id="e{event.seq}">\n<h3>Result '
        f"<code>{safe(transcript.tool_name(event))}</code> <small>{facts}"
        f'{" · " if facts else ""}<a href="#e{event.seq}">event {event.seq}</a></small></h3>'
    )
    if error:
        yield (
            f'<p class="finding {error.severity}"><strong>{_MARKS[error.severity]} '
            f"{safe(error.text)}</strong></p>"
        )
    yield _block(event.result.content)
    yield from _findings(transcript, event.seq)
    yield "</section>"


def _block(text: str, kind: str = "") -> str:
    """Return `text` preformatted, collapsed if it is long."""
    style = f' class="{kind}"' if kind else ""
    # HTML drops a newline directly after the tag.
    block = f"<pre{style}>\n{safe(text)}</pre>"
    lines = text.count("\n") + 1
    if len(text) <= LONG_CHARACTERS and lines <= LONG_LINES:
        return block
    first = text.lstrip().split("\n", 1)[0][:120]
    size = f"{counted(len(text), 'character')}, {counted(lines, 'line')}"
    return f"<details><summary>{safe(first)} … <small>({size})</small></summary>{block}</details>"
