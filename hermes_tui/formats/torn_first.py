"""A file that stops inside its very first message, before the message says who speaks.

Keys that are sorted put the content before the role. For choosing a format the speaker is made up;
what is read is what stands there.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Final

from hermes_tui.formats.base import Sample

_MADE_UP: Final = MappingProxyType({
    "content": ("role", "user"),
    "parts": ("role", "user"),
    "value": ("from", "human"),
})  # fmt: skip
"""By the key of what is said: the key and name of who says it."""


def with_speaker(sample: Sample) -> Sample | None:
    """Return the sample with who speaks in what its last value ends with, None where none does.

    The value must be one that is cut.
    """
    if len(sample.values) != 1:
        return None
    found = _completed(sample.values[0])
    return None if found is None else Sample(sample.head, sample.layout, (found,))


def _completed(value: Any, *, is_listed: bool = False) -> Any:
    """Return a value whose last object is a message that lacks nothing but its speaker.

    A `value` or `parts` may be anything where it stands in no list.
    """
    if isinstance(value, list) and value:
        last = _completed(value[-1], is_listed=True)
        return None if last is None else [*value[:-1], last]
    if not isinstance(value, dict) or not value:
        return None
    key, said = list(value.items())[-1]
    if said and key in _MADE_UP and (is_listed or key == "content"):
        speaker, name = _MADE_UP[key]
        return None if speaker in value else {**value, speaker: name}
    inner = _completed(said)
    return None if inner is None else {**value, key: inner}
