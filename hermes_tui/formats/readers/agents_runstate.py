"""`agents-runstate`: a saved `RunState` of the OpenAI Agents SDK, of a paused or finished run.

    state = {"$schemaVersion", "original_input": text | [item, …], "generated_items": [made, …],
             "session_items"?: [made, …], "model_responses": [{"output", "usage"}, …],
             "current_agent", "current_step", "context": {"usage", "approvals", …}, …}
    made  = {"type": "message_output_item" | "tool_call_item" | …, "agent", "raw_item": item}

The SDK for JavaScript writes the same in camel case, with `result` for `output` in types of items.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.chat_messages import ChatMessage, SourceValue, append_message, raw_messages
from hermes_tui.formats.dialects.responses_items import (
    messages_of_items,
    messages_of_values,
    snake_item,
)
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.events import ResponseReceived
from hermes_tui.model.messages import Usage
from hermes_tui.model.wording import counted
from hermes_tui.parsers.measures import usage

PENDING = "approval pending"
_APPROVAL = "tool_approval_item"
_OWN_KEYS = (
    "original_input",
    "generated_items",
    "session_items",
    "model_responses",
    "last_model_response",
    "last_processed_response",
    "current_step",
    "context",
    "conversation_id",
    "generated_session_item_indexes",
    "current_response_generated_item_ownership",
    "current_turn_persisted_item_count",
)


class AgentsRunState:
    """Reads a saved `RunState`."""

    name = "agents-runstate"
    summary = (
        "OpenAI Agents SDK RunState (Python, JavaScript): runs paused for approval or finished"
    )

    def sniff(self, sample: Sample) -> Match | None:
        return Match(0.98, Unit.RUNS) if fields.mostly(sample.values, _is_state) else None

    def read(self, value: Any, build: RunBuilder) -> None:
        if not isinstance(value, dict) or not _is_state(value):
            build.defect("no state of a run in this record", value)
            return
        state = _State(value)
        messages = [*state.input_messages(), *state.output_messages()]
        build.start(
            run_id=fields.label(state.trace, "id"),
            task=fields.title_of(raw_messages(messages)),
            group_id=state.label("conversation_id"),
            details=state.details(),
        )
        for message in messages:
            for number, response in state.response_of(message):
                counts = _usage(fields.as_dict(response).get("usage"))
                build.add(ResponseReceived, pointer=message.pointer, turn=number, usage=counts)
            append_message(build, message)
        for pointer, odd in state.odd:
            build.defect("not an item of a run", odd, pointer=pointer)
        state.end(build)


def _is_state(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and "$schemaVersion" in value
        and any(key in value for key in ("generated_items", "generatedItems", "original_input"))
    )


class _State:
    """A state, its keys in snake case; `_spelled` maps them to the keys of the file."""

    def __init__(self, value: dict[str, Any]) -> None:
        self._spelled = {_snake(key): key for key in value}
        self._value = {_snake(key): item for key, item in value.items()}
        self.trace = fields.as_dict(self._value.get("trace"))
        self.odd: list[tuple[str, Any]] = []
        self._key_at: dict[str, str] = {}
        """The id of each item by its pointer."""
        self._step = fields.as_dict(self._value.get("current_step"))
        self._pending = frozenset(self._pending_ids())
        self._responses = self._responses_by_key()

    def label(self, key: str) -> str:
        return fields.label(self._value, key)

    def input_messages(self) -> list[ChatMessage]:
        original = self._value.get("original_input")
        pointer = f"/{self._spelled.get('original_input', '')}"
        if not isinstance(original, list):
            is_present = original is not None and original != ""
            return (
                [ChatMessage({"role": "user", "content": original}, pointer)] if is_present else []
            )
        return list(messages_of_items([snake_item(item) for item in original], pointer))

    def output_messages(self) -> Iterator[ChatMessage]:
        """Yield the messages of agents, models and tools, agent by agent."""
        for agent, items in groupby(self._items(), key=lambda pair: pair[0]):
            for message in messages_of_values(source for _, source in items):
                if message.role == "assistant" and agent:
                    message = replace(message, raw={**message.raw, "name": agent})
                ids = {fields.label(source.value, "call_id") for source in message.carried}
                waits = message.role == "assistant" and not self._pending.isdisjoint(ids)
                yield replace(message, flags=(PENDING,)) if waits else message

    def _items(self) -> Iterator[tuple[str, SourceValue]]:
        """Yield each item with its agent. Approvals repeat the call that waits for them."""
        key = max(
            ("generated_items", "session_items"),
            key=lambda name: len(fields.as_list(self._value.get(name))),
        )
        for index, made in enumerate(fields.as_list(self._value.get(key))):
            place = f"/{self._spelled[key]}/{index}"
            raw_key = "raw_item" if isinstance(made, dict) and "raw_item" in made else "rawItem"
            raw = made.get(raw_key) if isinstance(made, dict) else None
            if not isinstance(raw, dict):
                self.odd.append((place, made))
            elif made.get("type") != _APPROVAL:
                agent = fields.label(fields.as_dict(made.get("agent")), "name")
                item = SourceValue(snake_item(raw), f"{place}/{raw_key}")
                self._key_at[item.pointer] = _key(item.value)
                yield agent, item

    def _responses_by_key(self) -> dict[str, tuple[int, Any]]:
        """Return the model's responses, numbered from 1, by the id of their first item with one."""
        found: dict[str, tuple[int, Any]] = {}
        for turn, response in enumerate(fields.as_list(self._value.get("model_responses")), 1):
            output = fields.as_list(fields.as_dict(response).get("output"))
            key = next(filter(None, map(_key, map(snake_item, output))), "")
            if key:
                found.setdefault(key, (turn, response))
        return found

    def response_of(self, message: ChatMessage) -> Iterator[tuple[int, Any]]:
        """Yield the response that begins with `message`, with its number."""
        if message.role == "assistant":
            keys = [_key(item.value) for item in message.carried]
            for key in (self._key_at.get(message.pointer, ""), *keys):
                if key in self._responses:
                    yield self._responses.pop(key)

    def details(self) -> dict[str, Any]:
        context = fields.as_dict(self._value.get("context"))
        values = {**self._value, **{key: context.get(key) for key in ("approvals", "context")}}
        without = (key for key in _OWN_KEYS if key != "context")
        return fields.without_empty(fields.details_of(values, without=without))

    def _pending_ids(self) -> Iterator[str]:
        for interruption in fields.as_list(
            fields.as_dict(self._step.get("data")).get("interruptions")
        ):
            item = snake_item(fields.as_dict(interruption).get("raw_item", interruption))
            name = fields.label(fields.as_dict(item), "call_id")
            if name:
                yield name

    def end(self, build: RunBuilder) -> None:
        step = fields.label(self._step, "type")
        context = fields.as_dict(self._value.get("context"))
        stop = step.removeprefix("next_step_").replace("_", " ")
        if count := len(self._pending):
            stop = f"{counted(count, 'call')} {'waits' if count == 1 else 'wait'} for approval"
        is_done = step == "next_step_final_output"
        build.end(
            status="ok" if is_done else "unknown",
            stop_reason=stop,
            usage=_usage(context.get("usage")),
        )


def _key(item: Any) -> str:
    return fields.label(item, "call_id", "id") if isinstance(item, dict) else ""


def _usage(value: Any) -> Usage | None:
    """Return token counts, or None if the run has sent no request yet."""
    counts = {_snake(str(key)): item for key, item in fields.as_dict(value).items()}
    if not any(fields.number(counts.get(key)) for key in ("requests", "total_tokens")):
        return None
    for key in ("input_tokens_details", "output_tokens_details"):
        if isinstance(details := counts.get(key), list):
            counts[key] = details[0] if details else None
    return usage(counts)


def _snake(key: str) -> str:
    return fields.snake_case(key).removeprefix("$")


FORMAT = AgentsRunState()
