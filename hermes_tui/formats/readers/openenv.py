"""`openenv`: episodes that `openenv collect` writes, a line each (`results.jsonl`).

    row   = {"episode_id", "messages": [message, …], "reward", "done", "tool_trace": [entry, …],
             "metrics": {"turns", "tool_calls", "truncated"?, …}, "verify_metrics", "task", …}
    entry = {"tool_name", "arguments", "result": {"data", "done", "metadata", "error"}}

The errors of tools are only in the trace: the model received an empty text. The trace's entries are
in the order of the tools' messages. The model and the environment are named in the metadata.json in
the same directory.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.traits import Traits

_METADATA = "metadata.json"
_MARKS = frozenset({"episode_id", "messages", "tool_trace"})
_OWN_KEYS = ("messages", "reward", "tool_trace", "metrics", "verify_metrics")


class OpenEnv:
    """Reads collected episodes."""

    name = "openenv"
    summary = "OpenEnv episodes (openenv collect): a run each, with rewards and errors of tools"
    traits = Traits(sidecars=(_METADATA,))

    def sniff(self, sample: Sample) -> Match | None:
        return sample.match_of_runs(0.95, _is_episode)

    def read(self, value: Any, build: RunBuilder) -> None:
        if not _is_episode(value):
            build.defect("no episode in this record", value)
            return
        about = fields.as_dict(build.sidecars.get(_METADATA))
        messages = value["messages"]
        build.start(
            run_id=fields.label(value, "episode_id"),
            task=fields.title_of(messages) or fields.label(value, "task"),
            model=fields.model_of(about),
            details=fields.without_empty(
                fields.details_of(value, without=_OWN_KEYS)
                | {"evaluation": fields.details_of(about)}
            ),
        )
        build.messages(_with_errors(messages, value["tool_trace"]), "/messages")
        metrics = fields.as_dict(value.get("metrics"))
        build.end(
            status="truncated" if metrics.get("truncated") is True else "unknown",
            reward=fields.number(value.get("reward")),
            scores=fields.measured({**metrics, **fields.as_dict(value.get("verify_metrics"))}),
        )


def _is_episode(value: Any) -> bool:
    if not isinstance(value, dict) or not value.keys() >= _MARKS:
        return False
    return isinstance(value["messages"], list) and isinstance(value["tool_trace"], list)


def _with_errors(messages: list[Any], trace: list[Any]) -> Iterator[Any]:
    """Yield the messages, adding to those of tools the errors in the trace."""
    entries = iter(trace)
    for message in messages:
        if not isinstance(message, dict) or message.get("role") != "tool":
            yield message
            continue
        result = fields.as_dict(fields.as_dict(next(entries, None)).get("result"))
        error = result.get("error")
        yield {**message, "error": error} if error else message


FORMAT = OpenEnv()
