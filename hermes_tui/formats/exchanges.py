"""One logged request to a model with its response, in any of the spellings of call logs.

exchange = {"messages", "response", …}                      completion logs, payloads, replays
         | {"request": request, "response"|"error": …}      proxies and clients
         | {"custom_id", "response": {"status_code", "body"}, "error"}     batch output
         | {"method", "path"|"url", "status", "response"}   HTTP recordings
         | {"input"|"body"|"prompt": request, "output": …}
         | {"kwargs"|"params"|"payload"|"prompt"|…: request, "response": {…}}    a client's own log
request: see `requests`
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.failures import Failure, failure_of, status_of
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.formats.outcomes import REWARD_KEYS, outcome_of
from hermes_tui.formats.replies import Reply, reply_of
from hermes_tui.formats.requests import INPUTS, Request, is_request, request_in
from hermes_tui.formats.samples import parallel_lists, values_of_sample
from hermes_tui.formats.secrets import mask_secrets, masked_headers, masked_url
from hermes_tui.formats.side_requests import side_request_by_reply, side_request_by_url
from hermes_tui.formats.texts.text_replies import is_generated
from hermes_tui.parsers.measures import timestamp

_FOREIGN_KEYS = frozenset(
    {
        "completion",
        "tokens",
        "trajectory",
        "conversations",
        "instruction",
        "parentObservationId",
        "parent_run_id",
        "resourceSpans",
        "target",
        "intermediate_steps",
        "trajectory_format",
        "parentUuid",
        "action",
        "observation",
        "test_result",
    }
)
_CLIENT_KEYS = (*INPUTS, "kwargs", "params", "payload")
"""The keys under which a client's own log has the arguments of its call."""
_SESSION_KEYS = (
    "session_id",
    "sessionId",
    "conversation_id",
    "thread_id",
    "litellm_session_id",
)
_TRACE_KEYS = ("trace_id", "litellm_trace_id")
_TIME_KEYS = ("startTime", "start_time", "started_at", "timestamp", "ts", "created_at", "time")
_END_KEYS = ("endTime", "end_time", "completed_at", "ended_at")
_DURATION_KEYS = (
    ("latency_sec", 1.0),
    ("latency_s", 1.0),
    ("duration_s", 1.0),
    ("response_time", 1.0),
    ("latency", 1.0),
    ("latency_ms", 1e3),
    ("duration_ms", 1e3),
    ("_response_ms", 1e3),
    ("elapsed_ms", 1e3),
)
_SHOWN_ELSEWHERE = frozenset(
    {"messages", "response", "request", "raw_messages", "raw_response", "tools", "output", "model"}
    | {*_CLIENT_KEYS, "stream", "headers", "request_headers", "url", "error"}
)


@dataclass(frozen=True)
class Exchange:
    """A request and its reply. `messages` and `reply.messages` carry the pointer of each message.

    `wire_request` and `wire_response` are the bodies sent over the wire, if the log also has the
    conversation in the agent's own form.
    """

    messages: tuple[tuple[str, dict[str, Any]], ...]
    reply: Reply
    request_pointer: str
    reply_pointer: str
    reply_raw: Any = None
    model: str = ""
    tools: Any = None
    session: str = ""
    trace: str = ""
    """The id of a trace: of a whole run, or of this request alone."""
    own_id: str = ""
    task: str = ""
    ts: float | None = None
    duration_s: float | None = None
    cost: Any = None
    url: str = ""
    headers: dict[str, Any] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    wire_request: Any = None
    wire_response: Any = None
    group: str = ""
    is_alone: bool = False
    """Whether the source records no agent loops: each request is for a single reply."""
    outcomes: tuple[dict[str, Any] | None, ...] = ()
    """For each message of the reply the arguments of `RunBuilder.end`, or None if not judged."""
    parser: str = ""
    """The parser of the server that made the reply, if the log names it."""
    echo: dict[str, Any] | None = None
    """The form in which later requests repeat the reply, if it is another one."""
    is_undelivered: bool = False
    """Whether the client got an error in place of the reply, and so may ask again."""
    reply_record: int | None = None
    """The number of the line with the reply, if it has one of its own."""
    side: str = ""
    """Its kind if it is outside all conversations, such as a token count; else ""."""

    @cached_property
    def received(self) -> str:
        """The response as logged, secrets masked; one text for the runs of all choices.

        Empty if the log does not have it.
        """
        raw = self.reply_raw if self.wire_response is None else self.wire_response
        return "" if raw is None else fields.json_text(mask_secrets(raw))


def exchange_of(value: Any, pointer: str = "") -> Exchange | None:
    """Return `value`, whose pointer is `pointer`, as an exchange, or None if it is not one."""
    if not isinstance(value, dict) or _FOREIGN_KEYS & value.keys():
        return None
    found = _request_and_reply_keys(value)
    if found is None:
        return None
    request_key, reply_key = found
    request = request_in(value, request_key)
    body = fields.as_dict(request.body)
    messages = request.messages(pointer)
    reply = _reply(value, reply_key, pointer)
    side = side_request_by_url(request.url)
    if not request.url and not reply.messages:
        side = side_request_by_reply(value, value.get(reply_key))
    if not messages and not reply.messages and not reply.failure and not request.url:
        return None
    return Exchange(
        messages=tuple(messages),
        reply=reply,
        request_pointer=pointer + request.pointer,
        reply_pointer=f"{pointer}/{reply_key}" if reply_key else pointer,
        reply_raw=value.get(reply_key) if reply_key else None,
        model=_model(value, body) or reply.model,
        tools=_tools(value, body),
        session=_first_label(value, body, _SESSION_KEYS),
        trace=_first_label(value, body, _TRACE_KEYS),
        own_id=fields.label(value, "custom_id", "id", "call_id", "request_id") or reply.id,
        task=fields.label(value, "task", "task_name", "task_id", "instance_id"),
        ts=_time(value, _TIME_KEYS) or _time(body, _TIME_KEYS),
        duration_s=_duration(value),
        cost=value.get("cost", value.get("response_cost", value.get("cost_usd"))),
        url=masked_url(request.url),
        headers=_headers(value, request, reply),
        details=fields.details_of(value, without=_SHOWN_ELSEWHERE),
        wire_request=request.wire_request,
        wire_response=request.wire_response,
        group=fields.group_of(value),
        is_alone="custom_id" in value,
        outcomes=_outcomes(value, max(1, len(reply.messages))),
        side=side,
    )


def _outcomes(value: dict[str, Any], size: int) -> tuple[dict[str, Any] | None, ...]:
    """Return the outcome of each of `size` messages, which are judged together or one by one."""
    judgements = {key: value[key] for key in (*REWARD_KEYS, "rewards") if key in value}
    separate = parallel_lists(judgements, size)
    common = {
        key: judgements[key] for key in REWARD_KEYS if key in judgements.keys() - separate.keys()
    }
    return tuple(
        outcome_of(common | values_of_sample({key: each[index] for key, each in separate.items()}))
        for index in range(size)
    )


def _request_and_reply_keys(value: dict[str, Any]) -> tuple[str, str] | None:
    """Return the keys of the request ("" for `value` itself) and of the reply ("" for none).

    None if `value` is not an exchange.
    """
    if isinstance(value.get("messages"), (list, str)) and "response" in value:
        return None if fields.ends_with_response(value) else ("", "response")
    if "request" in value and ("response" in value or value.get("error")):
        request = decode_if_json(value["request"])
        if "reason" in value and isinstance(request, dict) and "body" in request:
            return None
        return "request", "response" if "response" in value else ""
    if "custom_id" in value and ("response" in value or value.get("error")):
        return "", "response"
    if isinstance(value.get("method"), str) and "response" in value and status_of(value):
        return ("", "response") if "path" in value or "url" in value else None
    if "output" in value:
        key = next((key for key in INPUTS if is_request(value.get(key), value)), None)
        return None if key is None else (key, "output")
    if _is_of_server(value.get("response")):
        key = next((key for key in _CLIENT_KEYS if _is_asked(value.get(key), value)), None)
        return None if key is None else (key, "response")
    return None


def _is_of_server(response: Any) -> bool:
    """Return whether `response` is the body of a server's reply, or an SDK's dump of it."""
    response = decode_if_json(response)
    if not isinstance(response, dict):
        return False
    is_named = response.get("object") == "response" or response.get("type") == "message"
    return is_named or is_generated(response) or isinstance(response.get("choices"), list)


def _is_asked(request: Any, around: dict[str, Any]) -> bool:
    """Return whether `request` can be what a server's reply answers, even if it is a bare text."""
    return bool(request) and (isinstance(request, str) or is_request(request, around))


def _reply(value: dict[str, Any], key: str, pointer: str) -> Reply:
    """Read the reply under `key`; an error next to it or an HTTP status makes it a failure."""
    error = next((value[k] for k in ("error", "error_str", "exception") if value.get(k)), None)
    status = status_of(value)
    reply = reply_of(value.get(key), f"{pointer}/{key}") if key else Reply(defect="no reply")
    if reply.failure is None and error is not None and not reply.messages:
        return Reply(failure=failure_of(error, status), headers=reply.headers)
    if reply.failure is None and status is not None and status >= 400:
        return Reply(failure=failure_of(value.get(key), status), headers=reply.headers)
    if not reply.messages and not reply.failure and value.get("status") in ("failure", "error"):
        return Reply(failure=Failure(f"the log says status {value['status']!r}"))
    return reply


def _model(value: dict[str, Any], body: dict[str, Any]) -> str:
    places = (body, value, value.get("kwargs"), value.get("model_parameters"))
    return fields.first_label(map(fields.as_dict, places), "model")


def _tools(value: dict[str, Any], body: dict[str, Any]) -> Any:
    names = ("kwargs", "optional_params", "model_parameters")
    places = (body, value, *(value.get(name) for name in names))
    for place in places:
        for key in ("tools", "functions"):
            if isinstance(place, dict) and place.get(key):
                return place[key]
    return None


def _first_label(value: dict[str, Any], body: dict[str, Any], keys: tuple[str, ...]) -> str:
    places = (value, value.get("metadata"), body, body.get("metadata"))
    return fields.first_label(map(fields.as_dict, places), *keys)


def _time(raw: dict[str, Any], keys: tuple[str, ...]) -> float | None:
    return next((t for key in keys if (t := timestamp(raw.get(key))) is not None), None)


def _duration(value: dict[str, Any]) -> float | None:
    if (duration_s := fields.duration_of(value, _DURATION_KEYS)) is not None:
        return duration_s
    start, end = _time(value, _TIME_KEYS), _time(value, _END_KEYS)
    return max(0.0, end - start) if start is not None and end is not None else None


def _headers(value: dict[str, Any], request: Request, reply: Reply) -> dict[str, Any]:
    """Return the recorded headers of request and response, credentials masked."""
    sent = request.headers or value.get("request_headers") or value.get("headers")
    found: dict[str, Any] = {}
    if isinstance(sent, Mapping) and sent:
        found["request_headers"] = masked_headers(sent)
    if reply.headers:
        found["response_headers"] = masked_headers(reply.headers)
    return found
