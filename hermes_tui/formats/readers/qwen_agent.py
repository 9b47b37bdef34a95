"""`qwen-agent`: messages of Qwen-Agent, as its agents receive and return them.

    file    = message* | [message, …] | {"messages": [message, …], …}       also one a line
    message = {"role": "system" | "user", "content", "name"?, "extra"?}
            | {"role": "assistant", "content", "reasoning_content"?, "extra"?,
               "function_call"?: {"name", "arguments"}}
            | {"role": "function", "name", "content", "extra"?}
    extra   = {"function_id"?, …}

The reasoning, the text and each call of a reply are separate messages; adjacent ones are joined to
one reply. If the calls were read from text, `function_id` counts from 1 in each reply; an id that
several calls share is prefixed with the number of the reply.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.chat_messages import ChatMessage, SourceValue, append_message, source_values
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.chat_api import function_call

_ROLES: Final = frozenset({"system", "user", "assistant", "function"})
_CALL: Final = "function_call"


class QwenAgent:
    """Reads all messages of a run together, since a reply may span several of them."""

    name = "qwen-agent"
    summary = "Qwen-Agent messages: what an agent was given and answered, calls as function_call"

    def sniff(self, sample: Sample) -> Match | None:
        found = sample.match_of_lines(0.96, _is_own) and sample.match_of_rows(0.96, _is_message)
        return found or sample.match_of_runs(0.96, _is_run)

    def read(self, value: Any, build: RunBuilder) -> None:
        document = value if isinstance(value, dict) and "role" not in value else {}
        wrapped = isinstance(document.get("messages"), list)
        listed = document["messages"] if wrapped else value
        messages = source_values(listed, build, "/messages" if wrapped else "")
        objects = [one.value for one in messages if isinstance(one.value, dict)]
        build.locate(0)
        build.start(
            run_id=fields.run_id_of(document),
            task=fields.title_of(objects),
            model=fields.model_of(document),
            details=fields.details_of(document, without=("messages", "model")),
        )
        ids = _ids(objects)
        reply = 0
        for together in _replies(messages):
            reply += any(_is_call(source.value) for source in together)
            _append(together, _Ids(ids, reply), build)


class _Ids(NamedTuple):
    """The ids that belong to one call only, and the number of the current reply."""

    alone: frozenset[str]
    reply: int

    def of(self, message: dict[str, Any]) -> str | None:
        name = _id(message)
        return name or None if name in self.alone or not name else f"{self.reply}.{name}"


def _is_message(value: Any) -> bool:
    return isinstance(value, dict) and fields.label(value, "role") in _ROLES


def _is_own(value: Any) -> bool:
    """Return whether a value is a call or a result with an id as only Qwen-Agent gives it."""
    if not _is_message(value) or "function_id" not in fields.as_dict(value.get("extra")):
        return False
    return value["role"] == "function" or _is_call(value)


def _is_call(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get(_CALL), dict)


def _is_run(value: Any) -> bool:
    messages = value.get("messages") if isinstance(value, dict) else value
    return isinstance(messages, list) and any(map(_is_own, messages[:50]))


def _ids(messages: Iterable[dict[str, Any]]) -> frozenset[str]:
    """Return the ids that belong to one call only."""
    counted = Counter(_id(one) for one in messages if _is_call(one))
    return frozenset(name for name, count in counted.items() if name and count == 1)


def _id(message: dict[str, Any]) -> str:
    return fields.label(fields.as_dict(message.get("extra")), "function_id")


def _replies(messages: Iterable[SourceValue]) -> Iterator[list[SourceValue]]:
    """Yield groups of messages that are pieces of one reply, and every other message alone."""
    waiting: list[SourceValue] = []
    for source in messages:
        if waiting and _continues(waiting[-1].value, source.value):
            waiting.append(source)
            continue
        if waiting:
            yield waiting
        waiting = [source]
    if waiting:
        yield waiting


def _continues(before: Any, message: Any) -> bool:
    """Return whether a message continues the previous one's reply: reasoning, then text, then
    calls."""
    if not (_is_message(before) and _is_message(message)):
        return False
    if before["role"] != "assistant" or message["role"] != "assistant":
        return False
    return before.get("name") == message.get("name") and _follows(before, message)


def _follows(before: dict[str, Any], message: dict[str, Any]) -> bool:
    """Return whether a piece may follow another in one reply: there is one text, but many calls."""
    rank, earlier = _rank(message), _rank(before)
    if earlier > 0 and message.get("content"):
        return False
    return earlier < rank or earlier == rank == 2


def _rank(message: dict[str, Any]) -> int:
    """Return 0 for reasoning, 1 for text, 2 for a call."""
    if _is_call(message):
        return 2
    return 1 if message.get("content") else 0


def _append(together: list[SourceValue], ids: _Ids, build: RunBuilder) -> None:
    first = together[0]
    build.locate(first.line)
    if not _is_message(first.value):
        build.defect("not a message", first.value, pointer=first.pointer)
        return
    role = first.value["role"]
    if role == "assistant":
        append_message(build, _reply(together, ids))
        return
    raw = {key: first.value[key] for key in ("role", "content", "name") if key in first.value}
    carried: tuple[SourceValue, ...] = ()
    if role == "function":
        raw = {**raw, "role": "tool", "tool_call_id": ids.of(first.value)}
        carried = (first,)
    append_message(build, ChatMessage(raw, first.pointer, carried, line=first.line))


def _reply(together: list[SourceValue], ids: _Ids) -> ChatMessage:
    messages = [source.value for source in together]
    called = [source for source in together if _is_call(source.value)]
    thoughts = [fields.text_of(one.get("reasoning_content")) for one in messages]
    content = next((one["content"] for one in messages if one.get("content")), None)
    raw: dict[str, Any] = {"role": "assistant", "content": content}
    if thought := "\n".join(filter(None, thoughts)):
        raw["reasoning_content"] = thought
    if name := messages[0].get("name"):
        raw["name"] = name
    if called:
        raw["tool_calls"] = [_call(source.value, ids) for source in called]
    places = tuple(
        SourceValue(source.value, f"{source.pointer}/{_CALL}", source.line) for source in called
    )
    return ChatMessage(raw, together[0].pointer, places, line=together[0].line)


def _call(message: dict[str, Any], ids: _Ids) -> dict[str, Any]:
    call = message[_CALL]
    return function_call(ids.of(message), call.get("name"), call.get("arguments"))


FORMAT = QwenAgent()
