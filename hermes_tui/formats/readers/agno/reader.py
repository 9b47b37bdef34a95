"""`agno`: sessions of Agno (JSON, SQLite) and the runs in them.

    file    = session | [session, …] | session*
            | [run, …] | run*                              the runs of a session are one run
            | [{"run_id", "session_id", "run_data": run}, …]             `agno_runs.json`
            | run                                                        `RunOutput.to_json()`
    session = {"session_id", "agent_data" | "team_data" | "workflow_data", "session_data",
               "runs": [run, …], "user_id", "created_at"}
    run     = {"run_id", "parent_run_id"?, "agent_id" | "team_id" | "workflow_id", "status",
               "input": {"input_content"}, "messages"?: [message, …], "content", "metrics",
               "tools"?: [execution, …], "model", "created_at",
               "member_responses"? | "step_executor_runs"?: [run, …], "step_results"?: [step, …]}
    message = a chat message with {"tool_name", "tool_call_error", "metrics", "from_history"}
    execution = {"tool_call_id", "tool_name", "tool_args", "tool_call_error", "result", "metrics",
               "child_run_id"}
    step    = {"step_name", "content", "success", "steps"?: [step, …]}

A member of a team and a step of a workflow have runs of their own, which may be stored twice. A
message from the history of a session is a copy. Version 2 keeps the runs in their session.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.chat_messages import (
    SourceValue,
    append_message,
    objects_under,
    source_defect,
)
from hermes_tui.formats.readers.agno.messages import input_text, messages_of, steps_of
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.traits import Traits
from hermes_tui.model.wording import title
from hermes_tui.parsers.measures import number, time_of, total_usage, usage

_SESSIONS: Final = "agno_sessions.json"
_OWNERS: Final = ("agent", "team", "workflow")
_OWNER_IDS: Final = frozenset(f"{owner}_id" for owner in _OWNERS)
_OWNER_DATA: Final = frozenset(f"{owner}_data" for owner in _OWNERS)
_NESTED_KEYS: Final = ("member_responses", "step_executor_runs")
_SESSION_KEYS: Final = ("metadata", "summary")
_STATUSES: Final = {"COMPLETED": "ok", "ERROR": "error"}


class Agno:
    """Reads a session as a run, and each run of a team's member or a workflow's step as another."""

    name = "agno"
    summary = "Agno: sessions (JSON, SQLite) and runs, with members of teams and steps of workflows"
    traits = Traits(sidecars=(_SESSIONS,))

    def sniff(self, sample: Sample) -> Match | None:
        found = sample.match_of_runs(0.97, _is_session) or sample.match_of_rows(0.97, _is_row)
        return found or sample.match_of_rows(0.97, _is_run)

    def read(self, value: Any, build: RunBuilder) -> None:
        if isinstance(value, dict) and isinstance(value.get("runs"), list):
            listed = [
                SourceValue(one, place) for place, _, one in build.placed(value["runs"], "/runs")
            ]
            _read_session(_Session(fields.label(value, "session_id"), value, listed), build)
            return
        sessions: dict[str, _Session] = {}
        stored = _stored_sessions(build.sidecars.get(_SESSIONS))
        for pointer, line, row in build.placed(value):
            run = _run_in(SourceValue(row, pointer, line))
            name = _session_of(row) if isinstance(value, list) else ""
            session = sessions.setdefault(name, _Session(name, stored.get(_session_of(row), {})))
            session.runs.append(run)
        for session in sessions.values() or [_Session("")]:
            _read_session(session, build)


@dataclass(slots=True)
class _Session:
    """The runs of a session. Without an id it is a lone run, which has an id of its own."""

    id: str
    row: dict[str, Any] = field(default_factory=dict)
    runs: list[SourceValue] = field(default_factory=list)


def _is_session(value: Any) -> bool:
    if not isinstance(value, dict) or not fields.label(value, "session_id"):
        return False
    listed = value.get("runs")
    return isinstance(listed, list) and not _OWNER_DATA.isdisjoint(value)


def _is_row(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("run_data"), dict)
        and bool(fields.label(value, "run_id"))
    )


def _is_run(value: Any) -> bool:
    if not isinstance(value, dict) or _OWNER_IDS.isdisjoint(value):
        return False
    known = value.keys() >= {"run_id", "created_at"} and "status" in value
    return known and not {"content_type", "run_response_format", "run_input"}.isdisjoint(value)


def _run_in(source: SourceValue) -> SourceValue:
    """Return the run in a row of the table of runs; anything else unchanged."""
    if _is_row(source.value):
        return SourceValue(source.value["run_data"], f"{source.pointer}/run_data", source.line)
    return source


def _session_of(row: Any) -> str:
    known = fields.as_dict(row)
    return fields.label(known, "session_id") or fields.label(
        fields.as_dict(known.get("run_data")), "session_id"
    )


def _stored_sessions(value: Any) -> dict[str, dict[str, Any]]:
    rows = map(fields.as_dict, fields.as_list(value))
    return {fields.label(row, "session_id"): row for row in rows}


class _Tree:
    """All runs of a session. A run whose parent is among them belongs to that parent."""

    def __init__(self, listed: Iterable[SourceValue]) -> None:
        self.roots: list[SourceValue] = []
        self.children: list[SourceValue] = []
        found = list(listed)
        ids = {_id_of(one) for one in found}
        for nested in _nested(found):
            if _id_of(nested) not in ids:
                ids.add(_id_of(nested))
                found.append(nested)
        for one in found:
            parent = fields.label(fields.as_dict(one.value), "parent_run_id")
            is_child = parent in ids and parent != _id_of(one)
            (self.children if is_child else self.roots).append(one)

    def callers(self) -> dict[str, str]:
        """Return the id of the call that started each run of a member, by the id of the run."""
        waiting: dict[tuple[str, str], deque[str]] = {}
        for child in self.children:
            row = fields.as_dict(child.value)
            key = _parent_of(child), fields.label(row, "agent_id", "team_id")
            waiting.setdefault(key, deque()).append(_id_of(child))
        found: dict[str, str] = {}
        for parent in (*self.roots, *self.children):
            row = fields.as_dict(parent.value)
            for call in map(fields.as_dict, fields.as_list(row.get("tools"))):
                member = fields.label(fields.as_dict(call.get("tool_args")), "member_id")
                started = waiting.get((_id_of(parent), member))
                child_id = fields.label(call, "child_run_id")
                if not child_id and started:
                    child_id = started.popleft()
                if child_id:
                    found[child_id] = fields.label(call, "tool_call_id")
        return found


def _id_of(run: SourceValue) -> str:
    return fields.label(fields.as_dict(run.value), "run_id")


def _parent_of(run: SourceValue) -> str:
    return fields.label(fields.as_dict(run.value), "parent_run_id")


def _nested(listed: Iterable[SourceValue]) -> Iterator[SourceValue]:
    """Yield the runs of members and steps that are stored in the runs that started them."""
    pending = list(listed)[::-1]
    while pending:
        run = pending.pop()
        row = fields.as_dict(run.value)
        inner = [
            one
            for key in _NESTED_KEYS
            for one in objects_under(row.get(key), f"{run.pointer}/{key}", run.line)
        ]
        yield from inner
        pending.extend(reversed(inner))


def _read_session(session: _Session, build: RunBuilder) -> None:
    tree = _Tree(session.runs)
    callers = tree.callers()
    started: dict[str, dict[str, str]] = {}
    for child in tree.children:
        if call := callers.get(_id_of(child)):
            started.setdefault(_parent_of(child), {})[call] = _id_of(child)
    roots = {_id_of(one): None for one in tree.roots}
    main = session.id or next(iter(roots), "")
    if tree.roots or not tree.children:
        of_roots = {call: run for root in roots for call, run in started.get(root, {}).items()}
        about = {**_session_details(session.row), "subagents": of_roots}
        _append_run(main, tree.roots, build, about, model=_model_in(session.row))
    for child in tree.children:
        run_id, parent = _id_of(child), _parent_of(child)
        about = {"called_by": callers.get(run_id), "subagents": started.get(run_id)}
        _append_run(run_id, [child], build, about, parent_id=main if parent in roots else parent)


def _session_details(row: dict[str, Any]) -> dict[str, Any]:
    data = fields.as_dict(row.get("session_data"))
    return {
        "titles": list(filter(None, [fields.label(data, "session_name")])),
        "state": data.get("session_state"),
        **{key: row.get(key) for key in _SESSION_KEYS},
    }


def _model_in(row: dict[str, Any]) -> str:
    owners = (fields.as_dict(row.get(key)) for key in sorted(_OWNER_DATA))
    models = (fields.as_dict(owner.get("model")) for owner in owners)
    return fields.first_label(models, "id")


def _append_run(
    run_id: str,
    parts: list[SourceValue],
    build: RunBuilder,
    about: dict[str, Any],
    *,
    parent_id: str = "",
    model: str = "",
) -> None:
    """Append a run that consists of some of Agno's: those of a session, or one."""
    rows = [fields.as_dict(one.value) for one in parts]
    first = rows[0] if rows else {}
    statuses = Counter(filter(None, (fields.label(row, "status") for row in rows)))
    durations = (number(fields.as_dict(row.get("metrics")).get("duration")) for row in rows)
    details = {
        "agent": fields.label(first, *(f"{owner}_name" for owner in _OWNERS))
        or fields.label(first, *sorted(_OWNER_IDS)),
        "session": fields.label(first, "session_id"),
        "user": fields.label(first, "user_id"),
        "provider": fields.label(first, "model_provider"),
        "statuses": dict(statuses) if len(parts) > 1 else {},
        "worked_s": round(sum(filter(None, durations)), 3),
        **about,
    }
    build.locate(parts[0].line if parts else 0)
    build.start(
        run_id=run_id,
        task=next(filter(None, map(_task_of, rows)), ""),
        model=next(filter(None, map(fields.model_of, rows)), model),
        parent_run_id=parent_id,
        details=fields.details_of(fields.without_falsy(details)),
        pointer=parts[0].pointer if parts else "",
        ts=time_of(first),
    )
    reader = _Messages(build)
    for part in parts:
        reader.append(part)
    used = total_usage(usage(row.get("metrics")) for row in rows)
    last = fields.label(rows[-1], "status") if rows else ""
    if last or used is not None:
        build.locate(parts[-1].line)
        build.end(status=_STATUSES.get(last, "unknown"), stop_reason=last, usage=used)


def _task_of(row: dict[str, Any]) -> str:
    messages = fields.as_list(row.get("messages"))
    return fields.title_of(messages) or title(input_text(row))


class _Messages:
    """Appends the runs of a session, without the prompts and the history that each repeats."""

    def __init__(self, build: RunBuilder) -> None:
        self.build = build
        self._seen: set[str] = set()
        self._prompt: Any = None

    def append(self, run: SourceValue) -> None:
        row = fields.as_dict(run.value)
        if row is not run.value:
            source_defect(self.build, "not a run", run)
            return
        last_text = ""
        timed = steps_of(run) if "step_results" in row else messages_of(run, self._is_repeated)
        for message, ts in timed:
            if message.role:
                append_message(self.build, message, ts=ts)
                last_text = fields.text_of(message.raw.get("content"))
            else:
                value = message.carried[0].value
                self.build.defect(
                    "not a message", value, pointer=message.pointer, line=message.line
                )
        if row.get("status") == "ERROR":
            text = fields.text_of(row.get("content"))
            self.build.locate(run.line)
            self.build.request_failed(
                "" if text == last_text else text,
                otherwise="the run failed",
                pointer=run.pointer,
                ts=time_of(row),
            )

    def _is_repeated(self, message: dict[str, Any]) -> bool:
        """Return whether an earlier run of the session has the message; remember it."""
        name, prompt = fields.label(message, "id"), message.get("content")
        is_prompt = message.get("role") in ("system", "developer")
        is_copy = message.get("from_history") is True and name in self._seen
        is_repeated = is_copy or (is_prompt and prompt == self._prompt)
        self._seen.add(name)
        if is_prompt:
            self._prompt = prompt
        return is_repeated


FORMAT = Agno()
