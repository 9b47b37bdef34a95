"""Messages, tool calls and results, normalised. Their raw values are kept alongside."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar

import msgspec

from hermes_tui.model.spans import Span

S = TypeVar("S", bound=msgspec.Struct)

GOLD_FAILURE = "gold failure"
"""The flag of the message at which human annotators judged that the run went wrong."""


class Origin(StrEnum):
    """The form in which a tool call arrived or, in a saved file, is stored."""

    OBJECT = "object"
    CUSTOM_OBJECT = "custom-object"
    DICT = "dict"
    FLAT_DICT = "flat-dict"
    TEXT = "text"
    UNKNOWN = "unknown"


class IdState(StrEnum):
    """What became known about a call's id. `synthetic`: made up by a writer or by us."""

    GIVEN = "given"
    MISSING = "missing"
    NULL = "null"
    EMPTY = "empty"
    SYNTHETIC = "synthetic"


class ArgumentsState(StrEnum):
    """The state in which the arguments of a call arrived."""

    OBJECT = "object"
    JSON_STRING = "json-string"
    DOUBLE_ENCODED = "double-encoded"
    NOT_JSON = "not-json"
    NOT_OBJECT = "not-object"
    EMPTY = "empty"
    NULL = "null"
    MISSING = "missing"


class ToolSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """A declared tool. `parameters` is its JSON Schema, or None if none was given."""

    name: str
    description: str = ""
    parameters: Any = None


class Usage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Tokens and cost (US dollars) as the server or the file reports them."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_usd: float | None = None


class ContentPart(msgspec.Struct, frozen=True, omit_defaults=True):
    """One part of a message. `kind` is text, image, audio, file or refusal, json for all others.

    `text` is what to show: the text, a placeholder for media, or the part as JSON.
    """

    kind: str
    text: str
    media_type: str = ""
    size: int | None = None
    """Bytes of the decoded media, if known."""


class Reasoning(msgspec.Struct, frozen=True, omit_defaults=True):
    """One piece of reasoning and the field it came from.

    `kind` is text, summary or encrypted. `also_in` names further fields that hold the same text.
    `span` is set if the reasoning is part of the message's text (tags included).
    """

    field: str
    text: str
    kind: str = "text"
    also_in: tuple[str, ...] = ()
    span: Span | None = None


ADDED: Final = "added"
"""The verdict of a call that a person added."""


class ToolCall(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tool call, normalised.

    `arguments_text` is the exact text that arrived, or compact JSON if the value arrived decoded.
    `arguments` is its value, or None if it has none (see `arguments_state`).
    `span` covers the call's markup in the message's text (`origin` text only).
    """

    index: int
    name: str | None
    arguments_text: str
    arguments_state: ArgumentsState
    arguments: Any = None
    id: str | None = None
    id_state: IdState = IdState.GIVEN
    origin: Origin = Origin.UNKNOWN
    raw: Any = None
    span: Span | None = None
    verdict: str = ""
    """For text calls: how the block was parsed: `json`, `python-literal`, `failed`, `unclosed` …

    `ADDED` for a call that a person added to a reply.
    """


class ErrorMark(msgspec.Struct, frozen=True):
    """Why a result counts as an error. `kind` is `flag` (the source says so) or `heuristic`."""

    kind: str
    reason: str


class ToolResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """The result of a tool call."""

    content: str
    call_id: str | None = None
    name: str | None = None
    error: ErrorMark | None = None
    exit_code: int | None = None
    duration_s: float | None = None
    raw: Any = None


@dataclass(frozen=True, slots=True)
class ToolError:
    """A tool error as the agent loop records it (`turn` is 1-based).

    A dataclass, like the type of the loop that it replaces, so that `dataclasses.asdict` works.
    """

    turn: int
    tool_name: str
    arguments: str
    error: str
    tool_result: str = ""


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message. `role` is system, user, assistant, tool, or the source's own label unchanged.

    `text` joins the text parts by newlines; spans of text calls and reasoning refer to it.
    `calls` and `results` are how many of each the message contains.
    """

    role: str
    text: str
    parts: tuple[ContentPart, ...] = ()
    author: str = ""
    """The source's own name for the author if it differs from `role`."""
    reasoning: tuple[Reasoning, ...] = ()
    calls: int = 0
    results: int = 0
    finish_reason: str = ""
    usage: Usage | None = None
    reward: float | None = None
    flags: tuple[str, ...] = ()
    """Such as compaction, injected, hidden, partial, masked."""
    time_s: float | None = None
    """Unix seconds, if the source has them."""
    duration_s: float | None = None


def changed(value: S, **fields: Any) -> S:
    """Return a copy of `value` with some of its fields changed."""
    return msgspec.structs.replace(value, **fields)


def with_flags(message: Message, *flags: str) -> Message:
    """Return `message` with those of `flags` added that it does not have yet."""
    return changed(message, flags=tuple(dict.fromkeys((*message.flags, *flags))))
