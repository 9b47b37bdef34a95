"""Replies of Ollama's own API, whole or streamed as lines of JSON (its docs/api.md).

    reply  = {"model", "message": {"role", "content", "thinking"?, "tool_calls"?}, "done", …}  chat
           | {"model", "response": text, "thinking"?, "done", …}                           generate
    stream = (reply "\\n")* ({"error": text} "\\n")?

Each line of a stream holds a piece, with calls whole. The last line is done and has the counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from hermes_tui.formats import fields
from hermes_tui.formats.streams.growing_texts import GrowingTexts
from hermes_tui.model.diagnostics import Code

_TEXT_KEYS = ("content", "thinking")
USUAL = frozenset({Code.ID_MISSING, Code.ARGS_OBJECT})
"""The findings that are usual for this API: its calls have no ids, and their arguments are
objects."""
_COUNTS = (("prompt_tokens", "prompt_eval_count"), ("completion_tokens", "eval_count"))
_REQUEST_KEYS = ("prompt", "messages", "request")
_LOAD_REASONS = ("load", "unload")
"""The reasons given in replies to requests that only load or unload a model."""


def is_ollama(raw: Any) -> bool:
    """Return whether `raw` is a reply of Ollama, or a piece of one."""
    if not isinstance(raw, Mapping) or not isinstance(raw.get("done"), bool):
        return False
    if "model" not in raw:
        return False
    if isinstance(raw.get("response"), str) or isinstance(raw.get("message"), dict):
        return "choices" not in raw
    return raw["done"] and "eval_count" in raw


def is_bare(raw: Any) -> bool:
    """Return whether `raw` is a reply of Ollama or a piece of one, and not a row that holds one."""
    return is_ollama(raw) and "created_at" in raw and raw.keys().isdisjoint(_REQUEST_KEYS)


def are_bare(pieces: Sequence[Any]) -> bool:
    """Return whether `pieces` are those of replies, which an error may end."""
    return bool(pieces) and all(
        is_bare(piece) or (bool(place) and isinstance(piece, dict) and "error" in piece)
        for place, piece in enumerate(pieces)
    )


def is_text(raw: Mapping[str, Any]) -> bool:
    """Return whether a reply is one of /api/generate: the model's own text, which no parser has
    read."""
    return isinstance(raw.get("response"), str)


def is_load_reply(raw: Any) -> bool:
    """Return whether the request only loaded or unloaded the model."""
    return is_ollama(raw) and raw.get("done_reason") in _LOAD_REASONS


def lines_of(text: str) -> tuple[list[Any], str] | None:
    """Return the pieces of a reply in lines, and the last line if it is torn.

    None if `text` is not such a stream; a reply in one line is JSON.
    """
    if text.lstrip()[:1] != "{" or '"done"' not in text:
        return None
    pieces: list[Any] = []
    lines = [line for line in text.split("\n") if line.strip()]
    for number, line in enumerate(lines, 1):
        try:
            pieces.append(orjson.loads(line))
        except ValueError:
            if number < len(lines) or not pieces:
                return None
            return (pieces, line) if is_ollama(pieces[0]) else None
        if not is_ollama(pieces[0]):
            return None
    return (pieces, "") if len(pieces) > 1 else None


def join_ollama(pieces: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the reply that pieces add up to."""
    whole: dict[str, Any] = {}
    message = GrowingTexts({})
    texts: dict[str, list[str]] = {"response": [], "thinking": []}
    for piece in filter(is_ollama, pieces):
        _add_piece(message, fields.as_dict(piece.get("message")))
        for key, grown in texts.items():
            if isinstance(piece.get(key), str):
                grown.append(piece[key])
        whole.update(piece)
    for key, grown in texts.items():
        if grown:
            whole[key] = "".join(grown)
    joined = message.whole()
    return {**whole, "message": joined} if joined else whole


def message_of(raw: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the pointer to the message of a reply, and the message."""
    reason = fields.label(raw, "done_reason")
    base = {"role": "assistant", **({"finish_reason": reason} if reason else {})}
    if not is_text(raw):
        return "/message", {**base, **fields.as_dict(raw.get("message"))}
    thought = {"thinking": raw["thinking"]} if raw.get("thinking") else {}
    return "/response", {**base, "content": raw["response"], **thought}


def usage_of(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the token counts of a reply under OpenAI's names."""
    return {name: raw[key] for name, key in _COUNTS if key in raw}


def _add_piece(message: GrowingTexts, piece: Mapping[str, Any]) -> None:
    for key, value in piece.items():
        if key in _TEXT_KEYS and isinstance(value, str) and message.holds_text(key):
            message.add(key, value)
        elif key == "tool_calls" and isinstance(value, list):
            if isinstance(message[key], list):
                message[key].extend(value)
            else:
                message[key] = list(value)
        elif value is not None:
            message[key] = value
