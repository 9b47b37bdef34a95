"""The rates of a scan: as text with places to look at, and as JSON."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from hermes_tui.cli.fail_on import SEVERITIES
from hermes_tui.cli.scan_baseline import OldSummary
from hermes_tui.cli.scan_new import new_mark
from hermes_tui.model.visible import cells, visible_line, visible_row
from hermes_tui.model.wording import counted
from hermes_tui.runtime.scan.outcomes import Outcomes, Rewards
from hermes_tui.runtime.scan.rates import GROUPS, Example, Rate, Rates

MAX_LINES: Final = 12
NAME_WIDTH: Final = 28
LOOK_AT: Final = "look at one: hermes-tui open FILE --at RUN:MESSAGE"
HEADINGS: Final = {
    "code": "by code: runs with it as an error or warning, else as a note; how many of each",
    "tool": "by tool: runs in which the tool or a call of it failed, of those that call it",
    "model": "by model: runs with errors, of its runs",
    "parser": "by parser: runs with errors, of those it reads",
}
"""What the counts of a name mean, which differs by group."""
OUTCOMES: Final = "outcome by model: runs that failed their task, of those with an outcome; rewards"
MEAN_TOO: Final = "; mean reward of these runs"
NEW_TOO: Final = "; how many of them are new"
NOT_GIVEN: Final = "(not given)"

PathOf = Callable[[int], str]
"""Returns the path of a file by its number."""
_FindingCounts = Mapping[tuple[str, str], int]
"""The number of findings by code and severity."""


class Ending(NamedTuple):
    """What is known when the scan is over."""

    rates: Rates
    path_of: PathOf
    files: int
    """The number of files read, not counting those `refused`."""
    complaints: tuple[str, ...] = ()
    interrupted: str = ""
    """How far the scan had come when it was interrupted; empty if it was not."""
    outside: int = 0
    """Malformed places that belong to no run, and so to no rate."""
    new: Mapping[str, int] | None = None
    """New findings in runs by code; None without a baseline."""
    findings: Mapping[tuple[str, str], int] = {}
    """The number of findings by code and severity, including those outside of runs."""
    refused: int = 0
    """The number of files of which nothing could be read."""
    before: OldSummary | None = None
    """The rates of the baseline, if it has them."""


def summary_lines(ending: Ending) -> Iterator[str]:
    """Yield the summary line by line, with the names that failed most in each group."""
    rates, outcomes = ending.rates, ending.rates.outcomes
    yield _total_line(ending)
    if outcomes.is_known:
        known = " with a known outcome" if outcomes.known < outcomes.runs else ""
        yield "outcome: " + _outcome_text(outcomes, known)
    yield from _rewards_by_errors(outcomes)
    if ending.before:
        yield "baseline: " + _before_text(ending.before)
    yield from _outcomes_by_model(rates)
    groups = {group: failed for group in GROUPS if (failed := _failed_names(rates, group))}
    if "code" in groups:
        # Stable: within a severity, the most frequent code remains the first.
        groups["code"].sort(key=lambda item: -_worst_rank(item[0], ending.findings))
    shown = [item for failed in groups.values() for item in failed[:MAX_LINES]]
    label_width = max((cells(_label(name)) for name, _ in shown), default=0)
    ratio_width = max((len(_ratio(rate)) for _, rate in shown), default=0)
    has_rewards = 2 * outcomes.rewards.runs > outcomes.runs
    for group, failed in groups.items():
        yield ""
        is_code = group == "code"
        mean = MEAN_TOO if has_rewards else ""
        yield HEADINGS[group] + mean + (NEW_TOO if is_code and ending.new is not None else "")
        names = [name for name, _ in failed[:MAX_LINES]]
        severities = _severity_texts(names, ending.findings, ending.new) if is_code else {}
        for name, rate in failed[:MAX_LINES]:
            label = _label(name)
            counts = f"{' ' * (label_width - cells(label))}  {_ratio(rate):>{ratio_width}}"
            places = _places(rate.places, ending.path_of)
            mean = f"  {_mean_text(rate.rewards):>7}" if has_rewards else ""
            yield f"  {label}{counts}  {rate.share:>6.1%}{mean}{severities.get(name, '')}  {places}"
        yield from _more_line(len(failed))
    if groups:
        yield ""
        yield LOOK_AT


def _worst_rank(code: str, findings: _FindingCounts) -> int:
    """Return the position in SEVERITIES of the most severe finding of a code; -1 if none."""
    ranks = (rank for rank, severity in enumerate(SEVERITIES) if findings.get((code, severity)))
    return max(ranks, default=-1)


def _severity_texts(
    codes: Sequence[str], findings: _FindingCounts, new: Mapping[str, int] | None
) -> dict[str, str]:
    """Return by code how many findings it has of each severity, and how many are new, padded."""
    texts = {}
    for code in codes:
        counts = [(name, findings.get((code, name), 0)) for name in reversed(SEVERITIES)]
        text = ", ".join(counted(count, name) for name, count in counts if count)
        texts[code] = text + new_mark(code, new)
    width = max(map(len, texts.values()), default=0)
    return {code: f"  {text:<{width}}" for code, text in texts.items()}


def _outcome_text(outcomes: Outcomes, known: str = "") -> str:
    """Return e.g. "3 of 8 runs failed (37.5%); mean reward 0.5 (6 runs, 3 at 0 or below)"."""
    parts = []
    if outcomes.known:
        share = f"{outcomes.failed:,} of {counted(outcomes.known, 'run')}"
        parts.append(f"{share}{known} failed ({outcomes.failed_share:.1%})")
    if outcomes.rewards.runs:
        parts.append(_rewards_text(outcomes.rewards))
    return "; ".join(parts)


def _before_text(before: OldSummary) -> str:
    """Return the rates of a baseline in the words of those of this scan."""
    rate, outcome = Rate(before["runs"], before["failed"]), before["outcome"]
    parts = [f"{rate.failed:,} of {counted(rate.runs, 'run')} with errors ({rate.share:.1%})"]
    if outcome["known"]:
        parts.append(_outcome_text(Outcomes(rate.runs, outcome["known"], outcome["failed"])))
    if outcome["mean_reward"] is not None:
        runs = counted(outcome["rewarded"], "run")
        parts.append(f"mean reward {outcome['mean_reward']:.4g} ({runs})")
    return "; ".join(parts)


def _rewards_text(rewards: Rewards, zeros_of_all: int = 0) -> str:
    zeros = f"{rewards.zeros:,} at 0 or below"
    if zeros_of_all:
        share = rewards.zeros / zeros_of_all
        zeros = f"{rewards.zeros:,} of the {zeros_of_all:,} at 0 or below: {share:.1%}"
    more = f", {zeros}" if rewards.zeros else ""
    return f"mean reward {_mean_text(rewards)} ({counted(rewards.runs, 'run')}{more})"


def _mean_text(rewards: Rewards) -> str:
    return "–" if rewards.mean is None else f"{rewards.mean:.4g}"


def _rewards_by_errors(outcomes: Outcomes) -> Iterator[str]:
    """Yield a line for the runs with errors and one for the others, if both have rewards."""
    every, wrong = outcomes.rewards, outcomes.with_errors
    right = every.without(wrong)
    if wrong.runs and right.runs:
        yield f"  with errors     {_rewards_text(wrong, every.zeros)}"
        yield f"  without errors  {_rewards_text(right, every.zeros)}"


def _outcomes_by_model(rates: Rates) -> Iterator[str]:
    """Yield a line per model, the highest share of failed runs first; nothing for a single one."""
    models = [(name, each) for name, each in rates.by_model.items() if each.is_known]
    if len(models) < 2:
        return
    models.sort(key=lambda item: (-item[1].failed_share, item[1].rewards.mean or 0.0, item[0]))
    yield ""
    yield OUTCOMES
    width = max(cells(_label(name)) for name, _ in models[:MAX_LINES])
    for name, each in models[:MAX_LINES]:
        label = _label(name)
        yield f"  {label}{' ' * (width - cells(label))}  {_outcome_text(each)}"
    yield from _more_line(len(models))


def _more_line(names: int) -> Iterator[str]:
    if names > MAX_LINES:
        yield f"  and {names - MAX_LINES:,} more: --to json lists them all"


def _total_line(ending: Ending) -> str:
    rate, outside, refused = ending.rates.all, ending.outside, ending.refused
    where = f"{counted(rate.runs, 'run')} in {counted(ending.files, 'file')}"
    share = f" ({rate.share:.1%})" if rate.failed else ""
    text = f"{where}, {rate.failed:,} with errors{share}"
    if outside:
        text += f"; plus {counted(outside, 'malformed place')} outside of any run"
    return text + (f"; {counted(refused, 'file')} could not be read" if refused else "")


def _label(name: str) -> str:
    return visible_line(name or NOT_GIVEN, NAME_WIDTH)


def _ratio(rate: Rate) -> str:
    return f"{rate.failed:,} of {rate.runs:,}"


def _failed_names(rates: Rates, group: str) -> list[tuple[str, Rate]]:
    """Return the names that failed, most often first; none if the only name is not given."""
    rates_by_name = _rates_of(rates, group)
    if [name for name, _ in rates_by_name] == [""]:
        return []
    return [(name, rate) for name, rate in rates_by_name if rate.failed]


def summary_json(ending: Ending) -> dict[str, Any]:
    """Return the summary as plain JSON values, the names that failed most first."""
    rates, path_of = ending.rates, ending.path_of
    summary: dict[str, Any] = _rate_json(rates.all, path_of)
    summary["defects_outside_runs"] = ending.outside
    by_code: dict[str, dict[str, int]] = {}
    for (code, severity), count in sorted(ending.findings.items()):
        by_code.setdefault(code, {})[severity] = count
    summary["findings"] = by_code
    summary["outcome"] = rates.outcomes.as_json()
    if ending.before:
        summary["baseline"] = ending.before
    summary["outcome_by_model"] = {
        name: outcomes.as_json() for name, outcomes in sorted(rates.by_model.items())
    }
    for group in GROUPS:
        summary[f"by_{group}"] = {
            name: _rate_json(rate, path_of) for name, rate in _rates_of(rates, group)
        }
    return summary


def at(place: Example) -> str:
    """Return a place within its file in the form that `open --at` takes."""
    _, run, message = place
    return f"{run}:{message}" if message else str(run)


def _rates_of(rates: Rates, group: str) -> list[tuple[str, Rate]]:
    return sorted(rates.of_group(group).items(), key=lambda item: (-item[1].failed, item[0]))


def _rate_json(rate: Rate, path_of: PathOf) -> dict[str, Any]:
    return {
        "runs": rate.runs,
        "failed": rate.failed,
        "rate": round(rate.share, 6),
        "mean_reward": rate.rewards.mean,
        "examples": [{"path": path_of(place[0]), "at": at(place)} for place in rate.places],
    }


def _places(places: list[Example], path_of: PathOf) -> str:
    """Return the places; the file name is omitted if it is that of the place before."""
    texts: list[str] = []
    last = None
    for place in places:
        path = f"{shlex.quote(visible_row(path_of(place[0])))} --at " if place[0] != last else ""
        texts.append(path + at(place))
        last = place[0]
    return ", ".join(texts)
