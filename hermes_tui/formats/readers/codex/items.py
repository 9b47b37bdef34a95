"""What Codex adds to the items of the Responses API: its own prompts and forms of output."""

from __future__ import annotations

import re
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.declined import DECLINED
from hermes_tui.formats.dialects.responses_items import answer_of
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.model.messages import ToolResult

_INJECTED_PREFIXES = (
    "<environment_context>",
    "<user_instructions>",
    "<permissions instructions>",
    "# AGENTS.md instructions",
    "<turn_aborted>",
)
_DECLINED_OUTPUTS = frozenset({"exec command rejected by user", "patch rejected by user"})
_REFUSED_PREFIXES = ("unsupported call: ", "failed to parse function arguments: ")
"""The beginnings of the outputs of calls that no tool received."""
_EDITOR_PREFIX = "# "
_REQUEST_HEADING = re.compile(r"^## My request for Codex:[ \t]*$", re.MULTILINE)
_HEAD = 400
"""Characters at the start of an output that are searched for its duration."""
_WALL_TIME = re.compile(r"^Wall time: (\d{1,9}(?:\.\d{1,9})?) seconds$", re.MULTILINE)


def why_declined(result: ToolResult) -> str:
    """Return `DECLINED` if a result says that a person declined its call, else ""."""
    return DECLINED if result.content.strip() in _DECLINED_OUTPUTS else ""


def is_injected(text: str) -> bool:
    """Return whether a text with the role `user` was written by the program."""
    return text.lstrip().startswith(_INJECTED_PREFIXES)


def request_in(text: str) -> str:
    """Return the request of a person, which an editor puts below its own headings.

    # Context from my IDE setup: | # Files mentioned by the user: | …
    ## My request for Codex:
    request
    """
    if not text.lstrip().startswith(_EDITOR_PREFIX):
        return text
    *_, request = _REQUEST_HEADING.split(text)
    return request if request.strip() else text


def output_message(item: dict[str, Any], end: dict[str, Any]) -> dict[str, Any]:
    """Return an output as the message of a tool; `end` is the event about the end of its call.

    An output is a text, a text with times and exit code in its first lines, or the JSON of
    `{"output", "metadata": {"exit_code", "duration_seconds"}}`.
    """
    raw = answer_of(item)
    decoded = decode_if_json(raw["content"], 1)
    metadata: dict[str, Any] = {}
    if isinstance(decoded, dict) and "output" in decoded:
        members = decoded.get("metadata")
        metadata = members if isinstance(members, dict) else {}
        raw["content"] = decoded["output"]
    code = metadata.get("exit_code", end.get("exit_code"))
    if code is not None:
        raw["exit_code"] = code
    duration = _duration(metadata.get("duration_seconds", end.get("duration")), raw["content"])
    if duration is not None:
        raw["duration_s"] = duration
    is_refused = isinstance(raw["content"], str) and raw["content"].startswith(_REFUSED_PREFIXES)
    if is_refused or end.get("success") is False:
        raw["success"] = False
    return raw


def _duration(value: Any, output: Any) -> float | None:
    if isinstance(value, dict):
        whole, part = fields.number(value.get("secs")), fields.number(value.get("nanos"))
        return None if whole is None else whole + (part or 0) / 1e9
    found = fields.number(value)
    if found is None and isinstance(output, str):
        match = _WALL_TIME.search(output[:_HEAD])
        found = float(match[1]) if match else None
    return found
