from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.formats.detect import detect
from hermes_tui.formats.framing import Layout, Unit
from hermes_tui.formats.readers.smolagents import FORMAT
from hermes_tui.formats.registry import formats
from hermes_tui.log.summary import fold_run
from hermes_tui.model.diagnostics import Code
from hermes_tui.model.events import SourceDefect
from tests.bytes_source import BytesSource
from tests.formats.foreign import (
    any_json,
    calls,
    counts_with_errors,
    dialog,
    document,
    ended,
    format_of,
    found_codes,
    lines,
    only,
    read_bytes,
    read_value,
    results,
    runs,
    sample,
    started,
)

TOOL_CALL = "ToolCall(name='python_interpreter', arguments='x = \"a\"\\nprint(x)', id='call_2')"
ACTION = (
    f"ActionStep(tool_calls=[{TOOL_CALL}], start_time=1738013058.5, duration=2.5, error=None, "
    "llm_output='Let me print.', observations='Logs:\\na', observations_images=None)"
)
UNREADABLE = (
    "ActionStep(tool_calls=None, error=AgentParsingError('Error in code parsing:\\nno blob'), "
    "llm_output='I will think.', observations=None)"
)
ANSWER: dict[str, Any] = {
    "agent_name": "code",
    "question": "What is printed?",
    "prediction": "a",
    "intermediate_steps": [
        "SystemPromptStep(system_prompt='Be exact.')",
        "TaskStep(task='What is printed?', task_images=None)",
        UNREADABLE,
        ACTION,
    ],
    "agent_error": float("nan"),
    "true_answer": "a",
}
FUNCTION = (
    "{'id': 'c1', 'type': 'function', 'function': {'name': 'add', 'arguments': {'n': 'it\\'s'}}}"
)


def said_part(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "content": [{"type": "text", "text": text}], "tool_calls": None}


MESSAGES: dict[str, Any] = {
    "model_id": "m",
    "question": "q",
    "intermediate_steps": [
        said_part("assistant", "Tool call c1: calling 'add'"),
        said_part("tool-call", f"Calling tools:\n[{FUNCTION}]"),
        said_part("tool-response", "Call id: c1\nError:\nno such tool"),
    ],
    "token_counts": {"input_tokens": 5, "output_tokens": 2},
}
MEMORY: list[Any] = [
    {"system_prompt": "Be exact."},
    {"task": "Add.", "task_images": None},
    {
        "step_number": 1,
        "timing": {"start_time": 1738013058.5, "end_time": 1738013059.5, "duration": 1.0},
        "model_output": "adding",
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "add", "arguments": {"n": 1}}}
        ],
        "error": {"type": "AgentToolExecutionError", "message": "boom"},
        "observations": None,
        "token_usage": {"input_tokens": 5, "output_tokens": 2},
    },
]


def test_steps_kept_as_python_reprs_are_a_conversation() -> None:
    events = read_bytes(FORMAT, lines(ANSWER, ANSWER))
    assert len(runs(events)) == 2
    assert dialog(events)[:4] == [
        ("system", "Be exact."),
        ("user", "What is printed?"),
        ("assistant", "I will think."),
        ("assistant", "Let me print."),
    ]
    assert started(events).details["prediction"] == "a"


def test_code_is_a_verbatim_call_answered_by_the_observation() -> None:
    events = read_value(FORMAT, ANSWER)
    (call,) = calls(events)
    assert (call.name, call.id) == ("python_interpreter", "call_2")
    assert call.arguments_text == 'x = "a"\nprint(x)'
    (result,) = results(events)
    assert (result.call_id, result.content, result.error) == ("call_2", "Logs:\na", None)
    assert fold_run(events)[0].codes.keys() == {Code.NO_MARKER}


def test_a_reply_that_the_agent_could_not_parse_is_marked() -> None:
    assert found_codes(read_value(FORMAT, ANSWER)) == ["NO_MARKER:error"]


def test_the_details_of_an_error_are_reported_once() -> None:
    found = [one for event in read_value(FORMAT, ANSWER) for one in event.diagnostics]
    reported = [(one.message, one.hint) for one in found]
    assert reported == [("AgentParsingError: Error in code parsing:", "no blob")]


def test_nan_is_not_an_agent_error_but_text_is() -> None:
    assert ended(read_value(FORMAT, ANSWER)).status == "unknown"
    assert ended(read_value(FORMAT, {**ANSWER, "agent_error": "boom"})).status == "error"


def test_calls_in_the_text_of_chat_messages_are_calls() -> None:
    events = read_value(FORMAT, MESSAGES)
    assert [(call.name, call.id, call.arguments) for call in calls(events)] == [
        ("add", "c1", {"n": "it's"})
    ]
    (result,) = results(events)
    assert result.call_id == "c1"
    assert result.error is not None
    assert started(events).model == "m"
    usage = ended(events).usage
    assert usage is not None
    assert usage.prompt_tokens == 5


def test_memory_steps_of_an_agent_are_one_run() -> None:
    reader = detect(BytesSource(document(MEMORY)), formats()).reader
    assert reader is not None
    assert (reader.name, reader.layout, reader.unit) == ("smolagents", Layout.ARRAY, Unit.PARTS)
    events = read_bytes(FORMAT, document(MEMORY))
    assert dialog(events) == [("system", "Be exact."), ("user", "Add."), ("assistant", "adding")]
    (result,) = results(events)
    assert result.content == "AgentToolExecutionError: boom"
    assert result.error is not None
    assert result.error.kind == "flag"


def test_a_text_that_is_not_a_repr_is_shown_with_a_warning() -> None:
    events = read_value(FORMAT, {**ANSWER, "intermediate_steps": [ACTION[:60]]})
    assert dialog(events) == [("assistant", ACTION[:60])]
    assert found_codes(events) == ["SOURCE_DEFECT:warning"]


def test_the_steps_of_the_oldest_agents_are_one_text() -> None:
    events = read_value(FORMAT, {**ANSWER, "intermediate_steps": "Thought: a"})
    assert dialog(events) == [("assistant", "Thought: a")]


def test_a_non_step_is_a_defect_at_its_location() -> None:
    (defect,) = only(read_value(FORMAT, {**ANSWER, "intermediate_steps": [7]}), SourceDefect)
    assert defect.at is not None
    assert defect.at.pointer == "/intermediate_steps/0"


@settings(max_examples=100, deadline=None)
@given(any_json("role", "content", "tool_calls", "observations", "error", "model_output", "timing"))
def test_reading_and_sniffing_never_raise(value: Any) -> None:
    for item in (value, {"intermediate_steps": value, "question": value}):
        FORMAT.sniff(sample(item))
        read_value(FORMAT, item)
        read_value(FORMAT, item, Unit.PARTS)
    read_value(FORMAT, {**ANSWER, "intermediate_steps": [value], "agent_error": value})


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([ACTION, UNREADABLE]), st.data())
def test_a_truncated_step_is_still_shown(text: str, data: st.DataObject) -> None:
    cut = text[: data.draw(st.integers(0, len(text)))]
    assert len(dialog(read_value(FORMAT, {**ANSWER, "intermediate_steps": [cut]}))) == 1


def test_deeply_nested_steps_are_read() -> None:
    deep: Any = []
    for _ in range(900):
        deep = [deep]
    step = {"step_number": 1, "model_output": deep, "tool_calls": deep, "observations": deep}
    assert dialog(read_value(FORMAT, {**ANSWER, "intermediate_steps": [step, {"plan": deep}]}))


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gaia-code_o1_text.jsonl", (12, 118, 86, 0)),
        ("gpt-4o__tool-calling__math__2025-07-24.jsonl", (50, 456, 104, 44)),
    ],
)
def test_real_files_match_their_manifest(
    name: str, expected: tuple[int, ...], trajectories: Path
) -> None:
    data = (trajectories / "23-smolagents" / name).read_bytes()
    assert format_of(data) == "smolagents"
    events = read_bytes(FORMAT, data)
    assert counts_with_errors(events) == expected


def test_a_full_result_is_a_run_with_the_calls_of_failed_steps() -> None:
    data = (Path(__file__).resolve().parents[1] / "fixtures/smolagents/result.json").read_bytes()
    assert format_of(data) == "smolagents"
    events = read_bytes(FORMAT, data)
    assert (len(runs(events)), len(dialog(events))) == (1, 5)
    assert [call.name for call in calls(events)] == [
        "add",
        "read_note",
        "add",
        "add",
        "final_answer",
    ]
    broken = calls(events)[2]
    assert broken.arguments_text == '{"a": 1, "b": "BROKEN-1",}'
    answers = {answer.call_id: answer for answer in results(events)}
    assert "TOOLERR" in answers["call_0_1"].content
    assert answers["call_1_0"].error
    assert "call_0_0" not in answers
    end = ended(events)
    assert (end.status, end.stop_reason) == ("ok", "success")
    assert runs(events)[0].task == "Add 20 and 22, then read the note"
