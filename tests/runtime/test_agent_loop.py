"""The importable agent loop replaces HermesAgentLoop, records runs and can be debugged."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from functools import partial
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import pytest
from openai import AsyncOpenAI, OpenAI

import hermes_tui
from hermes_tui import AgentLoop, AgentResult, Debugger, ToolError
from hermes_tui.debugger.inputs import (
    EditArguments,
    FailCall,
    Input,
    Resume,
    Retry,
    SkipCall,
    Terminate,
    ToolReplied,
)
from hermes_tui.debugger.session import Session
from hermes_tui.debugger.stepping import AT_STOP, Kind
from hermes_tui.log.codec import decode
from hermes_tui.log.fold import RunState
from hermes_tui.model.errors import IllegalCommand, UsageError
from hermes_tui.model.events import Event, LoopEscaped, RunEnded, Stopped
from tests.runtime.scripted import completion
from tests.servers.local_server import LocalServer, whole

SCHEMAS = [
    {
        "type": "function",
        "function": {"name": name, "parameters": {"type": "object", "properties": {}}},
    }
    for name in ("terminal", "search")
]
TOOL_NAMES = {"terminal", "search"}
CALL_TEXT = '<tool_call>{"name": "terminal", "arguments": {"command": "ls"}}</tool_call>'


def as_object(value: Any) -> Any:
    """Return a JSON completion as objects; calls stay the dicts that a managed server gives."""
    message = value["choices"][0]["message"]
    choice = SimpleNamespace(
        message=SimpleNamespace(
            content=message["content"], tool_calls=message.get("tool_calls"), role="assistant"
        ),
        finish_reason=value["choices"][0]["finish_reason"],
    )
    return SimpleNamespace(choices=[choice], usage=None)


class Server:
    """A server object like those of environments; it keeps its requests."""

    def __init__(self, *replies: Any) -> None:
        self.replies = list(replies)
        self.requests: list[dict[str, Any]] = []
        self.lists: list[int] = []

    async def chat_completion(self, **kwargs: Any) -> Any:
        self.lists.append(id(kwargs["messages"]))
        self.requests.append({**kwargs, "messages": json.loads(json.dumps(kwargs["messages"]))})
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return as_object(reply) if isinstance(reply, dict) else reply


class StatefulServer(Server):
    def get_state(self) -> dict[str, Any]:
        return {"nodes": ["a node"]}


def answer_call(name: str, arguments: Any, *, task_id: str, user_task: str) -> str:
    return json.dumps({"output": arguments, "exit_code": 0})


def recorded_events(path: Path) -> list[Event]:
    return [decode(line) for line in path.read_bytes().splitlines()]


def summarise(path: Path) -> RunState:
    state = RunState()
    for event in recorded_events(path):
        state.apply(event)
    return state


def legal_kinds_at_stops() -> set[Kind]:
    return set().union(*AT_STOP.values())


def prompt() -> list[dict[str, Any]]:
    return [{"role": "user", "content": " find the bug "}]


def loop(server: Any, **options: Any) -> AgentLoop:
    return AgentLoop(server, SCHEMAS, TOOL_NAMES, **{"tool_handler": answer_call, **options})


async def test_a_run_returns_the_result_of_hermes_agent_loop() -> None:
    server = Server(completion("I look", ("terminal", {"command": "ls"})), completion("done"))
    messages = prompt()
    result = await loop(server).run(messages)
    assert isinstance(result, AgentResult)
    assert result.messages is messages
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "assistant"]
    assert messages[2] == {
        "role": "tool",
        "tool_call_id": "c0",
        "content": '{"output": {"command": "ls"}, "exit_code": 0}',
    }
    assert (result.turns_used, result.finished_naturally, result.stop_reason) == (
        2,
        True,
        "finished",
    )
    assert result.reasoning_per_turn == [None, None]
    assert result.managed_state is None


@pytest.mark.parametrize("mode", ["strict", "faithful"])
async def test_a_truncated_call_is_never_run(mode: str) -> None:
    cut = '<tool_call>{"name": "terminal", "arguments": {"command": "rm -r /home/me'
    server, ran = Server(completion(cut), completion("done")), []
    handler = lambda name, arguments, **more: ran.append(arguments) or "{}"  # noqa: E731
    result = await loop(server, mode=mode, tool_handler=handler).run(prompt())
    assert (ran, result.stop_reason) == ([], "finished")
    errors = ["The call was cut off before its end"] if mode == "strict" else []
    assert [error.error for error in result.tool_errors] == errors


async def test_requests_are_those_of_hermes_agent_loop() -> None:
    server = Server(completion("done"))
    await loop(server, max_tokens=10, extra_body={"provider": {}}, temperature=0.5).run(prompt())
    assert server.requests == [
        {
            "messages": [{"role": "user", "content": " find the bug "}],
            "n": 1,
            "temperature": 0.5,
            "tools": SCHEMAS,
            "max_tokens": 10,
            "extra_body": {"provider": {}},
        }
    ]


async def test_unset_options_are_not_sent() -> None:
    server = Server(completion("done"))
    await AgentLoop(server, [], set()).run(prompt())
    assert set(server.requests[0]) == {"messages", "n", "temperature"}


async def test_every_request_passes_the_same_list_of_messages() -> None:
    server = Server(completion(None, ("terminal", {})), completion("done"))
    messages = prompt()
    await loop(server).run(messages)
    assert server.lists == [id(messages)] * 2


async def test_the_tool_handler_receives_task_id_and_user_task() -> None:
    received: list[Any] = []

    async def handler(name: str, arguments: Any, **more: Any) -> str:
        received.append((name, arguments, more))
        return "ok"

    server = Server(completion(None, ("search", {"q": 1})), completion("done"))
    await loop(server, tool_handler=handler, task_id="t-1").run(prompt())
    assert received == [("search", {"q": 1}, {"task_id": "t-1", "user_task": "find the bug"})]


async def test_a_tool_that_raises_gives_a_tool_error() -> None:
    def handler(name: str, arguments: Any, **more: Any) -> str:
        raise ValueError("no such row")

    server = Server(completion(None, ("search", {"q": 1})), completion("done"))
    result = await loop(server, tool_handler=handler).run(prompt())
    assert result.tool_errors == [
        ToolError(
            turn=1,
            tool_name="search",
            arguments='{"q": 1}',
            error="ValueError: no such row",
            tool_result='{"error": "Tool execution failed: ValueError: no such row"}',
        )
    ]
    assert result.messages[2]["content"] == result.tool_errors[0].tool_result
    assert asdict(result)["tool_errors"][0]["error"] == "ValueError: no such row"


async def test_a_call_of_an_unknown_tool_is_answered_with_the_available_ones() -> None:
    server = Server(completion(None, ("serch", {})), completion("done"))
    result = await loop(server).run(prompt())
    assert json.loads(result.messages[2]["content"]) == {
        "error": "Unknown tool 'serch'. Available tools: ['search', 'terminal']"
    }
    assert result.tool_errors[0].error == "Unknown tool 'serch'"


@pytest.mark.parametrize(
    ("reply", "stop_reason"),
    [
        (RuntimeError("worker died"), "request_failed"),
        (None, "empty_response"),
        (SimpleNamespace(choices=[]), "empty_response"),
    ],
)
async def test_a_failed_request_is_distinguished_from_an_empty_response(
    reply: Any, stop_reason: str
) -> None:
    result = await loop(Server(reply)).run(prompt())
    assert (result.stop_reason, result.turns_used, result.finished_naturally) == (
        stop_reason,
        1,
        False,
    )


@pytest.mark.parametrize(
    ("choice", "exception"),
    [
        (SimpleNamespace(message=None), "'NoneType' object has no attribute 'tool_calls'"),
        (None, "'NoneType' object has no attribute 'message'"),
    ],
)
async def test_a_choice_without_a_message_escapes_in_faithful_mode_only(
    choice: Any, exception: str, tmp_path: Path
) -> None:
    answer, path = SimpleNamespace(choices=[choice]), tmp_path / "run.jsonl"
    result = await loop(Server(answer), mode="faithful", record=path).run(prompt())
    escaped = [event for event in recorded_events(path) if isinstance(event, LoopEscaped)]
    assert (result.stop_reason, escaped[0].exception) == ("escaped", f"AttributeError: {exception}")
    assert (await loop(Server(answer)).run(prompt())).stop_reason == "empty_response"


async def test_a_run_stops_after_max_turns() -> None:
    server = Server(*[completion(None, ("terminal", {}))] * 3)
    result = await loop(server, max_turns=2).run(prompt())
    assert (result.stop_reason, result.turns_used) == ("max_turns", 2)
    assert result.finished_naturally is False


async def test_no_request_is_sent_if_max_turns_is_zero() -> None:
    server = Server()
    result = await loop(server, max_turns=0).run(prompt())
    assert (result.stop_reason, result.turns_used, server.requests) == ("max_turns", 0, [])


async def test_reasoning_is_returned_and_sent_back() -> None:
    reply = as_object(completion(None, ("terminal", {})))
    reply.choices[0].message.reasoning = "hm"
    server = Server(reply, completion("done"))
    result = await loop(server).run(prompt())
    assert result.reasoning_per_turn == ["hm", None]
    assert server.requests[1]["messages"][1]["reasoning_content"] == "hm"


async def test_a_call_in_the_text_is_run() -> None:
    text = '<tool_call>\n{"name": "search", "arguments": {"q": "x"}}\n</tool_call>'
    result = await loop(Server(completion(text), completion("done"))).run(prompt())
    assert result.messages[1]["tool_calls"][0]["function"]["name"] == "search"
    assert "<tool_call>" not in result.messages[1]["content"]


async def test_the_state_of_a_managed_server_is_returned() -> None:
    result = await loop(StatefulServer(completion("done"))).run(prompt())
    assert result.managed_state == {"nodes": ["a node"]}


async def test_a_recording_ends_with_the_end_of_the_run(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    await loop(Server(completion("done")), record=path).run(prompt())
    last = decode(path.read_bytes().splitlines()[-1])
    assert isinstance(last, RunEnded)


async def test_a_cancelled_run_is_recorded_as_cancelled(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    cleaned: list[str] = []

    async def hang(name: str, arguments: Any, **more: Any) -> str:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.append(name)
        return ""

    server = Server(completion(None, ("terminal", {})))
    running = loop(server, record=path, tool_handler=hang).run(prompt())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(running, 0.2)
    last = recorded_events(path)[-1]
    assert isinstance(last, RunEnded)
    assert (last.status, last.stop_reason) == ("truncated", "cancelled")
    assert cleaned == ["terminal"]


async def test_scores_of_a_run_are_added_to_its_recording(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    agent_loop = loop(Server(completion("done")), record=path, group_id=7, details={"seed": 3})
    await agent_loop.run(prompt())
    agent_loop.scored(0.25)
    agent_loop.scored(1, {"format": 0.5})
    run = summarise(path)
    assert (run.reward, run.scores) == (1.0, {"format": 0.5})
    assert (run.group_id, run.status, run.stop_reason) == ("7", "ok", "finished")
    assert run.details["seed"] == 3
    assert [event.seq for event in recorded_events(path)] == list(range(len(recorded_events(path))))


@pytest.mark.parametrize("name", ["made-before", "new/"])
async def test_every_run_gets_its_own_file_in_a_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "made-before").mkdir()
    folder = f"{tmp_path}/{name}"
    agent_loop = loop(Server(completion("one"), completion("two")), record=folder)
    for reward in (0.0, 1.0):
        await agent_loop.run(prompt())
        agent_loop.scored(reward)
    await loop(Server(completion("three")), record=folder).run(prompt())
    runs = [summarise(path) for path in Path(folder).glob("*.jsonl")]
    assert sorted(str(run.reward) for run in runs) == ["0.0", "1.0", "None"]
    assert {run.status for run in runs} == {"ok"}


async def test_of_concurrent_runs_the_one_with_the_result_is_scored(tmp_path: Path) -> None:
    agent_loop = loop(Server(completion("one"), completion("two")), record=f"{tmp_path}/")
    results = await asyncio.gather(agent_loop.run(prompt()), agent_loop.run(prompt()))
    for result in results:
        agent_loop.scored(float(result.messages[-1]["content"] == "one"), result=result)
        agent_loop.scored(None, {"length": 3.0}, result=result)
        agent_loop.scored(float(result.messages[-1]["content"] == "one"), result=result)
    runs = {Path(result.recording): result.messages[-1]["content"] for result in results}
    rewards = {content: summarise(path).reward for path, content in runs.items()}
    assert rewards == {"one": 1.0, "two": 0.0}


async def test_a_run_without_a_recording_cannot_be_scored(tmp_path: Path) -> None:
    agent_loop = loop(Server(completion("done")))
    result = await agent_loop.run(prompt())
    for scored in (agent_loop.scored, partial(agent_loop.scored, result=result)):
        with pytest.raises(UsageError, match="record=FILE"):
            scored(1.0)
    result.recording = str(tmp_path / "deleted.jsonl")
    with pytest.raises(UsageError, match="no recorded run"):
        agent_loop.scored(1.0, result=result)
    assert not list(tmp_path.iterdir())
    with pytest.raises(UsageError, match="result is 'x', not an AgentResult"):
        agent_loop.scored(1.0, result="x")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reward", "scores", "message"),
    [
        (float("nan"), {}, "reward is nan, not a finite number"),
        (float("-inf"), {}, "reward is -inf"),
        (10**400, {}, "reward is 1000"),
        ([1.0], {}, r"reward is \[1.0\]"),
        (1.0, {"correct": float("nan")}, r"scores\['correct'\] is nan"),
        (1.0, {"correct": None}, r"scores\['correct'\] is None"),
        (1.0, [0.5], "scores is a list, not a dict"),
    ],
)
async def test_a_score_that_a_recording_cannot_hold_is_refused(
    tmp_path: Path, reward: Any, scores: Any, message: str
) -> None:
    path = tmp_path / "run.jsonl"
    agent = loop(Server(completion("done")), record=path)
    await agent.run(prompt())
    recorded = path.read_bytes()
    with pytest.raises(UsageError, match=message):
        agent.scored(reward, scores)
    assert path.read_bytes() == recorded
    agent.scored(0.5)
    assert summarise(path).reward == 0.5


async def test_repairs_are_reported_in_the_result() -> None:
    broken = '<tool_call>{"name": "terminal", "arguments": {"command": "ls",}}</tool_call>'
    result = await loop(Server(completion(broken), completion("done"))).run(prompt())
    assert result.tool_errors == []
    (finding,) = result.findings
    assert (finding["code"], finding["severity"], finding["tool"]) == (
        "TRAILING_COMMA",
        "error",
        "terminal",
    )


async def test_calls_in_the_text_are_left_alone_without_a_parser() -> None:
    server, ran = Server(completion(CALL_TEXT)), []
    handler = lambda name, arguments, **more: ran.append(arguments) or "{}"  # noqa: E731
    result = await loop(server, tool_handler=handler, parser="none").run(prompt())
    assert (ran, result.stop_reason) == ([], "finished")
    assert [finding["code"] for finding in result.findings] == ["CALL_IN_CONTENT"]


async def test_calls_in_the_text_are_read_by_the_chosen_parser() -> None:
    text = '[TOOL_CALLS][{"name": "terminal", "arguments": {"command": "ls"}}]'
    server, ran = Server(completion(text), completion("done")), []
    handler = lambda name, arguments, **more: ran.append(arguments) or "{}"  # noqa: E731
    result = await loop(server, tool_handler=handler, parser="vllm/mistral").run(prompt())
    assert (ran, result.stop_reason, result.findings) == ([{"command": "ls"}], "finished", [])


@pytest.mark.parametrize("parser", ["mistral", "vllm/mistrl", "real/vllm-0.33.0/hermes"])
def test_an_unknown_or_unavailable_parser_is_refused(parser: str) -> None:
    with pytest.raises(UsageError, match=parser):
        loop(Server(completion("done")), parser=parser)


async def test_a_recording_does_not_overwrite_an_existing_file(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text("mine")
    with pytest.raises(UsageError, match="the file exists already"):
        await loop(Server(completion("done")), record=path).run(prompt())
    assert path.read_text() == "mine"


async def test_a_debugger_edits_the_arguments_that_the_tool_receives() -> None:
    seen: list[Any] = []

    def handler(name: str, arguments: Any, **more: Any) -> str:
        seen.append(arguments)
        return "ok"

    decisions: list[Input] = [EditArguments(0, '{"command": "ls"}'), Resume()]

    def decide(stop: Stopped, session: Session) -> Input:
        return decisions.pop(0)

    debugger = Debugger(decide, ['before_dispatch:terminal if "rm" in args.command'])
    server = Server(completion(None, ("terminal", {"command": "rm -rf /"})), completion("done"))
    result = await loop(server, tool_handler=handler, debugger=debugger).run(prompt())
    assert seen == [{"command": "ls"}]
    assert result.messages[1]["tool_calls"][0]["function"]["arguments"] == '{"command": "ls"}'


async def test_a_debugger_can_decide_asynchronously_and_answer_a_call() -> None:
    async def decide(stop: Stopped, session: Session) -> Input:
        await asyncio.sleep(0)
        return SkipCall("not today")

    server = Server(completion(None, ("terminal", {})), completion("done"))
    result = await loop(server, debugger=Debugger(decide, ["before_dispatch"])).run(prompt())
    assert result.messages[2]["content"] == "not today"


@pytest.mark.parametrize("decision", [None, "resume", Resume])
async def test_an_invalid_decision_is_refused_with_the_valid_ones(
    tmp_path: Path, decision: Any
) -> None:
    path = tmp_path / "run.jsonl"
    debugger = Debugger(lambda stop, session: decision, stop_points=["before_dispatch"])
    server = Server(completion(None, ("terminal", {})))
    with pytest.raises(UsageError, match=r"at before_dispatch \(return Resume\(\), SkipCall"):
        await loop(server, debugger=debugger, record=path).run(prompt())
    last = recorded_events(path)[-1]
    assert isinstance(last, RunEnded) and last.stop_reason == "debugger_failed"
    assert "decide returned" in last.details["exception"]


@pytest.mark.parametrize(
    ("decision", "message"),
    [
        (
            EditArguments(0, {"command": "ls"}),  # type: ignore[arg-type]
            r"arguments is {'command': 'ls'} at before_dispatch, not str \(json.dumps",
        ),
        (SkipCall({"ok": 1}), "SkipCall.result is {'ok': 1}.*json.dumps"),  # type: ignore[arg-type]
        (FailCall(ValueError("no")), "FailCall.error is .*give a text"),  # type: ignore[arg-type]
        (EditArguments("0", "{}"), "call_index is '0' .* not int"),  # type: ignore[arg-type]
        (Resume("go"), "Resume.command is 'go'.*Command.CONTINUE"),  # type: ignore[arg-type]
        (Retry([1]), "not dict or None"),  # type: ignore[arg-type]
        (Terminate(None), "reason is None"),  # type: ignore[arg-type]
    ],
)
async def test_a_decision_that_a_recording_cannot_hold_is_refused(
    tmp_path: Path, decision: Any, message: str
) -> None:
    path = tmp_path / "run.jsonl"
    debugger = Debugger(lambda stop, session: decision, ["before_dispatch"])
    server = Server(completion(None, ("terminal", {})))
    with pytest.raises(UsageError, match=message):
        await loop(server, debugger=debugger, record=path).run(prompt())
    last = recorded_events(path)[-1]
    assert isinstance(last, RunEnded) and last.stop_reason == "debugger_failed"


async def test_an_input_that_is_no_decision_is_refused_with_those_that_are() -> None:
    server = Server(completion(None, ("terminal", {})))
    debugger = Debugger(lambda stop, session: ToolReplied("ok", raw=1), ["before_dispatch"])
    with pytest.raises(IllegalCommand, match="allowed: resume"):
        await loop(server, debugger=debugger).run(prompt())


async def test_a_command_can_be_given_by_its_name() -> None:
    server = Server(completion(None, ("terminal", {})), completion("done"))
    debugger = Debugger(lambda stop, session: Resume("next"), ["before_dispatch"])  # type: ignore[arg-type]
    assert (await loop(server, debugger=debugger).run(prompt())).finished_naturally


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stop_points": ["befor_dispatch"]}, r"befor_dispatch.*before_dispatch"),
        ({"stop_points": "before_dispatch"}, r"stop_points=\['before_dispatch'\]"),
        ({"breakpoints": ["before_dispatch if ("]}, "never closed"),
    ],
)
def test_a_debugger_that_would_never_stop_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Debugger(lambda stop, session: Resume(), **options)


def test_a_debugger_without_a_function_is_refused() -> None:
    with pytest.raises(UsageError, match="decide is None, not a function"):
        Debugger(None)  # type: ignore[arg-type]


async def test_a_debugger_that_edits_forever_can_be_cancelled() -> None:
    server = Server(completion(None, ("terminal", {})))
    debugger = Debugger(lambda stop, session: EditArguments(0, "{}"), ["before_dispatch"])
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(loop(server, debugger=debugger).run(prompt()), 0.2)


def test_every_decision_of_a_debugger_is_exported_by_the_package() -> None:
    stopped_kinds = {
        kind.__name__ for kind in get_args(Input) if kind.kind in legal_kinds_at_stops()
    }
    assert stopped_kinds - {"SetBreakpoints", "Reopen", "Fork"} <= set(hermes_tui.__all__)
    assert hermes_tui.SkipCall is SkipCall


async def test_a_debugger_can_end_the_run() -> None:
    server = Server(completion(None, ("terminal", {})))
    debugger = Debugger(lambda stop, session: Terminate(), stop_points=["before_dispatch"])
    result = await loop(server, debugger=debugger).run(prompt())
    assert result.stop_reason == "terminated"


async def test_many_loops_run_concurrently() -> None:
    loops = [
        loop(Server(completion(None, ("terminal", {"n": n})), completion(f"done {n}"))).run(
            prompt()
        )
        for n in range(20)
    ]
    results = await asyncio.gather(*loops)
    assert [r.messages[-1]["content"] for r in results] == [f"done {n}" for n in range(20)]


async def test_cancelling_a_run_cancels_its_request() -> None:
    begun = asyncio.Event()

    class Hanging(Server):
        async def chat_completion(self, **kwargs: Any) -> Any:
            begun.set()
            await asyncio.Event().wait()

    running = asyncio.create_task(loop(Hanging()).run(prompt()))
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize(
    "options",
    [
        {"mode": "faithfull"},
        {"parser": "hermes"},
        {"max_turns": "3"},
        {"max_turns": 3.0},
        {"max_turns": None},
    ],
)
def test_an_invalid_option_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(options))):
        loop(Server(), **options)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("valid_tool_names", "terminal", "'terminal', not a set of names"),
        ("valid_tool_names", None, "None, not a set of names"),
        ("valid_tool_names", (name for name in TOOL_NAMES), "not a set of names"),
        ("tool_schemas", SCHEMAS[0], "not a list of schemas"),
        ("tool_schemas", ["terminal"], "not a list of schemas"),
        ("tool_handler", "run_tool", "'run_tool', not a function"),
        ("tool_handler", lambda name: "", "with a name and arguments .*too many positional"),
        ("tool_handler", lambda name, arguments, session: "", "missing a required.*'session'"),
        (
            "debugger",
            lambda stop, session: Resume(),
            r"not a Debugger \(debugger=Debugger\(decide\)",
        ),
        ("details", "train", "'train', not a Mapping"),
    ],
)
def test_an_argument_that_would_spoil_every_run_is_refused(
    name: str, value: Any, message: str
) -> None:
    arguments: dict[str, Any] = {"tool_schemas": SCHEMAS, "valid_tool_names": TOOL_NAMES}
    with pytest.raises(UsageError, match=f"{name}.*{message}"):
        AgentLoop(Server(), **{**arguments, "tool_handler": answer_call, name: value})


@pytest.mark.parametrize("messages", ["find the bug", tuple(prompt()), None])
async def test_messages_that_cannot_grow_are_refused_before_anything_is_recorded(
    tmp_path: Path, messages: Any
) -> None:
    path = tmp_path / "run.jsonl"
    with pytest.raises(UsageError, match=r"not a list \(\[{"):
        await loop(Server(), record=path).run(messages)
    assert not path.exists()


def test_an_unknown_name_raises_attribute_error() -> None:
    with pytest.raises(AttributeError, match="AgentLop"):
        hermes_tui.AgentLop  # noqa: B018


async def test_a_client_of_the_openai_sdk_can_be_the_server() -> None:
    with LocalServer(whole({"role": "assistant", "content": "Done."})) as served:
        client = AsyncOpenAI(base_url=served.url, api_key="k")
        loop = AgentLoop(client, SCHEMAS, TOOL_NAMES, tool_handler=answer_call, model="m")
        result = await loop.run(prompt())
        await client.close()
    assert result.stop_reason == "finished" and result.messages[-1]["content"] == "Done."
    asked = json.loads(served.requests[0].body)
    assert asked["model"] == "m" and len(asked["tools"]) == 2


@pytest.mark.parametrize(
    ("server", "model", "message"),
    [
        (SimpleNamespace(), "", "SimpleNamespace has none"),
        (None, "", "NoneType has none"),
        (AsyncOpenAI(api_key="k"), "", "no model given"),
        (OpenAI(api_key="k"), "m", "OpenAI is not async"),
    ],
)
def test_an_invalid_server_is_refused_before_the_run(server: Any, model: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        AgentLoop(server, SCHEMAS, TOOL_NAMES, model=model)


def test_dir_of_the_package_lists_only_its_public_names() -> None:
    assert {name for name in dir(hermes_tui) if name[0] != "_"} == set(hermes_tui.__all__)


def test_the_package_is_marked_as_typed() -> None:
    assert (files(hermes_tui) / "py.typed").is_file()


async def test_calls_in_the_given_messages_are_recorded_and_open_ones_run(
    tmp_path: Path,
) -> None:
    def call(key: str) -> dict[str, Any]:
        function = {"name": "terminal", "arguments": '{"command": "ls"}'}
        return {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": key, "function": function}],
        }

    result_message = {"role": "tool", "tool_call_id": "c1", "content": "a.txt"}
    messages = [*prompt(), call("c1"), result_message, call("c2")]
    given_messages = json.loads(json.dumps(messages))
    server = Server(completion("Done."))
    path = tmp_path / "run.jsonl"
    loop = AgentLoop(server, SCHEMAS, TOOL_NAMES, tool_handler=answer_call, record=path)
    result = await loop.run(messages)
    assert server.requests[0]["messages"][:4] == given_messages
    assert server.requests[0]["messages"][4]["tool_call_id"] == "c2"
    assert result.turns_used == 1 and result.messages is messages and len(messages) == 6
    state = summarise(path)
    assert (state.turn, state.calls, state.results) == (3, 2, 2)
