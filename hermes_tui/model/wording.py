"""Phrases and number formats that every layer words in the same way."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, TypeGuard

MAX_TITLE: Final = 120
YEAR_2096: Final = 4e9
"""Unix seconds."""


def decoder_words(message: str) -> str:
    """Return a message of Python's JSON decoder without the words that introduce a position."""
    return message.removesuffix(" at").rstrip(": ")


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: "1 call", "1,024 calls" or "2 matches"."""
    if number == 1:
        return f"1 {noun}"
    return f"{number:,} {noun}{'es' if noun.endswith('ch') else 's'}"


def first_few(names: Sequence[str], most: int) -> str:
    """Return the names separated by commas: at most `most`, then how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def command_line(*words: object) -> str:
    """Return a hermes-tui command line in backticks, its words quoted for a shell."""
    return f"`hermes-tui {shlex.join(map(str, words))}`"


def install(extra: str) -> str:
    """Return how to install the dependencies of one of our extras."""
    return f"install it: `pip install 'hermes-tui[{extra}]'`"


def duration(seconds: float) -> str:
    """Return a duration as text: 0.4 s, 119 s, 5 min 3 s or 2 h 3 min."""
    if not 119.5 <= seconds < 1e9:
        return f"{round(seconds, 4):.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min" if hours else f"{minutes} min {rest} s"


def is_time(ts: float | None) -> TypeGuard[float]:
    """Return whether `ts` is plausible as unix seconds; files put other numbers there, too."""
    return ts is not None and 0 <= ts < YEAR_2096


def utc_text(ts: float | None, form: str) -> str:
    """Return unix seconds as a time in UTC, or "" if there is none or it is not plausible."""
    return datetime.fromtimestamp(ts, UTC).strftime(form) if is_time(ts) else ""


def shortened(text: str, limit: int) -> str:
    """Return `text` cut to `limit` characters, the last of them … if anything was cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def first_line(text: str, limit: int = 160) -> str:
    """Return the first line of `text` that is not blank, shortened to `limit` characters."""
    return shortened(text[: 20 * limit].strip().partition("\n")[0].rstrip(), limit)


def title(text: str) -> str:
    """Return the line that names a run whose task is `text`."""
    return first_line(text, MAX_TITLE)
