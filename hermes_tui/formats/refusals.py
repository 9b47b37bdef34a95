"""Why a file is not a transcript: what it is instead, as far as its first bytes show."""

from __future__ import annotations

import re
from typing import NamedTuple

from hermes_tui.formats.json_text.json_values import BLANKS, TRUNCATED, load
from hermes_tui.formats.texts.python_repr import NotRepr, read_repr

LOOKED_FOR_ZEROS = 4096
LOOKED_AT = 50
"""The most lines of a file that are examined."""
MAX_TEXT = 64 << 10
"""Bytes of a text in which markers of calls are looked for."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,40}")
_IS_TRANSCRIPT = "is it a transcript?"
_REST = "the rest of the file is missing"
_FORCE = "list the formats with `hermes-tui formats`, force one with --format NAME"
_SAVE_AS = "save its rows as JSON lines or Parquet"
_UNPACK = "unpack it first"
_TEMPLATE = (
    "it is or has a chat template: `hermes-tui parsers` lists the parser for each family of models,"
    " and `hermes-tui parse` reads the text that a model wrote"
)
_KINDS = (
    (
        0,
        b"version https://git-lfs",
        "a Git LFS pointer, not the data",
        "run `git lfs pull` and try again",
    ),
    (0, b"PK\x03\x04", "a zip archive", _UNPACK),
    (0, b"\x1f\x8b\x08", "data packed by gzip", _UNPACK),
    (0, b"\x28\xb5\x2f\xfd", "data packed by zstd", _UNPACK),
    (257, b"ustar", "a tar archive", "unpack it first, with `tar -xf`"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (0, b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (0, b"\x04\x22\x4d\x18", "data packed by lz4", "unpack it first, with `lz4 -d`"),
    (0, b"ARROW1", "an Arrow file", _SAVE_AS),
    (0, b"\xff\xff\xff\xff", "an Arrow stream", _SAVE_AS),
    (0, b"Obj\x01", "an Avro file", _SAVE_AS),
    (0, b"\x89HDF\r\n", "an HDF5 file", _SAVE_AS),
    (0, b"\x80\x04\x95", "a Python pickle", "which is never loaded: save it as JSON"),
    (0, b"\x80\x05\x95", "a Python pickle", "which is never loaded: save it as JSON"),
    (0, b"%PDF-", "a PDF document", _IS_TRANSCRIPT),
)
"""Offset, first bytes, description and hint of each other kind of file."""


class Refusal(NamedTuple):
    """Why a file cannot be read, and what to do next.

    `waits`: more bytes may change that. `is_foreign`: the file is complete, but not a transcript.
    """

    reason: str
    hint: str
    waits: bool = False
    is_foreign: bool = False


def refusal_of(head: bytes, *, complete: bool) -> Refusal | None:
    """Return why a file cannot be read whatever follows its `head`, or None if it may be
    readable."""
    if not head and complete:
        return Refusal("empty file", "nothing was written to it", is_foreign=True)
    if not head:
        return Refusal("empty so far", "wait until something is written", waits=True)
    for offset, magic, what, hint in _KINDS:
        if head.startswith(magic, offset):
            return Refusal(what, hint)
    start = head.lstrip(BLANKS)[:16].lower()
    if start.startswith((b"<!doctype", b"<html")):
        return Refusal("an HTML page", "give the data that it was made from")
    if not start:
        hint = "nothing was written to it"
        return Refusal("only whitespace", hint, waits=not complete, is_foreign=True)
    return None


def why_no_json(head: bytes, whole: bytes) -> Refusal:
    """Return why a file that begins with `head` holds no JSON value; `whole` is all of it, or
    nothing if it is long."""
    if not head.strip(BLANKS + b"\0"):
        return Refusal(
            "nothing but zero bytes",
            "a crash or a full disk may have left them; an empty tar archive is like that, too",
        )
    if b"\0" in head[:LOOKED_FOR_ZEROS]:
        return Refusal("binary data", "a transcript is JSON or JSON lines")
    if _holds_scalars(whole):
        reason = "JSON, but neither an object nor a list"
        return Refusal(reason, _IS_TRANSCRIPT, waits=True, is_foreign=True)
    reason = "no JSON value found in it"
    if whole and (hint := _hint_for_text(whole)):
        return Refusal(reason, hint, waits=True)
    if head.lstrip(BLANKS)[:1] in (b"{", b"["):
        for place, message in load(whole.rstrip()).problems if whole else ():
            reason = f"{reason}: {message.removeprefix('not JSON: ')} (byte {place:,})"
            break
    return Refusal(reason, _IS_TRANSCRIPT, waits=True)


def _lines(whole: bytes) -> list[bytes]:
    """Return the first lines of a file, without blank ones."""
    return [line for line in whole.split(b"\n", LOOKED_AT)[:LOOKED_AT] if line.strip()]


def _holds_scalars(whole: bytes) -> bool:
    """Return whether a file is one JSON scalar (number, string, true, false or null) or lines of
    them."""
    loaded = [load(line.strip()) for line in _lines(whole)]
    return bool(loaded) and all(each.values and not each.problems for each in loaded)


def why_no_message(whole: bytes) -> Refusal:
    """Return why no message was found in JSON; `whole` is the file if it is short."""
    for place, message in load(whole.rstrip()).problems if whole else ():
        if message.startswith(TRUNCATED):
            return Refusal(f"truncated at byte {place:,}, before any message", _REST)
    if b'"chat_template"' in whole:
        return Refusal("JSON, but nothing in it looks like a message", _TEMPLATE, is_foreign=True)
    if whole.lstrip(BLANKS)[:1] not in (b"{", b"[") and (hint := _hint_for_text(whole)):
        return Refusal("no message found in it", hint, is_foreign=True)
    hint = _hint_for_rows(whole) or _FORCE
    return Refusal("JSON, but nothing in it looks like a message", hint, is_foreign=True)


def _hint_for_text(whole: bytes) -> str:
    """Return what to do with a text that is no JSON but may hold a run; "" if nothing helps."""
    lines = _lines(whole)
    if lines and _is_repr(lines[0]):
        return "it is Python's repr of a value: save it with json.dumps"
    for opener, pattern in (("{", "{.*"), ("[", r"\[.*")):
        if any(_has_messages_after_prefix(line, opener) for line in lines):
            return (
                f"its lines have messages after other text, which `grep -o '{pattern}' FILE` drops"
            )
    if b"{%" in whole and b"messages" in whole:
        return _TEMPLATE
    from hermes_tui.parsers.choice import guess_parser

    if guess_parser(whole[:MAX_TEXT].decode("utf-8", "replace")).sure:
        return "it has the markers of a call: `hermes-tui parse FILE` reads the text of a model"
    return ""


def _hint_for_rows(whole: bytes) -> str:
    """Return how to read lines with a model's texts in them; "" if there are no such lines."""
    from hermes_tui.parsers.choice import guess_parser

    for line in _lines(whole):
        for row in load(line.strip()).values if line.startswith(b"{") else ():
            for key, text in row.items() if isinstance(row, dict) else ():
                if not isinstance(text, str) or not guess_parser(text[:MAX_TEXT]).sure:
                    continue
                if key == "text":
                    return "`hermes-tui parse --batch FILE` reads a model's texts"
                if _NAME.fullmatch(key):
                    rows = f"jq -c '{{text: .{key}}}' FILE"
                    return f"`{rows} | hermes-tui parse --batch` reads a model's texts"
    return ""


def _has_messages_after_prefix(line: bytes, opener: str) -> bool:
    """Return whether a line is text, as of a logger, followed by JSON with messages in it."""
    start = line.find(opener.encode())
    if start <= 0 or not line[:start].strip():
        return False
    loaded = load(line[start:].strip())
    from hermes_tui.formats.finder import find_conversations

    return not loaded.problems and any(find_conversations(value)[0] for value in loaded.values)


def _is_repr(line: bytes) -> bool:
    """Return whether a line is a dict or a list as Python prints it."""
    if not line.startswith((b"{", b"[")) or b"'" not in line:
        return False
    try:
        return bool(read_repr(line.decode("utf-8", "replace").strip()))
    except NotRepr:
        return False
