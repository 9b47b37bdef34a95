"""The edge cases of the agent loop, one a row: what HermesAgentLoop does, and what is right."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from tests.debugger.loop_trace import Handler

LS = '{"command": "ls"}'
CALL = '<tool_call>{"name": "terminal", "arguments": {"command": "ls"}}</tool_call>'
EXACT_ARGUMENTS = [("terminal", {"command": "ls"})]
ABSENT = object()


def message(content: Any = None, tool_calls: Any = None, **more: Any) -> SimpleNamespace:
    return SimpleNamespace(role="assistant", content=content, tool_calls=tool_calls, **more)


def as_object(name: Any = "terminal", arguments: Any = LS, key: Any = "c1") -> SimpleNamespace:
    function = SimpleNamespace(name=name, arguments=arguments)
    return SimpleNamespace(id=key, type="function", function=function)


def as_dict(name: Any = "terminal", arguments: Any = LS, key: Any = "c1") -> dict[str, Any]:
    call = {"type": "function", "function": {"name": name, "arguments": arguments}}
    return call if key is ABSENT else {"id": key, **call}


def answers(value: Any) -> Handler:
    return lambda name, arguments: value


def _raises(name: str, arguments: Any) -> Any:
    raise ValueError("no such file")


@dataclass(frozen=True)
class Row:
    """`faithful` and `strict` are the expected facts; `replies` come before a final answer."""

    id: str
    replies: Callable[[], list[Any]]
    faithful: dict[str, Any]
    strict: dict[str, Any]
    handler: Handler = field(default=answers("ok"))
    max_turns: int = 30


def one(*calls: Callable[[], Any], content: Any = None, **more: Any) -> Callable[[], list[Any]]:
    return lambda: [message(content, [call() for call in calls], **more)]


def reply_with(content: Any, **more: Any) -> Callable[[], list[Any]]:
    return lambda: [message(content, **more)]


RAN = {"dispatched": EXACT_ARGUMENTS, "escaped": ""}
NOT_RUN = {"dispatched": [], "escaped": ""}
TYPE_ERROR = {"escaped": "TypeError", "dispatched": [], "stop_reason": "escaped"}
NO_ATTRIBUTE = {"escaped": "AttributeError", "dispatched": [], "stop_reason": "escaped"}
ROWS = [
    Row(
        "dict call without an id",
        one(lambda: as_dict(key=ABSENT)),
        {**RAN, "ids": ["call_made", ""]},
        {**RAN, "same_ids": True, "codes": {"ID_MISSING"}},
    ),
    Row(
        "dict call with the id null",
        one(lambda: as_dict(key=None)),
        {**RAN, "ids": [None, None]},
        {**RAN, "same_ids": True, "codes": {"ID_MISSING"}},
    ),
    Row(
        "flat dict call",
        one(lambda: {"name": "terminal", "arguments": LS}),
        {**RAN, "ids": ["call_made", ""]},
        {**RAN, "same_ids": True},
    ),
    Row(
        "dict call whose function is null",
        one(lambda: {"id": "c1", "function": None}),
        NO_ATTRIBUTE,
        {**NOT_RUN, "codes": {"NAME_MISSING"}, "finished": True},
    ),
    Row(
        "arguments sent as an object, in a dict",
        one(lambda: as_dict(arguments={"command": "ls"})),
        {**TYPE_ERROR, "messages": 2},
        {**RAN, "codes": {"ARGS_OBJECT"}},
    ),
    Row(
        "arguments sent as an object, in an object",
        one(lambda: as_object(arguments={"command": "ls"})),
        {**TYPE_ERROR, "messages": 2},
        {**RAN, "codes": {"ARGS_OBJECT"}},
    ),
    Row(
        "arguments None",
        one(lambda: as_object(arguments=None)),
        TYPE_ERROR,
        {"dispatched": [("terminal", {})], "codes": {"ARGS_NOT_OBJECT"}},
    ),
    Row(
        "arguments that are a list are passed to the tool",
        one(lambda: as_object("read_file", "[1]")),
        {"dispatched": [("read_file", [1])], "errors": []},
        {**NOT_RUN, "codes": {"ARGS_NOT_OBJECT"}},
    ),
    Row(
        "arguments null are passed to the tool",
        one(lambda: as_object("read_file", "null")),
        {"dispatched": [("read_file", None)], "errors": []},
        {**NOT_RUN, "codes": {"ARGS_NOT_OBJECT"}},
    ),
    Row(
        "arguments that are a number fail in the terminal's preview",
        one(lambda: as_object(arguments="5")),
        {**NOT_RUN, "errors": ["AttributeError: 'int' object has no attribute 'get'"]},
        {**NOT_RUN, "codes": {"ARGS_NOT_OBJECT"}},
    ),
    Row(
        "arguments that are a list fail in todo",
        one(lambda: as_object("todo", "[]")),
        {**NOT_RUN, "errors": ["AttributeError: 'list' object has no attribute 'get'"]},
        {**NOT_RUN, "codes": {"ARGS_NOT_OBJECT"}},
    ),
    Row(
        "todo gets only the arguments that it knows",
        one(lambda: as_object("todo", '{"todos": [], "x": 1}')),
        {"dispatched": [("todo", {"todos": [], "merge": False})]},
        {"dispatched": [("todo", {"todos": [], "merge": False})]},
    ),
    Row(
        "double-encoded arguments of the terminal",
        one(lambda: as_object(arguments=json.dumps(LS))),
        {**NOT_RUN, "errors": ["AttributeError: 'str' object has no attribute 'get'"]},
        {**RAN, "codes": {"ARGS_DOUBLE"}},
    ),
    Row(
        "double-encoded arguments of another tool",
        one(lambda: as_object("read_file", json.dumps("{}"))),
        {"dispatched": [("read_file", "{}")]},
        {"dispatched": [("read_file", {})], "codes": {"ARGS_DOUBLE"}},
    ),
    Row(
        "truncated arguments",
        one(lambda: as_object(arguments='{"command": "l')),
        {"dispatched": [("terminal", {})], "errors": []},
        {**NOT_RUN, "errors": ["Invalid JSON in tool arguments"], "codes": {"ARGS_INVALID"}},
    ),
    Row(
        "empty arguments",
        one(lambda: as_object(arguments="")),
        {"dispatched": [("terminal", {})]},
        {"dispatched": [("terminal", {})]},
    ),
    Row(
        "a command that is a number",
        one(lambda: as_object(arguments='{"command": 5}')),
        {**NOT_RUN, "errors": ["TypeError: 'int' object is not subscriptable"]},
        {"dispatched": [("terminal", {"command": 5})]},
    ),
    Row(
        "a command that is null",
        one(lambda: as_object(arguments='{"command": null}')),
        {**NOT_RUN, "errors": ["TypeError: 'NoneType' object is not subscriptable"]},
        {"dispatched": [("terminal", {"command": None})]},
    ),
    Row(
        "unknown tool",
        one(lambda: as_object("teleport")),
        {**NOT_RUN, "errors": ["Unknown tool 'teleport'"]},
        {**NOT_RUN, "errors": ["Unknown tool 'teleport'"], "codes": {"NAME_UNKNOWN"}},
    ),
    Row(
        "unknown tool with arguments sent as an object",
        one(lambda: as_dict("teleport", {"to": "x"})),
        {"dispatched": [], "stop_reason": "escaped", "escaped": ("TypeError", "KeyError")},
        {**NOT_RUN, "errors": ["Unknown tool 'teleport'"]},
    ),
    Row(
        "unknown tool with arguments None",
        one(lambda: as_object("teleport", None)),
        TYPE_ERROR,
        {**NOT_RUN, "errors": ["Unknown tool 'teleport'"]},
    ),
    Row(
        "name None",
        one(lambda: as_object(None)),
        {**NOT_RUN, "errors": ["Unknown tool 'None'"]},
        {**NOT_RUN, "codes": {"NAME_MISSING"}},
    ),
    Row(
        "name that is a list",
        one(lambda: as_object(["terminal"])),
        TYPE_ERROR,
        {**NOT_RUN, "codes": {"NAME_MISSING"}},
    ),
    Row(
        "custom call",
        one(
            lambda: SimpleNamespace(
                id="c1", type="custom", custom=SimpleNamespace(name="terminal", input="ls")
            )
        ),
        NO_ATTRIBUTE,
        {"dispatched": [], "escaped": "", "finished": True},
    ),
    Row(
        "two calls with the same id",
        one(lambda: as_object(), lambda: as_object()),
        {"dispatched": EXACT_ARGUMENTS * 2, "codes": {"ID_DUPLICATE"}},
        {"dispatched": EXACT_ARGUMENTS * 2, "codes": {"ID_DUPLICATE"}},
    ),
    Row(
        "empty list of calls",
        lambda: [message("done", [])],
        {**NOT_RUN, "finished": True, "turns_used": 1, "codes": {"TOOL_CALLS_EMPTY"}},
        {**NOT_RUN, "finished": True, "turns_used": 1, "codes": {"TOOL_CALLS_EMPTY"}},
    ),
    Row(
        "message without the tool_calls field",
        lambda: [SimpleNamespace(content="done")],
        {**NO_ATTRIBUTE, "messages": 1},
        {**NOT_RUN, "finished": True},
    ),
    Row(
        "message None",
        lambda: [None],
        {**NO_ATTRIBUTE, "messages": 1},
        {**NOT_RUN, "codes": {"REPLY_SHAPE"}},
    ),
    Row(
        "content that is one call",
        reply_with(CALL),
        {**RAN, "content": CALL},
        {**NOT_RUN, "finished": True, "codes": {"CALL_IN_CONTENT"}},
    ),
    Row(
        "call between prose",
        reply_with(f"I look. {CALL} Then I wait."),
        {**RAN, "content": "I look."},
        {**NOT_RUN, "content": f"I look. {CALL} Then I wait."},
    ),
    Row(
        "two calls in the text, one broken",
        reply_with(CALL + "<tool_call>{oops</tool_call>"),
        {**NOT_RUN, "finished": True, "turns_used": 1},
        {**NOT_RUN, "codes": {"CALL_IN_CONTENT"}},
    ),
    Row(
        "cut call in the text",
        reply_with(CALL[:40]),
        {**NOT_RUN, "finished": True, "turns_used": 1},
        {**NOT_RUN, "codes": {"CALL_IN_CONTENT"}},
    ),
    Row(
        "unclosed but whole call in the text",
        reply_with(CALL.removesuffix("</tool_call>")),
        RAN,
        {**NOT_RUN, "codes": {"CALL_IN_CONTENT"}},
    ),
    Row(
        "markup of another format",
        reply_with("<function=terminal><parameter=command>ls</parameter></function>"),
        {**NOT_RUN, "finished": True},
        {**NOT_RUN, "finished": True, "codes": {"CALL_IN_CONTENT"}},
    ),
    Row(
        "result that is a dict",
        one(as_object),
        {**RAN, "told": {"rows": [1]}},
        {**RAN, "told": '{"rows": [1]}'},
        handler=answers({"rows": [1]}),
    ),
    Row(
        "result None",
        one(as_object),
        {**RAN, "told": None},
        {**RAN, "told": "null"},
        handler=answers(None),
    ),
    Row(
        "tool that raises",
        one(as_object),
        {**RAN, "errors": ["ValueError: no such file"]},
        {**RAN, "errors": ["ValueError: no such file"]},
        handler=_raises,
    ),
    Row(
        "result with a negative exit code",
        one(as_object),
        {**RAN, "errors": ["killed"]},
        {**RAN, "errors": ["killed"]},
        handler=answers(json.dumps({"error": "killed", "exit_code": -9, "out": "x" * 600})),
    ),
    Row(
        "result with a positive exit code",
        one(as_object),
        {**RAN, "errors": []},
        {**RAN, "errors": []},
        handler=answers('{"error": "time is up", "exit_code": 124}'),
    ),
    Row(
        "result with an exit code that is a text",
        one(as_object),
        {**RAN, "errors": []},
        {**RAN, "errors": []},
        handler=answers('{"error": "x", "exit_code": "-1"}'),
    ),
    Row(
        "failed request",
        lambda: [message("", [as_object()]), OSError("refused")],
        {**RAN, "turns_used": 2, "reasoning": [None], "stop_reason": "request_failed"},
        {**RAN, "turns_used": 2, "stop_reason": "request_failed"},
    ),
    Row(
        "empty response",
        lambda: ["no choices"],
        {**NOT_RUN, "turns_used": 1, "stop_reason": "empty_response", "finished": False},
        {**NOT_RUN, "turns_used": 1, "stop_reason": "empty_response", "finished": False},
    ),
    Row(
        "several reasoning details",
        one(
            as_object,
            reasoning_details=[{"type": "x", "data": "…"}, {"text": "first"}, {"text": "second"}],
        ),
        {**RAN, "reasoning": ["first", None]},
        {**RAN, "reasoning": ["first", None]},
    ),
    Row(
        "reasoning next to an answer",
        reply_with("done", reasoning_content="", reasoning="hm"),
        {"finished": True, "reasoning": ["hm"]},
        {"finished": True, "reasoning": ["hm"]},
    ),
    Row(
        "reasoning in the text",
        reply_with("<think>hm</think>done"),
        {"finished": True, "reasoning": [None], "content": "<think>hm</think>done"},
        {"finished": True, "reasoning": [None], "content": "<think>hm</think>done"},
    ),
    Row(
        "content that is a list of parts",
        reply_with([{"type": "text", "text": "done"}]),
        {"finished": True, "content": [{"type": "text", "text": "done"}]},
        {"finished": True, "content": "done"},
    ),
    Row(
        "limit of turns reached",
        one(as_object),
        {**RAN, "turns_used": 1, "stop_reason": "max_turns", "finished": False},
        {**RAN, "turns_used": 1, "stop_reason": "max_turns", "finished": False},
        max_turns=1,
    ),
    Row(
        "limit of no turns",
        list,
        {**NOT_RUN, "turns_used": 0, "messages": 1},
        {**NOT_RUN, "turns_used": 0, "messages": 1},
        max_turns=0,
    ),
]
