"""The exact bytes of one value inside a JSON record, found by its JSON Pointer (RFC 6901)."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable

from hermes_tui.model.whole_numbers import whole_number

_DECODER = json.JSONDecoder(strict=False)
_BLANK = " \t\r\n"
MAX_CONTAINERS = 64
"""How many objects, and how many arrays, of one record are remembered."""


def pointer_of(path: Iterable[str | int]) -> str:
    """Return a path of keys and indices as a JSON Pointer."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


class JsonSlicer:
    """Finds values of one record by their pointers.

    It remembers where the members of the containers on the path begin: finding the first value
    costs one pass over them, finding its neighbours only a pass over themselves.
    """

    def __init__(self, data: bytes) -> None:
        # Latin-1 gives one character a byte; JSON's own characters are ASCII.
        self._text = data.decode("latin-1")
        self._objects: dict[int, dict[str, int]] = {}
        self._arrays: dict[int, array[int]] = {}

    def find(self, pointer: str) -> bytes | None:
        """Return the bytes of the value at `pointer`, or None if there is none.

        Of duplicate keys the last one counts, as for every JSON reader. A value that is torn or
        broken is returned with everything after it.
        """
        text = self._text
        start = self._skip(3 if text.startswith("\xef\xbb\xbf") else 0)
        for token in pointer.split("/")[1:]:
            key = token.replace("~1", "/").replace("~0", "~")
            found = None
            if text.startswith("{", start):
                found = self._member(start, key)
            elif text.startswith("[", start):
                found = self._element(start, key)
            if found is None:
                return None
            start = found
        return text[start : self._end(start)].encode("latin-1")

    def _skip(self, position: int) -> int:
        text = self._text
        while position < len(text) and text[position] in _BLANK:
            position += 1
        return position

    def _end(self, start: int) -> int | None:
        try:
            return _DECODER.raw_decode(self._text, start)[1]
        except (ValueError, RecursionError):
            return None

    def _after(self, value: int) -> int | None:
        """Return where the value after the one at `value` begins, or None if there is none."""
        end = self._end(value)
        position = self._skip(end) if end is not None else len(self._text)
        return self._skip(position + 1) if self._text.startswith(",", position) else None

    def _member(self, start: int, key: str) -> int | None:
        if start not in self._objects:
            if len(self._objects) >= MAX_CONTAINERS:
                self._objects.clear()
            self._objects[start] = self._members(start)
        members = self._objects[start]
        as_bytes = key.encode("utf-8", "surrogatepass").decode("latin-1")
        # A key is written in the text as its own characters or, in ASCII, as escapes.
        found = max(members.get(as_bytes, -1), members.get(key, -1))
        return found if found >= 0 else None

    def _members(self, start: int) -> dict[str, int]:
        """Return where the value of each member begins; of equal keys the last one counts."""
        text = self._text
        members: dict[str, int] = {}
        place: int | None = self._skip(start + 1)
        while place is not None and text.startswith('"', place):
            try:
                name, position = _DECODER.raw_decode(text, place)
            except ValueError:
                break
            position = self._skip(position)
            if not text.startswith(":", position):
                break
            members[name] = self._skip(position + 1)
            place = self._after(members[name])
        return members

    def _element(self, start: int, key: str) -> int | None:
        number = whole_number(key)
        if number is None:
            return None
        if start not in self._arrays:
            if len(self._arrays) >= MAX_CONTAINERS:
                self._arrays.clear()
            first = self._skip(start + 1)
            is_empty = self._text[first : first + 1] in ("]", "")
            self._arrays[start] = array("Q", [] if is_empty else [first])
        begins = self._arrays[start]
        while begins and len(begins) <= number:
            following = self._after(begins[-1])
            if following is None or self._text[following : following + 1] in ("]", ""):
                return None
            begins.append(following)
        return begins[number] if begins else None
