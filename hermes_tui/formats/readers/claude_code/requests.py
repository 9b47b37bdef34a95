"""What a Claude Code session records about its requests: the system prompt, the tools, the cost.

    shape    = {"type": "api-request-shape", "shapeHash", "shape": {"system": [block, …], "tools"}}
    request  = {"type": "api-request", "id", "shapeHash", …}      a reply's "requestRef" names it
    snapshot = {"type": "attachment", "attachment": {"type": "prompt_snapshot",
                "systemPrompt": [text, …], "tools"?: [{"name", "schema": tool}, …]}}
    cost     = {"type": "cost-state", "totalCostUSD", …}

Versions from 2.1 on write them. A snapshot repeats the prompt of the shape, except its first line.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from hermes_tui.formats import fields
from hermes_tui.formats.declared_tools import tool_specs
from hermes_tui.formats.dialects.claude_history import Lines
from hermes_tui.formats.dialects.claude_other_lines import is_failure
from hermes_tui.model.messages import ToolSpec, Usage

_SNAPSHOT = "prompt_snapshot"


class SystemPrompt(NamedTuple):
    """A system prompt with its tools, the line that records it, and the pointer to it there."""

    line: int
    prompt: str
    pointer: str
    tools: tuple[ToolSpec, ...] | None


def is_snapshot(row: dict[str, Any]) -> bool:
    """Return whether a line is a snapshot of the prompt, not a message to the model."""
    return fields.as_dict(row.get("attachment")).get("type") == _SNAPSHOT


def request_prompts(own: Lines, rest: Lines) -> list[SystemPrompt]:
    """Return the system prompts of the requests for the replies among `own`, each once.

    Other requests of the program, such as one for a title, have shapes of their own.
    """
    return _unique(_shapes(own, rest)) or _unique(_snapshots(rest))


def tools_of(prompts: list[SystemPrompt], own: Lines) -> tuple[ToolSpec, ...] | None:
    """Return all tools that any request declares, or None if the request of a reply is unknown.

    A session that an older version began does not record the tools of its first requests.
    """
    replies = (row for _, row in own if row.get("type") == "assistant" and not is_failure(row))
    if all(one.tools is None for one in prompts) or not all(map(_reference, replies)):
        return None
    return tuple({tool.name: tool for one in prompts for tool in one.tools or ()}.values())


def cost_of(rest: Lines) -> Usage | None:
    """Return the cost of the session from the last line that records it, or None if none does."""
    costs = (fields.number(row.get("totalCostUSD")) for _, row in reversed(rest) if _is_cost(row))
    cost = next((cost for cost in costs if cost is not None), None)
    return None if cost is None else Usage(cost_usd=cost)


def _is_cost(row: dict[str, Any]) -> bool:
    return row.get("type") == "cost-state"


def _reference(row: dict[str, Any]) -> str:
    return fields.label(row, "requestRef")


def _shapes(own: Lines, rest: Lines) -> Iterator[SystemPrompt]:
    request_ids = {_reference(row) for _, row in own} - {""}
    hashes = {
        fields.label(row, "shapeHash")
        for _, row in rest
        if row.get("type") == "api-request" and fields.label(row, "id") in request_ids
    }
    for index, row in rest:
        shape = fields.as_dict(row.get("shape"))
        if row.get("type") != "api-request-shape" or not shape:
            continue
        if not hashes or fields.label(row, "shapeHash") in hashes:
            prompt = fields.text_of(shape.get("system"))
            yield SystemPrompt(index, prompt, "/shape/system", tool_specs(shape.get("tools")))


def _snapshots(rest: Lines) -> Iterator[SystemPrompt]:
    for index, row in rest:
        if is_snapshot(row):
            snapshot = fields.as_dict(row["attachment"])
            prompt = "\n".join(
                filter(None, map(fields.text_of, fields.as_list(snapshot.get("systemPrompt"))))
            )
            schemas = (
                fields.as_dict(tool).get("schema") for tool in fields.as_list(snapshot.get("tools"))
            )
            tools = tool_specs(list(schemas)) if "tools" in snapshot else None
            yield SystemPrompt(index, prompt, "/attachment/systemPrompt", tools)


def _unique(prompts: Iterator[SystemPrompt]) -> list[SystemPrompt]:
    """Return each prompt once, where it first occurs, with the tools of all its occurrences."""
    found: dict[str, SystemPrompt] = {}
    for one in prompts:
        earlier = found.setdefault(one.prompt, one)
        if earlier is not one and one.tools is not None:
            found[one.prompt] = earlier._replace(tools=(*(earlier.tools or ()), *one.tools))
    return list(found.values())
