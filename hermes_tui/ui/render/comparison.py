"""The page that shows how two runs differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from hermes_tui.log.run_diff import DiffRow, first_difference
from hermes_tui.log.run_steps import Step, StepKind
from hermes_tui.log.summary import RunSummary
from hermes_tui.model.visible import visible_line, visible_row
from hermes_tui.model.wording import counted
from hermes_tui.ui.json_layout import spread
from hermes_tui.ui.render.diff import unfolded_diff
from hermes_tui.ui.render.document import Document, Line, StyledSpan
from hermes_tui.ui.render.fit_apart import fit_apart
from hermes_tui.ui.render.json_lines import unfolded_text
from hermes_tui.ui.render.page import Page
from hermes_tui.ui.render.wrap import cells, fit

CONTEXT: Final = 2
"""Rows shown before and after those that differ."""
_TITLE_LIMIT: Final = 60
_SAME_LIMIT: Final = 200
_NAME_CELLS: Final = 13
"""Least width of the names; that of a code may be longer."""
_LEAST_FACT: Final = 8
_GAP: Final = "  "
NAMES: Final = ("A", "B")
_OUTCOME_FIELDS: Final = ("model", "status", "stop_reason", "reward")
_USAGE_FIELDS: Final = (
    ("tokens in", "prompt_tokens", "{:,}"),
    ("tokens out", "completion_tokens", "{:,}"),
    ("cost", "cost_usd", "${:.6g}"),
    ("seconds", "duration_s", "{:,.6g}"),
)
_ERRORS: Final = {"": "no error", "flag": "an error", "heuristic": "reads like an error"}
_COUNT_FIELDS: Final = ("turns", "messages", "calls", "tool_errors", "errors", "warnings")
_COUNT_NAMES: Final = frozenset(name.replace("_", " ") for name in _COUNT_FIELDS)


class Comparison(NamedTuple):
    """A page, and the numbers of the lines at which differences begin."""

    document: Document
    differences: tuple[int, ...]


def run_comparison(
    rows: Sequence[DiffRow],
    labels: tuple[str, str],
    summaries: tuple[RunSummary, RunSummary],
    *,
    width: int = 80,
) -> Comparison:
    """Return the comparison of two runs: facts about each, where they diverge, all differences.

    The runs are called A and B; `labels` are their full names. Facts in which they differ are in
    two columns on `width` cells.
    """
    page = Page()
    page.fields(dict(zip(NAMES, map(visible_row, labels), strict=True)))
    facts = [*_task_facts(rows, *summaries), *_facts(*summaries)]
    different = [fact for fact in facts if fact[1] != fact[2]]
    name_width = max([_NAME_CELLS, *(len(name) + len(_GAP) for name, _, _ in different)])
    room = max(_LEAST_FACT, (width - name_width - len(_GAP)) // 2)
    longest = max((cells(visible_line(left, 2 * room)) for _, left, _ in different), default=0)
    for name, left, right in different:
        shown = fit_apart((left, right), room)
        text = f"{fit(shown[left].rstrip(), min(longest, room))}{_GAP}{shown[right].rstrip()}"
        page.fact(name, text, "strong", width=name_width, indent=0)
    if same := [_fact_text(name, left) for name, left, right in facts if left == right]:
        page.fact("in both", ", ".join(same), "dim", width=name_width, indent=0)
    divergence = first_difference(rows)
    step = divergence and (divergence.left or divergence.right)
    if divergence is not None and step is not None:
        place = _step_title(step, divergence.right, of_message="the {}'s message")
        page.fact("diverge at", place, width=name_width, indent=0)
    page.blank()
    return comparison(rows, *NAMES, page=page)


def _fact_text(name: str, value: str) -> str:
    """Return a fact in words, such as "3 turns", "0 errors", "model gpt-5" or "ID_MISSING×2"."""
    if name.isupper():
        return f"{name}×{value}"
    if name in _COUNT_NAMES:
        return counted(int(value), name.removesuffix("s"))
    return f"{value} {name}" if value.isdecimal() else f"{name} {visible_line(value, _TITLE_LIMIT)}"


def _task_facts(
    rows: Sequence[DiffRow], left: RunSummary, right: RunSummary
) -> Iterator[tuple[str, str, str]]:
    """Yield the fact about the runs' tasks; of two with the same first line, the whole tasks."""
    names = [each.task or "-" for each in (left, right)]
    if left.task_digest != right.task_digest and left.task == right.task:
        requests = [_first_request([row[side] for row in rows]) for side in (0, 1)]
        ids = [each.group_id or each.task_digest for each in (left, right)]
        with_ids = [f"{name} · {what}" for name, what in zip(names, ids, strict=True)]
        names = requests if requests[0] != requests[1] else with_ids
    if left.task or right.task:
        yield "task", names[0], names[1]


def _first_request(steps: Sequence[Step | None]) -> str:
    """Return the user's first message, on one line."""
    messages = (step for step in steps if step is not None and step.kind is StepKind.MESSAGE)
    return " ".join(next((step.text for step in messages if step.title == "user"), "").split())


def _facts(left: RunSummary, right: RunSummary) -> Iterator[tuple[str, str, str]]:
    """Yield (name, left, right) of each fact that at least one run has; findings by code last."""
    plain = [(name.replace("_", " "), name, "{}") for name in (*_OUTCOME_FIELDS, *_COUNT_FIELDS)]
    for name, attribute, template in (*plain, *_USAGE_FIELDS):
        pair = [getattr(side, attribute) for side in (left, right)]
        if any(value not in (None, "") for value in pair):
            before, after = ("-" if v in (None, "") else template.format(v) for v in pair)
            yield name, before, after
    before_codes, after_codes = dict(left.codes), dict(right.codes)
    for code in sorted({*before_codes, *after_codes}):
        yield code, str(before_codes.get(code, 0)), str(after_codes.get(code, 0))


def comparison(
    rows: Sequence[DiffRow], left: str, right: str, *, page: Page | None = None
) -> Comparison:
    """Return the differences of two runs in order, as a unified diff with some context.

    `left` and `right` are the names of the runs. The differences are appended to `page`.
    """
    page = page or Page()
    places: list[int] = []
    if all(row.is_same for row in rows):
        page.line("Both did the same.", "dim")
    groups = [(same, list(group)) for same, group in groupby(rows, key=lambda row: row.is_same)]
    for number, (same, group) in enumerate(groups):
        if same:
            head = CONTEXT if number else 0
            tail = CONTEXT if number < len(groups) - 1 else 0
            _add_same(page, group, head, tail)
            continue
        for row in group:
            places.append(page.length)
            _add_different(page, row, left, right)
    return Comparison(page.document(), tuple(places))


def _add_same(page: Page, rows: list[DiffRow], head: int, tail: int) -> None:
    hidden = len(rows) - head - tail
    shown = [*rows[:head], None, *rows[len(rows) - tail :]] if hidden > 1 else rows
    for row in shown:
        if row is None:
            page.line(f"  ⋮ {hidden:,} rows are the same", "dim")
        elif (step := row.right) is not None:
            page.line(f"  {_step_title(step)}  {visible_line(step.text, _SAME_LIMIT)}", "dim")


def _add_different(page: Page, row: DiffRow, left: str, right: str) -> None:
    if row.left is not None and row.right is not None:
        before, after = row.left, row.right
        page.heading(f"~ {_step_title(before, after)}")
        _add_changes(page, _text(before), _text(after))
    elif row.left is not None:
        page.heading(f"- {_step_title(row.left)}, only in {left}")
        page.extend(_signed("-", unfolded_text(_text(row.left)), "badge.bad"))
    elif row.right is not None:
        page.heading(f"+ {_step_title(row.right)}, only in {right}")
        page.extend(_signed("+", unfolded_text(_text(row.right)), "badge"))
    page.blank()


def _add_changes(page: Page, before: str, after: str) -> None:
    if before != after:
        page.extend(unfolded_diff(before, after))
    else:
        # Only the title differs, or whether it counts as an error.
        page.line(f"  {visible_line(after, _SAME_LIMIT)}", "dim")


def _signed(sign: str, text: str, style: str) -> Iterable[Line]:
    return (Line(f"{sign} {part}", (StyledSpan(0, 1, style),)) for part in text.split("\n"))


def _step_title(step: Step, after: Step | None = None, *, of_message: str = "{}") -> str:
    """Return a step in a few words; with `after`, also how its title changed.

    `of_message` is the template for a message, with `{}` for its role.
    """
    name = visible_line(step.title or "(no name)", _TITLE_LIMIT)
    if after is not None and after.title != step.title:
        name += f" → {visible_line(after.title or '(no name)', _TITLE_LIMIT)}"
    kinds = {
        StepKind.CALL: f"call {name}",
        StepKind.RESULT: f"result of {name}",
        StepKind.MESSAGE: of_message.replace("{}", name),
    }
    turn = f"turn {step.turn}, " if step.turn else ""
    if step.kind is StepKind.REASONING:
        name = f"reasoning of {name}"
    return turn + kinds.get(step.kind, name) + _counts_as(step, after or step)


def _counts_as(step: Step, after: Step) -> str:
    """Return whether a result counts as an error, and how that changed."""
    before, now = (_ERRORS.get(each.error, each.error) for each in (step, after))
    if before != now:
        return f", {before} → {now}"
    return f", {now}" if after.error else ""


def _text(step: Step) -> str:
    return spread(step.text) if step.is_value else step.text
