"""`continue`: sessions of Continue, from its command line and its extensions.

    file    = {"sessionId", "title", "workspaceDirectory", "history": [item, …], "usage"?,
               "chatModelTitle"?, "mode"?}
    item    = {"message": message, "contextItems": [context, …], "toolCallStates"?: [state, …],
               "reasoning"?: {"text"}, "conversationSummary"?, "promptLogs"?, …}
    message = {"role": "user" | "assistant" | "system" | "thinking" | "tool", "content",
               "toolCalls"?: [call, …], "toolCallId"?, "usage"?}
    state   = {"toolCallId", "toolCall": call, "status", "output"?: [context, …]}
    status  = "generating" | "generated" | "calling" | "done" | "errored" | "canceled"
    context = {"name", "description", "content"}

What a person attaches to a question (`contextItems`) is sent before its text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.chat_messages import (
    ChatMessage,
    SourceValue,
    append_normalised,
    values_under,
)
from hermes_tui.formats.declined import settle_declined
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.messages import ToolResult
from hermes_tui.parsers.measures import usage

_CANCELED: Final = "canceled"
_FAILED: Final = "errored"
_ENDED: Final = frozenset({"done", _FAILED, _CANCELED})
_DETAIL_KEYS: Final = ("title", "workspaceDirectory", "mode", "chatModelTitle")


class Continue:
    """Reads a session whose items keep the results of their calls."""

    name = "continue"
    summary = "Continue sessions: ~/.continue/sessions/*.json of the extensions and of `cn`"

    def sniff(self, sample: Sample) -> Match | None:
        return sample.match_of_runs(0.95, _is_session)

    def read(self, value: Any, build: RunBuilder) -> None:
        if isinstance(value, dict) and isinstance(value.get("history"), list):
            _read_session(value, build)
        else:
            build.defect("not a session of Continue", value)


def _is_session(value: Any) -> bool:
    if not isinstance(value, dict) or not fields.label(value, "sessionId"):
        return False
    history = value.get("history")
    if not isinstance(history, list) or "workspaceDirectory" not in value:
        return False
    return not history or fields.mostly(history[:20], _is_item)


def _is_item(value: Any) -> bool:
    message = value.get("message") if isinstance(value, dict) else None
    return isinstance(message, dict) and isinstance(message.get("role"), str)


def _read_session(session: dict[str, Any], build: RunBuilder) -> None:
    history = session["history"]
    items = [item for item in history if _is_item(item)]
    build.start(
        run_id=fields.label(session, "sessionId"),
        task=fields.title_of(item["message"] for item in items),
        model=_model_of(items) or fields.label(session, "chatModelTitle"),
        details=fields.details_of(
            fields.without_falsy({key: session.get(key) for key in _DETAIL_KEYS})
        ),
    )
    answered = {
        fields.label(item["message"], "toolCallId")
        for item in items
        if item["message"]["role"] == "tool"
    }
    thought = ""
    for index, item in enumerate(history):
        pointer = f"/history/{index}"
        if not _is_item(item):
            build.defect("not a message", item, pointer=pointer)
            continue
        if item["message"]["role"] == "thinking":
            thought = fields.text_of(item["message"].get("content"))
            if thought and not _precedes_reply(history, index):
                _append(ChatMessage(_thinking(thought), f"{pointer}/message"), build)
                thought = ""
            continue
        for message in _messages_of(item, pointer, thought, answered):
            _append(message, build)
        thought = ""
    _end(session, build)


def _precedes_reply(history: list[Any], index: int) -> bool:
    following = fields.as_dict(fields.item_at(history, index + 1))
    return fields.as_dict(following.get("message")).get("role") == "assistant"


def _thinking(thought: str) -> dict[str, Any]:
    return {"role": "assistant", "content": None, "reasoning": thought}


def _model_of(items: list[dict[str, Any]]) -> str:
    """Return the model of the first reply that names one."""
    for item in items:
        used = fields.as_dict(item["message"].get("usage"))
        log = fields.first_object(item.get("promptLogs"))
        if name := fields.label(used, "model") or fields.label(log, "modelTitle"):
            return name
    return ""


def _messages_of(
    item: dict[str, Any], pointer: str, thought: str, answered: set[str]
) -> Iterator[ChatMessage]:
    """Yield the message of an item, and the results of its calls that no other item answers."""
    message = item["message"]
    states = values_under(item.get("toolCallStates"), f"{pointer}/toolCallStates")
    calls = values_under(message.get("toolCalls"), f"{pointer}/message/toolCalls") or [
        SourceValue(source.value["toolCall"], f"{source.pointer}/toolCall")
        for source in states
        if fields.as_dict(source.value).get("toolCall")
    ]
    raw = {key: value for key, value in message.items() if key != "toolCalls"}
    raw["content"] = _content(item, message)
    reasoning = fields.label(fields.as_dict(item.get("reasoning")), "text") or thought
    if reasoning:
        raw["reasoning"] = reasoning
    if calls:
        raw["tool_calls"] = [call.value for call in calls]
    yield ChatMessage(raw, f"{pointer}/message", tuple(calls))
    for source in states:
        state = fields.as_dict(source.value)
        is_open = fields.label(state, "toolCallId") not in answered
        if is_open and fields.label(state, "status") in _ENDED:
            yield ChatMessage(_answer(state), source.pointer, (source,))
    if summary := fields.label(item, "conversationSummary"):
        raw = {"role": "user", "content": summary}
        yield ChatMessage(raw, f"{pointer}/conversationSummary", flags=("compaction",))


def _content(item: dict[str, Any], message: dict[str, Any]) -> Any:
    content, attached = message.get("content"), _texts(item.get("contextItems"))
    if not attached:
        return content
    parts = content if isinstance(content, list) else [content] if content else []
    return [*attached, *parts]


def _texts(contexts: Any) -> list[str]:
    texts = (fields.as_dict(one).get("content") for one in fields.as_list(contexts))
    return [text for text in texts if isinstance(text, str)]


def _answer(state: dict[str, Any]) -> dict[str, Any]:
    status = fields.label(state, "status")
    function = fields.as_dict(fields.as_dict(state.get("toolCall")).get("function"))
    text = "\n".join(_texts(state.get("output")))
    raw = {
        "role": "tool",
        "tool_call_id": state.get("toolCallId"),
        "name": function.get("name"),
        "content": text or (_CANCELED if status == _CANCELED else ""),
    }
    return raw if status == "done" else {**raw, "is_error": True}


def _append(message: ChatMessage, build: RunBuilder) -> None:
    parts = message.normalise(message.raw)

    def why_declined(result: ToolResult) -> str:
        state = fields.as_dict(message.carried[0].value) if message.carried else {}
        return _CANCELED if state.get("status") == _CANCELED else ""

    if parts.results:
        parts = settle_declined(build, parts, why_declined, message.pointer, None)
    append_normalised(build, message, parts)


def _end(session: dict[str, Any], build: RunBuilder) -> None:
    counts = fields.as_dict(session.get("usage"))
    used = usage(counts, counts.get("totalCost"))
    if used is not None:
        build.end(usage=used)


FORMAT = Continue()
