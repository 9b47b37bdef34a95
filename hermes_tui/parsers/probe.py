"""Asking a parser, within bounds, whether it reads an edited text as it was meant."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from hermes_tui.model.messages import ToolSpec
from hermes_tui.parsers.base import ParsedCall, Parser, ParseResult
from hermes_tui.parsers.literals import FAILED

MAX_TRIES = 200
MAX_CHARACTERS = 2_000_000
"""Read by all tries together; a long text has fewer tries."""

_LONG = 10

Called = tuple[str | None, str]


def is_readable(call: ParsedCall) -> bool:
    """Tell whether a call of our reading is one that can be made."""
    return bool(call.name) and call.verdict != FAILED


def is_same(calls: Sequence[ParsedCall], meant: Sequence[ParsedCall]) -> bool:
    """Tell whether calls that a parser delivers are those meant: names, and arguments as JSON."""
    return [delivered(call) for call in calls] == [wanted(call) for call in meant]


def delivered(call: ParsedCall) -> Called:
    """Return a call as a client would take it; arguments that are no object stay what they are."""
    try:
        value = json.loads(call.arguments)
    except (ValueError, RecursionError):
        return call.name, call.arguments
    return call.name, _canonical(value)


def wanted(call: ParsedCall) -> Called:
    return call.name, _canonical(call.value)


def _canonical(value: Any) -> str:
    try:
        return json.dumps(value, sort_keys=True)
    except (RecursionError, ValueError, TypeError):
        return "?"


class Probe:
    """One text, one parser, one aim. `prose` has to stay content as far as it is content now."""

    def __init__(
        self,
        text: str,
        parser: Parser,
        tools: Sequence[ToolSpec],
        present: ParseResult,
        target: Sequence[ParsedCall],
        prose: Sequence[str],
    ) -> None:
        self.parser = parser
        self._tools = tools
        self._target = [wanted(call) for call in target]
        content = _blankless(present.content)
        self._prose = [piece for piece in map(_blankless, prose) if piece in content]
        # Words that are not long enough may well be part of what is written anew.
        self._times = {piece: text.count(piece) for piece in prose if len(piece) >= _LONG}
        calls = [delivered(call) for call in present.calls]
        self._read = Counter(calls)
        self._known: dict[str, bool] = {}
        self._tries = MAX_TRIES
        self._characters = MAX_CHARACTERS
        self.is_met = self._covers(calls)
        """Whether the parser reads the aim as it is."""

    def reads(self, text: str) -> bool:
        """Tell whether the parser reads the aim in `text`, and loses nothing; False when spent."""
        if text not in self._known:
            if self._tries <= 0 or self._characters <= 0:
                return False
            self._tries -= 1
            self._characters -= len(text)
            self._known[text] = not self._repeats(text) and self._fits(text)
        return self._known[text]

    def understands(self, text: str) -> bool:
        """Tell whether the parser reads the aim in a text that holds nothing else."""
        self._tries -= 1
        result = self.parser.parse(text, self._tools)
        return [delivered(call) for call in result.calls] == self._target

    def _repeats(self, text: str) -> bool:
        """Tell whether words that were to be moved stand there twice."""
        return any(text.count(piece) > times for piece, times in self._times.items())

    def _fits(self, text: str) -> bool:
        result = self.parser.parse(text, self._tools)
        if not self._covers([delivered(call) for call in result.calls]):
            return False
        content = _blankless(result.content)
        return all(piece in content for piece in self._prose)

    def _covers(self, calls: list[Called]) -> bool:
        """Tell whether the aim is read, and no more than that or what was read before.

        Of what was read before as many calls may go as the aim has new ones: they were read badly.
        """
        got, aim = Counter(calls), Counter(self._target)
        if aim - got or got - aim - self._read:
            return False
        if got == aim and calls != self._target:
            return False
        return (self._read - got).total() <= (aim - self._read).total()


def _blankless(text: str | None) -> str:
    return "".join((text or "").split())
