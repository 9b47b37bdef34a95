"""Rollouts whose prompt and reply are one text, as tables of Weights & Biases keep samples.

    row     = {"step", "idx"?, "reward", "num_turns", "trajectory": blocks}      SkyRL
            | {"global_step", "text": whole, "reward"}                           OpenRLHF
    blocks  = block ("\\n\\n" block)*
    block   = "[" ("SYSTEM" | "USER" | "ASSISTANT" | "TOOL" | "USER/TOOL") "]\\n" text
    whole   = a rendered template, mostly without its special tokens

SkyRL skips special tokens, too: the text between two replies begins with the name of its role and
ends with that of the model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from hermes_tui.formats.chat_template import may_be_rendered, reply_start
from hermes_tui.formats.skipped_template import skipped_reply_start
from hermes_tui.parsers.tool_results import OPEN

_BLOCK = re.compile(r"(?:\A|\n\n)\[(SYSTEM|USER|ASSISTANT|TOOL|USER/TOOL)\]\n")
_ROLE_NAME = re.compile(r"\s*+(?:user|tool|ipython)\n++")


class Whole(NamedTuple):
    """The prompt and reply of such a row, and the name of the member with their text."""

    name: str
    prompt: Any
    reply: Any


def whole_of(row: Mapping[str, Any]) -> Whole | None:
    """Return prompt and reply of a row that has them in one text, or None if it is no such row."""
    if "reward" not in row:
        return None
    if isinstance(text := row.get("trajectory"), str) and "num_turns" in row:
        return Whole("trajectory", *_split_blocks(text))
    if isinstance(text := row.get("text"), str) and "global_step" in row:
        start = reply_start(text) if may_be_rendered(text) else skipped_reply_start(text)
        return Whole("text", text[: max(0, start)], text[max(0, start) :])
    return None


def _split_blocks(text: str) -> tuple[Any, Any]:
    """Return the messages before the model's first reply, and those from there on."""
    marks = list(_BLOCK.finditer(text))
    if not marks:
        return "", text
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    messages = [
        _message(mark[1], text[mark.end() : end]) for mark, end in zip(marks, ends, strict=True)
    ]
    first = next((n for n, one in enumerate(messages) if one["role"] == "assistant"), None)
    return messages[:first], [] if first is None else messages[first:]


def _message(speaker: str, text: str) -> dict[str, Any]:
    if speaker != "USER/TOOL":
        return {"role": speaker.lower(), "content": text}
    content = _without_role_names(text)
    return {"role": "tool" if content.startswith(OPEN) else "user", "content": content}


def _without_role_names(text: str) -> str:
    """Return the message between two replies, without the names of roles around it."""
    name = _ROLE_NAME.match(text)
    body = text.rstrip()
    model = next((model for model in ("assistant", "model") if body.endswith(model)), "")
    if name is None or not model:
        return text
    return body[name.end() : -len(model)].rstrip("\n")
