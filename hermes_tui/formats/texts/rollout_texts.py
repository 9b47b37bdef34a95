"""The messages of a trainer's row, or its texts in the model's template, with or without its
special tokens.

Templates put tools' answers into a turn of the user, as `<tool_response>` blocks. If a tool
answers, the trainer's parser must have found a call, in whatever format it is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hermes_tui.formats.texts.chat_template import open_turn, split_reply
from hermes_tui.formats.texts.skipped_template import split_skipped_prompt, split_skipped_reply
from hermes_tui.formats.texts.tagged_actions import Action, with_tagged_call
from hermes_tui.formats.texts.text_actions import with_calls
from hermes_tui.formats.texts.text_replies import messages_of_prompt
from hermes_tui.model.diagnostics import Code
from hermes_tui.model.messages import ToolSpec
from hermes_tui.parsers.literals import FAILED
from hermes_tui.parsers.normalise import Normalised, TextCalls, normalise_message
from hermes_tui.parsers.text_calls import with_findings
from hermes_tui.parsers.tool_results import OPEN

_UNREAD_CODES = frozenset({Code.CALL_IN_CONTENT, Code.WRONG_FORMAT})


def rejoined(prompt: Any, reply: Any) -> tuple[Any, Any]:
    """Return prompt and reply, divided before the turn that the border between them splits.

    AReaL 1.0.4 ends a prompt too late, by as many tokens as the tools of a rollout answered, so it
    may end inside a tool's answer. A prompt that ends in a turn of the model is left as it is: that
    turn is the prefill, which `prompt_messages` returns.
    """
    if not isinstance(prompt, str) or not isinstance(reply, str):
        return prompt, reply
    start, role = open_turn(prompt)
    if start < 0 or role == "assistant":
        return prompt, reply
    following = [turn.role for turn in split_reply(reply)[1:2]]
    if following != ["assistant"]:
        return prompt, reply
    return prompt[:start], prompt[start:] + reply


def prompt_messages(prompt: Any) -> tuple[list[Any], str]:
    """Return the messages of a prompt, and the prefill: the beginning of the reply in it, or ""."""
    if not isinstance(prompt, str):
        return (prompt, "") if isinstance(prompt, list) else ([], "")
    turns, prefill = split_skipped_prompt(prompt)
    if turns:
        return [_message(turn.role, turn.text) for turn in turns], prefill
    messages, prefill = messages_of_prompt(prompt)
    return [_message(message["role"], message["content"]) for message in messages], prefill


def reply_messages(reply: Any, prompt: Any, prefill: str, reason: str) -> list[Any]:
    """Return the messages of a reply to `prompt`, which ends with its beginning `prefill`.

    `reason` is the finish reason. In ms-swift 4.6.0 both prompt and reply contain the beginning.
    """
    if isinstance(reply, str):
        text = reply if reply.startswith(prefill) else prefill + reply
        messages = _messages(text, prompt if isinstance(prompt, str) else "")
    else:
        messages = [*reply] if isinstance(reply, list) else []
    if (
        reason
        and messages
        and isinstance(messages[-1], dict)
        and messages[-1].get("role") == "assistant"
    ):
        messages[-1] = {"finish_reason": reason, **messages[-1]}
    return messages


def _messages(text: str, prompt: str) -> list[Any]:
    turns = split_reply(text)
    if len(turns) == 1 and not turns[0].closed:
        turns = split_skipped_reply(text, prompt)
    return [_message(turn.role, turn.text) for turn in turns]


def _message(role: str, text: str) -> dict[str, Any]:
    is_answer = role == "user" and text.startswith(OPEN)
    return {"role": "tool" if is_answer else role, "content": text}


def normalise_text_message(
    message: dict[str, Any], action: Action | None, tools: Sequence[ToolSpec], *, is_answered: bool
) -> Normalised:
    """Return a message read from a text; `is_answered` means that a tool's message follows."""
    parts = normalise_message(message, text_calls=TextCalls.TRANSPORT)
    parts = with_tagged_call(parts, action) if action else parts
    is_read = any(call.name and call.verdict != FAILED for call, _ in parts.calls)
    if not is_answered or is_read or parts.message.role != "assistant":
        return parts
    from hermes_tui.parsers.auto import Auto

    calls = with_findings(Auto().parse(parts.message.text, tools).calls, ()).calls
    if not calls:
        return parts
    stale = (one for one in parts.diagnostics if one.code not in _UNREAD_CODES)
    parts = parts._replace(diagnostics=tuple(stale), unread=False)
    return with_calls(parts, calls)
