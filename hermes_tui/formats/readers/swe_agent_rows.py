"""`swe-agent-rows`: SWE-agent trajectories as rows of a data set.

    row  = {"instance_id", "model_name", "target", "trajectory": [turn, …], "exit_status", …}
    turn = {"role": "system" | "user" | "ai", "text"? , "system_prompt"?, …}

A reply ends with its command in a fenced block, and the user's turn after it is the command's
output.
"""

from __future__ import annotations

import re
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.formats.outcomes import run_status
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.texts.text_actions import as_result, command_call, issue_title, with_calls
from hermes_tui.model.wording import title
from hermes_tui.parsers.normalise import TextCalls, normalise_message

_ROLES = frozenset({"system", "user", "ai"})
_NOT_DETAILS = ("trajectory", "instance_id", "model_name", "target", "exit_status")
_FENCE = re.compile(r"^```[a-z]{0,10}[ \t]*\n", re.MULTILINE)


class SweAgentRows:
    """Reads rows of SWE-agent data sets."""

    name = "swe-agent-rows"
    summary = "SWE-agent trajectories as rows of a data set: roles system, user and ai"

    def sniff(self, sample: Sample) -> Match | None:
        return sample.match_of_runs(0.9, _is_row)

    def read(self, value: Any, build: RunBuilder) -> None:
        turns = decode_if_json(value.get("trajectory")) if isinstance(value, dict) else None
        if not isinstance(value, dict) or not isinstance(turns, list):
            build.defect("no trajectory in this record", value)
            return
        build.start(
            run_id=fields.run_id_of(value),
            task=_title(turns) or fields.task_of(value, ()),
            model=fields.model_of(value),
            details=fields.details_of(value, without=_NOT_DETAILS),
        )
        is_pending = False
        for index, turn in enumerate(turns):
            pointer = f"/trajectory/{index}"
            if isinstance(turn, dict):
                is_pending = _append(turn, pointer, is_pending, build)
            else:
                build.defect("not a turn", turn, pointer=pointer)
        _end(value, build)


def _is_row(value: Any) -> bool:
    turns = decode_if_json(value.get("trajectory")) if isinstance(value, dict) else None
    return isinstance(turns, list) and fields.mostly(turns[:20], _is_turn)


def _is_turn(turn: Any) -> bool:
    return (
        isinstance(turn, dict)
        and isinstance(turn.get("role"), str)
        and turn["role"] in _ROLES
        and bool({"text", "system_prompt"} & turn.keys())
    )


def _append(turn: dict[str, Any], pointer: str, is_pending: bool, build: RunBuilder) -> bool:
    """Append a turn; return whether it ends with a command that waits for its output."""
    text = turn.get("text") or turn.get("system_prompt")
    raw = {"role": turn.get("role"), "content": text}
    parts = normalise_message(raw, text_calls=TextCalls.IGNORE)
    if parts.message.role == "assistant":
        command = _command(parts.message.text)
        if command:
            parts = with_calls(parts, [command_call(command, parts.message.text)])
        is_pending = bool(command)
    elif is_pending:
        parts, is_pending = as_result(parts, raw), False
    build.append(parts, pointer)
    return is_pending


def _command(text: str) -> str:
    """Return the content of the last fenced block, or "" if there is none."""
    fences = list(_FENCE.finditer(text))
    if not fences:
        return ""
    body, closed, _ = text[fences[-1].end() :].partition("\n```")
    return body if closed or len(fences) == 1 else ""


def _title(turns: list[Any]) -> str:
    """Return the title of the issue, or of the user's first message."""
    for turn in turns:
        if isinstance(turn, dict) and turn.get("role") == "user":
            text = fields.label(turn, "text")
            return issue_title(text) or title(text)
    return ""


def _end(value: dict[str, Any], build: RunBuilder) -> None:
    build.end(
        status=run_status(value.get("target")), stop_reason=fields.label(value, "exit_status")
    )


FORMAT = SweAgentRows()
