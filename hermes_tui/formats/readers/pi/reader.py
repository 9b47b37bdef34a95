"""`pi`: a session of the pi coding agent, and the events that `pi --mode json` prints.

    file    = header? entry* | header? event*
    header  = {"type": "session", "id", "timestamp", "cwd", "version"?, "parentSession"?}
    entry   = {"type": "message", "id", "parentId", "timestamp", "message"}    `messages.py`
            | {"type": "compaction" | "branch_summary", "summary", …}
            | {"type": "custom_message", "customType", "content", …}
            | {"type": "model_change" | "session_info" | "label" | "custom" | …, …}
    event   = {"type": "message_end", "message"}
            | {"type": "message_start" | "message_update", "message"}          the next has it whole
            | {"type": "compaction_end", "result": {"summary"}}
            | {"type": "agent_start" | "turn_end" | "tool_execution_end" | …, …}

The entries form a tree by `parentId`, and the last line is the current position. Entries that do
not lead there belong to branches that a person left. A forked session begins with the entries of
the original one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.chat_messages import ChatMessage, append_message
from hermes_tui.formats.dialects.claude_history import COPIED
from hermes_tui.formats.dialects.session_lines import SessionLine, report_odd, split_lines
from hermes_tui.formats.readers.pi.messages import is_failure, message_of
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.diagnostics import Severity
from hermes_tui.parsers.measures import timestamp

_HEADER: Final = "session"
_MESSAGE_KINDS: Final = frozenset({"message", "message_end"})
_PARTIAL_KINDS: Final = frozenset({"message_start", "message_update"})
_STREAM_KINDS: Final = frozenset({
    "agent_start", "agent_end", "turn_start", "turn_end", "message_end", *_PARTIAL_KINDS,
})  # fmt: skip
_STATUS_CODE: Final = re.compile(r"([45]\d\d)\b")
_HEADER_DETAILS: Final = ("cwd", "version", "parentSession")


@dataclass(frozen=True, slots=True)
class _Line(SessionLine):
    @property
    def message(self) -> dict[str, Any]:
        return fields.as_dict(self.row.get("message"))

    @property
    def ts(self) -> float | None:
        return timestamp(self.row.get("timestamp") or self.message.get("timestamp"))

    @property
    def is_whole(self) -> bool:
        return self.kind in _MESSAGE_KINDS and "role" in self.message


class Pi:
    """Reads all lines of a session together: only the last one shows which of them count."""

    name = "pi"
    summary = "pi sessions: ~/.pi/agent/sessions/*/*.jsonl; what `--mode json` prints"

    def sniff(self, sample: Sample) -> Match | None:
        return sample.match_of_lines(0.97, _is_own)

    def read(self, value: Any, build: RunBuilder) -> None:
        lines, odd = split_lines(value, build, _Line)
        runs = _runs(lines)
        _read_run(runs[0], build)
        report_odd(odd, build)
        for run in runs[1:]:
            _read_run(run, build)


def _is_own(row: Any) -> bool:
    if not isinstance(row, dict):
        return False
    kind = fields.label(row, "type")
    if kind == _HEADER:
        return "cwd" in row and bool(fields.label(row, "id")) and "timestamp" in row
    role = fields.label(fields.as_dict(row.get("message")), "role")
    if kind == "message":
        return bool(role) and "parentId" in row
    return kind in _STREAM_KINDS and bool(role) and "timestamp" in row["message"]


def _runs(lines: list[_Line]) -> list[list[_Line]]:
    """Return the lines of each session; each header begins one."""
    runs: list[list[_Line]] = [[]]
    for line in lines:
        if line.kind == _HEADER and runs[-1]:
            runs.append([])
        runs[-1].append(line)
    return runs


def _read_run(lines: list[_Line], build: RunBuilder) -> None:
    header = next((line.row for line in lines if line.kind == _HEADER), {})
    messages = [line for line in lines if line.is_whole]
    build.locate(lines[0].number if lines else 0)
    build.start(
        run_id=fields.label(header, "id"),
        task=fields.title_of(line.message for line in messages if line.message["role"] == "user"),
        model=next((name for line in messages if (name := fields.model_of(line.message))), ""),
        details=_details(header, lines),
        ts=timestamp(header.get("timestamp")),
    )
    retried = _retried(messages)
    for line in _without_repeats(_flagged(header, lines)):
        build.locate(line.number)
        if line.is_whole and is_failure(line.message):
            _append_failure(line, build, is_retried=line.number in retried)
        elif (message := _message(line)) is not None:
            append_message(build, message, line.flags, line.ts)
        elif line.kind in _MESSAGE_KINDS:
            place = f"{line.pointer}/message"
            build.defect("not a message", line.row, pointer=place)


def _details(header: dict[str, Any], lines: list[_Line]) -> dict[str, Any]:
    rows = [line.row for line in lines if not line.is_whole and line.kind not in _PARTIAL_KINDS]
    others = Counter(kind for row in rows if (kind := fields.label(row, "type")) != _HEADER)
    names = (fields.label(row, "name") for row in rows if row.get("type") == "session_info")
    details = {
        **{key: header.get(key) for key in _HEADER_DETAILS},
        "goes_on_from": _session_in(fields.label(header, "parentSession")),
        "provider": fields.first_label(rows, "provider"),
        "titles": list(dict.fromkeys(filter(None, names))),
        "other_records": dict(others.most_common(20)),
    }
    return fields.details_of(fields.without_falsy(details))


def _session_in(path: str) -> str:
    """Return the id in the path of a session: `<time>_<id>.jsonl`."""
    return path.removesuffix(".jsonl").rpartition("_")[2]


def _flagged(header: dict[str, Any], lines: list[_Line]) -> Iterator[_Line]:
    """Yield lines, with flags on those of abandoned branches and those copied from another
    session."""
    began = timestamp(header.get("timestamp")) if header.get("parentSession") else None
    abandoned = _abandoned(lines)
    for line in lines:
        flags = ["rewound"] if line.number in abandoned else []
        ts = timestamp(line.row.get("timestamp"))
        if began is not None and ts is not None and ts < began and line.kind != _HEADER:
            flags.append(COPIED)
        yield replace(line, flags=tuple(flags)) if flags else line


def _abandoned(lines: list[_Line]) -> frozenset[int]:
    """Return the numbers of the entries that do not lead to the last one.

    Return the empty set if the path back from there is broken, since a line may be missing.
    """
    entries = {name: line for line in lines if (name := fields.label(line.row, "id"))
               and "parentId" in line.row}  # fmt: skip
    if not entries:
        return frozenset()
    way: set[str] = set()
    name = next(reversed(entries))
    while name in entries and name not in way:
        way.add(name)
        parent = entries[name].row["parentId"]
        if parent is None:
            return frozenset(line.number for key, line in entries.items() if key not in way)
        name = parent if isinstance(parent, str) else ""
    return frozenset()


def _without_repeats(lines: Iterable[_Line]) -> Iterator[_Line]:
    """Yield lines without those that a later one repeats; for a message cut off, the last
    version."""
    under_way: _Line | None = None
    for line in lines:
        if line.kind in _PARTIAL_KINDS:
            under_way = line
            continue
        if line.kind in _MESSAGE_KINDS:
            under_way = None
        yield line
    if under_way is not None:
        row = {**under_way.row, "type": "message_end"}
        yield replace(under_way, row=row, flags=("partial",))


def _retried(messages: list[_Line]) -> frozenset[int]:
    """Return the numbers of failed replies that were requested again."""
    return frozenset(
        line.number
        for line, following in pairwise(messages)
        if is_failure(line.message) and following.message["role"] == "assistant"
    )


def _append_failure(line: _Line, build: RunBuilder, *, is_retried: bool) -> None:
    """Append a failed request, and the part of its reply that arrived."""
    message = message_of(line.message, f"{line.pointer}/message", line.number)
    if line.message.get("content"):
        append_message(build, message, line.flags, line.ts)
    text = fields.text_of(line.message.get("errorMessage"))
    build.request_failed(
        text,
        severity=Severity.WARNING if is_retried else Severity.ERROR,
        pointer=f"{line.pointer}/message",
        ts=line.ts,
        status=int(found[1]) if (found := _STATUS_CODE.match(text)) else None,
        retryable=is_retried,
    )


def _message(line: _Line) -> ChatMessage | None:
    """Return the message of a line, or None if there is none."""
    row = line.row
    raw, pointer = row, line.pointer
    match line.kind:
        case kind if kind in _MESSAGE_KINDS:
            if not line.is_whole:
                return None
            raw, pointer = line.message, f"{line.pointer}/message"
        case "compaction" | "branch_summary":
            role = "compactionSummary" if line.kind == "compaction" else "branchSummary"
            raw = {"role": role, "summary": row.get("summary")}
        case "compaction_end" if fields.as_dict(row.get("result")).get("summary"):
            raw, pointer = {**row["result"], "role": "compactionSummary"}, f"{line.pointer}/result"
        case "custom_message":
            raw = {**row, "role": "custom"}
        case _:
            return None
    return message_of(raw, pointer, line.number)


FORMAT = Pi()
