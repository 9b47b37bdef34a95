"""Reasoning from every place where a message may have it, each text once, with its fields."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.messages import Reasoning
from hermes_tui.model.wording import counted
from hermes_tui.parsers.content_parts import text_of
from hermes_tui.parsers.plain_values import decode, json_text
from hermes_tui.parsers.reasoning_tags import Thought

_FIELDS = ("reasoning_content", "reasoning", "thinking", "thought", "thoughts")
_LISTS = (
    "reasoning_details",
    "thinking_blocks",
    "codex_reasoning_items",
    "anthropic_content_blocks",
)
_ALL_FIELDS = frozenset(_FIELDS) | frozenset(_LISTS)
_REASONING_KEYS = _ALL_FIELDS | {"provider_specific_fields"}
_ENCRYPTED_KEYS = ("encrypted_content", "data", "encrypted")
_TEXT_KEYS = ("thinking", "reasoning", "text", "value", "content", "thought")
_OPENER = re.compile(r"<tool_call>\s*+\{")

Piece = tuple[str, str, str]
"""Field, kind, text."""


def field_reasoning(raw: Mapping[str, Any], blocks: Sequence[Any] = ()) -> list[Reasoning]:
    """Return the reasoning in a message's own fields and in the `blocks` of its content."""
    if _REASONING_KEYS.isdisjoint(raw) and not blocks:
        return []
    pieces: list[Piece] = []
    if not _ALL_FIELDS.isdisjoint(raw):
        for key in _FIELDS:
            if value := raw.get(key):
                pieces.extend(_pieces(key, value))
        for key in _LISTS:
            if value := raw.get(key):
                pieces.extend(_list_pieces(key, value, pieces))
    if extra := raw.get("provider_specific_fields"):
        pieces.extend(_provider_pieces(extra))
    for index, block in enumerate(blocks):
        pieces.extend(_pieces(f"content thinking[{index}]", block))
    return _merged(pieces)


def tag_reasoning(text: str, thoughts: Iterable[Thought]) -> list[Reasoning]:
    """Return the reasoning between tags in `text`; empty tags are skipped as filler."""
    return [
        Reasoning(f"content <{tag}>", inner_text, span=whole)
        for whole, inner, tag in thoughts
        if (inner_text := text[inner.start : inner.end].strip())
    ]


def all_reasoning(
    fields: list[Reasoning], tags: list[Reasoning], text: str
) -> tuple[Reasoning, ...]:
    """Return both kinds joined, each text once, with every field that repeats it word for word.

    The content counts as such a field.
    """
    if not fields and not tags:
        return ()
    found: dict[str, Reasoning] = {}
    for piece in (*tags, *fields):
        key = piece.text.strip() if piece.kind != "encrypted" else f"\0{piece.field}"
        earlier = found.get(key)
        found[key] = (
            piece if earlier is None else _with_fields(earlier, (piece.field, *piece.also_in))
        )
    content = _content_before_calls(text, tags)
    if content and content in found:
        found[content] = _with_fields(found[content], ("content",))
    return tuple(found.values())


def marker_in_reasoning(fields: Iterable[Reasoning]) -> Diagnostic | None:
    """Return a finding for a call in a reasoning field, where no engine reads it; None if none."""
    for piece in fields:
        if "<tool_call>" in piece.text and (opener := _OPENER.search(piece.text)):
            return Diagnostic(
                Code.MARKER_IN_REASONING,
                Severity.WARNING,
                f"a call opens in {piece.field} at character {opener.start()}; "
                "the message has no calls",
                hint="the model called before it closed its reasoning: servers read calls only "
                "from the content after it",
            )
    return None


def _with_fields(piece: Reasoning, names: Iterable[str]) -> Reasoning:
    more = tuple(n for n in dict.fromkeys(names) if n != piece.field and n not in piece.also_in)
    return Reasoning(piece.field, piece.text, piece.kind, piece.also_in + more, piece.span)


def _content_before_calls(text: str, tags: list[Reasoning]) -> str:
    """Return the content without its reasoning, up to its first call."""
    start = max((piece.span.end for piece in tags if piece.span), default=0)
    end = text.find("<tool_call>", start)
    return text[start : end if end >= 0 else len(text)].strip()


def _merged(pieces: Iterable[Piece]) -> list[Reasoning]:
    found: dict[tuple[str, str], Reasoning] = {}
    for name, kind, text in pieces:
        if not text.strip():
            continue
        key = (name if kind == "encrypted" else "", text.strip())
        earlier = found.get(key)
        found[key] = _with_fields(earlier, (name,)) if earlier else Reasoning(name, text, kind)
    return list(found.values())


def _list_pieces(key: str, value: Any, before: list[Piece]) -> list[Piece]:
    """Return the pieces of a list field; joined if `before` holds the same text as a whole."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        value = decode(value) or value
    if not isinstance(value, list):
        return list(_pieces(key, value))
    pieces = [
        piece for index, item in enumerate(value) for piece in _pieces(f"{key}[{index}]", item, key)
    ]
    texts = [text for _, kind, text in pieces if kind != "encrypted"]
    whole = "".join(texts)
    if len(texts) > 1 and any(whole.strip() == text.strip() for _, _, text in before):
        encrypted = [piece for piece in pieces if piece[1] == "encrypted"]
        return [(f"{key}[0..{len(value) - 1}]", "text", whole), *encrypted]
    return pieces


def _pieces(name: str, value: Any, key: str = "", levels: int = 3) -> Iterator[Piece]:
    """Yield the pieces of one reasoning value: a text, a block, or an item with a summary."""
    if isinstance(value, str):
        yield name, "text", value
    elif isinstance(value, dict):
        yield from _dict_pieces(name, value, key)
    elif isinstance(value, list) and levels:
        for index, item in enumerate(value):
            yield from _pieces(f"{name}[{index}]", item, key, levels - 1)
    elif isinstance(value, list) and value:
        yield name, "text", json_text(value)


def _dict_pieces(name: str, value: dict[str, Any], key: str) -> Iterator[Piece]:
    kind = str(value.get("type", ""))
    if key == "anthropic_content_blocks" and "thinking" not in kind:
        return
    found = False
    for text_key in _TEXT_KEYS:
        if text := _joined(value.get(text_key)):
            found = True
            yield name, "summary" if "summary" in kind else "text", text
            break
    if text := _joined(value.get("summary")):
        found = True
        yield name, "summary", text
    for encrypted_key in _ENCRYPTED_KEYS:
        if isinstance(encrypted := value.get(encrypted_key), str) and encrypted:
            size = len(encrypted.encode("utf-8", "surrogatepass"))
            yield name, "encrypted", f"encrypted, {counted(size, 'byte')}"
            return
    if not found and any(k not in ("type", "id", "index", "format", "signature") for k in value):
        yield from _unknown_pieces(name, value)


def _unknown_pieces(name: str, value: dict[str, Any]) -> Iterator[Piece]:
    """Yield a value of unknown shape as JSON, unless all its unknown fields are empty."""
    known = (*_TEXT_KEYS, *_ENCRYPTED_KEYS, "summary", "type", "id", "index", "format", "signature")
    if any(item for key, item in value.items() if key not in known):
        yield name, "text", json_text(value)


def _joined(value: Any) -> str:
    """Return the text of a value, or those of the items of a list, a line each."""
    items = value if isinstance(value, list) else [value]
    return "\n".join(text for item in items if (text := text_of(item)))


def _provider_pieces(extra: Any) -> Iterator[Piece]:
    if isinstance(extra, dict):
        for key in _FIELDS:
            if isinstance(value := extra.get(key), str):
                yield f"provider_specific_fields.{key}", "text", value
