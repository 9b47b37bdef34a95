"""`gptme`: a conversation of gptme, its event log, and what `--output-format json` prints.

    file    = message* | event*
    message = {"role": "system" | "user" | "assistant", "content", "timestamp", "call_id"?,
               "metadata"?: {"model", "usage", "cost", "timings", "error", "tool", …},
               "hide"?, "pinned"?, "ui_only"?, "files"?, "type"?: "message"}
    event   = {"seq", "ts", "type", "payload"}                                 `lines.py`

Calls are in the text of replies (`calls.py`); results and failed requests are messages of the
system. The result of a call has its id. A block has none: it was run if the messages of the system
after the reply are not only those that gptme hides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.chat_messages import (
    ChatMessage,
    SourceValue,
    append_message,
    append_normalised,
    source_defect,
    source_values,
)
from hermes_tui.formats.declined import DECLINED, settle_declined
from hermes_tui.formats.message_parts import with_findings
from hermes_tui.formats.readers.gptme.calls import Calls, read_calls_in
from hermes_tui.formats.readers.gptme.lines import Line, has_message, is_event, lines_of
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.texts.text_actions import with_calls
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.events import ToolReturned
from hermes_tui.model.messages import ToolResult, Usage, changed
from hermes_tui.parsers.measures import number, usage, whole
from hermes_tui.parsers.normalise import Normalised, TextCalls, normalise_message

_ROLES: Final = frozenset({"system", "user", "assistant"})
_FLAG_KEYS: Final = frozenset({"hide", "pinned", "ui_only", "ephemeral_ttl"})
_METADATA_KEYS: Final = frozenset({"input_log_messages", "served_model", "timings"})
_OWN_CALL: Final = re.compile(r"^@[^\r\n(]{1,200}+\([\w\-:.]{1,200}+\): ?\{", re.MULTILINE)
_VERSION: Final = re.compile(r"You are gptme v([\w.+-]{1,40})")
_STATUS_CODE: Final = re.compile(r"Error code: ([45]\d\d)\b")
_RETURN_CODE: Final = re.compile(r"^Return code: (-?\d{1,6})$", re.MULTILINE)
_UNAVAILABLE: Final = re.compile(
    r"Error executing tool '|Tool '[^\n]{1,200}' is not available for execution\.\Z"
)
_DECLINED: Final = frozenset({"Declined by user", "Execution declined by user"})
"""The results of calls that a person did not allow."""
_INJECTED: Final = "<system>"


class Gptme:
    """Reads all messages of a conversation together: the next one shows whether a block was run."""

    name = "gptme"
    summary = "gptme conversations: ~/.local/share/gptme/logs/*/*.jsonl; its JSON output"

    def sniff(self, sample: Sample) -> Match | None:
        values, _ = sample.elements()
        is_one_kind = fields.mostly(values, _is_message) or fields.mostly(values, is_event)
        return sample.match_of_lines(0.95, _is_own) if is_one_kind else None

    def read(self, value: Any, build: RunBuilder) -> None:
        sources = source_values(value, build)
        lines = lines_of(sources)
        _start(lines, build)
        for source in sources:
            if not is_event(source.value) and not has_message(source.value):
                source_defect(build, "not a message", source)
        _append_all(lines, build)


def _is_message(row: Any) -> bool:
    if not isinstance(row, dict) or row.get("type", "message") != "message":
        return False
    has_texts = isinstance(row.get("content"), str) and isinstance(row.get("timestamp"), str)
    return has_texts and fields.label(row, "role") in _ROLES


def _is_own(row: Any) -> bool:
    """Return whether a row is an event, or a message with something that only gptme writes."""
    if not _is_message(row):
        return is_event(row)
    metadata = fields.as_dict(row.get("metadata"))
    if not _FLAG_KEYS.isdisjoint(row) or not _METADATA_KEYS.isdisjoint(metadata):
        return True
    if row["role"] == "system":
        return "call_id" in row or _VERSION.search(row["content"], 0, 200) is not None
    return row["role"] == "assistant" and _OWN_CALL.search(row["content"]) is not None


def _start(lines: list[Line], build: RunBuilder) -> None:
    models = (fields.label(line.metadata, "model") for line in lines)
    prompt = next(
        (found for line in lines[:3] if (found := _VERSION.search(line.text, 0, 200))), None
    )
    build.locate(0)
    build.start(
        task=fields.title_of(line.raw for line in lines),
        model=next(filter(None, models), ""),
        details={"version": prompt[1]} if prompt else {},
        ts=next((line.ts for line in lines if line.ts is not None), None),
    )


def _append_all(lines: list[Line], build: RunBuilder) -> None:
    names: dict[str, str] = {}
    answers: dict[int, tuple[ChatMessage, Normalised]] = {}
    """The messages whose results were appended already, by the numbers of their lines."""
    for at, line in enumerate(lines):
        build.locate(line.source.line)
        if line.is_failure:
            _append_failure(line, build)
        elif line.role == "assistant":
            after = _after(lines, at)
            parts, message = _reply(line, has_answer=_has_answer(lines, after))
            append_normalised(build, message, parts, ts=line.ts)
            names.update((call.id, call.name or "") for call, _ in parts.calls if call.id)
            blocks = [call for call, _ in parts.calls if not call.id]
            answering = (other for other in after if lines[other].may_answer_block)
            for call, other in zip(blocks, answering, strict=False):
                answers[other] = _append_answer(lines[other], call.name or "", build)
        elif at in answers:
            message, parts = answers.pop(at)
            append_normalised(build, message, parts, ts=line.ts)
        elif line.call_id:
            _append_result(line, names.get(line.call_id, ""), build)
        else:
            append_message(build, _message(line), ts=line.ts)


def _after(lines: list[Line], at: int) -> range:
    """Return the numbers of the system's messages that follow line `at`."""
    end = at + 1
    while end < len(lines) and lines[end].role == "system":
        end += 1
    return range(at + 1, end)


def _has_answer(lines: list[Line], after: range) -> bool | None:
    """Return whether one of the lines `after` a reply may answer a block; None if the conversation
    ends there."""
    if any(lines[at].may_answer_block for at in after):
        return True
    return False if after.stop < len(lines) else None


def _append_result(line: Line, name: str, build: RunBuilder) -> None:
    """Append the result of a call with an id."""
    message = _result(line, name)
    parts = message.normalise(message.raw)
    parts = settle_declined(build, parts, _why_declined, line.source.pointer, line.ts)
    append_normalised(build, message, parts, ts=line.ts)


def _append_answer(line: Line, name: str, build: RunBuilder) -> tuple[ChatMessage, Normalised]:
    """Append the result of a block; return its message, which follows in its place.

    A result without an id answers the last reply only if no other message comes between.
    """
    message = _result(line, name)
    parts = message.normalise(message.raw)
    build.locate(line.source.line)
    for result, found in parts.results:
        result = changed(result, raw=line.raw)
        pointer = line.source.pointer
        build.add(ToolReturned, pointer=pointer, ts=line.ts, result=result, diagnostics=found)
    return message, parts._replace(results=())


def _reply(line: Line, *, has_answer: bool | None) -> tuple[Normalised, ChatMessage]:
    """Return a reply with its calls. `has_answer` is None if it is still to come."""
    found = read_calls_in(line.text)
    calls = found.in_order(with_blocks=has_answer is not False)
    raw = {"role": "assistant", "content": line.raw.get("content")}
    if (took := _time_taken(line.metadata)) is not None:
        raw["duration_ms"] = took
    parts = normalise_message(
        raw, text_calls=TextCalls.IGNORE if calls or found.marked else TextCalls.SUSPECT
    )
    if calls:
        parts = with_calls(parts, calls)
    parts = with_findings(parts, *_unread(found, calls=bool(calls), has_answer=has_answer))
    message = ChatMessage(
        raw,
        line.source.pointer,
        flags=line.flags,
        line=line.source.line,
        used=_used(line.metadata),
    )
    return parts, message


def _unread(found: Calls, *, calls: bool, has_answer: bool | None) -> Iterator[Diagnostic]:
    """Yield the findings for what looks like a call but was not run."""
    if found.unclosed is not None and has_answer is not True:
        yield found.unclosed
    if found.marked is not None and not calls:
        yield Diagnostic(
            Code.CALL_IN_CONTENT,
            Severity.ERROR,
            "a call is left in the text as XML: gptme found none in it",
            found.marked,
            "gptme reads XML only if it was started with --tool-format xml, and only if the whole "
            "reply is well-formed",
        )


def _why_declined(result: ToolResult) -> str:
    return DECLINED if result.content in _DECLINED else ""


def _result(line: Line, name: str) -> ChatMessage:
    raw: dict[str, Any] = {"role": "tool", "content": line.raw.get("content")}
    if line.call_id:
        raw["tool_call_id"] = line.call_id
    if name := name or fields.label(line.metadata, "tool"):
        raw["name"] = name
    if _UNAVAILABLE.match(line.text):
        raw["is_error"] = True
    if name == "shell" and (codes := _RETURN_CODE.findall(line.text)):
        raw["exit_code"] = int(codes[-1])
    source = SourceValue(line.raw, line.source.pointer, line.source.line)
    return ChatMessage(raw, source.pointer, (source,), line.flags, source.line)


def _message(line: Line) -> ChatMessage:
    flags = line.flags
    if line.role == "user" and line.text.startswith(_INJECTED):
        flags = (*flags, "injected")
    if line.raw.get("ui_only"):
        flags = (*flags, "hidden")
    raw = {"role": line.role, "content": line.raw.get("content")}
    return ChatMessage(raw, line.source.pointer, flags=flags, line=line.source.line)


def _append_failure(line: Line, build: RunBuilder) -> None:
    first, _, rest = line.text.partition("\n")
    code = _STATUS_CODE.search(line.text)
    build.request_failed(
        rest if first.startswith("error:") and rest else line.text,
        pointer=line.source.pointer,
        ts=line.ts,
        status=int(code[1]) if code else None,
    )


def _time_taken(metadata: dict[str, Any]) -> float | None:
    """Return how many milliseconds the reply took, or None if that is not known."""
    timings = fields.as_dict(metadata.get("timings"))
    taken = [number(timings.get(key)) for key in ("ttft_ms", "gen_ms")]
    return sum(one or 0 for one in taken) if any(taken) else None


def _used(metadata: dict[str, Any]) -> Usage | None:
    """Return the usage of a reply. Older versions keep the counts in the metadata itself."""
    counts = fields.as_dict(metadata.get("usage")) or metadata
    given, read, written, out = (
        whole(counts.get(f"{key}_tokens"))
        for key in ("input", "cache_read", "cache_creation", "output")
    )
    if given is None and out is None:
        return None
    total = {
        "prompt_tokens": (given or 0) + (read or 0) + (written or 0),
        "completion_tokens": out,
        "prompt_tokens_details": {"cached_tokens": read},
        "completion_tokens_details": {"reasoning_tokens": counts.get("reasoning_tokens")},
    }
    return usage(total, number(metadata.get("cost")))


FORMAT = Gptme()
