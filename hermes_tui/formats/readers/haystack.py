"""`haystack`: chat messages of Haystack 2 and later, alone, in outputs and in snapshots.

    file    = message* | [message, …]                            one run
            | output | [output, …] | output per line
    output  = {"messages": [message, …], "step_count"?, "exit_reason"?, "token_usage"?, …}
            | {"pipeline_state": {… [message, …] …}, …}         snapshot of a pipeline
    message = {"role", "content": [part, …], "name"?,
               "meta": {"model"?, "finish_reason"?, "usage"?, …}}
    part    = {"text"} | {"reasoning": {"reasoning_text"}}
            | {"tool_call": {"tool_name", "arguments": object, "id"}}
            | {"tool_call_result": {"result": text | [part, …], "origin": call, "error"}}
            | {"image": {"base64_image", "mime_type"}} | {"file": {"base64_data", "mime_type"}}

Up to version 2.8 the members of a message have the names `_role`, `_content`, `_name`, `_meta`.
Haystack drops calls whose arguments are not JSON: nothing remains of them but the finish reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.chat_messages import ChatMessage, values_under
from hermes_tui.formats.finder import Found, find_conversations
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.message_contents import Content, Dialect, Kind, models_of, split_message
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.chat_api import function_call
from hermes_tui.parsers.measures import usage

_PART_KEYS: Final = frozenset(
    {"text", "reasoning", "tool_call", "tool_call_result", "image", "file"}
)
_OWN_KEYS: Final = frozenset({"tool_call", "tool_call_result"})
_DATA_KEYS: Final = {"image": "base64_image", "file": "base64_data"}
_REPEATED: Final = ("messages", "last_message", "token_usage", "exit_reason")


class Haystack:
    """Reads the messages of a chat, alone or in the output of an agent."""

    name = "haystack"
    summary = "Haystack: chat messages, outputs of its agents, snapshots of pipelines"

    def sniff(self, sample: Sample) -> Match | None:
        values, layout = sample.elements()
        if _are_messages(values):
            return Match(0.95, Unit.RUNS, layout.together())
        return sample.match_of_runs(0.95, lambda one: _is_output(one) or bool(_in_snapshot(one)))

    def read(self, value: Any, build: RunBuilder) -> None:
        row = {} if _is_message(value) else fields.as_dict(value)
        if found := _in_snapshot(row):
            for one in found:
                _read_run(one.items, {}, one.pointer, build)
        elif isinstance(row.get("messages"), list):
            _read_run(row["messages"], row, "/messages", build)
        elif _is_message(value) or isinstance(value, list):
            _read_run(value, {}, "", build)
        else:
            build.defect("no messages in this record", value)


def _read_run(messages: Any, row: dict[str, Any], pointer: str, build: RunBuilder) -> None:
    listed = messages if isinstance(messages, list) else [messages]
    metas = [_member(one, "meta") for one in listed if _is_message(one)]
    model, models = models_of(metas, "model")
    details = fields.details_of(row, without=_REPEATED)
    build.start(
        task=_DIALECT.title_of(listed), model=model, details={**details, **models}, pointer=pointer
    )
    _DIALECT.append_all(build, messages, pointer)
    used, reason = usage(row.get("token_usage")), fields.label(row, "exit_reason")
    if used is not None or reason:
        build.end(stop_reason=reason, usage=used)


def _in_snapshot(value: Any) -> list[Found]:
    """Return the lists of messages in a snapshot of a pipeline that are no part of another."""
    state = fields.as_dict(value).get("pipeline_state")
    if not isinstance(state, dict):
        return []
    several, others = find_conversations({"pipeline_state": state})
    found = sorted(
        (one for one in (*several, *others) if _are_messages(one.items[:50])),
        key=lambda one: -len(one.items),
    )
    kept: list[Found] = []
    known_keys: set[int] = set()
    for one in found:
        keys = _prefix_keys(one.items)
        if keys[-1] not in known_keys:
            kept.append(one)
            known_keys.update(keys)
    return kept


def _prefix_keys(messages: list[Any]) -> list[int]:
    """Return a key for every prefix of `messages`, from the first message to all of them."""
    texts = map(fields.json_text, messages)
    return list(accumulate(texts, lambda key, text: hash((key, text)), initial=0))[1:]


def _member(message: dict[str, Any], name: str) -> Any:
    return message[name] if name in message else message.get(f"_{name}")


def _is_message(value: Any) -> bool:
    known = fields.as_dict(value)
    content = _member(known, "content")
    return (
        isinstance(_member(known, "role"), str)
        and isinstance(_member(known, "meta"), dict)
        and isinstance(content, list)
        and all(not _PART_KEYS.isdisjoint(fields.as_dict(part)) for part in content[:20])
    )


def _are_messages(values: Any) -> bool:
    """Return whether `values` are messages, and those of no other writer."""
    return fields.mostly(values, _is_message) and any(map(_is_distinctive, values))


def _is_distinctive(value: Any) -> bool:
    """Return whether a message holds something that no other writer's has.

    A text has no type.
    """
    parts = [
        fields.as_dict(part) for part in fields.as_list(_member(fields.as_dict(value), "content"))
    ]
    return any(not _OWN_KEYS.isdisjoint(part) or part.keys() == {"text"} for part in parts)


def _is_output(value: Any) -> bool:
    messages = fields.as_dict(value).get("messages")
    return isinstance(messages, list) and _are_messages(messages[:50])


def _messages(message: dict[str, Any], pointer: str, line: int) -> Iterator[ChatMessage]:
    meta = _member(message, "meta")
    around = {
        "role": _member(message, "role"),
        "name": _member(message, "name"),
        "finish_reason": fields.label(meta, "finish_reason"),
        "usage": fields.as_dict(meta.get("usage")),
        "timestamp": meta.get("completion_start_time"),
    }
    key = "content" if "content" in message else "_content"
    sources = values_under(message[key], f"{pointer}/{key}", line)
    return split_message(sources, _read, fields.without_falsy(around), pointer, line)


def _read(value: Any) -> Content:
    part = fields.as_dict(value)
    if isinstance(called := part.get("tool_call"), dict):
        arguments = fields.json_text(called.get("arguments"))
        call = function_call(called.get("id"), called.get("tool_name"), arguments)
        return Content(Kind.CALL, call)
    if isinstance(answer := part.get("tool_call_result"), dict):
        return Content(Kind.RESULT, _result(answer))
    return Content(Kind.PART, _part(value))


def _result(answer: dict[str, Any]) -> dict[str, Any]:
    origin, result = fields.as_dict(answer.get("origin")), answer.get("result")
    if isinstance(result, list):
        result = [_part(one) for one in result]
    raw = {
        "role": "tool",
        "tool_call_id": origin.get("id"),
        "name": origin.get("tool_name"),
        "content": result if isinstance(result, list) else fields.json_text(result),
    }
    return {**raw, "is_error": True} if answer.get("error") is True else raw


def _part(value: Any) -> Any:
    """Return a part as chat messages write it; any other keeps its members."""
    part = fields.as_dict(value)
    if isinstance(part.get("text"), str):
        return {"type": "text", "text": part["text"]}
    if isinstance(thought := part.get("reasoning"), dict):
        return {"type": "thinking", "thinking": thought.get("reasoning_text")}
    for kind, key in _DATA_KEYS.items():
        if isinstance(medium := part.get(kind), dict):
            held = {"data": medium.get(key), "media_type": medium.get("mime_type")}
            return {"type": kind, "source": held}
    return value


_DIALECT = Dialect(_is_message, _messages)
FORMAT = Haystack()
