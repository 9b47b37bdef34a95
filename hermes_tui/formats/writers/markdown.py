"""A run as a Markdown transcript for reading, in which foreign text is never Markdown.

Every text of a model, a tool or a file is either in a fence longer than any run of backticks in it,
or escaped, so that it can neither end its block nor become a heading, a link or HTML.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain

from hermes_tui.formats.writers import wording
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
from hermes_tui.model.events import Event, ToolCallProposed

# The last ones would turn addresses into links in GitHub's Markdown.
_SPECIAL = re.compile(r"([\\`*_\[\]<>#!|~&$@]|:(?=//)|(?<=www)\.)", re.IGNORECASE)
_BACKTICKS = re.compile("`+")


def write(events: Sequence[Event], findings: Sequence[Finding] = ()) -> str:
    """Return the run as Markdown."""
    transcript = transcript_of(events, findings)
    blocks = chain(_header(transcript), *(_entry(each, transcript) for each in transcript.entries))
    return "\n\n".join(blocks) + "\n"


def fence(text: str, language: str = "text") -> str:
    """Return `text` as a fenced block that it cannot end."""
    text = visible_controls(text)
    longest = max(map(len, _BACKTICKS.findall(text)), default=0)
    mark = "`" * max(3, longest + 1)
    return f"{mark}{language}\n{text}\n{mark}"


def inline(text: str) -> str:
    """Return `text` on one line, with everything escaped that Markdown would interpret."""
    return _SPECIAL.sub(r"\\\1", visible_controls(text).replace("\n", " ⏎ ").replace("\t", " "))


def _quote(text: str) -> str:
    return "\n".join(f"> {line}" for line in text.split("\n"))


def _header(transcript: Transcript) -> Iterator[str]:
    yield f"# {inline(wording.title_of(transcript))}"
    rows = [
        *wording.metadata_rows(transcript),
        ("findings", wording.counts_of(transcript.findings)),
    ]
    table = [f"| {inline(name)} | {inline(value)} |" for name, value in rows]
    yield "\n".join(["| | |", "|---|---|", *table])
    shown = {seq for entry in transcript.entries for seq in _seqs(entry)}
    yield from (_finding(found) for found in transcript.findings if found.seq not in shown)


def _seqs(entry: Entry) -> list[int]:
    return [entry.seq, *(event.seq for event in (*entry.calls, *entry.results))]


def _entry(entry: Entry, transcript: Transcript) -> Iterator[str]:
    if entry.other is not None:
        yield f"*turn {entry.turn} · event {entry.seq}* · {inline(wording.event_line(entry.other))}"
        yield from _findings(transcript, entry.seq)
        return
    message = entry.message
    author = f" ({inline(message.author)})" if message.author else ""
    yield f"## Turn {entry.turn} · {inline(message.role)}{author} · event {entry.seq}"
    facts = [*message.flags, message.finish_reason and f"finish_reason {message.finish_reason}"]
    if not entry.is_own:
        facts.append("no message was recorded for this")
    if any(facts):
        yield f"({inline(' · '.join(filter(None, facts)))})"
    for piece in field_reasoning(message):
        yield _quote(f"**{inline(wording.reasoning_label(piece))}**\n\n{fence(piece.text)}")
    if not text_parts_only(message):
        for part in message.parts:
            yield f"Part: {inline(' '.join(filter(None, (part.kind, part.media_type))))}"
            yield fence(part.text)
    elif entry.text_without_results:
        yield fence(entry.text_without_results)
    if entry.is_own:
        yield from _findings(transcript, entry.seq)
    for event in entry.calls:
        yield from _call(event, transcript)
    for result in entry.results:
        yield from _result(result, transcript)


def _call(event: ToolCallProposed, transcript: Transcript) -> Iterator[str]:
    call = event.call
    name = inline(call.name) if call.name else "(no name)"
    yield (
        f"### Call {call.index + 1}: {name}\n\n`{call.origin}` · {inline(wording.call_id_of(call))}"
        f" · arguments {call.arguments_state} · event {event.seq}"
    )
    shown, raw = wording.arguments_of(call)
    yield fence(shown, "json" if call.arguments is not None else "text")
    if raw:
        yield f"As it arrived:\n\n{fence(raw)}"
    yield from _findings(transcript, event.seq)


def _result(event: Result, transcript: Transcript) -> Iterator[str]:
    title = f"### Result {inline(transcript.tool_name(event))}".rstrip()
    error = wording.error_of(event)
    shown = f"**{error.severity.upper()}** {inline(error.text)}" if error else ""
    facts = [shown, inline(wording.result_facts(event))]
    yield "\n\n".join([title, " · ".join(filter(None, [*facts, f"event {event.seq}"]))])
    yield fence(event.result.content)
    yield from _findings(transcript, event.seq)


def _findings(transcript: Transcript, seq: int) -> Iterator[str]:
    yield from map(_finding, transcript.findings_at.get(seq, ()))


def _finding(finding: Finding) -> str:
    text = f"**{finding.severity.upper()} {finding.code}** {inline(finding.message)}"
    if finding.span is not None:
        text += f" (characters {finding.span.start}–{finding.span.end})"
    return _quote(f"{text}\n\nHint: {inline(finding.hint)}" if finding.hint else text)
