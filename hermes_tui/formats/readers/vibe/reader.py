"""`mistral-vibe`: what Mistral Vibe keeps of a session, and what it prints.

    file    = record*                    the journal of the last command        `journal.py`
            | [context, …]               chunk: what the model had received
            | entry* | [entry, …]        chunk: what is on screen; `--output`   `entries.py`
            | message*                   of version 2                           `chat.py`
    context = {"message": message, "source", "turn_index"}                      `messages.py`

The model is named only in the `meta.json` of the session; that of version 2 has its tools and costs
as well.
"""

from __future__ import annotations

from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.chat_messages import SourceValue, source_defect, source_values
from hermes_tui.formats.declared_tools import tool_specs
from hermes_tui.formats.readers.vibe.chat import chat_message, is_chat
from hermes_tui.formats.readers.vibe.entries import append_entries, is_entry
from hermes_tui.formats.readers.vibe.journal import append_journal, facts_of_journal, is_record
from hermes_tui.formats.readers.vibe.messages import Facts, append, message_of, plain_message
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.traits import Traits
from hermes_tui.parsers.measures import timestamp

_META: Final = "../meta.json"
_META_OF_CHAT: Final = "meta.json"
_SESSION_KEYS: Final = ("session_id", "parent_session_id")


class Vibe:
    """Reads all records of a file together, since they refer to each other."""

    name = "mistral-vibe"
    summary = "Mistral Vibe sessions: messages.jsonl, journals in ~/.vibe/logs; its JSON output"
    traits = Traits(sidecars=(_META, _META_OF_CHAT))

    def sniff(self, sample: Sample) -> Match | None:
        values, _ = sample.elements()
        is_own = any(fields.mostly(values, test) for test in _KINDS)
        return sample.match_of_lines(0.96, _is_any) if is_own else None

    def read(self, value: Any, build: RunBuilder) -> None:
        sources = source_values(value, build)
        known = [source for source in sources if _is_any(source.value)]
        _start(known, build)
        for source in sources:
            if not _is_any(source.value):
                source_defect(build, "not a record of a session", source)
        append_journal([one for one in known if is_record(one.value)], build)
        append_entries([one for one in known if is_entry(one.value)], build)
        for source in known:
            if _is_context(source.value):
                append(build, message_of(source.value["message"], _message_place(source)))
            elif is_chat(source.value):
                append(build, chat_message(source))


def _is_context(row: Any) -> bool:
    if not isinstance(row, dict) or not {"source", "turn_index"} <= row.keys():
        return False
    return bool(fields.label(fields.as_dict(row.get("message")), "role"))


_KINDS: Final = (is_record, is_entry, _is_context, is_chat)


def _is_any(row: Any) -> bool:
    return any(is_own(row) for is_own in _KINDS)


def _message_place(source: SourceValue) -> SourceValue:
    return SourceValue(source.value, f"{source.pointer}/message", source.line)


def _start(known: list[SourceValue], build: RunBuilder) -> None:
    facts = facts_of_journal([one.value for one in known if is_record(one.value)])
    entries = [one.value for one in known if is_entry(one.value)]
    messages = [plain_message(one.value["message"]) for one in known if _is_context(one.value)]
    if entries:
        messages = [plain_message(entry) for entry in entries]
        facts = Facts(fields.label(entries[0], "sessionId"), ts=timestamp(entries[0]["createdAt"]))
    chat = [one.value for one in known if is_chat(one.value)]
    meta = _meta(facts.session, build, _META_OF_CHAT if chat else _META)
    environment = fields.as_dict(meta.get("environment"))
    details = {
        "cwd": environment.get("working_directory"),
        "git_branch": meta.get("git_branch"),
        "title": meta.get("title"),
        "other_requests": facts.other_requests,
        "agent": fields.as_dict(meta.get("agent_profile")).get("name"),
        "cost_usd": fields.as_dict(meta.get("stats")).get("session_cost"),
    }
    build.locate(known[0].line if known else 0)
    build.start(
        run_id=facts.session or fields.label(meta, "session_id"),
        task=fields.title_of(facts.messages or messages or chat),
        model=fields.label(fields.as_dict(meta.get("config")), "model_name", "active_model")
        or facts.model,
        tools=facts.tools or tool_specs(meta.get("tools_available")),
        parent_run_id=fields.label(meta, "parent_session_id"),
        details=fields.details_of(fields.without_falsy(details)),
        ts=facts.ts or timestamp(meta.get("start_time")),
    )


def _meta(session: str, build: RunBuilder, name: str) -> dict[str, Any]:
    """Return what is known about the session, {} if the file next to it is of another one."""
    meta = fields.as_dict(build.sidecars.get(name))
    is_own = _SESSION_KEYS[0] in meta and _SESSION_KEYS[1] in meta
    named = fields.label(meta, "session_id")
    return meta if is_own and (not session or named == session) else {}


FORMAT = Vibe()
