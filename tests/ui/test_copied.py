"""What one key copies: a single call, the body of a request, or the command that sends it."""

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
from hermes_tui.runtime.raw import RawReader
from hermes_tui.ui.render.copied import (
    LONGEST_ARGUMENT,
    UNKNOWN,
    call_copies,
    curl_command,
    event_copies,
)
from tests.log.runs import timeline
from tests.ui.opened import WIDE, app_on, call, settled, shows, write_run

BODY = '{"model":"m","messages":[{"role":"user","content":"it\'s $HOME `x`"}]}'


async def test_the_call_under_the_cursor_is_copied(tmp_path: Path) -> None:
    calls = [
        call("c1", "ls", {"path": "/"}),
        call("c2", "cat", {"path": "x", "api_key": "sk-12345"}),
    ]
    reply = {"role": "assistant", "tool_calls": calls}
    messages: list[dict[str, Any]] = [{"role": "user", "content": "x"}, reply]
    app = app_on(write_run(tmp_path / "run.json", messages))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("]", "]", "y")
        await settled(pilot)
        expected = {"id": "c2", "name": "cat", "arguments": {"path": "x", "api_key": "***"}}
        assert json.loads(app.clipboard) == expected
        await pilot.press("[", "3", "y")
        await settled(pilot)
        expected = {"id": "c1", "name": "ls", "arguments": {"path": "/"}}
        assert json.loads(app.clipboard) == expected


def test_arguments_that_are_not_json_are_copied_verbatim() -> None:
    call = ToolCall(0, None, '{"a": \x1b', ArgumentsState.NOT_JSON)
    whole, arguments = call_copies(call)
    assert json.loads(whole.text) == {"id": None, "name": None, "arguments": '{"a": \x1b'}
    assert arguments.text == call.arguments_text


async def test_copying_a_request_gives_its_body_and_then_the_curl_command(
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
        await shows(pilot, "copied the body of the request, 69 characters; again: the curl command")
        assert app.clipboard == BODY
        await pilot.press("y")
        await shows(pilot, "copied the curl command")
        assert app.clipboard == curl_command(sent.url, BODY)
        await pilot.press("y")
        await shows(pilot, "copied the body of the request")
        assert app.clipboard == BODY


SOURCE_TEXT = "def f():\n    return '\u00e9'\n"


def values_of(**arguments: Any) -> list[tuple[str, str, bool]]:
    found = ToolCall(0, "write", "{}", ArgumentsState.JSON_STRING, arguments=arguments)
    return [(one.what, one.text, one.is_masked) for one in call_copies(found)[1:]]


def test_texts_are_copied_verbatim_and_other_values_as_json() -> None:
    assert values_of(content=SOURCE_TEXT, n=1, at=["a\nb"], none=None) == [
        ("args.content", SOURCE_TEXT, False),
        ("args.n", "1", False),
        ("args.at", '[\n  "a\\nb"\n]', False),
        ("args.none", "null", False),
    ]


def test_a_copied_value_is_masked_like_its_call() -> None:
    arguments = {"api_key": "sk-12345", "request": {"headers": {"authorization": "Bearer abcd"}}}
    (key, key_text, key_masked), (_, request, request_masked) = values_of(**arguments)
    assert (key, key_text, key_masked, request_masked) == ("args.api_key", "***", True, True)
    assert json.loads(request) == {"headers": {"authorization": "Bearer ***"}}


def test_values_are_named_like_in_expressions_and_escaped() -> None:
    names = [what for what, _, _ in values_of(**{"a b": 1, "x\x1b[2J": 2, "n" * 300: 3})]
    assert names[:2] == ['args["a b"]', r'args["x\u001b[2J"]'] and len(names[2]) < 40


async def test_copying_a_call_again_gives_its_values_one_by_one(tmp_path: Path) -> None:
    calls = [call("c1", "write", {"path": "a.py", "content": SOURCE_TEXT, "api_key": "sk-12345"})]
    messages = [{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": calls}]
    app = app_on(write_run(tmp_path / "run.json", messages))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("]", "3", "y")
        await shows(pilot, "copied the call, ", " characters, secrets masked; again: args.path")
        await pilot.press("y")
        await shows(pilot, "copied args.path, 4 characters; again: args.content")
        assert app.clipboard == "a.py"
        await pilot.press("y")
        await shows(pilot, "copied args.content, ")
        assert app.clipboard == SOURCE_TEXT
        await pilot.press("y")
        await shows(pilot, "copied args.api_key, 3 characters, secrets masked; again: the call")
        await pilot.press("1", "y")
        await shows(pilot, "copied the call")
        app.copy("something else")
        await pilot.press("y")
        await shows(pilot, "copied the call")


async def test_copying_a_result_again_gives_its_text_and_its_values(tmp_path: Path) -> None:
    content = json.dumps({"output": "one\ntwo", "exit_code": 0})
    messages = [
        {"role": "user", "content": "x"},
        {"role": "assistant", "tool_calls": [call("c1", "ls", {})]},
        {"role": "tool", "tool_call_id": "c1", "content": content},
    ]
    app = app_on(write_run(tmp_path / "run.json", messages))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("]", "percent_sign", "y")
        await shows(pilot, "copied the record, ", "; again: the text")
        assert json.loads(app.clipboard)["content"] == content
        await pilot.press("y")
        assert app.clipboard == content
        await pilot.press("y")
        await shows(pilot, "copied text.output, 7 characters; again: text.exit_code")
        assert app.clipboard == "one\ntwo"


class _RecordingHandler(BaseHTTPRequestHandler):
    got: tuple[str, str, str] = ("", "", "")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        _RecordingHandler.got = (self.path, str(self.headers["Authorization"]), body)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        return


def test_the_curl_command_takes_the_api_key_from_the_environment() -> None:
    with HTTPServer(("127.0.0.1", 0), _RecordingHandler) as server:
        thread = Thread(target=server.handle_request)
        thread.start()
        command = curl_command(f"http://127.0.0.1:{server.server_port}/v1", BODY)
        environment = {"OPENAI_API_KEY": "k1", "PATH": "/usr/bin:/bin"}
        subprocess.run(["sh", "-c", command], check=True, env=environment, timeout=60)
        thread.join(60)
    assert _RecordingHandler.got == ("/v1/chat/completions", "Bearer k1", BODY)


def test_the_curl_command_names_the_key_variable_and_headers() -> None:
    command = curl_command("http://h/v1", "{}", key_name="MYKEY", header_names=["X-Team"])
    assert '"Authorization: Bearer $MYKEY"' in command and "-H 'X-Team: …'" in command


def test_the_curl_command_contains_each_header_once() -> None:
    command = curl_command("http://h/v1", "{}", header_names=["authorization", "Content-type"])
    assert command.lower().count("authorization") == command.lower().count("content-type") == 1
    assert "$" not in command


@pytest.mark.parametrize("key_name", ["X$(reboot)", 'a" -o /x "', "A B", "\u00c4", ""])
def test_an_invalid_key_variable_is_not_put_into_the_command(key_name: str) -> None:
    assert f'"Authorization: Bearer {UNKNOWN}"' in curl_command("http://h", "{}", key_name=key_name)


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        ({"api_key_env": "MYKEY", "header_names": ["X-Team"]}, ["MYKEY", "-H 'X-Team: …'"]),
        ({"header_names": ["a\nb", 3, "", "`x`"]}, ["OPENAI_API_KEY", "-H '`x`: …'"]),
        ({"api_key_env": 3, "header_names": "X-Team"}, ["OPENAI_API_KEY"]),
        ("nonsense", ["OPENAI_API_KEY"]),
    ],
)
def test_key_variable_and_headers_come_from_the_recording(live: Any, expected: list[str]) -> None:
    head = RunStarted(seq=0, source_format="native", details={"live": live})
    sent = RequestSent(seq=0, body=BODY, url="http://h/v1")
    run = timeline(head, sent)
    command = event_copies(run, sent, RawReader(None).text)[1].text
    assert all(part in command for part in expected)
    assert command.count("-H ") == 1 + len(expected)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://h/v1/chat/completions", "https://h/v1/chat/completions"),
        ("https://h/v1/?api-key=abcdefgh", "https://h/v1/chat/completions?api-key=***"),
        ("https://h/v1#top", "https://h/v1/chat/completions"),
        ("https://me:word@h/v1", "https://***@h/v1/chat/completions"),
    ],
)
def test_the_copied_url_is_the_endpoint_without_secrets(url: str, address: str) -> None:
    assert shlex.split(curl_command(url, "{}").replace("\\\n", ""))[1] == address


@pytest.mark.parametrize(
    ("url", "body"), [("", "{}"), ("sdk", "{}"), ("http://h", "\ud800" * LONGEST_ARGUMENT)]
)
def test_a_request_that_curl_cannot_send_has_no_command(url: str, body: str) -> None:
    assert curl_command(url, body) == ""
