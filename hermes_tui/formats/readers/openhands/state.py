"""The state of a conversation that OpenHands' SDK keeps in `base_state.json`, next to its events.

state = {"id", "agent": {"kind", "llm": {"model"}}, "workspace", "max_iterations", "tags",
         "execution_status", "stats": {"usage_to_metrics": {who: metrics}}}
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.parsers.measures import number, total_usage, usage

SIDECAR: Final = "base_state.json"
_DETAIL_KEYS: Final = ("workspace", "max_iterations", "tags", "confirmation_policy")
_STATUSES: Final = MappingProxyType({
    "finished": "unknown", "paused": "unknown", "error": "error", "stuck": "error",
})  # fmt: skip
"""The status of a conversation that is not running; for a finished one, success is not known."""


def state_of(build: RunBuilder) -> dict[str, Any]:
    """Return the state stored next to the events, or {} if there is none."""
    return fields.as_dict(build.sidecars.get(SIDECAR))


def begin_of(state: dict[str, Any]) -> dict[str, Any]:
    """Return the beginning of a run as recorded in its state, as arguments of
    `RunBuilder.start`."""
    agent = fields.as_dict(state.get("agent"))
    known = {"agent": fields.label(agent, "kind"), **{key: state.get(key) for key in _DETAIL_KEYS}}
    return {
        "run_id": fields.label(state, "id"),
        "model": fields.model_of(fields.as_dict(agent.get("llm"))),
        "details": fields.details_of(fields.without_falsy(known)),
    }


def end_by(state: dict[str, Any], build: RunBuilder) -> None:
    """Close the run of a conversation that is not running."""
    status = fields.label(state, "execution_status")
    if status not in _STATUSES:
        return
    metrics = fields.as_dict(fields.as_dict(state.get("stats")).get("usage_to_metrics"))
    used = (
        usage(each.get("accumulated_token_usage"), number(each.get("accumulated_cost")) or None)
        for each in map(fields.as_dict, metrics.values())
    )
    build.end(status=_STATUSES[status], stop_reason=status, usage=total_usage(used))
