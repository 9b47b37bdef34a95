"""The exact bytes of one value inside a JSON record, found by its JSON Pointer (RFC 6901)."""

from __future__ import annotations

import json

_DECODER = json.JSONDecoder(strict=False)
_BLANK = " \t\r\n"


def json_slice(data: bytes, pointer: str) -> bytes | None:
    """Return the bytes of the value at `pointer` as they stand in `data`, None where there is none.

    Duplicate keys: the last one counts, as for every JSON reader. Costs one pass over the
    containers on the way.
    """
    # Latin-1 gives one character a byte; JSON's own characters are ASCII.
    text = data.decode("latin-1")
    start = _skip(text, 0)
    if text.startswith("\xef\xbb\xbf"):
        start = _skip(text, 3)
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        found = _member(text, start, key) if text[start : start + 1] == "{" else None
        if text[start : start + 1] == "[":
            found = _element(text, start, key)
        if found is None:
            return None
        start = found
    end = _end(text, start)
    return data[start:end] if end is not None else None


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position] in _BLANK:
        position += 1
    return position


def _end(text: str, start: int) -> int | None:
    try:
        return _DECODER.raw_decode(text, start)[1]
    except (ValueError, RecursionError):
        return None


def _member(text: str, start: int, key: str) -> int | None:
    wanted = key.encode("utf-8", "surrogatepass").decode("latin-1")
    position = _skip(text, start + 1)
    found = None
    while text[position : position + 1] == '"':
        try:
            name, position = _DECODER.raw_decode(text, position)
        except ValueError:
            return found
        position = _skip(text, position)
        if text[position : position + 1] != ":":
            return found
        value = _skip(text, position + 1)
        if name in (wanted, key):
            found = value
        end = _end(text, value)
        if end is None:
            return found
        position = _skip(text, end)
        if text[position : position + 1] != ",":
            return found
        position = _skip(text, position + 1)
    return found


def _element(text: str, start: int, key: str) -> int | None:
    if not key.isdecimal():
        return None
    position = _skip(text, start + 1)
    for _ in range(int(key)):
        end = _end(text, position)
        if end is None:
            return None
        position = _skip(text, end)
        if text[position : position + 1] != ",":
            return None
        position = _skip(text, position + 1)
    return position if text[position : position + 1] not in ("]", "") else None
