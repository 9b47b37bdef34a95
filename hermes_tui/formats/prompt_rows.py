"""Rows of a prompt with a model's reply: one text, or several samples.

    row = {"prompt": text | [message, …], "text" | "completion" | …: said | message, …metadata}
        | {"question" | "instruction" | "input" | …: text, "completion" | "output" | …: said, …}
        | {"messages": [message, …], "completion" | "output" | …: said | message, …}
        | a prompt and a list of samples (`samples`): a run each, together a group
        | {"prompt"?, "chosen": said, "rejected": said, …}     a preference: two runs
        | {"prompt": [message, …], …metadata}                  a prompt without a reply
    said = text | [message, …]                              without a prompt: the whole conversation

A text is the model's own, which no parser has read. If a rendered prompt contains the beginning of
the reply, that is part of the reply.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import takewhile
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.declared_tools import tool_specs, tools_in_prompt
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.formats.outcomes import OUTCOME_KEYS, is_cut, outcome_of
from hermes_tui.formats.own_exports import is_export
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.samples import (
    TEXT_KEYS,
    PromptSample,
    group_of_samples,
    name_in_row,
    name_of_prompt,
    parallel_lists,
    prompt_key,
    samples_of,
)
from hermes_tui.formats.texts.text_replies import TextReply, messages_of_prompt
from hermes_tui.model.diagnostics import Diagnostic
from hermes_tui.model.events import ResponseReceived
from hermes_tui.parsers.measures import time_of, usage
from hermes_tui.parsers.normalise import TextCalls

PREFERENCE = ("chosen", "rejected")
_TOOL_KEYS = ("tools", "functions", "tool_defs", "oai_tools")


def start_row(
    value: dict[str, Any],
    messages: list[Any],
    build: RunBuilder,
    pointer: str,
    **known: Any,
) -> None:
    """Open the run of a row; `known` takes precedence over the row's own values."""
    tools_key = next((key for key in _TOOL_KEYS if value.get(key)), "")
    declared = tool_specs(value[tools_key]) if tools_key else None
    named = ("messages", "prompt", "model", *_TOOL_KEYS, *OUTCOME_KEYS)
    own = metadata_of_export(value)
    arguments: dict[str, Any] = {
        "run_id": fields.run_id_of(own or value),
        "task": fields.task_of(own or value, messages),
        "model": fields.model_of(value),
        "group_id": fields.group_of(own or value),
        # An empty list comes from exporters that do not know the tools.
        "tools": tools_in_prompt(messages) if declared is None else declared,
        "details": fields.details_of(value, without=named),
        "pointer": pointer,
        "ts": time_of(value),
    }
    build.start(**{**arguments, **known})


def metadata_of_export(value: dict[str, Any]) -> dict[str, Any]:
    """Return the metadata of a run exported by hermes-tui, or {} if this is no such export."""
    metadata = fields.as_dict(value.get("metadata"))
    return metadata if is_export(metadata) else {}


def add_text(text: TextReply, used: Any, build: RunBuilder) -> None:
    add_received(text.pointer, text.finish_reason, used, build)
    build.message(text.message, pointer=text.pointer, text_calls=TextCalls.TRANSPORT)


def add_received(
    pointer: str, reason: Any, used: Any, build: RunBuilder, found: tuple[Diagnostic, ...] = ()
) -> None:
    build.add(
        ResponseReceived,
        pointer=pointer,
        turn=1,
        finish_reason=reason if isinstance(reason, str) else "",
        usage=usage(used),
        diagnostics=found,
    )


def read_prompted(value: dict[str, Any], key: str, build: RunBuilder, pointer: str) -> None:
    """Read a row of a prompt and the model's reply under `key`."""
    reply = fields.messages_if_json(value[key])
    is_lone = not isinstance(reply, list) or len(reply) < 2
    row = {name: each for name, each in value.items() if name != key}
    prefill = _start_prompted(row, prompt_key(value), build, pointer, lone_reply=is_lone)
    reason = fields.label(value, "finish_reason")
    _reply(reply, f"{pointer}/{key}", prefill, build, reason=reason, used=value.get("usage"))
    build.end_with(outcome_of_reply(value, "finish_reason"))


def _reply(
    reply: Any, place: str, prefill: str, build: RunBuilder, *, reason: str = "", used: Any = None
) -> None:
    """Append the reply to a prompt: a text, whose beginning `prefill` is in the prompt, a message,
    or messages."""
    if isinstance(reply, str):
        add_text(TextReply(place, prefill + reply, reason), used, build)
    elif isinstance(reply, dict):
        add_received(place, reply.get("finish_reason", reason), used, build)
        build.message(reply, pointer=place)
    else:
        build.messages(map(decode_if_json, reply), place)


def read_preference(value: dict[str, Any], build: RunBuilder, pointer: str) -> None:
    """Read the two replies of a preference, each with the messages that it answers."""
    sides = {name: fields.messages_if_json(value[name]) for name in PREFERENCE}
    shared = _shared(*sides.values())
    if prompt_key(value) and fields.first_object(shared).get("role") in ("assistant", "tool"):
        # The replies begin alike; the prompt is what they answer.
        shared = []
    group = fields.group_of(value) or name_of_prompt(shared or value.get("prompt"))
    row = {key: each for key, each in value.items() if key not in sides}
    for name, reply in sides.items():
        run_id = name_in_row(fields.run_id_of(value), name)
        known: dict[str, Any] = {"run_id": run_id, "group_id": group}
        prefill = ""
        if shared:
            start_row(row, shared, build, pointer, **known)
        else:
            prefill = _start_prompted(row, "prompt", build, pointer, **known)
        _reply(reply, f"{pointer}/{name}", prefill, build)


def is_preference(value: dict[str, Any]) -> bool:
    """Return whether a row has a chosen and a rejected reply, and their prompt."""
    chosen, rejected = (fields.messages_if_json(value.get(name)) for name in PREFERENCE)
    if fields.is_message_list(chosen) and fields.is_message_list(rejected):
        return bool(_shared(chosen, rejected)) or prompt_key(value) == "prompt"
    are_texts = isinstance(chosen, str) and isinstance(rejected, str)
    return are_texts and prompt_key(value) == "prompt"


def _shared(chosen: Any, rejected: Any) -> list[Any]:
    """Return the messages at the beginning of both conversations."""
    if isinstance(chosen, str) or isinstance(rejected, str):
        return []
    pairs = zip(chosen, rejected, strict=False)
    return [one for one, _ in takewhile(lambda pair: pair[0] == pair[1], pairs)]


def _start_prompted(
    value: dict[str, Any], key: str, build: RunBuilder, pointer: str, **known: Any
) -> str:
    """Open the run of a row with the prompt under `key`; return the beginning of the reply in
    it."""
    prompt = fields.messages_if_json(value[key])
    value = {name: each for name, each in value.items() if name != key}
    if not isinstance(prompt, str):
        start_row(value, prompt, build, pointer, **known)
        build.messages(map(decode_if_json, prompt), f"{pointer}/{key}")
        return ""
    messages, prefill = messages_of_prompt(prompt)
    start_row(value, messages, build, pointer, **known)
    for message in messages:
        build.message(message, pointer=f"{pointer}/{key}", text_calls=TextCalls.TRANSPORT)
    return prefill


def outcome_of_reply(members: Mapping[str, Any], *reasons: str) -> dict[str, Any] | None:
    """Return `outcome_of` a row; `reasons` are the keys of the finish reason.

    That a reply ended regularly does not count as a success of the run.
    """
    left_out = () if is_cut(fields.label(members, *reasons)) else reasons
    return outcome_of({key: value for key, value in members.items() if key not in left_out})


def read_samples(value: dict[str, Any], key: str, build: RunBuilder, pointer: str) -> None:
    """Read a row of a prompt and its samples under `key`: each is a run, together they are a
    group."""
    key_of_prompt, listed = prompt_key(value), samples_of(value, key)
    is_group = len(listed) > 1
    own_keys = (key, *parallel_lists(value, len(listed)))
    shared = {name: each for name, each in value.items() if name not in own_keys}
    group = group_of_samples(value) if is_group else fields.group_of(value)
    run_id = fields.run_id_of(value)
    for index, sample in enumerate(listed):
        name = name_in_row(run_id, f"sample {index + 1}") if is_group else run_id
        about = fields.details_of(
            {**shared, **sample.metadata}, without=_shown_elsewhere(key_of_prompt)
        )
        known: dict[str, Any] = {"run_id": name, "group_id": group, "details": about}
        known["lone_reply"] = len(sample.messages) < 2
        prefill = _start_prompted(shared, key_of_prompt, build, pointer, **known)
        used = sample.metadata.get("usage", None if index else value.get("usage"))
        _add_sample(sample, prefill, used, build, pointer)
        build.end_with(outcome_of_reply(sample.metadata, "finish_reason"))


def _add_sample(
    sample: PromptSample, prefill: str, used: Any, build: RunBuilder, pointer: str
) -> None:
    reason = fields.label(sample.metadata, "finish_reason")
    if not sample.messages:
        build.defect("a sample without content", pointer=pointer + sample.pointer)
    for inner, message in sample.messages:
        place = pointer + inner
        if sample.is_text:
            add_text(TextReply(place, prefill + message["content"], reason), used, build)
            continue
        if len(sample.messages) == 1:
            add_received(place, reason, used, build)
        build.append_element(message, place)


def _shown_elsewhere(key_of_prompt: str) -> tuple[str, ...]:
    return (key_of_prompt, "usage", "model", *_TOOL_KEYS, *OUTCOME_KEYS)


def read_prompt(value: dict[str, Any], build: RunBuilder, pointer: str) -> None:
    """Read a row of a prompt without a reply, as in a data set for training."""
    _start_prompted(value, "prompt", build, pointer)


def is_prompt_alone(value: dict[str, Any]) -> bool:
    """Return whether a row has a prompt of messages, and nothing that may be a reply to it."""
    if "messages" in value or any(key in value for key in (*TEXT_KEYS, *PREFERENCE)):
        return False
    return fields.is_message_list(decode_if_json(value.get("prompt")))


def reply_key(value: dict[str, Any]) -> str:
    """Return the key of the reply to a row's prompt, or "" if it is no such row."""
    key_of_prompt = prompt_key(value) if any(key in value for key in TEXT_KEYS) else ""
    if not key_of_prompt:
        return ""
    # Next to messages, `text` is their rendering; next to a question it may be what that is about.
    names = [key for key in TEXT_KEYS if key_of_prompt == "prompt" or key != "text"]
    found = next((key for key in names if isinstance(value.get(key), str)), "")
    found = found or next((key for key in names if _is_reply_message(value.get(key))), "")
    found = found or next((key for key in names if fields.is_message_list(value.get(key))), "")
    # Next to a prompt, a completion of messages with a reward is a rollout of verifiers.
    is_rollout = found == "completion" and key_of_prompt == "prompt" and "reward" in value
    return "" if is_rollout and not isinstance(value[found], (str, dict)) else found


def _is_reply_message(value: Any) -> bool:
    return fields.is_message(value) and value["role"] == "assistant"
