"""Inspect's logs: each sample is a run, whose messages have the measurements of its events."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.detect import detect
from hermes_tui.formats.readers.inspect_log.reader import FORMAT
from hermes_tui.formats.registry import formats
from hermes_tui.log.summary import fold_run, summarise
from hermes_tui.model.events import LoopEscaped, RequestFailed, RunEnded, RunStarted
from hermes_tui.model.messages import ArgumentsState
from hermes_tui.runtime.opener import FoundRun, open_file, survey
from tests.bytes_source import BytesSource
from tests.formats.foreign import (
    any_json,
    calls,
    counts,
    deep_json,
    dialog,
    document,
    ended,
    found_codes,
    messages,
    only,
    read_bytes,
    read_value,
    results,
    runs,
    started,
)
from tests.timing import Work, assert_linear

FIXTURE = Path(__file__).resolve().parents[1] / "fixtures" / "inspect" / "agents.eval"
ASKED = {"id": "m1", "role": "user", "content": "Find the flag."}
CALLING = {
    "id": "m2",
    "role": "assistant",
    "content": "",
    "tool_calls": [{"id": "c1", "function": "bash", "arguments": {"cmd": "ls"}}],
}
ANSWER = {"id": "m3", "role": "tool", "tool_call_id": "c1", "function": "bash", "content": "flag"}
DONE = {"id": "m4", "role": "assistant", "content": "It is here."}
BASH = {"name": "bash", "description": "Runs it.", "parameters": {"type": "object"}}


def model_event(reply: dict[str, Any], said_before: list[Any], **more: Any) -> dict[str, Any]:
    choice = {"message": reply, "stop_reason": "stop"}
    usage = {"input_tokens": 10, "output_tokens": 2, "total_tokens": 15}
    return {
        "event": "model",
        "timestamp": "2026-01-02T03:04:05+00:00",
        "completed": "2026-01-02T03:04:07+00:00",
        "working_time": 1.5,
        "model": "m",
        "input": said_before,
        "tools": [BASH],
        "output": {"choices": [choice], "usage": {**usage, "input_tokens_cache_read": 3}},
        **more,
    }


TOOL_EVENT = {
    "event": "tool",
    "id": "c1",
    "function": "bash",
    "timestamp": "2026-01-02T03:04:08+00:00",
    "completed": "2026-01-02T03:04:10+00:00",
}
SAMPLE: dict[str, Any] = {
    "id": 7,
    "epoch": 2,
    "input": "Find the flag.",
    "target": "flag{}",
    "messages": [ASKED, CALLING, ANSWER, DONE],
    "scores": {"includes": {"value": "C", "answer": "flag{}"}},
    "model_usage": {"m": {"input_tokens": 20, "output_tokens": 4, "total_tokens": 24}},
    "events": [
        model_event(CALLING, [ASKED]),
        TOOL_EVENT,
        model_event(DONE, [ASKED, CALLING, ANSWER]),
    ],
}


def log_of(*samples: Any, **more: Any) -> dict[str, Any]:
    evaluation = {"task": "ctf", "model": "openai/m", "created": "2026-01-02T03:00:00+00:00"}
    log = {"version": 2, "status": "success", "eval": evaluation}
    return {**log, "samples": [*samples], **more}


def with_events(*events: Any, **more: Any) -> dict[str, Any]:
    return {**SAMPLE, "events": list(events), **more}


def read_sample(sample: Any, **more: Any) -> list[Any]:
    return read_value(FORMAT, log_of(sample, **more))


def test_a_sample_is_a_run_with_its_epoch_scores_and_usage() -> None:
    events = read_bytes(FORMAT, document(log_of(SAMPLE)))
    assert counts(events) == (1, 4, 1)
    first, last = started(events), ended(events)
    assert (first.run_id, first.group_id) == ("7_epoch_2", "7")
    assert (first.task, first.model) == ("Find the flag.", "openai/m")
    assert [tool.name for tool in first.tools] == ["bash"]
    assert first.details["target"] == "flag{}"
    assert first.details["events"] == {"model": 2, "tool": 1}
    assert (last.status, last.reward, last.scores) == ("ok", 1.0, {"includes": 1.0})
    assert last.usage is not None and last.usage.prompt_tokens == 20
    assert last.details["scores"]["includes"]["answer"] == "flag{}"


def test_all_epochs_of_a_sample_form_a_group() -> None:
    events = read_value(FORMAT, log_of(*({**SAMPLE, "epoch": n} for n in (1, 2, 3))))
    assert [run.run_id for run in runs(events)] == [f"7_epoch_{n}" for n in (1, 2, 3)]
    assert {run.group_id for run in runs(events)} == {"7"}


def test_messages_have_the_measurements_of_their_request_and_tool_events() -> None:
    events = read_sample(SAMPLE)
    reply = messages(events)[1]
    assert reply.duration_s == 1.5
    assert reply.time_s == 1767323047.0
    assert reply.usage is not None
    assert (reply.usage.prompt_tokens, reply.usage.cached_tokens) == (13, 3)
    assert results(events)[0].duration_s == 2.0
    assert results(events)[0].name == "bash"


def test_decoded_arguments_of_inspect_have_no_findings() -> None:
    events = read_sample(SAMPLE)
    call = calls(events)[0]
    assert (call.name, call.arguments, call.id) == ("bash", {"cmd": "ls"}, "c1")
    assert call.raw == CALLING["tool_calls"][0]  # type: ignore[index]
    assert found_codes(events) == []


def unparsed(error: str) -> dict[str, Any]:
    entry = {"id": "c1", "function": "bash", "arguments": {}, "parse_error": error}
    return {**SAMPLE, "messages": [ASKED, {**CALLING, "tool_calls": [entry]}]}


def test_an_unparsed_call_has_the_text_that_the_model_wrote() -> None:
    error = (
        'Error parsing the following tool call arguments:\n\n{"cmd": "ls"\n\n'
        "Error details: Expecting ',' delimiter"
    )
    events = read_sample(unparsed(error))
    call = calls(events)[0]
    assert call.arguments_text == '{"cmd": "ls"'
    assert call.arguments_state is ArgumentsState.NOT_JSON
    assert "ARGS_INVALID:error" in found_codes(events)


def test_blank_lines_in_unparsed_arguments_take_linear_time() -> None:
    def reading(count: int) -> Work:
        prefix = "Error parsing the following tool call arguments:{"
        sample = unparsed(prefix + "\n" * count + '"\nError details: odd')
        return lambda: read_sample(sample)

    assert_linear(reading, 40_000)


def test_a_parse_error_in_another_wording_is_a_finding() -> None:
    events = read_sample(unparsed("no such tool"))
    reported = [
        d.message for event in events for d in event.diagnostics if d.code == "ARGS_INVALID"
    ]
    assert reported == ["no such tool"]


def test_a_tool_error_is_flagged_even_if_only_its_event_has_it() -> None:
    error = {"type": "timeout", "message": "Command timed out."}
    in_message = {**SAMPLE, "messages": [ASKED, CALLING, {**ANSWER, "error": error}]}
    in_event = with_events({**TOOL_EVENT, "error": error})
    for sample in (in_message, in_event):
        mark = results(read_sample(sample))[0].error
        assert mark is not None
        assert (mark.kind, mark.reason) == ("flag", "error: Command timed out.")


def test_the_result_of_a_tool_that_raised_is_its_error_message() -> None:
    """Inspect 0.3.285 keeps no content next to the error of such an answer."""
    error = {"type": "unknown", "message": "no such note"}
    silent = {**ANSWER, "content": "", "error": error}
    answer = results(read_sample({**SAMPLE, "messages": [ASKED, CALLING, silent]}))[0]
    assert (answer.content, bool(answer.error)) == ("no such note", True)
    kept = {**ANSWER, "content": "half of it", "error": error}
    answer = results(read_sample({**SAMPLE, "messages": [ASKED, CALLING, kept]}))[0]
    assert answer.content == "half of it"


def test_attachments_replace_their_references() -> None:
    sample = copy.deepcopy(SAMPLE)
    sample["attachments"] = {"abc": "Find the long flag.", "old": "older"}
    sample["messages"][0]["content"] = "attachment://abc"
    sample["messages"][3]["content"] = [{"type": "text", "text": "tc://old"}]
    texts = [text for _, text in dialog(read_sample(sample))]
    assert (texts[0], texts[-1]) == ("Find the long flag.", "older")


def test_the_reference_to_a_missing_attachment_is_kept() -> None:
    asked = {**ASKED, "content": "attachment://gone"}
    sample = with_events(messages=[asked], attachments={})
    assert dialog(read_sample(sample)) == [("user", "attachment://gone")]


def test_failed_requests_come_before_the_eventual_reply() -> None:
    empty = {"id": "x", "role": "assistant", "content": ""}
    failed = model_event(empty, [ASKED], error="RateLimitError('429')", traceback="Traceback …")
    events = read_sample(with_events(failed, failed, model_event(CALLING, [ASKED], retries=2)))
    kinds = [type(event).__name__ for event in events][:5]
    assert kinds == [
        "RunStarted", "MessageAppended", "RequestFailed", "RequestFailed", "MessageAppended",
    ]  # fmt: skip
    failures = only(events, RequestFailed)
    assert [event.attempt for event in failures] == [1, 2]
    assert (failures[0].message, failures[0].body) == ("RateLimitError('429')", "Traceback …")
    assert messages(events)[1].flags == ("2 retries",)
    assert len(runs(events)) == 1


def test_a_request_that_never_succeeded_is_the_last_event_before_the_end() -> None:
    failed = {"event": "model", "error": "gone", "input": [ASKED], "output": {"choices": []}}
    events = read_sample(with_events(failed, messages=[ASKED]))
    assert [type(event) for event in events[-2:]] == [RequestFailed, RunEnded]


def subagent(**place: Any) -> list[dict[str, Any]]:
    ask = {"id": "s1", "role": "user", "content": "Search."}
    call = {"id": "s2", "role": "assistant", "content": "Searching."}
    more = {"id": "s3", "role": "user", "content": "Go on."}
    last = {"id": "s4", "role": "assistant", "content": "Found."}
    return [
        model_event(call, [ask], **place),
        model_event(last, [ask, call, more], **place),
    ]


@pytest.mark.parametrize(
    "events",
    [
        [
            {"event": "span_begin", "id": "a", "type": "agent", "name": "searcher"},
            {"event": "span_begin", "id": "b", "parent_id": "a", "type": "x", "name": "inner"},
            *subagent(span_id="b"),
        ],
        [{"event": "subtask", "name": "searcher", "events": subagent()}],
        [
            {"event": "step", "action": "begin", "type": "agent", "name": "searcher"},
            *subagent(),
            {"event": "step", "action": "end", "type": "agent", "name": "searcher"},
        ],
    ],
    ids=["spans", "subtask", "steps"],
)
def test_the_messages_of_a_subagent_are_a_child_run_of_the_sample(events: list[Any]) -> None:
    found = read_sample(with_events(model_event(CALLING, [ASKED]), *events))
    main, below = runs(found)
    assert (main.parent_run_id, below.parent_run_id) == ("", "7_epoch_2")
    assert below.group_id == main.group_id == "7"
    assert (below.run_id, below.task) == ("7_epoch_2/1", "searcher")
    tail = found[found.index(below) :]
    assert dialog(tail) == [
        ("user", "Search."),
        ("assistant", "Searching."),
        ("user", "Go on."),
        ("assistant", "Found."),
    ]


def test_the_last_call_of_a_subagent_is_answered_by_its_event() -> None:
    entry = {"id": "c9", "function": "submit", "arguments": {}}
    reply = {"id": "s2", "role": "assistant", "content": "", "tool_calls": [entry]}
    answer = {**TOOL_EVENT, "id": "c9", "result": "attachment://long"}
    events = read_sample(
        with_events(
            model_event(CALLING, [ASKED]),
            model_event(reply, [{"id": "s1", "role": "user", "content": "Search."}]),
            answer,
            attachments={"long": "accepted"},
        )
    )
    assert [(one.content, one.duration_s) for one in results(events)][-1] == ("accepted", 2.0)


@pytest.mark.parametrize("key", ["message_pool", "events_data"])
def test_inputs_in_a_pool_are_looked_up(key: str) -> None:
    pool = [{"id": "p0", "role": "user", "content": "old"}, {"id": "p1", "role": "user"}]
    reply = {"id": "gone", "role": "assistant", "content": "before it was compacted"}
    event = model_event(reply, [], input_refs=[[0, 1]])
    pool_value = pool if key == "message_pool" else {"messages": pool, "calls": []}
    events = read_sample(with_events(event, **{key: pool_value}))
    below = runs(events)[1]
    assert dialog(events[events.index(below) :]) == [
        ("user", "old"),
        ("assistant", "before it was compacted"),
    ]


@pytest.mark.parametrize(
    "refs", [[[0, 10**18]], [[-(10**9), 1]], [["0", 1]], [[1]], "x", [None], [[0, 1]] * 50]
)
def test_invalid_ranges_of_a_pool_are_ignored(refs: Any) -> None:
    reply = {"id": "gone", "role": "assistant", "content": "x"}
    pool = [{"id": "p0", "role": "user", "content": "old"}]
    events = read_sample(with_events(model_event(reply, [], input_refs=refs), message_pool=pool))
    assert len(runs(events)) == 2


def test_the_messages_repeated_from_a_pool_are_limited(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hermes_tui.formats.readers.inspect_log.events.MAX_REPEATED", 30)
    pool = [{"id": f"p{n}", "role": "user", "content": str(n)} for n in range(20)]
    asked = [
        model_event({"id": f"r{n}", "role": "assistant", "content": "."}, [], input_refs=[[0, 20]])
        for n in range(40)
    ]
    events = read_sample(with_events(*asked, message_pool=pool))
    assert len(messages(events)) == 4 + 30 + 40
    assert "SourceDefect" in [type(event).__name__ for event in events]


def test_a_sample_that_raised_ends_in_its_error() -> None:
    error = {"message": "RuntimeError('sandbox gone')", "traceback": "Traceback\n  …"}
    events = read_sample({**SAMPLE, "scores": {}, "error": error, "error_retries": [error]})
    end = ended(events)
    assert (end.status, end.stop_reason) == ("error", "RuntimeError('sandbox gone')")
    assert end.details["traceback"] == "Traceback\n  …"
    assert [event.exception for event in only(events, LoopEscaped)] == [error["message"]]
    assert started(events).details["error_retries"] == [error["message"]]


def test_the_limit_that_ended_a_sample_is_named_in_old_and_new_logs() -> None:
    new = {**SAMPLE, "limit": {"type": "token", "limit": 1000}}
    old = with_events({"event": "sample_limit", "type": "message", "limit": 40, "message": "x"})
    assert [(end.status, end.stop_reason) for end in map(ended, map(read_sample, (new, old)))] == [
        ("truncated", "limit: token 1000"),
        ("truncated", "limit: message 40"),
    ]


@pytest.mark.parametrize(
    ("scores", "status", "numbers"),
    [
        ({"a": {"value": "I"}}, "failed", {"a": 0.0}),
        ({"a": {"value": "P"}}, "failed", {"a": 0.5}),
        ({"a": {"value": True}, "b": {"value": "C"}}, "ok", {"a": 1.0, "b": 1.0}),
        ({"a": {"value": 0.25}}, "unknown", {"a": 0.25}),
        ({"a": {"value": {"x": 1, "y": "no"}}}, "unknown", {"a/x": 1.0}),
        ({"a": {"value": "free text"}}, "unknown", {}),
        ({}, "unknown", {}),
    ],
)
def test_grades_and_booleans_decide_whether_a_sample_passed(
    scores: Any, status: str, numbers: dict[str, float]
) -> None:
    end = ended(read_sample({**SAMPLE, "scores": scores}))
    assert (end.status, end.scores) == (status, numbers)


@pytest.mark.parametrize("place", ["reductions", "results"])
def test_a_sample_has_the_reduced_value_of_its_epochs(place: str) -> None:
    reduced = [{"scorer": "includes", "samples": [{"sample_id": 7, "value": 0.5}]}]
    more = {place: reduced if place == "reductions" else {"sample_reductions": reduced}}
    assert started(read_sample(SAMPLE, **more)).details["reduced"] == {"includes": 0.5}


def test_tool_parts_run_by_the_server_are_a_call_with_its_result() -> None:
    part = {"type": "tool_use", "id": "w1", "name": "web_search", "arguments": "{}", "result": "R"}
    thought = {"type": "reasoning", "reasoning": "c2VhbGVk", "redacted": True}
    reply = {**DONE, "content": [thought, part, {"type": "text", "text": "Done."}]}
    events = read_sample(with_events(messages=[ASKED, reply]))
    assert [call.name for call in calls(events)] == ["web_search"]
    assert [result.content for result in results(events)] == ["R"]
    assert messages(events)[1].reasoning[0].kind == "encrypted"
    assert messages(events)[1].text == "Done."


def test_the_input_of_a_sample_that_never_began_is_shown() -> None:
    assert dialog(read_sample({"id": 1, "input": "Do it.", "messages": []})) == [("user", "Do it.")]


def test_a_log_without_samples_is_one_run_with_its_outcome() -> None:
    error = {"message": "no such dataset", "traceback": "…"}
    events = read_value(FORMAT, log_of(status="error", error=error))
    assert counts(events) == (1, 0, 0)
    assert started(events).task == "ctf"
    assert (ended(events).status, ended(events).stop_reason) == ("error", "error")
    assert found_codes(events) == ["RUN_ERROR:error"]


@pytest.mark.parametrize("sample", [None, 3, "x", [], {"messages": [None, 4]}, {"events": [[]]}])
def test_malformed_samples_are_defects_or_empty_runs(sample: Any) -> None:
    fold_run(read_sample(sample))


@pytest.mark.parametrize("key", ["", "content", "message", "tools"])
def test_deeply_nested_values_are_read_without_an_exception(key: str) -> None:
    deep = deep_json(key)
    entry = {"id": "c", "function": "f", "arguments": deep}
    reply = {"role": "assistant", "content": deep, "tool_calls": [entry, deep]}
    event = model_event(reply, [deep, ASKED], tools=deep, error=deep)
    sample = with_events(event, {**event, "tools": deep}, {"events": deep}, metadata=deep)
    sample |= {"messages": [reply, deep], "scores": {"a": deep}, "error": deep, "limit": deep}
    fold_run(read_sample({**sample, "attachments": {"a": deep}}, reductions=deep, results=deep))


@settings(max_examples=60, deadline=None)
@given(
    value=any_json(
        "messages", "events", "event", "output", "choices", "message", "id", "tool_calls",
        "scores", "value", "limit", "error", "attachments", "input_refs", "span_id", "usage",
    )
)  # fmt: skip
def test_any_sample_is_read_without_an_exception(value: Any) -> None:
    sample = value if isinstance(value, dict) else {"messages": value, "events": value}
    fold_run(read_sample({**sample, "events": sample.get("events", [value])}))


def test_files_of_other_formats_are_not_claimed() -> None:
    reader = detect(BytesSource(json.dumps(log_of(SAMPLE)).encode()), formats()).reader
    assert reader is not None and reader.name == "inspect"
    other = detect(BytesSource(json.dumps({"eval": "x", "messages": [ASKED]}).encode()), formats())
    assert other.reader is not None and other.reader.name == "openai-messages"


def test_a_log_by_inspect_itself_has_its_subagent_and_its_unparsed_call() -> None:
    file = open_file(FIXTURE, whole=True)
    states = [step.state for step in survey(file) if isinstance(step, FoundRun)]
    file.close()
    assert not file.source.failure
    assert [(run.run_id, run.parent_run_id, run.messages) for run in states] == [
        ("fruit_epoch_1", "", 9),
        ("fruit_epoch_1/1", "fruit_epoch_1", 6),
        ("fruit_epoch_2", "", 9),
        ("fruit_epoch_2/1", "fruit_epoch_2", 6),
    ]
    first, helper = states[:2]
    assert (first.status, first.scores, first.group_id) == ("ok", {"includes": 1.0}, "fruit")
    assert dict(first.codes) == {"TOOL_ERROR": 2, "ARGS_INVALID": 1}
    assert (helper.task, dict(helper.codes)) == ("helper", {})
    assert first.task.startswith("Find out the price.")


@pytest.mark.shared
def test_a_recorded_log_has_times_usage_and_tools(trajectories: Path) -> None:
    path = trajectories / "07-inspect" / "2025-05-12T20-27-36-04-00_browser.json"
    events = read_bytes(FORMAT, path.read_bytes())
    replies = [message for message in messages(events) if message.role == "assistant"]
    assert all(reply.usage and reply.duration_s for reply in replies)
    assert all(result.duration_s for result in results(events))
    assert len(only(events, RunStarted)[0].tools) > 5
    assert ended(events).status == "ok"


def test_a_call_keeps_its_form_in_the_file() -> None:
    (call,) = calls(read_sample(SAMPLE))
    assert (call.name, str(call.origin), call.arguments_state) == (
        "bash",
        "flat-dict",
        ArgumentsState.OBJECT,
    )


def test_an_error_of_the_sample_is_not_a_failed_request() -> None:
    error = {"message": "RuntimeError('sandbox gone')", "traceback": "x" * 9_000}
    events = read_sample({**SAMPLE, "error": error})
    (escaped,) = only(events, LoopEscaped)
    ((code, message),) = [(str(one.code), one.message) for one in escaped.diagnostics]
    assert (code, message) == ("RUN_ERROR", error["message"])
    assert ended(events).details["traceback"] == error["traceback"]


def test_a_score_that_is_not_a_number_is_noted_and_not_a_defect() -> None:
    scores = {"judge": {"value": float("nan"), "answer": "x"}}
    events = read_bytes(FORMAT, document(log_of({**SAMPLE, "scores": scores})))
    assert "NaN is not JSON" in "".join(one.message for one in started(events).diagnostics)
    state, found = fold_run(events)
    assert state.defects == 0
    assert {str(one.severity) for one in found if one.code == "SOURCE_DEFECT"} == {"note"}


def test_a_cost_limit_has_its_amount_and_the_total_time_is_the_duration() -> None:
    limited = {**SAMPLE, "limit": {"type": "cost", "limit": 0.5}, "total_time": 12.5}
    events = read_sample(limited)
    assert ended(events).stop_reason == "limit: cost 0.5"
    state, _ = fold_run(events)
    assert summarise(state).duration_s == 12.5


def test_the_store_of_a_sample_is_kept_whole() -> None:
    store = {"notes": ["x" * 3_000]}
    assert started(read_sample({**SAMPLE, "store": store})).details["store"] == store
