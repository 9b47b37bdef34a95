"""`ai-sdk`: conversations of Vercel's AI SDK, as applications store them.

    file   = message* | [message, …]    one run, or one for each chat that the messages name
           | step* | [step, …]          one run; more if a step is the first of another one
           | run*
    run    = {"messages": [message, …], …}      a chat, a request of `useChat`, a thread of Mastra
           | {"steps": [step, …], …}            the result of `generateText`
    message: see `ai_sdk_messages`; step: see `ai_sdk_steps`

Messages without a call that the application sends to the model are those of `openai-messages`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.chat_messages import (
    ChatMessage,
    SourceValue,
    raw_messages,
    source_defect,
    source_values,
    values_under,
)
from hermes_tui.formats.declared_tools import tool_specs
from hermes_tui.formats.dialects.ai_sdk_messages import (
    errors_by_call,
    failures_of,
    is_model_message,
    is_ui_message,
    metadata_of,
    model_message,
    ui_messages,
)
from hermes_tui.formats.dialects.ai_sdk_refusals import append_settled
from hermes_tui.formats.failures import failure_of
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.formats.outcomes import OUTCOME_KEYS, is_cut, outcome_of
from hermes_tui.formats.readers.ai_sdk.steps import (
    is_first_step,
    is_step,
    model_of,
    request_beside,
    request_of,
    step_messages,
)
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.parsers.measures import timestamp

_CHAT_KEYS: Final = ("chatId", "chat_id", "threadId", "thread_id", "conversationId")
"""The keys under which a stored message names its chat."""
_MASTRA_TABLE: Final = "mastra_threads"
_TIME_KEYS: Final = ("createdAt", "created_at")


class AISDK:
    """Reads UI messages, model messages and steps."""

    name = "ai-sdk"
    summary = "Vercel's AI SDK: messages, steps, results; Mastra, its threads (SQLite, read-only)"

    def sniff(self, sample: Sample) -> Match | None:
        values, layout = sample.elements()
        if _is_chat(values):
            return Match(0.9, Unit.RUNS, layout.together())
        if fields.mostly(values, is_step) and not any(
            "steps" in fields.as_dict(value) for value in values
        ):
            return Match(0.9, Unit.RUNS, layout.together())
        return sample.match_of_runs(0.9, _is_run)

    def read(self, value: Any, build: RunBuilder) -> None:
        run = fields.as_dict(value)
        messages = decode_if_json(run.get("messages"))
        if isinstance(run.get("steps"), list):
            _read_steps(values_under(run["steps"], "/steps"), build, run)
        elif isinstance(messages, list) and not is_step(run):
            _read_chat(values_under(messages, "/messages"), build, run)
        elif is_step(value) or (isinstance(value, list) and any(map(is_step, value))):
            _read_steps(source_values(value, build), build, {})
        elif isinstance(value, list) or _is_any_message(value):
            _read_messages(source_values(value, build), build)
        else:
            build.defect("no message of the AI SDK in this record", value)


def _is_own_message(value: Any) -> bool:
    return is_ui_message(value) or is_model_message(value)


def _is_any_message(value: Any) -> bool:
    return fields.is_message(value) or is_ui_message(value)


def _is_chat(values: Any) -> bool:
    return fields.are_own(values, _is_any_message, _is_own_message)


def _is_run(value: Any) -> bool:
    if _is_chat(value):
        return True
    run = fields.as_dict(value)
    if run.get("_table") == _MASTRA_TABLE:
        return True
    steps = run.get("steps")
    if isinstance(steps, list) and steps:
        return fields.mostly(steps[:50], is_step)
    return _is_chat(decode_if_json(run.get("messages")))


def _read_messages(items: list[SourceValue], build: RunBuilder) -> None:
    """Read a list of messages: a run for each chat that they name."""
    chats: dict[str, list[SourceValue]] = {}
    for item in items:
        chats.setdefault(fields.label(fields.as_dict(item.value), *_CHAT_KEYS), []).append(item)
    for name, chat in chats.items() or (("", items),):
        _read_chat(chat, build, {}, name)


def _read_chat(
    items: list[SourceValue], build: RunBuilder, around: dict[str, Any], name: str = ""
) -> None:
    values = [item.value for item in items]
    errors = errors_by_call(values)
    messages = [_messages_of(item, errors) for item in items]
    flat = [message for several in messages for message in several]
    objects = [value for value in values if isinstance(value, dict)]
    models = (fields.label(metadata_of(one), "model", "modelId") for one in objects)
    if items:
        build.locate(items[0].line)
    system = around.get("system")
    build.start(
        run_id=fields.run_id_of(around) or name,
        task=fields.task_of(around, raw_messages(flat)),
        model=fields.model_of(around) or next(filter(None, models), ""),
        tools=tool_specs(around.get("tools")),
        group_id=fields.group_of(around),
        details=fields.details_of(
            around, without=("messages", "system", "tools", "_table", *OUTCOME_KEYS)
        ),
        ts=_time_of(around),
    )
    if isinstance(system, str) and not fields.begins_with_system(values):
        build.message({"role": "system", "content": system}, pointer="/system")
    for item, several in zip(items, messages, strict=True):
        append_settled(several, build)
        failures = failures_of(item.value, item.pointer)
        for place, error in failures:
            build.request_failed(failure_of(error).message, pointer=place)
        if not several and not failures:
            source_defect(build, "not a message", item)
    if (outcome := outcome_of(around)) is not None:
        build.end(**outcome)
    elif items and (failures := failures_of(items[-1].value, "")):
        build.end(status="error", stop_reason=failure_of(failures[-1][1]).message)


def _messages_of(item: SourceValue, errors: dict[str, str]) -> list[ChatMessage]:
    if is_ui_message(item.value):
        return ui_messages(item.value, item.pointer, line=item.line)
    if isinstance(item.value, dict):
        return [model_message(item.value, item.pointer, line=item.line, errors=errors)]
    return []


def _read_steps(items: list[SourceValue], build: RunBuilder, around: dict[str, Any]) -> None:
    for run in _runs_of(items):
        first = next((fields.as_dict(one.value) for one in run if is_step(one.value)), {})
        request = request_of(first, run[0].pointer if run else "")
        asked = request.messages or request_beside(around, "", ("assistant", "tool")).messages
        build.locate(run[0].line if run else 0)
        build.start(
            run_id=fields.label(fields.as_dict(first.get("response")), "id"),
            task=fields.title_of(raw_messages(asked)),
            model=model_of(first),
            tools=request.tools,
            details=_details(first, around),
            ts=timestamp(fields.as_dict(first.get("response")).get("timestamp")),
        )
        append_settled(asked, build)
        last: dict[str, Any] = {}
        has_tools = bool(build.tools)
        for item in run:
            if isinstance(item.value, dict):
                last = item.value
                append_settled(
                    step_messages(last, item.pointer, line=item.line, knows_tools=has_tools), build
                )
            else:
                source_defect(build, "not a step", item)
        _end(fields.label(last, "finishReason"), build)


def _runs_of(items: list[SourceValue]) -> Iterator[list[SourceValue]]:
    """Yield the steps of each run."""
    run: list[SourceValue] = []
    for item in items:
        step = fields.as_dict(item.value)
        if run and step and is_first_step(step, fields.as_dict(run[-1].value)):
            yield run
            run = []
        run.append(item)
    yield run


def _details(step: dict[str, Any], around: dict[str, Any]) -> dict[str, Any]:
    provider = fields.label(fields.as_dict(step.get("model")), "provider")
    known = {
        "agent": step.get("functionId"),
        "metadata": step.get("metadata"),
        "provider": provider,
        "usage": around.get("totalUsage"),
    }
    return fields.details_of(fields.without_empty(known))


def _end(reason: str, build: RunBuilder) -> None:
    if is_cut(reason):
        build.end(status="truncated", stop_reason=reason)
    elif reason == "error":
        build.end(status="error", stop_reason=reason)


def _time_of(around: dict[str, Any]) -> float | None:
    return next(filter(None, (timestamp(around.get(key)) for key in _TIME_KEYS)), None)


FORMAT = AISDK()
