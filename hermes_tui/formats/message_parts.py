"""What readers add to a normalised message: flags, findings and the calls as the file has them."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Any

from hermes_tui.model.diagnostics import Code, Diagnostic
from hermes_tui.model.messages import ArgumentsState, Origin, ToolCall, changed, with_flags
from hermes_tui.parsers.normalise import Normalised


def flagged(parts: Normalised, *flags: str) -> Normalised:
    """Return a message with more flags."""
    return parts._replace(message=with_flags(parts.message, *flags)) if flags else parts


def with_findings(parts: Normalised, *found: Diagnostic) -> Normalised:
    """Return a message with more findings."""
    return parts._replace(diagnostics=(*parts.diagnostics, *found))


def with_entries(parts: Normalised, entries: Iterable[Any]) -> Normalised:
    """Return a message whose calls carry the file's entries as raw values, as far as `entries`
    go."""
    calls = tuple(
        (changed(call, raw=entry), found)
        for (call, found), entry in zip(parts.calls, entries, strict=False)
    )
    return parts._replace(calls=calls + parts.calls[len(calls) :])


def without_usual_findings(parts: Normalised, usual: Container[Code]) -> Normalised:
    """Return a message without those findings on it and its calls that are usual in its format."""
    calls = tuple(
        (call, tuple(one for one in found if one.code not in usual)) for call, found in parts.calls
    )
    own = tuple(found for found in parts.diagnostics if found.code not in usual)
    return parts._replace(calls=calls, diagnostics=own)


def with_flat_entries(parts: Normalised, entries: Iterable[Any]) -> Normalised:
    """Return a message whose calls are recorded as the flat objects in the file.

    They were read in the form of chat messages: how a file encodes arguments is not a finding.
    """
    parts = with_entries(parts, entries)
    calls = tuple((_as_flat(call), found) for call, found in parts.calls)
    return parts._replace(calls=calls)


def _as_flat(call: ToolCall) -> ToolCall:
    entry = call.raw
    if not isinstance(entry, dict) or isinstance(entry.get("function"), dict):
        return call
    state = call.arguments_state
    if state is ArgumentsState.JSON_STRING and isinstance(entry.get("arguments"), dict):
        state = ArgumentsState.OBJECT
    return changed(call, origin=Origin.FLAT_DICT, arguments_state=state)
