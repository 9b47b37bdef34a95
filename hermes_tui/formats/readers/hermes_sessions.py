"""`hermes-session`, `hermes-export` and `hermes-state-db`: hermes-agent sessions, a run each.

`hermes-session` is the JSON snapshot of one session, or the older form with one message a line
after a `session_meta` line. `hermes-export` is what `hermes sessions export` writes.
`hermes-state-db` is the same directly from `state.db` (`runtime/databases/hermes_agent.py` reads
it), with rewound and compacted rows too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.declared_tools import tool_specs
from hermes_tui.formats.dialects.hermes_compaction import StoredMessage, is_summary, without_copies
from hermes_tui.formats.dialects.hermes_messages import (
    append_row,
    excerpt_of,
    message_of_row,
    missing_replies,
    normalised,
)
from hermes_tui.formats.fields import (
    begins_with_system,
    details_of,
    label,
    model_of,
    number,
    title_of,
)
from hermes_tui.formats.framing import Layout, Unit
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.diagnostics import Diagnostic
from hermes_tui.model.messages import Usage
from hermes_tui.parsers.measures import timestamp, whole
from hermes_tui.parsers.normalise import TextCalls

STATE_DB_MARK = "_table"
_SNAPSHOT_KEYS = ("session_start", "last_updated", "system_prompt", "platform")
_OWN_KEYS = ("messages", "segments", "system_prompt", "tools", "title", STATE_DB_MARK)


class HermesSession:
    """Reads a session file of hermes-agent."""

    name = "hermes-session"
    summary = "hermes-agent session file: session_<id>.json, or the older .jsonl with session_meta"

    def sniff(self, sample: Sample) -> Match | None:
        row = sample.first_object()
        if row.get("role") == "session_meta" and sample.layout is Layout.LINES:
            return Match(0.97, Unit.PARTS)
        if not isinstance(row.get("messages"), list) or "session_id" not in row:
            return None
        if sum(key in row for key in _SNAPSHOT_KEYS) < 2:
            return None
        return Match(0.97, Unit.RUNS)

    def read(self, value: Any, build: RunBuilder) -> None:
        if isinstance(value, dict) and "role" in value and "messages" not in value:
            _read_line(value, build)
        else:
            _read_session(value, build)


class HermesExport:
    """Reads the lines of `hermes sessions export`."""

    name = "hermes-export"
    summary = "hermes-agent `sessions export`: one session row per line, with its messages"

    def sniff(self, sample: Sample) -> Match | None:
        row = sample.first_object()
        if STATE_DB_MARK in row or not isinstance(row.get("messages"), list):
            return None
        if all(key in row for key in ("id", "source", "started_at")):
            return Match(0.97, Unit.RUNS)
        return None

    def read(self, value: Any, build: RunBuilder) -> None:
        _read_session(value, build)


class HermesStateDb:
    """Reads the sessions of a `state.db`."""

    name = "hermes-state-db"
    summary = "hermes-agent state.db (SQLite, opened read-only): every session, hidden rows too"

    def sniff(self, sample: Sample) -> Match | None:
        row = sample.first_object()
        if row.get(STATE_DB_MARK) == "sessions":
            return Match(1.0, Unit.RUNS)
        return None

    def read(self, value: Any, build: RunBuilder) -> None:
        _read_session(value, build)


def _read_session(row: Any, build: RunBuilder) -> None:
    rows = decode_if_json(row.get("messages")) if isinstance(row, dict) else None
    if not isinstance(row, dict) or not isinstance(rows, list):
        build.defect("no list of messages in this session", excerpt_of(row))
        return
    session_messages = without_copies(rows)
    messages = [
        message_of_row(one.row) if isinstance(one.row, dict) else one.row
        for one in session_messages
    ]
    _start(row, messages, build, _missing_reply_findings(row, session_messages))
    prompt = row.get("system_prompt")
    if isinstance(prompt, str) and prompt and not begins_with_system(messages):
        raw = {"role": "system", "content": prompt}
        flags = ("from the session row",)
        parts = normalised(raw, text_calls=TextCalls.IGNORE, flags=flags)
        build.append(parts, "/system_prompt")
    for one, message in zip(session_messages, messages, strict=True):
        if one.latest is not one.row:
            message |= {key: one.latest.get(key) for key in ("active", "compacted")}
        pruned = ("compaction",) if one.is_pruned else ()
        append_row(build, one.row, message, f"/messages/{one.place}", pruned)
    reason, ended = row.get("end_reason"), timestamp(row.get("ended_at"))
    usage = _usage(row)
    if isinstance(reason, str) or ended is not None or usage is not None:
        build.end(stop_reason=label(row, "end_reason"), usage=usage, ts=ended)


def _read_line(value: dict[str, Any], build: RunBuilder) -> None:
    """Read a line of the older session files; the first one may describe the session."""
    is_head = value.get("role") == "session_meta"
    if build.is_first:
        _start(value if is_head else {}, [], build)
    if not (is_head and build.is_first):
        append_row(build, value, message_of_row(value), "")


def _missing_reply_findings(
    row: dict[str, Any], session_messages: Sequence[StoredMessage]
) -> tuple[Diagnostic, ...]:
    """Return a finding if more replies were counted than the session holds.

    An export holds only the replies in the context, so a cut context says nothing there.
    """
    rows = [one.row for one in session_messages if isinstance(one.row, dict)]
    is_cut = row.get("rewind_count") or any(map(is_summary, rows))
    if is_cut and STATE_DB_MARK not in row:
        return ()
    kept = sum(one.get("role") == "assistant" and not is_summary(one) for one in rows)
    return missing_replies(row.get("api_call_count"), kept, "replies")


def _start(
    row: dict[str, Any],
    messages: list[Any],
    build: RunBuilder,
    diagnostics: tuple[Diagnostic, ...] = (),
) -> None:
    details = {
        key: value
        for key, value in details_of(row, without=_OWN_KEYS).items()
        if value not in (None, 0, "")
    }
    build.start(
        run_id=label(row, "session_id", "id"),
        task=label(row, "title") or title_of(messages),
        model=model_of(row),
        tools=tool_specs(row.get("tools")),
        parent_run_id=label(row, "parent_session_id"),
        details=details,
        ts=timestamp(row.get("started_at", row.get("session_start"))),
        diagnostics=diagnostics,
    )


def _usage(row: dict[str, Any]) -> Usage | None:
    """Return the usage of a session, whose `input_tokens` do not include cached ones."""
    cost = number(row.get("actual_cost_usd"))
    prompt = [_count(row, f"{key}_tokens") for key in ("input", "cache_read", "cache_write")]
    usage = Usage(
        prompt_tokens=sum(count or 0 for count in prompt) or None,
        completion_tokens=_count(row, "output_tokens"),
        cached_tokens=_count(row, "cache_read_tokens"),
        reasoning_tokens=_count(row, "reasoning_tokens"),
        cost_usd=cost if cost is not None else number(row.get("estimated_cost_usd")) or None,
    )
    return usage if usage != Usage() else None


def _count(row: dict[str, Any], key: str) -> int | None:
    """Return a counter of the session row, or None if it is 0, its initial value."""
    found = number(row.get(key))
    return whole(found) if found and found > 0 else None


FORMATS = (HermesSession(), HermesExport(), HermesStateDb())
