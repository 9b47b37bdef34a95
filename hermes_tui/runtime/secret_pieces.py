"""Secrets that stand in pieces in what a server sent, taken out of every piece.

A stream brings a text in pieces, each in an event of its own; a list of tokens or of content parts
holds it in pieces, too. Pieces belong together by the keys that lead to them and the `index` of
the objects on the way, and once more by the keys alone, for those who count otherwise.

    body   = JSON, whole or torn | line*
    line   = field ":" (JSON | text)        an event stream; a comment has no field

What is not concerned stays to the letter. The time grows linearly with the text.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Final

MASKED: Final = "[masked]"

_STRING = r'"([^"\\\n]*+(?:\\.[^"\\\n]*+)*+)"?+'
_TOKEN = re.compile(
    rf"{_STRING}(?:\s*+(:)\s*+(?:{_STRING}|([{{\[])|(\d{{1,9}}+)|))?+"
    r'|([{\[])|([}\]]++)|^([a-z]*+): ?+([^\s"\[{][^\n]*+)?+',
    re.MULTILINE,
)
"""A text, maybe a key with what it begins; a bracket; a run of closing ones; a line's field."""
_TEXTS = re.compile(rf'{_STRING}|^[a-z]*+: ?+([^\s"\[{{][^\n]*+)', re.MULTILINE)
"""Every text at once, keys as well: three times as fast."""
_SLICE: Final = 1 << 20
"""Characters, at least, that are looked through for all their texts at once."""
_TOLD_AGAIN: Final = frozenset({"bytes", "top_logprobs"})
"""What says a token of a list of tokens once more."""


class _Object:
    """An object of the JSON, while its members come; `id` and `keys` are what leads to it."""

    __slots__ = ("above", "aside", "id", "index", "key", "key_above", "keys")

    def __init__(self, above: _Object | None) -> None:
        self.above = above
        self.key_above: str = above.key if above is not None else ""
        self.key: str = ""
        self.index: str = ""
        self.id = self.keys = 0
        self.aside: list[tuple[int, int]] = []
        """Where the lists are that say its token once more."""


class _Piece:
    __slots__ = ("end", "home", "is_plain", "key", "start", "text")

    def __init__(self, home: _Object, start: int, text: str, *, is_plain: bool = False) -> None:
        self.home, self.key = home, home.key
        self.start, self.end = start, start + len(text)
        self.text = text if is_plain or "\\" not in text else _unescaped(text)
        self.is_plain = is_plain


def without_secrets(text: str, forms: Sequence[str]) -> str:
    """Return JSON text or an event stream with each of `forms` masked, also where it is in pieces.

    Of a form in pieces the first one holds the mask. Where the token of a list is concerned, what
    says it again (its bytes, the likeliest ones) is left empty.
    """
    held = _different_texts(text)
    forms = [form for form in forms if _can_be_made(form, held)]
    if not forms:
        return text
    pieces = _pieces(text)
    before = [piece.text for piece in pieces]
    _mask(pieces, forms, lambda piece: (piece.home.id, piece.home.index, piece.key))
    _mask(pieces, forms, lambda piece: (piece.home.keys, piece.key))
    edits: dict[int, tuple[int, str]] = {}
    for piece, was in zip(pieces, before, strict=True):
        if piece.text != was:
            edits[piece.start] = (piece.end, _written(piece, text))
            if piece.key == "token":
                edits.update((start, (end, "[]")) for start, end in piece.home.aside)
    return _edited(text, edits) if edits else text


def _different_texts(text: str) -> str:
    """Return all texts that stand in `text`, each once, with a newline before and after it."""
    found: set[str] = set()
    for lines in _slices(text):
        found.update(said or plain for said, plain in _TEXTS.findall(lines))
    return "\n".join(["", *(_unescaped(one) if "\\" in one else one for one in found), ""])


def _slices(text: str) -> Iterator[str]:
    """Yield `text` in slices of whole lines: all its texts in one list take ten times its size."""
    start = 0
    while start < len(text):
        end = text.find("\n", start + _SLICE) + 1 or len(text)
        yield text[start:end]
        start = end


def _can_be_made(form: str, held: str) -> bool:
    """Say whether texts, each of them taken as often as need be, can make `form` in a row."""
    if form in held:
        return True
    ends = [end for end in range(1, len(form)) if f"{form[:end]}\n" in held]
    seen = set(ends)
    while ends:
        end = ends.pop()
        if f"\n{form[end:]}" in held:
            return True
        for further in range(end + 1, len(form)):
            if f"\n{form[end:further]}" not in held:
                break
            if further not in seen and f"\n{form[end:further]}\n" in held:
                seen.add(further)
                ends.append(further)
    return False


def _pieces(text: str) -> list[_Piece]:
    """Return the texts that stand in `text` as values, in their order; empty ones are left out."""
    reading = _Reading()
    for found in _TOKEN.finditer(text):
        said, colon, value, begins, number, opens, closes, field, plain = found.groups()
        if colon:
            reading.top.key = said
            if value:
                reading.take(found.start(3), value)
            elif begins:
                reading.open(begins, found.start(4))
            elif number and said == "index":
                reading.top.index = number
        elif said:
            reading.take(found.start(1), said)
        elif opens:
            reading.open(opens, found.start())
        elif closes:
            reading.close(len(closes), found.start())
        elif field is not None:
            reading.begin_line(field)
            if plain:
                reading.take(found.start(9), plain, is_plain=True)
    reading.resolve()
    return reading.pieces


class _Reading:
    """How far the JSON has been read. A list is not told apart from the object that it stands in:
    `stack` then holds that one twice."""

    def __init__(self) -> None:
        self.pieces: list[_Piece] = []
        self.root = self.top = _Object(None)
        self.stack = [self.root]
        self._objects = [self.root]
        self._aside: list[tuple[int, int]] = []
        """The lists that are told again and still open: how deep they are, and where they begin."""

    def take(self, start: int, text: str, *, is_plain: bool = False) -> None:
        self.pieces.append(_Piece(self.top, start, text, is_plain=is_plain))

    def open(self, bracket: str, at: int) -> None:
        if bracket == "{":
            self.top = _Object(self.top)
            self._objects.append(self.top)
        elif self.top.key in _TOLD_AGAIN:
            self._aside.append((len(self.stack), at))
        self.stack.append(self.top)

    def close(self, count: int, at: int) -> None:
        depth = len(self.stack)
        kept = max(1, depth - count)
        while self._aside and self._aside[-1][0] >= kept:
            level, begin = self._aside.pop()
            self.stack[level].aside.append((begin, at + depth - level))
        del self.stack[kept:]
        self.top = self.stack[-1]

    def begin_line(self, field: str) -> None:
        self.top = self.root = _Object(None)
        self.root.key = field
        self.stack = [self.root]
        self._objects.append(self.root)
        self._aside = []

    def resolve(self) -> None:
        """Number the objects: those that the same keys lead to alike."""
        ids: dict[tuple[int, str, str], int] = {}
        keys: dict[tuple[int, str], int] = {}
        for one in self._objects:
            if (above := one.above) is not None:
                way = (above.id, above.index, one.key_above)
                one.id = ids.setdefault(way, len(ids) + 1)
                one.keys = keys.setdefault((above.keys, one.key_above), len(keys) + 1)


def _mask(
    pieces: list[_Piece], forms: Sequence[str], channel: Callable[[_Piece], tuple[object, ...]]
) -> None:
    """Mask `forms` in the pieces of every channel."""
    channels: defaultdict[tuple[object, ...], list[_Piece]] = defaultdict(list)
    for piece in pieces:
        channels[channel(piece)].append(piece)
    for together in channels.values():
        joined = "".join([piece.text for piece in together])
        hidden = _places(joined, forms)
        if hidden:
            _cut(together, joined, hidden)


def _places(text: str, forms: Sequence[str]) -> list[tuple[int, int]]:
    """Return where `forms` stand in `text`; what overlaps is one place."""
    found = []
    for form in forms:
        at = text.find(form)
        while at >= 0:
            found.append((at, at + len(form)))
            at = text.find(form, at + 1)
    merged: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _cut(pieces: list[_Piece], joined: str, hidden: list[tuple[int, int]]) -> None:
    """Give each piece its part of `joined` without what is hidden."""
    begin, nth = 0, 0
    for piece in pieces:
        end = begin + len(piece.text)
        kept, at = [], begin
        while nth < len(hidden) and hidden[nth][0] < end:
            first, last = hidden[nth]
            if first >= begin:
                kept += [joined[at:first], MASKED]
            at = min(last, end)
            if last > end:
                break
            nth += 1
        piece.text = "".join([*kept, joined[at:end]])
        begin = end


def _edited(text: str, edits: dict[int, tuple[int, str]]) -> str:
    return "".join(_parts(text, edits))


def _parts(text: str, edits: dict[int, tuple[int, str]]) -> Iterator[str]:
    at = 0
    for start, (end, new) in sorted(edits.items()):
        # One inside of another went with it.
        if start >= at:
            yield text[at:start]
            yield new
            at = end
    yield text[at:]


def _written(piece: _Piece, text: str) -> str:
    """Return the text of a piece as it stands in JSON, with escapes where it had them."""
    if piece.is_plain:
        return piece.text
    in_ascii = "\\u" in text[piece.start : piece.end]
    return json.dumps(piece.text, ensure_ascii=in_ascii)[1:-1]


def _unescaped(text: str) -> str:
    try:
        return str(json.loads(f'"{text}"', strict=False))
    except ValueError:
        return text
