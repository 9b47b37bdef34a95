"""What the session wants done, as values; where an effect owes a reply, it owes exactly one.

They follow from the log: a driver that lost one can ask `Session.effects_due()` again.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SendRequest:
    """Ask the model; owes `ModelReplied`, `RequestFailed` or `Diverged`.

    `messages` are JSON texts, `parameters` that of an object: the body but for its messages.
    `accepted`: a person saw that a replay diverges here and lets it.
    """

    turn: int
    attempt: int
    messages: tuple[str, ...]
    parameters: str
    delay_s: float = 0.0
    accepted: bool = False


@dataclass(frozen=True, slots=True)
class DispatchTool:
    """Run a tool; owes `ToolReplied`, `ToolRaised` or `Diverged`.

    `arguments` is the JSON text of an object (in faithful mode: of whatever the seed passes on).
    """

    call_index: int
    call_id: str
    name: str
    arguments: str
    accepted: bool = False


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
