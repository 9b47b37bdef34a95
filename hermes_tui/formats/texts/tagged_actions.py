"""Calls in special tags, as in Search-R1 and the text environments of SkyRL.

    reply  = turn (answer turn)*
    turn   = text "<search>" query "</search>"                  calls `search`; or `sql`
    answer = blank* "<information>" text "</information>" blank*    or `<observation>`
           | "\\nMy previous action is invalid. " … "Let me try again.\\n"

The prompt explains both tags to the model, or a call is answered at once; otherwise tags are only
text. The first call of a turn counts, unless its `<answer>` comes before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from hermes_tui.formats import fields
from hermes_tui.formats.texts.text_actions import text_action, with_calls
from hermes_tui.model.spans import Span
from hermes_tui.parsers.normalise import Normalised


class Action(NamedTuple):
    """The name of a tool, which is the tag that calls it, and the tag of its answer."""

    name: str
    answer: str


_ACTIONS = (Action("search", "information"), Action("sql", "observation"))
_INVALID = re.compile(r"\nMy previous action is invalid\. [^\n]*Let me try again\.\n")


def action_of(sent: Sequence[Any], replies: Sequence[Any]) -> Action | None:
    """Return the action used in a conversation, or None if there is none."""
    prompt, reply = (
        "\n".join(fields.text_of(fields.as_dict(one).get("content")) for one in side)
        for side in (sent, replies)
    )
    for action in _ACTIONS:
        explained = all(f"<{tag}>" in prompt for tag in action)
        if f"<{action.name}>" in reply and (explained or _answer_pattern(action).search(reply)):
            return action
    return None


def split_answers(messages: Sequence[Any], action: Action) -> list[Any]:
    """Return messages with the answers inside the model's turns split off as separate messages."""
    split: list[Any] = []
    for message in messages:
        role, text = (fields.as_dict(message).get(key) for key in ("role", "content"))
        if not isinstance(text, str):
            split.append(message)
        elif role == "assistant":
            parts = [{"role": who, "content": part} for who, part in _parts(text, action)]
            # The finish reason belongs to the last part.
            parts[-1] = {**message, **parts[-1]}
            split += parts
        elif role == "user" and split and text.lstrip().startswith(f"<{action.answer}>"):
            split.append({**message, "role": "tool"})
        else:
            split.append(message)
    return split


def with_tagged_call(parts: Normalised, action: Action) -> Normalised:
    """Return a message of the model with the call in its text, if there is one."""
    text = parts.message.text
    if parts.message.role != "assistant" or parts.calls:
        return parts
    opener, closer = f"<{action.name}>", f"</{action.name}>"
    start, answer = text.find(opener), text.find("<answer>")
    stop = text.find(closer, start)
    if start < 0 or stop < 0 or (0 <= answer < start and "</answer>" in text[answer:]):
        return parts
    end = stop + len(closer)
    query = text[start + len(opener) : stop].strip()
    call = text_action(0, action.name, {"query": query}, raw=text[start:end], span=Span(start, end))
    return with_calls(parts, [call])


def _answer_pattern(action: Action) -> re.Pattern[str]:
    return re.compile(rf"(?<=</{action.name}>)\s*<{action.answer}>")


def _parts(text: str, action: Action) -> Iterator[tuple[str, str]]:
    """Yield the role and the text of each part of a model's text: the model, a tool, or the
    environment's verdict on an invalid action."""
    closer, start = f"</{action.answer}>", 0
    for begin in _borders(text, action):
        if begin.start() < start:
            continue
        if begin[0].startswith("\nMy"):
            speaker, stop, after = "user", begin.end(), begin.end()
        else:
            found = text.find(closer, begin.end())
            stop = found + len(closer) if found >= 0 else len(text)
            speaker, after = "tool", _blank_end(text, stop)
        yield "assistant", text[start : begin.start()]
        yield speaker, text[begin.start() : stop].strip()
        start = after
    if start < len(text) or not start:
        yield "assistant", text[start:]


def _borders(text: str, action: Action) -> list[re.Match[str]]:
    found = [*_answer_pattern(action).finditer(text), *_INVALID.finditer(text)]
    return sorted(found, key=lambda border: border.start())


def _blank_end(text: str, position: int) -> int:
    while text[position : position + 1].isspace():
        position += 1
    return position
