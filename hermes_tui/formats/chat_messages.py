"""A message of any dialect in the form of a chat message, before it becomes events.

Dialects are read into these; formats append them. The file's own value of a call or a result is
kept with it, and a call is located where the file has it, even if its message is elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.events import ToolCallProposed
from hermes_tui.model.messages import Usage, changed, with_flags
from hermes_tui.parsers.normalise import Normalised, normalise_message


@dataclass(frozen=True, slots=True)
class SourceValue:
    """The file's own value of a call or a result, and its place: a JSON Pointer, and a line."""

    value: Any
    pointer: str
    line: int = 0


def source_values(value: Any, build: RunBuilder, pointer: str = "") -> list[SourceValue]:
    """Return the elements of the list at `pointer`; anything but a list is one element."""
    return [SourceValue(one, place, line) for place, line, one in build.placed(value, pointer)]


def values_under(elements: Any, pointer: str, line: int = 0) -> list[SourceValue]:
    """Return the elements of the list at `pointer`; none if it is not a list."""
    listed = enumerate(fields.as_list(elements))
    return [SourceValue(one, f"{pointer}/{index}", line) for index, one in listed]


def objects_under(elements: Any, pointer: str, line: int = 0) -> list[SourceValue]:
    """Return the objects of the list at `pointer`; none if it is not a list."""
    return [one for one in values_under(elements, pointer, line) if isinstance(one.value, dict)]


def source_defect(build: RunBuilder, what: str, source: SourceValue) -> None:
    """Report a malformed value at its place."""
    build.defect(what, source.value, pointer=source.pointer, line=source.line)


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """A message. `raw` is what `normalise` reads.

    `carried` are the file's own values of the message's calls in their order, or of its one result;
    if it is empty, `raw` holds them. `line` is the line of the message in a record of all lines.
    `used` is the usage of a reply, if `raw` does not hold it.
    """

    raw: dict[str, Any]
    pointer: str = ""
    carried: tuple[SourceValue, ...] = ()
    flags: tuple[str, ...] = ()
    line: int = 0
    normalise: Callable[[dict[str, Any]], Normalised] = normalise_message
    used: Usage | None = None

    @property
    def role(self) -> str:
        role = self.raw.get("role")
        return role if isinstance(role, str) else ""


def on_line(messages: Iterable[ChatMessage], line: int) -> list[ChatMessage]:
    """Return the messages, and what they carry, located at one line of the record."""
    return [
        replace(
            message,
            line=line,
            carried=tuple(
                SourceValue(source.value, source.pointer, line) for source in message.carried
            ),
        )
        for message in messages
    ]


def append_message(
    build: RunBuilder,
    message: ChatMessage,
    flags: Iterable[str] = (),
    ts: float | None = None,
) -> None:
    """Append a message with its calls and results."""
    append_normalised(build, message, message.normalise(message.raw), ts=ts, flags=flags)


def append_normalised(
    build: RunBuilder,
    message: ChatMessage,
    parts: Normalised,
    *,
    ts: float | None = None,
    flags: Iterable[str] = (),
) -> None:
    """Append a message that is already normalised, at the place that `message` has."""
    flagged = with_flags(parts.message, *message.flags, *flags)
    if message.used is not None:
        flagged = changed(flagged, usage=message.used)
    ts = ts if ts is not None else flagged.time_s
    carried = message.carried
    results = parts.results
    if carried and len(results) == 1 and not parts.calls:
        ((result, diagnostics),) = results
        results = ((changed(result, raw=carried[0].value), diagnostics),)
    build.locate(message.line)
    build.append(parts._replace(message=flagged, calls=(), results=results), message.pointer, ts=ts)
    for number, (call, diagnostics) in enumerate(parts.calls):
        place = message.pointer
        if number < len(carried):
            source = carried[number]
            call, place = changed(call, raw=source.value), source.pointer
            build.locate(source.line)
        build.add(ToolCallProposed, pointer=place, ts=ts, call=call, diagnostics=diagnostics)


def append_messages(build: RunBuilder, messages: Iterable[ChatMessage]) -> None:
    for message in messages:
        append_message(build, message)


def raw_messages(messages: Iterable[ChatMessage]) -> list[dict[str, Any]]:
    """Return the raw messages, as `fields.title_of` takes them."""
    return [message.raw for message in messages]
