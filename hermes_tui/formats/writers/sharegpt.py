"""A run as a ShareGPT conversation with `<think>`, `<tool_call>` and `<tool_response>` in the text.

    gpt  = ["<think>\\n" reasoning "\\n</think>\\n"] [content "\\n"] call*
    call = "<tool_call>\\n" '{"name": …, "arguments": …}' "\\n</tool_call>"
    tool = result ("\\n" result)*          all results between two other messages
    result = "<tool_response>\\n" '{"tool_call_id": …, "name": …, "content": …, …}'
             "\\n</tool_response>"

A result has the name of the tool whose call it answers, by id or else by order. It has `is_error`
if the source flags an error, and `exit_code` if one other than 0 is recorded outside its content.

This is the layout of hermes-agent's own trajectories without its losses: arguments that are not
JSON are written as a JSON string of the text that arrived instead of as `{}`, the real system
prompt is kept, and no empty `<think>` is made up. The input of a custom tool, which is not JSON, is
the argument `input`. Calls in tags in the text stay unchanged; a command that results answer
becomes a call, as `exchange` determines. A closing tag inside a value is written `<\\/…`, which
JSON reads as the same string.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from hermes_tui.formats.writers.as_sent import as_sent
from hermes_tui.formats.writers.changes import Change, Changes
from hermes_tui.formats.writers.exchange import Exchange, exchange_of
from hermes_tui.formats.writers.text import escape_surrogates, json_text
from hermes_tui.formats.writers.transcript import (
    Entry,
    Result,
    Transcript,
    field_reasoning,
    metadata_of,
    text_parts_only,
    transcript_of,
)
from hermes_tui.log.findings import Finding
from hermes_tui.model.chat_api import tool_value
from hermes_tui.model.events import Event
from hermes_tui.model.messages import ArgumentsState, Message, ToolCall
from hermes_tui.parsers.tool_errors import judge

_SPEAKERS: Final = {"system": "system", "user": "human", "assistant": "gpt", "tool": "tool"}

_ID: Final = Change("call id", "left out")
_BROKEN_ARGUMENTS: Final = Change("argument text", "written as a JSON string")


def write(
    events: Sequence[Event], findings: Sequence[Finding] = (), *, changes: Changes | None = None
) -> str:
    """Return the run as one line of JSON; `changes` counts what it cannot hold unchanged.

    Findings are not written, since a reader derives them again.
    """
    changes = Changes() if changes is None else changes
    transcript = transcript_of(events, findings)
    start, end = transcript.start, transcript.end
    document: dict[str, Any] = {}
    if start.run_id:
        document["id"] = start.run_id
    document["conversations"] = _conversations(transcript, changes)
    if start.tools_declared:
        document["tools"] = json_text([tool_value(tool) for tool in start.tools])
    if start.model:
        document["model"] = start.model
    if end is not None and end.status != "unknown":
        document["completed"] = end.status == "ok"
    document["metadata"] = metadata_of(transcript)
    return json_text(document) + "\n"


def _conversations(transcript: Transcript, changes: Changes) -> list[dict[str, str]]:
    turns: list[dict[str, str]] = []
    only_results_so_far = False
    conversation = as_sent(transcript.entries, changes)
    exchange = exchange_of(conversation, leave_tags=True)
    for entry in conversation:
        if entry.results:
            value = "\n".join(
                _response(event, _tool_of(event, transcript, exchange)) for event in entry.results
            )
            if only_results_so_far:
                turns[-1]["value"] += "\n" + value
            else:
                turns.append({"from": "tool", "value": value})
            only_results_so_far = True
        changes.of_results(entry)
        if entry.is_only_results and not exchange.calls(entry):
            continue
        changes.of_parts(entry.message, "written as text")
        changes.of_reasoning(entry.message)
        for _, call in exchange.calls(entry):
            changes.add(_ID, bool(call.id))
            changes.add(_BROKEN_ARGUMENTS, _is_broken(call))
        speaker = _SPEAKERS.get(entry.message.role, entry.message.role)
        turns.append({"from": speaker, "value": _value(entry, exchange)})
        only_results_so_far = False
    return turns


def _value(entry: Entry, exchange: Exchange) -> str:
    pieces = [f"<think>\n{text}\n</think>" for text in _thoughts(entry.message)]
    parts = entry.message.parts
    has_media = not text_parts_only(entry.message)
    text = "\n".join(part.text for part in parts) if has_media else exchange.text(entry)
    if text:
        pieces.append(text)
    pieces.extend(_block("tool_call", _call(call)) for _, call in exchange.calls(entry))
    return "\n".join(pieces)


def _thoughts(message: Message) -> list[str]:
    thoughts = [piece.text for piece in field_reasoning(message) if piece.kind != "encrypted"]
    return ["\n\n".join(thoughts)] if thoughts else []


def _call(call: ToolCall) -> str:
    members = [f'"name": {json_text(call.name)}']
    if call.arguments_state is not ArgumentsState.MISSING or call.verdict == "custom":
        members.append(f'"arguments": {_arguments(call)}')
    return f"{{{', '.join(members)}}}"


def _arguments(call: ToolCall) -> str:
    if call.verdict == "custom":
        return f'{{"input": {json_text(call.arguments_text)}}}'
    if call.arguments_state is ArgumentsState.NULL:
        return "null"
    return _exact_json(call.arguments_text) or json_text(call.arguments_text)


def _is_broken(call: ToolCall) -> bool:
    return call.arguments_state is ArgumentsState.NOT_JSON and call.verdict != "custom"


def _tool_of(event: Result, transcript: Transcript, exchange: Exchange) -> str:
    """Return the name of the tool that returned a result, or "" if neither of them has one."""
    return event.result.name or exchange.tools.get(event.seq) or transcript.tool_name(event)


def _response(event: Result, name: str) -> str:
    result = event.result
    members = []
    if result.call_id is not None:
        members.append(f'"tool_call_id": {json_text(result.call_id)}')
    if name:
        members.append(f'"name": {json_text(name)}')
    content = result.content
    exact = _exact_json(content) if content[:1] in ("{", "[") else ""
    members.append(f'"content": {exact or json_text(content)}')
    if result.error is not None and result.error.kind == "flag":
        members.append('"is_error": true')
    if result.exit_code and result.exit_code != judge(content).exit_code:
        members.append(f'"exit_code": {result.exit_code}')
    return _block("tool_response", f"{{{', '.join(members)}}}")


def _exact_json(text: str) -> str:
    """Return `text` if it is a valid JSON value, or else an empty string."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return ""
    return escape_surrogates(text.strip())


def _block(tag: str, body: str) -> str:
    return f"<{tag}>\n{body.replace('</', '<' + chr(92) + '/')}\n</{tag}>"
