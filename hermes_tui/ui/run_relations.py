"""The parent and child runs of a run, as the screens list them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from hermes_tui.model.wording import title


class Relative(NamedTuple):
    """A related run of the list. `kind` is parent or child, `place` the number of its row."""

    kind: str
    place: int
    text: str
    run_id: str = ""


def subagents(details: Mapping[str, Any]) -> dict[str, str]:
    """Return the runs that the calls of a run started, by call id, as recorded in its details."""
    runs = details.get("subagents")
    return runs if isinstance(runs, dict) else {}


def subagent_of(details: Mapping[str, Any], call_id: str | None) -> str:
    """Return the id of the run that a call started; empty if none is known."""
    runs = subagents(details) if call_id else {}
    run = runs.get(title(call_id or "")) if runs else None
    return run if isinstance(run, str) else ""


def caller_of(details: Mapping[str, Any], run_id: str) -> str:
    """Return the id of the call that started a run, from its parent's details; empty if unknown."""
    shown_id = title(run_id)
    return next((call for call, run in subagents(details).items() if run == shown_id), "")
