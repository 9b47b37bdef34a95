"""The palette: every action that is enabled now, found by any word that people use for it.

A word that is in the label ranks first, then one among the names that other debuggers and editors
use, then in the id, then in the help. A label that only contains the letters in order ranks last.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from textual.fuzzy import Matcher

SYNONYMS: Final = MappingProxyType({
    "add-call": "insert append new",
    "answer": "skip mock stub fake result return value instead",
    "back": "quit exit leave close",
    "back-in-time": "reverse rewind undo history step back",
    "bottom": "end last follow tail",
    "branches": "forks compare diff",
    "breakpoint": "break if condition conditional watch logpoint tracepoint stop at",
    "breakpoints": "condition conditional watch enable disable ignore count list",
    "cancel-current": "abort kill interrupt timeout",
    "clear": "drop reset filter search",
    "compare": "diff",
    "continue": "go resume run",
    "copy": "yank clipboard export save json curl",
    "copy-place": "link share bookmark url",
    "drop-call": "skip delete remove",
    "edit": "substitute change modify replace set arguments",
    "edit-result": "substitute change replace set return value",
    "end-run": "stop kill terminate abort",
    "facets": "count by statistics breakdown columns",
    "filter": "where only hide expression",
    "fold": "collapse expand",
    "fold-all": "collapse expand",
    "fork": "restart rerun replay branch undo from here",
    "go-to": "jump line number",
    "help": "keys bindings shortcuts fields",
    "hide-events": "plumbing noise requests stops compact only show all",
    "histogram": "distribution chart plot reward",
    "lab": "why parser steps engine",
    "mark": "bookmark",
    "next": "step over",
    "next-call": "tool",
    "next-problem": "error warning diagnostic",
    "next-run": "file",
    "on-in-time": "redo history step forward",
    "pager": "less export save print",
    "pane-2": "text content",
    "pane-3": "arguments variables tools",
    "pane-4": "thinking thoughts",
    "pane-6": "json source bytes record",
    "pane-7": "logprobs probabilities",
    "pane-8": "info statistics usage cost reward outcome",
    "pair": "result jump to definition",
    "pause": "break stop interrupt halt",
    "raw-beside": "diff json",
    "recording": "save export file path journal",
    "retry": "again rerun regenerate resample",
    "run-on": "go resume run to breakpoint without stopping detach",
    "search": "find grep",
    "sort": "order by",
    "step-in": "into single stepi",
    "step-out": "finish return up",
    "suspend": "shell background",
    "theme": "colours colors light dark",
    "tree": "subagents children parent",
    "unfilter": "clear filter",
    "view": "json markdown format pretty",
    "zoom": "maximise full screen",
})  # fmt: skip
"""Other words that people may type for a command, by its id."""
_LABEL, _WORDS, _ID, _HELP, _LETTERS = 80.0, 60.0, 50.0, 30.0, 10.0
"""Scores of a query word by the field it is in. A match of only a part of a word scores less."""


class Offer(NamedTuple):
    """An action in the palette; `words` are searched as well as its label and help."""

    label: str
    help: str
    run: Callable[[], object]
    key: str = ""
    words: str = ""
    id: str = ""

    @property
    def title(self) -> str:
        return f"{self.label} ({self.key})" if self.key else self.label


def _score(query: str, offer: Offer, matcher: Matcher) -> float:
    label = offer.label.casefold()
    if label == query:
        return 2 * _LABEL
    fields = (
        (label, _LABEL), (offer.words, _WORDS), (offer.id, _ID), (offer.help.casefold(), _HELP),
    )  # fmt: skip
    score = min(
        max(_match_quality(word, text) * weight for text, weight in fields)
        for word in query.split()
    )
    if label.startswith(query) or f" {query} " in f" {offer.words} ":
        score += _LETTERS
    return score or (_LETTERS if matcher.match(offer.label) else 0.0)


def _match_quality(word: str, text: str) -> float:
    """Return how well a word matches in a text: 1 as a whole word, less as a prefix or inside."""
    at = text.find(word)
    if at < 0:
        return 0.0
    padded = f" {''.join(c if c.isalnum() else ' ' for c in text)} "
    return 1.0 if f" {word} " in padded else 0.9 if f" {word}" in padded else 0.7


def offers_found(query: str, offers: Sequence[Offer], matcher: Matcher) -> list[Offer]:
    """Return the offers in which every word of a query is found, the best first.

    For an empty query, return all actions by name.

    Offers without an id, such as one for each field, are only found by words.
    """
    if not query:
        return sorted((offer for offer in offers if offer.id), key=lambda offer: offer.title)
    scores = [(_score(query.casefold(), offer, matcher), offer) for offer in offers]
    scores.sort(key=lambda pair: -pair[0])
    return [offer for score, offer in scores if score]
