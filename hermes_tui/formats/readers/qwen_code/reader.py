"""`qwen-code`: a session of Qwen Code, or of one of its subagents, in lines.

    file    = line*
    line    = {"uuid", "parentUuid", "sessionId", "timestamp", "type", …} with
            | {"type": "user" | "assistant", "message": content, "usageMetadata"?, "model"?}
            | {"type": "tool_result", "message": content, "toolCallResult"?: {"status", …}}
            | {"type": "system", "subtype", "systemPayload"?}
    content = a content of Google's API (`gemini_contents.py`)
    subtype = "chat_compression" | "rewind" | "custom_title" | "ui_telemetry" | …

A subagent that works in the background (`isSidechain`) has its own file, with the text and each
call of a reply on separate lines; of other subagents only the answer is kept. Failed requests are
recorded in the telemetry. If a reply was requested again, the results of its calls are recorded
after the next reply; they are moved next to their calls.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.dialects.gemini_contents import member, message_of, normalised
from hermes_tui.formats.dialects.gemini_replies import usage_of
from hermes_tui.formats.dialects.gemini_results import append_result
from hermes_tui.formats.dialects.session_lines import SessionLine, report_odd, split_lines
from hermes_tui.formats.readers.qwen_code.other_lines import (
    append_failure,
    called_by,
    is_failure,
    rewound_rows,
    subagents_in,
    summary_in,
)
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.messages import with_flags
from hermes_tui.parsers.measures import timestamp

_MESSAGE_KINDS: Final = frozenset({"user", "assistant", "tool_result"})
_DETAIL_KEYS: Final = ("cwd", "gitBranch", "version", "agentName")
_INJECTED: Final = frozenset({"notification", "cron"})


@dataclass(frozen=True, slots=True)
class _Line(SessionLine):
    @property
    def parts(self) -> list[Any]:
        return fields.as_list(fields.as_dict(self.row.get("message")).get("parts"))

    @property
    def has_message(self) -> bool:
        return self.kind in _MESSAGE_KINDS and isinstance(self.row.get("message"), dict)

    def ids(self, key: str) -> set[str]:
        """Return the ids of the calls or answers among the parts."""
        objects = (member(part, key) for part in self.parts if isinstance(part, dict))
        return {fields.label(one, "id") for one in objects if isinstance(one, dict)} - {""}


class QwenCode:
    """Reads all lines of a session together, since they refer to each other."""

    name = "qwen-code"
    summary = "Qwen Code sessions: ~/.qwen/projects/*/chats/*.jsonl, background subagents too"

    def sniff(self, sample: Sample) -> Match | None:
        return sample.match_of_lines(0.98, _is_own)

    def read(self, value: Any, build: RunBuilder) -> None:
        runs: dict[tuple[str, str], list[_Line]] = {}
        lines, odd = split_lines(value, build, _Line)
        for line in lines:
            run = (fields.label(line.row, "sessionId"), fields.label(line.row, "agentId"))
            runs.setdefault(run, []).append(line)
        (first, first_lines), *others = runs.items() or [(("", ""), [])]
        _read_run(*first, first_lines, build)
        report_odd(odd, build)
        for names, run_lines in others:
            _read_run(*names, run_lines, build)


def _is_own(row: Any) -> bool:
    if not isinstance(row, dict) or not {"uuid", "parentUuid", "sessionId"} <= row.keys():
        return False
    message = row.get("message")
    has_message = isinstance(message, dict) and isinstance(message.get("parts"), list)
    return has_message or (row.get("type") == "system" and "systemPayload" in row)


def _read_run(session: str, agent: str, lines: list[_Line], build: RunBuilder) -> None:
    rows = [line.row for line in lines]
    messages = [line for line in lines if line.has_message]
    build.locate(lines[0].number if lines else 0)
    build.start(
        run_id=agent or session,
        task=fields.title_of(
            message_of(line.row["message"]) for line in messages if _is_typed(line)
        ),
        model=next((name for row in rows if (name := fields.model_of(row))), ""),
        parent_run_id=session if agent else "",
        details=_details(rows, agent),
        ts=timestamp(rows[0].get("timestamp")) if rows else None,
    )
    rewound = rewound_rows(rows)
    lines = [
        replace(line, flags=("rewound",)) if n in rewound else line for n, line in enumerate(lines)
    ]
    last = max((line.number for line in messages if line.kind == "assistant"), default=-1)
    shown_parts = {fields.json_text(line.parts) for line in messages}
    for line in _with_moved_answers(_with_joined_replies(lines)):
        build.locate(line.number)
        if line.has_message:
            _append(line, build)
        elif line.kind in _MESSAGE_KINDS:
            what = "the message of this line is not an object"
            build.defect(what, line.row, pointer=f"{line.pointer}/message")
        elif is_failure(line.row):
            append_failure(build, line.row, line.pointer, is_retried=line.number < last)
        else:
            for pointer, content in summary_in(line.row, shown_parts):
                _append_content(content, f"{line.pointer}{pointer}", line, build, ("compaction",))


def _details(rows: list[dict[str, Any]], agent: str) -> dict[str, Any]:
    payloads = (fields.as_dict(row.get("systemPayload")) for row in rows)
    titles = (name for each in payloads if (name := fields.label(each, "customTitle")))
    other_rows = (row for row in rows if fields.label(row, "type") not in _MESSAGE_KINDS)
    others = (fields.label(row, "subtype", "type") for row in other_rows)
    first = rows[0] if rows else {}
    details = {
        **{key: first.get(key) for key in _DETAIL_KEYS},
        "titles": list(dict.fromkeys(titles)),
        "other_records": dict(Counter(others).most_common(20)),
        "called_by": called_by(agent, fields.label(first, "agentName")),
        "subagents": subagents_in(rows),
    }
    return fields.details_of(fields.without_falsy(details))


def _is_typed(line: _Line) -> bool:
    return line.kind == "user" and fields.label(line.row, "subtype") not in _INJECTED


def _with_joined_replies(lines: Iterable[_Line]) -> Iterator[_Line]:
    """Yield lines, with a subagent's calls joined to the line that begins their reply."""
    waiting: list[_Line] = []
    for line in lines:
        is_piece = (
            line.kind == "assistant" and line.row.get("isSidechain") is True and line.has_message
        )
        if waiting and is_piece and line.ids("functionCall"):
            waiting.append(line)
            continue
        if waiting:
            yield _joined(waiting)
        waiting = [line] if is_piece else []
        if not is_piece:
            yield line
    if waiting:
        yield _joined(waiting)


def _joined(pieces: list[_Line]) -> _Line:
    """Return the first line of a reply with the parts of all its lines."""
    first = pieces[0]
    if len(pieces) == 1:
        return first
    parts = [part for line in pieces for part in line.parts]
    return replace(first, row={**first.row, "message": {**first.row["message"], "parts": parts}})


def _with_moved_answers(lines: Iterable[_Line]) -> Iterator[_Line]:
    """Yield lines, with late answers moved after their calls if another reply comes between.

    Of several replies with a call of the same id, the last one before the answer was answered.
    """
    waiting = list(lines)
    called: dict[str, int] = {}
    late: dict[int, list[int]] = {}
    last = -1
    for at, line in enumerate(waiting):
        if line.kind == "assistant" and line.has_message:
            last = at
            called.update(dict.fromkeys(line.ids("functionCall"), at))
        elif line.kind == "tool_result":
            of = max((called.get(name, -1) for name in line.ids("functionResponse")), default=-1)
            if 0 <= of < last:
                late.setdefault(of, []).append(at)
    moved = {at for answers in late.values() for at in answers}
    for at, line in enumerate(waiting):
        if at not in moved:
            yield line
            yield from (waiting[answer] for answer in late.get(at, ()))


def _append(line: _Line, build: RunBuilder) -> None:
    injected = () if _is_typed(line) or line.kind != "user" else ("injected",)
    _append_content(line.row["message"], f"{line.pointer}/message", line, build, injected)


def _append_content(
    content: Any, pointer: str, line: _Line, build: RunBuilder, flags: tuple[str, ...]
) -> None:
    """Append a message, or the answers in it."""
    row, ts = line.row, timestamp(line.row.get("timestamp"))
    message = message_of(content)
    if line.kind == "tool_result" and message["role"] == "tool":
        _append_results(line, pointer, ts, build)
        return
    usage = fields.as_dict(row.get("usageMetadata"))
    if line.kind == "assistant" and any(usage.values()):
        message["usage"] = usage_of(usage)
    parts = normalised(message)
    flags = (*line.flags, *flags)
    build.append(parts._replace(message=with_flags(parts.message, *flags)), pointer, ts=ts)


def _append_results(line: _Line, pointer: str, ts: float | None, build: RunBuilder) -> None:
    result = fields.as_dict(line.row.get("toolCallResult"))
    took_s = fields.seconds(result.get("durationMs"))
    fixed = {} if took_s is None else {"duration_s": took_s}
    for index, part in enumerate(line.parts):
        append_result(
            build,
            part,
            fixed,
            status=fields.label(result, "status"),
            pointer=f"{pointer}/parts/{index}",
            ts=ts,
        )


FORMAT = QwenCode()
