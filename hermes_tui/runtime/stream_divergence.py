"""Compares what a real engine makes of a text as a whole and of the same text streamed."""

from __future__ import annotations

from typing import Any

from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.same_json import text_key
from hermes_tui.model.spans import Span
from hermes_tui.model.wording import counted, shortened
from hermes_tui.runtime.engines.verdicts import EngineVerdict


def divergence(whole: EngineVerdict, streamed: EngineVerdict, text: str) -> list[Diagnostic]:
    """Return a finding on how the streaming path differs from the whole-text path, if it does."""
    if _comparable(whole) == _comparable(streamed):
        return []
    calls_differ = _comparable(whole)[:2] != _comparable(streamed)[:2]
    what = f"{_summary(whole)} as a whole, {_summary(streamed)} streamed"
    if _summary(whole) == _summary(streamed):
        what = "other arguments" if calls_differ else "other content"
        what += " when streamed"
    return [
        Diagnostic(
            Code.STREAM_DIVERGES,
            Severity.ERROR if calls_differ else Severity.WARNING,
            f"the same text gives {what}",
            Span(0, len(text)) if text else None,
            "compare with --stream 1 and without --stream; streaming uses another parser",
        )
    ]


def _comparable(verdict: EngineVerdict) -> tuple[Any, ...]:
    calls = [(call.name, text_key(call.arguments)) for call in verdict.tool_calls]
    return verdict.outcome, calls, (verdict.content or "").strip()


def _summary(verdict: EngineVerdict) -> str:
    if verdict.outcome not in ("calls", "text"):
        return f"{verdict.outcome.value} ({shortened(verdict.error, 80)})"
    count = len(verdict.tool_calls)
    return counted(count, "call") if count else "text"
