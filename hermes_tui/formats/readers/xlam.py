"""`xlam`: rows of data sets for single calls, as xLAM's and those made like them.

    row     = {"query": text, "answers": calls, "tools": tools, "id"?, …}
    calls   = [{"name", "arguments": {…}}, …] | JSON of it
    tools   = [{"name", "description", "parameters": {name: {"type", …}} | schema}, …] | JSON of it

The calls have no answers. Parameters that are not a JSON Schema are ignored.
"""

from __future__ import annotations

from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.declared_tools import tool_specs
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.formats.message_parts import with_flat_entries, without_usual_findings
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.diagnostics import Code
from hermes_tui.model.messages import ToolSpec, changed
from hermes_tui.parsers.normalise import TextCalls, normalise_message

_QUERY, _ANSWERS, _TOOLS = "query", "answers", "tools"
_USUAL_CODES = frozenset({Code.ID_MISSING, Code.ARGS_OBJECT})


class Xlam:
    """Reads a row as a run of the query and the calls that answer it."""

    name = "xlam"
    summary = "xLAM rows (query, answers, tools): a run each, of single calls to train on"

    def sniff(self, sample: Sample) -> Match | None:
        return sample.match_of_runs(0.9, _is_row)

    def read(self, value: Any, build: RunBuilder) -> None:
        if not _is_row(value):
            build.defect("no query with its calls in this record", value)
            return
        user_message = {"role": "user", "content": value[_QUERY]}
        build.start(
            run_id=fields.run_id_of(value),
            task=fields.title_of([user_message]),
            tools=_specs(decode_if_json(value[_TOOLS])),
            lone_reply=True,
            details=fields.details_of(value, without=(_QUERY, _ANSWERS, _TOOLS)),
        )
        build.message(user_message, pointer=f"/{_QUERY}", text_calls=TextCalls.IGNORE)
        _answer(value[_ANSWERS], build)


def _is_row(value: Any) -> bool:
    if not isinstance(value, dict) or not value.keys() >= {_QUERY, _ANSWERS, _TOOLS}:
        return False
    return isinstance(value[_QUERY], str) and isinstance(value[_ANSWERS], (str, list))


def _specs(tools: Any) -> tuple[ToolSpec, ...] | None:
    declared = tool_specs(tools) if tools else None
    return tuple(map(_with_schema_only, declared)) if declared is not None else None


def _with_schema_only(tool: ToolSpec) -> ToolSpec:
    is_schema = isinstance(fields.as_dict(tool.parameters).get("properties"), dict)
    return tool if is_schema else changed(tool, parameters=None)


def _answer(answers: Any, build: RunBuilder) -> None:
    calls = decode_if_json(answers)
    pointer = f"/{_ANSWERS}"
    if isinstance(calls, list) and calls:
        parts = normalise_message({"role": "assistant", "content": "", "tool_calls": calls})
        build.append(without_usual_findings(with_flat_entries(parts, calls), _USUAL_CODES), pointer)
    elif isinstance(calls, list):
        # Making no call is the right answer here.
        message = {"role": "assistant", "content": fields.json_text(answers)}
        build.message(message, pointer=pointer, text_calls=TextCalls.IGNORE)
    else:
        build.message({"role": "function_call", "content": answers}, pointer=pointer)


FORMAT = Xlam()
