"""The metadata of a run: everything that its file records beyond messages and calls. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from hermes_tui.formats.secrets import mask_secrets
from hermes_tui.log.fold import RunState
from hermes_tui.log.timeline import Timeline
from hermes_tui.model.events import MessageAppended, RunStarted
from hermes_tui.model.messages import ToolSpec, Usage
from hermes_tui.model.wording import counted, duration, utc_text
from hermes_tui.ui.json_layout import spread
from hermes_tui.ui.key_names import KeyNames, not_shown
from hermes_tui.ui.render.document import Line, StyledSpan, styled_line
from hermes_tui.ui.render.json_lines import unfolded_lines
from hermes_tui.ui.render.rows import FOLDED, OPEN, characters, short_number
from hermes_tui.ui.run_relations import Relative

NAME_WIDTH: Final = 15
LONGEST_NAME: Final = 40
SHORT: Final = 240
"""Characters of a value beyond which it is folded at first."""
LONGEST: Final = 200_000
"""Most characters of a value that are laid out; the raw pane shows the rest."""
LABEL: Final = "mistake_"
"""Prefix of the names of labels that reviewers gave to a failed run."""
_INDENT: Final = 2


class MetaLine(NamedTuple):
    """One line, and what Enter does on it: fold or unfold `folds`, go to a row or to a run.

    `hang` is the indent, in cells, of its further rows if it is wrapped.
    """

    line: Line
    hang: int = 0
    folds: str = ""
    row: int | None = None
    run: int | None = None


class RunMetadata(NamedTuple):
    """What the page is made of. `source` is the file, `relatives` are the related runs of the list.

    `number` is that of the run in its file, from 1, or 0 if it is the only one.
    """

    timeline: Timeline
    source: str
    relatives: tuple[Relative, ...] = ()
    number: int = 0
    keys: KeyNames = KeyNames()


class ValueTexts:
    """The values of a run as text, secrets masked. Each is converted once: it may be megabytes."""

    def __init__(self) -> None:
        self._texts: dict[str, tuple[Any, str]] = {}

    def text(self, name: str, value: Any) -> str:
        """Return a text unchanged, and any other value as JSON."""
        known = self._texts.get(name)
        if known is None or known[0] is not value:
            masked = mask_secrets({name: value})[name]
            known = value, masked if isinstance(masked, str) else _json(masked)
            self._texts[name] = known
        return known[1]


class MetaPage:
    """Collects the lines of the page; `unfolded` are the keys of what is shown in full."""

    def __init__(self, unfolded: Collection[str], texts: ValueTexts, keys: KeyNames) -> None:
        self.keys = keys
        self.lines: list[MetaLine] = []
        self._unfolded = unfolded
        self._texts = texts

    def spelled(self, name: str, value: Any) -> str:
        """Return a value as text."""
        return self._texts.text(name, value)

    def heading(self, text: str) -> None:
        if self.lines:
            self.lines.append(MetaLine(Line("")))
        self.lines.append(MetaLine(styled_line(text, "heading")))

    def fact(self, name: str, text: str, style: str = "", *, width: int = NAME_WIDTH) -> None:
        """Add a name on `width` cells and a text in one style, unless the text is empty."""
        if text:
            self.lines.append(_fact_line(name, text, style, width))

    def link(self, name: str, text: str, *, row: int | None = None, run: int | None = None) -> None:
        """Add a fact from which Enter goes to a row or to a run."""
        self.lines.append(_fact_line(name, text, "call")._replace(row=row, run=run))

    def value(self, name: str, value: Any, key: str) -> None:
        """Add a value of any kind; a long one is folded unless `key` is unfolded."""
        is_text = isinstance(value, str)
        text = self.spelled(name, value)
        if len(text) <= SHORT and "\n" not in text:
            self.lines.append(_fact_line(name, text, "" if is_text else "number"))
            return
        is_open = key in self._unfolded
        size = f"{_shape_prefix(value)}{characters(text)}"
        mark = OPEN if is_open else FOLDED
        self.lines.append(_fact_line(name, f"{mark} {size}", "hint")._replace(folds=key))
        if is_open:
            self.body(text if is_text else _laid_out(text[:LONGEST]), is_json=not is_text)
            if len(text) > LONGEST:
                self._add_inside(not_shown(len(text) - LONGEST, self.keys))

    def body(self, text: str, *, is_json: bool) -> None:
        """Add a text below the last line, indented."""
        lines = unfolded_lines(text, _INDENT) if is_json else _plain_lines(text[:LONGEST])
        self.lines.extend(map(MetaLine, lines))

    def folding(self, name: str, text: str, key: str) -> bool:
        """Add a line that folds what the caller adds below; return whether that is unfolded."""
        is_open = key in self._unfolded
        shown = _fact_line(f"{OPEN if is_open else FOLDED} {name}", text, "dim")
        self.lines.append(shown._replace(folds=key))
        return is_open

    def _add_inside(self, text: str) -> None:
        self.lines.append(MetaLine(styled_line(text, "dim", _INDENT)))


def metadata_lines(
    metadata: RunMetadata, unfolded: Collection[str], texts: ValueTexts
) -> list[MetaLine]:
    """Return the page, a logical line for each fact; nothing is wrapped or made safe yet."""
    page = MetaPage(unfolded, texts, metadata.keys)
    state = metadata.timeline.state
    _add_identity(page, metadata, state)
    _add_gold_failure(page, metadata.timeline, state)
    _add_outcome(page, state, is_over=metadata.timeline.finished)
    _add_sums(page, state)
    _add_costly_turns(page, metadata.timeline)
    _add_relatives(page, metadata.relatives)
    _add_tools(page, list(state.tools.values()), declared=state.tools_declared)
    _add_details(page, state)
    return page.lines


def _add_identity(page: MetaPage, metadata: RunMetadata, state: RunState) -> None:
    page.heading("Run")
    page.fact("id", state.run_id)
    page.fact("task", state.task)
    page.fact("model", state.model)
    page.fact("format", state.source_format)
    page.fact("file", metadata.source)
    numbered = f"run {metadata.number}" if metadata.number else ""
    page.fact("place", " · ".join(filter(None, (numbered, _place_text(metadata.timeline)))))
    page.fact("parser", state.parser)
    page.fact("group", state.group_id)
    known = {relative.kind for relative in metadata.relatives}
    if "parent" not in known:
        page.fact("parent", state.parent_run_id)


def _place_text(timeline: Timeline) -> str:
    """Return the bytes of the file that the run is in; empty while its end is not known."""
    log = timeline.log
    if not len(log):
        return ""
    first, last = log[0], log[len(log) - 1]
    if not isinstance(first, RunStarted) or first.at is None or last.at is None:
        return ""
    begin, end = first.at.range, last.at.range
    if begin == end:
        return f"bytes {begin.start:,}–{end.end:,} {first.at.pointer}".rstrip()
    # In a file of one run each message is a record; in a transcript, each line.
    is_known = timeline.finished and begin.start <= end.start
    return f"bytes {begin.start:,}–{end.end:,}, in several records" if is_known else ""


def _add_gold_failure(page: MetaPage, timeline: Timeline, state: RunState) -> None:
    """Add where reviewers saw the run go wrong, and the labels that they gave it."""
    steps = state.tally.gold_failures
    labels = {name: text for name, text in state.details.items() if name.startswith(LABEL)}
    if not steps and not labels:
        return
    page.heading("Where people saw it go wrong")
    for seq in steps:
        row = timeline.row_of(seq)
        event = timeline.log[seq]
        if row is not None and isinstance(event, MessageAppended):
            who = event.message.author or event.message.role
            place = f"{who}, turn {timeline.turn(row)} "
            page.link("◆ message", place + page.keys.format("({open} goes there)"), row=row)
    for name, text in labels.items():
        page.fact(name.removeprefix(LABEL), page.spelled(name, text))


def _add_outcome(page: MetaPage, state: RunState, *, is_over: bool) -> None:
    page.heading("Outcome")
    none = "none: the file does not say how it ended" if is_over else "none yet"
    page.fact("status", state.status or none)
    page.fact("stop reason", state.stop_reason)
    page.fact("reward", "" if state.reward is None else f"{state.reward:g}")
    width = _name_width(state.scores)
    for name, score in state.scores.items():
        page.fact(f"  {name}", f"{score:g}", "number", width=width)


def _add_sums(page: MetaPage, state: RunState) -> None:
    tally = state.tally
    page.heading("Sums")
    page.fact("messages", f"{state.messages:,} in {counted(state.turn, 'turn')}")
    results, errors = counted(state.results, "result"), counted(state.tool_errors, "error")
    page.fact("calls", f"{state.calls:,}, {results}, {errors}" if state.calls else "none")
    width = _name_width(tally.tools)
    for name, (calls, failed) in sorted(tally.tools.items(), key=lambda tool: -tool[1][0]):
        text = f"{calls:,}" + (f", {counted(failed, 'error')}" if failed else "")
        page.fact(f"  {name}", text + _seconds_suffix(tally.tool_seconds.get(name)), width=width)
    page.fact("began", _time_text(state.first_ts))
    latest = "ended" if state.ended else "latest event"
    page.fact(latest, _time_text(state.last_ts) if state.last_ts != state.first_ts else "")
    page.fact("took", _seconds_text(tally.duration_s(state.first_ts, state.last_ts)))
    page.fact("a reply took", _seconds_text(tally.latency_s))
    summed = Usage(tally.prompt_tokens, tally.completion_tokens, cost_usd=tally.cost_usd)
    _add_usage(page, state.usage if state.usage is not None else summed)


def _seconds_suffix(seconds: tuple[float, float] | None) -> str:
    """Return the seconds of a tool's calls, and of the longest unless that is the same."""
    if seconds is None:
        return ""
    total, longest = map(_seconds_text, seconds)
    return f" · {total}" + (f", longest {longest}" if longest != total else "")


def _add_costly_turns(page: MetaPage, timeline: Timeline) -> None:
    """Add the turns that took longest, or the most tokens if no seconds are known."""
    turns = timeline.state.tally.costly_turns
    if len(turns) < 2:
        return
    page.heading(page.keys.format("Most expensive turns ({open} goes there)"))
    for cost in turns:
        facts = [
            _seconds_text(cost.seconds),
            f"{cost.tokens_in:,} tokens in" if cost.tokens_in is not None else "",
            f"{cost.tokens_out:,} tokens out" if cost.tokens_out is not None else "",
        ]
        row = timeline.turn_row(cost.turn)
        page.link(f"turn {cost.turn:,}", " · ".join(filter(None, facts)), row=row)


def _add_usage(page: MetaPage, usage: Usage) -> None:
    page.fact("tokens in", _number_text(usage.prompt_tokens))
    page.fact("  cached", _number_text(usage.cached_tokens))
    page.fact("tokens out", _number_text(usage.completion_tokens))
    page.fact("  reasoning", _number_text(usage.reasoning_tokens))
    page.fact("cost", "" if usage.cost_usd is None else f"${short_number(usage.cost_usd)}")


def _add_relatives(page: MetaPage, relatives: Sequence[Relative]) -> None:
    if relatives:
        page.heading(page.keys.format("Runs it belongs to ({open} goes there)"))
    for relative in relatives:
        page.link(relative.kind, relative.text, run=relative.place)


def _add_tools(page: MetaPage, tools: Sequence[ToolSpec], *, declared: bool) -> None:
    if not declared:
        return
    declares = f"{counted(len(tools), 'tool')} declared ({{open}} shows the schema)"
    page.heading(page.keys.format(declares))
    for tool in tools:
        first = tool.description.strip().split("\n", 1)[0]
        key = f"tools/{tool.name}"
        if page.folding(tool.name or "(no name)", first, key):
            if tool.description.strip() != first:
                page.body(tool.description.strip(), is_json=False)
            page.body(_laid_out(page.spelled(key, tool.parameters)[:LONGEST]), is_json=True)


@lru_cache(maxsize=16)
def _laid_out(text: str) -> str:
    return spread(text)


def _add_details(page: MetaPage, state: RunState) -> None:
    """Add what the file says besides, without labels and what the page begins with."""
    shown = {"id": state.run_id, "task": state.task, "model": state.model}
    further = {
        name: value
        for name, value in state.details.items()
        if not name.startswith(LABEL) and (name, value) not in shown.items()
    }
    if further:
        page.heading("Other data in the file")
    for name, value in further.items():
        page.value(name, value, f"details/{name}")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _shape_prefix(value: Any) -> str:
    match value:
        case dict():
            return f"object of {counted(len(value), 'key')} · "
        case list() | tuple():
            return f"list of {len(value):,} · "
        case _:
            return ""


def _number_text(count: int | None) -> str:
    return "" if count is None else f"{count:,}"


def _seconds_text(seconds: float | None) -> str:
    return "" if seconds is None else duration(seconds)


def _time_text(ts: float | None) -> str:
    return utc_text(ts, "%Y-%m-%d %H:%M:%S UTC")


def _name_width(names: Iterable[str]) -> int:
    """Return the width of indented names at which their values are aligned."""
    longest = max((len(name) + _INDENT for name in names), default=0)
    return min(LONGEST_NAME, max(NAME_WIDTH, longest))


def _fact_line(name: str, text: str, style: str, width: int = NAME_WIDTH) -> MetaLine:
    label = f"{name:<{width}} "
    spans = [StyledSpan(0, len(label), "key")]
    if style:
        spans.append(StyledSpan(len(label), len(label) + len(text), style))
    return MetaLine(Line(label + text, tuple(spans)), hang=width + 1)


def _plain_lines(text: str) -> Iterable[Line]:
    return (Line(part, (), _INDENT) for part in text.split("\n"))
