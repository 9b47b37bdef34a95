"""Values that no format recognises are shown with a warning, or refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.finder import find_conversations
from hermes_tui.formats.framing import Layout, Unit
from hermes_tui.formats.readers.generic import FORMAT
from hermes_tui.model.events import RunEnded, SourceDefect
from tests.formats.foreign import (
    any_json,
    counts,
    dialog,
    document,
    found_codes,
    lines,
    only,
    read_bytes,
    read_value,
    runs,
    sniffed,
)

TALK = [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "hello"}]


def test_the_longest_list_of_messages_is_opened_with_a_warning_that_names_it() -> None:
    value = {"a": {"b": TALK}, "c": [{"role": "user", "content": "x"}], "model": "m"}
    events = read_bytes(FORMAT, document(value))
    assert counts(events) == (1, 2, 0)
    started = runs(events)[0]
    assert found_codes(events[:1]) == ["SOURCE_DEFECT:warning"]
    message = started.diagnostics[0].message
    assert "generic message finder at /a/b; messages that are not shown: /c (1)" in message
    assert started.details["not_shown"] == ["/c (1)"]
    assert started.model == "m"


def test_lists_at_the_same_place_of_each_element_are_a_run_each() -> None:
    value = {"info": {}, "runs": [{"id": 1, "reward": 0.5, "log": TALK}, {"id": 2, "log": TALK}]}
    events = read_bytes(FORMAT, document(value))
    assert [run.run_id for run in runs(events)] == ["1", "2"]
    assert [end.reward for end in only(events, RunEnded)] == [0.5]
    assert events[1].at is not None and events[1].at.pointer == "/runs/0/log/0"


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ({"t1": {"log": TALK, "reward": 1}, "t2": {"log": TALK, "reward": 0}}, ["t1", "t2"]),
        ({"t1": TALK, "t2": [*TALK, *TALK]}, ["t1", "t2"]),
        ({"cfg": {"lr": 1}, "runs": {"a": {"log": TALK}, "b": {"log": TALK[:1]}}}, ["a", "b"]),
        ({"m1": {"t": {"log": TALK}}, "m2": {"u": {"log": TALK}}}, ["m1 · t", "m2 · u"]),
        ({"m1": [{"log": TALK}, {"log": TALK}], "m2": [{"log": TALK}]}, ["m1", "m1", "m2"]),
        ({"log": {"0": TALK, "1": TALK}, "reward": {"0": 1, "1": 0}}, ["0", "1"]),
        ({"m1": {"id": "x", "log": TALK}, "m2": {"id": "y", "log": TALK}}, ["x", "y"]),
    ],
)
def test_each_member_of_an_object_of_runs_is_a_run(value: Any, names: list[str]) -> None:
    events = read_bytes(FORMAT, document(value))
    assert [run.run_id for run in runs(events)] == names
    assert all("not_shown" not in run.details for run in runs(events))


@pytest.mark.parametrize(
    "value",
    [
        {"prompt_messages": TALK, "raw_messages": TALK},
        {"agent": {"history": TALK}, "critic": {"context": TALK}},
        {"input": {"log": TALK}, "output": {"log": TALK}},
    ],
)
def test_lists_under_the_names_of_fields_are_of_one_run(value: Any) -> None:
    events = read_bytes(FORMAT, document(value))
    [run] = runs(events)
    assert len(run.details["not_shown"]) == 1 and run.run_id == ""


def test_lines_with_messages_are_runs() -> None:
    assert counts(read_bytes(FORMAT, lines({"dialog": TALK}, {"dialog": TALK}))) == (2, 4, 0)
    assert counts(read_bytes(FORMAT, document([{"dialog": TALK}] * 3))) == (3, 6, 0)


def test_lines_that_are_messages_are_one_run_and_others_are_defects_in_it() -> None:
    wrapped = {"type": "user", "uuid": "u", "message": {"role": "user", "content": "hi"}}
    events = read_bytes(FORMAT, lines({"type": "snapshot"}, wrapped, *TALK, wrapped))
    assert counts(events) == (1, 4, 0)
    assert len(only(events, SourceDefect)) == 1
    assert [event.seq for event in events] == list(range(len(events)))
    assert dialog(events)[0] == ("user", "hi")


def test_conversations_inside_json_strings_are_found() -> None:
    events = read_value(FORMAT, {"trace": {"input": json.dumps(json.dumps(TALK))}})
    assert counts(events) == (1, 2, 0)
    assert "at /trace/input" in runs(events)[0].diagnostics[0].message


def test_speakers_go_before_typed_parts() -> None:
    parts = [{"type": "text", "text": str(n)} for n in range(9)]
    chosen, _ = find_conversations({"parts": parts, "log": TALK})
    assert [found.pointer for found in chosen] == ["/log"]


def test_headers_are_not_messages() -> None:
    headers = [{"name": "Authorization", "value": "Bearer abc"}] * 9
    assert sniffed(FORMAT, {"request": {"headers": headers}}, layout=Layout.DOCUMENT) == ""


@pytest.mark.parametrize("value", [{"a": 1}, {"rows": [[1, 2]]}, {"env": "x", "model": "m"}])
def test_a_file_without_messages_is_refused(value: Any) -> None:
    assert sniffed(FORMAT, value) == ""
    assert sniffed(FORMAT, value, layout=Layout.DOCUMENT) == ""


def test_a_record_without_messages_among_runs_is_a_defect() -> None:
    events = read_bytes(FORMAT, lines({"dialog": TALK}, {"dialog": TALK}, {"meta": 1}))
    assert len(runs(events)) == 2
    assert only(events, SourceDefect)[0].excerpt == '{"meta":1}'


def test_an_element_that_is_not_a_message_is_a_defect_in_its_place() -> None:
    events = read_value(FORMAT, {"log": [*TALK, 5]})
    assert only(events, SourceDefect)[0].at.pointer == "/log/2"


@given(any_json("role", "content", "from", "value", "type", "message", "parts", "payload"))
@settings(max_examples=200, deadline=None)
def test_any_value_is_read_without_an_exception(value: Any) -> None:
    sniffed(FORMAT, value)
    for unit in Unit:
        assert read_value(FORMAT, value, unit)


def test_a_deep_value_is_searched_without_recursion() -> None:
    value: Any = TALK
    for _ in range(3000):
        value = {"x": value}
    assert find_conversations(value) == ([], [])


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "run_count", "message_count"),
    [
        ("06-swe-agent/katy.traj", 1, 37),
        ("15-tau-bench/gpt-4o-airline.json", 200, 5308),
        ("15-tau-bench/tau2-gpt-4.1-airline.json", 20, 510),
        ("21-datasets/glaive_toolcall_en_demo.json", 300, 1914),
        ("09-openhands/multi_swe_bench-output.jsonl", 3, 222),
        ("10-claude-code/claude-code-pomodoro-timer.jsonl", 1, 118),
        ("24-autogen/whowhen-handcrafted-30.json", 1, 121),
    ],
)
def test_real_files_of_unknown_formats_open_with_all_their_messages(
    trajectories: Path, name: str, run_count: int, message_count: int
) -> None:
    events = read_bytes(FORMAT, (trajectories / name).read_bytes())
    assert counts(events)[:2] == (run_count, message_count)
    assert runs(events)[0].diagnostics
