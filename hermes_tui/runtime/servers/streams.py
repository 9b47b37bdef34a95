"""A reply that arrives as an event stream: its pieces as they arrive, and the reply in the end."""

from __future__ import annotations

from typing import Any

from hermes_tui.formats.streams.chunks import ChunkJoiner
from hermes_tui.formats.streams.event_stream import (
    NO_BLANK_LINES,
    Event,
    EventReader,
    NotJson,
    load_strictly,
)
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.wording import first_line
from hermes_tui.runtime.servers.base import OnPiece, Piece, Reply, RequestFailure
from hermes_tui.runtime.servers.bodies import (
    choice_oddities,
    completion_findings,
    shape,
    stream_cut,
)
from hermes_tui.runtime.servers.failures import Exchange, error_text, may_pass

MAX_FINDINGS = 20
"""The number of findings per stream: if every event is wrong, the first ones suffice."""
RETRY_HINT = "retry the turn, or continue with what arrived"
_FAILED_HINT = "retry the turn; what arrived is in the raw body"


class StreamedReply:
    """Reads one stream as its bytes arrive."""

    def __init__(self, exchange: Exchange, on_piece: OnPiece) -> None:
        self.is_done = False
        """Whether the stream has sent its `[DONE]`."""
        self._exchange = exchange
        self._on_piece = on_piece
        self._reader = EventReader()
        self._joiner = ChunkJoiner()
        self._has_pieces = False
        self._pending_events: list[bytes] = []
        """The raw events since the last piece."""
        self._events = 0
        self._after_done = 0
        self._findings: dict[str, Diagnostic] = {}

    @property
    def is_event_stream(self) -> bool:
        """Whether any part of an event stream has been received."""
        return self._reader.is_event_stream

    @property
    def is_complete(self) -> bool:
        """Whether the whole message has been received, even if the stream has not ended."""
        return self.is_done or self._joiner.finish_reason is not None

    def feed(self, data: bytes) -> None:
        """Read bytes of the stream; raises RequestFailure if an event is an error."""
        for event in self._reader.feed(data):
            self._read_event(event)

    def finish(self, *, broke_off: str = "") -> Reply:
        """Return the reply; `broke_off` says how the transport failed after the message's end.

        Raises RequestFailure if no choice was received.
        """
        for event in self._reader.finish():
            self._read_event(event)
        if not self._joiner.is_begun:
            raise self._nothing_came()
        self._check_end(broke_off)
        flaws = [NO_BLANK_LINES] if self._reader.lacks_blank_lines else []
        flaws += self._joiner.flaws
        completion = self._joiner.completion()
        choice = completion["choices"][0]
        reason = choice["finish_reason"]
        return Reply(
            raw=self._exchange.text,
            message=choice["message"],
            finish_reason=reason if isinstance(reason, str) else "",
            usage=completion.get("usage"),
            diagnostics=(
                *self._findings.values(),
                *flaws,
                *completion_findings(completion),
                *choice_oddities(choice["message"], reason),
            ),
        )

    def _read_event(self, event: Event) -> None:
        self._pending_events.append(event.raw)
        if self.is_done:
            self._after_done += 1
            return
        if event.is_done:
            self.is_done = True
            return
        self._events += 1
        if not event.data.strip():
            name = f" ({event.name})" if event.name else ""
            self._flag(Severity.NOTE, f"an event{name} has no data", _CLIENTS_FAIL)
            return
        try:
            value, oddity = load_strictly(event.data)
        except NotJson as error:
            self._not_json(event, error)
            return
        if oddity:
            self._flag(Severity.NOTE, f"event {self._events} is not quite JSON: {oddity}")
        self._read_value(event, value)

    def _read_value(self, event: Event, value: Any) -> None:
        error = value.get("error") if isinstance(value, dict) else None
        if event.name == "error" or error:
            raise self._error(error_text(value), error or value)
        if not isinstance(value, dict):
            self._flag(Severity.WARNING, f"event {self._events} is not a chunk", RETRY_HINT)
            return
        self._check_chunk(event, value)
        raw = ""
        for kind, text, call in self._joiner.add(value):
            raw = b"".join(self._pending_events).decode("utf-8", "backslashreplace")
            self._pending_events.clear()
            self._has_pieces = True
            self._on_piece(Piece(kind, text, call, raw))

    def _check_chunk(self, event: Event, chunk: dict[str, Any]) -> None:
        choices = chunk.get("choices")
        if not isinstance(choices, list):
            if not event.name:
                state = "null" if "choices" in chunk else "missing"
                self._flag(Severity.NOTE, f"choices is {state} in a chunk", _CLIENTS_FAIL)
            return
        for choice in choices:
            if not isinstance(choice, dict):
                self._flag(Severity.WARNING, "a choice of a chunk is not an object", RETRY_HINT)
            elif choice.get("delta") is None:
                if choice.get("message") is not None:
                    self._flag(
                        Severity.WARNING,
                        "a chunk contains message, not delta",
                        "most clients lose it",
                    )
                elif "text" not in choice:
                    state = "null" if "delta" in choice else "missing"
                    self._flag(Severity.NOTE, f"delta is {state} in a chunk", _CLIENTS_FAIL)

    def _not_json(self, event: Event, error: NotJson) -> None:
        text = event.data.decode("utf-8", "backslashreplace")
        if event.name == "error":
            raise self._error(first_line(text), text)
        what = f"event {self._events} is not JSON ({error}): {first_line(text)}"
        self._flag(Severity.ERROR, what, RETRY_HINT)

    def _check_end(self, broke_off: str) -> None:
        if self._after_done:
            self._flag(Severity.NOTE, f"events after [DONE] are left out: {self._after_done}")
        # Without findings, the reader of the reply reports that it is empty.
        if not self._has_pieces and self._findings:
            self._flag(Severity.ERROR, "the stream contained no text and no call", RETRY_HINT)
        torn = self._reader.torn.decode("utf-8", "backslashreplace")
        if torn and not self.is_done:
            self._flag_cut(
                Severity.ERROR, f"the stream ends in the middle of an event: {first_line(torn)}"
            )
        elif broke_off and not self.is_done:
            self._flag_cut(Severity.WARNING, f"{broke_off}, though after finish_reason")
        elif not self.is_complete:
            self._flag_cut(
                Severity.ERROR, "the stream ends without finish_reason and without [DONE]"
            )
        elif self._joiner.finish_reason is None:
            self._flag_cut(Severity.WARNING, "the stream has no finish_reason")
        elif not self.is_done:
            self._flag_cut(Severity.NOTE, "the stream ends without [DONE]")

    def _nothing_came(self) -> RequestFailure:
        if self._findings:
            what = f"the stream contained no message: {next(iter(self._findings))}"
        elif self._events:
            what = "the stream contained no message"
        elif self.is_done:
            what = "the stream was empty: nothing but [DONE]"
        elif self._reader.torn:
            what = "the stream broke off in its first event"
        else:
            what = "the stream was empty: no event arrived"
        found = shape(Severity.ERROR, what, "retry; ask without --stream if it happens again")
        return RequestFailure(
            what,
            status=self._exchange.status,
            body=self._exchange.so_far,
            empty=True,
            may_pass=True,
            diagnostics=(*self._findings.values(), found),
        )

    def _error(self, text: str, error: Any) -> RequestFailure:
        return RequestFailure(
            f"the server ended the stream with an error: {text}",
            status=self._exchange.status,
            body=self._exchange.so_far,
            may_pass=may_pass(error),
            diagnostics=(Diagnostic(Code.ERROR_IN_REPLY, Severity.ERROR, text, hint=_FAILED_HINT),),
        )

    def _flag(self, severity: Severity, message: str, hint: str = "") -> None:
        if len(self._findings) < MAX_FINDINGS:
            self._findings.setdefault(message, shape(severity, message, hint))

    def _flag_cut(self, severity: Severity, message: str) -> None:
        self._findings[message] = stream_cut(message, severity)


_CLIENTS_FAIL = "the usual clients fail there"
