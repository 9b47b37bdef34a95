"""What the session requests of its driver, as values. An effect owes at most one reply.

Effects follow from the log: a driver that lost one can call `Session.effects_due()` again.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SendRequest:
    """Ask the model; owes `ModelReplied`, `RequestFailed` or `Diverged`.

    `messages` are JSON texts. `parameters` is the JSON text of an object, the body without its
    messages. `accepted`: the divergence of a replay at this point was accepted.
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

    `arguments` is the JSON text of an object (in faithful mode, of any value that HermesAgentLoop
    passes on).
    """

    call_index: int
    call_id: str
    name: str
    arguments: str
    accepted: bool = False


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """Cancel the pending request; a reply that still arrives is discarded."""

    turn: int


@dataclass(frozen=True, slots=True)
class CancelTool:
    """Cancel the running tool; a reply that still arrives is discarded."""

    call_index: int


@dataclass(frozen=True, slots=True)
class Finish:
    """The run is over; no more effects follow."""

    stop_reason: str


Effect = SendRequest | DispatchTool | CancelRequest | CancelTool | Finish
