"""`metr-malt`: runs of METR's MALT data set, a tree of messages a row, mostly in Parquet.

    row  = {"run_id", "task_id", "model", "labels": [text, …], "nodes": [node, …], …}
    node = {"node_id", "parent_node_id"?, "branch_id"?,
            "node_data": {"message": message, "metadata"?, "first_called_at"?}}

The longest path is the run; other branches are runs below it. The labels that people or models gave
a run (`reward_hacking`, `normal`, …) are in its details.
"""

from __future__ import annotations

from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.fields import as_dict
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.formats.message_parts import flagged
from hermes_tui.formats.message_tree import Path, paths_of, sound_parents
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.parsers.measures import timestamp
from hermes_tui.parsers.normalise import normalise_message

_NOT_DETAILS = ("nodes", "run_id", "task_id", "model")


class MetrMalt:
    """Reads rows of MALT."""

    name = "metr-malt"
    summary = "METR MALT rows: a tree of messages, the branches as runs below the longest path"

    def sniff(self, sample: Sample) -> Match | None:
        return sample.match_of_runs(0.95, _is_row)

    def read(self, value: Any, build: RunBuilder) -> None:
        nodes = decode_if_json(value.get("nodes")) if isinstance(value, dict) else None
        if not isinstance(value, dict) or not isinstance(nodes, list):
            build.defect("no nodes in this record", value)
            return
        run_id = fields.run_id_of(value)
        paths = paths_of(_parents(nodes), lambda index: _role(nodes[index]) in ("tool", "function"))
        if not paths:
            _start(value, nodes, run_id, "", build)
        for number, path in enumerate(paths):
            leaf = fields.label(as_dict(nodes[path.leaf]), "node_id") or str(path.leaf)
            name = f"{run_id}/{leaf}" if number else run_id
            _start(value, nodes, name, run_id if number else "", build)
            _append(nodes, path, build)


def _is_row(value: Any) -> bool:
    nodes = decode_if_json(value.get("nodes")) if isinstance(value, dict) else None
    return isinstance(nodes, list) and fields.mostly(nodes[:20], _is_node)


def _is_node(node: Any) -> bool:
    return (
        isinstance(node, dict) and "node_id" in node and "message" in as_dict(node.get("node_data"))
    )


def _parents(nodes: list[Any]) -> list[int | None]:
    named = [fields.label(as_dict(node), "node_id") for node in nodes]
    index_of = {name: index for index, name in enumerate(named) if name}
    above = (fields.label(as_dict(node), "parent_node_id") for node in nodes)
    return sound_parents([index_of.get(name) for name in above])


def _message(node: Any) -> Any:
    return as_dict(as_dict(node).get("node_data")).get("message")


def _role(node: Any) -> Any:
    return as_dict(_message(node)).get("role")


def _start(
    value: dict[str, Any], nodes: list[Any], run_id: str, parent: str, build: RunBuilder
) -> None:
    first = as_dict(as_dict(nodes[0]).get("node_data")) if nodes else {}
    about = fields.details_of(value, without=_NOT_DETAILS)
    build.start(
        run_id=run_id,
        task=fields.label(value, "task_id"),
        model=fields.model_of(value),
        group_id=fields.label(value, "task_id"),
        parent_run_id=parent,
        details={"branch_of": parent} if parent else about,
        ts=timestamp(first.get("first_called_at")),
    )


def _append(nodes: list[Any], path: Path, build: RunBuilder) -> None:
    for position, index in enumerate(path.messages):
        message = _message(nodes[index])
        pointer = f"/nodes/{index}"
        if not isinstance(message, dict):
            build.defect("a node without a message", nodes[index], pointer=pointer)
            continue
        parts = normalise_message(message)
        if position < path.repeated:
            parts = flagged(parts, "copied")
        ts = timestamp(nodes[index]["node_data"].get("first_called_at"))
        build.append(parts, f"{pointer}/node_data/message", ts=ts)


FORMAT = MetrMalt()
