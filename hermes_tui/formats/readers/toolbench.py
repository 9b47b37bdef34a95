"""`toolbench`: answers of ToolBench: the chosen path is a run, every other path a child run of it.

    answer = {"answer_generation": {"query", "function": [tool, …], "train_messages": [[message, …],
              …], "final_answer", "finish_type", …}, "tree"?: {"tree": node}, "win", …}
    node   = {"node_type": "Thought" | "Action" | "Action Input", "description", "observation"?,
              "observation_code"?, "pruned", "children": [node, …]}

`train_messages` grow from step to step: the last list is the whole path. The search tries other
paths first and abandons them; they are only in the tree, without the prompts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.declared_tools import tool_specs
from hermes_tui.formats.fields import as_dict, as_list
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.events import ToolReturned
from hermes_tui.parsers.tool_results import part_result

ANSWER = "answer"
MAX_PATHS = 200
"""The most paths of a tree that are shown; searches are much smaller."""

_SOUND_CODES = frozenset({0, 3, 4})
"""Codes of observations: an answer, the end, and a path given up. All others are errors."""
_NOT_DETAILS = ("query", "function", "train_messages", "finish_type", "chain")


class _Path(NamedTuple):
    """A node with its ancestors."""

    node: dict[str, Any]
    pointer: str
    above: _Path | None


class _Call(NamedTuple):
    """One step of a path: its call, its reasoning, and the node with its pointer."""

    name: str
    arguments: str
    thought: str
    node: dict[str, Any]
    pointer: str


class _Search(NamedTuple):
    """The abandoned paths, the number of those not listed, and the last call of the chosen one."""

    abandoned: list[list[_Call]]
    more: int = 0
    finish: _Call | None = None


class ToolBench:
    """Reads an answer with its search tree."""

    name = "toolbench"
    summary = (
        "ToolBench answers: the chosen path, with the search's abandoned paths as runs below it"
    )

    def sniff(self, sample: Sample) -> Match | None:
        return Match(0.95, Unit.RUNS) if fields.mostly(sample.values, _is_answer) else None

    def read(self, value: Any, build: RunBuilder) -> None:
        if not isinstance(value, dict) or not isinstance(value.get("answer_generation"), dict):
            build.defect("no answer in this record", value)
            return
        _read_answer(value, build)


def _is_answer(value: Any) -> bool:
    generated = value.get("answer_generation") if isinstance(value, dict) else None
    return isinstance(generated, dict) and bool({"train_messages", "query"} & generated.keys())


def _read_answer(value: dict[str, Any], build: RunBuilder) -> None:
    generated = value["answer_generation"]
    lists = as_list(generated.get("train_messages"))
    messages = as_list(lists[-1]) if lists else []
    tree = _search(as_dict(value.get("tree")).get("tree"), _calls_of(messages))
    about: dict[str, Any] = {
        "task": fields.label(generated, "query") or fields.title_of(messages),
        "tools": tool_specs(generated.get("function")),
    }
    build.start(
        run_id=ANSWER if tree.abandoned else "",
        details=_details(value, generated),
        diagnostics=_not_shown(tree.more),
        **about,
    )
    pointer = f"/answer_generation/train_messages/{len(lists) - 1}"
    build.messages(messages, pointer)
    if lists and lists[-1] is not messages:
        build.defect("not a list of messages", lists[-1], pointer=pointer)
    if tree.finish is not None:
        _append_last_result(tree.finish, build)
    _end(generated, build)
    for number, path in enumerate(tree.abandoned, 1):
        place = path[0].pointer
        build.start(run_id=f"path {number}", parent_run_id=ANSWER, pointer=place, **about)
        _append_path(path, build)


def _end(generated: dict[str, Any], build: RunBuilder) -> None:
    finish = fields.label(generated, "finish_type")
    status = "ok" if finish == "give_answer" else "failed" if "give_up" in finish else "unknown"
    build.end(status=status, stop_reason=finish)


def _details(value: dict[str, Any], generated: dict[str, Any]) -> dict[str, Any]:
    without = ("answer_generation", "tree", "compare_candidates")
    return {
        **fields.details_of(value, without=without),
        **fields.details_of(generated, without=_NOT_DETAILS),
    }


def _calls_of(messages: list[Any]) -> list[tuple[str, str]]:
    calls = (as_dict(as_dict(raw).get("function_call")) for raw in messages)
    return [(fields.label(c, "name"), fields.label(c, "arguments")) for c in calls if c]


def _not_shown(more: int) -> tuple[Diagnostic, ...]:
    if not more:
        return ()
    what = f"the first {MAX_PATHS} abandoned paths are shown, {more:,} others are not"
    return (Diagnostic(Code.SOURCE_DEFECT, Severity.NOTE, what),)


def _search(tree: Any, chosen: list[tuple[str, str]]) -> _Search:
    """Search the paths of a tree; those with the same calls as the chosen path are that path."""
    found = _Search([])
    for leaf in _leaves(tree):
        if len(found.abandoned) == MAX_PATHS:
            found = found._replace(more=found.more + 1)
            continue
        calls = _calls(leaf)
        if calls and [(call.name, call.arguments) for call in calls] == chosen:
            found = found._replace(finish=calls[-1])
        elif calls:
            found.abandoned.append(calls)
    return found


def _leaves(tree: Any) -> Iterator[_Path]:
    if not isinstance(tree, dict):
        return
    waiting = [_Path(tree, "/tree/tree", None)]
    while waiting:
        path = waiting.pop()
        children = [
            _Path(child, f"{path.pointer}/children/{index}", path)
            for index, child in enumerate(as_list(path.node.get("children")))
            if isinstance(child, dict)
        ]
        if not children:
            yield path
        waiting.extend(reversed(children))


def _calls(leaf: _Path) -> list[_Call]:
    """Return the steps from the root to a leaf: thought, action and input are separate nodes."""
    nodes: list[_Path] = []
    here: _Path | None = leaf
    while here is not None:
        nodes.append(here)
        here = here.above
    calls: list[_Call] = []
    thought = name = ""
    for path in reversed(nodes):
        text = fields.label(path.node, "description")
        match path.node.get("node_type"):
            case "Thought":
                thought = text
            case "Action":
                name = text
            case "Action Input" if path.above is not None:
                calls.append(_Call(name, text, thought, path.node, path.pointer))
                thought = name = ""
    if name or thought:
        calls.append(_Call(name, "", thought, leaf.node, leaf.pointer))
    return calls


def _append_last_result(call: _Call, build: RunBuilder) -> None:
    """Append the result of the last call: no message contains it, so it is only in the tree."""
    if call.node.get("observation") is not None:
        result, found = part_result({"name": call.name, "content": call.node["observation"]})
        build.add(
            ToolReturned, pointer=f"{call.pointer}/observation", result=result, diagnostics=found
        )


def _result_fields(node: dict[str, Any]) -> dict[str, Any]:
    code = node.get("observation_code")
    is_error = type(code) is int and code not in _SOUND_CODES
    return {"observation_code": code, **({"is_error": True} if is_error else {})}


def _append_path(calls: list[_Call], build: RunBuilder) -> None:
    for call in calls:
        message: dict[str, Any] = {"role": "assistant", "content": call.thought or None}
        if call.name:
            message["function_call"] = {"name": call.name, "arguments": call.arguments}
        build.message(message, pointer=call.pointer)
        answer = call.node.get("observation")
        if answer is not None:
            result = {"role": "function", "name": call.name, "content": answer}
            build.message(result | _result_fields(call.node), pointer=f"{call.pointer}/observation")
    pruned = calls[-1].node.get("pruned") is True
    build.end(stop_reason="pruned" if pruned else "left", status="failed" if pruned else "unknown")


FORMAT = ToolBench()
