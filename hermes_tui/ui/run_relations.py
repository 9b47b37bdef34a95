"""The runs that a run came from and those that it began, as a person is told of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from hermes_tui.model.wording import title


class Relative(NamedTuple):
    """Another run of the list. `kind` is parent or child, `place` where its row is."""

    kind: str
    place: int
    text: str
    run_id: str = ""


def subagents(details: Mapping[str, Any]) -> dict[str, str]:
    """Return which runs the calls of a run began, by the ids of the calls, as its details say."""
    told = details.get("subagents")
    return told if isinstance(told, dict) else {}


def subagent_of(details: Mapping[str, Any], call_id: str | None) -> str:
    """Return the id of the run that a call began; empty where it began none that is known."""
    told = subagents(details) if call_id else {}
    run = told.get(title(call_id or "")) if told else None
    return run if isinstance(run, str) else ""


def caller_of(details: Mapping[str, Any], run_id: str) -> str:
    """Return the id of the call that began a run, as the details of its parent say, or empty."""
    wanted = title(run_id)
    return next((call for call, run in subagents(details).items() if run == wanted), "")
