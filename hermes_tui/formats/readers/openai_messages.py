"""OpenAI chat messages in every container: bare, listed, wrapped, one file or one line a run.

    file    = message*            one run: an array of messages, or a message a line
            | run*                an array or lines of runs, or one document
    run     = [message, …] | {"messages": run, …metadata} | reply
            | rows of a prompt with a reply, several samples or a preference (`prompt_rows`)
    reply   = chat.completion | text_completion | SGLang's reply to /generate
            | {"error": {"message", …}} | {"object": "error", "message", …}     a refused request

Metadata next to the messages (tools, model, ids, reward, …) becomes the run's start and end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.failures import Failure, failure_of
from hermes_tui.formats.finder import find_conversations
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.formats.outcomes import outcome_of
from hermes_tui.formats.own_exports import outcome_of_export
from hermes_tui.formats.prompt_rows import (
    PREFERENCE,
    add_received,
    add_text,
    is_preference,
    is_prompt_alone,
    metadata_of_export,
    read_preference,
    read_prompt,
    read_prompted,
    read_samples,
    reply_key,
    start_row,
)
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.samples import (
    ASKED_KEYS,
    TEXT_KEYS,
    name_of_choice,
    prompt_key,
    samples_key,
)
from hermes_tui.formats.texts.text_replies import TextReply, meta_of_reply, texts_of_reply
from hermes_tui.formats.traits import Traits
from hermes_tui.parsers.measures import time_of

MAX_CONTAINER_DEPTH = 4

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
"""Keys that together identify another format whose messages look just like these."""
_COMPLETIONS = frozenset({"chat.completion", "text_completion"})
_ERROR_KEYS = frozenset(
    {"error", "object", "message", "type", "param", "code", "status", "request_id", "user_id"}
)
"""The keys around the error with which servers and routers refuse a request."""
_FOREIGN_IN_MESSAGE = frozenset({"parentUuid", "requestor", "payload", "uuid", "part_kind"})
_FOREIGN_TYPES = frozenset({"message", "human", "ai", "tool", "system", "user", "assistant"})
_FOREIGN_BLOCKS = frozenset({"tool_use", "tool_result", "server_tool_use"})


def _read_element(value: Any, build: RunBuilder) -> None:
    build.append_element(decode_if_json(value), "")


class OpenAIMessages:
    """Reads lists of chat messages and the objects around them."""

    traits = Traits(read_element=_read_element)
    name = "openai-messages"
    summary = "chat messages, wrapped or not; bare replies; prompts with texts or samples"

    def sniff(self, sample: Sample) -> Match | None:
        values, layout = sample.elements()
        if _is_chat(values):
            return Match(0.6, Unit.PARTS, layout)
        if fields.mostly(values, _is_run):
            return Match(0.6, Unit.RUNS, layout)
        return None

    def read(self, value: Any, build: RunBuilder) -> None:
        if build.unit is Unit.PARTS:
            is_list = isinstance(value, list)
            build.part(list(map(decode_if_json, value)) if is_list else value)
        elif not _read_run(value, build, "", 0):
            build.defect("no chat message in this record", value)


def _read_run(value: Any, build: RunBuilder, pointer: str, depth: int) -> bool:
    """Read the run or runs in `value`; return False if there is none."""
    if isinstance(value, dict):
        if key := samples_key(value):
            read_samples(value, key, build, pointer)
            return True
        if _is_completion(value):
            _read_completion(value, build, pointer)
            return True
        if failure := _failure_in(value):
            build.start(run_id=fields.run_id_of(value), lone_reply=True, pointer=pointer)
            build.request_failed(
                failure.message,
                turn=1,
                status=failure.status,
                body=failure.body,
                chain=failure.chain,
                pointer=pointer,
            )
            return True
        if texts := texts_of_reply(value, pointer):
            _read_texts(value, texts, build, pointer)
            return True
        if is_preference(value):
            read_preference(value, build, pointer)
            return True
        if key := reply_key(value):
            read_prompted(value, key, build, pointer)
            return True
        if is_prompt_alone(value):
            read_prompt(value, build, pointer)
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
            build.defect("no chat message here", item, pointer=inner)
    return found


def _read_wrapped(value: dict[str, Any], build: RunBuilder, pointer: str) -> None:
    messages, own = decode_if_json(value["messages"]), metadata_of_export(value)
    if isinstance(messages, list) and messages and all(isinstance(m, list) for m in messages):
        inner = [*messages]
    else:
        inner = [messages]
    nested = len(inner) > 1 or inner[0] is not messages
    for index, one in enumerate(inner):
        place = f"{pointer}/messages/{index}" if nested else f"{pointer}/messages"
        start_row(value, one if isinstance(one, list) else [], build, pointer)
        for key in _SYSTEM_KEYS:
            if isinstance(value.get(key), str) and not fields.begins_with_system(one):
                system = {"role": "system", "content": value[key]}
                build.message(system, pointer=f"{pointer}/{key}")
                break
        if isinstance(one, list):
            build.messages(map(decode_if_json, one), place)
        elif one is not None:
            build.defect("`messages` is not a list", one, pointer=place)
        build.end_with(outcome_of_export(own) if own else outcome_of(value))


def _read_completion(value: dict[str, Any], build: RunBuilder, pointer: str) -> None:
    """Read a bare `chat.completion`: a run of one reply for each choice."""
    # This also loads the readers of streams, which most files do not need.
    from hermes_tui.formats.replies import reply_of

    size = len(value["choices"])
    for index, choice in enumerate(value["choices"]):
        place = f"{pointer}/choices/{index}"
        _start_reply(value, build, pointer, index, size)
        if not isinstance(choice, dict) or not isinstance(choice.get("message"), dict):
            build.defect("a choice without a message", choice, pointer=place)
            continue
        reply = reply_of({"choices": [choice]}, "")
        used = None if index else value.get("usage")
        add_received(pointer, choice.get("finish_reason"), used, build, reply.flaws)
        for _, message in reply.messages:
            build.message(message, pointer=f"{place}/message")


def _start_reply(
    meta: Mapping[str, Any], build: RunBuilder, pointer: str, index: int, size: int
) -> None:
    """Open the run of one of the `size` replies to a single request."""
    run_id = fields.run_id_of(meta)
    build.start(
        run_id=name_of_choice(run_id, index),
        model=fields.model_of(meta),
        group_id=run_id if size > 1 else "",
        lone_reply=True,
        details=fields.details_of(meta, without=("choices", "usage", "model")),
        pointer=pointer,
        ts=time_of(meta),
    )


def _read_texts(
    value: dict[str, Any], texts: list[TextReply], build: RunBuilder, pointer: str
) -> None:
    """Read a run for each of `texts`, which are replies in the model's own text."""
    meta = meta_of_reply(value)
    for index, text in enumerate(texts):
        _start_reply(meta, build, pointer, index, len(texts))
        add_text(text, None if index else meta.get("usage"), build)


def _is_completion(value: dict[str, Any]) -> bool:
    choices = value.get("choices")
    return (
        isinstance(choices, list)
        and bool(choices)
        and "messages" not in value
        and any(isinstance(choice, dict) and "message" in choice for choice in choices)
    )


def _failure_in(value: dict[str, Any]) -> Failure | None:
    """Return why a request got no reply, if `value` is the body that says so; else None."""
    if value.get("choices") == [] and str(value.get("object")) in _COMPLETIONS:
        return Failure("choices is empty: the server sent no message", body=fields.json_text(value))
    error = value.get("error", value if value.get("object") == "error" else None)
    if not isinstance(error, dict) or not isinstance(error.get("message"), str):
        return None
    # Events of agents have a type of their own next to their error.
    is_event = "error" in value and value.get("type", "error") != "error"
    return failure_of(error) if value.keys() <= _ERROR_KEYS and not is_event else None


def _is_chat(values: Any) -> bool:
    """Return whether `values` are chat messages, none of which belongs to another format."""
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
    is_pair = is_preference(value)
    is_prompted = is_pair or bool(reply_key(value))
    # Trainers keep the token ids of a prompt and its reply next to both.
    known: tuple[str, ...] = (*TEXT_KEYS, "tokens") if is_prompted else ()
    if is_pair:
        known = (*known, *PREFERENCE)
    if fields.ends_with_response(value):
        known = ("response",)
    foreign = _FOREIGN_TOP.difference(known)
    if foreign & value.keys() or any(keys <= value.keys() for keys in _FOREIGN_TOGETHER):
        return False
    if is_prompt_alone(value):
        return True
    if prompt_key(value) in ASKED_KEYS and find_conversations(value)[0]:
        # Its question and its output only sum up a conversation.
        return False
    if is_prompted or _is_completion(value) or texts_of_reply(value) or samples_key(value):
        return True
    if _failure_in(value):
        return True
    messages = decode_if_json(value.get("messages"))
    return messages == [] or _are_chats(messages)


def _are_chats(value: Any) -> bool:
    """Return whether `value` is a chat, or a list of chats."""
    if _is_chat(value):
        return True
    return isinstance(value, list) and bool(value) and all(map(_is_chat, value[:10]))


FORMAT = OpenAIMessages()
