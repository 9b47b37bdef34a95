"""One run in one row, as the runs screen and `scan` show it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple
from zlib import crc32

from hermes_tui.log.findings import Finding
from hermes_tui.log.fold import RunState
from hermes_tui.log.tally import Tally
from hermes_tui.model.diagnostics import Severity
from hermes_tui.model.events import Event
from hermes_tui.model.wording import is_time

MAX_LISTED_TOOLS: Final = 64
MAX_SCORES: Final = 64


class RunSummary(NamedTuple):
    """Counts and outcome of one run. `codes` is how many diagnostics it has of each code."""

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
    parent_run_id: str = ""
    parser: str = ""
    tools: tuple[tuple[str, int, int], ...] = ()
    """Name, calls and errors of the tools called most, at most `MAX_LISTED_TOOLS`, by name."""
    prompt_tokens: int | None = None
    """Sum over all requests, as the file gives them. So are `completion_tokens` and `cost_usd`."""
    completion_tokens: int | None = None
    cost_usd: float | None = None
    duration_s: float | None = None
    latency_s: float | None = None
    """The mean duration of a reply."""
    stop_reason: str = ""
    scores: tuple[tuple[str, float], ...] = ()
    """Scores by name in addition to the reward, at most `MAX_SCORES`."""
    task_digest: str = ""
    """A digest that distinguishes tasks whose first line, `task`, is the same; see the function."""
    began_ts: float | None = None
    """When the first event happened, in unix seconds."""
    latest_ts: float | None = None
    """When the last event so far happened."""

    @property
    def findings(self) -> int:
        return sum(count for _, count in self.codes)


def summarise(state: RunState) -> RunSummary:
    """Return the summary of a run in this state."""
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
        parent_run_id=state.parent_run_id,
        parser=state.parser,
        tools=_tools(state.tally),
        prompt_tokens=_usage_value(state, "prompt_tokens"),
        completion_tokens=_usage_value(state, "completion_tokens"),
        cost_usd=_usage_value(state, "cost_usd"),
        duration_s=state.tally.duration_s(state.first_ts, state.last_ts),
        latency_s=state.tally.latency_s,
        stop_reason=state.stop_reason,
        scores=tuple(sorted(state.scores.items())[:MAX_SCORES]),
        task_digest=task_digest(state),
        began_ts=_plausible_time(state.first_ts),
        latest_ts=_plausible_time(state.last_ts),
    )


def _plausible_time(ts: float | None) -> float | None:
    """Return `ts` if it is a plausible time (up to the year 2096), otherwise None."""
    return ts if is_time(ts) else None


def task_digest(state: RunState) -> str:
    """Return a digest that is equal for runs of the same task, or "" if the run has none.

    It is 12 hexadecimal digits: a checksum and a length. If `task` is part of the user's first
    message, which in many files begins with the same lines, the digest is of that whole message.
    Otherwise it is of `task`, which the file names, and of the id that the file gives the task.
    """
    if not state.task:
        return ""
    is_in_it = state.task.removesuffix("…") in state.first_user_text
    text = state.first_user_text.strip() if is_in_it else f"{state.task}\n{state.group_id}"
    data = text.encode("utf-8", "surrogatepass")
    return f"{crc32(data):08x}{len(data) & 0xFFFF:04x}"


def _tools(tally: Tally) -> tuple[tuple[str, int, int], ...]:
    counted = ((name, calls, errors) for name, (calls, errors) in tally.tools.items())
    most_called = sorted(counted, key=lambda tool: -tool[1])[:MAX_LISTED_TOOLS]
    return tuple(sorted(most_called))


def _usage_value(state: RunState, name: str) -> Any:
    """Return the usage recorded at the end of the run, else the sum over its messages."""
    total = getattr(state.usage, name, None)
    return total if total is not None else getattr(state.tally, name)


def fold_run(events: Iterable[Event]) -> tuple[RunState, list[Finding]]:
    """Return the final state of a whole run and all its findings."""
    state = RunState()
    findings: list[Finding] = []
    for event in events:
        findings.extend(state.apply(event))
    findings.extend(state.finish())
    return state, findings
