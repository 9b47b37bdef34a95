"""The importable agent loop replaces HermesAgentLoop, records runs and can be debugged."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import pytest
from openai import AsyncOpenAI, OpenAI

import hermes_tui
from hermes_tui import AgentLoop, AgentResult, Debugger, ToolError
from hermes_tui.debugger.inputs import EditArguments, Input, Resume, SkipCall, Terminate
from hermes_tui.debugger.session import Session
from hermes_tui.debugger.stepping import AT_STOP, Kind
from hermes_tui.log.codec import decode
from hermes_tui.log.fold import RunState
from hermes_tui.model.errors import UsageError
from hermes_tui.model.events import Event, RunEnded, Stopped
from tests.runtime.scripted import said
from tests.servers.local_server import LocalServer, whole

SCHEMAS = [
    {
        "type": "function",
        "function": {"name": name, "parameters": {"type": "object", "properties": {}}},
    }
    for name in ("terminal", "search")
]
NAMES = {"terminal", "search"}
WHOLE = '<tool_call>{"name": "terminal", "arguments": {"command": "ls"}}</tool_call>'


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
        self.asked: list[dict[str, Any]] = []
        self.lists: list[int] = []

    async def chat_completion(self, **kwargs: Any) -> Any:
        self.lists.append(id(kwargs["messages"]))
        self.asked.append({**kwargs, "messages": json.loads(json.dumps(kwargs["messages"]))})
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return as_object(reply) if isinstance(reply, dict) else reply


class StatefulServer(Server):
    def get_state(self) -> dict[str, Any]:
        return {"nodes": ["a node"]}


def answer(name: str, arguments: Any, *, task_id: str, user_task: str) -> str:
    return json.dumps({"output": arguments, "exit_code": 0})


def recorded(path: Path) -> list[Event]:
    return [decode(line) for line in path.read_bytes().splitlines()]


def summarise(path: Path) -> RunState:
    state = RunState()
    for event in recorded(path):
        state.apply(event)
    return state


def legal_at_a_stop() -> set[Kind]:
    return set().union(*AT_STOP.values())


def user() -> list[dict[str, Any]]:
    return [{"role": "user", "content": " find the bug "}]


def loop(server: Any, **options: Any) -> AgentLoop:
    return AgentLoop(server, SCHEMAS, NAMES, **{"tool_handler": answer, **options})


async def test_a_run_returns_what_the_observed_loop_returns() -> None:
    server = Server(said("I look", ("terminal", {"command": "ls"})), said("done"))
    messages = user()
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
async def test_a_call_cut_in_the_middle_is_never_run(mode: str) -> None:
    cut = '<tool_call>{"name": "terminal", "arguments": {"command": "rm -r /home/me'
    server, ran = Server(said(cut), said("done")), []
    handler = lambda name, arguments, **more: ran.append(arguments) or "{}"  # noqa: E731
    result = await loop(server, mode=mode, tool_handler=handler).run(user())
    assert (ran, result.stop_reason) == ([], "finished")
    errors = ["The call was cut off before its end"] if mode == "strict" else []
    assert [error.error for error in result.tool_errors] == errors


async def test_the_server_is_asked_as_the_observed_loop_asks() -> None:
    server = Server(said("done"))
    await loop(server, max_tokens=10, extra_body={"provider": {}}, temperature=0.5).run(user())
    assert server.asked == [
        {
            "messages": [{"role": "user", "content": " find the bug "}],
            "n": 1,
            "temperature": 0.5,
            "tools": SCHEMAS,
            "max_tokens": 10,
            "extra_body": {"provider": {}},
        }
    ]


async def test_what_is_not_set_is_not_sent() -> None:
    server = Server(said("done"))
    await AgentLoop(server, [], set()).run(user())
    assert set(server.asked[0]) == {"messages", "n", "temperature"}


async def test_every_turn_is_given_the_same_list() -> None:
    server = Server(said(None, ("terminal", {})), said("done"))
    messages = user()
    await loop(server).run(messages)
    assert server.lists == [id(messages)] * 2


async def test_the_handler_is_told_task_id_and_user_task() -> None:
    told: list[Any] = []

    async def handler(name: str, arguments: Any, **more: Any) -> str:
        told.append((name, arguments, more))
        return "ok"

    server = Server(said(None, ("search", {"q": 1})), said("done"))
    await loop(server, tool_handler=handler, task_id="t-1").run(user())
    assert told == [("search", {"q": 1}, {"task_id": "t-1", "user_task": "find the bug"})]


async def test_a_tool_that_raises_is_a_tool_error() -> None:
    def handler(name: str, arguments: Any, **more: Any) -> str:
        raise ValueError("no such row")

    server = Server(said(None, ("search", {"q": 1})), said("done"))
    result = await loop(server, tool_handler=handler).run(user())
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


async def test_an_unknown_tool_is_answered_with_those_there_are() -> None:
    server = Server(said(None, ("serch", {})), said("done"))
    result = await loop(server).run(user())
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
async def test_a_failed_request_is_told_from_an_empty_answer(reply: Any, stop_reason: str) -> None:
    result = await loop(Server(reply)).run(user())
    assert (result.stop_reason, result.turns_used, result.finished_naturally) == (
        stop_reason,
        1,
        False,
    )


async def test_turns_run_out() -> None:
    server = Server(*[said(None, ("terminal", {}))] * 3)
    result = await loop(server, max_turns=2).run(user())
    assert (result.stop_reason, result.turns_used) == ("max_turns", 2)
    assert result.finished_naturally is False


async def test_no_turns_at_all_ask_nothing() -> None:
    server = Server()
    result = await loop(server, max_turns=0).run(user())
    assert (result.stop_reason, result.turns_used, server.asked) == ("max_turns", 0, [])


async def test_reasoning_is_returned_and_sent_back() -> None:
    reply = as_object(said(None, ("terminal", {})))
    reply.choices[0].message.reasoning = "hm"
    server = Server(reply, said("done"))
    result = await loop(server).run(user())
    assert result.reasoning_per_turn == ["hm", None]
    assert server.asked[1]["messages"][1]["reasoning_content"] == "hm"


async def test_a_call_in_the_text_is_run() -> None:
    text = '<tool_call>\n{"name": "search", "arguments": {"q": "x"}}\n</tool_call>'
    result = await loop(Server(said(text), said("done"))).run(user())
    assert result.messages[1]["tool_calls"][0]["function"]["name"] == "search"
    assert "<tool_call>" not in result.messages[1]["content"]


async def test_the_state_of_a_managed_server_is_returned() -> None:
    result = await loop(StatefulServer(said("done"))).run(user())
    assert result.managed_state == {"nodes": ["a node"]}


async def test_a_recording_holds_the_run(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    await loop(Server(said("done")), record=path).run(user())
    last = decode(path.read_bytes().splitlines()[-1])
    assert isinstance(last, RunEnded)


async def test_a_run_that_is_cancelled_says_so_in_its_recording(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    cleaned: list[str] = []

    async def hang(name: str, arguments: Any, **more: Any) -> str:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.append(name)
        return ""

    server = Server(said(None, ("terminal", {})))
    running = loop(server, record=path, tool_handler=hang).run(user())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(running, 0.2)
    last = recorded(path)[-1]
    assert isinstance(last, RunEnded)
    assert (last.status, last.stop_reason) == ("truncated", "cancelled")
    assert cleaned == ["terminal"]


async def test_what_a_run_is_worth_is_added_to_its_recording(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    made = loop(Server(said("done")), record=path, group_id=7, details={"seed": 3})
    await made.run(user())
    made.scored(0.25)
    made.scored(1, {"format": 0.5})
    run = summarise(path)
    assert (run.reward, run.scores) == (1.0, {"format": 0.5})
    assert (run.group_id, run.status, run.stop_reason) == ("7", "ok", "finished")
    assert run.details["seed"] == 3
    assert [event.seq for event in recorded(path)] == list(range(len(recorded(path))))


async def test_what_was_not_recorded_cannot_be_scored() -> None:
    made = loop(Server(said("done")))
    await made.run(user())
    with pytest.raises(UsageError, match="record=FILE"):
        made.scored(1.0)


async def test_repairs_are_told_with_the_result() -> None:
    broken = '<tool_call>{"name": "terminal", "arguments": {"command": "ls",}}</tool_call>'
    result = await loop(Server(said(broken), said("done"))).run(user())
    assert result.tool_errors == []
    (finding,) = result.findings
    assert (finding["code"], finding["severity"], finding["tool"]) == (
        "TRAILING_COMMA",
        "error",
        "terminal",
    )


async def test_calls_in_the_text_are_left_alone_without_a_parser() -> None:
    server, ran = Server(said(WHOLE)), []
    handler = lambda name, arguments, **more: ran.append(arguments) or "{}"  # noqa: E731
    result = await loop(server, tool_handler=handler, parser="none").run(user())
    assert (ran, result.stop_reason) == ([], "finished")
    assert [finding["code"] for finding in result.findings] == ["CALL_IN_CONTENT"]


async def test_calls_in_the_text_are_read_by_the_parser_that_is_named() -> None:
    listed = '[TOOL_CALLS][{"name": "terminal", "arguments": {"command": "ls"}}]'
    server, ran = Server(said(listed), said("done")), []
    handler = lambda name, arguments, **more: ran.append(arguments) or "{}"  # noqa: E731
    result = await loop(server, tool_handler=handler, parser="vllm/mistral").run(user())
    assert (ran, result.stop_reason, result.findings) == ([{"command": "ls"}], "finished", [])


@pytest.mark.parametrize("parser", ["mistral", "vllm/mistrl", "real/vllm-0.33.0/hermes"])
def test_a_parser_that_cannot_be_asked_is_refused(parser: str) -> None:
    with pytest.raises(UsageError, match=parser):
        loop(Server(said("done")), parser=parser)


async def test_a_recording_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text("mine")
    with pytest.raises(UsageError, match="the file exists already"):
        await loop(Server(said("done")), record=path).run(user())
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
    server = Server(said(None, ("terminal", {"command": "rm -rf /"})), said("done"))
    result = await loop(server, tool_handler=handler, debugger=debugger).run(user())
    assert seen == [{"command": "ls"}]
    assert result.messages[1]["tool_calls"][0]["function"]["arguments"] == '{"command": "ls"}'


async def test_a_debugger_may_take_its_time_and_answer_itself() -> None:
    async def decide(stop: Stopped, session: Session) -> Input:
        await asyncio.sleep(0)
        return SkipCall("not today")

    server = Server(said(None, ("terminal", {})), said("done"))
    result = await loop(server, debugger=Debugger(decide, ["before_dispatch"])).run(user())
    assert result.messages[2]["content"] == "not today"


@pytest.mark.parametrize("decided", [None, "resume", Resume])
async def test_a_decision_that_is_none_says_what_one_is(tmp_path: Path, decided: Any) -> None:
    path = tmp_path / "run.jsonl"
    debugger = Debugger(lambda stop, session: decided, stop_points=["before_dispatch"])
    server = Server(said(None, ("terminal", {})))
    with pytest.raises(UsageError, match=r"at before_dispatch \(return Resume\(\), SkipCall"):
        await loop(server, debugger=debugger, record=path).run(user())
    last = recorded(path)[-1]
    assert isinstance(last, RunEnded) and last.stop_reason == "debugger_failed"
    assert "decide returned" in last.details["exception"]


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ({"stop_points": ["befor_dispatch"]}, r"befor_dispatch.*before_dispatch"),
        ({"stop_points": "before_dispatch"}, r"stop_points=\['before_dispatch'\]"),
        ({"breakpoints": ["before_dispatch if ("]}, "never closed"),
    ],
)
def test_a_debugger_that_would_never_stop_is_refused(named: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Debugger(lambda stop, session: Resume(), **named)


async def test_a_debugger_that_edits_for_ever_can_be_given_up() -> None:
    server = Server(said(None, ("terminal", {})))
    debugger = Debugger(lambda stop, session: EditArguments(0, "{}"), ["before_dispatch"])
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(loop(server, debugger=debugger).run(user()), 0.2)


def test_whatever_a_debugger_may_decide_is_at_hand() -> None:
    stopped_kinds = {kind.__name__ for kind in get_args(Input) if kind.kind in legal_at_a_stop()}
    assert stopped_kinds - {"SetBreakpoints", "Reopen", "Fork"} <= set(hermes_tui.__all__)
    assert hermes_tui.SkipCall is SkipCall


async def test_a_debugger_can_end_the_run() -> None:
    server = Server(said(None, ("terminal", {})))
    debugger = Debugger(lambda stop, session: Terminate(), stop_points=["before_dispatch"])
    result = await loop(server, debugger=debugger).run(user())
    assert result.stop_reason == "terminated"


async def test_many_loops_run_beside_one_another() -> None:
    loops = [
        loop(Server(said(None, ("terminal", {"n": n})), said(f"done {n}"))).run(user())
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

    running = asyncio.create_task(loop(Hanging()).run(user()))
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
def test_an_option_that_is_none_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(options))):
        loop(Server(), **options)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="AgentLop"):
        hermes_tui.AgentLop  # noqa: B018


async def test_a_client_of_the_openai_sdk_is_a_server() -> None:
    with LocalServer(whole({"role": "assistant", "content": "Done."})) as served:
        client = AsyncOpenAI(base_url=served.url, api_key="k")
        loop = AgentLoop(client, SCHEMAS, NAMES, tool_handler=answer, model="m")
        result = await loop.run(user())
        await client.close()
    assert result.stop_reason == "finished" and result.messages[-1]["content"] == "Done."
    asked = json.loads(served.asked[0].body)
    assert asked["model"] == "m" and len(asked["tools"]) == 2


@pytest.mark.parametrize(
    ("server", "model", "told"),
    [
        (SimpleNamespace(), "", "SimpleNamespace has none"),
        (None, "", "NoneType has none"),
        (AsyncOpenAI(api_key="k"), "", "no model given"),
        (OpenAI(api_key="k"), "m", "OpenAI is not async"),
    ],
)
def test_what_is_no_server_is_refused_before_a_run(server: Any, model: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        AgentLoop(server, SCHEMAS, NAMES, model=model)


def test_the_package_shows_its_names_and_nothing_else() -> None:
    assert {name for name in dir(hermes_tui) if name[0] != "_"} == set(hermes_tui.__all__)


def test_type_checkers_read_the_package_where_it_is_installed() -> None:
    assert (files(hermes_tui) / "py.typed").is_file()


async def test_calls_of_the_messages_are_in_the_recording_and_open_ones_are_run(
    tmp_path: Path,
) -> None:
    def call(key: str) -> dict[str, Any]:
        function = {"name": "terminal", "arguments": '{"command": "ls"}'}
        return {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": key, "function": function}],
        }

    before = {"role": "tool", "tool_call_id": "c1", "content": "a.txt"}
    messages = [*user(), call("c1"), before, call("c2")]
    given = json.loads(json.dumps(messages))
    server = Server(said("Done."))
    path = tmp_path / "run.jsonl"
    loop = AgentLoop(server, SCHEMAS, NAMES, tool_handler=answer, record=path)
    result = await loop.run(messages)
    assert server.asked[0]["messages"][:4] == given
    assert server.asked[0]["messages"][4]["tool_call_id"] == "c2"
    assert result.turns_used == 1 and result.messages is messages and len(messages) == 6
    state = summarise(path)
    assert (state.turn, state.calls, state.results) == (3, 2, 2)
