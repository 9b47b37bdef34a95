"""`--fail-on`: the findings that decide the exit code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from hermes_tui.model.errors import UsageError, near_hint

SEVERITIES: Final = ("note", "warning", "error")
"""From the least severe to the most severe."""
DEFAULT_SEVERITY: Final = "warning"
"""The least severity of a code given without one: a note is about what did no harm."""


@dataclass(frozen=True, slots=True)
class FailOn:
    """The findings that make the exit code 1; false if none are selected."""

    least: Mapping[str, str] = field(default_factory=dict)
    """The least severity that counts, for each code."""
    plain: Collection[str] = frozenset()
    """The codes given without a severity."""

    @classmethod
    def parse(cls, text: str | None) -> FailOn:
        """Return what a text such as `error,TRUNCATED,surrogate:note` selects; None is nothing.

        A severity alone selects every code. Of several severities for a code, the least applies.
        Raises UsageError if nothing is named, or something unknown.
        """
        if text is None:
            return cls()
        # Loaded only if needed: the first paint waits for the imports above.
        from hermes_tui.model.diagnostics import Code

        known = [str(code) for code in Code]
        names = [name.strip() for name in text.split(",") if name.strip()]
        if not names:
            raise UsageError(
                "--fail-on: no code is named", "give some, as in CALL_IN_CONTENT,TRUNCATED"
            )
        least: dict[str, str] = {}
        plain: set[str] = set()
        for name in names:
            codes, severity = known, name.lower()
            if severity not in SEVERITIES:
                code, severity = _code_and_severity(name, known)
                codes = [code]
                plain.update(() if severity else codes)
            for code in codes:
                given = severity or DEFAULT_SEVERITY
                least[code] = min(given, least.get(code, given), key=_rank)
        return cls(least, frozenset(plain))

    def __bool__(self) -> bool:
        return bool(self.least)

    def selects(self, code: str, severity: str) -> bool:
        """Return whether a finding of that code and severity counts."""
        least = self.least.get(code)
        return least is not None and _rank(severity) >= _rank(least)

    def selected(self, findings: Mapping[tuple[str, str], int]) -> Counter[str]:
        """Return how many findings of each code count, given the number by code and severity."""
        counts: Counter[str] = Counter()
        for (code, severity), count in findings.items():
            if self.selects(code, severity):
                counts[code] += count
        return counts

    def notes_left_out(self, findings: Mapping[tuple[str, str], int]) -> str:
        """Return a remark on the notes of codes given without a severity; empty if there are none.

        `findings` is the number of findings by code and severity.
        """
        notes = Counter(
            {
                code: count
                for (code, severity), count in findings.items()
                if severity == "note" and code in self.plain and not self.selects(code, severity)
            }
        )
        if not notes:
            return ""
        names = ",".join(f"{code}:note" for code in sorted(notes))
        return f"notes are not counted: {counts_text(notes)} ({names} counts them, too)"


def counts_text(counts: Mapping[str, int]) -> str:
    """Return counts by code as text, such as "TRUNCATED×2, UNCLOSED×1"."""
    return ", ".join(f"{code}×{counts[code]:,}" for code in sorted(counts))


def _code_and_severity(name: str, known: Collection[str]) -> tuple[str, str]:
    """Return the code and the severity, which may be empty, of a name such as `TRUNCATED:error`."""
    code, colon, severity = (part.strip() for part in name.partition(":"))
    code, severity = code.upper(), severity.lower()
    if code not in known:
        near = near_hint(code, (*SEVERITIES, *known))
        hint = f"{near} `hermes-tui scan FILE --to sarif` lists and explains all".strip()
        raise UsageError(f"--fail-on: no code is called {code!r}", hint)
    if colon and severity not in SEVERITIES:
        hint = f"known: {', '.join(reversed(SEVERITIES))}"
        raise UsageError(f"--fail-on: no severity is called {severity!r}", hint)
    return code, severity


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity)
