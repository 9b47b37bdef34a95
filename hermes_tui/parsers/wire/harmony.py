"""gpt-oss (harmony): messages with a channel and, for calls, a recipient.

    text    := message*
    message := ("<|start|>" ROLE)? header "<|message|>" BODY ("<|end|>" | "<|call|>" | "<|return|>")
    header  := (" to=" RECIPIENT | "<|channel|>" CHANNEL | "<|constrain|>" TYPE)*

A message to `functions.NAME` is a call whose body is its JSON arguments. A message on the channel
`analysis` is reasoning. The body of any other message is content.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hermes_tui.model.diagnostics import Code
from hermes_tui.model.spans import Span
from hermes_tui.parsers.base import ParsedCall
from hermes_tui.parsers.literals import FAILED, REPAIRED
from hermes_tui.parsers.wire.base import Wire
from hermes_tui.parsers.wire.cursor import Draft, WireCursor
from hermes_tui.parsers.wire.emit import emit, plain_name
from hermes_tui.parsers.wire.named import read_arguments

_HEADER = re.compile(
    r"(?:<\|start\|>[^<{\[]{0,200}+|<\|channel\|>[^<{\[]{0,200}+|<\|constrain\|>[^<{\[]{0,40}+)++"
)
_PLAIN = re.compile(r"(?:commentary|analysis|assistant)?\s*+to=[^<{\[]{0,200}+")
_RECIPIENT = re.compile(r"to=\s*(?P<to>[^\s<{]{1,200})")
_CHANNEL = re.compile(r"<\|channel\|>\s*(\w+)")
_MESSAGE = "<|message|>"
_END = re.compile(r"<\|(?:end|call|return|start|channel)\|>|\Z")
_CLOSING = re.compile(r"<\|(?:end|call|return)\|>")
_BUILT_IN = re.compile(r"(?:python|browser|container)(?:\.\w+)?")


def _read(cursor: WireCursor, opener: Span) -> int:
    """Read one message."""
    text = cursor.text
    header = _HEADER.match(text, opener.start)
    if not header:
        return -1
    body = header.end()
    has_message = text.startswith(_MESSAGE, body)
    body += len(_MESSAGE) if has_message else 0
    recipient = _RECIPIENT.search(header[0])
    if recipient:
        at = Span(header.start() + recipient.start("to"), header.start() + recipient.end("to"))
        return _call(cursor, Span(*header.span()), at, body, has_message=has_message)
    if not has_message:
        return -1 if body <= opener.end else _drop(cursor, Span(opener.start, body))
    channel = _CHANNEL.findall(header[0])
    end = cursor.place(_END, body)
    closing = _CLOSING.match(text, end)
    stop = closing.end() if closing else end
    since = cursor.mark()
    if channel and channel[-1] == "analysis":
        cursor.take_reasoning(Span(opener.start, stop))
        cursor.part("harmony", opener.start, stop, "reasoning", "analysis", since)
        return stop
    cursor.drop(opener.start, body)
    cursor.part("harmony", opener.start, body, "dropped", "header", since)
    if closing and end > body:
        cursor.part("harmony", body, end, "text", channel[-1] if channel else "", cursor.mark())
    if closing:
        _drop(cursor, Span(*closing.span()))
    return stop


def _drop(cursor: WireCursor, span: Span) -> int:
    cursor.drop(span.start, span.end)
    cursor.part("harmony", span.start, span.end, "dropped", "token", cursor.mark())
    return span.end


def _read_plain(cursor: WireCursor, opener: Span) -> int:
    """Read a header whose special tokens are lost: `commentary to=functions.f json{…}`."""
    text = cursor.text
    header = _PLAIN.match(text, opener.start)
    if not header or not text.startswith("{", header.end()):
        return -1
    recipient = _RECIPIENT.search(header[0])
    if not recipient or not recipient["to"].startswith("functions."):
        return -1
    at = Span(header.start() + recipient.start("to"), header.start() + recipient.end("to"))
    message = "a call without harmony's special tokens"
    hint = "they were lost, perhaps through skip_special_tokens; engines leave it as text"
    cursor.error(Code.NO_MARKER, Span(*header.span()), message, hint)
    return _call(cursor, Span(*header.span()), at, header.end(), has_message=True)


def _call(cursor: WireCursor, header: Span, at: Span, body: int, *, has_message: bool) -> int:
    text, since = cursor.text, cursor.mark()
    recipient = text[at.start : at.end]
    if not has_message:
        message = f"no {_MESSAGE} before the arguments"
        cursor.error(Code.MARKER_VARIANT, Span(header.end - 1, body + 1), message)
    _flag_header(cursor, header)
    if _BUILT_IN.fullmatch(recipient) and recipient not in cursor.tools:
        end = _built_in(cursor, recipient, at, body)
    else:
        name = recipient.removeprefix("functions.")
        at = Span(at.end - len(name), at.end) if name else at
        if name == recipient:
            message = "the recipient lacks the prefix `functions.`"
            cursor.warn(Code.NAME_DECORATED, at, message, "some engines drop the call")
        end = read_arguments(cursor, name, at, body, _END)
    closing = _CLOSING.match(text, end)
    if closing and closing[0] != "<|call|>":
        message, hint = f"{closing[0]} where <|call|> belongs", "SGLang loses the call"
        cursor.warn(Code.MARKER_VARIANT, Span(*closing.span()), message, hint)
    elif not closing:
        message = "no <|call|> after the call"
        cursor.warn(Code.UNCLOSED, Span(end - 1, end), message, "SGLang loses the call")
    end = closing.end() if closing else end
    return emit(cursor, "harmony", header.start, end, since)


def _flag_header(cursor: WireCursor, header: Span) -> None:
    """Report what is odd about the header of a call."""
    text = cursor.text[header.start : header.end]
    channels = _CHANNEL.findall(text)
    if len(channels) > 1:
        second = text.rfind("<|channel|>")
        span = Span(header.start + second, header.start + second + len("<|channel|>"))
        message, hint = "two channels in one header", "strict parsers refuse the message"
        cursor.error(Code.NESTED_OPEN, span, message, hint)
    if channels and channels[-1] == "analysis":
        message = "a call on the reasoning channel"
        cursor.warn(Code.MARKER_IN_REASONING, header, message, "SGLang does not see it")
    if header.start and not text.startswith("<|start|>") and "<|channel|>" in text:
        message, hint = "no <|start|> before this message", "strict parsers refuse it"
        span = Span(header.start, header.start + len("<|channel|>"))
        cursor.warn(Code.MARKER_VARIANT, span, message, hint)


def _built_in(cursor: WireCursor, name: str, at: Span, body: int) -> int:
    """Read a call of a built-in tool; its body may be code."""
    end = cursor.place(_END, body)
    raw = cursor.text[body:end].strip()
    message, hint = f"{name} is a built-in tool of gpt-oss", "vLLM passes it to no function"
    cursor.warn(Code.NAME_UNKNOWN, at, message, hint)
    if raw.startswith("{"):
        return read_arguments(cursor, name, at, body, _END)
    plain = plain_name(cursor, name, at)
    verdict = REPAIRED if raw else FAILED
    span = Span(body, max(end, body))
    cursor.drafts.append(Draft(at.start, plain, at, {"code": raw}, span, verdict))
    return end


def _render(calls: Sequence[ParsedCall]) -> str:
    return "<|start|>assistant".join(
        f"<|channel|>commentary to=functions.{call.name} <|constrain|>json<|message|>"
        f"{call.arguments}<|call|>"
        for call in calls
    )


WIRES = (
    Wire(("harmony",), r"<\|(?:start|channel)\|>", _read, _render),
    Wire(("harmony",), r"(?:commentary|analysis)\s++to=functions\.", _read_plain, order=8),
)
