"""Rollouts whose prompt and reply are one text, as tables of Weights & Biases keep samples.

    row     = {"step", "idx"?, "reward", "num_turns", "trajectory": blocks}      SkyRL
            | {"global_step", "text": whole, "reward"}                           OpenRLHF
            | {"text" | "full_text" | …: whole | shown, "score", …}              Atropos
    blocks  = block ("\\n\\n" block)*
    block   = "[" ("SYSTEM" | "USER" | "ASSISTANT" | "TOOL" | "USER/TOOL") "]\\n" text
    whole   = a rendered template, mostly without its special tokens
    shown   = piece ("\\n\\n" piece)*                                            hermes-agent
    piece   = "[" ("SYSTEM" | "USER" | "ASSISTANT thinking" | "ASSISTANT") "]\\n" text
            | "[TOOL CALL] " name "(" arguments ")" | "[TOOL RESULT] " text

SkyRL skips special tokens, too: the text between two replies begins with the name of its role and
ends with that of the model. hermes-agent cuts reasoning, arguments and results, and ends them with
"...".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from hermes_tui.formats.fields import json_text
from hermes_tui.formats.texts.chat_template import may_be_rendered, reply_start
from hermes_tui.formats.texts.skipped_template import skipped_reply_start
from hermes_tui.parsers.tool_results import OPEN

_BLOCK = re.compile(r"(?:\A|\n\n)\[(SYSTEM|USER|ASSISTANT|TOOL|USER/TOOL)\]\n")
_PIECE = re.compile(
    r"(?:\A|\n\n)"
    r"\[((?:SYSTEM|USER|ASSISTANT(?: thinking)?)(?=\]\n)|TOOL (?:CALL|RESULT)(?=\] ))\]\s"
)
_SHOWN_CALL = re.compile(r"([^\s(]+)\((.*)\)\s*\Z", re.DOTALL)
_SHOWN_ROLES = {"SYSTEM": "system", "USER": "user", "TOOL RESULT": "tool"}
_CUT_ARGUMENTS = 200 + len("...")
_SCORED = ("text", "full_text", "full_conversation")
_ROLE_NAME = re.compile(r"\s*+(?:user|tool|ipython)\n++")


class Whole(NamedTuple):
    """The prompt and reply of such a row, and the name of the member with their text."""

    name: str
    prompt: Any
    reply: Any


def whole_of(row: Mapping[str, Any]) -> Whole | None:
    """Return prompt and reply of a row that has them in one text, or None if it is no such row."""
    if "reward" not in row:
        return _scored_whole(row)
    if isinstance(text := row.get("trajectory"), str) and "num_turns" in row:
        return Whole("trajectory", *_split_blocks(text))
    if isinstance(text := row.get("text"), str) and "global_step" in row:
        start = reply_start(text) if may_be_rendered(text) else skipped_reply_start(text)
        return Whole("text", text[: max(0, start)], text[max(0, start) :])
    return None


def _scored_whole(row: Mapping[str, Any]) -> Whole | None:
    name = next((name for name in _SCORED if isinstance(row.get(name), str)), "")
    if not name or "score" not in row:
        return None
    text = row[name]
    if pieces := _cut(_PIECE, text):
        return Whole(name, *_divided(_shown_messages(pieces)))
    start = reply_start(text) if may_be_rendered(text) else -1
    return Whole(name, text[:start], text[start:]) if start > 0 else None


def _shown_messages(pieces: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return the messages that hermes-agent shows; a reply's reasoning, text and calls follow one
    another."""
    messages: list[dict[str, Any]] = []
    for kind, text in pieces:
        last = messages[-1] if messages else {}
        if kind == "TOOL CALL":
            if last.get("role") != "assistant":
                messages.append(last := {"role": "assistant"})
            last.setdefault("tool_calls", []).append(_shown_call(text))
        elif kind == "ASSISTANT" and last.keys() == {"role", "reasoning_content"}:
            last["content"] = text
        else:
            said = "reasoning_content" if kind == "ASSISTANT thinking" else "content"
            messages.append({"role": _SHOWN_ROLES.get(kind, "assistant"), said: text})
    return messages


def _shown_call(text: str) -> dict[str, Any]:
    name, arguments = (call[1], call[2]) if (call := _SHOWN_CALL.match(text)) else (text, "")
    if len(arguments) == _CUT_ARGUMENTS and arguments.endswith("..."):
        arguments = json_text({"(cut off)": arguments})
    return {"type": "function", "function": {"name": name, "arguments": arguments}}


def _split_blocks(text: str) -> tuple[Any, Any]:
    blocks = _cut(_BLOCK, text)
    return _divided([_message(*block) for block in blocks]) if blocks else ("", text)


def _cut(marker: re.Pattern[str], text: str) -> list[tuple[str, str]]:
    """Return what each marker names, with the text up to the next one."""
    marks = list(marker.finditer(text))
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    return [(mark[1], text[mark.end() : end]) for mark, end in zip(marks, ends, strict=False)]


def _divided(messages: list[dict[str, Any]]) -> tuple[Any, Any]:
    """Return the messages before the model's first reply, and those from there on."""
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
