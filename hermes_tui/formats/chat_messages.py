"""A message of any dialect in the words of chat messages, before it becomes events.

Dialects are read into these; formats append them. What the file holds of a call or a result stays
beside it, and a call stands where the file has it, be that in another place than its message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.events import ToolCallProposed
from hermes_tui.model.messages import Usage, changed, with_flags
from hermes_tui.parsers.normalise import Normalised, normalise_message


@dataclass(frozen=True, slots=True)
class Held:
    """What the file holds of a call or a result, and where: a JSON Pointer, and a line."""

    value: Any
    pointer: str
    line: int = 0


def held_elements(value: Any, build: RunBuilder, pointer: str = "") -> list[Held]:
    """Return the elements of a list that stands at `pointer`, or what is no list whole."""
    return [Held(one, place, line) for place, line, one in build.placed(value, pointer)]


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """A message. `raw` is what `normalise` reads.

    `carried` is what the file holds of the message's calls in their order, or of its one result;
    without it that is what stands in `raw`. `line` is its line in a record of all lines. `used` is
    what a reply used, where that is not told in `raw`.
    """

    raw: dict[str, Any]
    pointer: str = ""
    carried: tuple[Held, ...] = ()
    flags: tuple[str, ...] = ()
    line: int = 0
    normalise: Callable[[dict[str, Any]], Normalised] = normalise_message
    used: Usage | None = None

    @property
    def role(self) -> str:
        role = self.raw.get("role")
        return role if isinstance(role, str) else ""


def on_line(messages: Iterable[ChatMessage], line: int) -> list[ChatMessage]:
    """Return messages, and what they carry, as standing on one line of the record."""
    return [
        replace(
            message,
            line=line,
            carried=tuple(Held(held.value, held.pointer, line) for held in message.carried),
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
    """Append a message that is normalised already; `message` says where it stands."""
    shown = with_flags(parts.message, *message.flags, *flags)
    if message.used is not None:
        shown = changed(shown, usage=message.used)
    ts = ts if ts is not None else shown.time_s
    carried = message.carried
    results = parts.results
    if carried and len(results) == 1 and not parts.calls:
        ((result, found),) = results
        results = ((changed(result, raw=carried[0].value), found),)
    build.locate(message.line)
    build.append(parts._replace(message=shown, calls=(), results=results), message.pointer, ts=ts)
    for number, (call, found) in enumerate(parts.calls):
        place = message.pointer
        if number < len(carried):
            held = carried[number]
            call, place = changed(call, raw=held.value), held.pointer
            build.locate(held.line)
        build.add(ToolCallProposed, pointer=place, ts=ts, call=call, diagnostics=found)


def append_messages(build: RunBuilder, messages: Iterable[ChatMessage]) -> None:
    for message in messages:
        append_message(build, message)


def said(messages: Iterable[ChatMessage]) -> list[dict[str, Any]]:
    """Return the raw messages, for a title."""
    return [message.raw for message in messages]
