"""A search over the texts of a run or the lines of a list, in linear time whatever the pattern."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from hermes_tui.ui.render.document import Document, Match

Spans = Callable[[str], Iterator[tuple[int, int]]]


class Search(NamedTuple):
    """A search over a run or a list. `text` is as it was typed; its functions are linear."""

    text: str
    found_in: Callable[[str], bool]
    spans: Spans
    """Yields the matches in a text."""
    is_regex: bool = False
    case_matters: bool = False
    in_texts: bool = False
    """Whether, in a list of runs, all that they say is searched."""


def matches_in(document: Document, search: Search, limit: int = 10_000) -> list[Match]:
    """Return at most `limit` places of a document that a search is about, in order."""
    return list(document.find(search.spans, limit))


def compile_search(
    text: str, *, is_regex: bool, case_matters: bool, in_texts: bool = False
) -> Search:
    """Return a search; raise RegexError where the regular expression is none."""
    if is_regex:
        found_in, spans = _by_regex(text if case_matters else f"(?i){text}")
    else:
        plain = re.compile(re.escape(text), 0 if case_matters else re.IGNORECASE)
        found_in, spans = _found_in(text, plain, case_matters=case_matters), _spans_of(plain)
    return Search(text, found_in, spans, is_regex, case_matters, in_texts)


def _found_in(text: str, plain: re.Pattern[str], *, case_matters: bool) -> Callable[[str], bool]:
    if case_matters:
        return lambda whole: text in whole
    return lambda whole: plain.search(whole) is not None


def _spans_of(plain: re.Pattern[str]) -> Spans:
    return lambda whole: (found.span() for found in plain.finditer(whole))


def _by_regex(pattern: str) -> tuple[Callable[[str], bool], Spans]:
    """Return what finds a pattern; all of a text in which to look is too costly counts as found."""
    from hermes_tui.log.linear_regex import RegexError, compile_regex, compile_spans

    search, each = compile_regex(pattern), compile_spans(pattern)

    def found_in(text: str) -> bool:
        try:
            return search(text)
        except RegexError:
            return True

    def spans(text: str) -> Iterator[tuple[int, int]]:
        end = 0
        try:
            for start, end in each(text):
                yield start, end
        except RegexError:
            yield end, len(text)

    return found_in, spans
