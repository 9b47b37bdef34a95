"""The fast path for plain messages is taken and gives the same result as the slow path."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hermes_tui.formats.framing import RecordKind, Unit
from hermes_tui.formats.plain_messages import fold_plain_messages
from hermes_tui.formats.reader import split_runs
from hermes_tui.log.findings import Finding
from hermes_tui.log.fold import RunState
from hermes_tui.log.summary import fold_run, summarise
from hermes_tui.model.errors import SourceError
from hermes_tui.model.messages import ToolSpec
from hermes_tui.parsers.normalise import TextCalls
from hermes_tui.runtime.opener import OpenFile, open_file
from hermes_tui.runtime.targets import expand_paths
from tests.conftest import PROJECT
from tests.parsers.agreement import CORPUS, rows

CALL = '<tool_call>\n{"name": "ls", "arguments": {"path": "/"}}\n</tool_call>'
ANSWER = '<tool_response>\n{"name": "ls", "content": "a b"}\n</tool_response>'
FUNCTION = "<function=ls>\n<parameter=path>/</parameter>\n</function>"
FRAGMENTS = [
    CALL,
    CALL.replace("ls", "rm"),
    CALL.replace('"/"', '{"a": [1, {"b": 2}]}'),
    CALL.replace('"path": "/"', '"path": 1, "path": 2'),
    CALL.replace('"path": "/"', '"path" : 1, "path": 2'),
    CALL.replace('"path": "/"', '"x": "\\":", "x": 1'),
    CALL.replace('"path": "/"', ""),
    CALL.replace('"/"', "NaN"),
    CALL.replace('"/"', "1e999"),
    CALL.replace('"/"', '"\\ud83d\\ude00"'),
    CALL.replace('"/"', '"</tool_call>"'),
    CALL.replace('"ls"', '" "'),
    CALL.replace("\n", "\t"),
    CALL.replace("}}", "}} x"),
    CALL.replace("}}", "}"),
    "<tool_call>",
    "</tool_call>",
    FUNCTION,
    FUNCTION.replace("ls", "rm"),
    FUNCTION.replace("/</p", "a < b </c>\n</p"),
    FUNCTION.replace("/</p", "</parameter></p"),
    FUNCTION.replace("/</p", "<parameter=x></p"),
    FUNCTION.replace("/</p", "<function=rm></p"),
    FUNCTION.replace("/</p", "<think>why</think></p"),
    FUNCTION.replace("</f", "\n<parameter=path>2</parameter></f"),
    FUNCTION.replace("</f", "\n<parameter=all>true</parameter>\n</f"),
    FUNCTION.replace("</f", "<parameter=all>\nFalse \n</parameter>\n</f"),
    FUNCTION.replace("</f", "<parameter=all>yes</parameter></f"),
    FUNCTION.replace("<f", "`<f"),
    FUNCTION.replace("=ls", "= ls "),
    FUNCTION.replace("=ls", "='ls'"),
    FUNCTION.replace("</parameter>", ""),
    FUNCTION.replace("</function>", ""),
    FUNCTION.replace("</function>", "</tool_call>"),
    f"<tool_call>\n{FUNCTION}\n</tool_call>",
    f"<tool_call>{FUNCTION}",
    f"{FUNCTION}</tool_call>",
    f"<tool_call><tool_call>{FUNCTION}</tool_call>",
    "<function=ls></function>",
    '<function=ls>{"path": "/"}</function>',
    "<function ",
    "<think>",
    "</think>",
    "<think>why</think>",
    "<think> </think>",
    "&lt;tool_call&gt;{",
    "<Tool_Call>[",
    "```json\n",
    "[TOOL_CALLS]",
    "functools[",
    '[ls(path="/")]',
    'ls(path="/")',
    'functions.ls:0{"path": "/"}',
    '{"name": "ls", "path": "/"}',
    "<|python_start|>",
    '{"name": "ls", "arguments": {}}',
    "<|im_end|>",
    "a < b [1] {x}",
    "prose",
    "\n",
    " ",
    ANSWER,
    ANSWER.replace('"a b"', '["exit code 1", 1.0]'),
    ANSWER.replace('"a b"', '{"error": "gone"}'),
    ANSWER.replace('"ls"', "7"),
    ANSWER.replace('"name": "ls", ', ""),
    ANSWER.replace('"name": "ls", "content": "a b"', '"content": {"error": "gone"}'),
    ANSWER.replace('"name": "ls", "content": "a b"', '"content": "Error: no"'),
    ANSWER.replace('"name": "ls"', '"name": null'),
    ANSWER.replace('"name": "ls"', '"is_error": true'),
    ANSWER.replace('"name"', '"is_error": true, "name"'),
    ANSWER.replace('"name"', '"tool_call_id": "c1", "name"'),
    ANSWER.replace('{"name": "ls", "content": "a b"}', "Error: no"),
    "<tool_response>",
    "</tool_response>",
    "Error: no such file",
    "Traceback (most recent call last)\nValueError: x",
    '{"exit_code": 2}',
    "Observation: ",
    "[CONTEXT COMPACTION",
]
TEXTS = st.one_of(
    st.sampled_from([CALL, FUNCTION, ANSWER, "prose", f"<think>why</think>\n{CALL}\n{CALL}"]),
    st.sampled_from([f"<think>why</think>\n{FUNCTION}\n{FUNCTION}", f"x {FUNCTION} y"]),
    st.lists(st.sampled_from(FRAGMENTS), max_size=4).map("".join),
)
IDS = st.sampled_from(["c1", "c2", "c3", "", None])
ARGUMENTS = st.sampled_from(
    [
        '{"path": "/"}',
        '{"path": "/", "all": true}',
        '{"path": "/", "all": "yes", "x": 1}',
        '{"path": 1}',
        "{}",
        "",
        "[]",
        '"{}"',
        "{'a': 1}",
        '{"a":NaN}',
    ]
)
CALLS = st.builds(
    lambda call_id, name, arguments: {
        "id": call_id,
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    },
    IDS,
    st.sampled_from(["ls", "ls", "rm", "", None]),
    ARGUMENTS,
)
EXTRA_MEMBERS = st.sampled_from(
    [
        {},
        {},
        {"timestamp": 1_700_000_000},
        {"timestamp": "x"},
        {"finish_reason": "stop"},
        {"finish_reason": "length"},
        {"finish_reason": "tool_calls"},
        {"name": "ls"},
        {"reasoning_content": "why"},
        {"is_error": True},
    ]
)
ROLES = ["system", "user", "assistant", "assistant", "tool", "tool", "environment", "exit", "x"]
MESSAGES = st.one_of(
    st.builds(
        lambda role, text, more: {"role": role, "content": text, **more},
        st.sampled_from(ROLES),
        TEXTS,
        EXTRA_MEMBERS,
    ),
    st.builds(
        lambda text, calls, more: {
            "role": "assistant",
            "content": text,
            "tool_calls": calls,
            **more,
        },
        st.none() | TEXTS,
        st.none() | st.lists(CALLS, max_size=2),
        EXTRA_MEMBERS,
    ),
    st.builds(
        lambda call_id, text, more: {
            "role": "tool",
            "tool_call_id": call_id,
            "content": text,
            **more,
        },
        IDS,
        TEXTS,
        EXTRA_MEMBERS,
    ),
    st.sampled_from([None, 7, "text", [], {}, {"role": "user"}, {"content": "x"}, {"role": []}]),
)
TURNS = st.one_of(
    st.builds(
        lambda speaker, text: {"from": speaker, "value": text},
        st.sampled_from(["human", "gpt", "gpt", "tool", "system", "function_call", "observation"]),
        TEXTS,
    ),
    st.sampled_from([{"from": "gpt"}, {"from": "gpt", "value": None}, {"value": "x"}, 3]),
)
LS = {
    "properties": {
        "path": {"type": "string", "maxLength": 9},
        "all": {"type": "boolean"},
        "x": None,
    },
    "required": ["path"],
}
TOOLS = [{"type": "function", "function": {"name": "ls", "parameters": LS}}]


def snapshot(state: RunState, findings: list[Finding]) -> list[Any]:
    """Return all that is known about a run that has ended."""
    return [
        summarise(state),
        state.events,
        state.codes,
        state.severities,
        state.open_calls,
        state.call_ids,
        state.tally.tools,
        state.last,
        findings,
    ]


def check_both_paths(path: Path, wanted: str = "") -> None:
    """Read a file of runs on both paths and compare the results."""
    try:
        file = open_file(path, wanted_format=wanted, whole=True)
    except SourceError:
        return
    try:
        if file.reader.unit is Unit.RUNS:
            _compare(file)
    finally:
        file.close()


def _compare(file: OpenFile) -> None:
    for _ in file.scan():
        pass
    for record in file.index:
        if record.kind is RecordKind.FRAME:
            continue
        short = file.reader.fold(file.source, record)
        loose, runs = split_runs(file.reader.decode(file.source, record))
        assert tuple(short.loose) == loose
        assert [snapshot(*run) for run in short.runs] == [snapshot(*fold_run(run)) for run in runs]


def _lines(path: Path, dialect: str, texts: Iterable[str]) -> Path:
    """Write three runs for each text: the text comes from the model, a tool, and the user."""
    speaker, text = ("from", "value") if dialect == "hermes-sharegpt" else ("role", "content")
    model = "gpt" if speaker == "from" else "assistant"
    with path.open("w") as file:
        for odd in texts:
            for contents in ([odd, ANSWER, "done"], [CALL, odd, "done"], [CALL, ANSWER, odd]):
                turns = [
                    {speaker: who, text: one}
                    for who, one in zip((model, "tool", "user"), contents, strict=True)
                ]
                key = "conversations" if speaker == "from" else "messages"
                file.write(json.dumps({key: turns, "tools": TOOLS}) + "\n")
    return path


@pytest.mark.parametrize("dialect", ["hermes-sharegpt", "openai-messages"])
def test_odd_texts_are_folded_alike_both_ways(tmp_path: Path, dialect: str) -> None:
    texts = map("".join, itertools.product(FRAGMENTS, repeat=2))
    check_both_paths(_lines(tmp_path / "runs.jsonl", dialect, texts), dialect)


@pytest.mark.parametrize("dialect", ["hermes-sharegpt", "openai-messages"])
def test_deep_json_is_folded_alike_both_ways(tmp_path: Path, dialect: str) -> None:
    texts = [
        text.replace(value, '{"b": ' * depth + "1" + "}" * depth)
        for text, value in ((CALL, '"/"'), (ANSWER, '"a b"'))
        for depth in (60, 300, 990, 1_015)
    ]
    check_both_paths(_lines(tmp_path / "runs.jsonl", dialect, texts), dialect)


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the real outputs are not here")
@pytest.mark.parametrize("dialect", ["hermes-sharegpt", "openai-messages"])
def test_real_outputs_are_folded_alike_both_ways(tmp_path: Path, dialect: str) -> None:
    texts = [row["text"] for row in rows()]
    check_both_paths(_lines(tmp_path / "runs.jsonl", dialect, texts), dialect)


@settings(max_examples=100, deadline=None)
@given(st.lists(MESSAGES, max_size=9), st.booleans())
@example(
    [
        {
            "role": "assistant",
            "tool_calls": [{"id": "c1", "function": {"name": "ls", "arguments": "{}"}}],
        },
        {"role": "exit", "content": CALL},
        {"role": "tool", "content": ANSWER},
    ],
    False,
)
@example(
    [
        {"role": "assistant", "content": CALL + CALL},
        *[{"role": "tool", "content": ANSWER}] * 2,
        {"role": "assistant", "content": CALL},
        *[{"role": "tool", "content": "a b"}] * 2,
    ],
    True,
)
def test_chat_messages_are_folded_alike_both_ways(
    tmp_path_factory: pytest.TempPathFactory, messages: list[Any], with_tools: bool
) -> None:
    run = {"messages": messages, **({"tools": TOOLS} if with_tools else {})}
    path = tmp_path_factory.mktemp("runs") / "runs.jsonl"
    path.write_text(json.dumps(run) + "\n")
    check_both_paths(path, "openai-messages")


@settings(max_examples=100, deadline=None)
@given(st.lists(TURNS, max_size=9), st.booleans())
def test_sharegpt_turns_are_folded_alike_both_ways(
    tmp_path_factory: pytest.TempPathFactory, turns: list[Any], with_tools: bool
) -> None:
    row = {"conversations": turns, **({"tools": TOOLS} if with_tools else {})}
    path = tmp_path_factory.mktemp("runs") / "runs.jsonl"
    path.write_text(json.dumps(row) + "\n")
    check_both_paths(path, "hermes-sharegpt")


def test_real_files_are_folded_alike_both_ways(trajectories: Path) -> None:
    for target in expand_paths([str(trajectories)]):
        assert isinstance(target.path, Path)
        check_both_paths(target.path)


def test_sample_files_are_folded_alike_both_ways() -> None:
    for target in expand_paths([str(PROJECT / "transcripts")]):
        assert isinstance(target.path, Path)
        check_both_paths(target.path)


@pytest.mark.parametrize(
    ("mode", "messages"),
    [
        (
            TextCalls.TRANSPORT,
            [
                {"from": "system", "value": "be brief"},
                {"from": "human", "value": "list"},
                {"from": "gpt", "value": f"<think>so</think>\n{CALL}\n{CALL}"},
                {"from": "tool", "value": f"{ANSWER}\n{ANSWER}"},
                {"from": "gpt", "value": "two files [a], {b}"},
            ],
        ),
        (
            TextCalls.SUSPECT,
            [
                {"role": "user", "content": "list"},
                {"role": "assistant", "content": CALL},
                {"role": "tool", "content": ANSWER},
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [
                        {
                            "id": "c1",
                            "type": "function",
                            "function": {"name": "ls", "arguments": "{}"},
                        }
                    ],
                },
                {"role": "tool", "tool_call_id": "c1", "content": "Error: no such file"},
                {"role": "assistant", "content": "sorry", "finish_reason": "stop"},
            ],
        ),
    ],
)
def test_ordinary_messages_take_the_fast_path(mode: TextCalls, messages: list[Any]) -> None:
    assert fold_plain_messages(RunState(), messages, 0, mode, []) == len(messages)


@pytest.mark.parametrize(
    ("call", "path", "short"),
    [
        (CALL, {"type": "string"}, 2),
        (CALL, {"type": "integer"}, 1),
        (FUNCTION, {"type": "string"}, 2),
        (FUNCTION, {"type": "string", "enum": ["/"]}, 1),
        (FUNCTION, {"type": "integer"}, 1),
        (FUNCTION.replace("/<", "5<"), {"type": "integer"}, 2),
    ],
)
def test_calls_that_surely_fit_their_schema_take_the_fast_path(
    call: str, path: dict[str, Any], short: int
) -> None:
    schema = {"properties": {"path": path}, "required": ["path"]}
    state = RunState(tools={"ls": ToolSpec("ls", parameters=schema)})
    messages = [{"from": "human", "value": "list"}, {"from": "gpt", "value": call}]
    assert fold_plain_messages(state, messages, 0, TextCalls.TRANSPORT, []) == short


def test_the_first_message_of_another_kind_ends_the_fast_path() -> None:
    plain = {"role": "user", "content": "hi"}
    odd = {"role": "assistant", "content": "<tool_call>{"}
    state = RunState()
    assert fold_plain_messages(state, [plain, plain, odd, plain], 1, TextCalls.SUSPECT, []) == 1
    assert (state.messages, state.turn) == (1, 0)


@pytest.mark.parametrize("dialect", ["hermes-sharegpt", "openai-messages"])
def test_a_run_without_a_task_is_named_after_the_first_user_text(dialect: str) -> None:
    speaker, text = ("from", "value") if dialect == "hermes-sharegpt" else ("role", "content")
    dialog = [("system", "be brief"), ("user", " \n"), ("user", "\nlist\nall"), ("user", "more")]
    state = RunState()
    messages = [{speaker: who, text: one} for who, one in dialog]
    assert fold_plain_messages(state, messages, 0, TextCalls.SUSPECT, []) == len(messages)
    assert state.task == "list"
