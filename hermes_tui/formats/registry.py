"""All formats, in the order in which they are listed; the last one is the last resort.

A format's module is loaded when a file may be of it, judged by the names of its first members, or
when it is asked for: loading all of them would delay the first paint.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from importlib import import_module
from typing import Any, cast

from hermes_tui.formats.base import Format, Match, RunBuilder, Sample


class _Entry:
    """A format by name; stands for it until it is needed."""

    def __init__(
        self,
        name: str,
        module: str,
        may_fit: Callable[[Sample], bool],
        *,
        last_resort: bool = False,
    ) -> None:
        self.name = name
        self.last_resort = last_resort
        self._module = module
        self._may_fit = may_fit

    @cached_property
    def _format(self) -> Format:
        module = import_module(f"hermes_tui.formats.{self._module}")
        known: tuple[Format, ...] = getattr(module, "FORMATS", ()) or (module.FORMAT,)
        return next(item for item in known if item.name == self.name)

    @property
    def summary(self) -> str:
        return self._format.summary

    def sniff(self, sample: Sample) -> Match | None:
        return self._format.sniff(sample) if self._may_fit(sample) else None

    def read(self, value: Any, build: RunBuilder) -> None:
        self._format.read(value, build)


def _has(*keys: str) -> Callable[[Sample], bool]:
    """Return the test whether any of the first objects has one of these members."""
    wanted = frozenset(keys)
    return lambda sample: any(
        isinstance(value, dict) and not wanted.isdisjoint(value) for value in _few(sample)
    )


def _few(sample: Sample) -> list[Any]:
    values = list(sample.values[:5])
    if values and isinstance(values[0], list):
        values += values[0][:5]
    return values


def _always(sample: Sample) -> bool:
    return True


def _may_be_session(sample: Sample) -> bool:
    row = sample.first_object()
    return row.get("role") == "session_meta" or not row.keys().isdisjoint(
        ("session_id", "started_at", "_table")
    )


_may_be_log = _has("request", "response", "output", "custom_id")
_may_be_eval = _has("task_name", "finished_naturally", "turns_used", "passed", "tool_errors")

_ENTRIES = (
    _Entry("native", "native", _has("kind")),
    _Entry("openai-messages", "openai_messages", _always),
    _Entry("llm-call-log", "llm_call_log", _may_be_log),
    _Entry("hermes-sharegpt", "hermes_sharegpt", _has("conversations")),
    _Entry("hermes-batch", "hermes_sharegpt", _has("conversations")),
    _Entry("hermes-session", "hermes_sessions", _may_be_session),
    _Entry("hermes-export", "hermes_sessions", _may_be_session),
    _Entry("hermes-state-db", "hermes_sessions", _may_be_session),
    _Entry("hermes-request-dump", "hermes_request_dump", _has("request")),
    _Entry("hermes-eval", "hermes_eval", _may_be_eval),
    _Entry("atropos-group", "atropos_group", _has("tokens", "masks", "scores")),
    _Entry("generic", "generic", _always, last_resort=True),
)


def formats() -> tuple[Format, ...]:
    """Return every format known."""
    # A `Format` has its summary as a plain attribute; nobody sets it.
    return cast("tuple[Format, ...]", _ENTRIES)
