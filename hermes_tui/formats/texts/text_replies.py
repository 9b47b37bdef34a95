"""Replies that are a model's own text, which no parser has read, and prompts in its template.

reply  = {"choices": [{"text", "finish_reason", …}, …], …}      /v1/completions
       | {"text": text | [text, …], "meta_info": {…}}           SGLang's /generate
prompt = rendered chat template | any text
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from hermes_tui.formats import fields
from hermes_tui.formats.texts.chat_template import may_be_rendered, split_template

_SGLANG_META = ("finish_reason", "completion_tokens", "id")


class TextReply(NamedTuple):
    """One text of a reply, with its pointer."""

    pointer: str
    text: str
    finish_reason: str

    @property
    def message(self) -> dict[str, Any]:
        """Return the text as a message of the model."""
        raw = {"role": "assistant", "content": self.text}
        return {**raw, "finish_reason": self.finish_reason} if self.finish_reason else raw


def texts_of_reply(raw: Any, pointer: str = "") -> list[TextReply]:
    """Return the texts of a reply at `pointer`, or [] if it is no such reply."""
    if not isinstance(raw, Mapping):
        return []
    if is_generated(raw):
        reason = _finish_reason(raw["meta_info"].get("finish_reason"))
        texts = raw["text"]
        if isinstance(texts, str):
            return [TextReply(f"{pointer}/text", texts, reason)]
        return [TextReply(f"{pointer}/text/{i}", text, reason) for i, text in enumerate(texts)]
    found: list[TextReply] = []
    for index, choice in enumerate(fields.as_list(raw.get("choices"))):
        if not isinstance(choice, dict) or "finish_reason" not in choice or "message" in choice:
            return []
        if not isinstance(choice.get("text"), str):
            return []
        reason = _finish_reason(choice["finish_reason"])
        found.append(TextReply(f"{pointer}/choices/{index}/text", choice["text"], reason))
    return found


def is_generated(raw: Any) -> bool:
    """Return whether `raw` is a reply of SGLang's /generate, or an event of a stream of one."""
    if not isinstance(raw, Mapping) or not isinstance(raw.get("meta_info"), dict):
        return False
    if not any(key in raw["meta_info"] for key in _SGLANG_META):
        return False
    text = raw.get("text")
    return isinstance(text, str) or (
        isinstance(text, list) and bool(text) and all(isinstance(one, str) for one in text)
    )


def meta_of_reply(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the object that holds id, model and usage of a reply."""
    if not is_generated(raw):
        return raw
    meta: dict[str, Any] = raw["meta_info"]
    return {**meta, "usage": meta}


def join_generated(events: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the reply that events of /generate add up to: each holds all text so far, or all hold
    pieces."""
    replies = [one for one in events if is_generated(one) and isinstance(one["text"], str)]
    # Only the first of several replies to one prompt is used.
    replies = [one for one in replies if one.get("index") == replies[0].get("index")]
    if not replies:
        return {}
    texts = [one["text"] for one in replies]
    is_whole = all(later.startswith(before) for before, later in pairwise(texts))
    return {**replies[-1], "text": texts[-1] if is_whole else "".join(texts)}


def messages_of_prompt(prompt: str) -> tuple[list[dict[str, Any]], str]:
    """Return the messages of a prompt, and the prefill: the beginning of the reply in it, or ""."""
    turns = split_template(prompt) if may_be_rendered(prompt) else ()
    if not turns:
        return [{"role": "user", "content": prompt}], ""
    prefill = ""
    if turns[-1].role == "assistant" and not turns[-1].closed:
        prefill = prompt[turns[-1].span.start :]
        turns = turns[:-1]
    return [{"role": turn.role or "user", "content": turn.text} for turn in turns], prefill


def _finish_reason(raw: Any) -> str:
    return fields.label(raw if isinstance(raw, Mapping) else {"type": raw}, "type")
