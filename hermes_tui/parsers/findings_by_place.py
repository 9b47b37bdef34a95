"""Findings indexed by place, so that those about a call are found without scanning all."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final

from hermes_tui.model.diagnostics import Code, Diagnostic, Severity, finding_start
from hermes_tui.model.spans import Span

_OUTCOME_CODES: Final = frozenset({Code.SILENT_DROP, Code.CALLED_EMPTY, Code.CONTENT_LOST})
"""Codes that say what became of the text rather than why."""
_WHOLE_TEXT_CODES: Final = frozenset({Code.WRONG_FORMAT, Code.MARKER_VARIANT, Code.SILENT_DROP})
"""Codes that are reported once for everything that the engine does not read."""
_ROUTINE_CODES: Final = frozenset({Code.NAME_UNKNOWN, Code.COERCED})
"""Codes not repeated here: a run reports an unknown name for every call anyway, and a coercion that
alters no call is how the format works."""
_MAX_NEARBY: Final = 50
"""How many findings about one place are examined."""


class Causes:
    """The findings of an engine's reading, in text order, as causes of what happens to calls.

    Notes are left out. `used` are the indices of those already reported with a call.
    """

    def __init__(self, found: Sequence[Diagnostic]) -> None:
        findings = (item for item in found if item.severity is not Severity.NOTE)
        self.all: list[Diagnostic] = sorted(findings, key=finding_start)
        self._starts = [finding_start(item) for item in self.all]
        self.used: set[int] = set()

    def about(self, span: Span) -> Diagnostic | None:
        """Return the worst finding about the call at `span`, preferring those that name a reason.

        None if there is none.
        """
        first = bisect_left(self._starts, span.start)
        last = min(bisect_left(self._starts, span.end), first + _MAX_NEARBY)
        numbers = {*range(min(first, _MAX_NEARBY)), *range(first, last)}
        near = [n for n in sorted(numbers) if self._is_about(self.all[n], span)]
        if not near:
            return next(
                (item for item in self.all[:_MAX_NEARBY] if item.code in _WHOLE_TEXT_CODES), None
            )
        worst: int = min(near, key=self._rank)
        self.used.add(worst)
        return self.all[worst]

    @staticmethod
    def _is_about(item: Diagnostic, span: Span) -> bool:
        return item.span is None or item.span.overlaps(span)

    def _rank(self, number: int) -> tuple[bool, bool, bool]:
        item = self.all[number]
        is_error = item.severity is Severity.ERROR
        return item.code in _OUTCOME_CODES, item.code is Code.SIBLING_VOIDED, not is_error

    def unreported(self) -> Iterator[Diagnostic]:
        """Yield the findings that were not reported with a call."""
        for number, item in enumerate(self.all):
            if number not in self.used and item.code not in _ROUTINE_CODES:
                yield item


class KnownFindings:
    """The findings already reported for a message, by code."""

    def __init__(self, known: Sequence[Diagnostic]) -> None:
        self._spans: dict[Code, list[Span | None]] = {}
        for item in known:
            self._spans.setdefault(item.code, []).append(item.span)

    def __contains__(self, item: Diagnostic) -> bool:
        """Return whether the same code is already reported for the same place, or the message."""
        spans = self._spans.get(item.code)
        if not spans or item.span is None:
            return bool(spans)
        return any(_touch(span, item.span) for span in spans[:_MAX_NEARBY])

    def code(self, *codes: Code) -> bool:
        return any(code in self._spans for code in codes)


def _touch(one: Span | None, other: Span) -> bool:
    return one is not None and one.start <= other.end and other.start <= one.end
