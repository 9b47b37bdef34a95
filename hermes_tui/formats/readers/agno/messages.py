"""The messages of one run of Agno, with the results, times and usage that the run keeps apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.chat_messages import ChatMessage, SourceValue, objects_under, values_under
from hermes_tui.model.chat_api import function_call
from hermes_tui.parsers.measures import time_of, timestamp, usage
from hermes_tui.parsers.normalise import TextCalls, normalise_message

_MODEL_KEYS: Final = ("role", "name", "content", "tool_calls", "reasoning_content")
_MEDIA_KEYS: Final = ("images", "audio", "videos", "files", "image_output", "audio_output")
_WITHOUT_CALLS: Final = partial(normalise_message, text_calls=TextCalls.IGNORE)
"""A call in the outcome of a step is found where the run of the step has it."""

Timed = tuple[ChatMessage, float | None]
"""A message and its time in unix seconds."""


def messages_of(run: SourceValue, is_repeated: Callable[[dict[str, Any]], bool]) -> Iterator[Timed]:
    """Yield the messages of an agent's or a team's run in their order, without repeated ones.

    What is not a message has no role, and its value as the one that it carries. With
    `store_tool_messages=False` only `tools` has the calls; they come before the last reply. A run
    without messages has an input and perhaps an answer.
    """
    row = fields.as_dict(run.value)
    listed = fields.as_list(row.get("messages"))
    if not listed:
        yield from _input_of(row, run)
    executions = {
        fields.label(one.value, "tool_call_id"): one for one in _objects(row, "tools", run)
    }
    called = _called_ids(listed)
    unseen = [one for name, one in executions.items() if name not in called]
    last_reply = max((at for at, one in enumerate(listed) if _is_reply(one)), default=-1)
    for at, message in enumerate(listed):
        if at == last_reply:
            yield from _executed(unseen)
        source = SourceValue(message, f"{run.pointer}/messages/{at}", run.line)
        role = fields.as_dict(message).get("role")
        if not (isinstance(role, str) and role):
            yield ChatMessage({}, source.pointer, (source,), line=run.line), None
        elif not is_repeated(message):
            yield _message(source, executions)
    if last_reply < 0:
        yield from _executed(unseen)
    if not listed:
        yield from _answer_of(row, run)


def steps_of(run: SourceValue) -> Iterator[Timed]:
    """Yield the input of a workflow's run, and the outcome of each step in its order."""
    row = fields.as_dict(run.value)
    yield from _input_of(row, run)
    pending = [SourceValue(row.get("step_results"), f"{run.pointer}/step_results", run.line)]
    while pending:
        source = pending.pop()
        if isinstance(source.value, list):
            pending.extend(reversed(values_under(source.value, source.pointer, run.line)))
        elif isinstance(source.value, dict):
            yield _step(source.value, source), None
            inner = source.value.get("steps")
            pending.append(SourceValue(inner, f"{source.pointer}/steps", run.line))


def _step(step: dict[str, Any], source: SourceValue) -> ChatMessage:
    content = fields.json_text(step["content"]) if step.get("content") is not None else ""
    raw = {
        "role": "assistant",
        "name": fields.label(step, "step_name", "executor_name"),
        "content": content or fields.label(step, "error"),
    }
    flags = ("failed",) if step.get("success") is False else ()
    return ChatMessage(raw, source.pointer, flags=flags, line=source.line, normalise=_WITHOUT_CALLS)


def _objects(row: dict[str, Any], key: str, parent: SourceValue) -> list[SourceValue]:
    return objects_under(row.get(key), f"{parent.pointer}/{key}", parent.line)


def _called_ids(listed: list[Any]) -> set[str]:
    """Return the ids of the calls and of the answered calls in a list of messages."""
    rows = [fields.as_dict(one) for one in listed]
    called = [
        fields.as_dict(call) for row in rows for call in fields.as_list(row.get("tool_calls"))
    ]
    return {fields.label(one, "id") for one in called} | {
        fields.label(row, "tool_call_id") for row in rows
    }


def _is_reply(message: Any) -> bool:
    return fields.as_dict(message).get("role") == "assistant"


def _message(source: SourceValue, executions: dict[str, SourceValue]) -> Timed:
    row = fields.as_dict(source.value)
    if row.get("role") == "tool":
        executed = executions.get(fields.label(row, "tool_call_id"))
        return _result(row, source, fields.as_dict(executed.value if executed else None))
    raw = {key: row[key] for key in _MODEL_KEYS if row.get(key) is not None}
    if media := [_media_part(key, one) for key in _MEDIA_KEYS for one in _listed(row.get(key))]:
        texts = raw.get("content")
        parts = texts if isinstance(texts, list) else [{"type": "text", "text": texts or ""}]
        raw["content"] = [*parts, *media]
    metrics = fields.as_dict(row.get("metrics"))
    raw["duration_s"] = metrics.get("duration")
    calls = tuple(_objects(row, "tool_calls", source))
    whole = len(calls) == len(fields.as_list(row.get("tool_calls")))
    message = ChatMessage(
        raw, source.pointer, calls if whole else (), line=source.line, used=usage(metrics)
    )
    return message, time_of(row)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if isinstance(value, dict) else []


def _media_part(key: str, media: Any) -> dict[str, Any]:
    """Return a content part for a medium, which has a URL, a path or its bytes in base64."""
    known = fields.as_dict(media)
    kind = next(kind for kind in ("image", "audio", "video", "file") if key.startswith(kind))
    return {**known, "type": kind}


def _result(row: dict[str, Any], source: SourceValue, executed: dict[str, Any]) -> Timed:
    """Return the result of a call; `executed` is what the run keeps of the tool's execution."""
    metrics = fields.as_dict(executed.get("metrics"))
    is_failed = row.get("tool_call_error") is True or executed.get("tool_call_error") is True
    raw = {
        "role": "tool",
        "tool_call_id": row.get("tool_call_id"),
        "name": row.get("tool_name") or executed.get("tool_name") or row.get("name"),
        "content": row.get("content"),
        "is_error": is_failed or None,
        "duration_s": metrics.get("duration"),
    }
    message = ChatMessage(raw, source.pointer, (source,), line=source.line)
    return message, timestamp(metrics.get("end_time")) or time_of(row)


def _executed(sources: list[SourceValue]) -> Iterator[Timed]:
    """Yield the calls of executions that no message has, and their results."""
    if not sources:
        return
    calls = [
        function_call(
            one.value.get("tool_call_id"),
            one.value.get("tool_name"),
            fields.json_text(one.value.get("tool_args")),
        )
        for one in sources
    ]
    raw = {"role": "assistant", "content": "", "tool_calls": calls}
    first = sources[0]
    yield ChatMessage(raw, first.pointer, tuple(sources), line=first.line), time_of(first.value)
    for source in sources:
        if source.value.get("result") is not None:
            answer = {**source.value, "content": source.value["result"]}
            yield _result(answer, source, source.value)


def input_text(row: dict[str, Any]) -> str:
    """Return what a run was given, as JSON if it is not a text; empty if that is not stored."""
    given = row.get("input", row.get("run_input"))
    if isinstance(given, dict) and "input_content" in given:
        given = given["input_content"]
    return fields.json_text(given) if given else ""


def _input_of(row: dict[str, Any], run: SourceValue) -> Iterator[Timed]:
    if text := input_text(row):
        raw = {"role": "user", "content": text}
        yield ChatMessage(raw, f"{run.pointer}/input", line=run.line), time_of(row)


def _answer_of(row: dict[str, Any], run: SourceValue) -> Iterator[Timed]:
    raw = {key: row[key] for key in ("content", "reasoning_content") if row.get(key)}
    if not raw or row.get("status") == "ERROR":
        return
    if "content" in raw:
        raw["content"] = fields.json_text(raw["content"])
    used = usage(row.get("metrics"))
    message = ChatMessage(
        {"role": "assistant", **raw}, f"{run.pointer}/content", line=run.line, used=used
    )
    yield message, time_of(row)
