"""`claude-code`: a session file of Claude Code, or the same lines in a web export.

    file = line* | {"loglines": [line, …]}
    line = {"type": "user" | "assistant", "uuid", "parentUuid", "sessionId", "message", …}
         | {"type": "summary" | "system" | "file-history-snapshot" | …, …}

One reply of the API stands on several lines; they make one message. The lines of a subagent
(`isSidechain`) are a run of its own. `parentUuid` makes a tree: what a person rewound is kept, with
a flag. Lines that are no messages are counted in the run's details.

A session too big for that is one run, read turn by turn: what a subagent says in it has a flag.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.anthropic_lines import (
    SUBAGENT,
    Spoken,
    append_spoken,
    message_of,
    put_together,
    reply_of_line,
)
from hermes_tui.formats.base import Match, RunBuilder, Sample, Unit
from hermes_tui.formats.turns import READ_BY_TURNS
from hermes_tui.parsers.measures import timestamp

_SPEAKERS = frozenset({"user", "assistant"})
_ABOUT = ("cwd", "gitBranch", "version", "slug", "agentId")
_INJECTED = (
    "<system-reminder>",
    "<command-name>",
    "<command-message>",
    "<local-command-",
    "<bash-input>",
    "<bash-stdout>",
    "Caveat: The messages below",
)
_MAX_NAMED = 20

Lines = list[tuple[int, dict[str, Any]]]


class ClaudeCode:
    """Reads all lines of a session together: they refer to each other."""

    name = "claude-code"
    summary = "Claude Code sessions: ~/.claude/projects/*/*.jsonl, subagents too; web exports"

    def sniff(self, sample: Sample) -> Match | None:
        if isinstance(sample.first_object().get("loglines"), list):
            return Match(0.97, Unit.RUNS)
        if not any(map(_is_own, sample.values)):
            return None
        return Match(0.97, Unit.RUNS, sample.layout.together())

    def reply_of(self, line: bytes) -> str | None:
        return reply_of_line(line)

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
    lines: Lines = [(i, row) for i, row in enumerate(values) if isinstance(row, dict)]
    runs, rest = _by_run(lines)
    for number, (agent, own) in enumerate(runs.items()):
        others = rest if number == 0 else []
        _start(own or others, agent, _details(own, others), build)
        if number == 0:
            _report_odd(values, prefix, build)
        left = _left_behind(own)
        for spoken in put_together(own):
            _append(build, spoken, prefix, _flags(spoken, left))


def _read_turn(values: list[Any], prefix: str, build: RunBuilder) -> None:
    """Read some lines of a session; those behind them are not known."""
    lines: Lines = [(i, row) for i, row in enumerate(values) if isinstance(row, dict)]
    own = [(i, row) for i, row in lines if _speaks(row) and message_of(row)]
    if build.is_first:
        first = own or lines
        is_agent = bool(own) and all(row.get("isSidechain") is True for _, row in own)
        agent = _agent(own[0][1], {}, {}) if is_agent else ""
        _start(first, agent, fields.details_of({**_about(first), **READ_BY_TURNS}), build)
    _report_odd(values, prefix, build)
    for spoken in put_together(own):
        # One that has an id has a file of its own, too.
        is_told = spoken.row.get("isSidechain") is True and not fields.label(spoken.row, "agentId")
        of_agent = (SUBAGENT,) if is_told else ()
        _append(build, spoken, prefix, (*_flags(spoken, frozenset()), *of_agent))


def _append(build: RunBuilder, spoken: Spoken, prefix: str, flags: tuple[str, ...]) -> None:
    append_spoken(build, spoken, f"{prefix.format(spoken.index)}/message", flags)


def _by_run(lines: Lines) -> tuple[dict[str, Lines], Lines]:
    """Return the messages of each run, the main one (named "") first, and all other lines."""
    messages = [(i, row) for i, row in lines if _speaks(row) and message_of(row)]
    side = {_uuid(row): row for _, row in messages if row.get("isSidechain") is True}
    roots: dict[str, str] = {}
    runs: dict[str, Lines] = {"": []}
    for index, row in messages:
        agent = _agent(row, side, roots) if row.get("isSidechain") is True else ""
        runs.setdefault(agent, []).append((index, row))
    if len(runs) > 1 and not runs[""]:
        del runs[""]
    taken = {index for index, _ in messages}
    return runs, [(i, row) for i, row in lines if i not in taken]


def _agent(row: dict[str, Any], side: dict[str, Any], roots: dict[str, str]) -> str:
    """Return the subagent that a line belongs to: by its id, else by the first line of its chain.

    A chain's lines stand in order, so that the chain of the line before is known.
    """
    named = fields.label(row, "agentId")
    if named:
        return named
    parent, own = fields.label(row, "parentUuid"), _uuid(row)
    root = roots.get(parent, parent if parent in side and parent != own else own)
    roots[own] = root
    return root or "sidechain"


def _speaks(row: dict[str, Any]) -> bool:
    return fields.label(row, "type") in _SPEAKERS


def _uuid(row: dict[str, Any]) -> str:
    return fields.label(row, "uuid")


def _start(lines: Lines, agent: str, details: dict[str, Any], build: RunBuilder) -> None:
    """Open a run at the first of its lines."""
    first = lines[0][1] if lines else {}
    session = fields.label(first, "sessionId")
    build.locate(lines[0][0] if lines else 0)
    build.start(
        run_id=agent or session,
        task=_task(lines),
        model=_model(lines),
        parent_run_id=session if agent else "",
        details=details,
        ts=timestamp(first.get("timestamp")),
    )


def _task(own: Lines) -> str:
    typed = (message_of(row) for _, row in own if _is_prompt(row))
    return fields.title_of(message for message in typed if not _is_injected(message or {}))


def _model(own: Lines) -> str:
    named = (fields.model_of(message) for _, row in own if (message := message_of(row)))
    return next((name for name in named if name and name != "<synthetic>"), "")


def _about(lines: Lines) -> dict[str, Any]:
    first = lines[0][1] if lines else {}
    return {key: first[key] for key in _ABOUT if first.get(key)}


def _details(own: Lines, rest: Lines) -> dict[str, Any]:
    about = _about(own or rest)
    other = Counter(fields.label(row, "type") for _, row in rest)
    for no_record in ("", *_SPEAKERS):
        other.pop(no_record, None)
    known = {_uuid(row) for _, row in own}
    of_here = (row for _, row in rest if fields.label(row, "leafUuid") in known)
    told: dict[str, Any] = {
        "titles": [name for row in of_here if (name := fields.label(row, "summary"))],
        "subagents": list(_subagents(own))[:_MAX_NAMED],
        "other_records": dict(other.most_common(_MAX_NAMED)),
    }
    about.update({key: value for key, value in told.items() if value})
    return fields.details_of(about)


def _subagents(own: Lines) -> Iterable[str]:
    for _, row in own:
        answer = row.get("toolUseResult")
        if isinstance(answer, dict) and fields.label(answer, "agentId"):
            yield fields.label(answer, "agentId")


def _report_odd(values: list[Any], prefix: str, build: RunBuilder) -> None:
    """Report what is no line of a session, and messages that are no objects."""
    for index, value in enumerate(values):
        place = prefix.format(index)
        if not isinstance(value, dict) or not isinstance(value.get("type"), str):
            what = "not a line of a session"
        elif _speaks(value) and not message_of(value):
            what, place = "the message of this line is no object", f"{place}/message"
        else:
            continue
        build.locate(index)
        build.defect(what, fields.excerpt(value), pointer=place)


def _flags(spoken: Spoken, left: frozenset[str]) -> tuple[str, ...]:
    row = spoken.row
    told = {
        "injected": row.get("isMeta") is True or _is_injected(spoken.raw),
        "compaction": row.get("isCompactSummary") is True,
        "api error": row.get("isApiErrorMessage") is True,
        "rewound": _uuid(row) in left,
    }
    return tuple(flag for flag, holds in told.items() if holds)


def _is_injected(message: dict[str, Any]) -> bool:
    if message.get("role") != "user":
        return False
    return fields.text_of(message.get("content")).lstrip().startswith(_INJECTED)


def _left_behind(own: Lines) -> frozenset[str]:
    """Return the lines of branches that a person rewound: what follows a prompt typed anew.

    Branches that parallel calls make are none: they do not start with a prompt.
    """
    parents = {_uuid(row): fields.label(row, "parentUuid") for _, row in own}
    prompts: dict[str, list[str]] = defaultdict(list)
    for _, row in own:
        if _is_prompt(row) and parents[_uuid(row)]:
            prompts[parents[_uuid(row)]].append(_uuid(row))
    replaced = {name for several in prompts.values() for name in several[:-1]}
    if not replaced:
        return frozenset()
    left: set[str] = set()
    for _, row in own:
        name = _uuid(row)
        if name in replaced or parents[name] in left:
            left.add(name)
    return frozenset(left)


def _is_prompt(row: dict[str, Any]) -> bool:
    if row.get("type") != "user" or row.get("isMeta") is True:
        return False
    content = (message_of(row) or {}).get("content")
    if isinstance(content, str):
        return not _is_injected({"role": "user", "content": content})
    return isinstance(content, list) and not any(
        isinstance(block, dict) and block.get("type") == "tool_result" for block in content
    )


FORMAT = ClaudeCode()
