"""Empty replies of the model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.events import MessageAppended
from hermes_tui.model.messages import Message, Usage

FEW_TOKENS: Final = 10
"""A model that writes nothing costs at most the tokens that delimit its turn."""
REFUSED: Final = "refusal"
"""The finish reason with which Anthropic's API declines to answer."""
_ALTERED_FLAGS: Final = frozenset({"edited", "partial"})


def empty_reply(reply: MessageAppended, usage: Usage | None, *, tools: bool) -> Diagnostic | None:
    """Return the diagnostic for an empty reply; None if it is not empty or already reported flawed.

    `usage` is used if the message has none. `tools`: the request offered tools; then an empty reply
    that cost tokens was most likely a call.
    """
    flaws = reply.diagnostics
    if is_flawed(flaws) or any(one.code is Code.REPLY_SHAPE for one in flaws):
        return None
    return empty_message_finding(reply.message, usage, tools=tools)


def empty_message_finding(
    message: Message, usage: Usage | None = None, *, tools: bool
) -> Diagnostic | None:
    """Return the same for a message, regardless of the diagnostics it already has."""
    if not _is_empty(message) or not _ALTERED_FLAGS.isdisjoint(message.flags):
        return None
    if message.finish_reason == REFUSED:
        return Diagnostic(
            Code.REPLY_SHAPE,
            Severity.WARNING,
            f"the reply is empty: the model refused, finish_reason {REFUSED}",
        )
    tokens = _visible_tokens(message.usage or usage)
    if tools and tokens > FEW_TOKENS:
        return Diagnostic(
            Code.REPLY_SHAPE,
            Severity.ERROR,
            f"the reply is empty, though the model wrote {tokens:,} tokens: no text, no call",
            hint="a parser removed all of it: look at the raw completion (logprobs)",
        )
    return Diagnostic(
        Code.REPLY_SHAPE,
        Severity.WARNING,
        "the reply is empty: no text, no call",
        hint="a parser may have removed all of it: look at the raw completion (logprobs)",
    )


def is_flawed(diagnostics: Iterable[Diagnostic]) -> bool:
    """Return whether any of the diagnostics is an error."""
    return any(one.severity is Severity.ERROR for one in diagnostics)


def _is_empty(message: Message) -> bool:
    if message.calls or message.reasoning or message.text.strip():
        return False
    return all(part.kind == "text" and not part.text.strip() for part in message.parts)


def _visible_tokens(usage: Usage | None) -> int:
    """Return the completion tokens of a reply without those of its reasoning; 0: not known."""
    if usage is None or usage.completion_tokens is None:
        return 0
    return usage.completion_tokens - (usage.reasoning_tokens or 0)
