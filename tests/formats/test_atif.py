"""Harbor trajectories: steps, results next to their calls, subagents, continuations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.framing import Layout
from hermes_tui.formats.readers.atif.reader import FORMAT, MAX_DEPTH
from hermes_tui.formats.writers import atif as atif_writer
from hermes_tui.formats.writers import openai as openai_writer
from hermes_tui.log.summary import fold_run
from hermes_tui.model.diagnostics import Code
from hermes_tui.model.events import RunEnded, SourceDefect, ToolReturned
from hermes_tui.model.messages import Origin
from tests.formats.foreign import (
    any_json,
    calls,
    counts,
    dialog,
    document,
    found_codes,
    lines,
    messages,
    only,
    read_bytes,
    read_value,
    runs,
    sniffed,
)

FIXTURES = Path(__file__).parents[1] / "fixtures"
ASK = {"step_id": 1, "source": "user", "message": "list", "timestamp": "2026-01-01T00:00:00Z"}
CALL = {"tool_call_id": "c1", "function_name": "ls", "arguments": {"path": "."}}
ACT = {
    "step_id": 2,
    "source": "agent",
    "message": "I look",
    "reasoning_content": "hm",
    "tool_calls": [CALL],
    "observation": {"results": [{"source_call_id": "c1", "content": "a.txt"}]},
    "metrics": {"prompt_tokens": 9, "completion_tokens": 2, "cached_tokens": 4, "cost_usd": 0.1},
}


def trajectory(*steps: Any, version: str = "1.7", **fields: Any) -> dict[str, Any]:
    return {
        "schema_version": f"ATIF-v{version}",
        "session_id": "s",
        "agent": {"name": "a", "version": "1", "model_name": "m"},
        "steps": list(steps),
        **fields,
    }


@pytest.mark.parametrize("version", ["1.0", "1.4", "1.8", "1.99"])
def test_every_version_opens_as_document_and_as_lines(version: str) -> None:
    value = trajectory(ASK, ACT, version=version)
    for data in (document(value), lines(value), document([value])):
        events = read_bytes(FORMAT, data)
        assert counts(events) == (1, 2, 1)
        assert dialog(events) == [("user", "list"), ("assistant", "I look")]


def test_a_result_follows_its_call_and_is_not_a_message() -> None:
    events = read_value(FORMAT, trajectory(ASK, ACT))
    kinds = [type(event).__name__ for event in events]
    assert kinds[-3:] == ["MessageAppended", "ToolCallProposed", "ToolReturned"]
    answer = only(events, ToolReturned)[0]
    assert (answer.result.call_id, answer.result.name) == ("c1", "ls")
    assert answer.at.pointer == "/steps/1/observation/results/0"
    assert calls(events)[0].arguments == {"path": "."}
    assert calls(events)[0].raw == CALL
    assert not found_codes(events), "arguments are objects by the standard"


def test_a_step_has_its_usage_reasoning_and_time() -> None:
    events = read_value(FORMAT, trajectory(ASK, ACT))
    asked, acted = messages(events)
    assert acted.usage is not None
    assert (acted.usage.prompt_tokens, acted.usage.cached_tokens) == (9, 4)
    assert acted.usage.cost_usd == 0.1
    assert [piece.text for piece in acted.reasoning] == ["hm"]
    assert asked.time_s == runs(events)[0].ts == 1767225600.0


def test_an_observation_without_calls_is_a_message_of_the_environment() -> None:
    step = {"source": "agent", "message": "{}", "observation": {"results": [{"content": "$"}]}}
    events = read_value(FORMAT, trajectory(ASK, step))
    assert dialog(events)[-1] == ("environment", "$")
    assert not only(events, ToolReturned)
    assert not found_codes(events)


def test_one_observation_answers_several_calls() -> None:
    path = FIXTURES / "harbor" / "good" / "agent" / "trajectory.json"
    events = read_bytes(FORMAT, path.read_bytes())
    assert counts(events) == (1, 6, 5)
    typed = [(call.name, call.id, call.origin) for call in calls(events)[:2]]
    assert typed == [("bash_command", None, Origin.TEXT)] * 2
    assert dialog(events)[2][0] == "environment"
    assert "# echo 'Hello, world!'" in dialog(events)[2][1]
    assert not found_codes(events)


def test_calls_that_share_an_observation_are_exported_with_it() -> None:
    path = FIXTURES / "harbor" / "good" / "agent" / "trajectory.json"
    events = read_bytes(FORMAT, path.read_bytes())
    again = read_value(FORMAT, json.loads(atif_writer.write(events)))
    assert (counts(again), dialog(again)) == (counts(events), dialog(events))
    assert not found_codes(again)
    chat = json.loads(openai_writer.write(events))["messages"]
    typed = [call["function"]["arguments"] for call in chat[1]["tool_calls"]]
    assert [json.loads(text)["keystrokes"].split()[0] for text in typed] == ["ls", "echo"]


def test_environment_messages_survive_an_export() -> None:
    step = {"source": "agent", "message": "{}", "observation": {"results": [{"content": "$"}]}}
    events = read_value(FORMAT, trajectory(ASK, step, {**step, "message": "again"}))
    again = read_value(FORMAT, json.loads(atif_writer.write(events)))
    assert dialog(again) == dialog(events)


@pytest.mark.parametrize(
    ("name", "answered", "unanswered"),
    [
        ("mark_task_complete", "c1", 0),
        ("mark_task_complete", None, 0),
        ("ls", None, 0),
        ("ls", "c1", 1),
    ],
)
def test_a_result_leaves_other_calls_open_unless_it_answers_all_or_they_end_the_task(
    name: str, answered: str | None, unanswered: int
) -> None:
    other = {"tool_call_id": "c2", "function_name": name, "arguments": {}}
    result = {"source_call_id": answered, "content": "a.txt"}
    step = {**ACT, "tool_calls": [CALL, other], "observation": {"results": [result]}}
    events = read_value(FORMAT, trajectory(ASK, step, {"source": "agent", "message": "done"}))
    state, _ = fold_run(events)
    assert state.codes[Code.CALL_UNANSWERED] == unanswered
    assert len(only(events, ToolReturned)) == unanswered


@pytest.mark.parametrize("result", [{}, {"source_call_id": None}, {"content": None}])
def test_an_empty_observation_of_several_calls_is_a_result(
    result: dict[str, Any],
) -> None:
    other = {"tool_call_id": "c2", "function_name": "ls", "arguments": {}}
    step = {**ACT, "tool_calls": [CALL, other], "observation": {"results": [result]}}
    events = read_value(FORMAT, trajectory(ASK, step))
    assert [one.result.content for one in only(events, ToolReturned)] == [""]
    assert counts(events) == (1, 2, 2)


def test_a_reply_that_the_agent_could_not_parse_is_reported() -> None:
    content = "Previous response had parsing errors:\nERROR: No valid JSON"
    step = {"source": "agent", "message": "?", "observation": {"results": [{"content": content}]}}
    assert found_codes(read_value(FORMAT, trajectory(step))) == ["REPLY_SHAPE:error"]


def test_calls_in_text_have_no_finding_if_the_agent_acts_on_them() -> None:
    text = "<function=ls>\n<parameter=path>.</parameter>\n</function>"
    silent = {"source": "agent", "message": text}
    answered = {**silent, "observation": {"results": [{"content": "a.txt"}]}}
    assert found_codes(read_value(FORMAT, trajectory(silent))) == ["CALL_IN_CONTENT:error"]
    events = read_value(FORMAT, trajectory(answered, silent))
    assert len(calls(events)) == 2
    assert not found_codes(events)


def test_arguments_that_harbor_could_not_parse_are_shown_verbatim() -> None:
    step = {**ACT, "tool_calls": [{**CALL, "arguments": {"raw": '{"path": '}}]}
    hermes = {"name": "hermes", "version": "1"}
    events = read_value(FORMAT, trajectory(step, agent=hermes))
    assert calls(events)[0].arguments_text == '{"path": '
    assert "ARGS_INVALID:error" in found_codes(events)
    assert calls(read_value(FORMAT, trajectory(step)))[0].arguments == {"raw": '{"path": '}


def test_a_result_flagged_as_an_error_is_an_error() -> None:
    result = {"source_call_id": "c1", "content": "no", "extra": {"is_error": True, "exit_code": 2}}
    events = read_value(FORMAT, trajectory({**ACT, "observation": {"results": [result]}}))
    answer = only(events, ToolReturned)[0].result
    assert answer.error is not None
    assert (answer.error.kind, answer.exit_code, answer.raw) == ("flag", 2, result)


def test_content_parts_and_images_are_read() -> None:
    source = {"media_type": "image/png", "path": "images/1.png"}
    content = [{"type": "text", "text": "see"}, {"type": "image", "source": source}]
    events = read_value(FORMAT, trajectory({**ASK, "message": content}))
    message = messages(events)[0]
    assert [part.kind for part in message.parts] == ["text", "image"]
    assert message.text.startswith("see")


def test_copied_compacted_and_delegating_steps_are_marked() -> None:
    ref = {"trajectory_id": "t2", "trajectory_path": "sub.json"}
    compaction = {"context_management": {"type": "compaction"}}
    events = read_value(
        FORMAT,
        trajectory(
            {**ASK, "is_copied_context": True},
            {
                "step_id": 5,
                "source": "system",
                "message": "handed over",
                "extra": compaction,
                "observation": {"results": [{"subagent_trajectory_ref": [ref]}]},
            },
            {**ACT, "llm_call_count": 3},
        ),
    )
    flags = [message.flags for message in messages(events)]
    assert flags == [("copied",), ("compaction", "subagent"), ("3 model calls",)]
    assert runs(events)[0].details["subagents"] == [{"step": 5, **ref}]


def test_embedded_subagents_are_separate_runs() -> None:
    grandchild = trajectory(ASK, trajectory_id="t3")
    child = trajectory(ASK, trajectory_id="t2", subagent_trajectories=[grandchild])
    value = trajectory(ASK, ACT, trajectory_id="t1", subagent_trajectories=[child])
    events = read_value(FORMAT, value)
    found = [(run.run_id, run.parent_run_id) for run in runs(events)]
    assert found == [("t1", ""), ("t2", "t1"), ("t3", "t2")]
    assert [run.at.pointer for run in runs(events) if run.at][1] == "/subagent_trajectories/0"


def test_subagents_nested_too_deeply_are_cut_off_and_reported() -> None:
    value = trajectory(ASK)
    for _ in range(MAX_DEPTH + 5):
        value = trajectory(ASK, subagent_trajectories=[value])
    events = read_value(FORMAT, value)
    assert len(runs(events)) == MAX_DEPTH + 1
    assert len(only(events, SourceDefect)) == 1


def test_the_end_of_a_run_has_its_totals_and_its_continuation() -> None:
    totals = {"total_prompt_tokens": 9, "total_cost_usd": 0.2, "total_steps": 2}
    value = trajectory(ASK, final_metrics=totals, continued_trajectory_ref="trajectory.cont-1.json")
    end = only(read_value(FORMAT, value), RunEnded)[0]
    assert (end.usage.prompt_tokens, end.usage.cost_usd, end.details) == (
        9,
        0.2,
        {"total_steps": 2},
    )
    assert end.stop_reason == "continued in trajectory.cont-1.json"


def test_declared_tools_agent_and_models_are_kept() -> None:
    tool = {"type": "function", "function": {"name": "ls", "parameters": {}}}
    agent = {"name": "a", "model_name": "m", "tool_definitions": [tool]}
    step = {**ACT, "model_name": "n"}
    run = runs(read_value(FORMAT, trajectory(ASK, step, agent=agent)))[0]
    assert ([tool.name for tool in run.tools], run.tools_declared, run.model) == (["ls"], True, "m")
    assert run.details["agent"] == {"name": "a", "model_name": "m"}
    assert run.details["step_models"] == ["n"]


def test_an_invalid_step_or_result_is_a_defect() -> None:
    step = {**ACT, "observation": {"results": [3]}}
    defects = only(read_value(FORMAT, trajectory("x", step)), SourceDefect)
    assert [defect.at.pointer for defect in defects] == [
        "/steps/0",
        "/steps/1/observation/results/0",
    ]


@pytest.mark.parametrize(
    "foreign",
    [{"schema_version": "2.0", "steps": []}, {"schema_version": "ATIF-v1.6"}, {"steps": [ASK]}],
)
def test_files_of_other_formats_are_not_claimed(foreign: dict[str, Any]) -> None:
    assert sniffed(FORMAT, foreign) == ""
    assert sniffed(FORMAT, [foreign], layout=Layout.DOCUMENT) == ""


JSON = any_json("source", "message", "content", "results", "tool_calls", "arguments", "extra")


@given(JSON, JSON)
@settings(max_examples=100, deadline=None)
def test_any_value_is_read_without_an_exception(first: Any, second: Any) -> None:
    agent = {"source": "agent", "message": second, "tool_calls": first, "metrics": first}
    for value in (
        first,
        trajectory(first, agent, {**ACT, "observation": first, "extra": second}),
        trajectory({**ACT, "observation": {"results": [{"content": first}, second]}}),
        trajectory({**ACT, "tool_calls": [{"arguments": first, "tool_call_id": second}]}),
        trajectory(agent=first, final_metrics=second, subagent_trajectories=first),
    ):
        sniffed(FORMAT, value)
        read_value(FORMAT, value)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # The manifest counts no calls: they are in the text of both replies.
        ("openhands_hello-world.trajectory.no_function_calling", (1, 4, 2)),
        # The manifest counts the steps; three observations answer no call and are messages too.
        ("terminus_2_hello-world-context-summarization-linear-history.trajectory", (1, 8, 0)),
    ],
)
def test_real_trajectories_match_their_manifest(
    trajectories: Path, name: str, expected: tuple[int, int, int]
) -> None:
    events = read_bytes(FORMAT, (trajectories / "08-atif" / f"{name}.json").read_bytes())
    assert counts(events) == expected
    assert all(event.result.error is None for event in only(events, ToolReturned))
    assert not only(events, SourceDefect)
    assert not found_codes(events)


@pytest.mark.parametrize(("name", "agent", "unanswered"), [
    ("finish", "openhands", 0), ("finish", "other", 1), ("ls", "openhands", 1),
])  # fmt: skip
def test_the_call_that_ends_a_run_needs_no_result(name: str, agent: str, unanswered: int) -> None:
    last = {**ACT, "tool_calls": [{**CALL, "function_name": name}], "observation": None}
    value = trajectory(ASK, last, agent={"name": agent}, final_metrics={"total_steps": 2})
    state, _ = fold_run(read_value(FORMAT, value))
    assert state.codes[Code.CALL_UNANSWERED] == unanswered
