"""Tests, within a budget, whether a parser reads an edited text as intended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hermes_tui.model.messages import ToolSpec
from hermes_tui.model.same_json import json_key, text_key
from hermes_tui.parsers.base import ParsedCall, Parser, ParseResult
from hermes_tui.parsers.literals import FAILED

MAX_TRIES = 200
MAX_CHARACTERS = 2_000_000
"""Characters that all tries together may parse; a long text gets fewer tries."""

_MIN_MOVED_LENGTH = 10

Called = tuple[str | None, str]


def is_readable(call: ParsedCall) -> bool:
    """Return whether a call of our reading has a name and readable arguments."""
    return bool(call.name) and call.verdict != FAILED


def is_same(calls: Sequence[ParsedCall], meant: Sequence[ParsedCall]) -> bool:
    """Return whether a parser's calls are the intended ones: names, and arguments as JSON."""
    return [delivered(call) for call in calls] == [expected_call(call) for call in meant]


def delivered(call: ParsedCall) -> Called:
    """Return a call as a client would decode it; arguments that are not JSON stay as they are."""
    return call.name, text_key(call.arguments)


def expected_call(call: ParsedCall) -> Called:
    return call.name, json_key(call.value)


class Probe:
    """Tests versions of one text with one parser for the calls in `target`.

    `prose` must remain content as far as it is content in `present`, the reading of the text as it
    is now.
    """

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
        self._target = [expected_call(call) for call in target]
        content = _without_blanks(present.content)
        self._prose = [piece for piece in map(_without_blanks, prose) if piece in content]
        # Short pieces may well occur in the rewritten calls.
        self._counts = {
            piece: text.count(piece) for piece in prose if len(piece) >= _MIN_MOVED_LENGTH
        }
        calls = [delivered(call) for call in present.calls]
        self._read = Counter(calls)
        self._results: dict[str, bool] = {}
        self._tries = MAX_TRIES
        self._characters = MAX_CHARACTERS
        self.is_met = self._covers(calls)
        """Whether the parser reads the target calls without any edit."""

    def reads(self, text: str) -> bool:
        """Return whether the parser reads the target calls in `text` and loses nothing.

        False once the budget is spent.
        """
        if text not in self._results:
            if self._tries <= 0 or self._characters <= 0:
                return False
            self._tries -= 1
            self._characters -= len(text)
            self._results[text] = not self._repeats(text) and self._fits(text)
        return self._results[text]

    def understands(self, text: str) -> bool:
        """Return whether the parser reads exactly the target calls in `text`."""
        self._tries -= 1
        result = self.parser.parse(text, self._tools)
        return [delivered(call) for call in result.calls] == self._target

    def _repeats(self, text: str) -> bool:
        """Return whether a piece of prose occurs more often than before."""
        return any(text.count(piece) > times for piece, times in self._counts.items())

    def _fits(self, text: str) -> bool:
        result = self.parser.parse(text, self._tools)
        if not self._covers([delivered(call) for call in result.calls]):
            return False
        content = _without_blanks(result.content)
        return all(piece in content for piece in self._prose)

    def _covers(self, calls: list[Called]) -> bool:
        """Return whether `calls` are the target calls, and otherwise only calls read before.

        As many of the calls read before may be missing as the target has new ones: those were
        misreadings of them.
        """
        got, target = Counter(calls), Counter(self._target)
        if target - got or got - target - self._read:
            return False
        if got == target and calls != self._target:
            return False
        return (self._read - got).total() <= (target - self._read).total()


def _without_blanks(text: str | None) -> str:
    return "".join((text or "").split())
