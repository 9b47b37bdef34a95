"""`har`: HTTP archives of browsers and recorders, with their requests to models grouped into runs.

    har   = {"log": {"entries": [entry, …], "creator"?, …}}
    entry = {"request": {"method", "url", "headers": [{"name", "value"}, …], "postData"?: {"text"}},
             "response": {"status", "headers", "content": {"text"?, "encoding"?, "mimeType"}},
             "startedDateTime", "time", …}

Only requests are kept that are posted to a path of a model's API, or whose body holds messages. The
APIs of OpenAI, Anthropic, Google and Ollama are read, whole and streamed, and so are those of
servers that complete a text (`/generate`, `/completion`).
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.dialects.gemini_contents import (
    contents_of,
    is_request,
    message_of,
    tools_of,
)
from hermes_tui.formats.dialects.gemini_replies import (
    USUAL_REASONS,
    is_reply,
    is_stream,
    messages_of_reply,
    model_of,
)
from hermes_tui.formats.dialects.ollama import is_load_reply
from hermes_tui.formats.exchange_runs import append_runs
from hermes_tui.formats.exchanges import Exchange, exchange_of
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.readers.har.bodies import Body, json_body, text_body
from hermes_tui.formats.requests import PROMPTS
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.streams.sse import looks_like_sse, read_lines, read_sse
from hermes_tui.formats.traits import Traits
from hermes_tui.model.wording import counted

_PATH = re.compile(
    r"(?:/(?:chat/completions|completions|responses|messages)|:(?:streamG|g)enerateContent)/?$"
)
_TEXT_PATH = re.compile(r"(?<!/api)/(?:generate|completion)/?$")
"""SGLang's, TGI's and llama.cpp's; only with a prompt, since any API may use these names."""
_OLLAMA_PATH = re.compile(r"/api/generate/?$")
"""Any API may use this name too, but a request to Ollama always names a model."""
_PROMPT_KEYS = (*PROMPTS, "input_ids")
_GOOGLE_MODEL = re.compile(r"/models/([^/:]+):")
_DETAIL_KEYS = ("startedDateTime", "timings", "comment", "pageref", "serverIPAddress")
_BODY_KEYS = ("messages", "input", "contents")


class Har:
    """Reads HTTP archives."""

    name = "har"
    summary = "HTTP archives (HAR): requests to OpenAI, Anthropic, Gemini, Ollama and /generate"
    traits = Traits(holds_exchanges=True)

    def sniff(self, sample: Sample) -> Match | None:
        log = fields.as_dict(sample.first_object().get("log"))
        return Match(0.98, Unit.RUNS) if isinstance(log.get("entries"), list) else None

    def read(self, value: Any, build: RunBuilder) -> None:
        log = fields.as_dict(fields.as_dict(value).get("log"))
        entries = fields.as_list(log.get("entries"))
        exchanges: list[tuple[int, Exchange]] = []
        for index, entry in enumerate(entries):
            if not isinstance(entry, dict):
                what = f"entry {index + 1} is not an object"
                build.problems.append((what, fields.excerpt(entry)))
            elif exchange := _exchange(entry, index, build):
                exchanges.append((index, exchange))
        if exchanges:
            append_runs(exchanges, build)
        else:
            build.defect(f"no request to a model among {counted(len(entries), 'request')}")


def _exchange(entry: dict[str, Any], index: int, build: RunBuilder) -> Exchange | None:
    """Return the exchange of an entry, or None if it is not one with a model."""
    request = _request(entry)
    if request is None:
        return None
    url, sent, posted = request
    reply, problem_text = _response(entry)
    if is_load_reply(reply.get("body")):
        return None
    body = posted.value
    if is_request(body) or is_reply(reply.get("body")) or is_stream(reply.get("body")):
        body, reply = _from_google(body, reply, url)
    exchange = exchange_of(
        {
            "request": {"method": "POST", "url": url, "headers": sent, "body": body},
            **({"response": reply} if reply else {"error": problem_text}),
            "startTime": entry.get("startedDateTime"),
            "duration_ms": entry.get("time"),
        }
    )
    missing = "the body of the request was not recorded" if body is None else ""
    for problem in (posted.problem or missing, problem_text if reply else ""):
        if problem and exchange is not None:
            build.problems.append((f"entry {index + 1}: {problem}", ""))
    return exchange and _placed(exchange, entry, f"/log/entries/{index}")


def _request(entry: dict[str, Any]) -> tuple[str, dict[str, str], Body] | None:
    """Return URL, headers and body of a request to a model, or None for any other request."""
    request = fields.as_dict(entry.get("request"))
    if fields.label(request, "method").upper() != "POST":
        return None
    url, sent = fields.label(request, "url"), _headers(request)
    posted = json_body(text_body(fields.as_dict(request.get("postData")), sent))
    body = posted.value
    path = url.partition("?")[0]
    if _holds(body, _BODY_KEYS) or _PATH.search(path):
        return url, sent, posted
    if _OLLAMA_PATH.search(path) and _holds(body, ("prompt",)) and _holds(body, ("model",)):
        return url, sent, posted
    return (url, sent, posted) if _TEXT_PATH.search(path) and _holds(body, _PROMPT_KEYS) else None


def _holds(body: Any, keys: tuple[str, ...]) -> bool:
    return isinstance(body, dict) and any(key in body for key in keys)


def _placed(exchange: Exchange, entry: dict[str, Any], pointer: str) -> Exchange:
    """Return an exchange with its places in the file, in which bodies are texts."""
    request_pointer = f"{pointer}/request/postData/text"
    reply_pointer = f"{pointer}/response/content/text"
    messages = tuple((reply_pointer, message) for _, message in exchange.reply.messages)
    return replace(
        exchange,
        messages=tuple((request_pointer, message) for _, message in exchange.messages),
        reply=replace(exchange.reply, messages=messages),
        request_pointer=request_pointer,
        reply_pointer=reply_pointer,
        details=fields.details_of({key: entry[key] for key in _DETAIL_KEYS if entry.get(key)}),
    )


def _headers(side: dict[str, Any]) -> dict[str, str]:
    """Return the headers of a request or response by their lower-case names."""
    pairs = fields.objects_in(side.get("headers"))
    return {fields.label(pair, "name").lower(): fields.label(pair, "value") for pair in pairs}


def _response(entry: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Return the response in the form of call logs, and what is wrong with its body.

    If no response came, it is empty, and the second value says so.
    """
    response = fields.as_dict(entry.get("response"))
    status = fields.number(response.get("status"))
    if not status:
        reason = fields.label(response, "_error") or fields.label(response, "statusText")
        return {}, reason or "no reply came: status 0"
    headers = _headers(response)
    body = text_body(fields.as_dict(response.get("content")), headers)
    text = body.value if isinstance(body.value, str) else ""
    if looks_like_sse(text):
        events = list(read_sse(text).events)
        body = body._replace(value=events) if is_stream(events) else body
    elif read_lines(text) is None:
        body = json_body(body)
    body_value = "" if body.value is None else body.value
    return {"status": int(status), "headers": headers, "body": body_value}, body.problem


def _from_google(body: Any, reply: dict[str, Any], url: str) -> tuple[Any, dict[str, Any]]:
    """Return request and reply of Google's API in the form of OpenAI's."""
    request_body = body if isinstance(body, dict) else {}
    match = _GOOGLE_MODEL.search(url)
    reply_body = reply.get("body")
    request = {
        "messages": [message_of(content) for _, content in contents_of(request_body)],
        "model": match[1] if match else model_of(reply_body),
        "tools": [
            {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
            for tool in tools_of(request_body) or ()
        ],
    }
    messages = messages_of_reply(reply_body)
    if not messages:
        return request, reply
    first = messages[0]
    reason = fields.label(first, "finish_reason")
    if not first.get("content") and reason not in USUAL_REASONS:
        message = fields.labels(first, "finish_reason", "finish_message")
        return request, {**reply, "body": {"error": {"message": message}}}
    choices = [{"message": one, "finish_reason": one.get("finish_reason")} for one in messages]
    whole = {"choices": choices, "usage": first.get("usage"), "model": model_of(reply_body)}
    return request, {**reply, "body": whole}


FORMAT = Har()
