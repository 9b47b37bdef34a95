"""`live --messages FILE [--at RUN:MESSAGE]`: the messages that a run begins with, from any
transcript.

A JSON list of chat messages, bare or as `messages` of an object, is taken verbatim. A run of any
other file is written as `export --to openai` writes it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, Final

from hermes_tui.cli.stderr import print_notice
from hermes_tui.formats.fields import as_dict, as_list, label
from hermes_tui.model.errors import SourceError, UsageError
from hermes_tui.model.events import (
    Event,
    MessageAppended,
    ToolCallProposed,
    ToolFailed,
    ToolReturned,
)
from hermes_tui.model.visible import visible_line
from hermes_tui.model.wording import counted, first_few
from hermes_tui.runtime.remote import place_of

if TYPE_CHECKING:
    from hermes_tui.runtime.opener import RunRef

Messages = tuple[dict[str, Any], ...]

_ROLES: Final = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
_FOREIGN_BLOCKS: Final = frozenset({"tool_use", "tool_result", "thinking"})
_SYSTEM_FIELDS: Final = frozenset({"system", "system_prompt"})
"""Fields next to the messages that hold text for the model."""
_MAX_LIST_BYTES: Final = 64 << 20
"""A bigger file is not a list that somebody wrote to be sent."""
_MAX_NAMED_TOOLS: Final = 4
_MAX_NAME_LENGTH: Final = 40


def messages_from(path: str, at: str, wanted_format: str = "", *, has_tools: bool) -> Messages:
    """Return the messages of a run: all of them, or those before MESSAGE if `at` names one.

    With `wanted_format` the file is read in that format, which its content may not reveal.
    Without `has_tools` the new run has no tools; the tools that the old run declares are reported.

    `at` is RUN:MESSAGE or RUN, or empty if there is only one run; both count from 1. Raises
    UsageError if there is no such place, SourceError if the file cannot be opened.
    """
    messages = None if wanted_format else _message_list(path, has_tools=has_tools)
    if messages is None:
        return _transcript_messages(path, at, wanted_format, has_tools=has_tools)
    if not at:
        return messages
    from hermes_tui.cli.run_choice import readings

    for run, message in readings(at):
        if run == "1":
            end = None if message is None else _count_before(message, len(messages), at)
            return messages[:end]
    raise UsageError(
        f"--at {at}: {path} holds one run", "--at 1:MESSAGE continues before a message"
    )


def _message_list(path: str, *, has_tools: bool) -> Messages | None:
    """Return the messages that are in the file as a server takes them, or None if it has none."""
    place = place_of(path)
    if not isinstance(place, Path):
        return None
    try:
        if not place.is_file() or place.stat().st_size > _MAX_LIST_BYTES:
            return None
        value = json.loads(place.read_text("utf-8"))
    except OSError as error:
        raise SourceError.of(path, error) from error
    except (ValueError, RecursionError):
        return None
    tools: Any = None
    if isinstance(value, dict) and _SYSTEM_FIELDS.isdisjoint(value):
        tools = value.get("tools")
        value = value.get("messages")
    if not isinstance(value, list) or not all(map(_is_chat, value)):
        return None
    if not has_tools:
        _report_missing_tools(path, tools)
    return tuple(value)


def _report_missing_tools(label: str, tools: Any, given_tools: Any = None) -> None:
    """Report the tools that a run declares but the new run lacks; `given_tools` are its --tools."""
    functions = [as_dict(as_dict(one).get("function")) for one in as_list(tools)]
    names = [one["name"] for one in functions if one.get("name")]
    if not names:
        return
    shown = first_few(
        [visible_line(str(name), _MAX_NAME_LENGTH) for name in names], _MAX_NAMED_TOOLS
    )
    options = " ".join(f"--tools {quote(str(one))}" for one in as_list(given_tools)) or "--tools"
    print_notice(f"{label}: its tools are not available here: {shown} (pass them: {options})")


def _is_chat(value: Any) -> bool:
    if not isinstance(value, dict) or label(value, "role") not in _ROLES:
        return False
    content = value.get("content")
    blocks = content if isinstance(content, list) else []
    return not any(
        isinstance(one, dict) and label(one, "type") in _FOREIGN_BLOCKS for one in blocks
    )


def _transcript_messages(path: str, at: str, wanted_format: str, *, has_tools: bool) -> Messages:
    from hermes_tui.cli.run_choice import one_file, pick_run, readings

    refusal: UsageError | None = None
    with one_file(place_of(path), wanted_format) as file:
        for run, message in readings(at):
            try:
                ref = pick_run(file, run, spelling="--at {}")
            except UsageError as error:
                refusal = refusal or error
                continue
            return _converted_messages(ref, message, at, has_tools=has_tools)
    assert refusal is not None, "a place is read in some way"
    raise refusal


def _converted_messages(ref: RunRef, message: int | None, at: str, *, has_tools: bool) -> Messages:
    """Return a run as messages for a server, and report what had to be changed."""
    from hermes_tui.cli.export import render
    from hermes_tui.formats.writers.changes import Changes
    from hermes_tui.runtime.opener import read_events

    events, changes = read_events(ref), Changes()
    if message is not None:
        events = _events_before(events, message, at)
    document = json.loads(render("openai", events, ref.file, changes=changes, in_line=True))
    if not document["messages"]:
        hint = "`hermes-tui open` shows what there is"
        raise SourceError(ref.file.label, "no message in it", hint)
    if changes:
        print_notice(f"{ref.file.label}: changed for sending: {changes.summary()}")
    if not has_tools:
        live = as_dict(document["metadata"].get("details")).get("live")
        _report_missing_tools(ref.file.label, document.get("tools"), as_dict(live).get("tools"))
    return tuple(document["messages"])


def _events_before(events: Sequence[Event], message: int, at: str) -> list[Event]:
    """Return the events before a message, without its own results, which precede it."""
    places = [n for n, event in enumerate(events) if isinstance(event, MessageAppended)]
    end = places[_count_before(message, len(places), at)]
    last = end
    while last and not isinstance(events[last - 1], MessageAppended | ToolCallProposed):
        last -= 1
    own = (ToolReturned, ToolFailed)
    return [*events[:last], *(event for event in events[last:end] if not isinstance(event, own))]


def _count_before(message: int, count: int, at: str) -> int:
    """Return how many messages come before `message`; raise UsageError if none do."""
    if 1 < message <= count:
        return message - 1
    hint = f"it has {counted(count, 'message')}"
    if message == 1 and count:
        raise UsageError(f"--at {at}: nothing comes before message 1", hint)
    raise UsageError(f"--at {at}: no such message in that run", hint)
