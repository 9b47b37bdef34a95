"""What one key copies: a call by itself, the body of a request, the command that sends it."""

from __future__ import annotations

import json
import shlex
import subprocess
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from hermes_tui.log.codec import encode
from hermes_tui.model.events import RequestSent, RunStarted
from hermes_tui.model.messages import ArgumentsState, ToolCall
from hermes_tui.ui.render.copied import LONGEST_ARGUMENT, call_json, curl_command
from tests.ui.opened import WIDE, app_on, settled, shows, write_run

BODY = '{"model":"m","messages":[{"role":"user","content":"it\'s $HOME `x`"}]}'


def called(name: str, call_id: str, **arguments: Any) -> dict[str, Any]:
    text = json.dumps(arguments)
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": text}}


async def test_of_parallel_calls_the_one_under_the_cursor_is_copied(tmp_path: Path) -> None:
    calls = [called("ls", "c1", path="/"), called("cat", "c2", path="x", api_key="sk-12345")]
    said = {"role": "assistant", "tool_calls": calls}
    messages: list[dict[str, Any]] = [{"role": "user", "content": "x"}, said]
    app = app_on(write_run(tmp_path / "run.json", messages))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("]", "]", "y")
        await settled(pilot)
        wanted = {"id": "c2", "name": "cat", "arguments": {"path": "x", "api_key": "***"}}
        assert json.loads(app.clipboard) == wanted
        await pilot.press("[", "3", "y")
        await settled(pilot)
        wanted = {"id": "c1", "name": "ls", "arguments": {"path": "/"}}
        assert json.loads(app.clipboard) == wanted


def test_arguments_that_are_no_json_are_copied_as_the_text_that_came() -> None:
    call = ToolCall(0, None, '{"a": \x1b', ArgumentsState.NOT_JSON)
    assert json.loads(call_json(call)) == {"id": None, "name": None, "arguments": '{"a": \x1b'}


async def test_the_body_of_a_request_is_copied_then_the_command_that_sends_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "run.jsonl"
    sent = RequestSent(seq=1, turn=1, body=BODY, url="http://localhost:8000/v1")
    started = RunStarted(seq=0, run_id="r", source_format="native")
    path.write_bytes(encode(started) + encode(sent))
    app = app_on(path)
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "↑ request")
        await pilot.press("G", "k", "y")
        await shows(pilot, "the body of the request; again: a curl command")
        assert app.clipboard == BODY
        await pilot.press("y")
        await shows(pilot, "copied the curl command")
        assert app.clipboard == curl_command(sent.url, BODY)


class _Keeps(BaseHTTPRequestHandler):
    got: tuple[str, str, str] = ("", "", "")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        _Keeps.got = (self.path, str(self.headers["Authorization"]), body)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        return


def test_the_copied_command_sends_the_request_with_a_key_that_it_does_not_hold() -> None:
    with HTTPServer(("127.0.0.1", 0), _Keeps) as server:
        thread = Thread(target=server.handle_request)
        thread.start()
        command = curl_command(f"http://127.0.0.1:{server.server_port}/v1", BODY)
        environment = {"OPENAI_API_KEY": "k1", "PATH": "/usr/bin:/bin"}
        subprocess.run(["sh", "-c", command], check=True, env=environment, timeout=60)
        thread.join(60)
    assert _Keeps.got == ("/v1/chat/completions", "Bearer k1", BODY)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://h/v1/chat/completions", "https://h/v1/chat/completions"),
        ("https://h/v1/?api-key=abcdefgh", "https://h/v1/chat/completions?api-key=***"),
        ("https://h/v1#top", "https://h/v1/chat/completions"),
        ("https://me:word@h/v1", "https://***@h/v1/chat/completions"),
    ],
)
def test_the_address_is_that_of_the_endpoint_without_secrets(url: str, address: str) -> None:
    assert shlex.split(curl_command(url, "{}").replace("\\\n", ""))[1] == address


@pytest.mark.parametrize(
    ("url", "body"), [("", "{}"), ("sdk", "{}"), ("http://h", "\ud800" * LONGEST_ARGUMENT)]
)
def test_what_curl_cannot_send_has_no_command(url: str, body: str) -> None:
    assert curl_command(url, body) == ""
