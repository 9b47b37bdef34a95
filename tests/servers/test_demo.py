"""A plain HTTP client that really runs the tools plays the demo from start to end."""

from __future__ import annotations

import json
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from hermes_tui.debugger.stepping import StopPoint
from hermes_tui.runtime.servers.demo import DemoServer
from hermes_tui.runtime.servers.demo_task import (
    DEMO_SYSTEM,
    DEMO_TASK,
    DEMO_TOOLS,
    HINTS,
    PASSED,
    prepare_workdir,
)
from hermes_tui.ui.key_names import KeyNames
from hermes_tui.ui.live_model import hint_at

Message = dict[str, Any]
Repair = Callable[[Message], list[Message] | None]


@pytest.fixture
async def url() -> AsyncIterator[str]:
    server = DemoServer(delay_s=0)
    yield await server.start()
    await server.close()


def run_tool(workdir: Path, name: str, arguments: Any) -> str:
    if name not in DEMO_TOOLS:
        return json.dumps({"error": f"Unknown tool '{name}'. Available tools: {DEMO_TOOLS}"})
    if not isinstance(arguments, dict):
        return json.dumps({"error": "Invalid JSON in tool arguments"})
    if name == "terminal":
        done = subprocess.run(
            arguments["command"], shell=True, cwd=workdir, capture_output=True, text=True
        )
        return json.dumps({"output": done.stdout + done.stderr, "exit_code": done.returncode})
    if name == "todo":
        return json.dumps({"todos": arguments["todos"]})
    if "path" not in arguments:
        return json.dumps({"error": "path is missing"})
    if name == "read_file":
        return json.dumps({"content": (workdir / arguments["path"]).read_text("utf-8")})
    (workdir / arguments["path"]).write_text(arguments["content"], "utf-8")
    return json.dumps({"written": arguments["path"]})


def decode_arguments(text: str) -> Any:
    try:
        value = json.loads(text)
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return None


async def ask(url: str, messages: list[Message], **more: Any) -> dict[str, Any]:
    async with httpx.AsyncClient() as client:
        answer = await client.post(
            f"{url}/chat/completions", json={"model": "demo", "messages": messages, **more}
        )
    assert answer.status_code == 200
    choice: dict[str, Any] = answer.json()["choices"][0]
    return choice


async def play(
    url: str, workdir: Path, repair: Repair = lambda message: None, **more: Any
) -> tuple[list[Message], list[str]]:
    """Run the agent loop; return the messages and finish reasons.

    `repair` may return calls for a reply that has none.
    """
    prepare_workdir(workdir)
    messages: list[Message] = [
        {"role": "system", "content": DEMO_SYSTEM},
        {"role": "user", "content": DEMO_TASK},
    ]
    reasons = []
    for _turn in range(15):
        choice = await ask(url, messages, **more)
        reasons.append(choice["finish_reason"])
        message = choice["message"]
        calls = message.get("tool_calls") or repair(message)
        messages.append({**message, **({"tool_calls": calls} if calls else {})})
        if not calls:
            return messages, reasons
        for call in calls:
            function = call["function"]
            result = run_tool(workdir, function["name"], decode_arguments(function["arguments"]))
            messages.append({"role": "tool", "tool_call_id": call.get("id"), "content": result})
    raise AssertionError("the demo does not end")


def close_call(message: Message) -> list[Message] | None:
    _, tag, text = message["content"].partition("<tool_call>")
    if not tag:
        return None
    call = json.loads(text + "}")
    function = {"name": call["name"], "arguments": json.dumps(call["arguments"])}
    return [{"id": "repaired", "type": "function", "function": function}]


async def test_without_repair_the_run_ends_at_the_unclosed_call(url: str, tmp_path: Path) -> None:
    messages, reasons = await play(url, tmp_path)
    assert reasons == ["tool_calls"] * 5 + ["length", "tool_calls", "stop"]
    assert "<tool_call>" in messages[-1]["content"]
    assert "</tool_call>" not in messages[-1]["content"]
    assert "tool_calls" not in messages[-1]


async def test_with_repair_the_run_ends_with_all_checks_passed(url: str, tmp_path: Path) -> None:
    messages, reasons = await play(url, tmp_path, close_call)
    assert len(reasons) == 9
    assert PASSED in messages[-1]["content"]
    assert (
        subprocess.run(["python3", "check.py"], cwd=tmp_path, capture_output=True).returncode == 0
    )


async def test_every_mishap_happens_once(url: str, tmp_path: Path) -> None:
    messages, _ = await play(url, tmp_path, close_call)
    calls = [call for m in messages for call in m.get("tool_calls", ())]
    texts = [call["function"]["arguments"] for call in calls]
    assert [c["function"]["name"] for c in calls if "id" not in c] == ["read_file"]
    assert [c["function"]["name"] for c in calls if c["function"]["name"] not in DEMO_TOOLS] == [
        "read_fil"
    ]
    assert [text for text in texts if decode_arguments(text) is None and text.endswith(",}")]
    assert sum(text.startswith('"{') for text in texts) == 1
    assert max(len(m.get("tool_calls", ())) for m in messages) == 2
    assert any(m.get("reasoning_content") for m in messages)


async def test_the_checks_really_fail_before_they_pass(url: str, tmp_path: Path) -> None:
    messages, _ = await play(url, tmp_path, close_call)
    results = [m["content"] for m in messages if m["role"] == "tool"]
    verdicts = [result for result in results if " of 5 checks pass" in result]
    assert len(verdicts) == 2
    assert "2 of 5" in verdicts[0]
    assert PASSED in verdicts[1]


async def test_with_more_tokens_no_answer_is_truncated(url: str, tmp_path: Path) -> None:
    _, reasons = await play(url, tmp_path, close_call, max_tokens=400)
    assert "length" not in reasons


async def test_a_corrected_call_gets_another_answer_than_a_failed_one(
    url: str, tmp_path: Path
) -> None:
    messages, _ = await play(url, tmp_path)
    at = next(i for i, m in enumerate(messages) if "Unknown tool" in str(m["content"]))
    failed = messages[: at + 1]
    corrected = [*messages[:at], {**messages[at], "content": json.dumps({"content": "import re"})}]
    assert "no read_fil" in (await ask(url, failed))["message"]["content"]
    assert "That is the code" in (await ask(url, corrected))["message"]["content"]


async def test_a_skipped_write_is_repeated(url: str, tmp_path: Path) -> None:
    def repair_unwritten(message: Message) -> list[Message] | None:
        prepare_workdir(tmp_path)  # as if nothing had been written
        return close_call(message)

    messages, reasons = await play(url, tmp_path, repair_unwritten)
    assert len(reasons) == 10
    assert PASSED in messages[-1]["content"]


async def test_the_same_conversation_gets_the_same_reply(url: str, tmp_path: Path) -> None:
    messages, _ = await play(url, tmp_path)
    for end in (2, len(messages)):
        assert await ask(url, messages[:end]) == await ask(url, messages[:end])


async def streamed_reply(
    url: str, messages: list[Message]
) -> tuple[Message, str, dict[str, int], int]:
    """Join a streamed reply; return its message, finish reason, usage and number of pieces."""
    body = {"model": "demo", "messages": messages, "stream": True}
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{url}/chat/completions", json=body)
    assert answer.headers["content-type"] == "text/event-stream"
    events = answer.text.split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    chunks = [json.loads(event.removeprefix("data: ")) for event in events[:-2]]
    message: Message = {"role": "assistant", "content": ""}
    calls: list[Message] = []
    reason = ""
    for chunk in chunks[:-1]:
        delta = chunk["choices"][0]["delta"]
        reason = chunk["choices"][0]["finish_reason"] or reason
        message["content"] += delta.get("content") or ""
        if "reasoning_content" in delta:
            said = message.get("reasoning_content", "")
            message["reasoning_content"] = said + delta["reasoning_content"]
        for piece in delta.get("tool_calls", ()):
            if piece["index"] == len(calls):
                calls.append({key: value for key, value in piece.items() if key != "index"})
            else:
                calls[-1]["function"]["arguments"] += piece["function"]["arguments"]
    if calls:
        message["tool_calls"] = calls
    return message, reason, chunks[-1]["usage"], len(chunks)


async def test_streamed_and_whole_replies_are_the_same(url: str, tmp_path: Path) -> None:
    messages, _ = await play(url, tmp_path, close_call)
    starts = [i for i, m in enumerate(messages) if m["role"] == "assistant"]
    for start in starts:
        whole = await ask(url, messages[:start])
        message, reason, usage, pieces = await streamed_reply(url, messages[:start])
        assert message == whole["message"]
        assert reason == whole["finish_reason"]
        assert usage["completion_tokens"] > 0
        assert pieces > 8


async def test_the_model_is_listed(url: str) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{url}/models")
    assert [model["id"] for model in answer.json()["data"]] == ["demo"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/chat/completions", b"", 405),
        ("GET", "/nothing", b"", 404),
        ("POST", "/chat/completions", b'{"messages": [', 400),
        ("POST", "/chat/completions", b"[]", 400),
        ("POST", "/chat/completions", b'{"messages": [null, 5, {"role": null}]}', 200),
    ],
)
async def test_bad_requests_get_an_answer(
    url: str, method: str, path: str, body: bytes, status: int
) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.request(method, url + path, content=body)
    assert answer.status_code == status
    assert ("error" in answer.json()) == (status != 200)


async def test_closing_ends_an_open_stream() -> None:
    server = DemoServer(delay_s=30)
    url = await server.start()
    body = {"messages": [{"role": "user", "content": DEMO_TASK}], "stream": True}
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.RemoteProtocolError):
            async with client.stream("POST", f"{url}/chat/completions", json=body) as answer:
                async for _piece in answer.aiter_bytes():
                    await server.close()


def test_hints_are_short_and_about_real_stop_points() -> None:
    for key, hint in HINTS.items():
        assert key.partition("@")[0] in {*StopPoint, "edited", "ended"}
        assert len(KeyNames().format(hint)) <= 78
    assert set(HINTS) >= set(StopPoint) - {StopPoint.RECOVERY}


def test_a_turn_without_its_own_hint_gets_that_of_its_stop_point() -> None:
    assert hint_at(HINTS, "unknown_tool", 3) == HINTS["unknown_tool@3"]
    assert hint_at(HINTS, "unknown_tool", 4) == HINTS["unknown_tool"]
    assert hint_at(HINTS, "before_dispatch", 1, 1) == HINTS["before_dispatch@1.1"]
    assert hint_at(HINTS, "before_dispatch", 1, 2) == HINTS["before_dispatch@1"]
    assert hint_at(HINTS, "elsewhere", 1) == ""
