"""Events to bytes and back: one JSON object per line, `kind` first. The native recording format.

A kind that this version does not know becomes `UnknownEvent` and is written back whole.

    schema 1 := {"schema":1,RunStarted} | event
    schema 2 := {"schema":2,event without a text, and NAME_packed: base64 of `packed_texts.pack`}

A run begins with schema 1; each line with a packed text is itself marked as schema 2.
"""

from __future__ import annotations

import binascii
import json
from functools import cache
from typing import Any, Final

import msgspec

from hermes_tui.log.packed_texts import pack, unpack
from hermes_tui.model.errors import SchemaTooNew
from hermes_tui.model.events import (
    Event,
    RequestFailed,
    ResponseReceived,
    RunStarted,
    UnknownEvent,
    copy_event,
)

SCHEMA = 2
"""The newest schema that is understood."""
PACKED_FROM: Final = 1 << 20
"""Characters. A shorter text of a server is written unpacked, so that `jq` can read it."""
MAX_UNPACKED: Final = 256 << 20
"""The most bytes of a packed text once it is unpacked; also the limit of a plain record."""
PACKED: Final[dict[type, str]] = {ResponseReceived: "raw", RequestFailed: "body"}
"""The field that is packed: the raw text of a server, as a stream is many times its content."""
PACKED_MARK: Final = b'_packed":'
"""Occurs in each line with a packed text, even if `jq -S` changed its order and spacing."""

_PACKED_PREFIX = b'{"schema":2,'
_ENCODER = msgspec.json.Encoder()
_KINDS = frozenset(event_type.__name__ for event_type in Event.__args__)


class MalformedEvent(ValueError):
    """A line is not an event: not JSON, no `kind`, or a field of the wrong type."""


class DamagedText(MalformedEvent):
    """The packed text of an event cannot be read; `event` has all else, and no text."""

    def __init__(self, message: str, event: Event) -> None:
        super().__init__(message)
        self.event = event


@cache
def _decoder() -> msgspec.json.Decoder[Any]:
    # Made when needed, as that takes longer than loading this module.
    return msgspec.json.Decoder(Event)


def long_text(event: Event) -> str:
    """Return the text of an event that `encode_packed` packs, empty if there is none."""
    name = PACKED.get(type(event))
    text: str = getattr(event, name) if name is not None else ""
    return text if PACKED_FROM <= len(text) <= MAX_UNPACKED else ""


def encode_packed(event: Event) -> bytes:
    """Return one line like `encode`, but with a very long text of a server packed."""
    packed = pack(text, MAX_UNPACKED) if (text := long_text(event)) else b""
    if not packed:
        return encode(event)
    name = PACKED[type(event)]
    rest = encode(copy_event(event, **{name: ""})).removesuffix(b"}\n")
    in_base64 = binascii.b2a_base64(packed, newline=False)
    return b'%b%b,"%b_packed":"%b"}\n' % (_PACKED_PREFIX, rest[1:], name.encode(), in_base64)


def encode(event: Event) -> bytes:
    """Return one line, newline included. The first event of a run has the schema number."""
    if isinstance(event, UnknownEvent) and _is_unknown_here(event.raw):
        raw = {**event.raw, "seq": event.seq}
        return json.dumps(raw, separators=(",", ":")).encode() + b"\n"
    try:
        line = _ENCODER.encode(event)
    except (UnicodeEncodeError, ValueError):
        # Lone surrogates, which msgspec refuses and JSON can escape.
        line = json.dumps(msgspec.to_builtins(event), separators=(",", ":")).encode()
    if isinstance(event, RunStarted):
        line = b'{"schema":1,' + line[1:]
    return line + b"\n"


def decode(line: bytes) -> Event:
    """Return the event of one line.

    Raises MalformedEvent if the line is not an event, SchemaTooNew if a newer version wrote it.
    """
    check_schema(line)
    if PACKED_MARK in line:
        return _decode_tolerantly(line)
    try:
        return _decoder().decode(line)  # type: ignore[no-any-return]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _decode_tolerantly(line)


def from_value(value: Any) -> Event:
    """Return the event of a JSON value that is already decoded. Raises as `decode` does."""
    if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
        raise MalformedEvent("not an event: an object with a `kind` is expected")
    schema = value.get("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        raise SchemaTooNew(schema, SCHEMA)
    if value["kind"] not in _KINDS:
        if not _is_unknown_here(value):
            raise MalformedEvent("not an event: `seq` is missing")
        return UnknownEvent(
            seq=value["seq"], ts=_seconds(value.get("ts")), unknown_kind=value["kind"], raw=value
        )
    try:
        return _with_unpacked_text(value, msgspec.convert(value, Event))
    except (msgspec.ValidationError, UnicodeEncodeError, RecursionError) as error:
        raise MalformedEvent(str(error)) from error


def _with_unpacked_text(value: dict[str, Any], event: Event) -> Event:
    """Return `event` with the text that is packed in its JSON `value`, if there is one.

    Raises DamagedText if that text cannot be read.
    """
    name = PACKED.get(type(event))
    packed = value.get(f"{name}_packed")
    if name is None or not isinstance(packed, str):
        return event
    try:
        text = unpack(_from_base64(packed), MAX_UNPACKED)
    except ValueError as error:
        raise DamagedText(str(error), event) from error
    return copy_event(event, **{name: text})


def _from_base64(packed: str) -> bytes:
    try:
        return binascii.a2b_base64(packed)
    except ValueError as error:
        raise ValueError(f"a packed text is damaged: {error}") from None


def _is_unknown_here(raw: dict[str, Any]) -> bool:
    """Return whether `raw` is an event of another version of this format.

    Records of other formats have kinds of their own and are recorded inside an `UnknownEvent`.
    """
    kind = raw.get("kind")
    return isinstance(kind, str) and kind not in _KINDS and isinstance(raw.get("seq"), int)


def _seconds(value: Any) -> float | None:
    try:
        return float(value) if isinstance(value, (int, float)) else None
    except OverflowError:
        return None


def _decode_tolerantly(line: bytes) -> Event:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise MalformedEvent(f"not JSON: {error}") from error
    return from_value(value)


def check_schema(line: bytes) -> None:
    """Raise SchemaTooNew if a newer version wrote `line`."""
    if not line.startswith(b'{"schema":'):
        return
    digits = line[len(b'{"schema":') :].split(b",", 1)[0].strip()
    if digits.isdigit() and len(digits) < 10 and int(digits) > SCHEMA:
        raise SchemaTooNew(int(digits), SCHEMA)
