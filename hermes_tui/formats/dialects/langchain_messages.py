"""Messages of LangChain and LangGraph in their three spellings, as chat messages.

    message = {"type": "human" | "ai" | "system" | "tool" | …, "content", …}      model_dump
            | {"type", "data": {"content", …}}                                    messages_to_dict
            | {"lc": 1, "type": "constructor", "id": [..., "AIMessage"], "kwargs": {…}}      dumpd
            | {"role", "content", "additional_kwargs"}                            as tracers write
            | [role, text]                                                   as people ask

`tool_calls` holds the calls that could be parsed, `invalid_tool_calls` those that could not.
`additional_kwargs`, and with some providers the content, repeats all of them as the model wrote
them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.chat_messages import ChatMessage, SourceValue, values_under
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.wording import title
from hermes_tui.parsers.normalise import Normalised, normalise_message
from hermes_tui.parsers.roles import speaker_of

_CLASSES = {
    "HumanMessage": "human",
    "AIMessage": "ai",
    "SystemMessage": "system",
    "ToolMessage": "tool",
    "FunctionMessage": "function",
    "ChatMessage": "chat",
    "RemoveMessage": "remove",
}
_TYPES = frozenset(_CLASSES.values()) | {"developer"}
_ROLES = {"human": "user", "ai": "assistant", "function": "tool"}
_OWN_MEMBERS = frozenset(
    {"additional_kwargs", "response_metadata", "invalid_tool_calls", "lc", "tool_call_chunks"}
)
"""The members that no other kind of message has."""

_CALL_BLOCKS = frozenset({"tool_use", "tool_call", "function_call", "server_tool_use"})
_CHUNK = "Chunk"
_REJECTED = "rejected"


def is_message(value: Any) -> bool:
    """Return whether `value` is a message in one of the spellings that only LangChain has."""
    if not isinstance(value, dict):
        return False
    if value.get("lc") == 1 and isinstance(value.get("kwargs"), dict):
        return bool(_class_of(value))
    kind = _kind(value.get("type"))
    if "role" in value and kind != "chat":
        return not _OWN_MEMBERS.isdisjoint(value) and "content" in value
    if kind not in _TYPES:
        return False
    data = value.get("data")
    return isinstance(data, dict) and "content" in data if "data" in value else "content" in value


def is_distinctive(value: Any) -> bool:
    """Return whether a message is written in a way that only LangChain uses."""
    if not is_message(value):
        return False
    return _kind(value.get("type")) in ("human", "ai") or not _OWN_MEMBERS.isdisjoint(value)


def is_pair(value: Any) -> bool:
    """Return whether `value` is a message given as a pair of role and text."""
    if not isinstance(value, list) or len(value) != 2:
        return False
    role, text = value
    return isinstance(role, str) and isinstance(text, str) and speaker_of({"role": role}).known


def model_of(messages: Iterable[Any]) -> str:
    """Return the model that the first reply names, or "" if none does."""
    for message in messages:
        metadata = fields.as_dict(_members_of(message)[1].get("response_metadata"))
        if name := fields.label(metadata, "model_name", "model"):
            return name
    return ""


def id_of(message: Any) -> str:
    """Return the id of a message, or "" if it has none."""
    return fields.label(_members_of(message)[1], "id")


def is_same(one: Any, other: Any) -> bool:
    """Return whether two messages have one id or, if the first has none, are equal."""
    name = id_of(one)
    return name == id_of(other) if name else bool(one == other)


def message_of(value: Any, pointer: str = "") -> ChatMessage:
    """Return the message at `pointer` as a chat message; anything else gets the role "unknown"."""
    if is_pair(value):
        return ChatMessage({"role": value[0], "content": value[1]}, pointer)
    below, members = _members_of(value)
    if not members:
        return ChatMessage({"role": "unknown", "content": value}, pointer)
    place = pointer + below
    kind = _kind_of(value, members)
    if kind == "remove":
        removed = f"removes the message {fields.label(members, 'id')}"
        return ChatMessage({"role": "environment", "content": removed}, pointer, (), ("removal",))
    calls = list(_calls(members, place))
    raw = _chat_members(members, _ROLES.get(kind, kind), [call for call, _ in calls])
    carried = tuple(found for _, found in calls)
    if kind == "chat":
        # The role is freely chosen: any role but the user's is an agent.
        raw |= {"role": "assistant", "name": fields.label(members, "role")}
    elif raw["role"] == "tool":
        carried = (SourceValue(value, place),)
    return ChatMessage(raw, pointer, carried, normalise=_normalise)


def _chat_members(members: dict[str, Any], role: str, calls: list[Any]) -> dict[str, Any]:
    """Return the members of a message under the names of chat messages."""
    raw = {
        "role": role,
        "content": _content(members.get("content"), bool(calls)),
        **_reasoning(members),
        **_answer(members),
        **_ending(members),
        **{
            key: members[key]
            for key in ("name", "id", "refusal")
            if isinstance(members.get(key), str)
        },
    }
    return raw | {"tool_calls": calls} if calls else raw


def _members_of(value: Any) -> tuple[str, dict[str, Any]]:
    """Return the pointer to the members of a message, and the members."""
    if not isinstance(value, dict):
        return "", {}
    for key in ("kwargs", "data"):
        if isinstance(value.get(key), dict) and ("lc" in value or "content" in value[key]):
            return f"/{key}", value[key]
    return "", value


def _kind(value: Any) -> str:
    """Return the type of a message from its type or class name, also for a chunk."""
    name = value if isinstance(value, str) else ""
    name = name.removesuffix(_CHUNK)
    return _CLASSES.get(name, name)


def _class_of(value: dict[str, Any]) -> str:
    path = value.get("id")
    name = path[-1] if isinstance(path, list) and path and isinstance(path[-1], str) else ""
    return _CLASSES.get(name.removesuffix(_CHUNK), "")


def _kind_of(value: dict[str, Any], members: dict[str, Any]) -> str:
    """Return the role that a message names, or else its type.

    Messages of the type `chat`, whose role is freely chosen, keep it unless the role is known.
    """
    kind = _class_of(value) if "lc" in value else _kind(value.get("type"))
    kind = kind if kind in _TYPES else _kind(members.get("type"))
    own = fields.label(members, "role")
    if kind == "chat" and speaker_of({"role": own}).known:
        return own
    return kind if kind in _TYPES and (kind == "chat" or not own) else own or kind or "unknown"


def _calls(members: dict[str, Any], place: str) -> Iterator[tuple[Any, SourceValue]]:
    """Yield each call once, as the model wrote it if that is kept, with the entry it comes from."""
    listed = [
        one
        for key in ("tool_calls", "invalid_tool_calls")
        for one in values_under(members.get(key), f"{place}/{key}")
    ]
    extra = fields.as_dict(members.get("additional_kwargs"))
    written = fields.as_list(extra.get("tool_calls"))
    by_id = {name: one for one in listed if (name := fields.id_of(one.value))}
    for index, entry in enumerate(written):
        known = by_id.pop(fields.id_of(entry), None)
        own = f"{place}/additional_kwargs/tool_calls/{index}"
        yield _with_error(entry, known.value if known else None), known or SourceValue(entry, own)
    for one in listed:
        if not written or not (name := fields.id_of(one.value)) or name in by_id:
            yield _with_error(one.value, one.value), one
    legacy = extra.get("function_call")
    if isinstance(legacy, dict) and not listed and not written:
        yield (
            {"function_call": legacy},
            SourceValue(legacy, f"{place}/additional_kwargs/function_call"),
        )


def _with_error(call: Any, parsed: Any) -> Any:
    """Return a call, with LangChain's error if it rejected the call."""
    if not isinstance(call, dict) or not isinstance(parsed, dict):
        return call
    is_rejected = parsed.get("type") == "invalid_tool_call" or parsed.get("error")
    return {**call, _REJECTED: fields.label(parsed, "error") or True} if is_rejected else call


def _content(content: Any, has_calls: bool) -> Any:
    """Return the content without the blocks that repeat calls."""
    if not has_calls or not isinstance(content, list):
        return content
    kept = [part for part in content if not _is_call_block(part)]
    return kept or None


def _is_call_block(part: Any) -> bool:
    return isinstance(part, dict) and fields.label(part, "type") in _CALL_BLOCKS


def _reasoning(members: dict[str, Any]) -> dict[str, Any]:
    extra = fields.as_dict(members.get("additional_kwargs"))
    found = {}
    for key in ("reasoning_content", "reasoning", "reasoning_details", "thinking"):
        if extra.get(key):
            found[key] = extra[key]
    return found


def _answer(members: dict[str, Any]) -> dict[str, Any]:
    keys = ("tool_call_id", "status", "usage", "timestamp", "created_at")
    return {key: members[key] for key in keys if members.get(key) is not None}


def _ending(members: dict[str, Any]) -> dict[str, Any]:
    """Return how a reply ended and what it used, under the names of chat messages."""
    metadata = fields.as_dict(members.get("response_metadata"))
    found: dict[str, Any] = {}
    incomplete = fields.label(fields.as_dict(metadata.get("incomplete_details")), "reason")
    reason = incomplete or fields.label(metadata, "finish_reason", "stop_reason", "done_reason")
    if reason:
        found["finish_reason"] = reason
    used = fields.as_dict(members.get("usage_metadata"))
    if used:
        found["usage"] = usage_of(used)
    elif counts := metadata.get("token_usage") or metadata.get("usage"):
        found["usage"] = counts
    return found


def usage_of(used: dict[str, Any]) -> dict[str, Any]:
    """Return LangChain's `usage_metadata` under the names of chat messages."""
    read = fields.as_dict(used.get("input_token_details"))
    written = fields.as_dict(used.get("output_token_details"))
    found = {
        "prompt_tokens": used.get("input_tokens"),
        "completion_tokens": used.get("output_tokens"),
        "cached_tokens": read.get("cache_read"),
        "reasoning_tokens": written.get("reasoning"),
    }
    return {key: value for key, value in found.items() if value is not None}


def _normalise(raw: dict[str, Any]) -> Normalised:
    """Normalise a message; a call that LangChain rejected gets an error even if we find none."""
    parts = normalise_message(raw)
    entries = fields.as_list(raw.get("tool_calls"))
    calls = []
    for number, (call, found) in enumerate(parts.calls):
        entry = entries[number] if number < len(entries) else None
        why = entry.get(_REJECTED) if isinstance(entry, dict) else None
        if why and not any(one.severity is Severity.ERROR for one in found):
            reason = title(why) if isinstance(why, str) else "no reason is given"
            what = f"LangChain did not accept this call: {reason}"
            found = (
                *found,
                Diagnostic(Code.ARGS_INVALID, Severity.ERROR, what, call_index=call.index),
            )
        calls.append((call, found))
    return parts._replace(calls=tuple(calls))
