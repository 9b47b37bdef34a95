"""`art`: trajectories that OpenPipe's ART logs, in groups of one scenario.

    file       = row*                  Parquet: a trajectory a row, a file a step
               | group*                JSONL, as older versions wrote them
    row        = {"group_index", "messages": [message, …], "reward", "metrics", "metadata", …}
               | the same with {"trajectory_index", "trajectory_json": JSON text}       ART 0.5.23
    message    = {"role", "content", "tool_calls": JSON text?, "tool_call_id"?, "trainable": bool}
    group      = {"trajectories": [trajectory, …]}
    trajectory = {"messages_and_choices": [said, …], "reward", "metrics", "metadata", "tools", …,
                  "additional_histories"?: [{"messages_and_choices", "tools"}, …]}
    said       = message of the OpenAI API | {"finish_reason", "index", "message"}

The policy's messages are trainable, or choices. `metrics`, `metadata` and `tools` of a row are JSON
text; `trajectory_json` holds everything in the row, and more (`conversations.py`). Additional
histories are trained with their trajectory, and are runs below it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.declared_tools import tool_specs
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.formats.readers.art.conversations import (
    HISTORIES_KEY,
    MESSAGES_KEY,
    Conversation,
    conversations_of,
)
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.samples import name_of_prompt
from hermes_tui.model.wording import title

_ROW_KEYS = ("group_index", "trajectory_index", "trajectory_json", "group_json", "format_version")
_OWN_KEYS = ("messages", MESSAGES_KEY, "reward", "metrics", "tools", HISTORIES_KEY, *_ROW_KEYS)


class Art:
    """Reads trajectories of rows and of groups."""

    name = "art"
    summary = "OpenPipe ART trajectories, Parquet or JSONL: a run each, with reward and metrics"

    def sniff(self, sample: Sample) -> Match | None:
        return sample.match_of_runs(0.95, _is_known)

    def read(self, value: Any, build: RunBuilder) -> None:
        if _conversations(value):
            _read_conversations(value, build)
        elif _is_row(value):
            index = fields.label(value, "group_index")
            messages = [_decoded(one) for one in fields.as_list(decode_if_json(value["messages"]))]
            group = title(f"group {index}") if index else ""
            _read(value, messages, build, "/messages", group_id=group)
        elif _is_group(value):
            for number, one in enumerate(value["trajectories"]):
                _read_trajectory(one, number, build)
        else:
            build.defect("no trajectory in this record", value)


def _is_known(value: Any) -> bool:
    return _is_row(value) or bool(_conversations(value)) or _is_group(value)


def _conversations(row: Any) -> list[Conversation]:
    """Return the conversations that a row holds as JSON text."""
    if not isinstance(row, dict) or "group_index" not in row:
        return []
    return conversations_of(fields.as_dict(decode_if_json(row.get("trajectory_json"), 1)))


def _is_row(value: Any) -> bool:
    if not isinstance(value, dict) or "group_index" not in value:
        return False
    messages = decode_if_json(value.get("messages"))
    return fields.is_message_list(messages) and "trainable" in fields.first_object(messages)


def _is_group(value: Any) -> bool:
    trajectories = value.get("trajectories") if isinstance(value, dict) else None
    if not isinstance(trajectories, list) or not trajectories:
        return False
    return fields.mostly(trajectories, _is_trajectory)


def _is_trajectory(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get(MESSAGES_KEY), list)


def _decoded(message: Any) -> Any:
    """Return a message of a row with its calls decoded; the schema keeps them as JSON text."""
    if not isinstance(message, dict) or not isinstance(message.get("tool_calls"), str):
        return message
    return {**message, "tool_calls": decode_if_json(message["tool_calls"])}


def _read_conversations(row: dict[str, Any], build: RunBuilder) -> None:
    group = title(f"group {fields.label(row, 'group_index')}")
    index = row.get("trajectory_index")
    name = f"{group} · rollout {index + 1}" if isinstance(index, int) else group
    for number, conversation in enumerate(_conversations(row), 1):
        raw = {**row, "tools": conversation.tools} if number == 1 else {"tools": conversation.tools}
        run_arguments = {"group_id": group, "model": conversation.model, "run_id": name}
        if number > 1:
            run_arguments |= {"run_id": f"{name} · history {number}", "parent_run_id": name}
        _read(raw, conversation.messages, build, "", **run_arguments)


def _read_trajectory(raw: Any, number: int, build: RunBuilder) -> None:
    place = f"/trajectories/{number}"
    if not _is_trajectory(raw):
        build.defect("not a trajectory", raw, pointer=place)
        return
    name = f"rollout {number + 1}"
    group = name_of_prompt(raw[MESSAGES_KEY][: _first_reply(raw[MESSAGES_KEY])])
    _read(raw, raw[MESSAGES_KEY], build, f"{place}/{MESSAGES_KEY}", group_id=group, run_id=name)
    for index, history in enumerate(fields.as_list(raw.get(HISTORIES_KEY))):
        messages = history.get(MESSAGES_KEY) if isinstance(history, dict) else None
        inner = f"{place}/additional_histories/{index}"
        if not isinstance(messages, list):
            build.defect("not a history", history, pointer=inner)
            continue
        run_arguments = {"group_id": group, "run_id": f"{name} · history {index + 2}"}
        parts = {"tools": history.get("tools")}
        _read(
            parts, messages, build, f"{inner}/{MESSAGES_KEY}", parent_run_id=name, **run_arguments
        )


def _first_reply(messages: list[Any]) -> int:
    """Return the index of the policy's first message."""
    roles = (fields.as_dict(one).get("role", "assistant") for one in messages)
    return next((n for n, role in enumerate(roles) if role == "assistant"), len(messages))


def _read(
    raw: Mapping[str, Any], messages: list[Any], build: RunBuilder, place: str, **run_arguments: Any
) -> None:
    tools = decode_if_json(raw.get("tools"))
    metrics = fields.as_dict(decode_if_json(raw.get("metrics")))
    details = {**raw, "metadata": decode_if_json(raw.get("metadata"))}
    chat_messages = [_message(one) for one in messages]
    build.start(
        task=fields.title_of(chat_messages),
        tools=tool_specs(tools) if tools else None,
        details=fields.without_empty(fields.details_of(details, without=_OWN_KEYS)),
        **run_arguments,
    )
    for index, message in enumerate(chat_messages):
        # A value inside JSON text has no pointer of its own.
        pointer = f"{place}/{index}" if place else "/trajectory_json"
        is_choice = message is not messages[index] and place
        build.append_element(message, f"{pointer}/message" if is_choice else pointer)
    if "reward" in raw:
        _end(raw, metrics, build)


def _message(value: Any) -> Any:
    """Return a message, or the message of a choice with its finish reason."""
    if not isinstance(value, dict) or not isinstance(value.get("message"), dict):
        return value
    return {"role": "assistant", "finish_reason": value.get("finish_reason"), **value["message"]}


def _end(raw: Mapping[str, Any], metrics: dict[str, Any], build: RunBuilder) -> None:
    build.end(
        reward=fields.number(raw["reward"]),
        scores=fields.measured(metrics, without=("duration",)),
        duration_s=fields.number(metrics.get("duration")),
    )


FORMAT = Art()
