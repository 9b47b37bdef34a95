"""A search over the texts of a run or the lines of a list, in linear time whatever the pattern."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

from hermes_tui.ui.render.document import Document, Match


class Search(NamedTuple):
    """A search over a run or a list. `text` is as it was typed; `found_in` takes linear time."""

    text: str
    found_in: Callable[[str], bool]
    is_regex: bool = False
    case_matters: bool = False
    in_texts: bool = False
    """Whether, in a list of runs, all that they say is searched."""

    def highlight(self) -> re.Pattern[str]:
        """Return what marks the matches in a text that holds some.

        A repeated group could send Python's own engine through endless tries: then the whole line
        is marked.
        """
        flags = 0 if self.case_matters else re.IGNORECASE
        if not self.is_regex:
            return re.compile(re.escape(self.text), flags)
        return re.compile(".+") if self.marks_lines else re.compile(self.text, flags)

    def matches(self, text: str) -> Iterator[re.Match[str]]:
        """Yield what is to be marked in a text: of whole lines only those that hold a match."""
        found = self.highlight().finditer(text)
        return (one for one in found if self.found_in(one[0])) if self.marks_lines else found

    @property
    def marks_lines(self) -> bool:
        """Whether `highlight` marks all of any line: of one that holds no match as well."""
        return self.is_regex and re.search(r"\)[*+{?]", self.text) is not None


def matches_in(document: Document, search: Search, limit: int = 10_000) -> list[Match]:
    """Return at most `limit` places of a document that a search is about, in order."""
    if not search.marks_lines:
        return list(document.find(search.highlight(), limit))
    texts = enumerate(line.text for line in document.lines)
    found = (Match(at, 0, len(text)) for at, text in texts if text and search.found_in(text))
    return list(islice(found, limit))


def compile_search(
    text: str, *, is_regex: bool, case_matters: bool, in_texts: bool = False
) -> Search:
    """Return a search; raise RegexError where the regular expression is none."""
    found_in = _found_in(text, is_regex=is_regex, case_matters=case_matters)
    return Search(text, found_in, is_regex, case_matters, in_texts)


def _found_in(text: str, *, is_regex: bool, case_matters: bool) -> Callable[[str], bool]:
    if is_regex:
        return _found_by_regex(text if case_matters else f"(?i){text}")
    if case_matters:
        return lambda whole: text in whole
    plain = re.compile(re.escape(text), re.IGNORECASE)
    return lambda whole: plain.search(whole) is not None


def _found_by_regex(pattern: str) -> Callable[[str], bool]:
    """Return the test for a pattern; a text in which to look is too costly counts as found."""
    from hermes_tui.log.linear_regex import RegexError, compile_regex

    search = compile_regex(pattern)

    def found_in(text: str) -> bool:
        try:
            return search(text)
        except RegexError:
            return True

    return found_in
