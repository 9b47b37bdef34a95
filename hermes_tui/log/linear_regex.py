"""Regular expressions whose cost grows linearly with the text: no input makes them backtrack.

    pattern     := ["(?" one or more of "aims" ")"] alternation
    alternation := sequence ("|" sequence)*
    sequence    := (atom [("*" | "+" | "?" | "{m}" | "{m,}" | "{,n}" | "{m,n}") ["?"]])*
    atom        := character | "." | "[" class "]" | "\\" escape | "^" | "$"
                 | "(" ["?:" | "?P<" name ">"] alternation ")"

The meaning is that of Python's `re`, whose own matcher is used only for single characters (and for
whole patterns that give it nothing to backtrack over). The rest runs as an automaton whose states
are created when a text first reaches them (Thompson 1968). Lookaround and backreferences need
backtracking and are refused.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from math import factorial, inf
from typing import Final

from hermes_tui.log.regex_automaton import Automaton
from hermes_tui.log.regex_tree import PatternParser, Tree, reverse
from hermes_tui.log.regex_tree import RegexError as RegexError

MAX_STEPS: Final = 500
"""Steps per character that `re` may take to try all ways to split a text over the repeats."""
MAX_SPLITS: Final = 30
MAX_FOLLOWED: Final = 4
"""How often each character is read, on average, to follow matches to their longest ends."""


def compile_regex(pattern: str) -> Callable[[str], bool]:
    """Return a test for whether `pattern` is found anywhere in a text.

    Raises RegexError if `pattern` is not of the grammar above. The test raises it for a text on
    which the automaton would grow without end.
    """
    search_steps = compile_search_steps(pattern)
    return lambda text: any(search_steps(text))


def compile_search_steps(pattern: str) -> Callable[[str], Iterator[bool]]:
    """Return the test of `compile_regex` in steps: it yields False after each step, finally the
    result."""
    checked = _compiled_by_re(pattern)
    parser = PatternParser(pattern)
    tree = parser.parse()
    if parser.repeats == 0 and parser.choices <= 1:
        search = checked.search
        return lambda text: iter((search(text) is not None,))
    return Automaton(tree, parser.atoms, parser.flags).search_steps


def compile_span_steps(pattern: str) -> Callable[[str], Iterator[tuple[int, int] | None]]:
    """Return a function that yields the matches of `pattern` in a text, disjoint and not empty.

    It also yields None after each step without a match. In a text that is short for the pattern the
    matches are those of `re`. In longer texts they are the leftmost and longest ones or, for a
    pattern with a lazy repeat, the first to end; if following them takes too long, they end sooner.
    Raises RegexError as `compile_regex` does.
    """
    checked = _compiled_by_re(pattern)
    parser = PatternParser(pattern)
    tree = parser.parse()
    splits = parser.repeats + parser.choices * (parser.choices > 1)
    longest = inf
    if parser.repeats_groups:
        longest = 0
    elif splits:
        longest = (MAX_STEPS * factorial(splits + 1)) ** (1 / splits) if splits < MAX_SPLITS else 0
    spans = _SpanFinder(tree, parser)

    def found_in(text: str) -> Iterator[tuple[int, int] | None]:
        if len(text) > longest:
            return spans.found_in(text)
        return (match.span() for match in checked.finditer(text) if match.end() > match.start())

    return found_in


class _SpanFinder:
    """Finds the spans of the matches of a pattern, in linear time.

    It finds the first end of any match, then matches the reversed pattern backwards to find where
    the leftmost match with that end begins, and follows it from there to its longest end.
    """

    def __init__(self, tree: Tree, parser: PatternParser) -> None:
        atoms, flags = parser.atoms, parser.flags
        self._any = Automaton(tree, atoms, flags)
        self._backwards = Automaton(reverse(tree), atoms, flags, is_anchored=True)
        self._onwards = Automaton(tree, atoms, flags, is_anchored=True)
        self._has_lazy = parser.has_lazy

    def found_in(self, text: str) -> Iterator[tuple[int, int] | None]:
        # `$` also matches before a last newline, which is not part of any span.
        text = text.removesuffix("\n")
        begin, to_follow = 0, MAX_FOLLOWED * len(text)
        while begin <= len(text):
            end = None
            for end in self._any.first_end(text, begin):
                if end is None:
                    yield None
            if end is None:
                return
            start = self._leftmost(text, begin, end)
            if not self._has_lazy and to_follow > 0:
                end = max(end, self._onwards.longest(text, start, min(len(text), end + to_follow)))
                to_follow -= self._onwards.reached - start
            if end > start:
                yield start, end
            begin = max(end, begin + 1)

    def _leftmost(self, text: str, begin: int, end: int) -> int:
        # With one character on either side, for assertions.
        before, after = max(0, begin - 1), min(len(text), end + 1)
        around = text[before:after][::-1]
        first, last = after - end, after - begin
        return end - max(0, self._backwards.longest(around, first, last) - first)


def _compiled_by_re(pattern: str) -> re.Pattern[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return re.compile(pattern)
    except re.error as error:
        raise RegexError(error.msg) from None
    except (ValueError, OverflowError, RecursionError) as error:
        raise RegexError(str(error)) from None
