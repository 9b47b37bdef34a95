"""Words that every floor says alike."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, TypeGuard

MAX_TITLE: Final = 120
YEAR_2096: Final = 4e9
"""Unix seconds."""


def decoder_words(message: str) -> str:
    """Return what Python's JSON decoder says, without the words that lead to its own place."""
    return message.removesuffix(" at").rstrip(": ")


def counted(number: int, noun: str) -> str:
    """Return such as "1 call", "1,024 calls" or "2 matches"."""
    if number == 1:
        return f"1 {noun}"
    return f"{number:,} {noun}{'es' if noun.endswith('ch') else 's'}"


def first_few(names: Sequence[str], most: int) -> str:
    """Return names in a row; of more than `most` the first ones, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def command_line(*words: object) -> str:
    """Return a command line of ours as sentences quote it, its words as a shell reads them back."""
    return f"`hermes-tui {shlex.join(map(str, words))}`"


def install(extra: str) -> str:
    """Return how to install what an extra of ours brings in."""
    return f"install it: `pip install 'hermes-tui[{extra}]'`"


def duration(seconds: float) -> str:
    """Return how long something took: 0.4 s, 119 s, 5 min 3 s or 2 h 3 min."""
    if not 119.5 <= seconds < 1e9:
        return f"{round(seconds, 4):.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min" if hours else f"{minutes} min {rest} s"


def is_time(ts: float | None) -> TypeGuard[float]:
    """Tell whether unix seconds are a time: files put other numbers there, too."""
    return ts is not None and 0 <= ts < YEAR_2096


def utc_text(ts: float | None, form: str) -> str:
    """Return unix seconds as a time in UTC, "" where there is none or no such time."""
    return datetime.fromtimestamp(ts, UTC).strftime(form) if is_time(ts) else ""


def shortened(text: str, limit: int) -> str:
    """Return `text` cut visibly to `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def first_line(text: str, limit: int = 160) -> str:
    """Return the first line of `text` that is not blank, cut visibly to `limit` characters."""
    return shortened(text[: 20 * limit].strip().partition("\n")[0].rstrip(), limit)


def title(text: str) -> str:
    """Return the line that names a run whose task is `text`."""
    return first_line(text, MAX_TITLE)
