"""`pydantic-ai`: histories of agents, as `all_messages_json()` and the type adapter write them.

file    = message*            one run: an array of model messages, or one a line
        | history*            lines or an array of runs
history = [message, …] | {"messages" | "all_messages" | "message_history": [message, …], …}
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.chat_messages import ChatMessage, append_messages, raw_messages
from hermes_tui.formats.dialects.pydantic_ai_parts import instructions_of, is_message, messages_of
from hermes_tui.formats.outcomes import OUTCOME_KEYS, outcome_of
from hermes_tui.formats.run_builder import RunBuilder

_KEYS = ("messages", "all_messages", "message_history", "new_messages")


class PydanticAI:
    """Reads model messages; instructions are shown once, where they are new."""

    name = "pydantic-ai"
    summary = (
        "pydantic-ai message histories: requests and responses with their parts, retries marked"
    )

    def sniff(self, sample: Sample) -> Match | None:
        found = sample.match_of_rows(0.9, is_message)
        return found or sample.match_of_runs(0.9, _is_history)

    def read(self, value: Any, build: RunBuilder) -> None:
        key = _key_of(value)
        if key:
            _read_run(value[key], build, f"/{key}", value)
        elif isinstance(value, list) or is_message(value):
            _read_run(value, build, "", {})
        else:
            build.defect("no model message in this record", value)


def _key_of(value: Any) -> str:
    row = fields.as_dict(value)
    return next((key for key in _KEYS if _is_list(row.get(key))), "")


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and fields.mostly(value[:50], is_message)


def _is_history(value: Any) -> bool:
    return _is_list(value) or bool(_key_of(value))


def _read_run(items: Any, build: RunBuilder, pointer: str, around: dict[str, Any]) -> None:
    """Read a list of model messages at `pointer`, or a single one."""
    placed = list(build.placed(items, pointer))
    messages = list(_messages(placed))
    _start([item for _, _, item in placed], messages, around, build)
    append_messages(build, messages)
    for place, line, item in placed:
        if not is_message(item):
            build.defect("not a model message", item, pointer=place, line=line)
    build.end_with(outcome_of(around))


def _messages(placed: Iterable[tuple[str, int, Any]]) -> Iterator[ChatMessage]:
    """Yield the messages of a history; instructions, which every request repeats, only when new."""
    previous = ""
    for place, line, item in placed:
        if not is_message(item):
            continue
        instructions = instructions_of(item, place, line=line)
        if instructions is not None and instructions.raw["content"] != previous:
            previous = instructions.raw["content"]
            yield instructions
        yield from messages_of(item, place, line=line)


def _start(
    items: Iterable[Any], messages: list[ChatMessage], around: dict[str, Any], build: RunBuilder
) -> None:
    objects = [item for item in items if isinstance(item, dict)]
    models = _names_under(objects, "model_name")
    details = fields.details_of(around, without=(*_KEYS, *OUTCOME_KEYS))
    details["models"] = ", ".join(models if len(models) > 1 else ())
    details["provider"] = ", ".join(_names_under(objects, "provider_name"))
    build.start(
        run_id=fields.run_id_of(around) or next(iter(_names_under(objects, "run_id")), ""),
        task=fields.task_of(around, raw_messages(messages)),
        model=fields.model_of(around) or next(iter(models), ""),
        group_id=next(iter(_names_under(objects, "conversation_id")), ""),
        details=fields.without_empty(details),
    )


def _names_under(objects: Iterable[dict[str, Any]], key: str) -> list[str]:
    """Return the distinct names that messages have under `key`, in order."""
    names = (fields.label(item, key) for item in objects)
    return list(dict.fromkeys(filter(None, names)))


FORMAT = PydanticAI()
