"""A regular expression as an automaton whose states are created when a text first reaches them."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from typing import Final

from hermes_tui.log.regex_tree import (
    Assertion,
    Atom,
    Choice,
    RegexError,
    Repeated,
    Sequence,
    Tree,
)

MAX_NODES: Final = 1_000
MAX_STATES: Final = 4_000
MAX_TRANSITIONS: Final = 50_000
MAX_WORK: Final = 2_000_000
"""Node visits outside the cached states, per search; about a second."""

_END: Final = ""
_LAST_NEWLINE: Final = "\n$"
_START, _NEWLINE, _WORD, _OTHER = range(4)
_SPLIT, _CHAR, _ASSERT, _MATCH = range(4)
SEARCH_SLICE: Final = 1 << 16
"""Characters after which a search through a long text lets its caller do something else: 5 ms."""
_PIECE: Final = 4096
"""Characters of a text that are copied at a time while it is searched."""


class _State(dict[str, "_State"]):
    """A set of nodes of the pattern, and the state that each next character leads to."""

    __slots__ = ("automaton", "before", "has_matched", "nodes")

    def __init__(
        self, automaton: Automaton, nodes: frozenset[int], before: int, has_matched: bool = False
    ) -> None:
        self.automaton = automaton
        self.nodes = nodes
        self.before = before
        self.has_matched = has_matched
        """For an anchored automaton: whether a match ended just before the last character."""

    def __missing__(self, character: str) -> _State:
        following = self.automaton.step(self, character)
        self[character] = following
        return following


class Automaton:
    """A pattern as a graph of nodes `(kind, argument, targets)`, and the states created so far.

    An anchored one looks only for the longest match that begins at the beginning of a text.
    """

    def __init__(
        self, tree: Tree, atoms: list[str], flags: int, *, is_anchored: bool = False
    ) -> None:
        self._is_anchored = is_anchored
        self.reached = 0
        """How far `longest` has looked."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._tests = [re.compile(atom, flags).fullmatch for atom in atoms]
        self._is_word = re.compile(r"\w", flags & re.ASCII).fullmatch
        self._multiline = bool(flags & re.MULTILINE)
        self._nodes: list[tuple[int, int | str, tuple[int, ...]]] = []
        self._start = self._emit(tree, self._add(_MATCH, 0, ()))
        self._looks_around = any(kind == _ASSERT for kind, _, _ in self._nodes)
        self._states: dict[tuple[frozenset[int], int, bool], _State] = {}
        self._transitions = 0
        self._work = 0
        self._matched = _State(self, frozenset(), _OTHER)
        self._failed = _State(self, frozenset(), _OTHER)

    def search_steps(self, text: str) -> Iterator[bool]:
        """Yield False after each `SEARCH_SLICE` characters, finally whether the text matches."""
        matched = self._matched
        self._work = 0
        state = self._state(frozenset(), _START)
        ends_a_line = text.endswith("\n")
        end = len(text) - ends_a_line
        for place in range(0, end, SEARCH_SLICE):
            for character in text[place : min(end, place + SEARCH_SLICE)]:
                state = state[character]
                if state is matched:
                    yield True
                    return
            if place + SEARCH_SLICE < end:
                yield False
        if ends_a_line:
            state = state[_LAST_NEWLINE]
        yield state is matched or state[_END] is matched

    def first_end(self, text: str, begin: int) -> Iterator[int | None]:
        """Yield None after each `SEARCH_SLICE` characters, and finally the first place at which a
        match that begins at or after `begin` ends, None if there is no match."""
        matched = self._matched
        self._work = 0
        state = self._state(frozenset(), self._before(text, begin))
        for place in range(begin, len(text), SEARCH_SLICE):
            for at, character in _characters_of(text, place, min(len(text), place + SEARCH_SLICE)):
                state = state[character]
                if state is matched:
                    yield at
                    return
            yield None
        yield len(text) if state[_END] is matched else None

    def longest(self, text: str, begin: int, end: int) -> int:
        """Return where the longest match that begins at `begin` ends, at most at `end`.

        Return -1 if none begins there. The surrounding text is only used for assertions.
        """
        self._work = 0
        state = self._state(frozenset((self._start,)), self._before(text, begin))
        longest = -1
        for at, character in _characters_of(text, begin, end):
            state = state[character]
            if state.has_matched:
                longest = at
            if not state.nodes:
                self.reached = at
                return longest
        self.reached = end
        return end if state[text[end : end + 1]].has_matched else longest

    def _before(self, text: str, begin: int) -> int:
        return self._context(text[begin - 1]) if begin else _START

    def step(self, state: _State, key: str) -> _State:
        """Return the state after `state` when the next character is `key`."""
        self._transitions += 1
        if len(self._states) > MAX_STATES or self._transitions > MAX_TRANSITIONS:
            self._states.clear()
            self._transitions = 0
        character = key[:1]
        reached = self._closure(state, key)
        if 0 in reached and not self._is_anchored:
            return self._matched
        if key == _END:
            return (
                self._state(frozenset(), _OTHER, has_matched=True) if 0 in reached else self._failed
            )
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
        return self._state(frozenset(following), self._context(character), has_matched=0 in reached)

    def _closure(self, state: _State, key: str) -> set[int]:
        """Return every node that can be reached without reading another character."""
        reached: set[int] = set()
        waiting = [*state.nodes] if self._is_anchored else [self._start, *state.nodes]
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

    def _state(self, nodes: frozenset[int], before: int, *, has_matched: bool = False) -> _State:
        state = self._states.get((nodes, before, has_matched))
        if state is None:
            state = _State(self, nodes, before, has_matched)
            self._states[nodes, before, has_matched] = state
        return state

    def _add(self, kind: int, argument: int | str, targets: tuple[int, ...]) -> int:
        if len(self._nodes) >= MAX_NODES:
            raise RegexError("the pattern is too large")
        self._nodes.append((kind, argument, targets))
        return len(self._nodes) - 1

    def _emit(self, tree: Tree, after: int) -> int:
        """Add the nodes of `tree`, which lead to node `after`, and return the first of them."""
        match tree:
            case Atom(number):
                return self._add(_CHAR, number, (after,))
            case Assertion(kind):
                return self._add(_ASSERT, kind, (after,))
            case Sequence(items):
                for item in reversed(items):
                    after = self._emit(item, after)
                return after
            case Choice(options):
                targets = tuple(self._emit(option, after) for option in options)
                return self._add(_SPLIT, 0, targets)
            case Repeated(item, least, most):
                return self._emit_repeated(item, least, most, after)

    def _emit_repeated(self, item: Tree, least: int, most: int | None, after: int) -> int:
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


def _characters_of(text: str, begin: int, end: int) -> Iterator[tuple[int, str]]:
    """Yield the characters of a part of a text with their positions, without copying the part."""
    for place in range(begin, end, _PIECE):
        yield from enumerate(text[place : min(end, place + _PIECE)], place)
