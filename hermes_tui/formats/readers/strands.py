"""`strands`: sessions of Strands Agents, as its session managers keep them.

    folder  = message*                              one run, a file each
    message = {"message": {"role", "content": [block, …], "metadata"?}, "message_id",
               "redact_message", "created_at", "updated_at"}
    sidecar = agent.json    {"agent_id", "state", "conversation_manager_state"}
              session.json  {"session_id", …}       two folders above

The blocks are those of Bedrock's Converse. If a guardrail redacted a message, both versions are
kept: the original, and in `redact_message` the one that the agent continued with.
"""

from __future__ import annotations

from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.message_parts import flagged
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.traits import Traits
from hermes_tui.parsers.measures import time_of
from hermes_tui.parsers.normalise import normalise_message

_AGENT: Final = "agent.json"
_SESSION: Final = "../../session.json"


class Strands:
    """Reads the messages of one agent."""

    name = "strands"
    summary = "Strands Agents: the messages of an agent, as its session managers keep them"
    traits = Traits(sidecars=(_AGENT, _SESSION))

    def sniff(self, sample: Sample) -> Match | None:
        values, layout = sample.elements()
        return Match(0.95, Unit.PARTS, layout) if fields.mostly(values, _is_message) else None

    def read(self, value: Any, build: RunBuilder) -> None:
        for pointer, _, one in build.placed(value):
            if build.is_opening:
                _start(one, build)
            if _is_message(one):
                _append(one, build, pointer)
            else:
                build.defect("not a message", one, pointer=pointer)


def _is_message(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("message_id"), int):
        return False
    message = fields.as_dict(value.get("message"))
    return isinstance(message.get("role"), str) and isinstance(message.get("content"), list)


def _start(first: Any, build: RunBuilder) -> None:
    agent = fields.as_dict(build.sidecars.get(_AGENT))
    session = fields.as_dict(build.sidecars.get(_SESSION))
    known = {
        "agent": fields.label(agent, "agent_id"),
        "session": fields.label(session, "session_id"),
        "state": agent.get("state"),
        "conversation_manager_state": agent.get("conversation_manager_state"),
    }
    build.start(
        run_id=fields.label(session, "session_id") or fields.label(agent, "agent_id"),
        task=fields.title_of([fields.as_dict(fields.as_dict(first).get("message"))]),
        details=fields.details_of(fields.without_falsy(known)),
        ts=time_of(fields.as_dict(first)),
    )


def _append(stored: dict[str, Any], build: RunBuilder, pointer: str) -> None:
    ts = time_of(stored)
    parts = normalise_message(stored["message"])
    replacement = stored.get("redact_message")
    if isinstance(replacement, dict):
        build.append(flagged(parts, "redacted"), f"{pointer}/message", ts=ts)
        build.append(normalise_message(replacement), f"{pointer}/redact_message", ts=ts)
    else:
        build.append(parts, f"{pointer}/message", ts=ts)


FORMAT = Strands()
