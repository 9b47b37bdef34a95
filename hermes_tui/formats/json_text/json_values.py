"""Foreign JSON: read fast if it is valid, and leniently if it is not.

orjson reads valid JSON. What it refuses goes to the standard library, which accepts escaped lone
surrogates (they are valid). It also accepts, each reported as a problem: NaN, numbers of thousands
of digits (as text), raw control characters and, by way of surrogate escapes, invalid UTF-8. Of a
document that breaks off, the beginning is read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

import orjson

from hermes_tui.parsers.plain_values import may_repeat_key

SEVERAL = "JSON values on one line"
"""What a problem reports, after their number, about values that nothing separates."""
MAX_EXCERPT = 120
_DEPTH_LIMIT = "limit"
"""A word of orjson's error message if a value is nested too deeply."""
BOM = b"\xef\xbb\xbf"
BLANKS = BOM + b" \t\r\n"
TRUNCATED = "the JSON is truncated here"
MAX_DUPLICATES = 5
"""How many duplicate keys of one value are reported."""
MAX_DEEP = 5
"""How many places of one value that are nested too deeply are reported."""
NON_JSON_NUMBER = "is not JSON; read as a number"
MAX_NUMBERS = 5
"""How many kinds of odd numbers of one value are reported."""


class Problem(NamedTuple):
    """Something odd about JSON bytes: the byte offset into them, and what it is."""

    offset: int
    message: str


class Loaded(NamedTuple):
    """The values found in some bytes (several if nothing separates them), and their problems."""

    values: tuple[Any, ...]
    problems: tuple[Problem, ...]


def loads(data: bytes) -> Any:
    """Decode JSON at the speed of orjson; accept also lone surrogates, which orjson refuses.

    Raises ValueError if `data` is not JSON or is nested too deeply to be read.
    """
    try:
        return orjson.loads(data)
    except ValueError:
        pass
    try:
        return json.loads(data)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def decode_if_json(value: Any, levels: int = 3) -> Any:
    """Decode JSON inside strings, at most `levels` deep; return anything else unchanged."""
    while levels and isinstance(value, str) and value[:1] in ("{", "[", '"'):
        try:
            value = orjson.loads(value)
        except ValueError:
            return value
        levels -= 1
    return value


def load(data: bytes, *, padded: bool = False) -> Loaded:
    """Return the JSON value(s) in `data` and what was odd about them; never raises.

    `padded`: `data` may end with blanks, which are cut off if orjson refuses it.
    """
    if data.startswith(BOM):
        data = b"   " + data[3:]
    try:
        value = orjson.loads(data)
    except ValueError as error:
        data = data.rstrip(b" \t\r\n") if padded else data
        # How deep the standard library's decoder goes depends on the version of Python.
        return _load_shallow(data) if _DEPTH_LIMIT in str(error) else _load_patiently(data)
    return Loaded((value,), _duplicate_keys(data, value))


def _load_shallow(data: bytes) -> Loaded:
    """Load a value that is nested too deeply, without its deepest parts."""
    from hermes_tui.formats.json_text.deep_json import MAX_DEPTH, without_deep_values

    shallow, places = without_deep_values(data)
    message = f"nested more than {MAX_DEPTH} levels deep here; deeper values are left out"
    deep = tuple(Problem(place, message) for place in places[:MAX_DEEP])
    try:
        value = orjson.loads(shallow)
        loaded = Loaded((value,), _duplicate_keys(shallow, value))
    except ValueError:
        loaded = _load_patiently(shallow, is_shallow=True)
    return Loaded(loaded.values, (*deep, *loaded.problems))


def _load_patiently(data: bytes, *, is_shallow: bool = False) -> Loaded:
    problems: list[Problem] = []
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        problems.append(Problem(error.start, "invalid UTF-8"))
        text = data.decode("utf-8", "surrogateescape")
    if "\0" in text[:_WIDE_HEAD]:
        wide = _wide_line(data)
        if wide is not None:
            return wide
    odd_numbers: set[str] = set()
    decoder = _patient_decoder(odd_numbers)
    values: list[Any] = []
    odd: dict[str, list[int]] = {}
    position = _skip_filler(text, 0, odd)
    while position < len(text):
        try:
            value, end = decoder.raw_decode(text, position)
        except RecursionError:
            if is_shallow:
                problems.append(Problem(_byte_offset(text, position), "nested too deeply to read"))
                break
            return _load_shallow(data)
        except ValueError as error:
            stop = getattr(error, "pos", position)
            reason = str(getattr(error, "msg", error))
            beginning, problem = _read_beginning(decoder, text, position, stop, reason)
            values.extend(beginning)
            problems.append(problem)
            break
        values.append(value)
        position = _skip_filler(text, end, odd)
    problems.extend(_filler_problems(text, odd))
    if len(values) > 1:
        problems.append(Problem(0, f"{len(values)} {SEVERAL}"))
    problems.extend(islice(_number_problems(text, odd_numbers), MAX_NUMBERS))
    if values and not problems:
        problems.extend(_control_problems(text))
    return Loaded(tuple(values), tuple(problems))


def _patient_decoder(odd_numbers: set[str]) -> json.JSONDecoder:
    """Return a decoder that accepts NaN and Infinity, and keeps too long integers as text.

    It adds each of them, as written, to `odd_numbers`.
    """

    def constant(name: str) -> float:
        odd_numbers.add(name)
        return float(name.replace("Infinity", "inf"))

    def integer(digits: str) -> int | str:
        try:
            return int(digits)
        except ValueError:
            odd_numbers.add(digits)
            return digits

    return json.JSONDecoder(strict=False, parse_constant=constant, parse_int=integer)


def _control_problems(text: str) -> Iterator[Problem]:
    """Yield the first raw control character. Escaped lone surrogates are valid JSON."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        yield Problem(_byte_offset(text, error.pos), "a raw control character in a string")
    except (ValueError, RecursionError):
        return


_STRING_OR_NUMBER = re.compile(
    r'"(?:[^"\\]++|\\.)*+"?|NaN|-?Infinity|-?\d++(?:[.eE][-+.\deE]++)?', re.DOTALL
)


def _number_problems(text: str, odd: set[str]) -> Iterator[Problem]:
    """Yield a problem for each kind of the numbers in `odd`, where the first of it occurs."""
    unreported = set(map(_number_message, odd))
    for token in _STRING_OR_NUMBER.finditer(text) if odd else ():
        message = _number_message(token[0]) if token[0] in odd else ""
        if message in unreported:
            unreported.remove(message)
            yield Problem(_byte_offset(text, token.start()), message)
            if not unreported:
                return


def _number_message(number: str) -> str:
    digits = number.lstrip("-")
    if digits.isdigit():
        return f"a number of {len(digits):,} digits is too long to read; kept as text"
    return f"{number} {NON_JSON_NUMBER}"


_FILLER = re.compile(r"[ \t\r\n\ufeff,\0]*")
_ODD_FILLER = (
    (",", "commas outside of a list"),
    ("\0", "zero bytes, as after a crash or on a full disk"),
)


def _skip_filler(text: str, position: int, odd: dict[str, list[int]]) -> int:
    """Return where the next value begins; note in `odd` anything but blanks before it."""
    found = _FILLER.match(text, position)
    filler = found[0] if found is not None else ""
    for char, _ in _ODD_FILLER:
        if char in filler:
            odd.setdefault(char, [position + filler.index(char), 0])[1] += filler.count(char)
    return position + len(filler)


def _filler_problems(text: str, odd: Mapping[str, list[int]]) -> Iterator[Problem]:
    for char, label in _ODD_FILLER:
        if char in odd:
            position, times = odd[char]
            yield Problem(_byte_offset(text, position), f"{label}: {times:,}")


_WIDE_HEAD = 8
_WIDE_OBJECT = re.compile(rb"[\0\r\n\xff\xfe]*(?=[{\[]\0[^\0])")


def _wide_line(data: bytes) -> Loaded | None:
    """Return the values of a line in UTF-16, which shells append to a file in UTF-8.

    A line is cut after the first byte of its line feed, so that the other byte begins the next.
    """
    begins = _WIDE_OBJECT.match(data)
    if begins is None:
        return None
    wide = data[begins.end() :]
    try:
        text = wide[: len(wide) & ~1].decode("utf-16-le")
    except UnicodeDecodeError:
        return None
    values, problems = load(text.rstrip("\0\r\n").encode())
    problem = Problem(begins.end(), "UTF-16 in a UTF-8 file; read as UTF-16")
    return Loaded(values, (problem, *(Problem(begins.end(), why) for _, why in problems)))


_SLICE = 1 << 20


def _byte_offset(text: str, position: int) -> int:
    """Return the byte offset of a character, without copying a long text as a whole."""
    if text.isascii():
        return position
    starts = range(0, position, _SLICE)
    pieces = (text[start : min(start + _SLICE, position)] for start in starts)
    return sum(len(piece.encode("utf-8", "surrogateescape")) for piece in pieces)


def _read_beginning(
    decoder: json.JSONDecoder, text: str, start: int, stop: int, reason: str
) -> tuple[list[Any], Problem]:
    """Return what can be read of the value at `start`, and what is wrong with it at `stop`."""
    from hermes_tui.formats.json_text.torn_json import close_torn

    here = _byte_offset(text, stop)
    closed = close_torn(text, start, stop)
    try:
        values = [decoder.decode(closed.text)] if closed is not None else []
    except (ValueError, RecursionError):
        values = []
    if closed is None or not values:
        return [], Problem(here, f"not JSON: {reason}")
    if closed.is_truncated:
        here, message = _byte_offset(text, len(text)), TRUNCATED
    else:
        message = f"the JSON breaks here ({reason})"
    return values, Problem(here, f"{message}; what comes before it is shown")


def _duplicate_keys(data: bytes, value: Any) -> tuple[Problem, ...]:
    """Report keys that appear twice in one object, of which only the last is kept.

    Comparing the number of colons in the bytes with that in the value is cheap; only if they differ
    are the keys read one by one.
    """
    if not may_repeat_key(value, data.count(b":")):
        return ()
    return tuple(
        Problem(at, f"key {name} appears twice in one object; the last one counts")
        for at, name in islice(_repeated_keys(data), MAX_DUPLICATES)
    )


_KEY_OR_BRACKET = re.compile(rb'("[^"\\]*(?:\\.[^"\\]*)*")(\s*:)?|[{}\[\]]', re.DOTALL)


def _repeated_keys(data: bytes) -> Iterator[tuple[int, str]]:
    """Yield where a key appears again in its object, and the key as it is written there."""
    stack: list[set[Any]] = [set()]
    for token in _KEY_OR_BRACKET.finditer(data):
        match token.group():
            case b"{" | b"[":
                stack.append(set())
            case b"}" | b"]":
                stack.pop()
            case _ if token.group(2):
                key = orjson.loads(token.group(1))
                if key in stack[-1]:
                    yield token.start(), token.group(1).decode()
                stack[-1].add(key)
