"""The lines of llama.cpp's server log (`llama-server`), whose entries may go on over several lines.

entry = time? level? "slot process_toke: id" N "| task" N "| n_gen =" … "next token:" N "'" text "'"
      | … "Parsed message: " json                        what the parser made of a reply
      | … ": unparsed " format " output: " text          the reply, or its end, that it refused
      | … "srv …: got exception: " json                  an error that the client got
      | … "srv …: request: " json | "srv …: response: " (json | "")
      | … "srv …: converted request: " json              of /v1/messages and /v1/responses

Errors and unparsed texts are logged at any level, tokens and parsed messages from -lv 5 on.
Requests were logged there until mid 2026: after the reply, or before it if that is streamed. No
entry names both a request and its task, so the texts decide what belongs together, else the order.
Sources: `tools/server` and `common` of builds 9538 and 11434.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.formats.readers.engine_log.logged_requests import (
    MAX_CONCURRENT,
    LoggedRequest,
    RequestLog,
    names_in,
    squashed,
)
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity

MARKERS: Final = ("srv  ", "slot ", "llama_", "common_", "cmn  ")
TOKEN_MARK: Final = b" next token: "
HINT: Final = "llama-server logs the model's texts with -lv 5, and until mid 2026 its requests"
_TIMED: Final = re.compile(r"\d+\.\d\d\.\d{3}\.\d{3} (?:[DIWE] )?")
_PLAIN: Final = re.compile(
    r"(?:[DIWE] )?(?=(?:srv|slot|que|res|cmn) {1,12}\S+: |[a-z_]{3,40}: |Pars(?:ed|ing) |Grammar )"
)
STARTED: Final = re.compile(
    rf"{_TIMED.pattern}(?:srv|slot|cmn|llama_\w+|common_\w+)\b|(?:srv|slot) {{1,12}}[\w()~]+: "
    r"|\w+: unparsed \S+ output: "
)
"""How a line of such a server begins, after what a collector puts before it."""
_MAX_PREFIX: Final = 200
_MAX_LINES: Final = 20_000
"""Lines of one entry that are kept."""
_ENTRY: Final = re.compile(
    r"slot +process_toke: id +\d+ \| task (?P<task>\d+) \| (?:n_\w+ = -?\d+, )*"
    r"(?:next token: +-?\d+ '|(?P<cut>stopped (?:by limit|due to running out)))"
    r"|slot +print_timing: id +\d+ \| task (?P<timed>\d+) \| +eval time = .*?/ +(?P<count>\d+) tok"
    r"|slot +\S+: id +\d+ \| task (?P<prompted>\d+) \| new prompt, .*?n_tokens = (?P<size>\d+)"
    r"|Parsed message: (?P<parsed>)"
    r"|\w+: unparsed (?P<format>\S+) output: "
    r"|srv +\S+: (?:(?P<asked>request): +(?=\{)|(?P<answered>response):"
    r"|(?P<converted>converted) request: (?=\{)"
    r"|(?P<failed>got exception|http: streamed chunk: data): (?=\{\"error\")"
    r"|Chat format: (?P<chat_format>[^\n]+)|loading model '(?P<model>[^'\n]*)')"
)
_NO_PARSER: Final = "Content-only"
_KEYS: Final = frozenset({"messages", "prompt", "input"})
"""A request with one of them is for a reply."""
_REFUSED: Final = re.compile(
    r"does not match the expected|Failed to parse input at pos \d+: (?P<text>.*)", re.DOTALL
)
"""The error in place of a reply that the parser could not read; older builds quote the text."""

_Key = tuple[str, list[tuple[str, str]]]
"""Text, and name and arguments of each call, without spaces."""


@dataclass(slots=True)
class _Reply:
    """What the log says of one reply. `line` numbers the first of its lines."""

    id: str
    line: int
    pieces: list[str] = field(default_factory=list)
    """The texts of the tokens; a token may be a part of a character."""
    _texts: tuple[int, str, str] = (0, "", "")
    """How many pieces were joined last, their text, and that without spaces."""
    usage: dict[str, int] = field(default_factory=dict)
    is_cut: bool = False
    is_ended: bool = False
    """Whether the model has written all of it; only then does the parser read it."""
    sent: dict[str, Any] | None = None
    """The message that the parser made of it."""
    sent_key: _Key | None = None
    refused: str | None = None
    """What the parser could not read: the text, or its end."""
    chat_format: str = ""
    error: dict[str, Any] | None = None
    """The error that the client got."""
    end_line: int | None = None
    body: dict[str, Any] = field(default_factory=dict)
    is_guessed: bool = False
    """Whether only the order of the lines says that this is its body."""

    @property
    def text(self) -> str:
        return self._joined()[1]

    def _joined(self) -> tuple[int, str, str]:
        """Join the pieces, but only once: every later entry looks at the replies before it."""
        if self._texts[0] != len(self.pieces):
            joined = "".join(self.pieces).encode("utf-8", "surrogateescape")
            text = joined.decode("utf-8", "replace")
            self._texts = len(self.pieces), text, "".join(text.split())
        return self._texts

    @property
    def is_known(self) -> bool:
        return bool(self.pieces or self.body or not self.is_open)

    @property
    def is_open(self) -> bool:
        return self.sent is None and self.refused is None and self.error is None

    def agrees(self, message: dict[str, Any], *, in_arguments: bool = False) -> bool:
        """Return whether `message` can be what the parser made of the text."""
        _, _, text = self._joined()
        parts = [squashed(message), *names_in(message)]
        if in_arguments:
            parts += (arguments for _, arguments in _calls_in(message))
        return all(part in text for part in parts)

    def deliver(self, message: dict[str, Any]) -> None:
        self.sent, self.sent_key = message, _key_of(message)

    def logged(self) -> LoggedRequest:
        request = LoggedRequest(self.id, self.line, self.body)
        text = self.text
        meta = {"id": self.id, "finish_reason": "length" if self.is_cut else "stop", **self.usage}
        if self.refused is not None:
            # The text may begin in the request, which the model then continued.
            text = text if text.strip().endswith(self.refused.strip()) else self.refused
            request.answer(text, {"text": text, "meta_info": meta}, self._end, is_raw=True)
            request.is_undelivered = True
            request.flaws.append(_refusal(self.chat_format))
        elif self.error is not None:
            code = fields.number(fields.as_dict(self.error.get("error")).get("code"))
            request.error = {"status_code": code or 500, "body": self.error}
            request.reply_line = self._end
        elif self.sent is None or (text and self.agrees(self.sent)):
            request.answer(text, {"text": text, "meta_info": meta}, self._end, is_raw=True)
            request.sent = self.sent
        else:
            choice = {"message": self.sent, "finish_reason": meta["finish_reason"]}
            request.sent = self.sent
            request.answer(text or fields.json_text(self.sent), choice, self._end, is_raw=False)
        return request

    @property
    def _end(self) -> int:
        return self.line if self.end_line is None else self.end_line


def _refusal(chat_format: str) -> Diagnostic:
    parser = f"its parser ({chat_format})" if chat_format else "its parser"
    return Diagnostic(
        Code.PARSER_RAISED,
        Severity.ERROR,
        f"the server sent an error in place of this reply: {parser} could not read it",
        hint="the text is what the parser stopped at; P shows which parser would have read it",
    )


class LlamaLog(RequestLog):
    """Reads the entries of a llama.cpp server."""

    engine = "llama.cpp"

    def __init__(self) -> None:
        super().__init__()
        self._replies: list[_Reply] = []
        self._by_task: dict[str, _Reply] = {}
        self._waiting: list[tuple[int, dict[str, Any]]] = []
        """The bodies of requests whose reply has not begun, with the numbers of their lines."""
        self._asked: tuple[int, dict[str, Any]] | None = None
        self._converted_count = 0
        """How many bodies are known in a converted form, and will be logged as they came."""
        self._chat_format = ""
        self._lines: list[str] = []
        """The lines of the entry that is read: its end is known when the next one begins."""
        self._number = 0
        self._prefix, self._is_timed = "", False

    def take(self, number: int, line: str) -> bool:
        timed = _TIMED.search(line, 0, _MAX_PREFIX)
        if timed is not None:
            entry = _ENTRY.match(line, timed.end())
        elif self._lines and self._is_timed:
            entry = None
        else:
            entry = _ENTRY.search(line, 0, _MAX_PREFIX)
        if timed is None and entry is None and (self._is_timed or _PLAIN.match(line) is None):
            if self._lines and len(self._lines) < _MAX_LINES:
                self._lines.append(line.removeprefix(self._prefix))
            return False
        self._close()
        if entry is None:
            return False
        self._is_timed, self._number = timed is not None, number
        self._prefix = line[: (timed or entry).start()]
        self._lines = [line[entry.start() :]]
        return True

    def end(self) -> list[LoggedRequest]:
        self._close()
        unanswered = [*self._waiting, *([self._asked] if self._asked else [])]
        found = [reply.logged() for reply in self._replies if reply.is_known]
        found += [LoggedRequest(f"line {line + 1}", line, body) for line, body in unanswered]
        return sorted(found, key=lambda request: request.line)

    def _close(self) -> None:
        """Read the entry whose lines are known now."""
        text, self._lines = "\n".join(self._lines), []
        entry = _ENTRY.match(text)
        if entry is None:
            return
        rest, kind = text[entry.end() :], entry.lastgroup or ""
        if kind == "task":
            self._reply(entry["task"]).pieces.append(rest.removesuffix("'"))
        elif kind == "cut":
            self._reply(entry["task"]).is_cut = True
        elif kind == "count":
            if (reply := self._by_task.get(entry["timed"])) is not None:
                reply.usage["completion_tokens"], reply.is_ended = int(entry["count"]), True
        elif kind == "size":
            self._reply(entry["prompted"]).usage["prompt_tokens"] = int(entry["size"])
        elif kind == "format":
            self._refuse(rest, entry["format"])
        elif kind == "chat_format":
            self._chat_format = entry["chat_format"]
            if self._chat_format != _NO_PARSER:
                self._name_parser(self._chat_format)
        elif kind == "model":
            self.model = self.model or entry["model"]
        elif kind == "answered":
            self._answer(rest.strip())
        else:
            self._take_object(kind, rest)

    def _take_object(self, kind: str, rest: str) -> None:
        try:
            value = fields.as_dict(json.JSONDecoder(strict=False).raw_decode(rest)[0])
        except (ValueError, RecursionError):
            self.unread.append((self._number, "its JSON is cut off", rest))
            return
        match kind:
            case "parsed":
                self._deliver(value)
            case "failed":
                self._fail(value)
            case "converted":
                self._waiting.append((self._number, value))
                self._converted_count += 1
            case _:
                self._asked = (self._number, value)

    def _reply(self, task: str) -> _Reply:
        """Return the reply that a task is writing; the first request that waits is its request."""
        reply = self._by_task.get(task)
        if reply is None or not reply.is_open:
            reply = self._by_task[task] = self._new(f"task {task}")
            if self._waiting:
                _, reply.body = self._waiting.pop(0)
        return reply

    def _new(self, own_id: str) -> _Reply:
        self._replies.append(_Reply(own_id, self._number))
        return self._replies[-1]

    def _latest(self) -> Iterator[_Reply]:
        """Yield the latest replies, oldest first."""
        yield from self._replies[-MAX_CONCURRENT:]

    def _written(self) -> list[_Reply]:
        """Return the replies that the parser may have read now, oldest first."""
        begun = [reply for reply in self._latest() if reply.is_open and reply.pieces]
        return [reply for reply in begun if reply.is_ended] or begun

    def _deliver(self, message: dict[str, Any]) -> None:
        """Take what the parser made of a reply: the first one that has its text and calls."""
        written = self._written()
        exact = (reply for reply in written if reply.agrees(message, in_arguments=True))
        like = (reply for reply in written if reply.agrees(message))
        reply = next(exact, None) or next(like, None) or next(iter(written), None)
        reply = reply or self._new(self._line_id)
        reply.deliver(message)
        reply.end_line = self._number
        reply.chat_format = self._chat_format

    def _refuse(self, text: str, chat_format: str) -> None:
        """Take the text, or the end of it, of a reply that the parser could not read."""
        end, texts = text.strip(), [(reply.text.strip(), reply) for reply in self._written()]
        ended = [(own, r) for own, r in texts if own.endswith(end) or end.endswith(own)]
        # The longest: a model that continues a reply of the client may have added nothing.
        reply = max(ended, key=lambda one: len(one[0]))[1] if ended else self._new(self._line_id)
        reply.refused, reply.end_line, reply.chat_format = text, self._number, chat_format
        self._name_parser(chat_format)

    def _name_parser(self, chat_format: str) -> None:
        if chat_format and not self.parser:
            self.parser = f"{self.engine}/{chat_format}"

    def _fail(self, error: dict[str, Any]) -> None:
        """Take an error that a client got, in place of a reply that was refused or not begun."""
        message = fields.label(fields.as_dict(error.get("error")), "message")
        refused = _REFUSED.search(message)
        if refused is not None and refused["text"]:
            self._refuse(refused["text"], self._chat_format)
        if refused is not None:
            lost = (r for r in self._latest() if r.refused is not None and r.error is None)
            if (reply := next(lost, None)) is not None:
                reply.error = error
                return
        self._new(self._line_id).error = error

    def _stream(self, number: int, body: dict[str, Any], *, is_displaced: bool = False) -> None:
        """Take a request whose reply is streamed: the latest one without any, or the next one.

        `is_displaced`: the guess was wrong, so that it may be any that was written meanwhile.
        """
        bare = [reply for reply in self._latest() if not reply.body and reply.error is None]
        if is_displaced:
            chosen = bare[:1]
        else:
            bare = [reply for reply in bare if reply.is_open]
            chosen = ([reply for reply in bare if not reply.pieces] or bare)[-1:]
        if chosen:
            chosen[0].body, chosen[0].is_guessed = body, True
        else:
            self._waiting.append((number, body))

    def _answer(self, text: str) -> None:
        """Take the body of a response, empty if it is streamed, to the last request."""
        if self._asked is None or not _KEYS & self._asked[1].keys():
            self._asked = None
            return
        (number, body), self._asked = self._asked, None
        if self._converted_count:
            self._converted_count -= 1
            return
        if not text:
            self._stream(number, body)
            return
        answer = fields.as_dict(decode_if_json(text))
        choice = fields.as_dict(next(iter(fields.as_list(answer.get("choices"))), None))
        sent = fields.as_dict(choice.get("message"))
        if answer.get("error"):
            found = [reply for reply in self._latest() if reply.error == answer]
        else:
            found = [reply for reply in self._latest() if reply.sent is not None]
            if sent:
                key = _key_of(sent)
                found = [reply for reply in found if reply.sent_key == key]
        found.sort(key=lambda reply: bool(reply.body))
        if not found or (found[0].body and not found[0].is_guessed):
            found = [self._new(f"line {number + 1}")]
        reply, guessed = found[0], found[0].body
        reply.body, reply.is_guessed = body, False
        if guessed:
            self._stream(number, guessed, is_displaced=True)
        if answer.get("error"):
            reply.error = answer
        elif sent:
            reply.deliver(sent)

    @property
    def _line_id(self) -> str:
        return f"line {self._number + 1}"


def _key_of(message: dict[str, Any]) -> _Key:
    """Return what tells messages apart; two lines log one with other spaces."""
    return squashed(message), _calls_in(message)


def _calls_in(message: dict[str, Any]) -> list[tuple[str, str]]:
    """Return name and arguments of each call that a parser made, without spaces."""
    calls = map(fields.as_dict, fields.as_list(message.get("tool_calls")))
    functions = (fields.as_dict(call.get("function")) for call in calls)
    return [
        (fields.label(one, "name"), "".join(str(one.get("arguments") or "").split()))
        for one in functions
    ]


def entry_of_json(line: dict[str, Any]) -> str | None:
    """Return the entry that --log-jsonl wrapped in `line`, as it is logged without, or None."""
    entry, time = line.get("msg"), fields.number(line.get("time"))
    if line.get("type") != "log" or not isinstance(entry, str) or "level" not in line:
        return None
    return f"0.00.000.{int(time or 0) % 1000:03} {entry.removesuffix(chr(10))}"
