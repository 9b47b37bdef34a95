"""`llm`: the log of the `llm` command line, as `llm logs --json` and its database give it.

    file = [row, …] | row*                                    the rows of a conversation are a run
         | {"_table": "llm", "rows": [row, …]}                one of the database
    row  = {"id", "conversation_id", "conversation_name", "model", "datetime_utc", "duration_ms"?,
            "system"?, "prompt", "response", "reasoning"?, "response_json"?: {"finish_reason"?},
            "input_tokens"?, "output_tokens"?, "token_details"?,
            "tools"?: [{"name", "description", "input_schema"}],
            "tool_results"?: [{"name", "output", "tool_call_id", "exception"?}],   of the row before
            "tool_calls"?: [{"name", "arguments", "tool_call_id"}]}

A row is a request and its reply: what is new in the request comes before the reply.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.chat_messages import ChatMessage, SourceValue, append_message, objects_under
from hermes_tui.formats.declared_tools import tool_specs
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.chat_api import function_call
from hermes_tui.model.messages import ToolSpec, Usage
from hermes_tui.parsers.measures import number, timestamp, usage

_REQUIRED_KEYS: Final = frozenset({"conversation_id", "prompt", "response", "datetime_utc"})


class _Row(NamedTuple):
    value: dict[str, Any]
    pointer: str
    line: int

    def text(self, key: str) -> str:
        return fields.text_of(self.value.get(key))

    def sources(self, key: str) -> list[SourceValue]:
        """Return the objects of a list, each with its pointer."""
        listed = decode_if_json(self.value.get(key), 1)
        return objects_under(listed, f"{self.pointer}/{key}", self.line)


class LlmLogs:
    """Reads all rows together: those of a conversation need not be adjacent."""

    name = "llm"
    summary = "the llm command line: what `llm logs --json` prints, and its logs.db"

    def sniff(self, sample: Sample) -> Match | None:
        values, layout = sample.elements()
        if any(map(_is_of_database, values)):
            return Match(0.97, Unit.RUNS, layout)
        return sample.match_of_rows(0.95, _is_row)

    def read(self, value: Any, build: RunBuilder) -> None:
        is_stored = _is_of_database(value)
        listed, top = (value["rows"], "/rows") if is_stored else (value, "")
        conversations: dict[str, list[_Row]] = {}
        odd: list[tuple[str, int, Any]] = []
        for pointer, line, row in build.placed(listed, top):
            if isinstance(row, dict) and ("prompt" in row or "response" in row):
                name = fields.label(row, "conversation_id", "id")
                conversations.setdefault(name, []).append(_Row(row, pointer, line))
            else:
                odd.append((pointer, line, row))
        for name, rows in (conversations or {"": []}).items():
            _read_conversation(name, rows, build)
            for pointer, line, row in odd:
                build.defect("not a row of the log", row, pointer=pointer, line=line)
            odd = []


def _is_of_database(value: Any) -> bool:
    return isinstance(value, dict) and value.get("_table") == "llm" and "rows" in value


def _is_row(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() >= _REQUIRED_KEYS


def _read_conversation(name: str, rows: list[_Row], build: RunBuilder) -> None:
    first = rows[0].value if rows else {}
    about = {
        "titles": list(filter(None, [fields.label(first, "conversation_name")])),
        "resolved_model": first.get("resolved_model"),
        "options": decode_if_json(first.get("options_json"), 1),
    }
    build.locate(rows[0].line if rows else 0)
    build.start(
        run_id=name,
        task=next(filter(None, (row.text("prompt") for row in rows)), ""),
        model=next(filter(None, (fields.model_of(row.value) for row in rows)), ""),
        tools=_tools(rows),
        details=fields.details_of(fields.without_falsy(about)),
        ts=timestamp(first.get("datetime_utc")),
        pointer=rows[0].pointer if rows else "",
    )
    system = ""
    for row in rows:
        if row.text("system") and row.text("system") != system:
            system = row.text("system")
            _append_chat({"role": "system", "content": system}, row, "system", build)
        _append(row, build)


def _tools(rows: Iterable[_Row]) -> tuple[ToolSpec, ...] | None:
    declared = {
        fields.label(source.value, "name"): source.value
        for row in rows
        for source in row.sources("tools")
    }
    return tool_specs(list(declared.values())) if declared else None


def _append_chat(raw: dict[str, Any], row: _Row, key: str, build: RunBuilder) -> None:
    message = ChatMessage(raw, f"{row.pointer}/{key}", line=row.line)
    ts = timestamp(row.value.get("datetime_utc"))
    append_message(build, message, ts=ts)


def _append(row: _Row, build: RunBuilder) -> None:
    """Append what is new in a request, then its reply."""
    ts = timestamp(row.value.get("datetime_utc"))
    for source in row.sources("tool_results"):
        answer = ChatMessage(_result(source.value), source.pointer, (source,), line=row.line)
        append_message(build, answer, ts=ts)
    fragments = [
        fields.text_of(source.value.get("content")) for source in row.sources("prompt_fragments")
    ]
    if prompt := "\n".join(filter(None, (*fragments, row.text("prompt")))):
        _append_chat({"role": "user", "content": prompt}, row, "prompt", build)
    called = tuple(row.sources("tool_calls"))
    response = fields.as_dict(decode_if_json(row.value.get("response_json"), 1))
    raw: dict[str, Any] = {"role": "assistant", "content": row.value.get("response")}
    if called:
        raw["tool_calls"] = [_call(source.value) for source in called]
    if reason := response.get("finish_reason"):
        raw["finish_reason"] = reason
    if thought := row.text("reasoning"):
        raw["reasoning_content"] = thought
    reply = ChatMessage(
        raw, f"{row.pointer}/response", called, line=row.line, used=_usage_of(row.value)
    )
    ended = None if ts is None else ts + (fields.seconds(row.value.get("duration_ms")) or 0)
    append_message(build, reply, ts=ended)


def _call(call: dict[str, Any]) -> dict[str, Any]:
    text = fields.json_text(call.get("arguments"))
    return function_call(call.get("tool_call_id"), call.get("name"), text)


def _result(result: dict[str, Any]) -> dict[str, Any]:
    return {
        "role": "tool",
        "tool_call_id": result.get("tool_call_id"),
        "name": result.get("name"),
        "content": result.get("output"),
        "error": result.get("exception") or None,
    }


def _usage_of(row: dict[str, Any]) -> Usage | None:
    given, out = number(row.get("input_tokens")), number(row.get("output_tokens"))
    if given is None and out is None:
        return None
    details = fields.as_dict(decode_if_json(row.get("token_details"), 1))
    return usage({**details, "prompt_tokens": given, "completion_tokens": out})


FORMAT = LlmLogs()
