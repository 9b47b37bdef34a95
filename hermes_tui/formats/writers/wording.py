"""The words in which transcripts for people describe runs, calls and events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from hermes_tui.formats.secrets import mask_secrets, masked_url
from hermes_tui.formats.writers.text import json_text
from hermes_tui.formats.writers.transcript import Result, Transcript, metadata_of
from hermes_tui.log.findings import Finding
from hermes_tui.model.diagnostics import Severity
from hermes_tui.model.events import Event
from hermes_tui.model.messages import ArgumentsState, IdState, Reasoning, ToolCall
from hermes_tui.model.wording import counted, duration

_HEAD: Final = ("seq", "ts", "at", "diagnostics")
_NESTED: Final = ("request_errors", "tool_errors", "defects")
"""Parts of the metadata that a transcript shows where they occurred."""


def title_of(transcript: Transcript) -> str:
    start = transcript.start
    return start.task or start.run_id or "Run"


def metadata_rows(transcript: Transcript) -> list[tuple[str, str]]:
    """Return the facts about the run as a table of two columns."""
    metadata: Mapping[str, Any] = metadata_of(transcript)
    rows = [("model", transcript.start.model)] if transcript.start.model else []
    for key, value in metadata.items():
        if key not in _NESTED:
            shown = value if isinstance(value, str) else json_text(value)
            rows.append((key.replace("_", " "), shown))
    tools = transcript.start.tools
    if transcript.start.tools_declared:
        rows.append(("declared tools", ", ".join(tool.name for tool in tools) or "none"))
    return rows


def counts_of(findings: Sequence[Finding]) -> str:
    """Return text such as `2 errors, 1 note`, or `none`."""
    counts = Counter(finding.severity for finding in findings)
    return ", ".join(counted(counts[kind], kind) for kind in Severity if counts[kind]) or "none"


def call_id_of(call: ToolCall) -> str:
    """Return the call's id and anything odd about it."""
    if call.id_state is IdState.GIVEN:
        return f"id {call.id}" if call.id else "no id"
    return f"id {call.id} ({call.id_state})" if call.id else f"id {call.id_state}"


def arguments_of(call: ToolCall) -> tuple[str, str]:
    """Return the arguments for reading, and as they arrived if that differs."""
    if call.arguments_state in (ArgumentsState.NULL, ArgumentsState.MISSING):
        return f"({call.arguments_state})", ""
    if call.arguments is None:
        return call.arguments_text or "(empty)", ""
    sound = call.arguments_state in (ArgumentsState.OBJECT, ArgumentsState.JSON_STRING)
    return json_text(call.arguments, pretty=True), "" if sound else call.arguments_text


class ResultError(NamedTuple):
    """The verdict that a result is an error, either as its source states or as its text
    suggests."""

    severity: Severity
    text: str


def error_of(event: Result) -> ResultError | None:
    """Return why a result counts as an error, or None if it does not."""
    mark = event.result.error
    if mark is None:
        return None
    if mark.kind == "flag":
        return ResultError(Severity.ERROR, f"tool error (flag: {mark.reason})")
    return ResultError(Severity.WARNING, f"reads like an error ({mark.kind}: {mark.reason})")


def result_facts(event: Result) -> str:
    result = event.result
    facts = []
    if result.call_id is not None:
        facts.append(f"answers {result.call_id or '(empty id)'}")
    if result.exit_code is not None:
        facts.append(f"exit code {result.exit_code}")
    if result.duration_s is not None:
        facts.append(duration(result.duration_s))
    return " · ".join(facts)


def reasoning_label(piece: Reasoning) -> str:
    kind = "" if piece.kind == "text" else f" {piece.kind}"
    also = f", also in {', '.join(piece.also_in)}" if piece.also_in else ""
    return f"Reasoning{kind} (from {piece.field}{also})"


def event_line(event: Event) -> str:
    """Return an event other than a message, call or result as one line."""
    shown = []
    for key in event.__struct_fields__:
        value = getattr(event, key)
        if key in _HEAD or value in (None, "", (), {}, False):
            continue
        if key == "url":
            value = masked_url(value)
        elif hasattr(value, "__struct_fields__"):
            value = {name: getattr(value, name) for name in value.__struct_fields__}
        shown.append(
            f"{key}: {value if isinstance(value, str) else json_text(mask_secrets(value))}"
        )
    name = type(event).__name__
    return f"{name} · {'; '.join(shown)}" if shown else name
