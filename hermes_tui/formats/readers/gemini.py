"""`gemini`: contents of Google's API: conversations, request bodies, replies, recordings.

    file      = content*                    one run: an array, or a content a line
              | recording*                  one run: a reply of a model a line
              | [reply, …]                  one streamed reply
              | run*
    run       = [content, …] | request | reply | {"history": [content, …], …}
              | {"request": request, "response": reply | [reply, …], …}      a batch, a logged call
    recording = {"method", "response": reply | [reply, …]}

Calls seldom have ids and their results are in a user's turn: they are paired by name and order.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.dialects.gemini_contents import (
    append_content,
    contents_of,
    is_content,
    is_request,
    message_of,
    tools_of,
)
from hermes_tui.formats.dialects.gemini_replies import append_reply, is_reply, is_stream, model_of
from hermes_tui.formats.failures import failure_of
from hermes_tui.formats.framing import Layout, Unit
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.events import RequestFailed
from hermes_tui.parsers.measures import time_of

_REQUEST_KEYS = ("contents", "systemInstruction", "system_instruction", "tools", "model")
_RUN_KEYS = ("request", "response", "history", "candidates", "usageMetadata", "status")


class Gemini:
    """Reads contents, and the objects around them."""

    name = "gemini"
    summary = "Gemini contents: conversations, request bodies, replies, batches, recorded replies"

    def sniff(self, sample: Sample) -> Match | None:
        values, layout = sample.elements()
        if fields.mostly(values, _is_recording):
            return Match(0.9, Unit.PARTS, layout)
        if fields.mostly(values, is_content):
            return Match(0.85, Unit.PARTS, layout)
        if layout is Layout.ARRAY and fields.mostly(values, is_reply):
            return Match(0.85, Unit.RUNS, Layout.DOCUMENT)
        return Match(0.9, Unit.RUNS, layout) if fields.mostly(values, _is_run) else None

    def read(self, value: Any, build: RunBuilder) -> None:
        if build.unit is Unit.PARTS:
            _read_part(value, build)
        elif is_stream(value):
            _read_reply(value, build)
        elif isinstance(value, list):
            _read_contents({"contents": value}, "", build)
        elif not isinstance(value, dict):
            build.defect("no contents in this record", value)
        elif isinstance(value.get("history"), list):
            _read_contents({**value, "contents": value["history"]}, "/history", build)
        elif "contents" in value or isinstance(value.get("request"), dict):
            _read_call(value, build)
        elif is_reply(value):
            _read_reply(value, build)
        else:
            build.defect("no contents in this record", value)


def _is_recording(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("response"), (dict, list)):
        return False
    return fields.label(value, "method").startswith("generateContent") and "contents" not in value


def _is_run(value: Any) -> bool:
    if isinstance(value, list):
        return fields.mostly(value[:50], is_content)
    if not isinstance(value, dict):
        return False
    history = value.get("history")
    if isinstance(history, list) and fields.mostly(history[:50], is_content):
        return True
    return is_request(value) or is_request(value.get("request")) or is_reply(value)


def _read_part(value: Any, build: RunBuilder) -> None:
    """Read a record of a file that is one run."""
    if isinstance(value, dict) and "response" in value:
        if build.is_opening:
            build.start(model=model_of(value["response"]))
        if _is_recording(value):
            append_reply(build, value["response"], "/response")
        else:
            build.defect("a recording of no reply", value)
        return
    if build.is_opening:
        build.start(task=_title([("", value)]))
    append_content(build, value, "")


def _read_contents(value: dict[str, Any], pointer: str, build: RunBuilder) -> None:
    """Read the list of contents at `pointer`, with the other members of its object."""
    contents = [(f"{pointer}/{index}", item) for index, item in enumerate(value["contents"])]
    build.start(
        run_id=fields.run_id_of(value),
        task=_title(contents),
        model=fields.model_of(value),
        tools=tools_of(value),
        details=fields.details_of(value, without=(*_REQUEST_KEYS, *_RUN_KEYS)),
        ts=time_of(value),
    )
    _append_contents(contents, "", build)


def _read_call(value: dict[str, Any], build: RunBuilder) -> None:
    """Read a request, with its reply if there is one."""
    inner = value.get("request")
    wrapped = isinstance(inner, dict) and "contents" not in value
    request: dict[str, Any] = inner if isinstance(inner, dict) and wrapped else value
    outer_details = (
        fields.details_of(value, without=(*_REQUEST_KEYS, *_RUN_KEYS, "key")) if wrapped else {}
    )
    has_candidates = isinstance(value.get("candidates"), list)
    reply = value.get("response", value if has_candidates else None)
    contents = list(contents_of(request))
    build.start(
        run_id=fields.label(value, "key") or fields.run_id_of(value),
        task=_title(contents),
        model=fields.model_of(request) or model_of(reply),
        tools=tools_of(request),
        details={
            **fields.details_of(request, without=(*_REQUEST_KEYS, *_RUN_KEYS)),
            **outer_details,
        },
        ts=time_of(value),
    )
    _append_contents(contents, "/request" if wrapped else "", build)
    if isinstance(reply, (dict, list)) and reply:
        append_reply(build, reply, "/response" if "response" in value else "", turn=1)
    for key in ("error", "status"):
        if value.get(key):
            _append_failure(value[key], f"/{key}", build)
            break


def _read_reply(reply: Any, build: RunBuilder) -> None:
    pieces = reply if isinstance(reply, list) else [reply]
    first: dict[str, Any] = next(filter(is_reply, pieces), {})
    build.start(
        run_id=fields.label(first, "responseId", "response_id"),
        model=model_of(reply),
        ts=time_of({"created": first.get("createTime")}),
    )
    for index, piece in enumerate(pieces):
        if not is_reply(piece):
            build.defect("not a piece of a reply", piece, pointer=f"/{index}")
    append_reply(build, reply, "", turn=1)


def _append_failure(error: Any, pointer: str, build: RunBuilder) -> None:
    failure = failure_of(error)
    build.add(
        RequestFailed,
        pointer=pointer,
        turn=1,
        message=failure.message,
        status=failure.status,
        body=failure.body,
    )
    build.end(status="error", stop_reason=failure.message)


def _append_contents(contents: list[tuple[str, Any]], prefix: str, build: RunBuilder) -> None:
    for pointer, content in contents:
        append_content(build, content, prefix + pointer)


def _title(contents: list[tuple[str, Any]]) -> str:
    return fields.title_of(_messages(contents))


def _messages(contents: list[tuple[str, Any]]) -> Iterator[dict[str, Any]]:
    return (message_of(content) for _, content in contents if isinstance(content, (dict, str)))


FORMAT = Gemini()
