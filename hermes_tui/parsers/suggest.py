"""The smallest edits after which a parser reads the intended calls.

The intended calls are those of our own reading. They are rewritten in each format that the parser
may understand, the result is compared with the text, and every difference that the parser can do
without is left out. Every suggestion has been parsed: none is a guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from itertools import pairwise
from typing import NamedTuple

from hermes_tui.model.diagnostics import Code
from hermes_tui.model.messages import ToolSpec
from hermes_tui.model.spans import Span
from hermes_tui.parsers.base import ParsedCall, Parser, ParseResult
from hermes_tui.parsers.compare import edits_between
from hermes_tui.parsers.edits import Edit, apply_edits, describe_edits, repairs
from hermes_tui.parsers.probe import Probe, is_readable, is_same
from hermes_tui.parsers.rewrite import MARKUP, rewritings

_WORD = re.compile(r"\w")
_AROUND = 2_000
_LONG_TEXT = 50_000
_MAX_EDITS = 60
_MAX_OTHERS = 3


class _Case(NamedTuple):
    """A text, the parser's reading of it (`present`) and ours (`reading`)."""

    text: str
    parser: Parser
    tools: Sequence[ToolSpec]
    present: ParseResult
    reading: ParseResult


class Suggestion(NamedTuple):
    """A text that `parser` reads as intended.

    `spans` are the places of the original text that change (an empty span is an insertion); `cost`
    is the number of characters that change. If another parser reads the text unchanged, there are
    no spans and the cost is 0.
    """

    text: str
    description: str
    spans: tuple[Span, ...]
    parser: str
    cost: int


def suggestions(
    text: str,
    parser: Parser,
    tools: Sequence[ToolSpec],
    *,
    others: Sequence[Parser] = (),
    limit: int = 8,
) -> tuple[Suggestion, ...]:
    """Return suggestions to make `parser` read the intended calls in `text`, the best first.

    Empty if the parser reads them already, or if our own reading finds none. `others` are parsers
    to try on the unchanged text.
    """
    from hermes_tui.parsers.auto import Auto

    reading = Auto().parse(text, tools)
    meant = _intended_calls(reading)
    if not meant:
        return ()
    found: dict[str, Suggestion] = {}
    case = _Case(text, parser, tools, parser.parse(text, tools), reading)
    if len(text) > _LONG_TEXT and (edits := _repaired(case, meant)):
        return (_suggestion(text, edits, parser, cut=_is_cut(reading)),)
    for target in _targets(meant, tools):
        if is_same(case.present.calls, target):
            break
        for edits in _edited(case, target):
            one = _suggestion(text, edits, parser, cut=_is_cut(reading))
            alike = "".join(one.text.split())
            if alike not in found or one.cost < found[alike].cost:
                found[alike] = one
    if not found and is_same(case.present.calls, meant):
        return ()
    edited = sorted(found.values(), key=lambda one: one.cost)
    reads = _other_parsers(case, meant, others)
    return tuple(_ranked(edited, reads, sum(len(call.span) for call in meant))[:limit])


def _repaired(case: _Case, meant: list[ParsedCall]) -> list[Edit]:
    """Return the repairs of the parser's findings if they suffice, else none.

    Used for long texts, whose calls would take long to rewrite.
    """
    edits = repairs(case.text, case.present.diagnostics)
    return edits if edits and _reads_target(case, apply_edits(case.text, edits), meant) else []


def _intended_calls(reading: ParseResult) -> list[ParsedCall]:
    """Return the readable calls of our reading, none if the arguments of one are not an object."""
    calls = [call for call in reading.calls if is_readable(call)]
    return calls if all(isinstance(call.value, dict) for call in calls) else []


def _is_cut(reading: ParseResult) -> bool:
    return any(one.code is Code.TRUNCATED for one in reading.diagnostics)


def _targets(meant: list[ParsedCall], tools: Sequence[ToolSpec]) -> Iterator[list[ParsedCall]]:
    """Yield the calls to aim for: first with near misses of declared names corrected, then not."""
    names = [tool.name for tool in tools][:200]
    corrected = [call._replace(name=_corrected(call.name or "", names)) for call in meant]
    if corrected != meant:
        yield corrected
    yield meant


def _corrected(name: str, names: list[str]) -> str:
    if not names or name in names or len(name) > 80:
        return name
    tail = name.replace("-", "_").rpartition(".")[2]
    if tail in names:
        return tail
    return (get_close_matches(name, names, 1, 0.75) or [name])[0]


def _edited(case: _Case, target: list[ParsedCall]) -> Iterator[list[Edit]]:
    """Yield edits after which the parser reads the calls of `target`."""
    window = _window(case.text, target)
    part = case
    if len(window) < len(case.text):
        part = _window_case(case, window)
        target = [_shifted(call, -window.start) for call in target]
    probe = Probe(part.text, case.parser, case.tools, part.present, target, _prose(part))
    if probe.is_met:
        return
    for new in rewritings(part.text, probe, target, part.reading):
        edits = _minimal(part.text, edits_between(part.text, new), probe)
        moved = [Edit(e.start + window.start, e.end + window.start, e.text) for e in edits]
        if part is case or _reads_target(case, apply_edits(case.text, moved), target):
            yield moved


def _window(text: str, target: list[ParsedCall]) -> Span:
    """Return the span of the calls in a long text, with some text around them."""
    if len(text) <= 4 * _AROUND:
        return Span(0, len(text))
    start = max(0, min(call.span.start for call in target) - _AROUND)
    return Span(start, min(len(text), max(call.span.end for call in target) + _AROUND))


def _shifted(call: ParsedCall, by: int) -> ParsedCall:
    span = Span(max(0, call.span.start + by), call.span.end + by)
    return call._replace(span=span, name_span=None, arguments_span=None)


def _window_case(case: _Case, window: Span) -> _Case:
    """Return the case restricted to the window."""
    text = case.text[window.start : window.end]
    spans = [
        Span(max(span.start, window.start) - window.start, min(span.end, window.end) - window.start)
        for span in case.reading.content_spans
        if span.overlaps(window)
    ]
    calls = [
        _shifted(call, -window.start) for call in case.reading.calls if call.span.overlaps(window)
    ]
    reading = case.reading._replace(calls=tuple(calls), content_spans=tuple(spans))
    present = case.parser.parse(text, case.tools)
    return case._replace(text=text, present=present, reading=reading)


def _reads_target(case: _Case, text: str, target: list[ParsedCall]) -> bool:
    return is_same(case.parser.parse(text, case.tools).calls, target)


def _prose(case: _Case) -> list[str]:
    """Return the prose around the calls, which must remain content."""
    pieces: list[str] = []
    for span in case.reading.content_spans:
        pieces += (piece.strip() for piece in MARKUP.split(case.text[span.start : span.end]))
    return [piece for piece in pieces if _WORD.search(piece)]


def _minimal(text: str, edits: list[Edit], probe: Probe) -> list[Edit]:
    """Leave out every edit that the parser can do without: first equal ones at once, then each."""
    kinds = sorted({_kind(text, edit) for edit in edits})
    for kind in kinds[:_MAX_EDITS]:
        alike = [edit for edit in edits if _kind(text, edit) == kind]
        edits = _without(text, edits, alike, probe)
    if len(edits) > _MAX_EDITS:
        return edits
    for edit in sorted(edits, key=lambda e: -e.cost):
        edits = _without(text, edits, [edit], probe)
    for pair in list(pairwise(edits)):
        edits = _without(text, edits, pair, probe)
    return _stripped(text, edits, probe)


def _stripped(text: str, edits: list[Edit], probe: Probe) -> list[Edit]:
    """Strip inserted blanks that the parser can do without."""
    for i, edit in enumerate(edits):
        bare = edit._replace(text=edit.text.strip())
        if bare != edit and (bare.text or bare.start < bare.end):
            fewer = [*edits[:i], bare, *edits[i + 1 :]]
            edits = fewer if probe.reads(apply_edits(text, fewer)) else edits
    return edits


def _without(text: str, edits: list[Edit], dropped: Sequence[Edit], probe: Probe) -> list[Edit]:
    gone = set(dropped)
    kept = [edit for edit in edits if edit not in gone]
    if not kept or len(kept) == len(edits):
        return edits
    return kept if probe.reads(apply_edits(text, kept)) else edits


def _kind(text: str, edit: Edit) -> tuple[bool, str, str]:
    """Return a key of what an edit does; blanks sort first, since they hardly ever matter."""
    old = text[edit.start : edit.end]
    matters = bool(old.strip() or edit.text.strip())
    return (True, old, edit.text) if matters else (False, "", "")


def _suggestion(text: str, edits: list[Edit], parser: Parser, *, cut: bool) -> Suggestion:
    description = describe_edits(text, edits)
    if cut:
        description += "; the text was cut off here: more may have been meant"
    return Suggestion(
        apply_edits(text, edits),
        description,
        tuple(edit.span for edit in edits),
        parser.name,
        sum(edit.cost for edit in edits),
    )


def _other_parsers(
    case: _Case, meant: list[ParsedCall], others: Sequence[Parser]
) -> list[Suggestion]:
    """Suggest parsers that read the text unchanged, those of the same engine first."""
    engine = case.parser.name.partition("/")[0]
    candidates = [other for other in others if other.name != case.parser.name]
    candidates.sort(key=lambda other: other.name.partition("/")[0] != engine)
    found = []
    for other in candidates:
        if is_same(other.parse(case.text, case.tools).calls, meant):
            info = getattr(other, "info", None)
            flag = f": {info.flag}" if info and info.flag else ""
            what = f"{other.name} reads it unchanged{flag}"
            found.append(Suggestion(case.text, what, (), other.name, 0))
        if len(found) == _MAX_OTHERS:
            break
    return found


def _ranked(edited: list[Suggestion], others: list[Suggestion], size: int) -> list[Suggestion]:
    """Return all suggestions; other parsers come second, or first unless an edit is small."""
    if not edited or edited[0].cost > size // 3:
        return [*others, *edited]
    return [edited[0], *others, *edited[1:]]
