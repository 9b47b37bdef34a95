from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.readers.metr_malt import FORMAT
from hermes_tui.model.events import SourceDefect
from tests.formats.foreign import (
    any_json,
    calls,
    dialog,
    document,
    format_of,
    lines,
    messages,
    only,
    read_value,
    results,
    runs,
    sample,
    started,
)


def node(number: int, parent: int | None, role: str, **more: Any) -> dict[str, Any]:
    message = {"role": role, "content": f"{role} {number}", **more}
    fields = {"message": message, "first_called_at": 1735091485651}
    return {"node_id": number, "parent_node_id": parent, "node_data": fields}


ROW: dict[str, Any] = {
    "run_id": 218,
    "task_id": "password/1",
    "model": "m1",
    "labels": ["normal"],
    "nodes": [
        node(10, None, "system"),
        node(11, 10, "user"),
        node(12, 11, "user"),
        node(13, 11, "assistant", function_call={"name": "bash", "arguments": '{"c": "ls"}'}),
        node(14, 13, "function", name="bash"),
    ],
}


@pytest.mark.parametrize("data", [document([ROW, ROW]), lines(ROW, ROW)])
def test_rows_are_recognised(data: bytes) -> None:
    assert format_of(data) == "metr-malt"


def test_the_longest_path_is_the_run_and_branches_are_its_children() -> None:
    events = read_value(FORMAT, ROW)
    assert [(run.run_id, run.parent_run_id) for run in runs(events)] == [
        ("218", ""),
        ("218/12", "218"),
    ]
    assert [role for role, _ in dialog(events)] == ["system", "user", "assistant", "tool", "user"]
    assert [call.arguments for call in calls(events)] == [{"c": "ls"}]
    assert results(events)[0].name == "bash"


def test_a_run_has_its_task_model_labels_and_time() -> None:
    start = started(read_value(FORMAT, ROW))
    assert (start.task, start.model, start.group_id) == ("password/1", "m1", "password/1")
    assert start.details["labels"] == ["normal"]
    assert start.ts == 1735091485.651


def test_another_answer_to_the_same_call_repeats_the_call() -> None:
    nodes = [*ROW["nodes"], node(15, 14, "assistant"), node(16, 13, "function", name="bash")]
    events = read_value(FORMAT, {**ROW, "nodes": nodes})
    below = messages(events[events.index(runs(events)[2]) :])
    assert [(message.role, message.flags) for message in below] == [
        ("assistant", ("copied",)),
        ("tool", ()),
    ]


def test_a_non_node_is_a_defect_at_its_location() -> None:
    (defect,) = only(read_value(FORMAT, {"nodes": [7]}), SourceDefect)
    assert defect.at.pointer == "/nodes/0"
    assert only(read_value(FORMAT, {"nodes": 7}), SourceDefect)
    assert len(runs(read_value(FORMAT, {"nodes": []}))) == 1


@settings(max_examples=100, deadline=None)
@given(any_json("nodes", "node_id", "parent_node_id", "node_data", "message", "role", "content"))
def test_reading_and_sniffing_never_raise(value: Any) -> None:
    odd = {"node_id": value, "parent_node_id": value, "node_data": {"message": value}}
    for item in (
        value,
        {"nodes": value, "run_id": value},
        {"nodes": [value, odd, {"node_id": 1, "node_data": value}, node(2, 1, "user")]},
    ):
        FORMAT.sniff(sample(item))
        read_value(FORMAT, item)
