"""`hermes-tui live` without a terminal, with a server: what runs, is reported and is recorded."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_live import LIVE, events, kinds, live
from tests.servers.local_server import Answer, LocalServer


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalServer]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with LocalServer() as serving:
        yield serving


def completion(*calls: tuple[str, Any]) -> Answer:
    """Return a reply whose calls are (id, command)."""
    entries = [
        {
            "id": call_id,
            "type": "function",
            "function": {"name": "terminal", "arguments": json.dumps({"command": command})},
        }
        for call_id, command in calls
    ]
    message = {"role": "assistant", "content": None, "tool_calls": entries}
    choice = {"message": message, "finish_reason": "tool_calls"}
    return Answer([json.dumps({"choices": [choice]}).encode()])


def arguments_for(server: LocalServer, *more: str, url: str = "") -> list[str]:
    """Return the arguments of a run that sends `server` one request."""
    options = ["--server", url or server.url, "--api", "http", "--model", "m", "--task", "x"]
    return [*options, "--tools", "builtin:terminal", "--max-turns", "1", *more]


def without_headless(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*LIVE[:-1], *arguments],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        env={**os.environ, **environment},
    )


def test_without_a_terminal_no_tool_runs_unless_allowed(
    server: LocalServer, tmp_path: Path
) -> None:
    server.answers.append(completion(("c1", "touch ran")))
    ended = without_headless(*arguments_for(server, "--workdir", str(tmp_path)))
    assert ended.returncode == 4
    assert kinds(ended.stdout)[-1] == "Stopped"
    assert not (tmp_path / "ran").exists()
    assert "without a terminal nobody can approve the call" in ended.stderr
    assert "start again with --run or --headless" in ended.stderr


@pytest.mark.parametrize("how", ["--run", "--headless"])
def test_without_a_terminal_tools_run_if_that_is_allowed(
    server: LocalServer, tmp_path: Path, how: str
) -> None:
    server.answers.append(completion(("c1", "touch ran")))
    ended = without_headless(*arguments_for(server, "--workdir", str(tmp_path), how))
    assert ended.returncode == 1
    assert (tmp_path / "ran").exists()


def test_findings_are_printed_with_their_event(server: LocalServer) -> None:
    server.answers.append(completion(("c1", "true"), ("c1", 7)))
    ended = live(*arguments_for(server, "--no-record"))
    found = [
        (event["kind"], event["findings"]) for event in events(ended.stdout) if "findings" in event
    ]
    assert [(kind, one["code"]) for kind, rows in found[:1] for one in rows] == [
        ("ToolCallProposed", "ID_DUPLICATE"),
        ("ToolCallProposed", "SCHEMA_VIOLATION"),
    ]
    assert found[0][1][1]["message"] == "command: 7 is not of type 'string'"


def test_neither_password_nor_key_is_printed_or_recorded_but_both_are_sent(
    server: LocalServer, tmp_path: Path
) -> None:
    server.answers.append(completion(("c1", "true")))
    url = server.url.replace("http://", "http://user:pw-in-url@") + "?api_key=key-in-url"
    path = tmp_path / "run.jsonl"
    body = '{"api_key": "EB33", "seed": 1}'
    arguments = arguments_for(server, "--record", str(path), "--extra-body", body, url=url)
    stopped = without_headless(*arguments)
    assert stopped.returncode == 4, stopped.stderr
    for written in (stopped.stdout, stopped.stderr, path.read_text()):
        assert not re.search("pw-in-url|key-in-url|EB33", written)
    (request,) = server.requests
    assert "key-in-url" in request.path and json.loads(request.body)["api_key"] == "EB33"
    resumed = without_headless("--resume", str(path))
    assert resumed.returncode == 2 and "pass it again in full: --server URL" in resumed.stderr
    resumed = without_headless("--resume", str(path), "--server", url)
    assert resumed.returncode == 2 and "as api_key in --extra-body" in resumed.stderr
    again = ["--server", url, "--extra-body", '{"api_key": "EB33"}']
    resumed = without_headless("--resume", str(path), *again)
    assert resumed.returncode == 4, resumed.stderr
    assert "EB33" not in path.read_text()


def test_the_key_is_not_in_the_environment_of_tools_nor_printed(server: LocalServer) -> None:
    server.answers.append(completion(("c1", "env; echo is-$MYLLM-known; cat /proc/$PPID/environ")))
    ended = without_headless(
        *arguments_for(server, "--headless", "--no-record", "--api-key-env", "MYLLM"),
        MYLLM="hidden-key-1234567",
        CONFIGURED="Bearer hidden-key-1234567",
    )
    assert "is--known" in ended.stdout
    assert "CONFIGURED=Bearer [masked]" in ended.stdout, "the output of tools is masked, too"
    assert "hidden-key" not in ended.stdout


def test_a_breakpoint_for_an_unknown_tool_is_reported_once(server: LocalServer) -> None:
    server.answers.append(completion(("c1", "true")))
    ended = live(*arguments_for(server, "--no-record", "--break", "before_dispatch:termnal"))
    assert ended.stderr.count("no tool is called termnal; did you mean terminal?") == 1


def test_a_tool_call_ends_at_its_time_limit(server: LocalServer) -> None:
    server.answers.append(completion(("c1", "sleep 60")))
    ended = live(*arguments_for(server, "--no-record", "--tool-timeout", "0.2"))
    (returned,) = [event for event in events(ended.stdout) if event["kind"] == "ToolReturned"]
    assert "timed out after 0.2 s" in returned["result"]["content"]
