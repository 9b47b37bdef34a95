"""Requests pieced together from the lines of a server's own log.

A server logs what the model wrote before, or after, its parser read it. What the client got is
known from its next request, which repeats the reply: its echo.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.declared_tools import tools_block
from hermes_tui.formats.exchange_runs import prefix_keys
from hermes_tui.formats.exchanges import Exchange, exchange_of
from hermes_tui.formats.outcomes import is_cut
from hermes_tui.formats.replies import Reply
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.messages import ToolCall
from hermes_tui.model.wording import counted, first_line
from hermes_tui.parsers.normalise import TextCalls, normalise_message

MAX_PREFIX: Final = 600
"""Characters of a line in which an entry begins; what it quotes comes after that."""
MAX_CONCURRENT: Final = 256
"""How many requests of one prompt, or bodies, are considered to find the one that is continued."""
_MAX_COMPLAINT: Final = 400
"""Characters shown of what a parser logged: the place of an error comes last."""
_TAIL: Final = 80
"""How many of the last characters of a body's texts are looked for in a prompt."""
CALLS_NOT_LOGGED: Final = Diagnostic(
    Code.SOURCE_DEFECT,
    Severity.NOTE,
    "the reply called tools, but the log has only its text",
    hint="vLLM logs all of a streamed reply, but the calls of a whole one only if it has no text",
)
_PROMPT_NOT_LOGGED: Final = Diagnostic(
    Code.SOURCE_DEFECT,
    Severity.NOTE,
    "the log does not have the messages that this reply answers",
    hint="vLLM logs them with VLLM_REQUEST_BODY_LOG_LEVEL=INFO, SGLang with --log-requests-level 3;"
    " llama-server only did so until mid 2026, with -lv 5",
)
_CHANGED: Final = Diagnostic(
    Code.HIDDEN_BY_SERVER,
    Severity.WARNING,
    "the server's parser delivered other calls or arguments than the model wrote",
    hint="the reply as received is the model's own text",
)


@dataclass(slots=True)
class LoggedRequest:
    """What a log says about one request. `line` numbers the first of its lines."""

    id: str
    line: int
    body: dict[str, Any] = field(default_factory=dict)
    """The body that the client sent; empty if the log does not have it."""
    prompt: str = ""
    """The rendered prompt; empty if the log does not have it."""
    choices: list[dict[str, Any]] = field(default_factory=list)
    """The reply in the form of an API: raw texts as of /generate, else choices."""
    is_raw: bool = False
    """Whether the reply is the model's own text, before any parser read it."""
    texts: list[str] = field(default_factory=list)
    """The text that was logged of each choice."""
    reply_line: int | None = None
    ts: float | None = None
    duration_s: float | None = None
    complaints: list[str] = field(default_factory=list)
    """What the server's parser logged while it read the reply, or another one at that time."""
    flaws: list[Diagnostic] = field(default_factory=list)
    sent: dict[str, Any] | None = None
    """What the server's parser made of a raw reply, if the log has that too."""
    error: dict[str, Any] | None = None
    """Status and body of the error that the client got, if the server did not ask the model."""
    is_undelivered: bool = False
    """Whether the client got an error in place of the reply."""
    missing: str = ""
    """Why the log has no reply, if the reason is known."""

    def answer(self, text: str, choice: dict[str, Any], line: int, *, is_raw: bool) -> None:
        """Add a choice of the reply, logged as `text` in line number `line`."""
        self.texts.append(text)
        self.choices.append(choice)
        self.reply_line, self.is_raw = line, is_raw

    def exchange(self) -> Exchange | None:
        """Return the request with its reply, or None if the log has the text of neither."""
        asked: dict[str, Any] = {"messages": []}
        if self.body:
            asked = self.body
        elif self.prompt:
            asked = {"prompt": self.prompt, "tools": tools_block(self.prompt)}
        response = self.error or (self.choices if self.is_raw else {"choices": self.choices})
        found = exchange_of({"request": asked, "response": response})
        if found is None or not (found.messages or found.reply.messages or self.error):
            return None
        messages = tuple(("", message) for _, message in found.reply.messages)
        return replace(
            found,
            messages=tuple(("", message) for _, message in found.messages),
            reply=replace(
                found.reply,
                messages=messages,
                flaws=tuple(self._flaws()),
                usual=frozenset({Code.CALLED_EMPTY} if CALLS_NOT_LOGGED in self.flaws else ()),
                is_raw=self.is_raw and not (self.complaints or self.is_undelivered),
                defect="",
            ),
            request_pointer="",
            reply_pointer="",
            reply_raw=self.texts[0] if len(self.texts) == 1 else self.texts or None,
            reply_record=self.reply_line,
            own_id=self.id,
            is_alone=True,
            is_undelivered=self.is_undelivered,
            ts=self.ts,
            duration_s=self.duration_s,
        )

    def _flaws(self) -> Iterator[Diagnostic]:
        yield from self.flaws
        for text in self.complaints:
            logged = first_line(text, _MAX_COMPLAINT)
            message = f"the server logged, while it read this reply or another one: {logged}"
            yield Diagnostic(Code.PARSER_RAISED, Severity.WARNING, message)
        if self.error is not None:
            return
        if not self.choices:
            missing = self.missing or "the log has no reply to this request"
            yield Diagnostic(Code.SOURCE_DEFECT, Severity.NOTE, missing)
        elif not self.body and not self.prompt:
            yield _PROMPT_NOT_LOGGED


class Bodies:
    """The bodies of requests, each logged on a line of its own, until their requests are known."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, str | None, dict[str, Any]]] = []
        self._left: list[tuple[int, str | None, dict[str, Any]]] = []

    def add(self, line: int, body: dict[str, Any], own_id: str | None = None) -> None:
        """Add the body logged in line number `line`, with the request's id if that is logged."""
        self._waiting.append((line, own_id, body))
        self._left += self._waiting[:-MAX_CONCURRENT]
        del self._waiting[:-MAX_CONCURRENT]

    def give_own_to(self, request: LoggedRequest) -> None:
        """Give a request the body that has its id, if it is here."""
        ids = (request.id, request.id.partition("-")[2])
        own = (place for place, (_, own_id, _) in enumerate(self._waiting) if own_id in ids)
        self._give(request, next(own, None))

    def give_to(self, request: LoggedRequest) -> None:
        """Give a request its body, if it is here.

        It is the one with the request's id, or else the first whose last text is in the prompt; if
        the log has no prompt, a lone one.
        """
        self.give_own_to(request)
        if request.prompt:
            self._give(request, next(self._rendered_in(request.prompt), None))
        elif len(self._waiting) == 1:
            self._give(request, 0)

    def _give(self, request: LoggedRequest, place: int | None) -> None:
        if place is not None and not request.body:
            request.line, _, request.body = self._waiting.pop(place)

    def _rendered_in(self, prompt: str) -> Iterator[int]:
        for place, (_, _, body) in enumerate(self._waiting):
            if (text := _last_text(body)) and text in prompt:
                yield place

    def left(self) -> Iterator[LoggedRequest]:
        """Yield a request for each body that no other line continues."""
        for line, own_id, body in (*self._left, *self._waiting):
            yield LoggedRequest(own_id or f"line {line + 1}", line, body)


class RequestLog:
    """Collects the requests in the lines of one kind of server."""

    engine = ""
    """The name of the engine, as in the names of its parsers."""

    def __init__(self) -> None:
        self.parser = self.model = ""
        """The parser that the server was started with, and its model; empty if not logged."""
        self._requests: dict[str, LoggedRequest] = {}
        self._bodies = Bodies()
        self._complaints: list[str] = []
        """What the parser logged after the last reply."""
        self.unread: list[tuple[int, str, str]] = []
        """Entries that turned out later to be unreadable: number of the line, reason and text."""

    def take(self, number: int, line: str) -> bool:
        """Take line `number`; return whether it belongs to the log of a request.

        Raises ValueError if it does, but cannot be read.
        """
        raise NotImplementedError

    def end(self) -> list[LoggedRequest]:
        """Return all requests, in the order of their first lines."""
        found = [*self._requests.values(), *self._bodies.left()]
        found.sort(key=lambda request: request.line)
        if found:
            found[-1].complaints += self._complaints
        return found

    def _start(self, model: str, parser: str) -> None:
        self.model = model
        self.parser = f"{self.engine}/{parser}" if parser else ""


def exchanges_of(requests: Sequence[LoggedRequest]) -> Iterator[tuple[int, Exchange]]:
    """Yield the lines of requests with their exchanges, each with its echo.

    A reply of which the log has only a part is replaced by its echo. If the client got fewer calls
    than the model wrote, that is a finding.
    """
    found = [
        _Replied(one, exchange) for one in requests if (exchange := one.exchange()) is not None
    ]
    unanswered: dict[int, deque[_Replied]] = {}
    for replied in found:
        replied.add_sent()
        messages = [message for _, message in replied.exchange.messages]
        keys = prefix_keys(messages)
        for known in range(len(messages) - 1, -1, -1):
            echo = messages[known]
            if echo.get("role") != "assistant" or keys[known] not in unanswered:
                continue
            candidates, text = unanswered[keys[known]], squashed(echo)
            earlier = next((one for one in candidates if one.is_repeated(echo, text)), None)
            if earlier is not None:
                candidates.remove(earlier)
                earlier.add_echo(echo, is_sent=bool(replied.request.body))
                break
        if len(replied.exchange.reply.messages) == 1:
            unanswered.setdefault(keys[-1], deque(maxlen=MAX_CONCURRENT)).append(replied)
    for replied in found:
        yield replied.request.line, replied.exchange


class _Replied:
    """A request with its reply, until a later request repeats it."""

    def __init__(self, request: LoggedRequest, exchange: Exchange) -> None:
        self.request = request
        self.exchange = exchange

    @cached_property
    def _text(self) -> str:
        return squashed(self.exchange.reply.messages[0][1])

    @cached_property
    def _written(self) -> list[ToolCall]:
        """The calls in a raw reply, in any form."""
        return _calls_in(self.exchange.reply.messages[0][1])

    @property
    def _names(self) -> list[str]:
        return [call.name or "" for call in self._written]

    def is_repeated(self, echo: dict[str, Any], text: str) -> bool:
        """Return whether `echo`, with this squashed text, can be what a client got as the reply."""
        if self.request.sent is not None:
            names = names_in(self.request.sent)
            return text == squashed(self.request.sent) and names == names_in(echo)
        if text == self._text:
            sent = names_in(self.exchange.reply.messages[0][1])
            return not sent or sent == names_in(echo)
        if CALLS_NOT_LOGGED in self.request.flaws:
            return text.startswith(self._text)
        is_part = self.request.is_raw and text in self._text
        return is_part and set(names_in(echo)) <= set(self._names)

    def add_sent(self) -> None:
        """Add what the server's parser made of the reply, if the log has that.

        It is shown if it has reasoning, whose start may be in the prompt, or if its calls differ
        from those in the text, and are not just a part of them.
        """
        sent, reply = self.request.sent, self.exchange.reply
        if sent is None:
            return
        calls = [(call.name, call.arguments) for call in _calls_in({**sent, "content": None})]
        if not self.request.is_raw:
            reply = _showing(sent, reply)
        elif len(calls) < len(self._written):
            reply = self._as_received(reply, sent, "the server's parser delivered")
        else:
            written = [(call.name, call.arguments) for call in self._written]
            is_changed = calls != written
            if is_changed and not is_cut(reply.finish_reason):
                reply = replace(reply, flaws=(*reply.flaws, _CHANGED))
            if is_changed or sent.get("reasoning_content"):
                reply = _showing(sent, reply)
        self.exchange = replace(self.exchange, reply=reply, echo=sent)

    def add_echo(self, echo: dict[str, Any], *, is_sent: bool) -> None:
        """Add the echo; `is_sent`: it is a message as sent, not part of a rendered prompt."""
        reply = self.exchange.reply
        if CALLS_NOT_LOGGED in self.request.flaws:
            flaws = tuple(flaw for flaw in reply.flaws if flaw is not CALLS_NOT_LOGGED)
            reply = replace(reply, messages=(("", echo),), flaws=flaws, is_raw=not is_sent)
        elif self.request.sent is not None:
            if not reply.is_raw and is_sent and names_in(reply.messages[0][1]):
                reply = _showing(echo, reply)
        elif self.request.is_raw and is_sent:
            reply = self._as_received(reply, echo, "the client's next request repeats")
        elif self.request.is_raw:
            # A prompt shows every call as text, whether or not the parser read it.
            reply = replace(reply, is_raw=not self.request.complaints)
        self.exchange = replace(self.exchange, reply=reply, echo=echo)

    def _as_received(self, reply: Reply, echo: dict[str, Any], teller: str) -> Reply:
        """Return a raw reply, read as the client did, whose message `echo` is.

        `teller` is the start of a sentence that goes on with how many calls the client got.
        """
        got, written = len(names_in(echo)), len(self._names)
        if got >= written:
            return replace(reply, is_raw=True)
        if squashed(echo) == self._text:
            # Its calls are left in the content, which is a finding in itself.
            return replace(reply, is_raw=False)
        lost = Diagnostic(
            Code.SILENT_DROP,
            Severity.ERROR,
            f"the model wrote {counted(written, 'call')}; {teller} {got or 'none'} of them",
            hint="the server's parser did not read them; P steps through what it does",
        )
        return replace(reply, is_raw=True, flaws=(*reply.flaws, lost))


def _calls_in(message: dict[str, Any]) -> list[ToolCall]:
    """Return the calls of a message, those in its text included."""
    return [call for call, _ in normalise_message(message, text_calls=TextCalls.TRANSPORT).calls]


def _showing(message: dict[str, Any], reply: Reply) -> Reply:
    """Return `reply` with what the client got; what a parser returns has no ids yet."""
    shown = {"role": "assistant", **message}
    if reply.finish_reason:
        shown["finish_reason"] = reply.finish_reason
    usual = reply.usual | {Code.ID_MISSING}
    return replace(reply, messages=(("", shown),), is_raw=False, usual=usual)


def squashed(message: dict[str, Any]) -> str:
    """Return the text of a message without spaces, which a template may render anew."""
    return "".join(fields.text_of(message.get("content")).split())


def names_in(message: dict[str, Any]) -> list[str]:
    """Return the names in a message's `tool_calls`."""
    calls = map(fields.as_dict, fields.as_list(message.get("tool_calls")))
    return [fields.label(fields.as_dict(call.get("function")), "name") for call in calls]


def _last_text(body: dict[str, Any]) -> str:
    messages = map(fields.as_dict, reversed(fields.as_list(body.get("messages"))))
    texts = (fields.text_of(message.get("content")).strip() for message in messages)
    return next(filter(None, texts), "")[-_TAIL:]
