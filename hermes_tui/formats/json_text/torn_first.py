"""A file that ends inside its very first message, before the message's role.

With sorted keys the content precedes the role. A role is made up for choosing a format; reading
uses the value unchanged.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Final

from hermes_tui.formats.base import Sample

_ROLE_OF_KEY: Final = MappingProxyType({
    "content": ("role", "user"),
    "parts": ("role", "user"),
    "value": ("from", "human"),
})  # fmt: skip
"""By the key of the content: the key and the value of the role."""


def with_role_added(sample: Sample) -> Sample | None:
    """Return the sample with a role for the message at its end, or None if there is no such
    message.

    The value must be one that is cut off.
    """
    if len(sample.values) != 1:
        return None
    found = _completed(sample.values[0])
    return None if found is None else Sample(sample.head, sample.layout, (found,))


def _completed(value: Any, *, is_listed: bool = False) -> Any:
    """Return a value whose last object is a message that lacks only its role, with a role added;
    otherwise None.

    A `value` or `parts` outside a list may be anything, and is not completed.
    """
    if isinstance(value, list) and value:
        last = _completed(value[-1], is_listed=True)
        return None if last is None else [*value[:-1], last]
    if not isinstance(value, dict) or not value:
        return None
    key, content = list(value.items())[-1]
    if content and key in _ROLE_OF_KEY and (is_listed or key == "content"):
        speaker, name = _ROLE_OF_KEY[key]
        return None if speaker in value else {**value, speaker: name}
    inner = _completed(content)
    return None if inner is None else {**value, key: inner}
