"""The parsers of the lab, with what is needed to use them, and the choice of one for a text."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Final, NamedTuple

from hermes_tui.model.visible import visible_line
from hermes_tui.parsers.base import Parser
from hermes_tui.parsers.choice import AUTO, guess_parser, named_parser, parsers
from hermes_tui.parsers.engines.base import EngineInfo

EMULATED: Final = "emulated"
OURS: Final = "ours"
_ENGINES: Final = ("vllm", "sglang", "hermes-agent")
_STREAMING_ENGINES: Final = frozenset({"vllm", "sglang"})
_MARKER_WIDTH = 24


class LabParser(NamedTuple):
    """A parser of ours, with what a person needs to know to use the same one on a server."""

    name: str
    parser: Parser
    source: str
    version: str = ""
    format: str = ""
    families: str = ""
    flag: str = ""
    markers: tuple[str, ...] = ()

    @property
    def engine(self) -> str:
        return self.name.partition("/")[0]


@cache
def lab_parsers() -> tuple[LabParser, ...]:
    """Return our own reading, then every emulated parser."""
    return tuple(map(_lab_parser, parsers()))


def lab_parser(name: str) -> LabParser:
    """Return the parser `name`; raises KeyError if there is none."""
    return _lab_parser(named_parser(name))


def _lab_parser(parser: Parser) -> LabParser:
    info = getattr(parser, "info", None)
    if not isinstance(info, EngineInfo):
        return LabParser(parser.name, parser, OURS, format="any format", families="any model")
    return LabParser(
        parser.name,
        parser,
        EMULATED,
        info.version,
        info.format,
        info.families,
        info.flag,
        info.markers,
    )


@lru_cache(maxsize=1)
def marked_in(text: str) -> frozenset[str]:
    """Return the names of our parsers whose format has a marker in a text."""
    marked = (each for each in lab_parsers() if any(marker in text for marker in each.markers))
    return frozenset(each.name for each in marked)


def choices(typed: str, text: str, real: Sequence[str]) -> list[str]:
    """Return the names of parsers that contain `typed`, those with a marker in `text` first.

    `real` are the names of real engines' parsers; they come after ours.
    """
    needle = typed.strip().lower()
    marked = marked_in(text)
    ours = sorted((each.name for each in lab_parsers()), key=lambda name: name not in marked)
    return [name for name in (*ours, *real) if needle in name.lower()]


def known_name(name: str) -> str:
    """Return the full name of a parser given as `vllm/hermes` or `hermes`; "" if it is unknown."""
    for candidate in (name, *(f"{engine}/{name}" for engine in _ENGINES)):
        try:
            return named_parser(candidate).name
        except KeyError:
            continue
    return ""


def is_known(name: str) -> bool:
    """Return whether one of our parsers has this full name."""
    try:
        named_parser(name)
    except KeyError:
        return False
    return True


def why_no_replay(parser: LabParser) -> str:
    """Return why a parser that no added engine has cannot be replayed in deltas, and what to do.

    Keys are in braces, as `KeyNames.format` takes them.
    """
    if parser.engine not in _STREAMING_ENGINES:
        other = "{lab-matrix} or {lab-parser} chooses one of vllm or sglang"
        return f"no real engine here streams {parser.name}: {other}"
    needed = f"{parser.engine}=={parser.version}" if parser.version else parser.engine
    return f"no real engine here has this parser; to add one: hermes-tui engines add {needed}"


def guessed(text: str) -> tuple[str, str]:
    """Return the parser that the markers in `text` indicate, and why."""
    guess = guess_parser(text)
    if guess.span is None:
        return guess.name, "no marker of any format"
    if guess.name == AUTO:
        return guess.name, f"looks like {guess.format}, which is not emulated"
    marker = visible_line(text[guess.span.start : guess.span.end], _MARKER_WIDTH)
    return guess.name, f"guessed from {marker}"
