"""A small HTTP server on a free port with scripted answers that keeps the requests."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HOLD = b"(hold until the client hangs up)"


@dataclass
class Answer:
    """The answer to one request: parts are sent one by one; `HOLD` waits until the client goes."""

    parts: Iterable[bytes] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})


@dataclass
class ReceivedRequest:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes
    connection: tuple[str, int]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class LocalServer:
    """Gives `answers` in turn and repeats the last one.

    `models` is the answer to any GET, regardless of the path.
    """

    def __init__(self, *answers: Answer, models: Answer | None = None) -> None:
        self.answers = list(answers)
        self.models = models or Answer([b"{}"], 404)
        self.model_requests: list[ReceivedRequest] = []
        self.requests: list[ReceivedRequest] = []
        self.holding = threading.Event()
        self.client_gone = threading.Event()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, format: str, *arguments: Any) -> None:
                return

            def do_POST(self) -> None:
                owner.handle(self)

            def do_GET(self) -> None:
                owner.list_models(self)

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"http://{self.host}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> LocalServer:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"]))
        self.requests.append(_received(request, body))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self._give(request, answer)

    def list_models(self, request: BaseHTTPRequestHandler) -> None:
        self.model_requests.append(_received(request, b""))
        self._give(request, self.models)

    def _give(self, request: BaseHTTPRequestHandler, answer: Answer) -> None:
        parts = list(answer.parts)
        request.send_response(answer.status)
        for name, value in answer.headers.items():
            request.send_header(name, value)
        if HOLD in parts:
            request.send_header("Content-Length", "1000000")
        else:
            request.send_header("Content-Length", str(sum(map(len, parts))))
        request.end_headers()
        for part in parts:
            if part == HOLD:
                request.wfile.flush()
                self.holding.set()
                request.connection.settimeout(10)
                if not request.connection.recv(1):
                    self.client_gone.set()
                request.close_connection = True
                return
            request.wfile.write(part)


def _received(request: BaseHTTPRequestHandler, body: bytes) -> ReceivedRequest:
    headers = {name.lower(): value for name, value in request.headers.items()}
    return ReceivedRequest(request.path, headers, body, request.client_address)


def models(*ids: str) -> Answer:
    """Return a list of models in the form that servers use."""
    return Answer([json.dumps({"object": "list", "data": [{"id": one} for one in ids]}).encode()])


def whole(message: Mapping[str, Any], finish_reason: str = "", **more: Any) -> Answer:
    """Return a completion with one message; `finish_reason` is by default the one that fits it."""
    reason = finish_reason or ("tool_calls" if message.get("tool_calls") else "stop")
    choice = {"index": 0, "message": message, "finish_reason": reason}
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    return Answer([json.dumps({"choices": [choice], "usage": usage, **more}).encode()])


def chunk(finish_reason: str | None = None, **delta: Any) -> bytes:
    """Return a stream event with one delta."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


def streamed(*events: bytes) -> Answer:
    """Return a stream of `events` with `[DONE]` at its end."""
    return Answer([*events, b"data: [DONE]\n\n"], headers={"Content-Type": "text/event-stream"})
