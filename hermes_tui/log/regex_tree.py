"""The syntax tree of a regular expression, in the grammar of `linear_regex`."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

MAX_DEPTH: Final = 40

_REPEAT: Final = re.compile(r"\{(\d+)\}|\{(\d*),(\d*)\}")
_REVERSE: Final = {"^": "$", "$": "^", "A": "Z", "Z": "A"}
_ESCAPE_LENGTHS: Final = {"x": 4, "u": 6, "U": 10}


class RegexError(ValueError):
    """A pattern is wrong or too costly."""


class Atom(NamedTuple):
    number: int


class Assertion(NamedTuple):
    kind: str


class Sequence(NamedTuple):
    items: tuple[Tree, ...]


class Choice(NamedTuple):
    options: tuple[Tree, ...]


class Repeated(NamedTuple):
    item: Tree
    least: int
    most: int | None


Tree = Atom | Assertion | Sequence | Choice | Repeated


class PatternParser:
    """Parses a pattern, which `re` has already found to be well formed, into a tree."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.position = 0
        self.flags = 0
        self.atoms: list[str] = []
        self.repeats = 0
        self.choices = 0
        self.has_lazy = False
        self.repeats_groups = False
        self._depth = 0

    def parse(self) -> Tree:
        leading = re.match(r"\(\?([a-zA-Z]+)\)", self.pattern)
        if leading:
            for letter in leading[1]:
                if letter not in "aims":
                    raise RegexError(f"flag {letter!r} is not supported")
                self.flags |= int(re.RegexFlag[letter.upper()])
            self.position = leading.end()
        return self._alternation()

    def _alternation(self) -> Tree:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise RegexError("groups are nested too deeply")
        options = [self._sequence()]
        while self._peek() == "|":
            self.position += 1
            options.append(self._sequence())
        self._depth -= 1
        if len(options) == 1:
            return options[0]
        self.choices += 1
        return Choice(tuple(options))

    def _sequence(self) -> Tree:
        items: list[Tree] = []
        while self._peek() not in ("", "|", ")"):
            items.append(self._quantified(self._atom()))
        return Sequence(tuple(items))

    def _quantified(self, item: Tree) -> Tree:
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
            self.has_lazy = True
        elif self._peek() == "+":
            raise RegexError("possessive quantifiers are not supported")
        self.repeats += 1
        self.repeats_groups = self.repeats_groups or not isinstance(item, Atom)
        return Repeated(item, least, most)

    def _atom(self) -> Tree:
        mark = self._peek()
        if mark == "(":
            return self._group()
        if mark in ("^", "$"):
            self.position += 1
            return Assertion(mark)
        if mark == "\\":
            return self._escape()
        return self._characters(self._class_end() if mark == "[" else self.position + 1)

    def _group(self) -> Tree:
        opening = re.compile(r"\((?:\?:|\?P<\w+>|(?!\?))").match(self.pattern, self.position)
        if opening is None:
            raise RegexError("lookaround, backreferences and other (?…) groups are not supported")
        self.position = opening.end()
        inner = self._alternation()
        self.position += 1
        return inner

    def _escape(self) -> Tree:
        letter = self.pattern[self.position + 1]
        if letter in "AZbB":
            self.position += 2
            return Assertion(letter)
        if letter.isdigit() or letter == "N":
            raise RegexError(f"\\{letter} is not supported (no backreferences)")
        return self._characters(self.position + _ESCAPE_LENGTHS.get(letter, 2))

    def _class_end(self) -> int:
        position = self.position + 1
        if self.pattern[position] == "^":
            position += 1
        first = position
        while self.pattern[position] != "]" or position == first:
            position += 2 if self.pattern[position] == "\\" else 1
        return position + 1

    def _characters(self, end: int) -> Tree:
        atom = self.pattern[self.position : end]
        self.position = end
        # A lone quantifier-like mark, such as the brace of "a{b", is a literal in Python.
        self.atoms.append("\\" + atom if atom in ("{", "}", "]") else atom)
        return Atom(len(self.atoms) - 1)

    def _peek(self) -> str:
        return self.pattern[self.position : self.position + 1]


def reverse(tree: Tree) -> Tree:
    """Return the tree of the pattern that matches the same texts backwards."""
    match tree:
        case Atom():
            return tree
        case Assertion(kind):
            return Assertion(_REVERSE.get(kind, kind))
        case Sequence(items):
            return Sequence(tuple(map(reverse, reversed(items))))
        case Choice(options):
            return Choice(tuple(map(reverse, options)))
        case Repeated(item, least, most):
            return Repeated(reverse(item), least, most)
