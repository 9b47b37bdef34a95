from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.reader import split_runs
from hermes_tui.formats.readers.bfcl import FORMAT
from hermes_tui.log.summary import fold_run
from hermes_tui.model.diagnostics import Code
from hermes_tui.model.events import SourceDefect
from tests.formats.foreign import (
    any_json,
    calls,
    counts_with_errors,
    dialog,
    ended,
    format_of,
    found_codes,
    lines,
    messages,
    only,
    read_bytes,
    read_value,
    results,
    runs,
    sample,
    started,
)

LOGGED: dict[str, Any] = {
    "id": "multi_turn_base_0",
    "result": [[[{"ls": "{}"}], "Done."]],
    "input_token_count": [[10, 20]],
    "output_token_count": [[1, 2]],
    "latency": [[0.5, 1.0]],
    "inference_log": [
        [{"role": "state_info", "class_name": "Files", "content": {"root": "/"}}],
        {
            "begin_of_turn_query": [{"role": "user", "content": "List the files."}],
            "step_0": [
                {
                    "role": "inference_input",
                    "content": {
                        "message": "[{'role': 'user'}]",
                        "tools": [{"type": "function", "function": {"name": "ls"}}],
                    },
                },
                {"role": "assistant", "content": [{"ls": '{"a": true}'}]},
                {
                    "role": "handler_log",
                    "content": "Successfully decoded model response.",
                    "model_response_decoded": ["ls(a=True)"],
                },
                {"role": "tool", "content": '{"files": []}'},
            ],
            "step_1": [
                {"role": "assistant", "content": "Done."},
                {"role": "handler_log", "content": "Error decoding the model response."},
            ],
        },
    ],
}
SINGLE: dict[str, Any] = {
    "id": "simple_1",
    "result": [{"add": '{"a": 1}'}, {"sub": '{"b": 2'}],
    "input_token_count": 7,
    "output_token_count": 3,
    "latency": 0.5,
}
SCORED: list[Any] = [
    {"accuracy": 0.5, "correct_count": 1, "total_count": 2},
    {
        "id": "simple_2",
        "valid": False,
        "error": ["Wrong type."],
        "error_type": "type_error:simple",
        "prompt": {"question": [[{"role": "user", "content": "Add."}]]},
        "model_result_raw": "[add(a='1')]",
        "possible_answer": [{"add": {"a": [1]}}],
    },
]


@pytest.mark.parametrize(
    "data",
    [lines(LOGGED), lines(SINGLE, SINGLE), lines(*SCORED)],
    ids=["log", "single answers", "scores"],
)
def test_results_and_scores_are_recognised(data: bytes) -> None:
    assert format_of(data) == "bfcl"


def test_an_object_with_an_id_and_a_result_is_not_always_a_test_case() -> None:
    assert FORMAT.sniff(sample({"id": "job-1", "result": "fine"})) is None
    assert FORMAT.sniff(sample({"id": "live_simple_3", "result": "[f()]"})) is not None


def test_a_log_is_read_in_the_order_in_which_it_happened() -> None:
    events = read_value(FORMAT, LOGGED)
    assert [role for role, _ in dialog(events)] == [
        "state_info",
        "user",
        "inference_input",
        "assistant",
        "handler_log",
        "tool",
        "assistant",
        "handler_log",
    ]
    assert [tool.name for tool in started(events).tools] == ["ls"]
    assert started(events).task == "List the files."


def test_calls_without_ids_pair_with_their_results() -> None:
    events = read_value(FORMAT, LOGGED)
    assert [(call.name, call.arguments) for call in calls(events)] == [("ls", {"a": True})]
    codes = fold_run(events)[0].codes
    assert codes.keys() == {Code.NO_MARKER}
    assert len(results(events)) == 1


def test_each_reply_has_its_tokens_and_latency() -> None:
    events = read_value(FORMAT, LOGGED)
    replies = [message for message in messages(events) if message.role == "assistant"]
    assert [reply.duration_s for reply in replies] == [0.5, 1.0]
    assert [reply.usage and reply.usage.prompt_tokens for reply in replies] == [10, 20]
    usage = ended(events).usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens) == (30, 3)


def test_text_that_ends_a_turn_is_a_note_and_unreadable_calls_are_an_error() -> None:
    log = {"role": "handler_log", "content": "Error decoding the model response."}
    step = [{"role": "assistant", "content": [{"ls": "{"}]}, log]
    assert "NO_MARKER:note" in found_codes(read_value(FORMAT, LOGGED))
    broken = {**LOGGED, "inference_log": [{"step_0": step}]}
    assert "JSON_INVALID:error" in found_codes(read_value(FORMAT, broken))


def test_calls_that_the_handler_read_in_a_text_are_calls() -> None:
    step = [
        {"role": "assistant", "content": "[cd(folder='a'), ls()]"},
        {"role": "handler_log", "content": "ok", "model_response_decoded": ["cd('a')", "ls(n=1)"]},
    ]
    events = read_value(FORMAT, {**LOGGED, "inference_log": [{"step_0": step}]})
    assert [(call.name, call.arguments) for call in calls(events)] == [
        ("cd", {"0": "a"}),
        ("ls", {"n": 1}),
    ]


def test_a_single_answer_has_all_its_calls_even_broken_ones() -> None:
    events = read_value(FORMAT, SINGLE)
    assert [(call.name, call.arguments_text) for call in calls(events)] == [
        ("add", '{"a": 1}'),
        ("sub", '{"b": 2'),
    ]
    assert len(dialog(events)) == 1


def test_answers_without_a_log_are_listed_in_order() -> None:
    value = {key: item for key, item in LOGGED.items() if key != "inference_log"}
    events = read_value(FORMAT, value)
    assert dialog(events) == [("assistant", ""), ("assistant", "Done.")]


def test_a_request_that_failed_is_an_error() -> None:
    events = read_value(FORMAT, {**SINGLE, "result": "Error during inference: 429"})
    assert found_codes(events)[0] == "REQUEST_ERROR:error"
    assert ended(events).status == "error"


def test_a_score_file_has_question_answer_and_expected_answer() -> None:
    events = read_bytes(FORMAT, lines(*SCORED))
    summary, case = runs(events)
    assert summary.details["accuracy"] == 0.5
    assert case.details["possible_answer"] == [{"add": {"a": [1]}}]
    assert dialog(events) == [("user", "Add."), ("assistant", "[add(a='1')]")]
    end = ended(events)
    assert (end.status, end.stop_reason) == ("failed", "type_error:simple")


def test_results_of_the_oldest_format_are_a_question_and_a_text() -> None:
    value = {"answer_id": "x1", "question": "Add.", "text": "add(a=1)"}
    assert FORMAT.sniff(sample(value)) is not None
    assert dialog(read_value(FORMAT, value)) == [("user", "Add."), ("assistant", "add(a=1)")]


def test_an_element_that_is_not_a_message_is_a_defect_at_its_place() -> None:
    events = read_value(FORMAT, {**LOGGED, "inference_log": [[7], {"step_0": [8], "step_1": 9}]})
    places = [defect.at.pointer for defect in only(events, SourceDefect)]
    assert places == [
        "/inference_log/0/0",
        "/inference_log/1/step_0/0",
        "/inference_log/1/step_1",
    ]


@settings(max_examples=100, deadline=None)
@given(any_json("id", "result", "inference_log", "step_0", "role", "content", "latency", "prompt"))
def test_reading_and_sniffing_never_raise(value: Any) -> None:
    for item in (value, {"id": "simple_1", "result": value, "latency": value}):
        FORMAT.sniff(sample(item))
        read_value(FORMAT, item)
    read_value(FORMAT, {**LOGGED, "inference_log": value, "latency": value})
    read_value(FORMAT, {**LOGGED, "inference_log": [{"step_0": value}, value]})
    read_value(FORMAT, {**SCORED[1], "prompt": {"question": value}, "model_result_raw": value})


@pytest.mark.shared
def test_a_real_file_matches_its_manifest(trajectories: Path) -> None:
    name = "BFCL_v4_multi_turn_base_result.json"
    data = (trajectories / "16-bfcl" / name).read_bytes()
    assert format_of(data) == "bfcl"
    events = read_bytes(FORMAT, data)
    assert counts_with_errors(events) == (2, 147, 25, 0)


@pytest.mark.parametrize(("name", "cases"), [("result", 2), ("score", 3)])
def test_calls_that_are_only_compared_need_no_result(name: str, cases: int) -> None:
    path = Path(__file__).parents[1] / "fixtures" / "bfcl" / f"BFCL_v4_simple_python_{name}.json"
    data = path.read_bytes()
    assert format_of(data) == "bfcl"
    each = split_runs(tuple(read_bytes(FORMAT, data)))[1]
    assert len(each) == cases
    assert [call.name for call in calls([*each[-1]])] == ["math_factorial"]
    assert not any(fold_run(run)[0].codes[Code.CALL_UNANSWERED] for run in each)


def test_a_call_without_a_result_in_a_log_is_reported() -> None:
    turn = {**LOGGED["inference_log"][1], "step_0": LOGGED["inference_log"][1]["step_0"][:2]}
    state, _ = fold_run(read_value(FORMAT, {**LOGGED, "inference_log": [turn]}))
    assert state.codes[Code.CALL_UNANSWERED] == 1
