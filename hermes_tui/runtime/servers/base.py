"""What a model server is to the loop: it takes a request and gives a reply, or says why not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from hermes_tui.debugger.wire import body_of
from hermes_tui.model.diagnostics import Diagnostic


@dataclass(frozen=True, slots=True)
class Request:
    """One request. Its parts are JSON texts, so that what was sent before is never encoded again.

    `parameters` is an object with everything of the body but the messages: model, tools,
    temperature, `extra_body` merged in, `stream` where the reply is to be streamed.
    """

    turn: int
    attempt: int
    messages: tuple[str, ...]
    parameters: str
    accepted: bool = False
    """In a replay: answer as recorded though the request differs."""

    @property
    def body(self) -> bytes:
        """Return the exact body: the prefix that turns share stays the same byte for byte."""
        return body_of(self.messages, self.parameters).encode()


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back.

    `raw` is the exact text of the body (of a stream: all of it), `message` what a loop would be
    handed: an SDK object, a dict, or whatever else stands there. `diagnostics` say what is wrong
    around the message: a stream that broke off, an error beside the choices, several choices.
    """

    raw: str
    message: Any
    finish_reason: str = ""
    usage: Any = None
    diagnostics: tuple[Diagnostic, ...] = ()
    status: int | None = 200
    pieces: int = 0
    """How many pieces a stream came in."""
    sequences: tuple[Any, ...] = ()
    """As in the event `ResponseReceived`."""
    sent_s: float | None = None
    """When the request went out, by the monotonic clock; None: as soon as it was asked for."""


@dataclass(eq=False, slots=True)
class RequestFailure(Exception):
    """A request got no usable reply. Fields as in the event `RequestFailed`."""

    message: str
    status: int | None = None
    body: str = ""
    chain: tuple[str, ...] = ()
    empty: bool = False
    """The server answered, but with no message."""
    retry_after_s: float | None = None
    diagnostics: tuple[Diagnostic, ...] = field(default=())
    is_unsent: bool = False
    """It cannot be sent as it is, so that asking again changes nothing."""
    is_final: bool = False
    """It was not asked again by itself when this was recorded."""

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a reply that is being streamed. `kind`: content, reasoning, call or arguments.

    `call` is the position of the call that a piece of kind call (its name) or arguments is for.
    `raw` is the exact text of the event it came in, on its first piece only, after those of the
    events that brought no piece.
    """

    kind: str
    text: str
    call: int = 0
    raw: str = ""


OnPiece = Callable[[Piece], None]


class Server(Protocol):
    """Where replies come from. Cancelling `reply` gives the request up at once."""

    url: str
    """Where requests go, for the record; empty where there is no such place."""

    async def reply(self, request: Request, on_piece: OnPiece) -> Reply:
        """Send `request` and return the reply; raises RequestFailure and nothing else.

        `on_piece` is called for every piece of a streamed reply, as it arrives.
        """
        ...

    async def close(self) -> None:
        """Give back sockets, processes and threads."""
        ...
