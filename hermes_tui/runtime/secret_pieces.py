"""Masks secrets that are split into pieces in a server's response.

A stream delivers a text in pieces, each in its own event; a list of tokens or of content parts
splits it, too. Pieces belong together if the same keys lead to them and the objects on the way have
the same `index`; they are also joined by the keys alone, for servers that number differently.

    body   = JSON, whole or torn | line*
    line   = field ":" (JSON | text)        an event stream; a comment has no field

All other text stays verbatim. The time grows linearly with the text.
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
"""A string, maybe a key with the start of its value; a bracket; a run of closing brackets; or the
field of a line."""
_TEXTS = re.compile(rf'{_STRING}|^[a-z]*+: ?+([^\s"\[{{][^\n]*+)', re.MULTILINE)
"""Matches all strings, keys included; three times as fast as `_TOKEN`."""
_SLICE: Final = 1 << 20
"""How many characters, at least, are searched for strings at a time."""
_REPEATING_KEYS: Final = frozenset({"bytes", "top_logprobs"})
"""Keys whose lists repeat a token of a list of tokens."""


class _Object:
    """A JSON object that is being read.

    `id` numbers the way to it by keys and indexes, `keys` that by keys alone.
    """

    __slots__ = ("above", "id", "index", "key", "key_above", "keys", "repeats")

    def __init__(self, above: _Object | None) -> None:
        self.above = above
        self.key_above: str = above.key if above is not None else ""
        self.key: str = ""
        self.index: str = ""
        self.id = self.keys = 0
        self.repeats: list[tuple[int, int]] = []
        """The ranges of the lists that repeat its token."""


class _Piece:
    __slots__ = ("end", "is_plain", "key", "owner", "start", "text")

    def __init__(self, owner: _Object, start: int, text: str, *, is_plain: bool = False) -> None:
        self.owner, self.key = owner, owner.key
        self.start, self.end = start, start + len(text)
        self.text = text if is_plain or "\\" not in text else _unescaped(text)
        self.is_plain = is_plain


def without_secrets(text: str, forms: Sequence[str]) -> str:
    """Return JSON text or an event stream with each of `forms` masked, even if split into pieces.

    The first piece of a split form holds the mask. If a piece is the token of a list, the lists
    that repeat the token (its bytes, the top logprobs) are emptied.
    """
    strings = _distinct_strings(text)
    forms = [form for form in forms if _is_concatenation(form, strings)]
    if not forms:
        return text
    pieces = _pieces(text)
    before = [piece.text for piece in pieces]
    _mask(pieces, forms, lambda piece: (piece.owner.id, piece.owner.index, piece.key))
    _mask(pieces, forms, lambda piece: (piece.owner.keys, piece.key))
    edits: dict[int, tuple[int, str]] = {}
    for piece, original in zip(pieces, before, strict=True):
        if piece.text != original:
            edits[piece.start] = (piece.end, _as_json_text(piece, text))
            if piece.key == "token":
                edits.update((start, (end, "[]")) for start, end in piece.owner.repeats)
    return _edited(text, edits) if edits else text


def _distinct_strings(text: str) -> str:
    """Return all distinct strings in `text`, with a newline before and after each."""
    strings: set[str] = set()
    for lines in _slices(text):
        strings.update(string or plain for string, plain in _TEXTS.findall(lines))
    return "\n".join(
        ["", *(_unescaped(string) if "\\" in string else string for string in strings), ""]
    )


def _slices(text: str) -> Iterator[str]:
    """Yield `text` in slices of whole lines: a list of all its strings takes ten times its size."""
    start = 0
    while start < len(text):
        end = text.find("\n", start + _SLICE) + 1 or len(text)
        yield text[start:end]
        start = end


def _is_concatenation(form: str, strings: str) -> bool:
    """Return whether the strings, joined in some order and repeatedly, can contain `form`."""
    if form in strings:
        return True
    ends = [end for end in range(1, len(form)) if f"{form[:end]}\n" in strings]
    seen = set(ends)
    while ends:
        end = ends.pop()
        if f"\n{form[end:]}" in strings:
            return True
        for further in range(end + 1, len(form)):
            if f"\n{form[end:further]}" not in strings:
                break
            if further not in seen and f"\n{form[end:further]}\n" in strings:
                seen.add(further)
                ends.append(further)
    return False


def _pieces(text: str) -> list[_Piece]:
    """Return the string values in `text` in order; empty ones are left out."""
    reader = _PieceReader()
    for found in _TOKEN.finditer(text):
        string, colon, value, begins, number, opens, closes, field, plain = found.groups()
        if colon:
            reader.top.key = string
            if value:
                reader.take(found.start(3), value)
            elif begins:
                reader.open(begins, found.start(4))
            elif number and string == "index":
                reader.top.index = number
        elif string:
            reader.take(found.start(1), string)
        elif opens:
            reader.open(opens, found.start())
        elif closes:
            reader.close(len(closes), found.start())
        elif field is not None:
            reader.begin_line(field)
            if plain:
                reader.take(found.start(9), plain, is_plain=True)
    reader.resolve()
    return reader.pieces


class _PieceReader:
    """The state of reading JSON. A list counts as part of the object that contains it, which
    is then in `stack` twice."""

    def __init__(self) -> None:
        self.pieces: list[_Piece] = []
        self.root = self.top = _Object(None)
        self.stack = [self.root]
        self._objects = [self.root]
        self._open_repeats: list[tuple[int, int]] = []
        """The depth and the start of each open list that repeats a token."""

    def take(self, start: int, text: str, *, is_plain: bool = False) -> None:
        self.pieces.append(_Piece(self.top, start, text, is_plain=is_plain))

    def open(self, bracket: str, at: int) -> None:
        if bracket == "{":
            self.top = _Object(self.top)
            self._objects.append(self.top)
        elif self.top.key in _REPEATING_KEYS:
            self._open_repeats.append((len(self.stack), at))
        self.stack.append(self.top)

    def close(self, count: int, at: int) -> None:
        depth = len(self.stack)
        kept = max(1, depth - count)
        while self._open_repeats and self._open_repeats[-1][0] >= kept:
            level, begin = self._open_repeats.pop()
            self.stack[level].repeats.append((begin, at + depth - level))
        del self.stack[kept:]
        self.top = self.stack[-1]

    def begin_line(self, field: str) -> None:
        self.top = self.root = _Object(None)
        self.root.key = field
        self.stack = [self.root]
        self._objects.append(self.root)
        self._open_repeats = []

    def resolve(self) -> None:
        """Number the objects; those that the same keys lead to get the same number."""
        ids: dict[tuple[int, str, str], int] = {}
        keys: dict[tuple[int, str], int] = {}
        for item in self._objects:
            if (above := item.above) is not None:
                path = (above.id, above.index, item.key_above)
                item.id = ids.setdefault(path, len(ids) + 1)
                item.keys = keys.setdefault((above.keys, item.key_above), len(keys) + 1)


def _mask(
    pieces: list[_Piece], forms: Sequence[str], channel: Callable[[_Piece], tuple[object, ...]]
) -> None:
    """Mask `forms` in the pieces of every channel."""
    channels: defaultdict[tuple[object, ...], list[_Piece]] = defaultdict(list)
    for piece in pieces:
        channels[channel(piece)].append(piece)
    for channel_pieces in channels.values():
        joined = "".join([piece.text for piece in channel_pieces])
        hidden = _places(joined, forms)
        if hidden:
            _cut_out(channel_pieces, joined, hidden)


def _places(text: str, forms: Sequence[str]) -> list[tuple[int, int]]:
    """Return where `forms` occur in `text`; overlapping occurrences are merged."""
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


def _cut_out(pieces: list[_Piece], joined: str, hidden: list[tuple[int, int]]) -> None:
    """Give each piece its part of `joined` without the `hidden` ranges."""
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
        # An edit inside another one is covered by it.
        if start >= at:
            yield text[at:start]
            yield new
            at = end
    yield text[at:]


def _as_json_text(piece: _Piece, text: str) -> str:
    """Return the text of a piece as JSON, in ASCII with escapes if it had any before."""
    if piece.is_plain:
        return piece.text
    in_ascii = "\\u" in text[piece.start : piece.end]
    return json.dumps(piece.text, ensure_ascii=in_ascii)[1:-1]


def _unescaped(text: str) -> str:
    try:
        return str(json.loads(f'"{text}"', strict=False))
    except ValueError:
        return text
