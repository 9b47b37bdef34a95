"""Normalises any message-like value, as OpenAI clients and servers write it, to one `Message`.

Live replies and saved files both come through here. The raw value of a call or result is kept next
to its normalised form, and every repair is a diagnostic.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any, NamedTuple

from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.messages import (
    ContentPart,
    Message,
    Reasoning,
    ToolCall,
    ToolResult,
    Usage,
)
from hermes_tui.model.wording import first_line
from hermes_tui.parsers.calls_in_reasoning import with_call_in_reasoning
from hermes_tui.parsers.content_parts import Content, read_content, refusal_part
from hermes_tui.parsers.finish_reasons import finish_reason_findings
from hermes_tui.parsers.measures import duration_of, number, time_of, usage
from hermes_tui.parsers.plain_values import attributes, json_text
from hermes_tui.parsers.reasoning import (
    all_reasoning,
    field_reasoning,
    marker_in_reasoning,
    tag_reasoning,
)
from hermes_tui.parsers.reasoning_tags import Thought, split_reasoning
from hermes_tui.parsers.roles import (
    CALL_LABELS,
    NOT_A_MODEL,
    USUAL_SPEAKERS,
    Speaker,
    speaker_of,
)
from hermes_tui.parsers.text_calls import (
    TextCalls,
    TextReading,
    may_hold_call,
    read_call_text,
    read_text_calls,
)
from hermes_tui.parsers.tool_calls import read_calls
from hermes_tui.parsers.tool_results import (
    OPEN,
    block_results,
    part_result,
    several_results,
    whole_result,
)

__all__ = ["Normalised", "TextCalls", "normalise_message"]

Calls = list[tuple[ToolCall, tuple[Diagnostic, ...]]]
Results = list[tuple[ToolResult, tuple[Diagnostic, ...]]]

_CONTENT_KEYS = ("content", "value", "text", "parts", "message", "body")
_PAYLOAD_KEYS = frozenset(
    {
        "tool_calls",
        "toolCalls",
        "function_call",
        "refusal",
        "reasoning",
        "reasoning_content",
        "reasoning_details",
    }
)
_BASIC_KEYS = frozenset({"role", "from", "content", "value", "name", "tool_calls", "tool_call_id"})
"""Keys of a message that carry only its content, its calls and its role."""
_LABEL_KEYS = frozenset({"role", "from", "type", "name", "id", "timestamp", "finish_reason"})
_COMPACTION_PREFIXES = (
    "[CONTEXT COMPACTION",
    "[CONTEXT SUMMARY",
    "[Old tool output cleared",
    "[Result unavailable",
)
_NO_TEXT = TextReading([], [])
_NO_THOUGHTS: tuple[Thought, ...] = ()
_NO_RESULTS: Results = []


class Normalised(NamedTuple):
    """A message and what it carries, each with its own diagnostics."""

    message: Message
    calls: tuple[tuple[ToolCall, tuple[Diagnostic, ...]], ...] = ()
    results: tuple[tuple[ToolResult, tuple[Diagnostic, ...]], ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    unread: bool = False
    """Whether no call was read, but the text may hold one of a tool that the run declares."""


class _Metadata(NamedTuple):
    """The metadata of a message: how it ended, and what it took."""

    finish_reason: str = ""
    usage: Usage | None = None
    reward: float | None = None
    time_s: float | None = None
    duration_s: float | None = None


_NO_METADATA = _Metadata()


def normalise_message(
    raw: Any, *, text_calls: TextCalls = TextCalls.SUSPECT, role: str | None = None
) -> Normalised:
    """Return the message that `raw` (usually a mapping) stands for; never raises.

    `role` overrides the role in `raw`.
    """
    if not isinstance(raw, dict):
        raw = _as_mapping(raw, role)
    elif len(raw) == 2 and role is None and (simple := _simple_message(raw, text_calls)):
        return simple
    speaker = speaker_of(raw, role)
    text, content, parts = _text_and_parts(raw)
    is_model = speaker.role not in NOT_A_MODEL
    blocks = content.calls if content else []
    calls, findings = read_calls(raw, blocks, may_call=is_model)
    fields = field_reasoning(raw, content.reasoning if content else ())
    reading, thoughts = _NO_TEXT, _NO_THOUGHTS
    if is_model and text:
        thoughts = split_reasoning(text)
        reading = _read_text(text, speaker, text_calls, len(calls), thoughts)
        calls.extend(reading.calls)
    results = _results(raw, speaker, text, content, text_calls)
    metadata = _NO_METADATA if raw.keys() <= _BASIC_KEYS else _metadata(raw)
    findings.extend(reading.diagnostics)
    findings.extend(_message_findings(speaker, metadata.finish_reason, fields, calls, findings))
    reasoning = (
        all_reasoning(fields, tag_reasoning(text, thoughts), text) if fields or thoughts else ()
    )
    if reasoning and is_model and not calls and not parts:
        findings = with_call_in_reasoning(findings, text, thoughts, reasoning)
    message = Message(
        speaker.role,
        text,
        parts,
        speaker.author,
        reasoning,
        len(calls),
        len(results),
        metadata.finish_reason,
        metadata.usage,
        metadata.reward,
        _flags(raw, text),
        metadata.time_s,
        metadata.duration_s,
    )
    return Normalised(message, tuple(calls), tuple(results), tuple(findings), reading.unread)


def _simple_message(raw: dict[str, Any], mode: TextCalls) -> Normalised | None:
    """Return a message of only a usual role and a text, as most are; None for any other."""
    label, text = raw.get("role", raw.get("from")), raw.get("content", raw.get("value"))
    if not isinstance(text, str) or not isinstance(label, str):
        return None
    speaker = USUAL_SPEAKERS.get(label)
    if speaker is None:
        return None
    reading, thoughts, results = _NO_TEXT, _NO_THOUGHTS, _NO_RESULTS
    if speaker.role == "assistant":
        if may_hold_call(text) or "(" in text or (text and label in CALL_LABELS):
            thoughts = split_reasoning(text)
            reading = _read_text(text, speaker, mode, 0, thoughts)
    elif speaker.role == "tool" or mode is TextCalls.TRANSPORT:
        results = _results(raw, speaker, text, None, mode)
    reasoning = all_reasoning([], tag_reasoning(text, thoughts), text) if thoughts else ()
    findings = reading.diagnostics
    if reasoning and not reading.calls:
        findings = with_call_in_reasoning(findings, text, thoughts, reasoning)
    message = Message(
        speaker.role,
        text,
        (),
        speaker.author,
        reasoning,
        len(reading.calls),
        len(results),
        flags=_flags(raw, text) if text.startswith("[") else (),
    )
    calls = tuple(reading.calls)
    return Normalised(message, calls, tuple(results), tuple(findings), reading.unread)


def _as_mapping(raw: Any, role: str | None) -> dict[str, Any]:
    """Return a mapping for any other value: an SDK object, a text, or another JSON value."""
    fields = attributes(raw)
    if fields is not None:
        return fields
    if isinstance(raw, str) or (role is not None and isinstance(raw, list)):
        return {"content": raw}
    if raw is None and role is not None:
        return {"content": None}
    return {"content": json_text(raw)}


def _text_and_parts(raw: Mapping[str, Any]) -> tuple[str, Content | None, tuple[ContentPart, ...]]:
    """Return a message's text, its content by parts, and the parts to show (none: plain text)."""
    value, has_field = _content(raw)
    text, content = "", None
    parts: tuple[ContentPart, ...] = ()
    if isinstance(value, str):
        text = value
    elif value is not None:
        content = read_content(value)
        text, parts = content.text, tuple(content.parts)
    elif not has_field and _PAYLOAD_KEYS.isdisjoint(raw) and not raw.keys() <= _LABEL_KEYS:
        text = json_text(raw)
        parts = (ContentPart("json", text),)
    if refusal := raw.get("refusal"):
        own = (ContentPart("text", text),) if text and not parts else parts
        parts = (*own, refusal_part(refusal))
    return text, content, parts


def _content(raw: Mapping[str, Any]) -> tuple[Any, bool]:
    """Return the content, and whether there is such a field.

    A null counts only if no other field has a value.
    """
    if (value := raw.get("content")) is not None:
        return value, True
    has_field = False
    for key in _CONTENT_KEYS:
        if key in raw:
            if raw[key] is not None:
                return raw[key], True
            has_field = True
    return None, has_field


def _read_text(
    text: str, speaker: Speaker, mode: TextCalls, native: int, thoughts: tuple[Thought, ...]
) -> TextReading:
    if speaker.label in CALL_LABELS and not native and mode is not TextCalls.IGNORE:
        return read_call_text(text)
    return read_text_calls(text, mode, native, thoughts)


def _results(
    raw: dict[str, Any], speaker: Speaker, text: str, content: Content | None, mode: TextCalls
) -> Results:
    found = [part_result(part) for part in content.results] if content else []
    if speaker.role == "tool":
        blocks = block_results(text) if OPEN in text else []
        if blocks or found:
            return found + blocks
        if isinstance(several := raw.get("tool_responses"), list) and several:
            return several_results(several)
        return [whole_result(raw, content.shown() if content else text)]
    in_text = mode is TextCalls.TRANSPORT and speaker.role in NOT_A_MODEL
    if in_text and speaker.role != "system" and OPEN in text:
        found.extend(block_results(text))
    return found


def _metadata(raw: Mapping[str, Any]) -> _Metadata:
    return _Metadata(
        _finish_reason(raw),
        usage(_usage(raw), raw.get("cost")),
        number(raw.get("reward")),
        time_of(raw),
        duration_of(raw),
    )


def _finish_reason(raw: Mapping[str, Any]) -> str:
    for key in ("finish_reason", "stop_reason", "finishReason", "stopReason"):
        if isinstance(value := raw.get(key), str):
            return value
    return ""


def _message_findings(
    speaker: Speaker,
    finish: str,
    fields: list[Reasoning],
    calls: Calls,
    so_far: Iterable[Diagnostic],
) -> Iterable[Diagnostic]:
    if not speaker.known:
        what = f"unknown role {first_line(speaker.role, 60)!r}"
        yield Diagnostic(
            Code.UNKNOWN_ROLE,
            Severity.WARNING,
            what if speaker.label else "the message has no role",
        )
    if fields and not calls and (hidden := marker_in_reasoning(fields)):
        yield hidden
    if finish:
        own = (found for _, several in calls for found in several)
        has_calls = bool(calls) or speaker.role in NOT_A_MODEL
        yield from finish_reason_findings(finish, chain(so_far, own), has_calls=has_calls)


def _usage(raw: Mapping[str, Any]) -> Any:
    found = raw.get("usage")
    if found is None:
        found = raw.get("usage_metadata", raw.get("models_usage"))
    if found is None and isinstance(metadata := raw.get("metadata"), dict):
        found = metadata.get("usage")
    return found if found is None or isinstance(found, Mapping) else attributes(found)


def _flags(raw: Mapping[str, Any], text: str) -> tuple[str, ...]:
    flags = []
    if text.startswith(_COMPACTION_PREFIXES) or raw.get("compacted") in (1, True):
        flags.append("compaction")
    if "active" in raw and isinstance(raw["active"], int) and not raw["active"]:
        flags.append("hidden")
    return tuple(flags)
