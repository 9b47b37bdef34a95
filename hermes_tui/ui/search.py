"""Searches over the texts of a run or the lines of a list, in linear time for any pattern."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

from hermes_tui.ui.render.document import Document, Match

MAX_MATCHES = 10_000
"""The most matches that are found on a single page."""
Spans = Callable[[str], Iterator[tuple[int, int] | None]]


class Search(NamedTuple):
    """A search over a run or a list. `text` is as typed; the functions take linear time."""

    text: str
    search_steps: Callable[[str], Iterator[bool]]
    """Yields False after each part of a long text, and finally whether there is a match."""
    look_at: Spans
    """Yields the matches in a text, and None after each part of a long text without any."""
    may_match: Callable[[str], bool]
    """Returns quickly whether there may be a match in any of the lines of a text."""
    is_regex: bool = False
    case_matters: bool = False
    in_texts: bool = False
    """Whether all texts of the runs are searched, in a list of runs."""

    def found_in(self, text: str) -> bool:
        """Return whether there is a match in a text."""
        return any(self.search_steps(text))

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield the matches in a text."""
        return (span for span in self.look_at(text) if span is not None)


def matches_in(document: Document, search: Search) -> list[Match]:
    """Return the matches of a search in a document, in order, at most `MAX_MATCHES`."""
    found = document.look(search.look_at, search.may_match)
    return list(islice((match for match in found if match is not None), MAX_MATCHES))


def compile_search(
    text: str, *, is_regex: bool, case_matters: bool, in_texts: bool = False
) -> Search:
    """Return a search for `text`; raises RegexError if it is not a valid regular expression."""
    if is_regex:
        functions = _regex_functions(text if case_matters else _with_flag("i", text))
    else:
        functions = _text_functions(text, case_matters=case_matters)
    return Search(text, *functions, is_regex, case_matters, in_texts)


_SearchFunctions = tuple[Callable[[str], Iterator[bool]], Spans, Callable[[str], bool]]


def _text_functions(text: str, *, case_matters: bool) -> _SearchFunctions:
    plain = re.compile(re.escape(text), 0 if case_matters else re.IGNORECASE)

    def found_in(whole: str) -> bool:
        return text in whole if case_matters else plain.search(whole) is not None

    return (
        lambda whole: iter((found_in(whole),)),
        lambda whole: (found.span() for found in plain.finditer(whole)),
        found_in,
    )


def _with_flag(flag: str, pattern: str) -> str:
    """Return a pattern with one more flag: all global flags must be together at its start."""
    flags = re.match(r"\(\?([a-z]+)\)", pattern)
    return f"(?{flag}{flags[1]}){pattern[flags.end() :]}" if flags else f"(?{flag}){pattern}"


def _regex_functions(pattern: str) -> _SearchFunctions:
    """Return the search functions for a pattern. A text that is too costly to search is a match."""
    from hermes_tui.log.linear_regex import RegexError, compile_search_steps, compile_span_steps

    search, each = compile_search_steps(pattern), compile_span_steps(pattern)
    # The flag `m` makes `^` and `$` match at every line, but not `\A` and `\Z`.
    in_lines = (
        None if re.search(r"\\[AZ]", pattern) else compile_search_steps(_with_flag("m", pattern))
    )

    def search_steps(text: str) -> Iterator[bool]:
        try:
            yield from search(text)
        except RegexError:
            yield True

    def look_at(text: str) -> Iterator[tuple[int, int] | None]:
        end = 0
        try:
            for span in each(text):
                yield span
                end = end if span is None else span[1]
        except RegexError:
            yield end, len(text)

    def may_match(lines: str) -> bool:
        try:
            return in_lines is None or any(in_lines(lines))
        except RegexError:
            return True

    return search_steps, look_at, may_match
