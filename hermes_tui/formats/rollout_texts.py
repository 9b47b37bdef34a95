"""What a trainer's row says: messages, or texts in the model's template, with its tokens or not.

Templates put what tools answered into a turn of the user, as `<tool_response>` blocks.
"""

from __future__ import annotations

from typing import Any

from hermes_tui.formats.chat_template import split_reply
from hermes_tui.formats.skipped_template import split_skipped_prompt, split_skipped_reply
from hermes_tui.formats.text_replies import messages_of_prompt
from hermes_tui.parsers.tool_results import OPEN


def asked_in(prompt: Any) -> tuple[list[Any], str]:
    """Return the messages of a prompt, and how it begins the reply, if it does."""
    if not isinstance(prompt, str):
        return (prompt, "") if isinstance(prompt, list) else ([], "")
    turns, begun = split_skipped_prompt(prompt)
    if turns:
        return [_message(turn.role, turn.text) for turn in turns], begun
    messages, begun = messages_of_prompt(prompt)
    return [_message(said["role"], said["content"]) for said in messages], begun


def said_in(reply: Any, prompt: Any, begun: str, reason: str) -> list[Any]:
    """Return the messages of a reply to `prompt`, whose end has `begun` it.

    `reason` says why the reply ended.
    """
    if isinstance(reply, str):
        said = _messages(begun + reply, prompt if isinstance(prompt, str) else "")
    else:
        said = [*reply] if isinstance(reply, list) else []
    if reason and said and isinstance(said[-1], dict) and said[-1].get("role") == "assistant":
        said[-1] = {"finish_reason": reason, **said[-1]}
    return said


def _messages(text: str, prompt: str) -> list[Any]:
    turns = split_reply(text)
    if len(turns) == 1 and not turns[0].closed:
        turns = split_skipped_reply(text, prompt)
    return [_message(turn.role, turn.text) for turn in turns]


def _message(role: str, text: str) -> dict[str, Any]:
    is_answer = role == "user" and text.startswith(OPEN)
    return {"role": "tool" if is_answer else role, "content": text}
