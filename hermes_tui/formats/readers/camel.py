"""`camel`: the memory of a CAMEL agent, as `save_memory` and its JSON storage keep it.

    file    = record*                                        one run: a line each, or a list
    record  = {"uuid", "message": message, "role_at_backend", "extra_info", "timestamp", "agent_id"}
    message = {"__class__": "BaseMessage", "role_name", "role_type", "content",
               "reasoning_content"?, "tool_calls"?: [call, …], "image_list"?, …}
            | {"__class__": "FunctionCallingMessage", "func_name", "args"?, "result"?,
               "tool_call_id", …}

A call without a result is one that the agent asks for; in older versions only such messages hold
the calls.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.chat_messages import ChatMessage, SourceValue
from hermes_tui.formats.message_contents import Dialect
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.chat_api import function_call
from hermes_tui.parsers.measures import timestamp

_FAILED: Final = "Tool execution failed: "
"""How the results begin that CAMEL writes itself if no function returned one."""


class Camel:
    """Reads the memory of an agent as a run."""

    name = "camel"
    summary = "CAMEL: the memory of an agent, as `save_memory` writes it"

    def sniff(self, sample: Sample) -> Match | None:
        return sample.match_of_rows(0.95, _is_record)

    def read(self, value: Any, build: RunBuilder) -> None:
        listed = value if isinstance(value, list) else [value]
        first = next((one for one in listed if _is_record(one)), None)
        if first is None:
            build.defect("no record of a memory", value)
            return
        build.start(
            run_id=fields.label(first, "agent_id"),
            task=_DIALECT.title_of(listed),
            ts=timestamp(first.get("timestamp")),
        )
        _DIALECT.append_all(build, value)


def _is_record(value: Any) -> bool:
    known = fields.as_dict(value)
    message = known.get("message")
    return (
        isinstance(known.get("role_at_backend"), str)
        and isinstance(message, dict)
        and "role_type" in message
    )


def _messages(record: dict[str, Any], pointer: str, line: int) -> Iterator[ChatMessage]:
    message, place = record["message"], f"{pointer}/message"
    raw: dict[str, Any] = {
        "role": record["role_at_backend"],
        "content": _content(message),
        "timestamp": record.get("timestamp"),
    }
    name = message.get("func_name")
    if name is not None and message.get("result") is None and raw["role"] != "function":
        arguments = fields.json_text(message.get("args"))
        raw["tool_calls"] = [function_call(message.get("tool_call_id"), name, arguments)]
    elif name is not None:
        yield _result(message, raw, place, line)
        return
    if isinstance(message.get("tool_calls"), list):
        raw["tool_calls"] = message["tool_calls"]
    if thought := fields.label(message, "reasoning_content"):
        raw["reasoning_content"] = thought
    yield ChatMessage(raw, place, line=line)


def _content(message: dict[str, Any]) -> Any:
    images = fields.objects_in(message.get("image_list"))
    pictures = [{"type": "image", "source": image} for image in images]
    text = message.get("content")
    return [{"type": "text", "text": text or ""}, *pictures] if pictures else text


def _result(message: dict[str, Any], raw: dict[str, Any], pointer: str, line: int) -> ChatMessage:
    result = message.get("result")
    answer = {
        **raw,
        "role": "tool",
        "name": message.get("func_name"),
        "tool_call_id": message.get("tool_call_id"),
        "content": "" if result is None else fields.json_text(result),
    }
    if isinstance(result, str) and result.startswith(_FAILED):
        answer["is_error"] = True
    return ChatMessage(answer, pointer, (SourceValue(message, pointer, line),), line=line)


_DIALECT = Dialect(_is_record, _messages)
FORMAT = Camel()
