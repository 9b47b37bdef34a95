"""Rewrites the calls of a text, in place, in each format that a parser understands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from hermes_tui.model.spans import Span
from hermes_tui.parsers.base import ParsedCall, Parser, ParseResult
from hermes_tui.parsers.edits import Edit, apply_edits
from hermes_tui.parsers.literals import compact
from hermes_tui.parsers.probe import Probe, is_readable
from hermes_tui.parsers.wire.base import Renderer

MARKUP = re.compile(r"```\w*+[ \t]*+|<[|｜/]?[\w:=｜▁]{1,60}+[|｜]?>|</s>")
"""What is neither prose nor a call: fences, special tokens, stray tags."""

_ALIAS = {"function-xml": "qwen3_coder", "glm": "glm45+glm47"}
_MAX_RENDERERS = 3
_TAG_REACH = 64
_TAG_BEFORE = re.compile(r"<[|｜/]?[\w:▁ -]{2,40}+[|｜]?>\s*+\Z")
_TAG_AFTER = re.compile(r"\s*+<[|｜/]?[\w:▁ -]{2,40}+[|｜]?>")
_WORD = re.compile(r"\w")


def rewritings(
    text: str, probe: Probe, calls: Sequence[ParsedCall], reading: ParseResult
) -> Iterator[str]:
    """Yield versions of `text` in which the calls are rewritten so that the parser reads them."""
    written = [call._replace(arguments=compact(call.value)) for call in calls]
    for render in _renderers(probe, written):
        for new in _placements(text, render, written, reading):
            if probe.reads(new):
                yield new
                break


def _renderers(probe: Probe, calls: Sequence[ParsedCall]) -> list[Renderer]:
    """Return the renderers whose output the parser reads, those of its own formats if any do."""
    from hermes_tui.parsers.wire.scan import WIRES

    known = [(wire.formats, wire.render) for wire in WIRES if wire.render]
    own_formats = _formats(probe.parser)
    own = [render for formats, render in known if own_formats.intersection(formats)]
    rest = [render for formats, render in known if not own_formats.intersection(formats)]
    for renders in (own, rest):
        found = [render for render in renders if probe.understands(render(calls))]
        if found:
            return found[:_MAX_RENDERERS]
    return []


def _formats(parser: Parser) -> set[str]:
    info: Any = getattr(parser, "info", None)
    names = {parser.name.rpartition("/")[2]}
    if info is not None:
        names |= {_ALIAS.get(part, part) for part in info.format.split("+")}
    return {part for name in names for part in name.split("+")}


def _placements(
    text: str, render: Renderer, calls: Sequence[ParsedCall], reading: ParseResult
) -> Iterator[str]:
    """Yield the text with the rewritten calls placed in several ways.

    They are placed where they are now, all at the place of the first, all at the end, at the end
    with the markup around them removed, and in place with the unreadable calls removed.
    """
    groups = _groups(text, calls)
    for wide in _widened_groups(text, groups):
        yield _in_place(text, wide, [render(group) for group in wide])
    yield _in_place(text, groups, [render(group) for group in groups])
    prose = apply_edits(text, [Edit(call.span.start, call.span.end, "") for call in calls]).strip()
    if len(groups) > 1:
        yield _in_place(text, [list(calls)], [render(calls)])
    yield f"{prose}\n{render(calls)}" if prose else render(calls)
    bare = MARKUP.sub("", prose).strip()
    yield f"{bare}\n{render(calls)}" if _WORD.search(bare) else render(calls)
    broken = [[call] for call in reading.calls if not is_readable(call)]
    if broken:
        every = sorted([*groups, *broken], key=lambda group: group[0].span)
        yield _in_place(text, every, ["" if group in broken else render(group) for group in every])


def _widened_groups(text: str, groups: list[list[ParsedCall]]) -> Iterator[list[list[ParsedCall]]]:
    """Yield the groups widened over the tag before and after each: it may be a misspelt marker.

    Nothing if there are no such tags.
    """
    wide = []
    for group in groups:
        first, last = group[0].span, group[-1].span
        before = _TAG_BEFORE.search(text, max(0, first.start - _TAG_REACH), first.start)
        after = _TAG_AFTER.match(text, last.end)
        start = before.start() if before else first.start
        end = after.end() if after else last.end
        wide.append(_stretched(group, start, end))
    if wide != groups:
        yield wide


def _stretched(group: list[ParsedCall], start: int, end: int) -> list[ParsedCall]:
    first = group[0]._replace(span=Span(start, group[0].span.end))
    group = [first, *group[1:]]
    return [*group[:-1], group[-1]._replace(span=Span(group[-1].span.start, end))]


def _groups(text: str, calls: Sequence[ParsedCall]) -> list[list[ParsedCall]]:
    """Return the runs of calls with nothing but blanks between them."""
    groups: list[list[ParsedCall]] = []
    end = -1
    for call in calls:
        if groups and not text[end : call.span.start].strip():
            groups[-1].append(call)
        else:
            groups.append([call])
        end = call.span.end
    return groups


def _in_place(text: str, groups: list[list[ParsedCall]], written: list[str]) -> str:
    edits = [
        Edit(group[0].span.start, group[-1].span.end, new)
        for group, new in zip(groups, written, strict=True)
    ]
    return apply_edits(text, edits)
