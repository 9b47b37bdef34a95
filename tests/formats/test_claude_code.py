"""Sessions of Claude Code: replies spread over several lines, subagents, rewound branches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.formats.detect import detect
from hermes_tui.formats.framing import Layout
from hermes_tui.formats.readers.claude_code.reader import FORMAT
from hermes_tui.formats.registry import formats
from hermes_tui.log.summary import fold_run, summarise
from hermes_tui.model.events import SourceDefect, ToolCallProposed, ToolReturned
from hermes_tui.model.messages import ArgumentsState
from tests.bytes_source import BytesSource
from tests.formats.foreign import (
    any_json,
    calls,
    counts,
    dialog,
    document,
    format_of,
    found_codes,
    lines,
    messages,
    only,
    read_bytes,
    read_value,
    runs,
    sample,
)


def line(role: str, uuid: str, parent: str | None, content: Any, **more: Any) -> dict[str, Any]:
    message = {"role": role, "content": content, **more.pop("message", {})}
    head = {"type": role, "uuid": uuid, "parentUuid": parent, "sessionId": "s1"}
    return {**head, "isSidechain": False, "message": message, **more}


def part(uuid: str, parent: str, block: dict[str, Any], tokens: int) -> dict[str, Any]:
    fields = {"id": "msg_1", "model": "claude-example", "usage": {"output_tokens": tokens}}
    return line("assistant", uuid, parent, [block], message=fields)


def use(name: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": name, "name": "Read", "input": {"path": name}}


def answer(uuid: str, parent: str, name: str, **more: Any) -> dict[str, Any]:
    block = {"type": "tool_result", "tool_use_id": name, "content": f"content of {name}"}
    return line("user", uuid, parent, [block], **more)


FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "claude_code"
SNAPSHOT = {"type": "file-history-snapshot", "messageId": "m", "snapshot": {}}
SESSION = [
    SNAPSHOT,
    line("user", "u1", None, "Read both files", cwd="/home/x", version="2.0"),
    part("a1", "u1", {"type": "thinking", "thinking": "Two reads."}, 1),
    part("a2", "a1", use("t1"), 4),
    answer("u2", "a2", "t1"),
    part("a3", "a2", use("t2"), 9),
    answer("u3", "a3", "t2", toolUseResult={"agentId": "ab12", "status": "completed"}),
    {"type": "summary", "summary": "Two files", "leafUuid": "u3"},
]


def test_lines_of_one_reply_are_one_message_with_the_last_usage() -> None:
    events = read_bytes(FORMAT, lines(*SESSION))
    assert counts(events) == (1, 4, 2)
    reply = messages(events)[1]
    assert [piece.text for piece in reply.reasoning] == ["Two reads."]
    assert reply.usage is not None
    assert reply.usage.completion_tokens == 9
    assert [result.result.call_id for result in only(events, ToolReturned)] == ["t1", "t2"]


def test_each_call_is_located_on_its_own_line() -> None:
    data = lines(*SESSION)
    places = [event.at.range for event in only(read_bytes(FORMAT, data), ToolCallProposed)]
    shown = [json.loads(data[place.start : place.end])["uuid"] for place in places]
    assert shown == ["a2", "a3"]


def test_the_start_has_session_model_title_subagents_and_other_records() -> None:
    (start,) = runs(read_bytes(FORMAT, lines(*SESSION)))
    assert (start.run_id, start.model, start.task) == ("s1", "claude-example", "Read both files")
    assert start.details["titles"] == ["Two files"]
    assert start.details["subagents"] == {"t2": "ab12"}
    assert start.details["other_records"] == {"file-history-snapshot": 1, "summary": 1}


def test_a_block_repeated_on_two_lines_is_one_call() -> None:
    twice = part("a2", "a1", use("t1"), 4)
    assert len(calls(read_bytes(FORMAT, lines(*SESSION[:4], twice)))) == 1


def test_a_subagent_is_a_child_run_of_the_session() -> None:
    side = [
        line("user", "x1", None, "Explore", isSidechain=True),
        line("assistant", "x2", "x1", "Done", isSidechain=True),
    ]
    events = read_bytes(FORMAT, lines(*SESSION[:4], *side, *SESSION[4:]))
    main, agent = runs(events)
    assert (main.run_id, main.parent_run_id) == ("s1", "")
    assert (agent.run_id, agent.parent_run_id, agent.task) == ("x1", "s1", "Explore")
    assert counts(events) == (2, 6, 2)
    assert dialog(events)[-2:] == [("user", "Explore"), ("assistant", "Done")]


def test_a_file_of_one_subagent_is_one_run_that_names_its_parent() -> None:
    side = [
        line("user", "x1", None, "Explore", isSidechain=True, agentId="ab12"),
        line("assistant", "x2", "x1", "Done", isSidechain=True, agentId="ab12"),
    ]
    (run,) = runs(read_bytes(FORMAT, lines(*side)))
    assert (run.run_id, run.parent_run_id) == ("ab12", "s1")


def test_rewound_messages_are_kept_and_flagged() -> None:
    rows = [
        line("user", "u1", None, "Hi"),
        line("assistant", "a1", "u1", "Hello"),
        line("user", "u2", "a1", "Do it badly"),
        line("assistant", "a2", "u2", "Badly done"),
        line("user", "u3", "a1", "Do it well"),
        line("assistant", "a3", "u3", "Well done"),
    ]
    found = messages(read_bytes(FORMAT, lines(*rows)))
    assert [m.text for m in found if "rewound" in m.flags] == ["Do it badly", "Badly done"]
    assert len(found) == 6


def test_results_of_parallel_calls_are_not_branches() -> None:
    found = messages(read_bytes(FORMAT, lines(*SESSION)))
    assert not any("rewound" in message.flags for message in found)


def test_injected_and_compacted_texts_are_marked() -> None:
    rows = [
        line("user", "u1", None, "<command-name>/clear</command-name>"),
        line("user", "u2", "u1", "Read this", isMeta=True),
        line("user", "u3", None, "So far: nothing", isCompactSummary=True),
    ]
    found = messages(read_bytes(FORMAT, lines(*rows)))
    assert [message.flags for message in found] == [
        ("injected",),
        ("injected",),
        ("compaction",),
    ]


def test_invalid_lines_are_defects_at_their_place() -> None:
    text = line("user", "u9", "u3", "")
    text["message"] = "error"
    data = lines(*SESSION) + b'"massive error"\n42\n{"silly": 1}\n' + lines(text) + b'{"torn": '
    events = read_bytes(FORMAT, data)
    defects = only(events, SourceDefect)
    shown = [data[found.at.range.start : found.at.range.end].strip() for found in defects]
    assert {b'"massive error"', b"42", b'{"silly": 1}'} <= set(shown)
    assert any(b"torn" in found.excerpt.encode() for found in defects)
    assert [found.at.pointer for found in defects].count("/message") == 1
    assert counts(events) == (1, 4, 2)


@pytest.mark.parametrize(
    "data",
    [lines(*SESSION), document({"loglines": SESSION}), lines({"loglines": SESSION})],
    ids=["lines", "web export", "web export on one line"],
)
def test_sessions_and_web_exports_open_as_this_format(data: bytes) -> None:
    detection = detect(BytesSource(data), formats())
    assert detection.reader is not None
    assert (detection.reader.name, detection.rivals) == ("claude-code", ())
    assert counts(read_bytes(FORMAT, data)) == (1, 4, 2)


def test_a_pretty_array_of_lines_is_read_together() -> None:
    match = FORMAT.sniff(sample(*SESSION, layout=Layout.ARRAY))
    assert match is not None
    assert match.layout is Layout.DOCUMENT
    assert counts(read_value(FORMAT, SESSION)) == (1, 4, 2)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(any_json("type", "message", "content", "role", "id"), max_size=4),
    any_json("type", "id", "content", "usage"),
    st.sampled_from(["u1", "u2", "a1", "", None]),
    st.booleans(),
)
def test_reading_and_sniffing_never_raise(
    rows: list[Any], inner: Any, name: str | None, aside: bool
) -> None:
    mine = [
        line(role, name or "", name, inner, isSidechain=aside) for role in ("user", "assistant")
    ]
    same = [part("a1", "u1", block, 1) for block in rows if isinstance(block, dict)]
    for value in (rows, inner, [*mine, *rows, *same, *mine], {"loglines": rows}):
        FORMAT.sniff(sample(value))
        read_value(FORMAT, value)


LINES_OF_REAL_FILES = {
    # One message per reply: the manifest counts every line (19, 261, 45, 44, 118, 13).
    # The user declined one of its calls.
    "codemie-session-9eda1058.jsonl": (12, 3, 0),
    "codemie-session-3fe1b6bc.jsonl": (156, 76, 5),
    "codemie-incremental-subagents__turn-2.jsonl": (26, 14, 0),
    "codemie-incremental-subagents__turn-2__subagents__agent-a485154.jsonl": (27, 20, 1),
    "claude-code-pomodoro-timer.jsonl": (83, 37, 0),
    "claude-code-log-edge_cases.jsonl": (13, 3, 1),
}


@pytest.mark.shared
@pytest.mark.parametrize("name", sorted(LINES_OF_REAL_FILES))
def test_real_sessions_have_the_expected_calls_and_errors(name: str, trajectories: Path) -> None:
    data = (trajectories / "10-claude-code" / name).read_bytes()
    assert format_of(data) == "claude-code"
    events = read_bytes(FORMAT, data)
    wrong = [event for event in only(events, ToolReturned) if event.result.error]
    assert (*counts(events), len(wrong)) == (1, *LINES_OF_REAL_FILES[name])


def test_prompt_tools_and_cost_come_from_the_requests_of_a_session() -> None:
    events = read_bytes(FORMAT, (FIXTURES / "session.jsonl").read_bytes())
    role, prompt = dialog(events)[0]
    assert (role, prompt.splitlines()[1]) == ("system", "Be brief. You are a tiny agent.")
    assert prompt.startswith("You are Claude Code")
    [run] = runs(events)
    assert [tool.name for tool in run.tools] == ["Bash", "Edit", "Read"]
    assert not any("systemPrompt" in message.text for message in messages(events))
    row = summarise(fold_run(events)[0])
    assert (row.prompt_tokens, row.completion_tokens, row.cost_usd) == (436, 48, 0.0039684)


def test_arguments_that_claude_code_could_not_parse_are_shown_verbatim() -> None:
    events = read_bytes(FORMAT, (FIXTURES / "session.jsonl").read_bytes())
    [broken] = [call for call in calls(events) if call.arguments_state is ArgumentsState.NOT_JSON]
    assert (broken.name, broken.arguments_text) == ("Bash", '{"command": "ls", "BROKEN": }')
    assert "ARGS_INVALID:error" in found_codes(events)


def test_tools_are_unknown_if_an_older_version_began_the_session() -> None:
    rows = [json.loads(one) for one in (FIXTURES / "session.jsonl").read_bytes().splitlines()]
    for one in rows[:9]:
        one.pop("requestRef", None)
    [run] = runs(read_bytes(FORMAT, lines(*rows)))
    assert not run.tools_declared


def test_the_prompt_of_a_session_without_requests_comes_from_snapshots() -> None:
    rows = [json.loads(one) for one in (FIXTURES / "session.jsonl").read_bytes().splitlines()]
    rest = [one for one in rows if not one["type"].startswith("api-request")]
    events = read_bytes(FORMAT, lines(*rest))
    assert dialog(events)[0] == ("system", "Be brief.\nYou are a tiny agent.")
    assert [tool.name for tool in runs(events)[0].tools] == ["Bash"]
