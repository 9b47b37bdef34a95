"""Keeps credentials out of everything that a run writes: its recording and its output."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from hermes_tui.formats.secrets import Path, change_credentials, is_masked, mask_parameters
from hermes_tui.log.codec import PACKED, encode_packed, long_text
from hermes_tui.model.errors import UsageError
from hermes_tui.model.events import (
    Event,
    MessageAppended,
    ParametersChanged,
    RequestFailed,
    RequestSent,
    ResponseReceived,
    RunStarted,
    copy_event,
)
from hermes_tui.parsers.plain_values import decode, json_text
from hermes_tui.runtime.secret_pieces import MASKED, without_secrets

MIN_SECRET_LENGTH: Final = 8
"""The shortest secret that is masked, in characters: shorter ones may occur by chance."""
_FIELD_NAME: Final = re.compile(r"[a-z_]+")


class Masking:
    """Writes events without `secrets` and without the credentials in a request's parameters."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        long = {secret for secret in secrets if len(secret) >= MIN_SECRET_LENGTH}
        forms = {form for secret in long for form in _written_forms(secret)}
        self._forms = sorted(forms, key=len, reverse=True)
        in_json = {as_json for form in forms for as_json in _escaped(form)}
        self._bytes = [form.encode("utf-8", "backslashreplace") for form in in_json]

    def line(self, event: Event) -> bytes:
        """Return the event as one line of a recording."""
        whole = self._without_split_secrets(_with_parameters(event, mask_parameters))
        if text := long_text(whole):
            # Once the text is packed, no secret is found in it.
            whole = _with_field(whole, PACKED[type(whole)], text, self.text(text))
        return self.hidden(encode_packed(whole))

    def _without_split_secrets(self, event: Event) -> Event:
        """Return `event` without the secrets that are split over pieces of a server's response."""
        match event:
            case ResponseReceived(raw=text) | MessageAppended(raw=text) if self._forms:
                return _with_field(event, "raw", text, without_secrets(text, self._forms))
            case RequestFailed(body=text) if self._forms:
                return _with_field(event, "body", text, without_secrets(text, self._forms))
        return event

    def text(self, text: str) -> str:
        """Return a text without the secrets."""
        for form in self._forms:
            text = text.replace(form, MASKED)
        return text

    def hidden(self, line: bytes) -> bytes:
        """Return a line of JSON without the secrets.

        Strings change, never numbers, nor names that our own fields could have.
        """
        if self._forms:
            text = line.decode()
            line = without_secrets(text, self._forms).encode("utf-8", "backslashreplace")
        if not any(in_bytes in line for in_bytes in self._bytes):
            return line
        try:
            value = self._mask_value(json.loads(line))
            text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        except RecursionError:
            # Nested too deeply to be walked: better a spoilt line than one with a secret.
            for in_bytes in self._bytes:
                line = line.replace(in_bytes, MASKED.encode())
            return line
        return text.encode("utf-8", "backslashreplace") + b"\n"

    def _mask_value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self._mask_value(item) for item in value]
        if isinstance(value, dict):
            return {self._mask_name(name): self._mask_value(item) for name, item in value.items()}
        return value

    def _mask_name(self, name: str) -> str:
        # A name that one of our own fields could have is kept: the line must stay an event.
        return name if _FIELD_NAME.fullmatch(name) else str(self._mask_value(name))


def _written_forms(secret: str) -> Iterator[str]:
    """Yield `secret` as a text may contain it: verbatim, in JSON, and in JSON within JSON."""
    yield secret
    for in_json in _escaped(secret):
        yield in_json
        yield from _escaped(in_json)


def _escaped(text: str) -> tuple[str, str]:
    return json.dumps(text, ensure_ascii=False)[1:-1], json.dumps(text)[1:-1]


def _with_field(event: Event, field: str, before: str, after: str) -> Event:
    return event if before == after else copy_event(event, **{field: after})


def _with_parameters(event: Event, change: Callable[[Mapping[str, Any]], dict[str, Any]]) -> Event:
    """Return `event` with `change` applied to its request parameters, if it has any."""
    match event:
        case RunStarted(details={"parameters": dict() as parameters} as details):
            changed = change(parameters)
            if changed == parameters:
                return event
            return copy_event(event, details={**details, "parameters": changed})
        case RequestSent(parameters=text) if text:
            return copy_event(event, parameters=_changed_text(text, change))
        case ParametersChanged(before=before, after=after):
            texts = {"before": before, "after": after}
            changes = {name: _changed_text(text, change) for name, text in texts.items() if text}
            return copy_event(event, **changes)
        case _:
            return event


def _changed_text(text: str, change: Callable[[Mapping[str, Any]], dict[str, Any]]) -> str:
    """Return JSON text with `change` applied; verbatim if nothing changes."""
    value = decode(text)
    if not isinstance(value, dict):
        return text
    changed = change(value)
    return text if changed == value else json_text(changed)


def restore_credentials(events: Iterable[Event], extra: Mapping[str, Any]) -> tuple[Event, ...]:
    """Return recorded events with the credentials masked in them restored from `extra`.

    Raises UsageError if one is missing, and for anything in `extra` that was not masked.
    """
    masked_names: set[str | int] = set()

    def restored(path: Path, text: str) -> str:
        if not is_masked(text):
            return text
        masked_names.add(path[0])
        value = _value_at(extra, path)
        if isinstance(value, str) and value:
            return value
        place = ".".join(map(str, path))
        hint = f"recordings contain no credentials: pass it again, as {place} in --extra-body"
        raise UsageError(f"{place} of the request is not recorded", hint)

    whole = tuple(
        _with_parameters(event, lambda parameters: change_credentials(parameters, restored))
        for event in events
    )
    if others := sorted(extra.keys() - masked_names):
        what = f"with --resume the recording sets --extra-body: {', '.join(others)}"
        raise UsageError(what, "leave it out")
    return whole


def _value_at(value: Any, path: Path) -> Any:
    for key in path:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return None
    return value
