"""Logs of calls to a model: requests with their replies, reassembled into runs.

A line or an entry is an exchange, or a list of exchanges. All records are needed at once, since
later calls may belong to earlier runs (`exchange_runs`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.exchange_runs import append_runs
from hermes_tui.formats.exchanges import Exchange, exchange_of
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.traits import Traits

_LOOKED_AT = 20


class LlmCallLog:
    """Reads request/response pairs."""

    name = "llm-call-log"
    summary = "request/response logs: LiteLLM, OpenHands, proxies, batch output, AutoGen replays"
    traits = Traits(holds_exchanges=True)

    def sniff(self, sample: Sample) -> Match | None:
        return sample.match_of_rows(0.8, _is_log)

    def read(self, value: Any, build: RunBuilder) -> None:
        exchanges: list[tuple[int, Exchange]] = []
        for index, pointer, line, one in _each(value, build):
            exchange = exchange_of(one, pointer)
            if exchange is not None:
                exchanges.append((index, exchange))
                continue
            build.defect("not a request with its reply", one, pointer=pointer, line=line)
        if not exchanges and not build.is_used:
            build.defect("no request with its reply in this record")
        append_runs(exchanges, build)


def _is_log(value: Any) -> bool:
    """Return whether `value` is an exchange, or a batch of them as LiteLLM's loggers send it."""
    if isinstance(value, list):
        return fields.mostly(value[:_LOOKED_AT], lambda one: exchange_of(one) is not None)
    return exchange_of(value) is not None


def _each(value: Any, build: RunBuilder) -> Iterator[tuple[int, str, int, Any]]:
    """Yield each entry of a log, and each of a batch: the index of its record, its pointer, its
    line and its value."""
    for index, (pointer, line, one) in enumerate(build.placed(value)):
        batch = one if isinstance(one, list) else ()
        for number, entry in enumerate(batch):
            yield index, f"{pointer}/{number}", line, entry
        if not batch:
            yield index, pointer, line, one


FORMAT = LlmCallLog()
