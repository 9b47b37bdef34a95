"""One run in one row: what the runs screen and `scan` say of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from hermes_tui.log.findings import Finding
from hermes_tui.log.fold import RunState
from hermes_tui.model.events import Event


class RunSummary(NamedTuple):
    """Counts and outcome of one run. `codes` counts its diagnostics by code."""

    run_id: str
    task: str
    model: str
    format: str
    turns: int
    messages: int
    calls: int
    results: int
    tool_errors: int
    reasoning: int
    defects: int
    errors: int
    """Findings of severity error."""
    warnings: int
    codes: tuple[tuple[str, int], ...]
    status: str
    reward: float | None
    characters: int
    group_id: str = ""

    @property
    def findings(self) -> int:
        return sum(count for _, count in self.codes)


def summarise(state: RunState) -> RunSummary:
    """Return the row of a run in this state."""
    from hermes_tui.model.diagnostics import Severity

    return RunSummary(
        run_id=state.run_id,
        task=state.task,
        model=state.model,
        format=state.source_format,
        turns=state.turn,
        messages=state.messages,
        calls=state.calls,
        results=state.results,
        tool_errors=state.tool_errors,
        reasoning=state.reasoning,
        defects=state.defects,
        errors=state.severities[Severity.ERROR],
        warnings=state.severities[Severity.WARNING],
        codes=tuple(sorted((str(code), count) for code, count in state.codes.items())),
        status=state.status,
        reward=state.reward,
        characters=state.characters,
        group_id=state.group_id,
    )


def fold_run(events: Iterable[Event]) -> tuple[RunState, list[Finding]]:
    """Return the final state of a whole run and everything found in it."""
    state = RunState()
    findings: list[Finding] = []
    for event in events:
        findings.extend(state.apply(event))
    findings.extend(state.finish())
    return state, findings
