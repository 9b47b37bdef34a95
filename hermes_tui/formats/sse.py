"""Streamed replies, joined to the reply that they add up to.

    stream   = (event | comment)*          events end at a blank line
    event    = ("data:" text | field)+     several data lines of one event are joined
    comment  = ":" text                    such as ": OPENROUTER PROCESSING"

Events of OpenAI's APIs, of Anthropic's and of SGLang's /generate are joined, and the lines of
Ollama's; `[DONE]` ends a stream.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import orjson

from hermes_tui.formats.chunks import ChunkJoiner
from hermes_tui.formats.event_stream import NO_BLANK_LINES
from hermes_tui.formats.growing_texts import GrowingTexts
from hermes_tui.formats.ollama import is_ollama, join_ollama, lines_of
from hermes_tui.formats.text_replies import is_generated, join_generated
from hermes_tui.model.diagnostics import Diagnostic


class Stream(NamedTuple):
    """The decoded events of a stream; `unread` are data lines that are no JSON."""

    events: tuple[Any, ...]
    unread: tuple[str, ...]
    done: bool
    flaws: tuple[Diagnostic, ...] = ()
    is_torn: bool = False
    """Whether the stream ends in the midst of the last of `unread`."""


class Joined(NamedTuple):
    """The reply that chunks add up to, and where clients make something else of them."""

    reply: dict[str, Any]
    flaws: tuple[Diagnostic, ...] = ()
    is_raw: bool = False
    """Whether it is the model's own text, which no parser has read."""


def looks_like_sse(text: str) -> bool:
    """Say whether `text` begins as an event stream does."""
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
        is_end = _take("\n".join(pending), events, unread)
        has_several = has_several or len(events) - before + is_end > 1
        done = done or is_end
        is_torn = number == len(lines) and len(unread) > lost
        pending.clear()
    flaws = (NO_BLANK_LINES,) * has_several
    return Stream(tuple(events), tuple(unread), done, flaws, is_torn)


def _take(data: str, events: list[Any], unread: list[str]) -> bool:
    if data.strip() in ("", "[DONE]"):
        return bool(data.strip())
    try:
        events.append(orjson.loads(data))
    except ValueError:
        # Some servers end events by one newline only: then each line is an event.
        for line in data.split("\n"):
            if line.strip() == "[DONE]":
                return True
            try:
                events.append(orjson.loads(line))
            except ValueError:
                unread.append(line)
    return False


def read_lines(text: str) -> Stream | None:
    """Return a stream that is lines of JSON, as Ollama's are; None where `text` is none."""
    found = lines_of(text)
    if found is None:
        return None
    events, torn = found
    return Stream(tuple(events), (torn,) * bool(torn), False, is_torn=bool(torn))


def is_reply_begun(events: Iterable[Any]) -> bool:
    """Say whether any of some events is of a reply, be it an error."""
    found = tuple(events)
    errors = (event for event in found if isinstance(event, dict) and event.get("error"))
    return join_chunks(found) is not None or next(errors, None) is not None


def join_chunks(events: Iterable[Any]) -> Joined | None:
    """Return what chunks add up to, None where they are no chunks of a reply."""
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
    message["content"] = [_closed(block.whole()) for _, block in sorted(blocks.items())]
    return message


def _join_responses(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the response of its last event; of a stream that was cut, the items that were done."""
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


def _closed(block: dict[str, Any]) -> dict[str, Any]:
    """Return a block whose streamed input is decoded, or kept as text where it is no JSON."""
    partial = block.pop("partial_json", None)
    if partial is None:
        return block
    try:
        return {**block, "input": orjson.loads(partial)}
    except ValueError:
        return {**block, "input": partial}
