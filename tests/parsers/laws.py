"""What must hold for every reading of any text, and a notation for findings with their place."""

from __future__ import annotations

from collections.abc import Iterable

from hermes_tui.model.spans import Span
from hermes_tui.parsers.base import Outcome, ParsedCall, ParseResult

ALIKE = (
    frozenset({"hermes", "qwen25"}),
    frozenset({"glm45", "glm47"}),
    frozenset({"jamba", "hunyuan_a13b"}),
    frozenset({"deepseek_v32", "deepseek_v4"}),
    frozenset({"internlm", "internlm_sp"}),
)
"""Formats that share a reader and that a text may not distinguish."""


def is_alike(one: str, other: str) -> bool:
    """Return whether two formats are the same or cannot be distinguished."""
    return one == other or any(one in group and other in group for group in ALIKE)


def check_laws(text: str, result: ParseResult) -> None:
    _covers(text, result)
    _diagnostics_lie_in(text, result)
    _steps_nest(text, result)
    for call in result.calls:
        for inner in (call.name_span, call.arguments_span):
            assert inner is None or call.span.start <= inner.start <= inner.end <= call.span.end
    assert (result.outcome is Outcome.CALLS) == bool(readable(result.calls))


def readable(calls: Iterable[ParsedCall]) -> list[ParsedCall]:
    return [call for call in calls if call.name is not None and call.verdict != "failed"]


def _covers(text: str, result: ParseResult) -> None:
    calls = [call.span for call in result.calls]
    position = 0
    for span in sorted([*result.content_spans, *result.reasoning, *result.dropped, *calls]):
        assert span.start == position < span.end
        position = span.end
    assert position == len(text)


def _diagnostics_lie_in(text: str, result: ParseResult) -> None:
    for diagnostic in result.diagnostics:
        span = diagnostic.span
        assert span is not None
        assert 0 <= span.start < span.end <= len(text)
        assert diagnostic.call_index is None or 0 <= diagnostic.call_index < len(result.calls)


def _steps_nest(text: str, result: ParseResult) -> None:
    around: list[Span] = []
    for step in result.steps:
        assert 0 <= step.span.start <= step.span.end <= len(text)
        del around[step.depth :]
        assert len(around) == step.depth
        if around:
            assert around[-1].start <= step.span.start
            assert step.span.end <= around[-1].end
        around.append(step.span)


def unmark(marked: str) -> tuple[str, Span]:
    """Return the text without its `‹…›`, and the span that these enclose."""
    before, _, rest = marked.partition("‹")
    inside, _, after = rest.partition("›")
    return before + inside + after, Span(len(before), len(before) + len(inside))


def codes(result: ParseResult) -> list[str]:
    return [diagnostic.code.value for diagnostic in result.diagnostics]
