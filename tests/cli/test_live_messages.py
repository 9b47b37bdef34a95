"""`live --messages` continues from the messages of another run, with a real server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import Outcome, hermes_tui, within
from tests.servers.local_server import LocalServer, whole

Chat = list[dict[str, Any]]

DONE = whole({"role": "assistant", "content": "Done."})
BASH = {"id": "c1", "type": "function", "function": {"name": "terminal", "arguments": "{}"}}
CHAT: Chat = [
    {"role": "user", "content": "list the files"},
    {"role": "assistant", "content": None, "tool_calls": [BASH]},
    {"role": "tool", "tool_call_id": "c1", "content": "no such folder", "is_error": True},
    {"role": "assistant", "content": "There are none.", "timestamp": 1768125203.5},
    {"role": "user", "content": "look again"},
]
ANTHROPIC: Chat = [
    {"role": "user", "content": "list the files"},
    {
        "role": "assistant",
        "content": [{"type": "tool_use", "id": "t1", "name": "terminal", "input": {}}],
    },
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "a.txt"}]},
]


@pytest.fixture(autouse=True)
def state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def continue_from(
    folder: Path, text: str, *options: str, server: LocalServer, name: str = "saved.json"
) -> Outcome:
    saved = folder / name
    saved.write_text(text, "utf-8")
    line = ("live", "--headless", "--server", server.url, "--model", "m", "--tools")
    into = ("builtin:terminal", "--record", str(folder / "run.jsonl"))
    return hermes_tui(*line, *into, "--messages", str(saved), *options)


def sent(server: LocalServer, number: int = 0) -> Chat:
    messages: Chat = json.loads(server.requests[number].body)["messages"]
    return messages


def lines(messages: Chat) -> str:
    return "".join(json.dumps(message) + "\n" for message in messages)


def test_the_recording_has_the_calls_and_errors_of_the_messages(tmp_path: Path) -> None:
    with LocalServer(DONE) as server:
        ended = continue_from(tmp_path, json.dumps(CHAT), server=server)
    assert ended.code == 0, ended.err
    record = tmp_path / "run.jsonl"
    scanned = json.loads(within("scan", record, "--json").text)
    assert "TOOL_ERROR" in scanned["diagnostics"]
    assert (scanned["tool_calls"], scanned["tool_results"]) == (1, 1)
    exported = json.loads(within("export", record, "--to", "openai").text)["messages"]
    assert [m["role"] for m in exported] == [*(m["role"] for m in CHAT), "assistant"]
    assert exported[1]["tool_calls"] == CHAT[1]["tool_calls"]


def test_fields_that_only_records_have_are_not_sent(tmp_path: Path) -> None:
    with LocalServer(DONE) as server:
        assert continue_from(tmp_path, json.dumps(CHAT), server=server).code == 0
    extra_fields = ("timestamp", "is_error")
    assert sent(server) == [{k: v for k, v in m.items() if k not in extra_fields} for m in CHAT]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"messages": CHAT, "model": "m"}),
        lines(CHAT),
        lines([{"messages": CHAT}]),
    ],
)
def test_any_file_with_one_run_is_accepted(tmp_path: Path, text: str) -> None:
    with LocalServer(DONE) as server:
        ended = continue_from(tmp_path, text, server=server)
    assert ended.code == 0, ended.err
    sent_messages = sent(server)
    assert [m["role"] for m in sent_messages] == [m["role"] for m in CHAT]
    assert sent_messages[1]["tool_calls"] == CHAT[1]["tool_calls"]
    assert not any({"timestamp", "is_error"} & m.keys() for m in sent_messages)


def test_messages_of_another_api_are_sent_in_the_form_of_this_one(tmp_path: Path) -> None:
    with LocalServer(DONE) as server:
        ended = continue_from(tmp_path, json.dumps(ANTHROPIC), server=server)
    assert ended.code == 0, ended.err
    roles = [message["role"] for message in sent(server)]
    assert roles == ["user", "assistant", "tool"]
    assert sent(server)[2]["tool_call_id"] == sent(server)[1]["tool_calls"][0]["id"] == "t1"


def test_a_recording_is_continued_before_one_of_its_messages(tmp_path: Path) -> None:
    with LocalServer(DONE) as server:
        assert continue_from(tmp_path, json.dumps(CHAT), server=server).code == 0
        recorded = (tmp_path / "run.jsonl").read_text("utf-8")
        (tmp_path / "run.jsonl").unlink()
        ended = continue_from(tmp_path, recorded, "--at", "1:4", "--task", "why?", server=server)
    assert ended.code == 0, ended.err
    assert [m["role"] for m in sent(server, 1)] == ["user", "assistant", "tool", "user"]


def test_messages_are_read_in_the_named_format(tmp_path: Path) -> None:
    with LocalServer(DONE) as server:
        refused = continue_from(tmp_path, '{"a": 1}', server=server)
        ended = continue_from(tmp_path, json.dumps(CHAT), "--format", "generic", server=server)
        unknown = continue_from(tmp_path, json.dumps(CHAT), "--format", "generick", server=server)
    assert "force one with --format NAME" in refused.one_line
    assert ended.code == 0, ended.err
    assert [m["role"] for m in sent(server)] == [m["role"] for m in CHAT]
    assert (unknown.code, "did you mean generic?" in unknown.one_line) == (2, True)
    alone = hermes_tui("live", "--headless", "--format", "generic")
    assert (alone.code, "--format needs --messages" in alone.one_line) == (2, True)


def test_a_call_that_a_person_answers_stops_without_a_screen(tmp_path: Path) -> None:
    (tmp_path / "tools.json").write_text('[{"name": "terminal", "parameters": {}}]')
    tools = ("--tools", f"schema:{tmp_path / 'tools.json'}")
    line = ("live", "--headless", "--model", "m", "--messages", str(tmp_path / "saved.json"))
    (tmp_path / "saved.json").write_text(json.dumps(CHAT[:2]))
    with LocalServer(DONE) as server:
        ended = hermes_tui(*line, "--server", server.url, *tools)
    assert ended.code == 4
    assert "stopped at manual: terminal waits for an answer; continue with `" in ended.err


def test_a_run_that_begins_before_a_result_runs_its_call(tmp_path: Path) -> None:
    call = {"name": "terminal", "arguments": json.dumps({"command": "echo $((6*7))"})}
    messages = [CHAT[0], {**CHAT[1], "tool_calls": [{**BASH, "function": call}]}, CHAT[2]]
    with LocalServer(DONE) as server:
        ended = continue_from(tmp_path, json.dumps(messages), "--at", "1:3", server=server)
    assert ended.code == 0, ended.err
    sent_messages = sent(server)
    assert sent_messages[:2] == messages[:2]
    assert sent_messages[2]["tool_call_id"] == "c1" and "42" in sent_messages[2]["content"]


def test_one_of_several_runs_is_chosen(tmp_path: Path) -> None:
    other = [{"role": "user", "content": "the other one"}]
    text = lines([{"messages": CHAT}, {"messages": other, "id": "a:7"}])
    with LocalServer(DONE) as server:
        unchosen = continue_from(tmp_path, text, server=server)
        assert unchosen.code == 2 and "choose one with --at 1 … --at 2" in unchosen.one_line
        for at in ("2", "a:7"):
            (tmp_path / "run.jsonl").unlink(missing_ok=True)
            assert continue_from(tmp_path, text, "--at", at, server=server).code == 0
    assert sent(server, 0) == sent(server, 1) == other


@pytest.mark.parametrize(
    ("at", "message"),
    [
        ("1:1", "nothing comes before message 1"),
        ("1:99", "no such message in that run"),
        ("2:3", "holds one run"),
        ("x", "holds one run"),
    ],
)
@pytest.mark.parametrize("as_lines", [True, False])
def test_a_missing_place_is_named(tmp_path: Path, at: str, message: str, as_lines: bool) -> None:
    text = lines(CHAT) if as_lines else json.dumps(CHAT)
    with LocalServer(DONE) as server:
        ended = continue_from(tmp_path, text, "--at", at, server=server)
    assert ended.code == 2 and server.requests == []
    assert message in ended.one_line or "it holds one run" in ended.one_line


def test_a_place_without_a_file_is_refused() -> None:
    assert "--messages" in hermes_tui("live", "--at", "1:2", "--task", "x").one_line


def test_a_task_after_an_open_call_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    with LocalServer(DONE) as server:
        ended = continue_from(tmp_path, json.dumps(CHAT[:2]), "--task", "go on", server=server)
    assert ended.code == 2 and "leave --task out" in ended.one_line and server.requests == []


@pytest.mark.parametrize("text", ['{"a": 1}', '[{"role": ["user"]}]', "", "[[1", "nothing"])
def test_a_file_without_a_run_is_reported(tmp_path: Path, text: str) -> None:
    with LocalServer(DONE) as server:
        ended = continue_from(tmp_path, text, server=server)
    assert ended.code in (2, 3) and "saved.json" in ended.one_line


def test_a_session_of_another_program_is_continued(tmp_path: Path) -> None:
    session = [
        {"type": "user", "uuid": "1", "parentUuid": None, "sessionId": "s", **_dated(ANTHROPIC[0])},
        {
            "type": "assistant", "uuid": "2", "parentUuid": "1", "sessionId": "s",
            **_dated({"id": "m1", "model": "x", **ANTHROPIC[1]}),
        },
        {"type": "user", "uuid": "3", "parentUuid": "2", "sessionId": "s", **_dated(ANTHROPIC[2])},
    ]  # fmt: skip
    with LocalServer(DONE) as server:
        ended = continue_from(tmp_path, lines(session), server=server, name="session.jsonl")
    assert ended.code == 0, ended.err
    assert [m["role"] for m in sent(server)] == ["user", "assistant", "tool"]


def _dated(message: dict[str, Any]) -> dict[str, Any]:
    return {"timestamp": "2026-01-01T00:00:00Z", "message": message}


def without_tools(folder: Path, saved: Path, server: LocalServer) -> str:
    line = ("live", "--headless", "--server", server.url, "--model", "m", "--messages", str(saved))
    return hermes_tui(*line, "--record", str(folder / "run.jsonl")).err


def test_the_tools_of_the_messages_are_named_if_none_are_given(tmp_path: Path) -> None:
    tools = [{"type": "function", "function": {"name": name}} for name in ("terminal", "b\x1b")]
    saved = tmp_path / "saved.json"
    saved.write_text(json.dumps({"messages": CHAT, "tools": tools}), "utf-8")
    with LocalServer(DONE) as server:
        errors = without_tools(tmp_path, saved, server)
    assert "saved.json: its tools are not available here: terminal, b" in errors
    assert "\x1b" not in errors


def test_tools_of_a_recording_are_reported_with_the_option_to_give_them(
    tmp_path: Path, transcripts: Path
) -> None:
    with LocalServer(DONE) as server:
        errors = without_tools(tmp_path, transcripts / "recorded" / "steered.jsonl", server)
    assert "terminal, read_file, write_file, todo" in errors
    assert "(pass them: --tools builtin:terminal,read_file,write_file,todo)" in errors


def test_tools_of_the_messages_are_not_reported_if_tools_are_given(tmp_path: Path) -> None:
    tools = [{"type": "function", "function": {"name": "terminal"}}]
    with LocalServer(DONE) as server:
        outcome = continue_from(
            tmp_path, json.dumps({"messages": CHAT, "tools": tools}), server=server
        )
    assert "not available" not in outcome.err
