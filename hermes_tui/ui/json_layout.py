"""JSON text laid out on several lines or on one, without respelling any value; offsets in it."""

from __future__ import annotations

import json
import re
from typing import Final

_TOKEN: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{},:]|[^\s\[\]{},:"]+')
_INDENT: Final = "  "
_ENTRY: Final = re.compile(r"\[(\d+)\]\.?")
_BLANKS: Final = re.compile(r"[ \t\n\r]*+")
_DECODER: Final = json.JSONDecoder()


def laid_out(text: str) -> str:
    """Return JSON text on several lines, or if it is so already, on one; else `text` itself."""
    on_lines = spread(text)
    return _joined(_TOKEN.findall(text)) if on_lines == text.strip() and is_json(text) else on_lines


def spread(text: str) -> str:
    """Return JSON text on several lines, or `text` itself if it is not JSON."""
    return _spread(_TOKEN.findall(text)) if is_json(text) else text


def is_json(text: str) -> bool:
    """Return whether the whole text is one JSON value."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _joined(tokens: list[str]) -> str:
    return "".join({",": ", ", ":": ": "}.get(token, token) for token in tokens)


def _spread(tokens: list[str]) -> str:
    parts: list[str] = []
    depth = 0
    previous = ""
    for token in tokens:
        if token in ("}", "]"):
            depth -= 1
            if previous not in ("{", "["):
                parts.append("\n" + _INDENT * depth)
        elif previous in ("{", "[", ","):
            parts.append("\n" + _INDENT * depth)
        if token in ("{", "["):
            depth += 1
        parts.append(": " if token == ":" else token)
        previous = token
    return "".join(parts)


def offset_of(text: str, path: str) -> int | None:
    """Return the offset in JSON text of the value at `path`, such as `files[0].name`, or None."""
    try:
        at, rest = _past_blanks(text, 0), path
        while rest:
            at, rest = _step_down(text, at, rest)
    except (ValueError, IndexError, RecursionError):
        return None
    return at


def _step_down(text: str, at: int, path: str) -> tuple[int, str]:
    """Return the offset of the value named by the first part of `path`, and the rest of `path`."""
    place = _past_blanks(text, at + 1)
    if text[at] == "[" and (entry := _ENTRY.match(path)):
        for _ in range(int(entry[1])):
            place = _past_value(text, place)
        return place, path[entry.end() :]
    while text[at] == "{" and text[place] == '"':
        key, end = _DECODER.raw_decode(text, place)
        value = _past_blanks(text, _past_blanks(text, end) + 1)
        if path == key or path.startswith((f"{key}.", f"{key}[")):
            return value, path[len(key) :].removeprefix(".")
        place = _past_value(text, value)
    raise ValueError(path)


def _past_value(text: str, at: int) -> int:
    """Return the offset of the next key or entry, after the value at `at` and its comma."""
    _, end = _DECODER.raw_decode(text, at)
    return _past_blanks(text, _past_blanks(text, end) + 1)


def _past_blanks(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return found.end() if found else at
