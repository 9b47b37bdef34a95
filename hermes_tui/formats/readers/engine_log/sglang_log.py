"""The lines of SGLang's request log (`--log-requests --log-requests-level 2` or 3).

line  = "[" time "] " (text | json)
text  = "Receive OpenAI: obj=" body | "Receive: obj=" request | "Finish: obj=" request ", out=" out
json  = {"timestamp", "event": "request.received.openai", "obj": body}
      | {"timestamp", "event": "request.received", "rid", "obj": request}
      | {"timestamp", "event": "request.finished", "rid", "obj": request, "out": out}
out   = {"text", "meta_info": {"finish_reason", "prompt_tokens", "completion_tokens", …}, …}

Texts are written by Python's `repr`. What a reply says is the model's own text, before any parser.
Level 2 keeps 1,024 characters of each end of a text. Source: `srt/utils/request_logger.py` of
0.5.23.
"""

from __future__ import annotations

import re
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.formats.readers.engine_log.logged_requests import (
    MAX_PREFIX,
    LoggedRequest,
    RequestLog,
)
from hermes_tui.formats.texts.python_repr import NotRepr, ReprObject, read_first
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.parsers.measures import timestamp

MARKERS = ("Receive OpenAI: obj=", "Receive: obj=", "Finish: obj=", '"event": "request.')
ENTRY = re.compile(
    r'(?P<text>Receive OpenAI|Receive|Finish): obj=|(?=\{"timestamp": "[^"]*", "event": "request\.)'
)
HINT = "SGLang logs requests with --log-requests --log-requests-level 3"
_TIME = re.compile(r"\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)[^\]]*\]")
_COMPLAINT = re.compile(
    r"\] (?P<text>Error in (?P<whole>detect_and_parse|parse_streaming_increment)\b.*"
    r"|Model attempted to call undefined function: .*)"
)
_SETTINGS = re.compile(r"server_args=ServerArgs\(")
_SETTING = re.compile(r"\b(model_path|served_model_name|tool_call_parser)='([^']*)'")
_HALF = 1024
_CUTS = ((" ... ", 2 * _HALF + 5), ("...", 2 * _HALF + 3))


class SglangLog(RequestLog):
    """Reads the lines of an SGLang server."""

    engine = "sglang"

    def __init__(self) -> None:
        super().__init__()
        self._finished = ""
        """The id of the last request that was finished."""

    def take(self, number: int, line: str) -> bool:
        found = ENTRY.search(line, 0, MAX_PREFIX)
        if found is None:
            self._take_other(line)
            return False
        kind, request, out = _entry(found["text"] or "", line[found.end() :])
        time = _TIME.search(line, 0, found.start())
        if kind == "openai":
            self._bodies.add(number, request)
            return True
        request_id = fields.label(request, "rid") or f"line {number + 1}"
        if request_id not in self._requests:
            at = timestamp(time[1]) if time is not None else None
            self._requests[request_id] = LoggedRequest(request_id, number, ts=at)
        if kind == "finished":
            self._finish(number, self._requests[request_id], request, out)
        return True

    def _finish(
        self, number: int, logged: LoggedRequest, request: dict[str, Any], out: dict[str, Any]
    ) -> None:
        text = request.get("text")
        logged.prompt = text if isinstance(text, str) else ""
        self._bodies.give_to(logged)
        logged.complaints += self._complaints
        self._complaints, self._finished = [], logged.id
        meta = fields.as_dict(out.get("meta_info"))
        logged.duration_s = fields.number(meta.get("e2e_latency"))
        if not isinstance(out.get("text"), str):
            logged.missing = f"the log does not have the text of this reply: {HINT}"
            return
        if _is_shortened(out["text"]):
            logged.flaws.append(_SHORTENED)
        raw = {"text": out["text"], "meta_info": {"id": logged.id, **meta}}
        logged.answer(out["text"], raw, number, is_raw=True)

    def _take_other(self, line: str) -> None:
        if not self.model and _SETTINGS.search(line, 0, MAX_PREFIX) is not None:
            settings = dict(_SETTING.findall(line))
            model = settings.get("served_model_name") or settings.get("model_path", "")
            self._start(model, settings.get("tool_call_parser", ""))
        complaint = _COMPLAINT.search(line, 0, MAX_PREFIX)
        if complaint is None:
            return
        if complaint["whole"] == "detect_and_parse" and self._finished:
            # A whole reply is parsed after it was logged.
            self._requests[self._finished].complaints.append(complaint["text"])
        else:
            self._complaints.append(complaint["text"])


_SHORTENED = Diagnostic(
    Code.SOURCE_DEFECT,
    Severity.WARNING,
    f"the middle of this reply is not in the log, which keeps {2 * _HALF:,} characters of a text",
    hint="--log-requests-level 3 keeps all",
)


def _entry(label: str, rest: str) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Return the kind of an entry, its request and its output. Raises ValueError."""
    if not label:
        value = decode_if_json(rest.strip())
        if not isinstance(value, dict):
            raise ValueError("its JSON is cut off")
        event, request = fields.label(value, "event"), fields.as_dict(value.get("obj"))
        return event.rpartition(".")[2], request, fields.as_dict(value.get("out"))
    try:
        found, end = read_first(rest)
        out: Any = {}
        if label == "Finish" and (place := rest.find("out=", end)) >= 0:
            out, _ = read_first(rest[place + len("out=") :])
    except NotRepr as error:
        raise ValueError(f"its text: {error}") from None
    request = found.members if isinstance(found, ReprObject) else fields.as_dict(found)
    kind = {"Finish": "finished", "Receive": "received"}.get(label, "openai")
    return kind, request, fields.as_dict(out)


def _is_shortened(text: str) -> bool:
    return any(len(text) == size and text.startswith(mark, _HALF) for mark, size in _CUTS)
