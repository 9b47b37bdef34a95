"""Streamed replies, joined to whole replies.

    stream   = (event | comment)*          events end at a blank line
    event    = ("data:" text | field)+     several data lines of one event are joined
    comment  = ":" text                    such as ": OPENROUTER PROCESSING"

Events of OpenAI's APIs, of Anthropic's and of SGLang's /generate are joined, as are the lines of
Ollama's. `[DONE]` ends a stream.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import orjson

from hermes_tui.formats.dialects.ollama import is_ollama, join_ollama, lines_of
from hermes_tui.formats.streams.chunks import ChunkJoiner
from hermes_tui.formats.streams.event_stream import NO_BLANK_LINES
from hermes_tui.formats.streams.growing_texts import GrowingTexts
from hermes_tui.formats.texts.text_replies import is_generated, join_generated
from hermes_tui.model.diagnostics import Diagnostic


class Stream(NamedTuple):
    """The decoded events of a stream; `unread` are data lines that are not JSON."""

    events: tuple[Any, ...]
    unread: tuple[str, ...]
    done: bool
    flaws: tuple[Diagnostic, ...] = ()
    is_torn: bool = False
    """Whether the stream ends in the middle of the last of `unread`."""


class Joined(NamedTuple):
    """The reply that chunks add up to, and the findings on what clients interpret differently."""

    reply: dict[str, Any]
    flaws: tuple[Diagnostic, ...] = ()
    is_raw: bool = False
    """Whether it is the model's own text, which no parser has read."""


def looks_like_sse(text: str) -> bool:
    """Return whether `text` begins like an event stream."""
    return text.lstrip()[:6].startswith(("data:", "event:", "id:", ":", "retry:"))


def read_sse(text: str) -> Stream:
    """Decode the data of every event in `text`."""
    events: list[Any] = []
    unread: list[str] = []
    pending: list[str] = []
    done = has_several = is_torn = False
    lines = text.replace("\r\n", "\n").split("\n")
    for number, line in enumerate([*lines, ""]):
        if line.startswith("data:"):
            pending.append(line[5:].removeprefix(" "))
            continue
        if line or not pending:
            continue
        before, lost = len(events), len(unread)
        is_end = _decode_event("\n".join(pending), events, unread)
        has_several = has_several or len(events) - before + is_end > 1
        done = done or is_end
        is_torn = number == len(lines) and len(unread) > lost
        pending.clear()
    flaws = (NO_BLANK_LINES,) * has_several
    return Stream(tuple(events), tuple(unread), done, flaws, is_torn)


def _decode_event(data: str, events: list[Any], unread: list[str]) -> bool:
    if data.strip() in ("", "[DONE]"):
        return bool(data.strip())
    try:
        events.append(orjson.loads(data))
    except ValueError:
        # Some servers end events with a single newline: then each line is an event.
        for line in data.split("\n"):
            if line.strip() == "[DONE]":
                return True
            try:
                events.append(orjson.loads(line))
            except ValueError:
                unread.append(line)
    return False


def read_lines(text: str) -> Stream | None:
    """Return a stream of JSON lines, as Ollama's are, or None if `text` is not one."""
    found = lines_of(text)
    if found is None:
        return None
    events, torn = found
    return Stream(tuple(events), (torn,) * bool(torn), False, is_torn=bool(torn))


def is_reply_begun(events: Iterable[Any]) -> bool:
    """Return whether any of `events` belongs to a reply, or is an error."""
    found = tuple(events)
    errors = (event for event in found if isinstance(event, dict) and event.get("error"))
    return join_chunks(found) is not None or next(errors, None) is not None


def join_chunks(events: Iterable[Any]) -> Joined | None:
    """Return the reply that chunks add up to, or None if they are not chunks of a reply."""
    chunks = [event for event in events if isinstance(event, dict)]
    if any(isinstance(chunk.get("choices"), list) for chunk in chunks):
        return _join_openai(chunks)
    if any(chunk.get("type") in ("message_start", "content_block_delta") for chunk in chunks):
        return Joined(_join_anthropic(chunks))
    if any(str(chunk.get("type")).startswith("response.") for chunk in chunks):
        return Joined(_join_responses(chunks))
    if any(map(is_generated, chunks)):
        return Joined(join_generated(chunks))
    if any(map(is_ollama, chunks)):
        return Joined(join_ollama(chunks))
    return None


def _join_openai(chunks: list[dict[str, Any]]) -> Joined:
    joiner = ChunkJoiner()
    for chunk in chunks:
        joiner.add(chunk)
    is_raw = any(chunk.get("object") == "text_completion" for chunk in chunks)
    return Joined(joiner.completion(), joiner.flaws, is_raw)


def _join_anthropic(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    message: dict[str, Any] = {"type": "message", "role": "assistant"}
    blocks: dict[int, GrowingTexts] = {}
    for chunk in chunks:
        index = chunk.get("index")
        position = index if isinstance(index, int) else 0
        delta = chunk["delta"] if isinstance(chunk.get("delta"), dict) else {}
        match chunk.get("type"):
            case "message_start" if isinstance(chunk.get("message"), dict):
                message.update(chunk["message"])
            case "content_block_start" if isinstance(chunk.get("content_block"), dict):
                blocks[position] = GrowingTexts(chunk["content_block"])
            case "content_block_delta":
                if position not in blocks:
                    blocks[position] = GrowingTexts({"type": "text"})
                _add_block_delta(blocks[position], delta)
            case "message_delta":
                message.update(delta)
                message["usage"] = {**_usage(message), **_usage(chunk)}
            case "error":
                message["error"] = chunk.get("error")
    message["content"] = [_with_input(block.whole()) for _, block in sorted(blocks.items())]
    return message


def _join_responses(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the response in the last event, or the completed items of a stream that was cut."""
    response: dict[str, Any] = {"object": "response"}
    items: list[Any] = []
    for chunk in chunks:
        if isinstance(chunk.get("response"), dict):
            response.update(chunk["response"])
        if chunk.get("type") == "response.output_item.done":
            items.append(chunk.get("item"))
    return response if response.get("output") else {**response, "output": items}


def _usage(raw: dict[str, Any]) -> dict[str, Any]:
    usage = raw.get("usage")
    return usage if isinstance(usage, dict) else {}


def _add_block_delta(block: GrowingTexts, delta: dict[str, Any]) -> None:
    for key in ("text", "thinking", "signature", "partial_json"):
        if isinstance(delta.get(key), str):
            block.add(key, delta[key])


def _with_input(block: dict[str, Any]) -> dict[str, Any]:
    """Return a block with its streamed input decoded, or kept as text if it is not JSON."""
    partial = block.pop("partial_json", None)
    if partial is None:
        return block
    try:
        return {**block, "input": orjson.loads(partial)}
    except ValueError:
        return {**block, "input": partial}
