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
from typing import Final, NamedTuple

MAX_NODES: Final = 1_000
MAX_DEPTH: Final = 40
MAX_STATES: Final = 4_000
MAX_TRANSITIONS: Final = 50_000
MAX_WORK: Final = 2_000_000
"""Node visits outside the cached states, per search; about a second."""

_END: Final = ""
_LAST_NEWLINE: Final = "\n$"
_START, _NEWLINE, _WORD, _OTHER = range(4)
_SPLIT, _CHAR, _ASSERT, _MATCH = range(4)
_REPEAT: Final = re.compile(r"\{(\d+)\}|\{(\d*),(\d*)\}")
_ESCAPE_LENGTHS: Final = {"x": 4, "u": 6, "U": 10}


class RegexError(ValueError):
    """A pattern is wrong or asks too much. `position` is 0-based, None while searching."""

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


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
    parser = _Parser(pattern)
    tree = parser.parse()
    if parser.repeats == 0 and parser.choices <= 1:
        search = checked.search
        return lambda text: search(text) is not None
    return _Automaton(tree, parser.atoms, parser.flags).found_in


class _Atom(NamedTuple):
    number: int


class _Assertion(NamedTuple):
    kind: str


class _Sequence(NamedTuple):
    items: tuple[_Tree, ...]


class _Choice(NamedTuple):
    options: tuple[_Tree, ...]


class _Repeated(NamedTuple):
    item: _Tree
    least: int
    most: int | None


_Tree = _Atom | _Assertion | _Sequence | _Choice | _Repeated


class _Parser:
    """Cuts a pattern, which `re` has already found to be well formed, into a tree."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.position = 0
        self.flags = 0
        self.atoms: list[str] = []
        self.repeats = 0
        self.choices = 0
        self._depth = 0

    def parse(self) -> _Tree:
        leading = re.match(r"\(\?([a-zA-Z]+)\)", self.pattern)
        if leading:
            for letter in leading[1]:
                if letter not in "aims":
                    raise RegexError(f"flag {letter!r} is not known here", 2)
                self.flags |= int(re.RegexFlag[letter.upper()])
            self.position = leading.end()
        return self._alternation()

    def _alternation(self) -> _Tree:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise RegexError("groups are nested too deeply", self.position)
        options = [self._sequence()]
        while self._peek() == "|":
            self.position += 1
            options.append(self._sequence())
        self._depth -= 1
        if len(options) == 1:
            return options[0]
        self.choices += 1
        return _Choice(tuple(options))

    def _sequence(self) -> _Tree:
        items: list[_Tree] = []
        while self._peek() not in ("", "|", ")"):
            items.append(self._quantified(self._atom()))
        return _Sequence(tuple(items))

    def _quantified(self, item: _Tree) -> _Tree:
        mark = self._peek()
        counted = _REPEAT.match(self.pattern, self.position)
        if mark in ("*", "+", "?"):
            least, most = int(mark == "+"), 1 if mark == "?" else None
            self.position += 1
        elif counted:
            least = int(counted[1] or counted[2] or 0)
            upper = counted[1] or counted[3]
            most = int(upper) if upper else None
            self.position = counted.end()
        else:
            return item
        if self._peek() == "?":
            self.position += 1
        elif self._peek() == "+":
            raise RegexError("possessive quantifiers are not known here", self.position)
        self.repeats += 1
        return _Repeated(item, least, most)

    def _atom(self) -> _Tree:
        mark = self._peek()
        if mark == "(":
            return self._group()
        if mark in ("^", "$"):
            self.position += 1
            return _Assertion(mark)
        if mark == "\\":
            return self._escape()
        return self._characters(self._class_end() if mark == "[" else self.position + 1)

    def _group(self) -> _Tree:
        opening = re.compile(r"\((?:\?:|\?P<\w+>|(?!\?))").match(self.pattern, self.position)
        if opening is None:
            raise RegexError(
                "lookaround, backreferences and other (?…) groups are not known here",
                self.position,
            )
        self.position = opening.end()
        inner = self._alternation()
        self.position += 1
        return inner

    def _escape(self) -> _Tree:
        letter = self.pattern[self.position + 1]
        if letter in "AZbB":
            self.position += 2
            return _Assertion(letter)
        if letter.isdigit() or letter == "N":
            raise RegexError(f"\\{letter} is not known here (no backreferences)", self.position)
        return self._characters(self.position + _ESCAPE_LENGTHS.get(letter, 2))

    def _class_end(self) -> int:
        position = self.position + 1
        if self.pattern[position] == "^":
            position += 1
        first = position
        while self.pattern[position] != "]" or position == first:
            position += 2 if self.pattern[position] == "\\" else 1
        return position + 1

    def _characters(self, end: int) -> _Tree:
        atom = self.pattern[self.position : end]
        self.position = end
        # A lone quantifier-like mark, such as the brace of "a{b", is a literal in Python.
        self.atoms.append("\\" + atom if atom in ("{", "}", "]") else atom)
        return _Atom(len(self.atoms) - 1)

    def _peek(self) -> str:
        return self.pattern[self.position : self.position + 1]


class _State(dict[str, "_State"]):
    """A set of places in the pattern, and the state that each next character leads to."""

    __slots__ = ("automaton", "before", "nodes")

    def __init__(self, automaton: _Automaton, nodes: frozenset[int], before: int) -> None:
        self.automaton = automaton
        self.nodes = nodes
        self.before = before

    def __missing__(self, character: str) -> _State:
        following = self.automaton.step(self, character)
        self[character] = following
        return following


class _Automaton:
    """A pattern as a graph of nodes `(kind, argument, targets)`, and the states made so far."""

    def __init__(self, tree: _Tree, atoms: list[str], flags: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._tests = [re.compile(atom, flags).fullmatch for atom in atoms]
        self._is_word = re.compile(r"\w", flags & re.ASCII).fullmatch
        self._multiline = bool(flags & re.MULTILINE)
        self._nodes: list[tuple[int, int | str, tuple[int, ...]]] = []
        self._start = self._emit(tree, self._add(_MATCH, 0, ()))
        self._looks_around = any(kind == _ASSERT for kind, _, _ in self._nodes)
        self._states: dict[tuple[frozenset[int], int], _State] = {}
        self._transitions = 0
        self._work = 0
        self._matched = _State(self, frozenset(), _OTHER)
        self._failed = _State(self, frozenset(), _OTHER)

    def found_in(self, text: str) -> bool:
        matched = self._matched
        self._work = 0
        state = self._state(frozenset(), _START)
        ends_a_line = text.endswith("\n")
        for character in text[:-1] if ends_a_line else text:
            state = state[character]
            if state is matched:
                return True
        if ends_a_line:
            state = state[_LAST_NEWLINE]
        return state is matched or state[_END] is matched

    def step(self, state: _State, key: str) -> _State:
        """Return the state after `state` when the next character is `key`."""
        self._transitions += 1
        if len(self._states) > MAX_STATES or self._transitions > MAX_TRANSITIONS:
            self._states.clear()
            self._transitions = 0
        character = key[:1]
        reached = self._closure(state, key)
        if 0 in reached:
            return self._matched
        if key == _END:
            return self._failed
        outcomes: dict[int | str, bool] = {}
        following = set()
        for place in reached:
            kind, test, targets = self._nodes[place]
            if kind != _CHAR or not isinstance(test, int):
                continue
            if test not in outcomes:
                outcomes[test] = self._tests[test](character) is not None
            if outcomes[test]:
                following.add(targets[0])
        return self._state(frozenset(following), self._context(character))

    def _closure(self, state: _State, key: str) -> set[int]:
        """Return every node that can be reached without reading on."""
        reached: set[int] = set()
        waiting = [self._start, *state.nodes]
        while waiting:
            place = waiting.pop()
            if place in reached:
                continue
            reached.add(place)
            kind, argument, targets = self._nodes[place]
            if kind == _SPLIT or (kind == _ASSERT and self._holds(argument, state.before, key)):
                waiting.extend(targets)
        self._work += len(reached)
        if self._work > MAX_WORK:
            raise RegexError("the pattern is too costly for this text")
        return reached

    def _holds(self, assertion: int | str, before: int, key: str) -> bool:
        match assertion:
            case "A":
                return before == _START
            case "^":
                return before == _START or (self._multiline and before == _NEWLINE)
            case "Z":
                return key == _END
            case "$":
                return key in (_END, _LAST_NEWLINE) or (self._multiline and key == "\n")
        at_boundary = (before == _WORD) != (self._is_word(key[:1]) is not None)
        return at_boundary == (assertion == "b")

    def _context(self, character: str) -> int:
        if not self._looks_around:
            return _OTHER
        if character == "\n":
            return _NEWLINE
        return _WORD if self._is_word(character) else _OTHER

    def _state(self, nodes: frozenset[int], before: int) -> _State:
        found = self._states.get((nodes, before))
        if found is None:
            found = self._states[nodes, before] = _State(self, nodes, before)
        return found

    def _add(self, kind: int, argument: int | str, targets: tuple[int, ...]) -> int:
        if len(self._nodes) >= MAX_NODES:
            raise RegexError("the pattern is too large")
        self._nodes.append((kind, argument, targets))
        return len(self._nodes) - 1

    def _emit(self, tree: _Tree, after: int) -> int:
        """Add the nodes of `tree`, which lead to `after`, and return the first of them."""
        match tree:
            case _Atom(number):
                return self._add(_CHAR, number, (after,))
            case _Assertion(kind):
                return self._add(_ASSERT, kind, (after,))
            case _Sequence(items):
                for item in reversed(items):
                    after = self._emit(item, after)
                return after
            case _Choice(options):
                targets = tuple(self._emit(option, after) for option in options)
                return self._add(_SPLIT, 0, targets)
            case _Repeated(item, least, most):
                return self._emit_repeated(item, least, most, after)

    def _emit_repeated(self, item: _Tree, least: int, most: int | None, after: int) -> int:
        if most is None:
            loop = self._add(_SPLIT, 0, ())
            self._nodes[loop] = (_SPLIT, 0, (self._emit(item, loop), after))
            after = loop
        else:
            skipped = after
            for _ in range(most - least):
                after = self._add(_SPLIT, 0, (self._emit(item, after), skipped))
        for _ in range(least):
            # Empty items add no node: without this, `(){999999999}` would be counted to the end.
            before = len(self._nodes)
            after = self._emit(item, after)
            if len(self._nodes) == before:
                break
        return after
