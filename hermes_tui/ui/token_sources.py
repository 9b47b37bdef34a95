"""Where the tokens of a row of a run are: in the reply of its turn, or in its whole record."""

from __future__ import annotations

from typing import NamedTuple

from hermes_tui.formats.token_table import TokenTable
from hermes_tui.formats.tokens import choice_table, rollout_tables, tokens_of
from hermes_tui.log.timeline import Timeline
from hermes_tui.model.events import (
    Event,
    MessageAppended,
    RequestSent,
    ResponseReceived,
    RunStarted,
    copy_event,
)
from hermes_tui.model.spans import SourceRef
from hermes_tui.parsers.plain_values import decode
from hermes_tui.ui.render.raw import RawText

MAX_DISTANCE = 256
"""Most events that are searched backwards for the reply that a row came from."""
_CHOICE_POINTER = "/message"


class TokenSource(NamedTuple):
    """An event that may hold tokens, and in what form: `kind` is reply, choice or rollout."""

    kind: str
    event: Event


def source_of(timeline: Timeline, row: int) -> TokenSource | None:
    """Return where the tokens of a row would be, or None; cheap, because nothing is read."""
    if not 0 <= row < len(timeline):
        return None
    event = timeline.event(row)
    first = timeline.log[0]
    if isinstance(first, RunStarted) and first.source_format == "atropos-group" and first.at:
        return TokenSource("rollout", first)
    if (reply := _reply_before(timeline, event)) is not None:
        return TokenSource("reply", reply)
    in_choice = event.at is not None and event.at.pointer.endswith(_CHOICE_POINTER)
    return TokenSource("choice", event) if in_choice else None


def _reply_before(timeline: Timeline, event: Event) -> Event | None:
    for seq in range(event.seq, max(-1, event.seq - MAX_DISTANCE), -1):
        earlier = timeline.log[seq]
        if isinstance(earlier, ResponseReceived):
            return earlier
        is_other_message = isinstance(earlier, MessageAppended) and earlier.message.role not in (
            "assistant", "tool",
        )  # fmt: skip
        if is_other_message or isinstance(earlier, RequestSent):
            return None
    return None


def requests_tokens(timeline: Timeline, row: int) -> bool:
    """Return whether the request before a row requested the probabilities of tokens."""
    if not 0 <= row < len(timeline):
        return False
    seq, parameters = timeline.seq(row), None
    for at in range(seq, max(-1, seq - MAX_DISTANCE), -1):
        earlier = timeline.log[at]
        if isinstance(earlier, RequestSent) and earlier.parameters:
            parameters = decode(earlier.parameters)
            break
    first = timeline.log[0]
    if parameters is None and isinstance(first, RunStarted):
        # A request has parameters only if they differ from those of the request before.
        parameters = first.details.get("parameters")
    return isinstance(parameters, dict) and bool(parameters.get("logprobs"))


def read_tokens(
    source: TokenSource, timeline: Timeline, raw_text: RawText
) -> tuple[TokenTable, ...]:
    """Return the tokens in a source; often there are none."""
    event = source.event
    first = timeline.log[0]
    tools = first.tools if isinstance(first, RunStarted) else ()
    if source.kind == "reply":
        return tokens_of(event, tools)
    if event.at is None:
        return ()
    if source.kind == "rollout":
        assert isinstance(event, RunStarted)
        record = raw_text(copy_event(event, at=SourceRef(event.at.range)))[0]
        return rollout_tables(record, event.run_id, note=str(event.details.get("tokens_are", "")))
    pointer = event.at.pointer.removesuffix(_CHOICE_POINTER)
    text, is_exact = raw_text(copy_event(event, at=SourceRef(event.at.range, pointer)))
    choice = decode(text) if is_exact and "logprobs" in text else None
    table = choice_table(choice, tools) if isinstance(choice, dict) else None
    return (table,) if table is not None else ()
