"""The outcome of a run, from its log: the facts that an agent loop returns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple

from hermes_tui.debugger.loop_rules import rules_for
from hermes_tui.debugger.state import SessionState
from hermes_tui.debugger.stepping import Phase
from hermes_tui.model import events as ev
from hermes_tui.model.messages import ToolError
from hermes_tui.parsers.plain_values import decode


class Outcome(NamedTuple):
    """The outcome of a run.

    `messages` is the whole conversation, as JSON texts. `turns_used` counts the turns that were
    requested, not those that the run began with; so do the turns of `tool_errors`.
    `reasoning_per_turn` has an entry for every reply, None for one without reasoning.
    `stop_reason` is empty for a run that has not ended.
    """

    messages: list[str]
    turns_used: int
    finished_naturally: bool
    reasoning_per_turn: list[Any]
    tool_errors: list[ToolError]
    stop_reason: str


def outcome_of(events: Iterable[ev.Event]) -> Outcome:
    """Return the outcome of the run of these events, a log from its beginning."""
    state = SessionState()
    thoughts: list[Any] = []
    errors: list[ToolError] = []
    errors_before, stop_reason = 0, ""
    for event in events:
        match event:
            case ev.ResponseReceived():
                thoughts.append(None)
                errors_before = len(errors)
            case ev.ReplyDiscarded() if state.reply is not None and thoughts and not stop_reason:
                thoughts.pop()
                del errors[errors_before:]
            case ev.ReasoningExtracted() if thoughts:
                texts = (r.text for r in event.reasoning if r.kind == "text" and r.span is None)
                thoughts[-1] = next(texts, None)
            case ev.MessageAppended(message=message) if message.role == "assistant" and thoughts:
                value = decode(event.raw)
                thoughts[-1] = value.get("reasoning_content") if isinstance(value, dict) else None
            case ev.ToolErrorRecorded():
                turn = event.error.turn - state.turns_before
                errors.append(replace(event.error, turn=turn))
            case ev.RunEnded():
                stop_reason = event.stop_reason
        state.apply(event)
    return Outcome(
        conversation(state),
        state.own_turn,
        state.phase is Phase.ENDED and stop_reason == "finished",
        thoughts,
        errors,
        stop_reason,
    )


def conversation(state: SessionState) -> list[str]:
    """Return all messages so far as JSON texts, including those of the present turn."""
    reply = state.reply
    if reply is None or not reply.whole:
        return list(state.conversation)
    return [*state.conversation, *rules_for(state.mode).messages(reply)]
