"""Events to bytes and back: one JSON object a line, `kind` first. The native recording format.

Schema 1. A kind that this version does not know becomes `UnknownEvent` and is written back whole.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import msgspec

from hermes_tui.model.errors import SchemaTooNew
from hermes_tui.model.events import Event, RunStarted, UnknownEvent

SCHEMA = 1

_ENCODER = msgspec.json.Encoder()
_KINDS = frozenset(event_type.__name__ for event_type in Event.__args__)


class MalformedEvent(ValueError):
    """A line is no event: not JSON, no `kind`, or a field of the wrong type."""


@cache
def _decoder() -> msgspec.json.Decoder[Any]:
    # Made when needed: that takes longer than to load this module.
    return msgspec.json.Decoder(Event)


def encode(event: Event) -> bytes:
    """Return one line, newline included. The first event of a run carries the schema number."""
    if isinstance(event, UnknownEvent) and _is_unknown_here(event.raw):
        raw = {**event.raw, "seq": event.seq}
        return json.dumps(raw, separators=(",", ":")).encode() + b"\n"
    try:
        line = _ENCODER.encode(event)
    except (UnicodeEncodeError, ValueError):
        # Lone surrogates, which msgspec refuses and JSON can escape.
        line = json.dumps(msgspec.to_builtins(event), separators=(",", ":")).encode()
    if isinstance(event, RunStarted):
        line = b'{"schema":%d,' % SCHEMA + line[1:]
    return line + b"\n"


def decode(line: bytes) -> Event:
    """Return the event of one line.

    Raises MalformedEvent where the line is none, SchemaTooNew where a newer version wrote it.
    """
    check_schema(line)
    try:
        return _decoder().decode(line)  # type: ignore[no-any-return]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _decode_patiently(line)


def from_value(value: Any) -> Event:
    """Return the event that an already decoded JSON value stands for; raises as `decode` does."""
    if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
        raise MalformedEvent("no event: an object with a `kind` is expected")
    schema = value.get("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        raise SchemaTooNew(schema, SCHEMA)
    if value["kind"] not in _KINDS:
        if not _is_unknown_here(value):
            raise MalformedEvent("no event: `seq` is missing")
        return UnknownEvent(
            seq=value["seq"], ts=_seconds(value.get("ts")), unknown_kind=value["kind"], raw=value
        )
    try:
        return msgspec.convert(value, Event)  # type: ignore[no-any-return]
    except (msgspec.ValidationError, UnicodeEncodeError, RecursionError) as error:
        raise MalformedEvent(str(error)) from error


def _is_unknown_here(raw: dict[str, Any]) -> bool:
    """Return whether `raw` is an event of another version; other formats have kinds of their own,
    which are recorded inside of an `UnknownEvent`."""
    kind = raw.get("kind")
    return isinstance(kind, str) and kind not in _KINDS and isinstance(raw.get("seq"), int)


def _seconds(value: Any) -> float | None:
    try:
        return float(value) if isinstance(value, (int, float)) else None
    except OverflowError:
        return None


def _decode_patiently(line: bytes) -> Event:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise MalformedEvent(f"not JSON: {error}") from error
    return from_value(value)


def check_schema(line: bytes) -> None:
    """Raise SchemaTooNew where `line` begins a recording that a newer version wrote."""
    if not line.startswith(b'{"schema":'):
        return
    digits = line[len(b'{"schema":') :].split(b",", 1)[0].strip()
    if digits.isdigit() and len(digits) < 10 and int(digits) > SCHEMA:
        raise SchemaTooNew(int(digits), SCHEMA)
