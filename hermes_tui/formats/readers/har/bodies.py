"""Decode the bodies in a HAR file: base64, packed, chunked, or a list of such pieces.

text   = body | base64 | '["' base64 '", …]'      the list is how Polly.js keeps packed bodies
packed = gzip | zlib | chunked                    the bytes on the wire, if kept as such
"""

from __future__ import annotations

import binascii
import re
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from hermes_tui.formats import fields
from hermes_tui.formats.json_text.json_values import load

MAX_BODY = 256 << 20
"""Bytes that a packed body may unpack to."""
_PACKED_PREFIXES = ("H4sI", "1f8b", "eJ")
"""The beginnings of gzip and zlib data in base64 and in hex digits."""
_CHUNK_HEAD = re.compile(rb"([0-9A-Fa-f]{1,8})[^\r\n]*\r\n")
_HEX = re.compile(r"(?:[0-9a-f]{2})+")
_ZLIB_HEADS = (b"\x1f\x8b", b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
_ANY_WBITS = 47
"""Makes zlib recognise gzip and zlib by their headers."""


class Body(NamedTuple):
    """A body, and what is wrong with it, if anything."""

    value: Any
    problem: str = ""


def text_body(content: Mapping[str, Any], headers: Mapping[str, str]) -> Body:
    """Return the text of a request's `postData` or a response's `content`, or None without one."""
    text = content.get("text")
    if not isinstance(text, str):
        return Body(None)
    pieces = _pieces(text, str(content.get("encoding", "")).lower() == "base64")
    if pieces is None:
        return Body(text)
    try:
        data = b"".join(map(_decoded, pieces))
    except (ValueError, binascii.Error) as error:
        return Body(text, f"the body is not base64: {error}")
    return _unpacked(_dechunked(data), headers)


def json_body(body: Body) -> Body:
    """Return the value of a body whose text is JSON, or the body unchanged."""
    if not isinstance(body.value, str) or body.value.lstrip()[:1] not in ("{", "["):
        return body
    loaded = load(body.value.encode("utf-8", "surrogatepass"))
    if not loaded.values:
        return Body(body.value, body.problem or loaded.problems[0].message)
    problem_text = next((problem.message for problem in loaded.problems), "")
    return Body(loaded.values[0], body.problem or problem_text)


def _pieces(text: str, is_base64: bool) -> list[str] | None:
    """Return the encoded pieces of a body, or None if it is plain text."""
    if text.startswith('["'):
        try:
            listed = orjson.loads(text)
        except ValueError:
            listed = None
        pieces = [piece for piece in fields.as_list(listed) if isinstance(piece, str)]
        if pieces and (is_base64 or pieces[0].startswith(_PACKED_PREFIXES)):
            return pieces
    return [text] if is_base64 else None


def _decoded(piece: str) -> bytes:
    if piece.startswith("1f8b") and _HEX.fullmatch(piece):
        return bytes.fromhex(piece)
    return binascii.a2b_base64(piece)


def _dechunked(data: bytes) -> bytes:
    """Return the data of a chunked body; return anything not completely chunked unchanged."""
    pieces: list[bytes] = []
    position = 0
    while head := _CHUNK_HEAD.match(data, position):
        size = int(head[1], 16)
        end = head.end() + size
        if size == 0:
            return b"".join(pieces)
        if data[end : end + 2] != b"\r\n":
            break
        pieces.append(data[head.end() : end])
        position = end + 2
    return data


def _unpacked(data: bytes, headers: Mapping[str, str]) -> Body:
    problem = ""
    if data.startswith(_ZLIB_HEADS):
        unpacking = zlib.decompressobj(_ANY_WBITS)
        try:
            data = unpacking.decompress(data, MAX_BODY)
        except zlib.error as error:
            return Body(data.decode("utf-8", "replace"), f"the compressed body is damaged: {error}")
        if unpacking.unconsumed_tail:
            problem = f"the body unpacks to more than {MAX_BODY >> 20} MB; the rest is left out"
        elif not unpacking.eof:
            problem = "the compressed body ends too early"
    try:
        return Body(data.decode("utf-8"), problem)
    except UnicodeDecodeError:
        how = headers.get("content-encoding", "")
        message = f"the body is compressed with {how}" if how else "the body is not text"
        return Body(data.decode("utf-8", "replace"), problem or message)
