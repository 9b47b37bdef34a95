"""OpenAI chat messages in every container: bare, listed, wrapped, one file or one line a run.

    file    = message*            one run: an array of messages, or a message a line
            | run*                an array or lines of runs, or one document
    run     = [message, …] | {"messages": run, …metadata} | reply
            | {"prompt": text | [message, …], "text" | "completion" | …: text, …metadata}
    reply   = chat.completion | text_completion | SGLang's reply to /generate

Metadata beside the messages (tools, model, ids, reward, …) becomes the run's start and end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, RunBuilder, Sample, Unit
from hermes_tui.formats.declared_tools import tool_specs, tools_in_text
from hermes_tui.formats.json_values import decode_if_json
from hermes_tui.formats.own_exports import is_export, outcome_of_export
from hermes_tui.formats.text_replies import (
    TextReply,
    messages_of_prompt,
    meta_of_reply,
    texts_of_reply,
)
from hermes_tui.model.events import ResponseReceived
from hermes_tui.model.messages import ToolSpec
from hermes_tui.parsers.measures import time_of, usage
from hermes_tui.parsers.normalise import TextCalls

MAX_CONTAINER_DEPTH = 4

_TOOL_KEYS = ("tools", "functions", "tool_defs", "oai_tools")
_REPLY_KEYS = ("text", "completion", "response", "generated_text", "output")
_SYSTEM_KEYS = ("system", "system_prompt")
_FOREIGN_TOP = frozenset(
    {
        "response",
        "raw_response",
        "request",
        "trajectory_format",
        "schema_version",
        "$schemaVersion",
        "trajectory",
        "traj",
        "history",
        "observations",
        "resourceSpans",
        "answer_generation",
        "simulations",
        "projectHash",
        "loglines",
        "tokens",
        "completion",
        "conversations",
        "intermediate_steps",
        "inference_log",
        "parentUuid",
        "finished_naturally",
        "nodes",
        "chosen",
    }
)
_FOREIGN_TOGETHER = (
    {"session_id", "system_prompt"},
    {"id", "source", "started_at"},
    {"eval", "status", "version"},
    {"scores", "masks"},
    {"mode", "stream"},
)
"""Keys that together name a format of its own whose messages look just like these."""
_FOREIGN_IN_MESSAGE = frozenset({"parentUuid", "requestor", "payload", "uuid", "part_kind"})
_FOREIGN_TYPES = frozenset({"message", "human", "ai", "tool", "system", "user", "assistant"})
_FOREIGN_BLOCKS = frozenset({"tool_use", "tool_result", "server_tool_use"})


class OpenAIMessages:
    """Reads lists of chat messages and the objects around them."""

    name = "openai-messages"
    summary = "chat messages, wrapped or not; bare replies, text completions too; prompts and texts"

    def sniff(self, sample: Sample) -> Match | None:
        values, layout = sample.elements()
        if _is_chat(values):
            return Match(0.6, Unit.PARTS, layout)
        if fields.mostly(values, _is_run):
            return Match(0.6, Unit.RUNS, layout)
        return None

    def read(self, value: Any, build: RunBuilder) -> None:
        if build.unit is Unit.PARTS:
            _read_part(value, build)
        elif not _read_run(value, build, "", 0):
            build.defect("no chat message in this record", fields.excerpt(value))


def _read_part(value: Any, build: RunBuilder) -> None:
    """Read a record of a file that is one run: a message, or (rarely) several."""
    messages = value if isinstance(value, list) else [value]
    if build.is_opening:
        build.start(task=fields.title_of(messages))
    if isinstance(value, list):
        build.messages(map(decode_if_json, value), "")
    elif isinstance(value, dict) and "role" in value:
        build.message(value)
    else:
        build.defect("not a chat message", fields.excerpt(value))


def _read_run(value: Any, build: RunBuilder, pointer: str, depth: int) -> bool:
    """Read the run or runs that `value` is; False where it is none."""
    if isinstance(value, dict):
        if _is_completion(value):
            _read_completion(value, build, pointer)
            return True
        if texts := texts_of_reply(value, pointer):
            for text in texts:
                _read_text(value, text, build, pointer)
            return True
        if key := _reply_key(value):
            _read_prompted(value, key, build, pointer)
            return True
        if "messages" in value:
            _read_wrapped(value, build, pointer)
            return True
        if "role" not in value:
            return False
        build.start(task=fields.title_of([value]), pointer=pointer)
        build.message(value, pointer=pointer)
        return True
    if not isinstance(value, list) or depth > MAX_CONTAINER_DEPTH:
        return False
    if not value or any(isinstance(item, dict) and "role" in item for item in value):
        build.start(task=fields.title_of(value), pointer=pointer)
        build.messages(map(decode_if_json, value), pointer)
        return True
    found = False
    for index, item in enumerate(value):
        inner = f"{pointer}/{index}"
        if _read_run(item, build, inner, depth + 1):
            found = True
        elif found:
            build.defect("no chat message here", fields.excerpt(item), pointer=inner)
    return found


def _read_wrapped(value: dict[str, Any], build: RunBuilder, pointer: str) -> None:
    messages, own = decode_if_json(value["messages"]), _metadata_of_export(value)
    if isinstance(messages, list) and messages and all(isinstance(m, list) for m in messages):
        inner = [*messages]
    else:
        inner = [messages]
    nested = len(inner) > 1 or inner[0] is not messages
    for index, one in enumerate(inner):
        place = f"{pointer}/messages/{index}" if nested else f"{pointer}/messages"
        _start_wrapped(value, one if isinstance(one, list) else [], build, pointer)
        for key in _SYSTEM_KEYS:
            if isinstance(value.get(key), str) and not fields.begins_with_system(one):
                system = {"role": "system", "content": value[key]}
                build.message(system, pointer=f"{pointer}/{key}")
                break
        if isinstance(one, list):
            build.messages(map(decode_if_json, one), place)
        elif one is not None:
            build.defect("`messages` is not a list", fields.excerpt(one), pointer=place)
        outcome = outcome_of_export(own) if own else fields.outcome_of(value)
        if outcome is not None:
            build.end(**outcome)


def _start_wrapped(
    value: dict[str, Any],
    messages: list[Any],
    build: RunBuilder,
    pointer: str,
    tools: tuple[ToolSpec, ...] | None = None,
) -> None:
    """Open a run; `tools` are those that its messages name, if the row itself names none."""
    tools_key = next((key for key in _TOOL_KEYS if value.get(key)), "")
    declared = tool_specs(value[tools_key]) if tools_key else None
    named = ("messages", "prompt", "model", *_REPLY_KEYS, *_TOOL_KEYS, *fields.OUTCOME_KEYS)
    own = _metadata_of_export(value)
    build.start(
        run_id=fields.run_id_of(own or value),
        task=fields.task_of(own or value, messages),
        model=fields.model_of(value),
        group_id=fields.group_of(own or value),
        # An empty list is what exporters write that do not know the tools.
        tools=tools if declared is None else declared,
        details=fields.details_of(value, without=named),
        pointer=pointer,
        ts=time_of(value),
    )


def _metadata_of_export(value: dict[str, Any]) -> dict[str, Any]:
    """Return what an export of hermes-tui says of its run; empty where this is none."""
    metadata = fields.as_dict(value.get("metadata"))
    return metadata if is_export(metadata) else {}


def _read_completion(value: dict[str, Any], build: RunBuilder, pointer: str) -> None:
    """Read a bare `chat.completion`: a run of one reply for each choice."""
    for index, choice in enumerate(value["choices"]):
        place = f"{pointer}/choices/{index}"
        _start_reply(value, build, pointer)
        if not isinstance(choice, dict) or not isinstance(choice.get("message"), dict):
            build.defect("a choice without a message", fields.excerpt(choice), pointer=place)
            continue
        reason = choice.get("finish_reason")
        build.add(
            ResponseReceived,
            pointer=pointer,
            turn=1,
            finish_reason=reason if isinstance(reason, str) else "",
            usage=usage(value.get("usage")),
        )
        message = {"role": "assistant", "finish_reason": reason, **choice["message"]}
        build.message(message, pointer=f"{place}/message")


def _start_reply(meta: Mapping[str, Any], build: RunBuilder, pointer: str) -> None:
    build.start(
        run_id=fields.run_id_of(meta),
        model=fields.model_of(meta),
        details=fields.details_of(meta, without=("choices", "usage", "model")),
        pointer=pointer,
        ts=time_of(meta),
    )


def _read_text(value: dict[str, Any], text: TextReply, build: RunBuilder, pointer: str) -> None:
    """Read a run of one reply that is the model's own text."""
    meta = meta_of_reply(value)
    _start_reply(meta, build, pointer)
    _add_text(text, meta.get("usage"), build)


def _add_text(text: TextReply, used: Any, build: RunBuilder) -> None:
    build.add(
        ResponseReceived,
        pointer=text.pointer,
        turn=1,
        finish_reason=text.finish_reason,
        usage=usage(used),
    )
    build.message(text.message, pointer=text.pointer, text_calls=TextCalls.TRANSPORT)


def _read_prompted(value: dict[str, Any], key: str, build: RunBuilder, pointer: str) -> None:
    """Read a row of a prompt and the text that a model made of it, which stands under `key`."""
    prompt, begun = decode_if_json(value["prompt"]), ""
    if isinstance(prompt, str):
        said, begun = messages_of_prompt(prompt)
        system = said[0]["content"] if fields.begins_with_system(said) else ""
        _start_wrapped(value, said, build, pointer, tools_in_text(system))
        for message in said:
            build.message(message, pointer=f"{pointer}/prompt", text_calls=TextCalls.TRANSPORT)
    else:
        _start_wrapped(value, prompt, build, pointer)
        build.messages(map(decode_if_json, prompt), f"{pointer}/prompt")
    reason = fields.label(value, "finish_reason")
    text = TextReply(f"{pointer}/{key}", begun + value[key], reason)
    _add_text(text, value.get("usage"), build)
    # That the model said all it wanted to is no success of the run.
    told = {k: v for k, v in value.items() if k != "finish_reason" or fields.is_cut(reason)}
    if (outcome := fields.outcome_of(told)) is not None:
        build.end(**outcome)


def _reply_key(value: dict[str, Any]) -> str:
    """Return under which key a row has the text to its prompt; nothing where it is no such row."""
    found = next((key for key in _REPLY_KEYS if isinstance(value.get(key), str)), "")
    if not found or "prompt" not in value or "messages" in value:
        return ""
    prompt = decode_if_json(value["prompt"])
    is_said = isinstance(prompt, str) and prompt.strip()
    return found if is_said or fields.is_message_list(prompt) else ""


def _is_completion(value: dict[str, Any]) -> bool:
    choices = value.get("choices")
    return (
        isinstance(choices, list)
        and bool(choices)
        and "messages" not in value
        and any(isinstance(choice, dict) and "message" in choice for choice in choices)
    )


def _is_chat(values: Any) -> bool:
    """Say whether `values` are chat messages, none of which names a format of its own."""
    if not isinstance(values, (list, tuple)):
        return False
    head = values[:50]
    return fields.mostly(head, fields.is_message) and not any(map(_is_foreign, head))


def _is_foreign(message: Any) -> bool:
    if not isinstance(message, dict):
        return False
    if _FOREIGN_IN_MESSAGE & message.keys() or "messages" in message:
        return True
    if fields.label(message, "type") in _FOREIGN_TYPES:
        return True
    content = message.get("content")
    return isinstance(content, list) and any(
        isinstance(part, dict) and fields.label(part, "type") in _FOREIGN_BLOCKS for part in content
    )


def _is_run(value: Any) -> bool:
    if not isinstance(value, dict):
        return _are_chats(value)
    is_prompted = bool(_reply_key(value))
    foreign = _FOREIGN_TOP.difference(_REPLY_KEYS) if is_prompted else _FOREIGN_TOP
    if foreign & value.keys() or any(keys <= value.keys() for keys in _FOREIGN_TOGETHER):
        return False
    if is_prompted or _is_completion(value) or texts_of_reply(value):
        return True
    messages = decode_if_json(value.get("messages"))
    return messages == [] or _are_chats(messages)


def _are_chats(value: Any) -> bool:
    """Say whether `value` is a chat, or a list of chats."""
    if _is_chat(value):
        return True
    return isinstance(value, list) and bool(value) and all(map(_is_chat, value[:10]))


FORMAT = OpenAIMessages()
