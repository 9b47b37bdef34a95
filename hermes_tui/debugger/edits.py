"""A person's changes to the text of a reply, to messages and to parameters, as events."""

from __future__ import annotations

import json
from typing import Any

from hermes_tui.debugger import inputs as given
from hermes_tui.debugger import replies
from hermes_tui.debugger.loop_rules import rules_for
from hermes_tui.debugger.state import SessionState
from hermes_tui.debugger.turn import Reply
from hermes_tui.model import events as ev
from hermes_tui.model.errors import UsageError
from hermes_tui.parsers.plain_values import json_text


def text_edited(
    command: given.EditText, state: SessionState, reply: Reply, new_id: str
) -> list[ev.Event]:
    """Return the change of a reply's text, and the events parsed from the new text."""
    edited = ev.TextEdited(seq=0, before=reply.text, after=command.text)
    return [edited, *rules_for(state.mode).reread(command.text, reply, state, new_id)]


def message_edited(command: given.EditMessage, state: SessionState) -> ev.Event:
    """Return a change of the next request's messages. Raises UsageError if it is not possible."""
    messages = state.upcoming()
    count = len(messages)
    last = count if command.after else count - 1
    if not 0 <= command.index <= last:
        raise UsageError(f"there is no message {command.index}", f"0 to {last} can be changed")
    if command.after:
        _check_message(command.after)
    before = messages[command.index] if command.index < count else ""
    return ev.MessageEdited(seq=0, index=command.index, before=before, after=command.after)


def _check_message(text: str) -> None:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the message is not JSON: {error}") from error
    if not isinstance(message, dict):
        hint = 'it must be {"role": …, "content": …}'
        raise UsageError("the message is not a JSON object", hint)


def parameters_changed(parameters: dict[str, Any], state: SessionState) -> ev.Event:
    if not isinstance(parameters, dict):
        raise UsageError("the parameters are not a JSON object")
    after = json_text(replies.plain_json(parameters))
    return ev.ParametersChanged(seq=0, before=state.parameters, after=after)
