"""Logs of calls to a model: every request with its reply, put together to runs again.

All records are needed at once, since later calls belong to earlier runs (`exchange_runs`).
"""

from __future__ import annotations

from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Layout, Match, RunBuilder, Sample, Unit
from hermes_tui.formats.exchange_runs import append_runs
from hermes_tui.formats.exchanges import Exchange, exchange_of


class LlmCallLog:
    """Reads request/response pairs."""

    name = "llm-call-log"
    summary = "request/response logs: LiteLLM, OpenHands, proxies, batch output, AutoGen replays"

    def sniff(self, sample: Sample) -> Match | None:
        values, layout = sample.elements()
        if not fields.mostly(values, lambda value: exchange_of(value) is not None):
            return None
        whole = {Layout.LINES: Layout.WHOLE_LINES, Layout.ARRAY: Layout.DOCUMENT}
        return Match(0.8, Unit.RUNS, whole.get(layout, layout))

    def read(self, value: Any, build: RunBuilder) -> None:
        is_list = isinstance(value, list)
        values = value if is_list else [value]
        by_lines = bool(build.line_ranges)
        exchanges: list[tuple[int, Exchange]] = []
        for index, one in enumerate(values):
            pointer = f"/{index}" if is_list and not by_lines else ""
            exchange = exchange_of(one, pointer)
            if exchange is not None:
                exchanges.append((index, exchange))
                continue
            build.locate(index)
            build.defect("not a request with its reply", fields.excerpt(one), pointer=pointer)
        append_runs(exchanges, build)


FORMAT = LlmCallLog()
