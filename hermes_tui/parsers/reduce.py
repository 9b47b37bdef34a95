"""Reduces a text to the smallest one that still fails, by leaving out parts, coarse ones first.

Parts are blocks (up to a tag or a blank line), lines, pairs of brackets or quotes, tokens and
single characters. The order of the tries depends only on the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from hermes_tui.model.diagnostics import Severity
from hermes_tui.model.messages import ToolSpec
from hermes_tui.model.same_json import text_key
from hermes_tui.parsers.base import ParsedCall, Parser, ParseResult

_BLOCK = re.compile(r"(?:\n{2,}|(?<=>)(?=\s*+<)|(?<=[^\n<])(?=<[\w|｜]))")
_LINE_END = re.compile(r"(?<=\n)")
_TOKEN = re.compile(r"</?[^\s<>]{1,60}>|\w+|[^\S\n]+|.", re.DOTALL)
_PAIR = re.compile(r'"[^"\\\n]*+"|\'[^\'\\\n]*+\'|[{}\[\]()]')
_OPENER_OF = {"}": "{", "]": "[", ")": "("}
_MAX_PAIRS = 500


class _NoTriesLeft(Exception):
    """There are no tries left."""


class _Trial:
    """The smallest failing text so far, and the number of tries left."""

    def __init__(self, text: str, still_fails: Callable[[str], bool], max_tries: int) -> None:
        self.best = text
        self._still_fails = still_fails
        self._left = max_tries
        self._passed: set[int] = set()

    def fails(self, text: str) -> bool:
        """Return whether `text` fails too, and keep it if it is the smallest; try no text twice."""
        key = hash(text)
        if key in self._passed:
            return False
        if self._left <= 0:
            raise _NoTriesLeft
        self._left -= 1
        if not self._still_fails(text):
            self._passed.add(key)
            return False
        if len(text) < len(self.best):
            self.best = text
        return True


def reduce_text(text: str, still_fails: Callable[[str], bool], *, max_tries: int = 2000) -> str:
    """Return the smallest reduction of `text` found for which `still_fails` holds.

    Return `text` itself if it does not fail or nothing can be left out. `still_fails` is called at
    most `max_tries` times, and never twice with the same text.
    """
    trial = _Trial(text, still_fails, max_tries)
    try:
        if not trial.fails(text):
            return text
        before = None
        while before != trial.best:
            before = trial.best
            for split in (_blocks, _lines, _tokens, list):
                _leave_out(split(trial.best), trial)
            _leave_out_pairs(trial)
    except _NoTriesLeft:
        pass
    return trial.best


def fails_alike(
    text: str, parser: Parser, tools: Sequence[ToolSpec], *, reader: Parser
) -> Callable[[str], bool]:
    """Return a test of whether a text fails as `text` does: same outcome, for the same reasons.

    The test also compares the reading of `reader`, which reads the intended calls. It must find
    calls if it does in `text`, with no new name or flaw, and it must agree or disagree with
    `parser` on names and on whole calls as it does for `text`.
    """
    whole = reader.parse(text, tools)
    names, flaws = set(_names(whole)), _codes(whole)

    def signature(candidate: str) -> object:
        result = parser.parse(candidate, tools)
        got = _names(result)
        reading = reader.parse(candidate, tools)
        meant = _names(reading)
        same_kind = names.issuperset(meant) and flaws >= _codes(reading)
        return (
            result.outcome,
            _codes(result),
            bool(got),
            bool(meant),
            meant == got,
            names_and_arguments(reading.calls) == names_and_arguments(result.calls),
            same_kind,
        )

    original = signature(text)
    return lambda candidate: signature(candidate) == original


def names_and_arguments(calls: Sequence[ParsedCall]) -> list[tuple[str | None, str]]:
    """Return the names and arguments of calls; arguments that are JSON in a canonical spelling."""
    return [(call.name, text_key(call.arguments)) for call in calls]


def _codes(result: ParseResult) -> frozenset[str]:
    return frozenset(
        one.code.value for one in result.diagnostics if one.severity is not Severity.NOTE
    )


def _names(result: ParseResult) -> tuple[str | None, ...]:
    return tuple(call.name for call in result.calls if call.verdict != "failed")


def _leave_out(parts: list[str], trial: _Trial) -> None:
    """Leave out runs of parts: first halves, then ever smaller runs, down to single parts."""
    size = max(1, len(parts) // 2)
    while parts:
        start = 0
        while start < len(parts):
            kept = parts[:start] + parts[start + size :]
            if trial.fails("".join(kept)):
                parts = kept
            else:
                start += size
        if size == 1:
            return
        size = max(1, min(size, len(parts)) // 2)


def _leave_out_pairs(trial: _Trial) -> None:
    """Leave out pairs of brackets or quotes, which only make sense together."""
    tried = 0
    while tried < _MAX_PAIRS:
        text = trial.best
        for start, end in list(_pairs(text))[tried:_MAX_PAIRS]:
            tried += 1
            if trial.fails(text[:start] + text[start + 1 : end - 1] + text[end:]):
                break
        else:
            return


def _pairs(text: str) -> Iterator[tuple[int, int]]:
    stack: list[tuple[str, int]] = []
    for found in _PAIR.finditer(text):
        token = found[0]
        if len(token) > 1:
            yield found.span()
        elif token not in _OPENER_OF:
            stack.append((token, found.start()))
        elif stack and stack[-1][0] == _OPENER_OF[token]:
            yield stack.pop()[1], found.end()


def _blocks(text: str) -> list[str]:
    return _cut(text, [found.end() for found in _BLOCK.finditer(text)])


def _lines(text: str) -> list[str]:
    return _cut(text, [found.end() for found in _LINE_END.finditer(text)])


def _tokens(text: str) -> list[str]:
    return _TOKEN.findall(text)


def _cut(text: str, places: Sequence[int]) -> list[str]:
    bounds = [0, *places, len(text)]
    return [text[start:end] for start, end in pairwise(bounds) if start < end]
