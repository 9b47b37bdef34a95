"""Verdicts of several parsers on the same text: words, differences, ranking. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

from hermes_tui.model.same_json import text_key
from hermes_tui.model.visible import visible_line
from hermes_tui.model.wording import counted
from hermes_tui.parsers.base import Outcome, ParseResult
from hermes_tui.parsers.choice import AUTO
from hermes_tui.parsers.plain_values import decode
from hermes_tui.runtime.parser_verdicts import (
    LOST,
    TEXT_KEPT,
    ink,
    lost_calls,
    lost_characters,
    verdict_of_engine,
)
from hermes_tui.runtime.real_parser import engine_info_of
from hermes_tui.ui.lab.parsers import EMULATED, OURS, LabParser

if TYPE_CHECKING:
    from hermes_tui.runtime.engines.added import AddedEngine
    from hermes_tui.runtime.engines.verdicts import EngineVerdict

MAX_DIFFERENCES: Final = 4
LONG: Final = 100_000
"""Characters beyond which arguments are compared as text, not as JSON."""
_SHOWN_WIDTH, _CONTEXT_WIDTH = 40, 12
"""Characters shown of arguments that differ, and how many of them precede the difference."""
_SERVERS: Final = ("vllm", "sglang")


class Verdict(NamedTuple):
    """What one parser read from the text. `source` is `emulated`, `ours` or a real engine's name.

    `lost` is the number of characters, blanks and line ends excepted, that are in no part of the
    result; None if that is not known. `flag` is the server's option for this parser. `log` are a
    real engine's own warnings.
    """

    name: str
    source: str
    version: str = ""
    outcome: str = ""
    calls: tuple[tuple[str, str], ...] = ()
    content: str | None = None
    lost: int | None = None
    error: str = ""
    flag: str = ""
    log: tuple[str, ...] = ()
    reasoning: str | None = None
    claims_calls: bool = False

    @property
    def key(self) -> tuple[str, str]:
        return self.name, self.source

    @property
    def is_real(self) -> bool:
        return self.source not in (EMULATED, OURS)

    @property
    def word(self) -> str:
        """Return what happened to the text, in a word or two."""
        match self.outcome:
            case "timed-out":
                return "timed out"
            case "raised" | "unknown":
                return self.outcome
            case _ if self.calls:
                return "calls"
            case _ if self.claims_calls or self.lost:
                return LOST
            case _:
                return TEXT_KEPT


def result_verdict(parser: LabParser, text: str, result: ParseResult) -> Verdict:
    """Return the verdict of one of our own parsers."""
    lost = sum(ink(text[span.start : span.end]) for span in result.dropped)
    if not result.calls:
        reasoning = "".join(text[span.start : span.end] for span in result.reasoning)
        lost = lost_characters(text, result.content, reasoning)
    return Verdict(
        parser.name,
        parser.source,
        parser.version,
        str(result.outcome),
        tuple((call.name or "", call.arguments) for call in result.calls),
        result.content,
        lost,
        result.error,
        parser.flag,
        claims_calls=result.outcome is Outcome.CALLS and not result.calls,
    )


def of_engine(
    engine: AddedEngine,
    name: str,
    text: str,
    found: EngineVerdict,
    ours: ParseResult | None = None,
) -> Verdict:
    """Return the verdict of the parser `name` of a real engine.

    If the engine returns calls, what is lost next to them is known only with `ours`, our reading.
    """
    missing: int | None = None
    if not found.tool_calls:
        missing = lost_characters(text, found.content, found.reasoning)
    elif ours is not None:
        lost = lost_calls(verdict_of_engine(name, engine.version, found, text), ours, text)
        missing = sum(ink(text[call.span.start : call.span.end]) for call in lost)
    return Verdict(
        f"{engine.engine}/{name}",
        engine.name,
        engine.version,
        str(found.outcome),
        tuple((call.name, call.arguments) for call in found.tool_calls),
        found.content,
        missing,
        found.error,
        engine_info_of(engine, name).flag,
        (*found.log, *(f"printed: {line}" for line in found.printed)),
        found.reasoning,
        found.tools_called and not found.tool_calls,
    )


def same_arguments(left: str, right: str) -> bool:
    """Return whether two texts of arguments are the same value; 1 and 1.0 are different."""
    if left == right:
        return True
    return len(left) + len(right) <= LONG and text_key(left) == text_key(right)


def differences(selected: Verdict, other: Verdict) -> list[str]:
    """Return in words how `other` differs from `selected`; empty if it does not."""
    if selected.word != other.word:
        return [f"{other.word} instead of {selected.word}"]
    texts: list[str] = []
    if len(selected.calls) != len(other.calls):
        count = len(other.calls)
        texts.append(f"{counted(count, 'call')} instead of {len(selected.calls)}")
    for number, (mine, theirs) in enumerate(zip(selected.calls, other.calls, strict=False), 1):
        if len(texts) >= MAX_DIFFERENCES:
            break
        if mine[0] != theirs[0]:
            texts.append(f"call {number}: name {theirs[0] or '(none)'}")
        elif not same_arguments(mine[1], theirs[1]):
            texts.append(f"call {number}: {_other_arguments(mine[1], theirs[1])}")
    if (selected.content or "").strip() != (other.content or "").strip():
        if not other.content:
            texts.append("no content")
        elif not texts:
            texts.append("other content")
    return texts


def _other_arguments(mine: str, theirs: str) -> str:
    """Return both arguments, in words, from shortly before they begin to differ."""
    pairs = enumerate(zip(mine, theirs, strict=False))
    at = next((at for at, (one, other) in pairs if one != other), min(len(mine), len(theirs)))
    start = max(0, at - _CONTEXT_WIDTH) if max(len(mine), len(theirs)) > _SHOWN_WIDTH else 0
    shown = [
        visible_line(each[start : start + _SHOWN_WIDTH], _SHOWN_WIDTH) for each in (theirs, mine)
    ]
    dots = "…" if start else ""
    return f"arguments {dots}{shown[0]} instead of {dots}{shown[1]}"


def verdict_word(selected: Verdict, other: Verdict) -> str:
    """Return the word for a row of the matrix: `wrong` if its calls are not the selected one's."""
    if other.word != "calls" or selected.word != "calls" or other.key == selected.key:
        return other.word
    same = len(selected.calls) == len(other.calls) and all(
        mine[0] == theirs[0] and same_arguments(mine[1], theirs[1])
        for mine, theirs in zip(selected.calls, other.calls, strict=True)
    )
    return "calls" if same else "wrong"


def ranked(
    verdicts: Iterable[Verdict], sound: Callable[[Verdict], int], *, near: str = ""
) -> list[Verdict]:
    """Return the verdicts with sound calls, the best first; equal ones of a parser only once.

    The best reads most `sound` calls, loses nothing, and agrees with our own reading. Between
    equals, those of the engine `near` come first.
    """
    verdicts = list(verdicts)
    ours = next((each for each in verdicts if each.name == AUTO), None)
    candidates = [
        each for each in verdicts if each.word == "calls" and each.name != AUTO and sound(each)
    ]
    ordered = sorted(candidates, key=lambda each: _rank(each, sound(each), ours, near))
    found: dict[str, list[Verdict]] = {}
    for each in ordered:
        different = found.setdefault(each.name, [])
        if all(differences(other, each) for other in different):
            different.append(each)
    return [each for each in ordered if any(each is one for one in found[each.name])]


def _rank(each: Verdict, sound: int, ours: Verdict | None, near: str) -> tuple[object, ...]:
    agrees = ours is not None and verdict_word(ours, each) == "calls"
    engine = each.name.partition("/")[0]
    return (
        -sound,
        len(each.calls) - sound,
        bool(each.lost),
        not agrees,
        engine != near,
        engine not in _SERVERS,
        not each.is_real,
    )


def sound_calls(verdict: Verdict, declared: Collection[str]) -> int:
    """Return how many calls have a declared name and a JSON object as arguments."""
    return sum(_is_sound(name, arguments, declared) for name, arguments in verdict.calls)


def _is_sound(name: str, arguments: str, declared: Collection[str]) -> bool:
    if not name or (declared and name not in declared):
        return False
    if len(arguments) > LONG:
        return arguments[:1] == "{"
    return isinstance(decode(arguments), dict)


def in_order(verdicts: Iterable[Verdict], marked: Collection[str]) -> list[Verdict]:
    """Return the rows of the matrix by name: first our own reading, then those of interest.

    Of interest are parsers with a marker in the text, with calls, or with a failure. The emulated
    verdict comes before the real ones of the same name.
    """

    def concerns(each: Verdict) -> bool:
        failed = each.outcome in ("raised", "timed-out")
        return each.name in marked or bool(each.calls) or failed or each.name == AUTO

    names = {each.name for each in verdicts if concerns(each)}
    return sorted(
        verdicts,
        key=lambda each: (each.name not in names, each.name != AUTO, each.name, each.is_real),
    )
