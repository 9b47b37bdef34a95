"""The lines of vLLM's request log.

line  = anything? entry
entry = "Received request" id ": prompt:" repr …             before 0.13; then without the prompt
      | "Request" id "details: prompt:" repr …               --log-level DEBUG, from 0.13 on
      | "Request" id "JSON body:" json                       VLLM_REQUEST_BODY_LOG_LEVEL=INFO
      | "Generated response" id stream? ": output:" repr … "finish_reason:" word
stream = "(streaming delta)" | "(streaming complete)"

The text of a completed stream is the model's own; deltas count only without it. Of a whole reply
the log has what the parser made of it: the content, or if there is none the calls. Sources:
`entrypoints/logger.py` of 0.6 to 0.13, `entrypoints/serve/utils/request_logger.py` and the servings
of 0.33.
"""

from __future__ import annotations

import json
import re
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.formats.readers.engine_log.logged_requests import (
    CALLS_NOT_LOGGED,
    MAX_PREFIX,
    LoggedRequest,
    RequestLog,
)
from hermes_tui.formats.texts.python_repr import NotRepr, read_first
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.parsers.finish_reasons import CALLED

MARKERS = ("Received request ", "Generated response ", " JSON body: ", " details: prompt: ")
ENTRY = re.compile(
    r"(?:Received request (?P<received>[^\s:]+): "
    r"|Request (?P<detailed>\S+) details: (?=prompt: )"
    r"|Request (?P<posted>\S+) JSON body: "
    r"|Generated response (?P<answered>\S+)(?: \(streaming (?P<stream>delta|complete)\))?:"
    r" output: )"
)
HINT = (
    "vLLM logs requests with --enable-log-requests --enable-log-outputs; "
    "VLLM_REQUEST_BODY_LOG_LEVEL=INFO adds their messages and tools"
)
_PROMPT = re.compile(r"prompt: (?=[\"'])")
_FINISH = re.compile(r"finish_reason: (\w+)\s*$")
_NO_REASON = frozenset({"None", "streaming_complete"})
_COMPLAINT = re.compile(
    r"(?:ERROR|WARNING) [-\d]+ [:\d]+ (?P<place>\[\S*(?:parser|reasoning)\S*\]) (?P<text>.*)"
)
_SETTINGS = re.compile(r"non-default args: (?=\{)")
_SUFFIX = re.compile(r"[-_]\d{1,4}$")
_CALLS = re.compile(r"\[tool_calls: (?=\S)")
_CALL = re.compile(r"([^\s(\[\]]+)\(")
_WITHOUT_TEXT = re.compile(r"<streaming_complete: \d+ tokens>")
_ONLY_DELTAS = Diagnostic(
    Code.SOURCE_DEFECT,
    Severity.WARNING,
    "the log has only deltas of this reply: its end or its calls may be missing",
)


class VllmLog(RequestLog):
    """Reads the lines of a vLLM server."""

    engine = "vllm"

    def __init__(self) -> None:
        super().__init__()
        self._deltas: dict[str, list[tuple[int, str]]] = {}
        """The deltas of each streamed reply: the number of the line, and the text."""
        self._complaint_place = ""

    def take(self, number: int, line: str) -> bool:
        found = ENTRY.search(line, 0, MAX_PREFIX)
        if found is None:
            self._take_other(line)
            return False
        self._complaint_place = ""
        rest = line[found.end() :]
        if found["posted"]:
            self._post(number, found["posted"], rest)
        elif found["answered"]:
            self._answer(number, found["answered"], found["stream"] or "", rest)
        else:
            self._receive(number, found["received"] or found["detailed"], rest)
        return True

    def end(self) -> list[LoggedRequest]:
        for request_id, deltas in self._deltas.items():
            request = self._requests[request_id]
            if not request.choices:
                text = "".join(text for _, text in deltas)
                request.answer(text, {"message": {"content": text}}, deltas[-1][0], is_raw=False)
                request.flaws.append(_ONLY_DELTAS)
        return super().end()

    def _take_other(self, line: str) -> None:
        if (settings := _SETTINGS.search(line, 0, MAX_PREFIX)) is not None and not self.parser:
            self._take_settings(line[settings.end() :])
        complaint = _COMPLAINT.search(line, 0, MAX_PREFIX)
        if complaint is None:
            self._complaint_place = ""
        elif complaint["place"] != self._complaint_place:
            self._complaint_place = complaint["place"]
            self._complaints.append(complaint["text"].strip())
        elif complaint["text"].strip() and not complaint["text"].startswith(" "):
            # The last line of a traceback that is not indented is the exception.
            first = self._complaints[-1].partition(" · ")[0]
            self._complaints[-1] = f"{first} · {complaint['text'].strip()}"

    def _take_settings(self, text: str) -> None:
        try:
            settings = fields.as_dict(read_first(text)[0])
        except NotRepr:
            return
        parser = fields.label(settings, "tool_call_parser")
        self._start(fields.label(settings, "model", "model_tag"), parser)

    def _request(self, number: int, request_id: str) -> LoggedRequest:
        """Return the request of that id; a part of it may have its own, with a number after it."""
        base = _SUFFIX.sub("", request_id)
        if request_id not in self._requests and base in self._requests:
            request_id = base
        if request_id not in self._requests:
            self._requests[request_id] = LoggedRequest(request_id, number)
        return self._requests[request_id]

    def _post(self, number: int, request_id: str, rest: str) -> None:
        body = decode_if_json(rest.strip())
        if not isinstance(body, dict):
            raise ValueError("its JSON body is cut off")
        self._bodies.add(number, body, request_id)

    def _receive(self, number: int, request_id: str, rest: str) -> None:
        request = self._request(number, request_id)
        if (prompt := _PROMPT.match(rest)) is not None:
            request.prompt = _text(rest[prompt.end() :])[0]
        self._bodies.give_to(request)

    def _answer(self, number: int, request_id: str, stream: str, rest: str) -> None:
        request = self._request(number, request_id)
        self._bodies.give_own_to(request)
        request.complaints += self._complaints
        self._complaints = []
        text, end = _text(rest)
        if stream == "delta":
            self._deltas.setdefault(request.id, []).append((number, text))
            return
        found = _FINISH.search(rest, end)
        reason = found[1] if found is not None and found[1] not in _NO_REASON else ""
        if stream and _WITHOUT_TEXT.fullmatch(text):
            request.missing = "the log does not have the text of this streamed reply"
        elif stream or request_id.startswith("cmpl-"):
            raw = {"text": text, "meta_info": {"id": request.id, "finish_reason": reason}}
            request.answer(text, raw, number, is_raw=True)
        else:
            choice: dict[str, Any] = {"message": {"content": text}, "finish_reason": reason}
            if (calls := _logged_calls(text)) is not None:
                choice["message"] = {"content": None, "tool_calls": calls}
            elif reason in CALLED:
                request.flaws.append(CALLS_NOT_LOGGED)
            request.answer(text, choice, number, is_raw=False)


def _logged_calls(text: str) -> list[dict[str, Any]] | None:
    """Return the calls in "[tool_calls: name(arguments), …]", or None if the text is not that."""
    start = _CALLS.match(text)
    if start is None or not text.endswith(")]"):
        return None
    position, calls = start.end(), []
    while (name := _CALL.match(text, position)) is not None:
        try:
            _, end = json.JSONDecoder(strict=False).raw_decode(text, name.end())
        except (ValueError, RecursionError):
            end = len(text) - 2
        arguments = text[name.end() : end]
        calls.append({"type": "function", "function": {"name": name[1], "arguments": arguments}})
        if text.startswith("), ", end):
            position = end + 3
            continue
        return calls if text.startswith(")]", end) else None
    return None


def _text(rest: str) -> tuple[str, int]:
    """Return the text whose `repr` `rest` begins with, and where that ends."""
    if rest.startswith("None"):
        return "", 4
    try:
        value, end = read_first(rest)
    except NotRepr as error:
        raise ValueError(f"its text: {error}") from None
    return (value if isinstance(value, str) else ""), end
