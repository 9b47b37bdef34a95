"""What the finish reason of a reply says about the reply, in the words of the usual APIs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from hermes_tui.model.diagnostics import Code, Diagnostic, Severity

STOPPED: Final = frozenset({"stop", "tool_calls", "end_turn", "tool_use", "STOP", "completed"})
"""The model came to an end by itself."""
CALLED: Final = frozenset({"tool_calls", "tool_use", "function_call"})
"""The reply holds calls."""
CUT: Final = frozenset(
    {"length", "max_tokens", "max_output_tokens", "MAX_TOKENS", "content_filter"}
)
"""The reply is not whole."""
_FILTERED: Final = "content_filter"


def belied(
    finish_reason: str, known: Iterable[Diagnostic], *, has_calls: bool
) -> Iterator[Diagnostic]:
    """Yield what is wrong with a reply by its finish reason and is not `known`.

    `has_calls`: whether a call was found anywhere in it.
    """
    codes = {found.code for found in known}
    if finish_reason in CUT and Code.TRUNCATED not in codes:
        yield Diagnostic(
            Code.TRUNCATED,
            Severity.ERROR,
            f"the reply was cut: finish_reason {finish_reason}",
            hint="" if finish_reason == _FILTERED else "raise max_tokens, or shorten the context",
        )
    if finish_reason in CALLED and not has_calls and Code.CALLED_EMPTY not in codes:
        yield calls_lost(finish_reason)


def calls_lost(finish_reason: str) -> Diagnostic:
    """Return that a reply is said to call and does not."""
    return Diagnostic(
        Code.CALLED_EMPTY,
        Severity.ERROR,
        f"finish_reason says {finish_reason}, but there is no call",
        hint="the server lost it: look at the raw completion (logprobs)",
    )
