"""What readers add to a message that is normalised: flags, findings, the file's own calls."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hermes_tui.model.diagnostics import Diagnostic
from hermes_tui.model.messages import changed, with_flags
from hermes_tui.parsers.normalise import Normalised


def flagged(parts: Normalised, *flags: str) -> Normalised:
    """Return a message with more flags."""
    return parts._replace(message=with_flags(parts.message, *flags)) if flags else parts


def with_findings(parts: Normalised, *found: Diagnostic) -> Normalised:
    """Return a message of which more was found."""
    return parts._replace(diagnostics=(*parts.diagnostics, *found))


def with_entries(parts: Normalised, entries: Iterable[Any]) -> Normalised:
    """Return a message whose calls hold what the file has of each, as far as `entries` go."""
    calls = tuple(
        (changed(call, raw=entry), found)
        for (call, found), entry in zip(parts.calls, entries, strict=False)
    )
    return parts._replace(calls=calls + parts.calls[len(calls) :])
