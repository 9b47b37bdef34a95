"""What the session wants done, as values; where an effect owes a reply, it owes exactly one.

They follow from the log: a driver that lost one can ask `Session.effects_due()` again.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SendRequest:
    """Ask the model; owes `ModelReplied` or `RequestFailed`. `messages` are JSON texts."""

    turn: int
    attempt: int
    messages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DispatchTool:
    """Run a tool; owes `ToolReplied` or `ToolRaised`. `arguments` is the JSON text of an object."""

    call_index: int
    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """Give up the request under way; a reply that still comes is discarded."""

    turn: int


@dataclass(frozen=True, slots=True)
class CancelTool:
    """Give up the tool under way; a reply that still comes is discarded."""

    call_index: int


@dataclass(frozen=True, slots=True)
class Finish:
    """The run is over; nothing more will be asked for."""

    stop_reason: str


Effect = SendRequest | DispatchTool | CancelRequest | CancelTool | Finish
