"""Join the chunks of a streamed chat completion to the complete reply.

Texts grow piece by piece; a role, a name and an id are taken once, however often a server repeats
them. Which call a part belongs to: see `StreamedCalls`. The same rules join a stream while it
arrives and one that is found in a file.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from hermes_tui.formats.fields import text_of
from hermes_tui.formats.streams.chunk_calls import GrowingFunction, StreamedCalls
from hermes_tui.formats.streams.growing_texts import GrowingTexts
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.parsers.plain_values import json_text

_REASONING_KEYS = ("reasoning_content", "reasoning", "thinking")
_TEXT_KEYS = frozenset({"content", "refusal", *_REASONING_KEYS})
_LIST_KEYS = ("annotations",)
_HEAD_KEYS = ("id", "model", "created", "usage", "error")


class Delta(NamedTuple):
    """A piece that a chunk adds. `kind`: content, reasoning, call or arguments.

    `call` is the position of the call that a call or arguments piece belongs to.
    """

    kind: str
    text: str
    call: int = 0


class ChunkJoiner:
    """Receives chunks in their order; returns what each adds, and the completion so far."""

    def __init__(self) -> None:
        self._head: dict[str, Any] = {"object": "chat.completion"}
        self._choices: dict[int, _Choice] = {}
        self._first = 0
        """The least index of a choice."""
        self._usages = 0
        """How many chunks had a usage."""

    @property
    def is_begun(self) -> bool:
        """Return whether any choice has arrived yet."""
        return bool(self._choices)

    @property
    def finish_reason(self) -> Any:
        """Return the finish reason of the first choice, or None if it has not arrived yet."""
        return self._choices[self._first].finish_reason if self._choices else None

    @property
    def flaws(self) -> tuple[Diagnostic, ...]:
        """Return findings about calls that clients would join differently.

        Notes about other deviations from the API follow them.
        """
        found = {k: v for choice in self._choices.values() for k, v in choice.flaws.items()}
        if self._usages > 1:
            message = f"usage was sent in {self._usages:,} chunks"
            found[message] = _note(
                message, "the last one is used; clients that add them up get more"
            )
        return tuple(found.values())

    def add(self, chunk: dict[str, Any]) -> list[Delta]:
        """Merge one chunk and return what it adds to the first choice."""
        for key in _HEAD_KEYS:
            if (value := chunk.get(key)) is not None:
                self._head[key] = value
        self._usages += isinstance(chunk.get("usage"), dict)
        added: list[Delta] = []
        found = chunk.get("choices")
        for raw in found if isinstance(found, list) else ():
            if isinstance(raw, dict):
                deltas = self._add_choice(raw)
                added = added or deltas
        return added

    def completion(self) -> dict[str, Any]:
        """Return the completion so far, in the form of a reply that was not streamed."""
        choices = [
            {
                "index": index,
                "finish_reason": choice.finish_reason,
                "message": choice.message(),
                **choice.logprobs,
            }
            for index, choice in sorted(self._choices.items())
        ]
        return {**self._head, "choices": choices}

    def _add_choice(self, raw: dict[str, Any]) -> list[Delta]:
        index = raw.get("index")
        position = index if isinstance(index, int) else 0
        choice = self._choices.get(position)
        if choice is None:
            self._first = min(self._first, position) if self._choices else position
            choice = self._choices[position] = _Choice()
        if (reason := raw.get("finish_reason")) is not None:
            choice.finish_reason = reason
            choice.ends += 1
        if isinstance(logprobs := raw.get("logprobs"), dict):
            choice.add_logprobs(logprobs)
        delta = raw.get("delta")
        if is_whole := delta is None:
            delta = raw.get("message")
        if delta is None and isinstance(raw.get("text"), str):
            delta = {"content": raw["text"]}
        deltas = choice.add(delta, is_whole=is_whole) if isinstance(delta, dict) else []
        return deltas if position == self._first else []


class _Choice:
    """The message of one choice while it grows."""

    def __init__(self) -> None:
        self.finish_reason: Any = None
        self.ends = 0
        """How often a finish reason arrived."""
        self.logprobs: dict[str, Any] = {}
        """Holds the member `logprobs` of a whole reply, or nothing if none arrived."""
        self._members: dict[str, Any] = {"role": None}
        self._texts: dict[str, list[str]] = {}
        self._parts: list[Any] = []
        self._details: list[Any] = []
        self._calls = StreamedCalls()
        self._legacy = GrowingFunction("arguments")

    @property
    def flaws(self) -> dict[str, Diagnostic]:
        """Return the findings about its calls and the notes on its form, by their messages."""
        found = dict(self._calls.flaws)
        if gap := self._calls.gap:
            found[gap] = _note(gap, "clients that build a list by index get an empty call there")
        if self.ends > 1:
            message = f"finish_reason was sent {self.ends:,} times"
            found[message] = _note(
                message, "clients that stop at the first one miss what comes after it"
            )
        return found

    def add(self, delta: dict[str, Any], *, is_whole: bool) -> list[Delta]:
        added: list[Delta] = []
        for key, value in delta.items():
            if value is None:
                continue
            if key in _TEXT_KEYS:
                if text := self._add_text(key, value):
                    kind = "reasoning" if key in _REASONING_KEYS else "content"
                    # Some servers send the same reasoning under two names.
                    if Delta(kind, text) not in added:
                        added.append(Delta(kind, text))
            elif key == "tool_calls":
                pieces = self._calls.add(value, is_whole=is_whole)
                added.extend(Delta(*piece) for piece in pieces)
            elif key == "function_call" and isinstance(value, dict):
                added.extend(Delta(*piece, 0) for piece in self._legacy.add(value))
            elif key == "reasoning_details" and isinstance(value, list):
                _add_details(self._details, value)
                self._members[key] = self._details
            elif key in _LIST_KEYS and isinstance(value, list):
                grown = self._members.get(key)
                if isinstance(grown, list):
                    grown.extend(value)
                else:
                    self._members[key] = list(value)
            elif key != "role" or not self._members["role"]:
                self._members[key] = value
        return added

    def add_logprobs(self, logprobs: dict[str, Any]) -> None:
        """Append the token lists of one chunk to those before."""
        grown = self.logprobs.setdefault("logprobs", {})
        for key, tokens in logprobs.items():
            if isinstance(tokens, list):
                grown.setdefault(key, []).extend(tokens)

    def message(self) -> dict[str, Any]:
        texts = {key: "".join(pieces) for key, pieces in self._texts.items()}
        message = {**self._members, "content": None, **texts}
        if self._details and message["reasoning_details"] is self._details:
            message["reasoning_details"] = _whole(self._details)
        message["role"] = self._members["role"] or "assistant"
        if self._parts:
            message["content"] = _whole(self._parts)
        if calls := self._calls.whole():
            message["tool_calls"] = calls
        if self._legacy.is_begun:
            message["function_call"] = self._legacy.whole()
        return message

    def _add_text(self, key: str, value: Any) -> str:
        if key == "content" and isinstance(value, (list, dict)):
            before = "".join(self._texts.pop(key, ()))
            for part in [before, *(value if isinstance(value, list) else [value])]:
                _add_part(self._parts, part)
            return text_of(value)
        if not isinstance(value, str):
            value = text_of(value) or json_text(value)
        if key == "content" and self._parts:
            _add_part(self._parts, value)
        else:
            self._texts.setdefault(key, []).append(value)
        return str(value)


def _note(message: str, hint: str) -> Diagnostic:
    return Diagnostic(Code.REPLY_SHAPE, Severity.NOTE, message, hint=hint)


def _add_part(parts: list[Any], part: Any) -> None:
    """Add a content part; text is joined to a text part before it."""
    if isinstance(part, str):
        part = {"type": "text", "text": part}
        if not part["text"]:
            return
    last: Any = parts[-1] if parts else None
    if not (isinstance(part, dict) and part.get("type") == "text" and _is_text(part, "text")):
        parts.append(part)
    elif isinstance(last, GrowingTexts):
        last.add("text", part["text"])
    else:
        parts.append(GrowingTexts(part))


def _is_text(members: dict[str, Any], key: str) -> bool:
    return isinstance(members.get(key), str)


def _whole(parts: list[Any]) -> list[Any]:
    return [part.whole() if isinstance(part, GrowingTexts) else part for part in parts]


def _add_details(details: Any, added: list[Any]) -> None:
    """Add reasoning in OpenRouter's form; a part with the same type and index as the last one
    continues it."""
    for part in added:
        last = details[-1] if details else None
        if not isinstance(part, dict):
            details.append(part)
        elif not isinstance(last, GrowingTexts) or not _same_detail(last, part):
            details.append(GrowingTexts(part))
        else:
            for key, value in part.items():
                if key in ("text", "summary") and _is_text(part, key) and last.holds_text(key):
                    last.add(key, value)
                elif value is not None:
                    last[key] = value


def _same_detail(last: GrowingTexts, part: dict[str, Any]) -> bool:
    return (
        last["type"] in ("reasoning.text", "reasoning.summary")
        and last["type"] == part.get("type")
        and "index" in part
        and last["index"] == part["index"]
    )
