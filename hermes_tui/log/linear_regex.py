"""Regular expressions whose cost grows linearly with the text: no input makes them backtrack.

    pattern     := ["(?" one or more of "aims" ")"] alternation
    alternation := sequence ("|" sequence)*
    sequence    := (atom [("*" | "+" | "?" | "{m}" | "{m,}" | "{,n}" | "{m,n}") ["?"]])*
    atom        := character | "." | "[" class "]" | "\\" escape | "^" | "$"
                 | "(" ["?:" | "?P<" name ">"] alternation ")"

The meaning is that of Python's `re`, whose own matcher is used for single characters only (and for
whole patterns that leave it nothing to backtrack over). The rest runs as an automaton whose states
are made when a text first reaches them (Thompson 1968). Lookaround and backreferences need
backtracking and are refused.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable

from hermes_tui.log.regex_automaton import Automaton
from hermes_tui.log.regex_tree import PatternParser
from hermes_tui.log.regex_tree import RegexError as RegexError


def compile_regex(pattern: str) -> Callable[[str], bool]:
    """Return a test for whether `pattern` is found anywhere in a text.

    Raises RegexError here for what is no pattern of the grammar above, and from the test for a text
    on which the automaton would grow without end.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            checked = re.compile(pattern)
    except re.error as error:
        raise RegexError(error.msg, error.pos) from None
    except (OverflowError, RecursionError) as error:
        raise RegexError(str(error)) from None
    parser = PatternParser(pattern)
    tree = parser.parse()
    if parser.repeats == 0 and parser.choices <= 1:
        search = checked.search
        return lambda text: search(text) is not None
    return Automaton(tree, parser.atoms, parser.flags).found_in
