"""`claude-code`: a session file of Claude Code, or the same lines in a web export.

    file = line* | {"loglines": [line, …]}
    line = {"type": "user" | "assistant", "uuid", "parentUuid", "sessionId", "message", …}
         | {"type": "attachment", "attachment", …}
         | {"type": "api-request-shape" | "cost-state" | …, …}              `requests.py`
         | {"type": "summary" | "system" | "file-history-snapshot" | …, …}

One reply of the API is spread over several lines, which make one message. The lines of a subagent
(`isSidechain`) are a separate run; the details of both runs name the call that began it. Messages
that a person rewound, and those copied from the session that this one continues, have a flag.
Lines that are neither messages nor failed requests are counted in the run's details.

A session too big for that is one run, read turn by turn; a subagent's messages in it have a flag.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.dialects.anthropic_lines import (
    SUBAGENT,
    append_lines,
    has_results,
    message_of,
    reply_of_line,
)
from hermes_tui.formats.dialects.claude_history import (
    COPIED,
    History,
    Lines,
    history_of,
    rewound_uuids,
    split_lines,
    uuid_of,
)
from hermes_tui.formats.dialects.claude_other_lines import (
    ATTACHMENT,
    SYNTHETIC,
    durations_of,
    is_failure,
    is_typed,
    with_attachment_message,
)
from hermes_tui.formats.dialects.claude_subagents import subagent_callers
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.readers.claude_code.requests import (
    SystemPrompt,
    cost_of,
    is_snapshot,
    request_prompts,
    tools_of,
)
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.traits import Traits
from hermes_tui.formats.turns import READ_BY_TURNS
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.messages import ToolSpec, with_flags
from hermes_tui.model.wording import counted
from hermes_tui.parsers.measures import timestamp
from hermes_tui.parsers.normalise import TextCalls, normalise_message

_SPEAKERS = frozenset({"user", "assistant"})
_ABOUT_KEYS = ("cwd", "gitBranch", "version", "slug", "agentId")
_INJECTED_PREFIXES = (
    "<system-reminder>",
    "<command-name>",
    "<command-message>",
    "<local-command-",
    "<bash-input>",
    "<bash-stdout>",
    "Caveat: The messages below",
)
_MAX_NAMED = 20


class ClaudeCode:
    """Reads all lines of a session together: they refer to each other."""

    name = "claude-code"
    summary = "Claude Code sessions: ~/.claude/projects/*/*.jsonl, subagents too; web exports"
    traits = Traits(reply_of_line=reply_of_line)

    def sniff(self, sample: Sample) -> Match | None:
        if isinstance(sample.first_object().get("loglines"), list):
            return Match(0.97, Unit.RUNS)
        if not any(map(_is_own, sample.values)):
            return None
        return Match(0.97, Unit.RUNS, sample.layout.together())

    def read(self, value: Any, build: RunBuilder) -> None:
        prefix = "" if build.line_ranges else "/{}"
        if isinstance(value, dict):
            wrapped = isinstance(value.get("loglines"), list)
            value, prefix = (value["loglines"], "/loglines/{}") if wrapped else ([value], "")
        values = value if isinstance(value, list) else [value]
        if build.unit is Unit.PARTS:
            _read_turn(values, prefix, build)
        else:
            _read_session(values, prefix, build)


def _is_own(row: Any) -> bool:
    if not isinstance(row, dict) or not isinstance(row.get("type"), str):
        return False
    if "parentUuid" in row:
        return "uuid" in row and "sessionId" in row
    if row["type"] == "file-history-snapshot":
        return "snapshot" in row
    return row["type"] == "summary" and "leafUuid" in row


def _read_session(values: list[Any], prefix: str, build: RunBuilder) -> None:
    runs, rest = _by_run(_lines(values))
    callers = subagent_callers(runs)
    for number, (agent, own) in enumerate(runs.items()):
        others = rest if number == 0 else []
        history = history_of(own or others)
        details = {**_details(own, others, history), **callers.details(agent)}
        prompts = request_prompts(own, others)
        _start(own or others, agent, history, details, build, tools=tools_of(prompts, own))
        _append_prompts(prompts, prefix, build)
        if number == 0:
            _report_odd(values, prefix, build)
        rewound = rewound_uuids(own, others, _is_prompt)
        append_lines(build, own, prefix.format, partial(_flags, rewound=rewound, history=history))
        if (cost := cost_of(others)) is not None:
            build.end(usage=cost)


def _read_turn(values: list[Any], prefix: str, build: RunBuilder) -> None:
    """Read some lines of a session; the lines after them are not known."""
    lines = _lines(values)
    own, rest = split_lines(lines, _is_transcript_line)
    if build.is_first:
        first = own or lines
        is_agent = bool(own) and all(row.get("isSidechain") is True for _, row in own)
        agent = _agent(own[0][1], {}, {}) if is_agent else ""
        history = History(fields.label(first[0][1], "sessionId") if first else "")
        details = fields.details_of({**_about(first), **READ_BY_TURNS})
        _start(first, agent, history, details, build)
        _append_prompts(request_prompts(own, rest), prefix, build)
    _report_odd(values, prefix, build)
    append_lines(build, own, prefix.format, _flags_in_turn)


def _lines(values: list[Any]) -> Lines:
    rows = ((i, row) for i, row in enumerate(values) if isinstance(row, dict))
    return [(i, with_attachment_message(row)) for i, row in rows]


def _by_run(lines: Lines) -> tuple[dict[str, Lines], Lines]:
    """Return the messages of each run, the main one (named "") first, and all other lines."""
    own, rest = split_lines(lines, _is_transcript_line)
    side = {uuid_of(row): row for _, row in own if row.get("isSidechain") is True}
    roots: dict[str, str] = {}
    runs: dict[str, Lines] = {"": []}
    for index, row in own:
        agent = _agent(row, side, roots) if row.get("isSidechain") is True else ""
        runs.setdefault(agent, []).append((index, row))
    if len(runs) > 1 and not runs[""]:
        del runs[""]
    return runs, rest


def _agent(row: dict[str, Any], side: dict[str, Any], roots: dict[str, str]) -> str:
    """Return the subagent that a line belongs to: by its id, else by the first line of its chain.

    The lines of a chain are in order, so the chain of its previous line is known already.
    """
    agent_id = fields.label(row, "agentId")
    if agent_id:
        return agent_id
    parent, own = fields.label(row, "parentUuid"), uuid_of(row)
    root = roots.get(parent, parent if parent in side and parent != own else own)
    roots[own] = root
    return root or "sidechain"


def _has_speaker(row: dict[str, Any]) -> bool:
    return fields.label(row, "type") in _SPEAKERS


def _is_transcript_line(row: dict[str, Any]) -> bool:
    """Return whether a line is a message or a failed request."""
    is_message = _has_speaker(row) or (row.get("type") == ATTACHMENT and not is_snapshot(row))
    return (is_message and bool(message_of(row))) or is_failure(row)


def _start(
    lines: Lines,
    agent: str,
    history: History,
    details: dict[str, Any],
    build: RunBuilder,
    *,
    tools: tuple[ToolSpec, ...] | None = None,
) -> None:
    """Open a run at the first of its lines."""
    first = lines[0][1] if lines else {}
    build.locate(lines[0][0] if lines else 0)
    build.start(
        run_id=agent or history.session,
        task=_task(lines),
        model=_model(lines),
        tools=tools,
        parent_run_id=history.session if agent else history.goes_on_from,
        details=details,
        ts=timestamp(first.get("timestamp")),
        diagnostics=_copied_note(lines, history),
    )


def _append_prompts(prompts: list[SystemPrompt], prefix: str, build: RunBuilder) -> None:
    """Append the system prompts of the requests, whose lines come after the first question."""
    for one in prompts:
        if one.prompt.strip():
            build.locate(one.line)
            raw = {"role": "system", "content": one.prompt}
            parts = normalise_message(raw, text_calls=TextCalls.IGNORE)
            message = with_flags(parts.message, "from the request")
            place = f"{prefix.format(one.line)}{one.pointer}"
            build.append(parts._replace(message=message), place)


def _copied_note(lines: Lines, history: History) -> tuple[Diagnostic, ...]:
    """Return the note that a session begins with messages of another, if it does."""
    count = sum(history.is_copied(row) for _, row in lines)
    if not count:
        return ()
    from_there = f"continues session {history.goes_on_from}"
    message = f"{from_there}: {counted(count, 'line')} of it repeated here"
    hint = "findings in them count in that session, and are notes here"
    return (Diagnostic(Code.SOURCE_DEFECT, Severity.NOTE, message, hint=hint),)


def _task(own: Lines) -> str:
    messages = (message_of(row) for _, row in own if _is_prompt(row))
    return fields.title_of(message for message in messages if not _is_injected(message or {}))


def _model(own: Lines) -> str:
    models = (fields.model_of(message) for _, row in own if (message := message_of(row)))
    return next((name for name in models if name and name != SYNTHETIC), "")


def _about(lines: Lines) -> dict[str, Any]:
    first = lines[0][1] if lines else {}
    return {key: first[key] for key in _ABOUT_KEYS if first.get(key)}


def _details(own: Lines, rest: Lines, history: History) -> dict[str, Any]:
    about = _about(own or rest)
    other = Counter(fields.label(row, "type") for _, row in rest)
    for no_record in ("", *_SPEAKERS):
        other.pop(no_record, None)
    known = {uuid_of(row) for _, row in own}
    own_rows = (row for _, row in rest if fields.label(row, "leafUuid") in known)
    seconds = durations_of(row for _, row in rest)
    details: dict[str, Any] = {
        "titles": [name for row in own_rows if (name := fields.label(row, "summary"))],
        "goes_on_from": history.goes_on_from,
        "worked_s": round(sum(seconds), 3),
        "turn_durations_s": seconds,
        "other_records": dict(other.most_common(_MAX_NAMED)),
    }
    about.update(fields.without_falsy(details))
    return fields.details_of(about)


def _report_odd(values: list[Any], prefix: str, build: RunBuilder) -> None:
    """Report values that are not lines of a session, and messages that are not objects."""
    for index, value in enumerate(values):
        place = prefix.format(index)
        if not isinstance(value, dict) or not isinstance(value.get("type"), str):
            what = "not a line of a session"
        elif _has_speaker(value) and not message_of(value):
            what, place = "the message of this line is not an object", f"{place}/message"
        else:
            continue
        build.defect(what, value, pointer=place, line=index)


def _flags(row: dict[str, Any], rewound: frozenset[str], history: History) -> tuple[str, ...]:
    flags = {
        "injected": row.get("isMeta") is True
        or not is_typed(row)
        or _is_injected(message_of(row) or {}),
        "compaction": row.get("isCompactSummary") is True,
        "rewound": uuid_of(row) in rewound,
        COPIED: history.is_copied(row),
    }
    return tuple(flag for flag, holds in flags.items() if holds)


def _flags_in_turn(row: dict[str, Any]) -> tuple[str, ...]:
    # The lines of a subagent with an id are in its own file, where they are the run itself.
    is_subagent = row.get("isSidechain") is True and not fields.label(row, "agentId")
    return (*_flags(row, frozenset(), History()), *((SUBAGENT,) if is_subagent else ()))


def _is_injected(message: dict[str, Any]) -> bool:
    if message.get("role") != "user":
        return False
    return fields.text_of(message.get("content")).lstrip().startswith(_INJECTED_PREFIXES)


def _is_prompt(row: dict[str, Any]) -> bool:
    if row.get("type") != "user" or row.get("isMeta") is True:
        return False
    message = message_of(row) or {}
    content = message.get("content")
    if isinstance(content, str):
        return not _is_injected({"role": "user", "content": content})
    return isinstance(content, list) and not has_results(message)


FORMAT = ClaudeCode()
