"""What the agent loop does with replies, calls and results: the one place where modes differ.

`strict` delivers what was meant and reports what was wrong; `faithful` does what HermesAgentLoop
does.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple, Protocol

from hermes_tui.debugger import call_rules, replies
from hermes_tui.debugger.call_rules import Refusal
from hermes_tui.debugger.wire import assistant_text, tool_text
from hermes_tui.model import events as ev
from hermes_tui.model.messages import ToolError

if TYPE_CHECKING:
    from hermes_tui.debugger import inputs as given
    from hermes_tui.debugger.state import SessionState
    from hermes_tui.debugger.turn import CallState, Reply

FAITHFUL = "faithful"


class Dispatch(NamedTuple):
    """The loop runs the tool. `arguments` is JSON text."""

    name: str
    arguments: str


class Raised(NamedTuple):
    """The loop itself raises at the call, and treats that as a failure of the tool."""

    exception: str


class Escaped(NamedTuple):
    """An exception escapes the loop, and the run is lost."""

    exception: str


Decision = Dispatch | Refusal | Raised | Escaped


class LoopRules(Protocol):
    """The decisions of a mode. All of them follow from the log."""

    def read(self, replied: given.ModelReplied, state: SessionState, new_id: str) -> list[ev.Event]:
        """Return the events of a reply as received and as parsed; never raises."""
        ...

    def failed(self, failure: given.RequestFailed, state: SessionState) -> list[ev.Event]:
        """Return the events of a request that got no usable reply."""
        ...

    def reread(self, text: str, reply: Reply, state: SessionState, new_id: str) -> list[ev.Event]:
        """Return the events parsed from a reply whose text a person changed."""
        ...

    def messages(self, reply: Reply) -> list[str]:
        """Return the messages that the turn adds to the conversation, as JSON texts.

        Edited and dropped calls are taken into account.
        """
        ...

    def decide(self, call: CallState, reply: Reply, names: frozenset[str] | None) -> Decision:
        """Return what happens to a call; `names` are the tools that may be called, None: any."""
        ...

    def tool_message(self, call: CallState, reply: Reply) -> str:
        """Return the tool message of an answered call, JSON text."""
        ...

    def error_of(self, call: CallState, reply: Reply, turn: int) -> ToolError | Escaped | None:
        """Return the error to record for an answered call, or None if there is none."""
        ...


class Strict:
    """The loop without its mistakes."""

    def read(self, replied: given.ModelReplied, state: SessionState, new_id: str) -> list[ev.Event]:
        return replies.replied(replied, state, new_id)

    def failed(self, failure: given.RequestFailed, state: SessionState) -> list[ev.Event]:
        return [replies.failed(failure, state)]

    def reread(self, text: str, reply: Reply, state: SessionState, new_id: str) -> list[ev.Event]:
        return replies.reread(text, reply, state, new_id)

    def messages(self, reply: Reply) -> list[str]:
        calls = reply.running
        if reply.given and all(not call.touched for call in reply.calls):
            return [reply.raw, *(c.message for c in calls if c.message)]
        assistant = assistant_text(
            reply.content,
            [(c.call.id or "", c.name or "", c.arguments.text or "{}") for c in calls],
            reply.reasoning,
        )
        return [assistant, *(c.message for c in calls if c.message)]

    def decide(self, call: CallState, reply: Reply, names: frozenset[str] | None) -> Decision:
        refusal = call_rules.refusal(call.name, call.arguments, names, cut=call.cut)
        if refusal is not None:
            return refusal
        return Dispatch(call.name or "", call_rules.dispatched_arguments(call.arguments))

    def tool_message(self, call: CallState, reply: Reply) -> str:
        content = call.result.content if call.result else ""
        return tool_text(call.call.id or "", content)

    def error_of(self, call: CallState, reply: Reply, turn: int) -> ToolError | Escaped | None:
        if call.result is None:
            return None
        error = call.exception or call_rules.recorded_error(call.result)
        if not error:
            return None
        return ToolError(
            turn, call.name or "", call.arguments.text[:200], error, call.result.content[:500]
        )


@cache
def rules_for(mode: str) -> LoopRules:
    """Return the rules of `mode`: strict for any name other than faithful."""
    if mode != FAITHFUL:
        return Strict()
    from hermes_tui.debugger.faithful import Faithful

    return Faithful()


def is_refused(call: CallState, state: SessionState) -> bool:
    """Return whether the loop answers a call of the reply with an error and runs no tool."""
    reply = state.reply
    if reply is None:
        return False
    return isinstance(rules_for(state.mode).decide(call, reply, state.names), Refusal)
