"""The interface of a model server to the loop: a request is answered by a reply or a failure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from hermes_tui.debugger.wire import body_of
from hermes_tui.model.diagnostics import Diagnostic


@dataclass(frozen=True, slots=True)
class Request:
    """One request. Its parts are JSON texts, so that a message is encoded only once.

    `parameters` is an object with everything in the body except the messages: model, tools,
    temperature, `extra_body` merged in, and `stream` if the reply is to be streamed.
    """

    turn: int
    attempt: int
    messages: tuple[str, ...]
    parameters: str
    accepted: bool = False
    """In a replay: answer as recorded although the request differs."""

    @property
    def body(self) -> bytes:
        """The exact body; the prefix that turns share stays the same byte for byte."""
        return body_of(self.messages, self.parameters).encode()


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply.

    `raw` is the exact text of the body (for a stream, of the whole stream). `message` is what a
    loop would receive: an SDK object, a dict, or any other value in its place. `diagnostics` are
    findings around the message: a stream that broke off, an error next to the choices, several
    choices.
    """

    raw: str
    message: Any
    finish_reason: str = ""
    usage: Any = None
    diagnostics: tuple[Diagnostic, ...] = ()
    sequences: tuple[Any, ...] = ()
    """As in the event `ResponseReceived`."""
    sent_s: float | None = None
    """When the request was sent, by the monotonic clock; None: as soon as `reply` was called."""


@dataclass(eq=False, slots=True)
class RequestFailure(Exception):
    """A request that got no usable reply. Fields as in the event `RequestFailed`."""

    message: str
    status: int | None = None
    body: str = ""
    chain: tuple[str, ...] = ()
    empty: bool = False
    """The server answered, but without a message."""
    escapes: str = ""
    """The exception that HermesAgentLoop raises on such an answer and does not catch, if any."""
    retry_after_s: float | None = None
    diagnostics: tuple[Diagnostic, ...] = field(default=())
    is_unsent: bool = False
    """The request cannot be sent in this form, so a retry is useless."""
    may_pass: bool = False
    """A retry can help although the status is one of success: the reply broke off, was empty, or
    contained an error of the kind that passes."""
    is_final: bool = False
    """No retry can help: the server always refuses such a request, or, in a replay, the request
    was not retried automatically when this was recorded."""

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a streamed reply. `kind`: content, reasoning, call or arguments.

    `call` is the position of the call that a piece of kind call (its name) or arguments belongs to.
    `raw` is the exact text of the event that contained the piece, preceded by earlier events
    without a piece; it is set on the first piece of an event only.
    """

    kind: str
    text: str
    call: int = 0
    raw: str = ""


OnPiece = Callable[[Piece], None]


class Server(Protocol):
    """A source of replies. Cancelling `reply` abandons the request at once."""

    url: str
    """The URL that requests are sent to, for the record; empty if there is none."""

    async def reply(self, request: Request, on_piece: OnPiece) -> Reply:
        """Send `request` and return the reply; raises RequestFailure and nothing else.

        `on_piece` is called for every piece of a streamed reply, as it arrives.
        """
        ...

    async def close(self) -> None:
        """Release sockets, processes and threads."""
        ...
