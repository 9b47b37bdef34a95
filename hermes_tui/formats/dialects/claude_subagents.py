"""Which call of Claude Code began which subagent.

The result of the call names the subagent (`toolUseResult.agentId`), as its file and its lines do;
in stream-json its lines name the call. In older files nothing names either: there the subagent
begins with the prompt that is in the call.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from hermes_tui.formats import fields
from hermes_tui.formats.dialects.claude_answers import tool_use_result
from hermes_tui.formats.dialects.claude_history import Lines
from hermes_tui.model.wording import title

_MAX_SUBAGENTS = 500
"""The most subagents of one run that are listed."""


class _Call(NamedTuple):
    run: str
    id: str
    tool: str
    prompt: str


@dataclass
class SubagentCallers:
    """The call that began each subagent."""

    callers: dict[str, _Call]

    @cached_property
    def _by_run(self) -> Mapping[str, list[tuple[str, str]]]:
        """For each run, the ids of the calls that began subagents, each with the subagent's id."""
        found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        for agent, call in self.callers.items():
            found[call.run].append((call.id, agent))
        return found

    def details(self, run: str) -> dict[str, Any]:
        """Return details of a run: the call that began it, and the runs that its calls began.

        `called_by` and the keys of `subagents` are ids of calls; the values of `subagents` are ids
        of runs.
        """
        details: dict[str, Any] = {}
        if run and (caller := self.callers.get(run)):
            details = {"called_by": title(caller.id), "called_by_tool": title(caller.tool)}
        if calls := self._by_run.get(run):
            details["subagents"] = {
                title(call): title(agent) for call, agent in calls[:_MAX_SUBAGENTS]
            }
        return fields.without_falsy(details)


def subagent_callers(runs: Mapping[str, Lines]) -> SubagentCallers:
    """Return which calls began the subagents among `runs`; the main run is named ""."""
    callers: dict[str, _Call] = {}
    calls: dict[str, _Call] = {}
    for run, lines in runs.items():
        for _, row in lines:
            agent = fields.label(tool_use_result(row), "agentId")
            for block in _blocks(row):
                if call := _call(block, run):
                    calls.setdefault(call.id, call)
                elif agent:
                    call_id = fields.label(block, "tool_use_id") or agent
                    caller = calls.get(call_id) or _Call(run, call_id, "", "")
                    callers.setdefault(agent, caller)
    caller_ids = {call.id for call in callers.values()}
    by_prompt = {
        call.prompt: call for call in calls.values() if call.prompt and call.id not in caller_ids
    }
    for agent, lines in runs.items():
        if agent and agent not in callers:
            call = calls.get(agent) or by_prompt.pop(_first_words(lines), None)
            if call is not None:
                callers[agent] = call
    return SubagentCallers(callers)


def _call(block: dict[str, Any], run: str) -> _Call | None:
    name = fields.label(block, "id") if block.get("type") == "tool_use" else ""
    if not name:
        return None
    prompt = fields.label(fields.as_dict(block.get("input")), "prompt")
    return _Call(run, name, fields.label(block, "name"), prompt)


def _first_words(lines: Lines) -> str:
    row = lines[0][1] if lines else {}
    return fields.text_of(fields.as_dict(row.get("message")).get("content"))


def _blocks(row: dict[str, Any]) -> list[dict[str, Any]]:
    return fields.objects_in(fields.as_dict(row.get("message")).get("content"))
